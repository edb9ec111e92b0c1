"""Each relationship against the engine, over all geometries up to size 12.

A formula may be right by chance outside of its conditions: o = (i - k) + 1 for i = k, whatever the stride.  So what is
shown is that it is right for every input size exactly when the conditions are met.
"""

import functools
import itertools
import re

import pytest

from minigrad.arithmetic import (
    RELATIONSHIPS,
    conv_output_size,
    conv_transpose_output_size,
    explain,
    pool_output_size,
)

UP_TO = 12
SIZES = range(1, UP_TO + 1)
INPUTS = range(1, 3 * UP_TO)        # long enough that no stride up to 12 takes all of them to one output

ENGINE = {
    "conv": lambda i, k, s, p, a: conv_output_size(i, k, s, p) if i + 2 * p >= k and a == 0 else None,
    "pool": lambda i, k, s, p, a: pool_output_size(i, k, s, p) if i + 2 * p >= k and a == 0 else None,
    "conv_transpose": lambda i, k, s, p, a:
        conv_transpose_output_size(i, k, s, p, a=a) if s * (i - 1) + a + k - 2 * p >= 1 else None,
}


@functools.cache
def engine_sizes(op):
    """(k, s, p, a) up to 12, of the transposed all a below s -> [(i, output size)] of all inputs that have one."""
    back = op == "conv_transpose"
    found = {}
    for k, s, p in itertools.product(SIZES, SIZES, range(UP_TO + 1)):
        for a in range(s if back else 1):
            sizes = [(i, ENGINE[op](i, k, s, p, a)) for i in (SIZES if back else INPUTS)]
            found[k, s, p, a] = [(i, size) for i, size in sizes if size is not None]
    return {geometry: sizes for geometry, sizes in found.items() if sizes}


@pytest.mark.parametrize("number", RELATIONSHIPS)
def test_true_exactly_where_its_conditions_hold(number):
    relationship = RELATIONSHIPS[number]
    met = 0
    for (k, s, p, a), sizes in engine_sizes(relationship.op).items():
        holds = {relationship.holds(i, k, s, p, a) for i, _ in sizes}
        assert len(holds) == 1, "conditions are about k, s, p and a alone"
        right = all(relationship.formula(i, k, s, p, a) == size for i, size in sizes)
        if number == 12 and a == 2 * p > 0:     # both in error by as much: the rows left over are the padding
            assert right and holds == {False}
            continue
        assert holds == {right}, (number, k, s, p, a)
        met += right
        if right:
            assert all(relationship.output_size(i, k, s, p, a) == size for i, size in sizes)
    assert met >= SIZES[-1] // 2


def test_what_the_text_says_of_the_convolution_behind():
    """a = (i + 2p - k) mod s, and "a multiple of s" is a = 0: 12-14 give back the i of the convolution, 13 not else."""
    for i, k, s, p in itertools.product(SIZES, SIZES, SIZES, range(UP_TO + 1)):
        if i + 2 * p < k:
            continue
        a, output = (i + 2 * p - k) % s, (i + 2 * p - k) // s + 1
        assert RELATIONSHIPS[14].output_size(output, k, s, p, a) == i
        assert RELATIONSHIPS[13].holds(output, k, s, p, a) == (a == 0)
        assert RELATIONSHIPS[13].formula(output, k, s, p, a) == i - a


def test_as_printed_they_are_wrong():
    """With the stretched size in place of i', as often printed, Relationship 13 gives 9 for the 5 of its own figure."""
    i, k, s, p = 3, 3, 2, 1
    stretched = s * (i - 1) + 1
    assert RELATIONSHIPS[13].output_size(i, k, s, p) == 5
    assert s * (stretched - 1) + k - 2 * p == 9


# (relationship, its op, i, k, s, p, a) -> output: the figures of the guide.
FIGURES = [
    (1, "conv", 4, 3, 1, 0, 0, 2), (2, "conv", 5, 4, 1, 2, 0, 6), (3, "conv", 5, 3, 1, 1, 0, 5),
    (4, "conv", 5, 3, 1, 2, 0, 7), (5, "conv", 5, 3, 2, 0, 0, 2), (6, "conv", 5, 3, 2, 1, 0, 3),
    (6, "conv", 6, 3, 2, 1, 0, 3), (7, "pool", 5, 3, 1, 0, 0, 3),
    (8, "conv_transpose", 2, 3, 1, 0, 0, 4), (9, "conv_transpose", 6, 4, 1, 2, 0, 5),
    (10, "conv_transpose", 5, 3, 1, 1, 0, 5), (11, "conv_transpose", 7, 3, 1, 2, 0, 5),
    (12, "conv_transpose", 2, 3, 2, 0, 0, 5), (13, "conv_transpose", 3, 3, 2, 1, 0, 5),
    (14, "conv_transpose", 3, 3, 2, 1, 1, 6),
]


@pytest.mark.parametrize("number, op, i, k, s, p, a, output", FIGURES)
def test_figures_of_the_guide(number, op, i, k, s, p, a, output):
    found = explain(i, k, s, p, a=a, op=op)
    assert found.relationship is RELATIONSHIPS[number]
    assert found.output_size == RELATIONSHIPS[number].output_size(i, k, s, p, a) == output
    assert str(found).splitlines()[-1] == str(RELATIONSHIPS[number])


def test_explained_sizes_are_the_engines():
    """The last number of the derivation, for all small cases; every sum in it is right."""
    for op, k, s, p, a, d in itertools.product(ENGINE, (1, 2, 3), (1, 2, 3), range(4), (0, 1, 2), (1, 2)):
        for i in range(1, 7):
            span = d * (k - 1) + 1
            if a >= (s if op == "conv_transpose" else 1) or ENGINE[op](i, span, s, p, a) is None:
                continue
            found = explain(i, k, s, p, d, a, op)
            assert found.output_size == ENGINE[op](i, span, s, p, a)
            assert found.relationship is None or found.relationship.output_size(i, span, s, p, a) == found.output_size
            assert found.relationship is not None or (op == "pool" and p)
            claims = re.findall(r"([(\d][-+*()\d ]*|floor\([^=]*) = (-?\d+)", str(found))
            assert len(claims) >= 4
            for sum_of, result in claims:
                assert eval(sum_of.replace("floor", "").replace("/", "//")) == int(result), sum_of


def test_refusals():
    with pytest.raises(ValueError, match=r"relationship 3: geometry: got i = 5, k = 4, s = 1, p = 2, a = 0, expected k "
                                         r"odd, s = 1, p = floor\(k/2\), and an output"):
        RELATIONSHIPS[3].output_size(5, 4, p=2)
    assert not RELATIONSHIPS[14].holds(3, 3, 2, 0, 2) and not RELATIONSHIPS[11].holds(2, 3, p=2)
    with pytest.raises(TypeError, match=r"relationship 6: p: got \(1, 1\), expected an int"):
        RELATIONSHIPS[6].holds(5, 3, p=(1, 1))
    with pytest.raises(ValueError, match="explain: a: got 1, expected 0 for op 'conv'"):
        explain(5, 3, a=1)
    with pytest.raises(ValueError, match="explain: op: got 'deconv'"):
        explain(5, 3, op="deconv")
    with pytest.raises(ValueError, match=r"explain: kernel 6 .* floor\(\(5 - 6\)/1\) \+ 1 = 0 positions"):
        explain(5, 6)
