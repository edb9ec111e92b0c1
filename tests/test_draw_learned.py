"""Pictures of what a network learned are read back: curves, pixels and shares are the numbers that were given."""

import base64
import math
import re
import struct
import zlib

import pytest
from hypothesis import given, settings, strategies as st
from svg_shapes import corners, inside, overlapping, shapes

import minigrad
from minigrad import nn
from minigrad.draw import confusion, curves, feature_maps, filters, saliency, saliency_of
from minigrad.draw.axis import Axis
from minigrad.draw.png import png
from minigrad.draw.tiles import MINUS, PLUS, coloured


def decoded(data):
    """The pixels of a PNG as minigrad writes it: 8 bits, rows without a filter, a palette or four channels."""
    at, parts = 8, {}
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + body)
        parts[kind], at = body, at + 12 + size
    width, height, bits, colours = struct.unpack(">IIBB", parts[b"IHDR"][:10])
    assert bits == 8 and list(parts)[-1] == b"IEND"
    bytes_of, each = zlib.decompress(parts[b"IDAT"]), 1 if colours == 3 else 4
    rows = [bytes_of[r * (width * each + 1):(r + 1) * (width * each + 1)] for r in range(height)]
    assert all(row[0] == 0 for row in rows)
    if colours == 3:
        palette = [(*parts[b"PLTE"][3 * j:3 * j + 3], opacity) for j, opacity in enumerate(parts[b"tRNS"])]
        return [[palette[j] for j in row[1:]] for row in rows]
    return [[tuple(row[1 + 4 * c:5 + 4 * c]) for c in range(width)] for row in rows]


def pictures(sheet):
    """The pixels of all images of a sheet, in order."""
    return [decoded(base64.b64decode(found)) for found in re.findall(r'base64,([^"]*)"', sheet.svg())]


def words(sheet):
    return [box.words for box in shapes(sheet.svg())[1] if box.words]


@pytest.mark.parametrize("colours", [1, 3, 256, 257])
def test_a_png_holds_its_pixels(colours):
    rows = [[(n % 256, n // 256, (r * n) % 7 * 0, 255 - n % 2) for n in range(colours)] for r in range(2)]
    assert decoded(png(rows)) == rows


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.booleans(), st.booleans())
def test_a_linear_axis_has_few_round_ticks_and_holds_its_values(values, rounded, whole):
    values = [round(value) for value in values] if whole else values
    axis = Axis.linear(values, rounded, whole)
    ticks = [value for value, _ in axis.ticks()]
    # Of less than a step, as of whole numbers that are one number alone, at most one tick is between the ends.
    assert len(ticks) <= 9 and (len(ticks) >= 2 or whole or not rounded)
    assert all(-1e-9 <= axis.at(value) <= 1 + 1e-9 for value in [*values, *ticks])
    first = axis.step / 10.0 ** math.floor(math.log10(axis.step) + 1e-9)
    assert round(first, 6) in (1, 2, 5)
    assert not whole or all(tick == round(tick) for tick in ticks)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=5))
def test_a_logarithmic_axis_holds_its_values_and_two_ticks(values):
    axis = Axis.logarithmic(values)
    assert all(-1e-9 <= axis.at(value) <= 1 + 1e-9 for value in values)
    assert len(axis.ticks()) >= 2
    assert axis.at(10.0 ** axis.low) == pytest.approx(0, abs=1e-9)


def curve(sheet, colour):
    """The points of all paths in a colour, without those that lead to a name."""
    paths = re.findall(rf'<path d="([^"]*)" class="none s-{colour}" stroke-width="2"', sheet.svg())
    return [corners(path) for path in paths]


def test_curves_stand_where_their_numbers_are():
    sheet = curves({"train": [4.0, 2.0, 0.0], "test": [4.0, 1.0]}, title="a run", y_label="loss")
    (train,), (test,) = curve(sheet, "accent"), curve(sheet, "second")
    (x1, top), (x2, middle), (x3, bottom) = train
    assert x2 - x1 == pytest.approx(x3 - x2) and middle - top == pytest.approx(bottom - middle) and bottom > top
    assert test[0] == train[0] and test[1] == (x2, pytest.approx(bottom - (bottom - top) / 4))
    assert {"a run", "loss", "epoch", "train", "test", "1", "2", "3", "0", "4"} <= set(words(sheet))


def test_curves_on_a_logarithmic_axis():
    (points,) = curve(curves({"loss": [1.0, 0.1, 0.01]}, log=True), "accent")
    (_, y1), (_, y2), (_, y3) = points
    assert y2 - y1 == pytest.approx(y3 - y2, abs=0.11) and y2 > y1


def test_a_curve_is_interrupted_where_it_is_not_a_number():
    pieces = curve(curves({"loss": [3.0, 2.0, math.nan, 1.0, math.inf, math.inf, 0.5, 0.4]}), "accent")
    assert [len(piece) for piece in pieces] == [2, 1, 2]
    assert [len(piece) for piece in curve(curves({"loss": [3.0, 0.0, 1.0, 2.0]}, log=True), "accent")] == [1, 2]


def test_curves_over_given_places():
    (points,) = curve(curves({"loss": [1.0, 2.0, 3.0]}, x=[0, 100, 400], x_label="step"), "accent")
    (x1, _), (x2, _), (x3, _) = points
    assert x3 - x2 == pytest.approx(3 * (x2 - x1))


def test_curves_of_tensors():
    assert curves({"loss": minigrad.tensor([1.0, 0.5])}).svg() == curves({"loss": [1.0, 0.5]}).svg()


def test_of_many_points_no_extreme_is_lost():
    values = [math.sin(n) for n in range(20_000)]
    values[7_777] = 5.0
    text = curves({"each batch": values}).svg()
    assert len(text) < 60_000
    (points,) = curve(curves({"each batch": values}), "accent")
    (all_points,) = curve(curves({"each batch": [0.0, 5.0]}), "accent")
    assert min(y for _, y in points) == pytest.approx(min(y for _, y in all_points), abs=30)
    assert points == sorted(points, key=lambda point: point[0])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abcdefg", min_size=1, max_size=18), st.lists(st.floats(0, 9), min_size=1, max_size=6),
                       min_size=1, max_size=8))
def test_names_of_curves_never_lie_on_each_other(series):
    size, still, _ = shapes(curves(series, title="curves", y_label="loss").svg())
    assert [box for box in still if not inside(box, size)] == [] and overlapping(still) == []


@pytest.mark.parametrize(("make", "says"), [
    (lambda: curves({}), "curves: series: got nothing, expected at least one finite value"),
    (lambda: curves({"a": [0.0]}, log=True), "at least one finite and positive value"),
    (lambda: curves({"a": [1.0, 2.0]}, x=[1]), "curves: x: got 1 numbers, expected 2"),
    (lambda: filters(minigrad.ones(3, 3)), r"filters: weight: got shape \(3, 3\)"),
    (lambda: filters(minigrad.ones(1, 1, 0)), "filters: weight"),
    (lambda: filters(minigrad.ones(1).expand(4, 1, 10**4, 10**4)), "filters: weight: got 4 × 10000×10000 pixels"),
    (lambda: feature_maps(minigrad.ones(1).expand(2, 10**4, 10**4)), "feature_maps: maps: got 1 × 10000×10000 pixels"),
    (lambda: saliency(*[minigrad.ones(1).expand(10**4, 10**4)] * 2), "saliency: image: got 1 × 10000×10000 pixels"),
    (lambda: feature_maps(minigrad.ones(2, 1, 3, 3)), r"feature_maps: maps: got shape \(2, 1, 3, 3\)"),
    (lambda: confusion([[1, 2]]), "confusion: counts: got 1 rows"),
    (lambda: confusion([[1]], ["a", "b"]), "confusion: labels: got 2, expected 1"),
    (lambda: confusion([[0] * 33] * 33), "got 33 rows, expected 1 to 32 classes"),
    (lambda: saliency(minigrad.ones(2, 3, 3), minigrad.ones(2, 3, 3)), r"saliency: image: got shape \(2, 3, 3\)"),
    (lambda: saliency(minigrad.ones(3, 3), minigrad.ones(3, 4)), r"saliency: gradient: got shape \(3, 4\)"),
    (lambda: saliency_of(lambda x: x, minigrad.ones(2, 2)), r"saliency_of: image: got shape \(2, 2\)"),
    (lambda: saliency_of(lambda x: x.flatten(1), minigrad.ones(1, 1, 2), 2), "saliency_of: label: got 2"),
])
def test_what_cannot_be_drawn_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_filters_have_the_colours_of_their_weights():
    weight = minigrad.randn(5, 3, 2, 4)
    rows = weight.tolist()
    most = weight.abs().max().item()
    grid, bar = pictures(filters(weight))
    down, right = (len(grid) - 2) // 4, (len(grid[0]) - 4) // 2
    for o in range(5):
        for c in range(3):
            seen = [row[c * right:c * right + 4] for row in grid[o * down:o * down + 2]]
            assert seen == coloured(rows[o][c], most)
    assert bar[0][0] == (*MINUS, 255) and bar[0][-1] == (*PLUS, 255)
    assert {f"y{o}" for o in range(5)} | {"x0", "x1", "x2", "5 filters, 3 channels, kernel 2×4"} <= set(words(
        filters(weight)))


@pytest.mark.parametrize(("shape", "about", "tiles"), [
    ((64, 1, 3, 3), "64 filters, kernel 3×3", 64), ((96, 1, 3, 3), "64 of 96 filters, kernel 3×3", 64),
    ((32, 64, 3, 3), "16 of 32 filters, 16 of 64 channels, kernel 3×3", 256), ((1, 1, 1, 1), "1 filter, kernel 1×1", 1),
    ((2, 3, 5), "2 filters, 3 channels, kernel 5", 6), ((2, 2, 3, 2, 2), "2 filters, 2 channels, kernel 3×2×2", 12)])
def test_filters_of_any_shape_are_bounded(shape, about, tiles):
    sheet = filters(minigrad.randn(*shape), "A title")
    size, still, _ = shapes(sheet.svg())
    assert about in words(sheet) and sheet.svg().count("z") >= tiles
    assert [box for box in still if not inside(box, size)] == [] and overlapping(still) == []
    assert len(sheet.svg()) < 25_000


def test_feature_maps_show_what_is_not_a_number():
    maps = minigrad.ones(1, 2, 3, 3)
    maps[0, 1, 0, 0] = float("nan")
    grid, bar, lost = pictures(feature_maps(maps))
    assert grid[0][:3] == [(*PLUS, 255)] * 3 and lost[0][0] in grid[0] and bar[0][0] == (*PLUS, 0)
    assert "1 not finite" in words(feature_maps(maps)) and "2 maps of 3×3" in words(feature_maps(maps))


@pytest.mark.parametrize(("count", "side"), [(1, 28), (6, 28), (16, 10), (33, 5), (64, 1), (3, 100)])
def test_feature_maps_are_whole(count, side):
    size, still, _ = shapes(feature_maps(minigrad.randn(count, side, side)).svg())
    assert [box for box in still if not inside(box, size)] == [] and overlapping(still) == []


def test_a_confusion_matrix_says_recall_precision_and_accuracy():
    sheet = confusion(minigrad.tensor([[8.0, 2.0, 0.0], [1.0, 9.0, 0.0], [0.0, 0.0, 0.0]]), ["cat", "dog", "ox"])
    shown = words(sheet)
    assert [word for word in shown if word.isdigit()] == list("820190000")
    # Of 10 cats 8 were found; of 9 that were called a cat 8 are one; of no ox nothing can be said.
    assert {"80.0 %", "90.0 %", "88.9", "81.8", "85.0 %"} <= set(shown) and shown.count("–") == 2
    _, still, _ = shapes(sheet.svg())
    assert sum(box.kind == "f-accent s-line" for box in still) == 2
    assert sum(box.kind == "f-second s-line" for box in still) == 2


@pytest.mark.parametrize(("count", "most", "labels"), [
    (1, 5, None), (10, 10_000, None), (32, 999, None), (10, 1000, ["Ankle boot"] * 10), (3, 7, ["a" * 60] * 3)])
def test_a_confusion_matrix_has_room_for_its_words(count, most, labels):
    counts = [[most if r == c else (r * c) % 13 for c in range(count)] for r in range(count)]
    size, still, _ = shapes(confusion(counts, labels, "Which class was taken for which").svg())
    assert [box for box in still if not inside(box, size)] == [] and overlapping(still) == []


def test_saliency_is_the_gradient_of_the_score():
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(12, 4))
    image = minigrad.rand(1, 4, 4)
    found = saliency_of(model, image, 2).tolist()
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    step, model = 1e-3, model.eval()
    for r in range(4):
        for c in range(4):
            more, less = image.clone(), image.clone()
            more[0, r, c] += step
            less[0, r, c] -= step
            slope = (model(more[None])[0, 2] - model(less[None])[0, 2]).item() / (2 * step)
            assert found[0][r][c] == pytest.approx(slope, abs=2e-3)
    best = int(model(image[None]).argmax().item())
    assert saliency_of(model, image).tolist() == saliency_of(model, image, best).tolist()


def test_saliency_shows_image_gradient_and_both():
    image = minigrad.tensor([[[0.0, 1.0]], [[0.5, 1.0]], [[1.0, 0.0]]])
    gradient = minigrad.tensor([[[0.0, 1.0]], [[-2.0, 0.0]], [[0.0, 0.0]]])
    seen, heat, again, over = pictures(saliency(image, gradient))
    assert seen == again == [[(0, 128, 255, 255), (255, 255, 0, 255)]]
    assert heat == over == [[(*MINUS, 255), (*MINUS, 128)]]
    for shape in ((1, 8, 8), (5, 30), (1, 2, 40), (1, 40, 2)):
        size, still, _ = shapes(saliency(minigrad.rand(*shape), minigrad.randn(*shape), "A title").svg())
        assert [box for box in still if not inside(box, size)] == [] and overlapping(still) == []


def test_of_large_maps_fewer_are_shown():
    assert "2 of 3 maps of 1×1000000" in feature_maps(minigrad.zeros(1).expand(3, 1, 10**6)).svg()
