"""Rows of kernels that do in one pass what is composed of several: activations, softmax, losses, normalisation."""

from __future__ import annotations

from typing import Any

from case import Case, images, made, positive

import minigrad
from minigrad import reference
from minigrad.groups import Groups
from minigrad.kernels import KERNELS
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params

# What each activation reads beside its operand; its derivative, NAME_pull, reads the same.
ACTIVATIONS: dict[str, tuple[float, ...]] = {
    "relu": (), "tanh": (), "sigmoid": (), "hardswish": (), "silu": (), "mish": (), "gelu": (), "gelu_tanh": (),
    "hardtanh": (0.3, 0.6), "leaky_relu": (0.01,), "elu": (1.0, 1.0), "softplus": (20.0,)}
SIZE = (64, 64)


def activations() -> list[Case]:
    """Activations and their derivatives."""
    x, g = positive(*SIZE), images(*SIZE)
    cases = []
    for activation, numbers in ACTIVATIONS.items():
        for name, operands in ((activation, [x]), (f"{activation}_pull", [g, x])):
            def loops(*lists: Any, name: str = name, numbers: tuple[float, ...] = numbers) -> Any:
                return getattr(reference, name)(*lists, *numbers)
            params = Params((), numbers) if numbers else None
            cases.append(made(f"{name} 64x64", name, SIZE, "float32", operands, params, loops, "elementwise"))
    return cases


def along_rows() -> list[Case]:
    """The softmax and its logarithm along rows, their derivatives, a dense layer."""
    x, g = positive(*SIZE), images(*SIZE)
    cases = []
    for name, operands in (("softmax", [x]), ("log_softmax", [x]), ("softmax_pull", [g, x]),
                           ("log_softmax_pull", [g, x])):
        def loops(*lists: Any, name: str = name) -> Any:
            return getattr(reference, name)(*lists, axis=1)
        cases.append(made(f"{name} 64x64", name, SIZE, "float32", operands, Params((1,)), loops, "softmax"))
    a, w, b = images(64, 64), images(32, 64, seed=2), images(32, seed=3)
    cases.append(made("linear 64x64, 32 outputs", "linear", (64, 32), "float32", [a, w, b], None, reference.linear,
                      "matmul", flops=2.0 * 64 * 64 * 32))
    return cases


def losses() -> list[Case]:
    """The mean squared error, the cross entropy of 64 classes, and their derivatives."""
    x, y, g, one = positive(*SIZE), images(*SIZE), images(*SIZE, seed=2), minigrad.tensor(1.0)
    t = minigrad.arange(64)
    how: dict[str, Any] = {"axis": 1, "logs": False, "ignored": -100}
    square: dict[str, Any] = {"which": "square", "scale": 1.0, "delta": 1.0}
    return [
        made("loss, squares 64x64", "loss", (), "float32", [x, y], Params((0,), (1 / 4096, 1.0)),
             lambda x, y: reference.loss(x, y, reduction="mean", **square), "loss"),
        made("loss_pull, squares 64x64", "loss_pull", SIZE, "float32", [g, x, y], Params((0, 0), (1.0, 1.0)),
             lambda g, x, y: reference.loss_pull(g, x, y, slot=0, **square), "loss"),
        made("class_loss 64x64", "class_loss", (), "float32", [x, t], Params((1, 0, 1, -100)),
             lambda x, t: reference.class_loss(x, t, reduction="mean", **how), "loss"),
        made("class_loss_pull 64x64", "class_loss_pull", SIZE, "float32", [one, x, t], Params((1, 0, 1, -100)),
             lambda g, x, t: reference.class_loss_pull(g, x, t, mean=True, **how), "loss"),
    ]


def norms() -> list[Case]:
    """Batch normalisation of 8 images of 8 channels and 64 pixels, its derivative and its running moments."""
    x, g, w, b = positive(8, 8, 64), images(8, 8, 64), positive(8), images(8)
    groups, numbers = Groups(8, 64, 8, True, 1e-5), Params((8, 64, 8, True), (1e-5, 0.1))
    moments = [minigrad.zeros(8), minigrad.ones(8)]
    lists = [each.tolist() for each in (g, x, w, b, *moments)]
    pulled, out = [Buffer.empty(each.shape, 4) for each in (x, w, b)], Buffer.empty(x.shape, 4)
    moved = [each.buffer for each in moments]
    tracking = Params((8, 64, 8, True), (0.1,))
    label = "8x8x64"
    return [
        made(f"normalize {label}", "normalize", x.shape, "float32", [x, w, b], groups.params,
             lambda x, w, b: reference.normalize(x, w, b, groups=groups), "norm"),
        Case(f"normalize_pull {label}", "normalize_pull", pulled[0],
             lambda: KERNELS["normalize_pull"](*pulled, g.buffer, x.buffer, w.buffer, groups.params),
             lambda: reference.normalize_pull(lists[0], lists[1], lists[2], groups=groups)[0], "norm"),
        Case(f"normalize_tracking {label}", "normalize_tracking", out,
             lambda: KERNELS["normalize_tracking"](out, x.buffer, w.buffer, b.buffer, *moved, numbers),
             lambda: reference.normalize_tracking(*lists[1:], groups=groups, momentum=0.1)[0], "norm"),
        Case(f"track_moments {label}", "track_moments", moved[0],
             lambda: KERNELS["track_moments"](*moved, x.buffer, tracking),
             lambda: reference.track_moments(lists[4], lists[5], lists[1], positions=64, across=True, momentum=0.1),
             "norm", compare=False),
    ]


def fused() -> list[Case]:
    """All of them, and the mask of dropout."""
    mask = made("mask 4096", "mask", (4096,), "float32", [], Params((1, 0), (0.5, 2.0)),
                lambda: reference.mask((4096,), 1, 0), "random")
    return [*activations(), *along_rows(), *losses(), *norms(), mask]
