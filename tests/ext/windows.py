"""Random sliding windows for the tests of convolutions and pools."""

import random

from hypothesis import assume, strategies as st

from minigrad.geometry import Geometry

LARGEST = {1: 24, 2: 9, 3: 5}


@st.composite
def conv_geometries(draw, max_groups=3):
    """Every geometry a convolution may have, padding wider than the input and even kernels included."""
    ndim = draw(st.integers(1, 3))

    def sizes(low, high):
        return tuple(draw(st.lists(st.integers(low, high), min_size=ndim, max_size=ndim)))

    try:
        return Geometry.of_conv("conv", sizes(1, LARGEST[ndim]), sizes(1, 4), sizes(1, 3),
                                tuple(zip(sizes(0, 5), sizes(0, 5), strict=True)), sizes(1, 3),
                                draw(st.integers(1, max_groups)))
    except ValueError:
        assume(False)


@st.composite
def pool_geometries(draw):
    ndim = draw(st.integers(1, 3))

    def sizes(low, high):
        return tuple(draw(st.lists(st.integers(low, high), min_size=ndim, max_size=ndim)))

    if draw(st.integers(0, 3)) == 0:
        return Geometry.of_regions("pool", sizes(1, LARGEST[ndim]), sizes(0, 7))
    try:
        return Geometry.of_pool("pool", sizes(1, LARGEST[ndim]), sizes(1, 4), sizes(1, 3),
                                tuple(zip(sizes(0, 4), sizes(0, 4), strict=True)), sizes(1, 3), draw(st.booleans()))
    except ValueError:
        assume(False)


def integers(shape, seed, low=-3, high=3):
    """A nested list of small integers: sums of their products are exact in float32."""
    source = random.Random(seed)

    def build(axis):
        if axis == len(shape):
            return source.randint(low, high)
        return [build(axis + 1) for _ in range(shape[axis])]

    return build(0)


def inner(a, b):
    """<a, b>, exactly, of two Buffers that hold integers."""
    from minigrad.reference.nested import flat
    return sum(int(p) * int(q) for p, q in zip(flat(a.tolist()), flat(b.tolist()), strict=True))
