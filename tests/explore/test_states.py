"""Every state has one shortest query, and what is no state is refused with the parameter that is to blame."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from minigrad.explore.state import LAYER, NUMBERS, OPERATIONS, PLACES, WORDS, BadState, most, parse, query
from minigrad.geometry import MODES


@st.composite
def queries(draw):
    op = draw(st.sampled_from(list(OPERATIONS)))
    axes = draw(st.sampled_from((1, 2)))
    parts = {"op": op, "axes": axes}
    for name in OPERATIONS[op]:
        if name == "axes" or draw(st.booleans()):
            continue
        if name == "p":
            number = st.integers(0, 16)
            parts[name] = draw(number.map(str) | st.sampled_from(MODES) | st.tuples(number, number).map(
                lambda pair: f"{pair[0]},{pair[1]}"))
        else:
            parts[name] = draw(st.sampled_from(WORDS[name]) if name in WORDS
                               else st.integers(NUMBERS[name][0], most(name, axes)))
    if draw(st.booleans()):
        layer = st.tuples(*[st.integers(*ends) for ends in LAYER.values()])
        layers = draw(st.lists(layer, min_size=1, max_size=6))
        parts["layers"] = "_".join(",".join(map(str, layer)) for layer in layers)
    if draw(st.booleans()):
        parts["hold"] = draw(st.sampled_from(("0,7", "2,11", "3,4,2")))
        parts["unit"] = draw(st.sampled_from(("0,0", "3,2")))
    if draw(st.booleans()):
        parts["step"] = draw(st.integers(0, 4095))
    return "&".join(f"{name}={value}" for name, value in parts.items()), parts


@settings(max_examples=200, deadline=None)
@given(queries())
def test_a_query_survives_the_round_trip(made):
    text, parts = made
    state = parse(text)
    assert parse(query(state)) == state
    for name, value in parts.items():
        if name in OPERATIONS[parts["op"]]:
            held = getattr(state.window, name)
            assert (",".join(map(str, held)) if isinstance(held, tuple) else str(held)) == str(value)


def test_defaults_are_not_written():
    assert query(parse("")) == query(parse("op=conv&i=5&n=19&layers=3_3,1,2_3,1,4")) == ""
    assert query(parse("op=max-pool&k=3")) == "op=max-pool&k=3"


def test_the_page_of_the_docs_lists_every_parameter():
    page = Path(__file__).parents[2].joinpath("docs", "explore.md").read_text(encoding="utf-8")
    listed = re.findall("`([a-z-]+)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.M)))
    taken = {name for takes in OPERATIONS.values() for name in takes}
    assert set(listed) == {"op", "layers", *NUMBERS, *WORDS, *PLACES, *taken}
    assert all(f"`{word}`" in page for word in (*OPERATIONS, *MODES, *sum(WORDS.values(), ())))


@pytest.mark.parametrize("text, parameter, says", [
    ("k=0", "k", "got '0', expected a whole number from 1 to 8"),
    ("k=9", "k", "from 1 to 8"), ("axes=1&k=17", "k", "from 1 to 16"), ("i=17", "i", "from 1 to 16"),
    ("i=-1", "i", "got '-1'"), ("i=1e3", "i", "got '1e3'"), ("i=nan", "i", "got 'nan'"), ("i=", "i", "got ''"),
    ("i=٣", "i", "expected a whole number"), ("i=5_0", "i", "whole"), ("i=%205", "i", "whole"), ("i=+5", "i", "whole"),
    ("i=" + "9" * 400, "i", "whole"), ("k=3&k=4", "k", "given once"), ("x=1", "x", "no such parameter"),
    ("op=fft", "op", "one of conv, "), ("op=upsample&k=3", "k", "upsample has axes, i, s, mode"),
    ("a=1", "a", "conv has"), ("view=matrix", "view", "conv has"), ("p=1,2,3", "p", "low,high"),
    ("p=17", "p", "0 to 16"),
    ("p=1,", "p", "low,high"), ("p=sam", "p", "valid, same"), ("axes=3", "axes", "1 to 2"),
    ("layers=3,1,1,0,5", "layers", "k,s,d,p"), ("layers=0", "layers: k", "1 to 16"), ("layers=", "layers: k", "got ''"),
    ("layers=3_3_3_3_3_3_3", "layers", "at most 6"), ("n=65", "n", "1 to 64"), ("step=5000", "step", "0 to 4095"),
    ("hold=4,1", "hold", "a cell as 0,7"), ("hold=0,1,2", "hold", "row"), ("hold=0", "hold", "cell"),
    ("unit=7,0", "unit", "layer 0 to 6"), ("hold=0,x", "hold", "cell"),
    ("entries=x", "entries", "names, numbers"), ("i", "query", "name=value"), ("i=%ff", "query", "name=value"),
    ("&".join(f"x{j}=1" for j in range(25)), "query", "at most 24"),
    ("op=transposed&mode=linear", "mode", "transposed"),
])
def test_what_is_no_state_is_refused(text, parameter, says):
    with pytest.raises(BadState) as refused:
        parse(text)
    assert refused.value.parameter == parameter
    assert str(refused.value).startswith(f"{parameter}: got ") and says in str(refused.value)
    assert len(str(refused.value)) < 200
