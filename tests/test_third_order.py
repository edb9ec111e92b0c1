"""Third derivatives of everything that convolves or pools, by central differences of a second one.

f is contracted with fixed numbers to s = sum of c*f^3/3 + c*f, which has derivatives of every order; its second
derivative along two fixed directions, k(x) = u'H(x)v, is one number, and the gradient of k is the third derivative.
"""

import math
import random

import pytest

import minigrad
from minigrad.check import gradcheck
from minigrad.func import hvp
from minigrad.geometry import Geometry
from minigrad.nn import functional as F
from minigrad.op import OPS

SPATIAL = {1: (5,), 2: (3, 4), 3: (2, 3, 2)}
KERNEL = {1: (3,), 2: (2, 3), 3: (2, 2, 1)}


def numbers(shape, seed):
    """Distinct numbers at least 1/40 apart from each other and from 0, so that no maximum changes hands."""
    values = [(k + 0.5) / 20 - 1 for k in range(math.prod(shape))]
    random.Random(seed).shuffle(values)
    return minigrad.tensor(values, dtype=minigrad.float64).reshape(shape)


def third_order(function, *shapes):
    points = [numbers(shape, seed).requires_grad_() for seed, shape in enumerate(shapes)]
    u, v = ([numbers(shape, 10 * part + seed) for seed, shape in enumerate(shapes)] for part in (1, 2))

    def contracted(*xs):
        out = function(*xs)
        c = numbers(out.shape, 5)
        return (c * (out ** 3 / 3 + out)).sum()

    def second(*xs):
        with minigrad.enable_grad():
            found = hvp(contracted, xs, tuple(v))
        found = found if isinstance(found, tuple) else (found,)
        return sum((a * b).sum() for a, b in zip(found, u, strict=True))

    assert gradcheck(second, points, eps=1e-5, atol=1e-6, rtol=1e-5)
    third = minigrad.autograd.grad(second(*points), points)
    assert any(g.abs().amax().item() > 1e-3 for g in third)          # it is not the zero that it is compared with


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("how", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": "causal"},
                                 {"groups": 2, "padding": "same", "flip": True}], ids=str)
def test_convolution(ndim, how):
    groups = how.get("groups", 1)
    third_order(lambda x, w, b: getattr(F, f"conv{ndim}d")(x, w, b, **how),
                (1, 2, *SPATIAL[ndim]), (2, 2 // groups, *KERNEL[ndim]), (2,))


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("how", [{}, {"stride": 2, "padding": 1, "output_padding": 1},
                                 {"stride": 3, "output_padding": 2, "groups": 2},
                                 {"dilation": 2, "output_padding": 1}], ids=str)
def test_transposed_convolution(ndim, how):
    groups = how.get("groups", 1)
    third_order(lambda x, w, b: getattr(F, f"conv_transpose{ndim}d")(x, w, b, **how),
                (1, 2, *SPATIAL[ndim][:1], *(1, 2)[:ndim - 1]), (2, 2 // groups, *KERNEL[ndim]), (2,))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_gradient_of_the_weight(ndim):
    geometry = Geometry.of_conv("c", SPATIAL[ndim], KERNEL[ndim], 2, 1)
    third_order(lambda x, g: OPS["conv_weight"](x, g, geometry=geometry),
                (1, 2, *SPATIAL[ndim]), (1, 1, *geometry.output))


POOLS = {
    "max": lambda n: lambda x: getattr(F, f"max_pool{n}d")(x, 2, 1, 1, ceil_mode=True),
    "average": lambda n: lambda x: getattr(F, f"avg_pool{n}d")(x, 2, 2, 1, True, False),
    "power 2": lambda n: lambda x: getattr(F, f"lp_pool{n}d")(x, 2, 2, 1, dilation=1),
    "power 3": lambda n: lambda x: getattr(F, f"lp_pool{n}d")(x * x + 0.1, 3, 2, 2, padding=1),
    "power inf": lambda n: lambda x: getattr(F, f"lp_pool{n}d")(x, math.inf, 2, 1),
    "features": lambda n: lambda x: F.lp_pool_features(x, 2, 2),
    "adaptive max": lambda n: lambda x: getattr(F, f"adaptive_max_pool{n}d")(x, 2),
    "adaptive average": lambda n: lambda x: getattr(F, f"adaptive_avg_pool{n}d")(x, 2),
    "global max": lambda n: F.global_max_pool,
    "global average": lambda n: F.global_avg_pool,
    "max unpool": lambda n: lambda x: getattr(F, f"max_unpool{n}d")(
        *getattr(F, f"max_pool{n}d")(x, 2, 1, return_indices=True), 2, 1),
    "average unpool": lambda n: lambda x: F.avg_unpool(x, 2, 1),
    "nearest unpool": lambda n: lambda x: F.nearest_unpool(x, 2),
    "nails unpool": lambda n: lambda x: F.nails_unpool(x, 2),
    "unfold": lambda n: lambda x: F.unfold(x, 2),
    "fold": lambda n: lambda x: F.fold(F.unfold(x, 2), SPATIAL[n], 2),
    "interpolate": lambda n: lambda x: F.interpolate(
        x, scale_factor=1.5, mode=("linear", "bilinear", "trilinear")[n - 1]),
}


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("name", POOLS)
def test_pools(name, ndim):
    third_order(POOLS[name](ndim), (1, 2, *SPATIAL[ndim]))
