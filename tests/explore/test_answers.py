"""What the page shows is what the definitions give: boards, windows, matrices and loops against plain Python."""

import itertools
import json

import pytest

from minigrad import arithmetic, reference
from minigrad.draw.steps import number
from minigrad.explore import answers, trace
from minigrad.explore.operation import operation
from minigrad.explore.state import OPERATIONS, BadState, parse
from minigrad.geometry import Geometry
from minigrad.reference.nested import flat

SIZES = ["", "s=2&p=1", "k=2&s=2", "k=3&p=0,2&d=2&i=5", "i=6&k=3&s=3&p=same", "p=full&i=4"]
CHANNELS = ["", "c=2&f=3", "c=2&f=4&g=2"]


def states():
    for op, axes in itertools.product(OPERATIONS, (1, 2)):
        if op == "upsample":
            yield from (f"op=upsample&axes={axes}&i=4&s=3&mode={mode}" for mode in ("nearest", "linear"))
            continue
        channels = CHANNELS if op in ("conv", "transposed") else [""]
        views = ["", "&view=scatter", "&view=matrix"] if op == "transposed" else [""]
        for sizes, maps, view in itertools.product(SIZES, channels, views):
            if "pool" in op and sizes == "p=full&i=4":
                continue                            # a window of such a pool holds nothing but padding
            if (maps or view) and sizes not in SIZES[1:4]:
                continue
            yield "&".join(filter(None, (f"op={op}&axes={axes}", sizes, maps))) + view


@pytest.mark.parametrize("text", list(states()))
def test_the_loop_gives_the_engines_numbers_and_stops_where_the_animation_does(text):
    window = parse(text).window
    made = operation(window)
    run = trace.run(made, window)
    shown = [value for value, kind in zip(flat(made.target.values.tolist()), answers.kinds(made.target), strict=True)
             if kind == "cell"]
    assert flat(run.result) == pytest.approx(shown, rel=1e-12)
    assert len(run.steps) == len(made.links) == len(answers.steps(made, window))
    if not made.scatters:       # each step ends with the number that stands in its cell
        for j, events in enumerate(run.steps):
            held = [event.values for event in events if run.program.text.splitlines()[event.line].strip()[:2] == "y["]
            total = held[-1].get("total", held[-1].get("best")) if held else None
            if total is not None and window.op != "avg-pool":
                assert total == pytest.approx(flat(made.target.values.tolist())[j])


@pytest.mark.parametrize("axes", (1, 2))
@pytest.mark.parametrize("sizes", SIZES)
def test_a_window_holds_what_the_formula_of_the_geometry_says(sizes, axes):
    state = parse(f"axes={axes}&{sizes}".rstrip("&"))
    found = answers.window(state)
    w = state.window
    size = (w.i,) * axes
    padding = (w.p,) * axes if isinstance(w.p, tuple) else w.p
    g = Geometry.of_conv("conv", size, (w.k,) * axes, w.s, padding, w.d)
    source, kernel, target = found["boards"]
    wide = [i + low + high for i, low, high in zip(g.input, g.low, g.high, strict=True)]
    assert source["shape"][-axes:] == wide and target["shape"][-axes:] == list(g.output)
    for step, o in zip(found["steps"], itertools.product(*map(range, g.output)), strict=True):
        cells = []
        for number_, t in enumerate(itertools.product(*map(range, g.kernel))):
            place = [a * s + b * d for a, s, b, d in zip(o, g.stride, t, g.dilation, strict=True)]
            cells.append([place[-1] + (place[0] * wide[1] if axes == 2 else 0), number_, kernel["words"][number_]])
        assert step["window"] == cells
        assert target["names"][step["at"]] == f"y[{','.join(map(str, o[-1:] if g.output[0] == 1 else o))}]"
    assert found["sizes"]["size"] == g.output[0]
    *lines, relationship = arithmetic.explain(w.i, w.k, w.s, w.p, w.d).lines
    assert [": ".join(filter(None, line)) for line in found["sizes"]["lines"]][:len(lines)] == lines
    assert found["sizes"]["relationship"] == relationship


@pytest.mark.parametrize("text", ["s=2&p=1", "c=2&f=2", "op=transposed&c=2&f=4&g=2", "op=transposed&view=scatter&a=1",
                                  "op=transposed&p=4&k=3&s=3&a=2&i=5", "axes=1&op=transposed", "op=avg-pool&p=0&k=3",
                                  "op=max-pool", "op=max-unpool", "op=avg-unpool&k=3&s=1", "op=weight-gradient&p=1",
                                  "op=upsample&mode=linear"])
def test_the_matrix_times_the_input_is_the_output(text):
    found = answers.window(parse(text))
    kernel = found["boards"][1]
    made = operation(parse(text).window)
    matrix = found["matrix"]
    values, results = (flat(board.values.tolist()) for board in (made.source, made.target))
    x = flat(made.arguments["x"].tolist())
    assert matrix["shape"] == [len(matrix["rows_of"]), len(x)]
    for column, (cell, value) in enumerate(zip(matrix["columns_of"], x, strict=True)):
        if cell is None:        # an input that padding crops reaches no output
            assert "p=4" in text and not any(column in row for row in made.matrix.rows)
        else:
            assert values[cell] == value
    assert (None in matrix["columns_of"]) == ("p=4" in text)
    for row, cell in zip(made.matrix.rows, matrix["rows_of"], strict=True):
        assert sum(value * x[column] for column, value in row.items()) == pytest.approx(results[cell])
    # A name is that of a cell of the kernel, and the number beside it is what stands there.
    for row in matrix["rows"]:
        for _, name, words, _ in row:
            if name.startswith(("w[", "g[")):
                assert kernel["words"][kernel["entries"].index(name)] == words
            else:
                assert number(float(name)) == words or "." in name


def test_the_three_views_of_a_transposed_convolution_are_one():
    sizes = "op=transposed&i=4&k=3&s=2&p=1&d=2&a=1&c=2&f=2"
    made = [answers.window(parse(f"{sizes}&view={view}")) for view in ("stretched", "scatter", "matrix")]
    assert made[0]["matrix"]["rows"] == made[1]["matrix"]["rows"] == made[2]["matrix"]["rows"]
    shown = [[word for word, kind in zip(each["boards"][2]["words"], each["boards"][2]["kinds"], strict=True)
              if kind == "cell"] for each in made]
    assert shown[0] == shown[1] == shown[2]
    w = operation(parse(f"{sizes}&view=matrix").window)
    g = Geometry.of_transpose("t", (4, 4), (3, 3), 2, 1, 1, dilation=2)
    naive = reference.KERNELS["conv_transpose"](w.source.values.tolist(), w.arguments["w"].tolist(), geometry=g)
    assert shown[0] == [number(value) for value in flat(naive)]


def test_what_has_arrived_is_shown_after_each_step_of_a_scatter():
    found = answers.window(parse("op=transposed&view=scatter&axes=1&i=3&k=3&s=1&p=0"))
    weights, x = [1, 2, 0], [3, 3, 2]
    y = [0] * 5
    for j, step in enumerate(found["steps"]):
        for t, (cell, tap, label) in enumerate(step["window"]):
            assert (cell, tap, label) == (j + t, t, f"+{weights[t] * x[j]}")
            y[cell] += weights[t] * x[j]
        assert step["after"] == [str(y[cell]) for cell, _, _ in step["window"]]


def test_moments_of_the_loop_name_line_variables_and_cells():
    state = parse("axes=1&i=4&k=2&p=1&step=0")
    moments = answers.loop(state)["moments"]
    lines = answers.window(state)["loop"].splitlines()
    said = [(lines[m["line"]].strip(), m["note"], m.get("source"), m.get("kernel"), m["changed"]) for m in moments]
    assert said[:4] == [("y = zeros(o)", "", None, None, []), ("for q in range(o):", "", None, None, ["q"]),
                        ("total = 0", "", None, None, ["total"]), ("for v in range(k):", "", None, None, ["v"])]
    assert ("if 0 <= n < i:", "false", 0, 0, []) in said         # the padding, cell 0 of the board
    assert ("if 0 <= n < i:", "true", 1, 1, []) in said
    assert ("total += w[v] * x[n]", "", 1, 1, ["total"]) in said
    assert said[-2:] == [("for v in range(k):", "done", None, None, []), ("y[q] = total", "", None, None, [])]
    assert moments[-1]["target"] == 0 and moments[-1]["values"]["total"] == "6"


def test_sizes_that_make_no_operation_say_which_arithmetic_failed():
    found = answers.window(parse("i=3&k=5"))
    assert found["problem"] == ("kernel 5 with dilation 1 covers 5 positions, but the padded input has 3+0+0 = 3 on "
                                "axis 0: the output would have floor((3 - 5)/1) + 1 = -1 positions")
    assert "steps" not in found and found["values"]["k"] == "5" and "problem" in answers.loop(parse("i=3&k=5"))
    for text, says in (("c=2&f=3&g=2", "a number that divides both"), ("op=max-pool&p=2", "nothing but padding"),
                       ("i=16&p=16", "at most 2048"), ("i=16&k=3&c=4&f=4", "at most 7000"),
                       ("op=transposed&a=3", "between 0 and 1")):
        assert says in answers.window(parse(text))["problem"]


def test_a_step_beyond_the_last_is_refused():
    with pytest.raises(BadState, match="from 0 to 8"):
        answers.loop(parse("step=9"))


def test_every_answer_is_json_without_nan():
    for text in states():
        json.dumps(answers.window(parse(text)), allow_nan=False)


def test_the_stack_is_what_the_arithmetic_and_the_formula_say():
    for text in ("", "n=24&layers=3,2,1,1_3,1,2,0_2,2,1,0", "n=9&layers=3,1,1,2_3,3,1,0"):
        state = parse(text)
        found = answers.layers(state)
        fields = arithmetic.receptive_field([arithmetic.Layer(k, s, d, p) for k, s, d, p in state.stack.layers])
        below, ways = state.stack.n, [{i: 1} for i in range(state.stack.n)]
        for (k, s, d, p), level, field in zip(state.stack.layers, found["levels"], fields, strict=True):
            assert (level["size"], level["stride"], level["offset"]) == field[2:]
            read = [[i for i in range(o * s - p, o * s - p + d * (k - 1) + 1, d) if 0 <= i < below]
                    for o in range(level["units"])]
            assert level["reads"] == read
            ways = [{i: sum(ways[u].get(i, 0) for u in units) for i in sorted({i for u in units for i in ways[u]})}
                    for units in read]
            assert level["ways"] == [[[i, str(count)] for i, count in one.items()] for one in ways]
            below = level["units"]
    assert "layer 2: kernel 3 with dilation 2 covers 5" in answers.layers(parse("n=5"))["problem"]



def test_on_one_axis_a_weight_is_named_by_its_tap_and_each_has_a_colour():
    row = answers.window(parse("axes=1&k=4"))["matrix"]["rows"][0]
    assert [(name, band) for _, name, _, band in row] == [("w[0]", 0), ("w[1]", 1), ("w[2]", 2), ("w[3]", 0)]
    assert answers.window(parse("axes=1&c=2"))["matrix"]["rows"][0][4][1] == "w[0,1,1]"
