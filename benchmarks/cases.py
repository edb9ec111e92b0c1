"""What is measured: for every kernel of the table, a call of it and the naive loops that compute the same."""

from __future__ import annotations

from typing import Any

import naive
from case import DTYPES, Case, images, made, positive
from fused_cases import fused

import minigrad
from minigrad import reference
from minigrad.axismap import axis_map
from minigrad.geometry import Geometry
from minigrad.kernels import KERNELS
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params


def convolutions() -> list[Case]:
    """The three faces of convolution, on the image that a first model meets, and its geometries on small ones."""
    cases = []
    big = Geometry.of_conv("conv2d", (28, 28), (3, 3))
    x, w, g = images(8, 16, 28, 28), images(16, 16, 3, 3, seed=2), images(8, 16, 26, 26, seed=3)
    flops = 2.0 * 8 * 16 * 16 * 9 * 26 * 26
    label = "8x16x28x28, 16 of 3x3"
    cases.append(made(f"conv {label}", "conv", g.shape, "float32", [x, w], big.params, naive.conv2d, "conv",
                      flops=flops))
    cases.append(made(f"conv_transpose {label}", "conv_transpose", x.shape, "float32", [g, w], big.params,
                      lambda g, w: naive.conv2d_transpose(g, w, (28, 28)), "conv", flops=flops))
    cases.append(made(f"conv_weight {label}", "conv_weight", w.shape, "float32", [x, g], big.params,
                      lambda x, g: naive.conv2d_weight(x, g, (3, 3)), "conv", flops=flops))
    shapes: list[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
        ("1x4x12x12 3x3, stride 2", (1, 4, 12, 12), (4, 4, 3, 3), {"stride": 2, "padding": 1}),
        ("1x4x12x12 3x3, dilation 2", (1, 4, 12, 12), (4, 4, 3, 3), {"dilation": 2}),
        ("1x8x12x12 3x3, depthwise", (1, 8, 12, 12), (8, 1, 3, 3), {"groups": 8, "padding": 1}),
        ("1x8x64 k2, dilation 4", (1, 8, 64), (8, 8, 2), {"dilation": 4}),
        ("1x2x6x6x6 3x3x3", (1, 2, 6, 6, 6), (2, 2, 3, 3, 3), {"padding": 1}),
    ]
    for label, sx, sw, more in shapes:
        geometry = Geometry.of_conv("conv", sx[2:], sw[2:], **more)
        x, w = images(*sx), images(*sw, seed=2)
        g = images(sx[0], sw[0], *geometry.output, seed=3)
        flops = 2.0 * sx[0] * sw[0] * sw[1] * w[0, 0].numel() * g[0, 0].numel()
        for kernel, operands, shape in (("conv", [x, w], g.shape), ("conv_transpose", [g, w], x.shape),
                                        ("conv_weight", [x, g], w.shape)):
            def loops(a: Any, b: Any, kernel: str = kernel, geometry: Geometry = geometry) -> Any:
                return getattr(reference, kernel)(a, b, geometry=geometry)
            cases.append(made(f"{kernel} {label}", kernel, shape, "float32", operands, geometry.params, loops, "conv",
                              flops=flops))
    return cases


def pools() -> list[Case]:
    """Max and average pooling, and their transposes."""
    geometry = Geometry.of_pool("pool", (16, 16), (2, 2))
    params = geometry.pool_params(True, None)
    x, g = images(2, 4, 16, 16), images(2, 4, 8, 8, seed=2) * 4
    label = "2x4x16x16, 2x2"
    return [
        made(f"max_pool_index {label}", "max_pool_index", g.shape, "int64", [x], params,
             lambda x: reference.max_pool_index(x, geometry=geometry), "pool"),
        made(f"max_pool {label}", "max_pool", g.shape, "float32", [x, x], params,
             lambda t, x: reference.max_pool(t, x, geometry=geometry), "pool"),
        made(f"max_unpool {label}", "max_unpool", x.shape, "float32", [g, x], params,
             lambda g, x: reference.max_unpool(g, x, geometry=geometry), "pool"),
        made(f"avg_pool {label}", "avg_pool", g.shape, "float32", [x], params,
             lambda x: reference.avg_pool(x, geometry=geometry), "pool"),
        made(f"avg_unpool {label}", "avg_unpool", x.shape, "float32", [g], params,
             lambda g: reference.avg_unpool(g, geometry=geometry), "pool"),
    ]


def resamplings() -> list[Case]:
    """One axis enlarged twofold, linearly: the innermost one, where sums are gathered, and the one before it."""
    rows, x = axis_map("linear", 28, 56, 0.5, False), images(8, 16, 28, 28) * 4
    cases = []
    for axis, shape in ((3, (8, 16, 28, 56)), (2, (8, 16, 56, 28))):
        case = made(f"resample 8x16x28x28, axis {axis} to 56", "resample", shape, "float32", [x], None,
                    lambda x, axis=axis: reference.resample(x, axis=axis, rows=rows), "resample")
        arguments = (case.out, x.buffer, rows.starts, rows.index, rows.weights[DTYPES["float32"]], rows.params[axis])
        case.run = lambda arguments=arguments: KERNELS["resample"](*arguments)
        cases.append(case)
    return cases


def reductions() -> list[Case]:
    """Sums, extremes, positions and running sums along the rows of a matrix, and matrix products."""
    x = images(64, 128)
    cases = [made(f"{name} 64x128", name, (64, 1), "float32", [x], None,
                  lambda x, name=name: getattr(reference, name)(x, shape=(64, 1)), "reduce")
             for name in ("sum", "mean", "amax", "amin", "logsumexp")]
    cases += [made(f"{name} 64x128", name, (64, 1), "bool", [x > 2], None,
                   lambda x, name=name: getattr(reference, name)(x, shape=(64, 1)), "reduce")
              for name in ("any", "all")]
    cases += [made(f"{name} 64x128", name, (64, 1), "int64", [x], Params((1,)),
                   lambda x, name=name: getattr(reference, name)(x, axis=1), "reduce")
              for name in ("argmax", "argmin")]
    cases.append(made("cumsum 64x128", "cumsum", (64, 128), "float32", [x], Params((1, 0)),
                      lambda x: reference.cumsum(x, axis=1), "reduce"))
    for m, k, n in ((64, 64, 64), (32, 400, 120), (1, 400, 120)):
        cases.append(made(f"matmul {m}x{k} @ {k}x{n}", "matmul", (m, n), "float32",
                          [images(m, k), images(k, n, seed=2)], None, reference.matmul, "matmul",
                          flops=2.0 * m * k * n))
    return cases


def picks() -> list[Case]:
    """Gather, scatter and their relatives."""
    x = images(64, 64)
    index = minigrad.randint(0, 64, (64, 64), generator=minigrad.Generator().manual_seed(3))
    zero = [[0.0] * 64 for _ in range(64)]
    mask = x > 0
    count = int(mask.sum().item())
    order = minigrad.stack([minigrad.randperm(64) for _ in range(64)])
    cases = [
        made("gather 64x64", "gather", (64, 64), "float32", [x, index], Params((1,)),
             lambda x, i: reference.gather(x, i, axis=1), "index"),
        made("scatter_add 64x64", "scatter_add", (64, 64), "float32", [x, index], Params((1,)),
             lambda x, i: reference.scatter_add(x, i, axis=1, into=zero), "index", compare=False),
        made("scatter 64x64", "scatter", (64, 64), "float32", [x, order], Params((1,)),
             lambda x, i: reference.scatter(x, i, axis=1, into=zero), "index"),
        made("nonzero 64x64", "nonzero", (count, 2), "int64", [mask], None, reference.nonzero, "index"),
    ]
    memory = Buffer.empty((66,), 4)
    KERNELS["fill"](memory, Params((0,), (0.0,)))
    source = images(64, 3)
    positions = [[i + j for j in range(3)] for i in range(64)]
    rows = source.tolist()
    cases.append(Case("add_into 64 windows of 3", "add_into", memory,
                      lambda: KERNELS["add_into"](memory.windows(0, 3, 1), source.buffer),
                      lambda: reference.add_into(rows, into=[0.0] * 66, positions=positions), "index", compare=False))
    values, places, table = Buffer.empty((64, 64), 4), Buffer.empty((64, 64), 3), x.tolist()
    cases.append(Case("sort 64x64", "sort", values,
                      lambda: KERNELS["sort"](values, places, x.buffer, Params((1, 0))),
                      lambda: reference.sort(table, axis=1)[0], "index"))
    return cases


INTEGER = {"bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "bitwise_left_shift", "bitwise_right_shift"}
BOOL = {"isnan", "isinf", "isfinite", "logical_not", "logical_and", "logical_or", "logical_xor",
        "eq", "ne", "lt", "le", "gt", "ge"}
BINARY = {"add", "sub", "mul", "div", "pow", "maximum", "minimum", "floor_divide", "remainder", "fmod", "atan2",
          "logical_and", "logical_or", "logical_xor", "eq", "ne", "lt", "le", "gt", "ge", *INTEGER} - {"bitwise_not"}


def elementwise(others: set[str]) -> list[Case]:
    """Every kernel but the others, over 64x64 elements."""
    cases = []
    a, b = positive(64, 64), images(64, 64).abs() + 1
    whole = [images(64, 64).abs().long(), images(64, 64, seed=2).abs().long()]
    for name in sorted(KERNELS.keys() - others - {"where", "clamp", "fill", "arange"}):
        dtype = name.removeprefix("cast_") if name.startswith("cast_") else \
            "int64" if name in INTEGER else "bool" if name in BOOL else "float32"
        operands = (whole if name in INTEGER else [a, b])[:2 if name in BINARY else 1]
        if name == "acosh":
            operands = [b]
        cases.append(made(f"{name} 64x64", name, (64, 64), dtype, operands, None, getattr(reference, name),
                          "elementwise"))
    low, high = minigrad.full((64, 64), 0.4), minigrad.full((64, 64), 0.6)
    cases.append(made("where 64x64", "where", (64, 64), "float32", [a > 0.5, a, b], None, reference.where,
                      "elementwise"))
    cases.append(made("clamp 64x64", "clamp", (64, 64), "float32", [a, low, high], None, reference.clamp,
                      "elementwise"))
    cases.append(made("fill 4096", "fill", (4096,), "float32", [], Params((1,), (1.5,)),
                      lambda: reference.fill((4096,), 1.5), "elementwise"))
    cases.append(made("arange 4096", "arange", (4096,), "int64", [], Params((2, 3)),
                      lambda: reference.arange(4096, 2, 3), "elementwise"))
    return cases


def draws_and_steps() -> list[Case]:
    """Random numbers, and the optimisers' steps in place."""
    cases = []
    for name, dtype, ints in (("uniform", "float32", ()), ("normal", "float32", ()), ("randint", "int64", (0, 10))):
        loops = {"uniform": lambda: reference.uniform((4096,), 1, 0), "normal": lambda: reference.normal((4096,), 1, 0),
                 "randint": lambda: reference.randint((4096,), 1, 0, 0, 10)}[name]
        cases.append(made(f"{name} 4096", name, (4096,), dtype, [], Params((1, 0, *ints)), loops, "random"))
    cases.append(made("permutation 4096", "permutation", (4096,), "int64", [], Params((1, 0)),
                      lambda: reference.permutation(4096, 1, 0), "random"))
    p, g, m, v = (positive(4096) for _ in range(4))
    lists = [x.tolist() for x in (p, g, m, v)]
    sgd, adam = Params((0, 0, 0, 1), (0.1, 0.9, 0.0, 0.0)), Params((0, 0, 0), (1e-3, 0.9, 0.999, 1e-8, 0.0, 0.1, 0.001))
    cases.append(Case("sgd with momentum 4096", "sgd", p.buffer,
                      lambda: KERNELS["sgd"](p.buffer, g.buffer, m.buffer, sgd),
                      lambda: reference.sgd(lists[0], lists[1], lists[2], lr=0.1, momentum=0.9), "optim",
                      compare=False))
    cases.append(Case("adam 4096", "adam", p.buffer,
                      lambda: KERNELS["adam"](p.buffer, g.buffer, m.buffer, v.buffer, adam),
                      lambda: reference.adam(*lists, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, bias_correction1=0.1,
                                             bias_correction2=0.001), "optim", compare=False))
    rmsprop, adadelta = Params((1, 0, 0), (1e-2, 0.99, 0.01, 1e-8, 0.0, 0.0)), Params((0,), (1.0, 0.9, 1e-6, 0.0))
    cases.append(Case("rmsprop centred 4096", "rmsprop", p.buffer,
                      lambda: KERNELS["rmsprop"](p.buffer, g.buffer, v.buffer, m.buffer, rmsprop),
                      lambda: reference.rmsprop(lists[0], lists[1], lists[3], lists[2], lr=1e-2, keep=0.99, fresh=0.01,
                                                eps=1e-8), "optim", compare=False))
    cases.append(Case("adadelta 4096", "adadelta", p.buffer,
                      lambda: KERNELS["adadelta"](p.buffer, g.buffer, v.buffer, m.buffer, adadelta),
                      lambda: reference.adadelta(lists[0], lists[1], lists[3], lists[2], lr=1.0, rho=0.9, eps=1e-6),
                      "optim", compare=False))
    return cases


def all_cases() -> list[Case]:
    """Every row, window kernels first."""
    rows = [*convolutions(), *pools(), *resamplings(), *reductions(), *picks(), *draws_and_steps(), *fused()]
    return [*rows, *elementwise({row.kernel for row in rows})]
