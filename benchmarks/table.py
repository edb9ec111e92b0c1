"""The rows that `python -m benchmarks` measures: calls written once for all libraries, but for what is spelled apart.

`m` is the library and `F` its nn.functional (benchmarks/with_numpy.py and naive.py for the others); operands are made
of the shapes named, the ones under `given` are not differentiated.  A multiply-add counts as two operations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

BATCHES = (1, 8, 32, 128)


@dataclass
class Row:
    group: str
    name: str
    call: str
    operands: dict[str, tuple[int, ...]]
    given: dict[str, str] = field(default_factory=dict)     # name -> expression
    flops: float = 0.0                                      # of the call alone
    inference: bool = False                                 # measure the call alone too
    spelled: dict[str, str] = field(default_factory=dict)   # library -> its call where it differs


def convolution(name: str, n: int, c: int, size: tuple[int, ...], k: int, taps: tuple[int, ...], group: str = "conv",
                transposed: bool = False, **options: Any) -> Row:
    """A convolution with bias; `flops` counts each tap of each output, padding included."""
    ndim, groups = len(size), options.get("groups", 1)
    axes = {key: (options.get(key, default),) * ndim for key, default in (("stride", 1), ("padding", 0),
                                                                         ("dilation", 1))}
    windows = size if transposed else tuple(
        (i + 2 * p - d * (t - 1) - 1) // s + 1
        for i, t, s, p, d in zip(size, taps, axes["stride"], axes["padding"], axes["dilation"], strict=True))
    w = (c, k // groups, *taps) if transposed else (k, c // groups, *taps)
    text = "".join(f", {key}={value}" for key, value in options.items())
    function = f"conv_transpose{ndim}d" if transposed else f"conv{ndim}d"
    return Row(group, name, f"F.{function}(x, w, b{text})", {"x": (n, c, *size), "w": w, "b": (k,)},
               flops=2.0 * n * c * k // groups * prod(taps) * prod(windows), inference=True)


def convolutions() -> Iterator[Row]:
    for n in BATCHES:
        yield convolution(f"LeNet 1: {n}x1x28x28, 6 of 5x5", n, 1, (28, 28), 6, (5, 5), padding=2)
        yield convolution(f"LeNet 2: {n}x6x14x14, 16 of 5x5", n, 6, (14, 14), 16, (5, 5))
        yield convolution(f"small: {n}x16x8x8, 32 of 3x3", n, 16, (8, 8), 32, (3, 3), padding=1)
        yield convolution(f"middle: {n}x16x28x28, 16 of 3x3", n, 16, (28, 28), 16, (3, 3))
    yield convolution("colour: 8x3x32x32, 16 of 3x3", 8, 3, (32, 32), 16, (3, 3), padding=1)
    yield convolution("strided: 8x16x28x28, 32 of 3x3, stride 2", 8, 16, (28, 28), 32, (3, 3), stride=2, padding=1)
    yield convolution("1x1: 8x32x14x14, 64", 8, 32, (14, 14), 64, (1, 1))
    yield convolution("grouped: 8x32x14x14, 32 of 3x3, 4 groups", 8, 32, (14, 14), 32, (3, 3), groups=4, padding=1)
    yield convolution("large: 16x64x32x32, 64 of 3x3", 16, 64, (32, 32), 64, (3, 3), padding=1)
    yield convolution("large: 8x128x16x16, 128 of 3x3", 8, 128, (16, 16), 128, (3, 3), padding=1)
    yield convolution("large: 4x256x14x14, 256 of 3x3", 4, 256, (14, 14), 256, (3, 3), padding=1)
    yield convolution("large: 1x64x32x32, 64 of 3x3", 1, 64, (32, 32), 64, (3, 3), padding=1)
    yield convolution("large 1x1: 8x256x14x14, 64", 8, 256, (14, 14), 64, (1, 1))
    yield convolution("large, strided: 8x64x32x32, 128 of 3x3, stride 2", 8, 64, (32, 32), 128, (3, 3), stride=2,
                      padding=1)
    yield convolution("1-d: 8x16x256, 16 of 3", 8, 16, (256,), 16, (3,), padding=1)
    yield convolution("3-d: 2x4x12x12x12, 8 of 3x3x3", 2, 4, (12, 12, 12), 8, (3, 3, 3), padding=1)
    for d in (2, 4):
        yield convolution(f"dilated {d}: 8x16x28x28, 16 of 3x3", 8, 16, (28, 28), 16, (3, 3), "dilated", dilation=d)
    yield convolution("dilated 8, 1-d: 8x16x512, 16 of 2", 8, 16, (512,), 16, (2,), "dilated", dilation=8)
    for n in (1, 8, 32):
        yield convolution(f"{n}x32x14x14, 3x3 per channel", n, 32, (14, 14), 32, (3, 3), "depthwise", groups=32,
                          padding=1)
        yield convolution(f"{n}x16x7x7, 8 of 3x3, stride 2", n, 16, (7, 7), 8, (3, 3), "transposed", True, stride=2,
                          padding=1, output_padding=1)
    yield convolution("8x16x14x14, 8 of 4x4, stride 2", 8, 16, (14, 14), 8, (4, 4), "transposed", True, stride=2,
                      padding=1)
    yield convolution("8x16x28x28, 16 of 3x3", 8, 16, (28, 28), 16, (3, 3), "transposed", True)


def pools() -> Iterator[Row]:
    for n in BATCHES:
        for name, call in (("max 2x2", "max_pool2d(x, 2)"), ("average 2x2", "avg_pool2d(x, 2)")):
            yield Row("pooling", f"{name}: {n}x16x24x24", f"F.{call}", {"x": (n, 16, 24, 24)}, inference=True)
        for name, shape in (("LeNet 1", (n, 6, 28, 28)), ("LeNet 2", (n, 16, 10, 10)), ("small", (n, 32, 8, 8))):
            size = "x".join(map(str, shape))
            yield Row("pooling", f"{name}, max 2x2: {size}", "F.max_pool2d(x, 2)", {"x": shape}, inference=True)
    x = {"x": (8, 16, 24, 24)}
    for name, call in (("max 3x3, stride 2", "max_pool2d(x, 3, 2, 1)"), ("L2 2x2", "lp_pool2d(x, 2, 2)"),
                       ("average 3x3, stride 1", "avg_pool2d(x, 3, 1, 1)"),
                       ("adaptive average to 5", "adaptive_avg_pool2d(x, 5)"),
                       ("adaptive max to 5", "adaptive_max_pool2d(x, 5)"),
                       ("global average", "adaptive_avg_pool2d(x, 1)"),
                       ("nearest x2", "interpolate(x, scale_factor=2)"),
                       ("bilinear x2", "interpolate(x, scale_factor=2, mode='bilinear')")):
        yield Row("pooling", f"{name}: 8x16x24x24", f"F.{call}", x, inference=True)


def others() -> Iterator[Row]:
    for n in BATCHES:
        yield Row("dense", f"linear {n}x400 to 120", "F.linear(x, w, b)", {"x": (n, 400), "w": (120, 400), "b": (120,)},
                  flops=2.0 * n * 400 * 120, inference=True)
    columns = "[[sum(map(mul, row, column)) for column in zip(*w)] for row in x]"
    for size in (64, 256, 512):
        yield Row("dense", f"matmul {size}", "x @ w", {"x": (size, size), "w": (size, size)}, flops=2.0 * size**3,
                  inference=True, spelled={"naive loops": columns})
    for size in (64, 4096, 262144):
        for name, loop in (("relu", "v if v > 0 else 0.0"), ("tanh", "math.tanh(v)"),
                           ("sigmoid", "1 / (1 + math.exp(-v))"), ("exp", "math.exp(v)"),
                           ("log", "math.log(v * v + 0.5)"), ("sqrt", "math.sqrt(v * v + 0.5)")):
            x = "x * x + 0.5" if name in ("log", "sqrt") else "x"
            spelled = {"NumPy": f"{'F' if name in ('relu', 'sigmoid') else 'm'}.{name}({x})",
                       "naive loops": f"[{loop} for v in x]"}
            yield Row("elementwise", f"{name} of {size:,}", f"({x}).{name}()", {"x": (size,)}, inference=True,
                      spelled=spelled)
        yield Row("elementwise", f"x*y + x of {size:,}", "x * y + x", {"x": (size,), "y": (size,)}, inference=True,
                  spelled={"naive loops": "[v * u + v for v, u in zip(x, y)]"})
        yield Row("elementwise", f"GELU of {size:,}", "F.gelu(x)", {"x": (size,)}, inference=True)
    image = {"x": (32, 16, 14, 14)}
    for name, call, array in (("sum of all", "x.sum()", "x.sum()"),
                              ("mean over pixels", "x.mean((2, 3))", "x.mean((2, 3))"),
                              ("max over channels", "x.amax(1)", "x.max(1)"),
                              ("variance over channels", "x.var(1)", "x.var(1, ddof=1)")):
        yield Row("reductions", f"{name}: 32x16x14x14", call, image, inference=True, spelled={"NumPy": array})
    affine = {"w": (16,), "b": (16,)}
    for name, call in (("batch norm", "F.batch_norm(x, None, None, w, b, True)"),
                       ("group norm", "F.group_norm(x, 4, w, b)"),
                       ("instance norm", "F.instance_norm(x, weight=w, bias=b)")):
        yield Row("normalisation", f"{name}: 32x16x14x14", call, image | affine, inference=True)
    yield Row("normalisation", "layer norm: 32x256", "F.layer_norm(x, (256,), w, b)",
              {"x": (32, 256), "w": (256,), "b": (256,)}, inference=True)
    for n in (8, 128):
        labels = {"t": f"m.arange({n}) % 10"}
        yield Row("losses", f"softmax {n}x10", "F.softmax(x, 1)", {"x": (n, 10)}, inference=True)
        yield Row("losses", f"cross entropy {n}x10", "F.cross_entropy(x, t)", {"x": (n, 10)}, labels, inference=True)
        yield Row("losses", f"MSE {n}x100", "F.mse_loss(x, y)", {"x": (n, 100), "y": (n, 100)}, inference=True)


def rows() -> list[Row]:
    return [*convolutions(), *pools(), *others()]
