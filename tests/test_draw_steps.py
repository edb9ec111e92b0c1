"""Pictures of steps show what the arithmetic says: the SVG is read back and compared with the geometry by cell."""

import itertools
import re
from types import SimpleNamespace

import pytest
from hypothesis import given, settings, strategies as st
from svg_shapes import inside, overlapping, shapes

import minigrad
from minigrad import nn
from minigrad.arithmetic import receptive_field
from minigrad.draw import (
    channels,
    conv_steps,
    field,
    overlap,
    placements,
    pool_steps,
    pyramid,
    transpose_steps,
    unpool_steps,
    upsample_steps,
)
from minigrad.draw.channels import maps
from minigrad.draw.steps import links
from minigrad.geometry import Geometry
from minigrad.nn import functional


def read_back(sheet, steps):
    """Of each step of an animation: the (row, column) of its window's cells and of its framed cells, by board."""
    _, still, shown = shapes(sheet.svg())
    cells = [box for box in still if box.width == box.height and "f-accent" not in box.kind
             and box.width >= 20]
    side = cells[0].width
    boards = []
    for board in [steps.source, *([steps.kernel] if steps.kernel else []), steps.target]:
        count = board.rows * board.columns
        part, cells = cells[:count], cells[count:]
        # Cells stand in rows, each beside the one before and below the one above it.
        for (r, c), box in zip(itertools.product(range(board.rows), range(board.columns)), part, strict=True):
            assert (box.x, box.y) == pytest.approx((part[0].x + c * side, part[0].y + r * side))
            assert ("f-" in box.kind) == (board.kinds[r][c] == "cell")
        boards.append((part[0].x, part[0].y, board))

    def place(box):
        for j, (x, y, board) in enumerate(boards):
            r, c = (box.y - y) / side, (box.x - x) / side
            if -0.1 <= r < board.rows and -0.1 <= c < board.columns:
                return j and (len(boards) - 1 == j), (int(r), int(c))
        raise AssertionError(f"a mark beside all boards: {box}")
    found = []
    for boxes in shown:
        window = sorted(place(box) for box in boxes if "f-kernel" in box.kind)
        points = sorted(place(box) for box in boxes if box.kind == "none s-accent" and box.width == box.height)
        found.append((window, points))
    return found


def covered(g, o):
    """What window o covers, padding included, as (row, column) of the padded input; the formula of the geometry."""
    return sorted(itertools.product(*[[o[axis] * g.stride[axis] + t * g.dilation[axis] for t in range(g.kernel[axis])]
                                      for axis in (0, 1)]))


GEOMETRIES = [(i, k, s, p, d) for i, k, s, p, d in itertools.product(range(1, 8), (1, 2, 3, 4), (1, 2, 3), (0, 1, 2),
                                                                    (1, 2)) if d * (k - 1) + 1 <= i + 2 * p]


@pytest.mark.parametrize("i", range(1, 8))
def test_a_convolution_shows_the_windows_of_its_geometry(i):
    for _, k, s, p, d in [row for row in GEOMETRIES if row[0] == i]:
        g = Geometry.of_conv("conv2d", (i, i), (k, k), s, p, d)
        steps = conv_steps(i, k, s, p, d)
        shown = read_back(steps.animation(), steps)
        assert (steps.source.rows, steps.target.rows) == (i + 2 * p, g.output[0])
        assert len(shown) == g.output[0] * g.output[1]
        for o, (window, points) in zip(itertools.product(*map(range, g.output)), shown, strict=True):
            assert window == [(False, cell) for cell in covered(g, o)]
            assert points == [(True, o)]


def test_padding_is_drawn_where_it_is():
    steps = conv_steps((3, 4), 2, padding=((1, 0), (0, 2)))
    assert [[kind == "cell" for kind in row] for row in steps.source.kinds] == [[False] * 6] + [[True] * 4
                                                                                               + [False] * 2] * 3
    assert conv_steps(5, 3, padding="full").source.rows == 9


@given(i=st.tuples(st.integers(1, 6), st.integers(1, 6)), k=st.tuples(st.integers(1, 3), st.integers(1, 3)),
       s=st.tuples(st.integers(1, 3), st.integers(1, 3)), d=st.tuples(st.integers(1, 2), st.integers(1, 2)),
       p=st.tuples(st.integers(0, 2), st.integers(0, 2)), data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_three_views_of_a_transpose_are_one(i, k, s, d, p, data):
    least = [(n - 1) * stride + step * (taps - 1) + 1 - 2 * side for n, taps, stride, step, side in
             zip(i, k, s, d, p, strict=True)]
    a = tuple(data.draw(st.integers(max(0, 1 - room), max(stride, step) - 1)) if max(stride, step) > 1 - room else None
              for room, stride, step in zip(least, s, d, strict=True))
    if None in a or any(taps == 0 for taps in k):
        return
    y = functional.conv_transpose2d(
        transpose_values(i), kernel_values(k), stride=s, padding=p, output_padding=a, dilation=d).tolist()[0][0]
    made = {}
    for view in ("matrix", "scatter", "stretched"):
        steps = transpose_steps(i, k, s, p, a, d, view, numbers=True, x=transpose_values(i), w=kernel_values(k))
        inner = [[word for word, kind in zip(*row, strict=True) if kind == "cell"]
                 for row in zip(steps.target.words, steps.target.kinds, strict=True)]
        made[view] = [row for row in inner if row]
        assert made[view] == [[f"{value:.3g}" for value in row] for row in y], view
        size, still, shown = shapes(steps.animation().svg())
        assert all(inside(box, size) for box in [*still, *itertools.chain(*shown)])


def transpose_values(size):
    return (minigrad.arange(float(size[0] * size[1])) % 5 + 1).reshape(1, 1, *size)


def kernel_values(size):
    return (minigrad.arange(float(size[0] * size[1])) % 4 + 1).reshape(1, 1, *size)


def test_scatter_lays_the_window_of_each_input():
    g = Geometry.of_transpose("conv_transpose2d", (3, 3), (3, 3), 2, 1, 1)
    steps = transpose_steps(3, 3, 2, 1, 1, view="scatter")
    shown = read_back(steps.animation(), steps)
    for o, (window, points) in zip(itertools.product(range(3), range(3)), shown, strict=True):
        assert window == [(True, cell) for cell in covered(g, o)] and points == [(False, o)]


def test_what_a_notebook_and_a_prompt_show():
    steps = conv_steps(3, 2)
    assert steps._repr_svg_() == steps.animation().svg() == steps.animation()._repr_svg_()
    assert repr(steps.strip()) == "<Sheet 'Convolution: i = 3, k = 2, s = 1, p = 0', 430 x 223>"


def test_what_is_added_has_one_sign():
    steps = transpose_steps((2,), 3, 2, view="scatter", numbers=True, x=[1, -2], w=[1, 0, 3])
    assert [list(step.window.values()) for step in steps.steps] == [["+1", "+0", "+3"], ["−2", "+0", "−6"]]


def test_the_matrix_view_has_a_row_for_each_output():
    steps = transpose_steps(2, 3, view="matrix")
    matrix = links(lambda x: functional.conv_transpose2d(x, minigrad.arange(1.0, 10.0).reshape(1, 1, 3, 3)), (2, 2))
    assert steps.matrix == [[row.get(divmod(j, 2), 0) for j in range(4)] for row in matrix.values()]
    assert sum(value != 0 for row in steps.matrix for value in row) == 36       # 4 windows of 9: the text's C, turned
    _, still, _ = shapes(steps.animation().svg())
    assert sum(box.kind == "f-kernel s-second" for box in still) == 36


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize(("i", "k", "s", "p", "ceil"), [(5, 3, 1, 0, False), (5, 2, 2, 0, True), (6, 3, 2, 1, False),
                                                       (7, 3, 3, 1, True), (4, 2, None, 0, False)])
def test_a_pool_shows_its_windows_and_the_largest(kind, i, k, s, p, ceil):
    steps = pool_steps(kind, i, k, s, p, ceil_mode=ceil, numbers=True)
    g = Geometry.of_pool("pool", (i, i), k, s, p, ceil_mode=ceil)
    shown = read_back(steps.animation(), steps)
    for o, (window, points) in zip(itertools.product(*map(range, g.output)), shown, strict=True):
        cells = [cell for cell in covered(g, o) if max(cell) < i + 2 * p]
        assert window == [(False, cell) for cell in cells]
        words = {cell: steps.source.words[cell[0]][cell[1]] for cell in cells}
        assert (True, o) in points and len(points) == (2 if kind == "max" else 1)
        if kind == "max":
            (best,) = [cell for target, cell in points if not target]
            assert words[best] == steps.target.words[o[0]][o[1]]
            assert int(words[best]) == max(int(word) for word in words.values() if word != "−∞")


def test_unpooling_goes_back_where_pooling_came_from():
    pooled, back = pool_steps("max", 6, 2), unpool_steps("max", 6, 2)
    for down, up in zip(pooled.steps, back.steps, strict=True):
        (cell,) = [place for side, place in down.points if side == 0]
        assert list(up.window) == [cell] and up.points == [(0, down.points[0][1])]
    for down, up in zip(pooled.steps, unpool_steps("avg", 6, 2).steps, strict=True):
        assert up.window.keys() == down.window.keys()
    for down, up in zip(pooled.steps, unpool_steps("nearest", 6, 2).steps, strict=True):
        assert up.window.keys() == down.window.keys()
    for down, up in zip(pooled.steps, unpool_steps("nails", 6, 2).steps, strict=True):
        assert list(up.window) == [min(down.window)]


def test_upsampling_reads_what_it_repeats_or_mixes():
    for step in upsample_steps(3, 2).steps:
        (_, (r, c)), = step.points
        assert list(step.window) == [(r // 2, c // 2)]
    middle = upsample_steps((4,), 2, "linear", numbers=True).steps[2]
    assert middle.window == {(0, 0): ".25", (0, 1): ".75"}


def test_the_words_of_a_step_are_its_sum():
    x, w = minigrad.tensor([3.0, 5.0, 7.0]), minigrad.tensor([2.0, -1.0])
    step = conv_steps((3,), 2, numbers=True, x=x, w=w).steps[1]
    assert step.says == "y[1] = 5·2 + 7·−1 = 3"
    assert pool_steps("avg", (3,), 2, 1, numbers=True, x=x).steps[0].says == (
        "y[0] = mean(3, 5) = 4")


def test_an_animation_shows_one_step_at_a_time_and_stands_for_who_wants_no_motion():
    text = conv_steps(4, 3).animation().svg()
    assert re.findall(r'class="t4( first)?" style="animation-delay:(-\d)s"', text) == [(" first", "-4"), ("", "-3"),
                                                                                      ("", "-2"), ("", "-1")]
    assert "@keyframes t4{0%{opacity:1}25.0000%,100%{opacity:0}}" in text and "4s step-end infinite" in text
    assert "@media(prefers-reduced-motion:reduce){.t4{animation:none}}" in text and ".t4.first{opacity:1}" in text


@pytest.mark.parametrize("count", [1, 2, 5, 9, 50])
def test_a_strip_shows_so_many_steps_from_the_first_to_the_last(count):
    steps = conv_steps(6, 3)
    _, still, _ = shapes(steps.strip(count).svg())
    assert sum("f-kernel" in box.kind for box in still) == 9 * min(count, 16)
    with pytest.raises(ValueError, match="strip: count: got 0, expected at least 1"):
        steps.strip(0)


ALL = [step for numbers in (False, True) for step in [
    conv_steps(5, 3, 2, 1, numbers=numbers), conv_steps((9,), 3, 2, 1, 2, numbers=numbers),
    conv_steps(7, 5, 1, "same", numbers=numbers), conv_steps((2, 7), (1, 3), (1, 2), numbers=numbers),
    conv_steps((1,), 1, numbers=numbers), pool_steps("max", 5, 2, ceil_mode=True, numbers=numbers),
    pool_steps("avg", 6, 3, 2, 1, numbers=numbers), upsample_steps(3, 3, "linear", numbers=numbers),
    upsample_steps((4,), 2, numbers=numbers), unpool_steps("avg", 5, 3, 1, numbers=numbers),
    unpool_steps("max", (6,), 2, numbers=numbers), unpool_steps("nails", 6, 3, numbers=numbers),
    *[transpose_steps(3, 3, 2, 1, 1, view=view, numbers=numbers) for view in ("matrix", "scatter", "stretched")],
    *[transpose_steps((4,), 2, 3, view=view, numbers=numbers) for view in ("matrix", "scatter", "stretched")]]]
SHEETS = [*[step.animation() for step in ALL], *[step.strip() for step in ALL], *[step.strip(5) for step in ALL],
          field([(3, 1), (2, 2), (3, 1, 2)]), field([(7, 4)], units=1),
          field([(3, 2, 1, 1), (3, 1, 4, 4)], size=9, at=0),
          field([(2, 1, 4, "causal"), (5, 1, 1, "same")], size=6), field([(2, 1, d) for d in (1, 2, 4, 8)]),
          overlap(), overlap([(2, 3), (5, 3)], size=2, resize=None), channels(*maps(2, 3, 5, 3)),
          channels(*maps(1, 1, 3, 3)), channels(*maps(3, 2, 4, 2)), placements(5, 3), placements(7, 3, 2, 1),
          placements(9, 3, 1, 0, 2)]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.title)
def test_nothing_is_cut_off_or_lies_on_another_text(sheet):
    size, still, steps = shapes(sheet.svg())
    for boxes in [still, *steps]:
        assert [box for box in boxes if not inside(box, size)] == []
    assert overlapping(still) == []
    for boxes in steps:
        assert overlapping([*still, *boxes]) == []


def test_a_field_marks_what_gradients_reach():
    layers = [(3, 2, 1), (2, 1, 3), (3, 3, 2)]
    x = minigrad.ones(1, 1, 200, requires_grad=True)
    y = x
    for k, s, d in layers:
        y = functional.conv1d(y, minigrad.ones(1, 1, k), stride=s, dilation=d)
    y[0, 0, y.shape[2] // 2].backward()
    sees = sum(value != 0 for value in x.grad.flatten().tolist())
    sheet = field(layers)
    assert sheet.title.startswith(f"A unit after 3 layers sees {sees} of the input")
    _, still, _ = shapes(sheet.svg())
    assert sum(box.kind == "f-input s-accent" for box in still) == sees


@pytest.mark.parametrize(("dilations", "sees"), [((1,), 3), ((1, 2), 7), ((1, 2, 4), 15)])
def test_dilated_fields_of_the_lecture(dilations, sees):
    assert f"sees {sees} of" in field([(3, 1, d) for d in dilations]).title


LAYERS = [[(3, 2, 1, 1), (3, 2, 1, 1), (3, 1, 1, 1)], [(3, 1, 1, 1), (3, 1, 2, 2), (3, 1, 4, 4)], [(4, 3, 2, (5, 0))],
          [(2, 1, 1, "causal"), (2, 1, 2, "causal"), (2, 1, 4, "causal")], [(5, 1, 1, "same"), (2, 2, 3, 4)]]


@pytest.mark.parametrize("layers", LAYERS, ids=str)
def test_a_field_at_the_border_marks_what_gradients_reach(layers):
    size = 13
    for at in range(100):
        x = minigrad.ones(1, 1, size, requires_grad=True)
        y = x
        for k, s, d, p in layers:
            y = functional.conv1d(y, minigrad.ones(1, 1, k), stride=s, padding=p if isinstance(p, (int, str)) else [p],
                                  dilation=d)
        if at == y.shape[2]:
            break
        y[0, 0, at].backward()
        reached = [value != 0 for value in x.grad.flatten().tolist()]
        _, still, _ = shapes(field(layers, size=size, at=at).svg())
        marked = sorted(box.x for box in still if box.kind == "f-input s-accent")
        # All positions stand at one distance; the input is the lowest row, its padding left and right of it.
        lowest = max(box.y for box in still if "s-" in box.kind and "path" not in box.kind)
        row = sorted((box.x, box.kind) for box in still if box.y == lowest and "path" not in box.kind and not box.words)
        low = Geometry.of_conv("field", (size,), layers[0][:1], 1, layers[0][3:] if isinstance(layers[0][3], tuple) else
                               layers[0][3], layers[0][2]).low[0]
        assert [row[low + n][0] in marked for n in range(size)] == reached
    assert at > 1


def test_a_layer_may_be_anything_with_its_numbers():
    layers = [SimpleNamespace(k=3, s=2, d=1, p=1), SimpleNamespace(k=2, s=1, d=3, p=0)]
    assert field(layers).svg() == field([(3, 2, 1), (2, 1, 3)]).svg()
    assert field(layers, size=9).svg() == field([(3, 2, 1, 1), (2, 1, 3)], size=9).svg()


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(1, 2, (7, 3), stride=2, padding=(3, 1)), nn.Conv2d(1, 2, 1, stride=2)
        self.pool, self.up = nn.MaxPool2d(3, 2), nn.Upsample(scale_factor=2)

    def forward(self, x):
        return self.up(self.pool((self.wide(x) + self.narrow(x)).relu()))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_pyramid_has_the_field_of_every_layer(axis):
    net = Branches()
    sheet = pyramid(net, (1, 17, 20), axis)
    size, still, _ = shapes(sheet.svg())
    assert [box for box in still if not inside(box, size)] == [] and overlapping(still) == []
    (image,) = [box for box in still if box.kind == "f-input s-accent"]
    unit = image.width / (17, 20)[axis]
    kinds = {"f-kernel s-second": "inside", "none s-second": "padding"}
    found = {}
    for box in still:
        if box.kind in kinds:
            found.setdefault(round(box.y), []).append(((box.x - image.x) / unit, (box.x + box.width - image.x) / unit))
    spans = [(round(min(a for a, _ in row)), round(max(b for _, b in row))) for row in found.values()]
    names = [box.words for box in still if box.words.endswith(("2d", "Upsample"))]
    for name, span in zip(names, spans, strict=True):
        (row,) = [row for row in receptive_field(net, (1, 17, 20)) if row.name == name.split()[0]]
        assert span[1] - span[0] == row.size[axis] and (span[0] - row.offset[axis]) % row.stride[axis] == 0
    assert names == ["wide Conv2d", "narrow Conv2d", "pool MaxPool2d", "up Upsample"]


def test_a_pyramid_marks_the_outputs_that_there_are():
    _, still, _ = shapes(pyramid(nn.Sequential(nn.Conv1d(1, 1, 3, stride=2), nn.MaxPool1d(3, 2)), (1, 17)).svg())
    rows = {}
    for box in still:
        if box.kind == "f-accent":
            rows.setdefault(box.y, []).append(box.x)
    assert [len(row) for row in rows.values()] == [8, 3]


def test_overlap_counts_and_is_even_where_the_stride_divides():
    for k, s in itertools.product(range(1, 6), range(1, 5)):
        _, still, _ = shapes(overlap([(k, s)], 4, None).svg())
        words = [int(box.words) for box in still if box.words.isdigit()]
        side = 3 * s + k
        along = [sum(0 <= o - i * s < k for i in range(4)) for o in range(side)]
        assert words == [a * b for a in along for b in along]
        inner = along[k - 1:side - k + 1]
        assert (len(set(inner)) == 1) == (k % s == 0) or len(inner) < s


@pytest.mark.parametrize(("make", "says"), [
    (lambda: conv_steps((2, 2, 2), 1), "conv_steps: size: got"), (lambda: conv_steps(0, 1), "at least 1 on each axis"),
    (lambda: conv_steps(3, 4), "kernel 4 with dilation 1 covers 4 positions"),
    (lambda: conv_steps(40, 3), "conv_steps: input: got 40 x 40 cells, expected at most 1024"),
    (lambda: conv_steps(3, 2, x=minigrad.ones(4)), r"conv_steps: x: got shape \(4,\), expected 3 x 3 numbers"),
    (lambda: pool_steps("min", 4, 2), "pool_steps: kind: got 'min', expected one of"),
    (lambda: transpose_steps(2, 2, view="side"), "transpose_steps: view: got 'side'"),
    (lambda: transpose_steps(2, 2, output_padding=1), "output_padding"),
    (lambda: unpool_steps("sum", 4, 2), "unpool_steps: kind: got 'sum'"),
    (lambda: unpool_steps("nearest", 5, 2), "unpool_steps: kernel_size: got i = 5, k = 2, s = 2, p = 0, expected "
     "windows side by side that fill the input"),
    (lambda: unpool_steps("nails", 4, 2, 1), "unpool_steps: kernel_size: got i = 4, k = 2, s = 1"),
    (lambda: upsample_steps(3, 0), "upsample_steps: factor: got 0"),
    (lambda: upsample_steps(3, 2, "cubic"), "upsample_steps: mode: got 'cubic'"),
    (lambda: field([]), "field: layers: got none"), (lambda: field([(3,)], 0), "field: units: got 0"),
    (lambda: field([3]), r"field: layers: got 3, expected \(k, s, d, p\)"),
    (lambda: field([(3, 1, 1, 0, 0)]), r"field: layers: got \(3, 1, 1, 0, 0\), expected \(k, s, d, p\)"),
    (lambda: field([(3,)], size=5, at=3), "field: at: got 3, expected a unit from 0 to 2"),
    (lambda: field([(3,), (4,)], size=5), "kernel 4 with dilation 1 covers 4 positions"),
    (lambda: field([(3,)], size=5000), "field: size: got 5000"),
    (lambda: pyramid(nn.Conv2d(1, 1, 1), (1, 5, 5), 2), r"pyramid: axis: got 2, expected an axis of the sizes"),
    (lambda: field([(3, 2)] * 12), "field: layers: got an input of"), (lambda: overlap([], resize=None), "overlap"),
    (lambda: overlap(size=10**6), "overlap: size: got 1000000, expected at least 1, and its square at most 1024"),
    (lambda: channels(minigrad.ones(2, 1, 3, 3), minigrad.ones(1, 1, 2, 2)), r"channels: x: got shape \(2, 1, 3, 3\)"),
])
def test_what_cannot_be_drawn_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
