"""Any configuration is drawn: nothing leaves the picture, no texts lie on each other, the numbers are the engine's."""

import itertools

from hypothesis import assume, given, settings, strategies as st
from svg_shapes import inside, overlapping, shapes

import minigrad
from minigrad.draw import conv_steps, pool_steps, transpose_steps, unpool_steps, upsample_steps
from minigrad.nn import functional as F

SIZES = st.one_of(st.tuples(st.integers(1, 7)), st.tuples(st.integers(1, 7), st.integers(1, 7)))


def per_axis(axes, low, high):
    return st.one_of(st.integers(low, high), st.tuples(*[st.integers(low, high)] * axes))


def padding(axes):
    pair = st.tuples(st.integers(0, 3), st.integers(0, 3))
    return st.one_of(per_axis(axes, 0, 2), st.sampled_from(["valid", "same", "causal", "full"]),
                     st.tuples(*[pair] * axes))


def numbers(size):
    """Some with signs and fractions, as long as cells have to hold."""
    count = 1
    for n in size:
        count *= n
    return ((minigrad.arange(float(count)) * 7 + 3) % 11 - 3).reshape(1, 1, *size) * 1.5


def call(name, axes):
    return getattr(F, f"{name}{axes}d")


@given(size=SIZES, kind=st.sampled_from(["conv", "pool", "transposed", "unpool", "upsample"]), data=st.data())
@settings(max_examples=80, deadline=None)
def test_any_configuration(size, kind, data):
    axes, x = len(size), numbers(size)
    k = data.draw(per_axis(axes, 1, 4))
    how = {"stride": data.draw(per_axis(axes, 1, 3)), "padding": data.draw(padding(axes)),
           "dilation": data.draw(per_axis(axes, 1, 2))}
    w = numbers((k,) * axes if isinstance(k, int) else k)
    which = data.draw(st.sampled_from(["max", "avg"]))
    view = data.draw(st.sampled_from(["matrix", "scatter", "stretched"]))
    try:
        y = {"conv": lambda: call("conv", axes)(x, w, **how), "pool": lambda: call(f"{which}_pool", axes)(x, k, **how),
             "transposed": lambda: call("conv_transpose", axes)(x, w, **how),
             "unpool": lambda: F.avg_unpool(call(f"{which}_pool", axes)(x, k, **how), k, **how, output_size=size),
             "upsample": lambda: F.interpolate(x, scale_factor=2.0)}[kind]()
    except ValueError:
        assume(False)       # what the engine refuses is no configuration; all else is drawn
    if kind == "conv":
        steps = conv_steps(size, k, **how, numbers=True, x=x, w=w)
    elif kind == "transposed":
        steps = transpose_steps(size, k, **how, view=view, numbers=True, x=x, w=w)
    elif kind == "upsample":
        steps = upsample_steps(size, 2, numbers=True, x=x)
    else:
        steps = (pool_steps if kind == "pool" else unpool_steps)(which, size, k, **how, numbers=True, x=x)
    if (kind, which) != ("unpool", "max"):
        shown = [word for words, kinds in zip(steps.target.words, steps.target.kinds, strict=True)
                 for word, kind in zip(words, kinds, strict=True) if kind == "cell"]
        assert [float(word.replace("\u2212", "-")) for word in shown] == [
            float(f"{value:.3g}") for value in y.flatten().tolist()]
    for sheet in (steps.animation(), steps.strip(4)):
        picture, still, moments = shapes(sheet.svg())
        assert all(inside(box, picture) for box in itertools.chain(still, *moments))
        assert overlapping(still) == [] and all(overlapping([*still, *moment]) == [] for moment in moments)
