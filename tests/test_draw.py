"""Pictures are well-formed SVG, show the engine's numbers, and refuse what they cannot show."""

import xml.etree.ElementTree as ElementTree

import pytest

import minigrad
from minigrad.draw import bars, lines, window_pair
from minigrad.geometry import Geometry
from minigrad.ops.conv import conv

SVG = "{http://www.w3.org/2000/svg}"


def texts(sheet):
    return [node.text for node in ElementTree.fromstring(sheet.svg()).iter(f"{SVG}text")]


def test_bars_show_every_row_in_order():
    shown = texts(bars([("first", 12.0), ("second <&>", 3000.0)], "ratios", "times"))
    assert shown.index("first") < shown.index("second <&>")
    assert "3,000" in shown and "12" in shown and "times" in shown


def test_bars_grow_with_the_logarithm():
    root = ElementTree.fromstring(bars([("a", 10.0), ("b", 100.0)], "ratios").svg())
    widths = [float(node.get("width")) for node in root.iter(f"{SVG}rect") if "f-accent" in node.get("class")]
    assert widths[1] == pytest.approx(2 * widths[0])


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_bars_refuse_what_has_no_logarithm(value):
    with pytest.raises(ValueError, match="bars: rows: got a value that is not positive and finite"):
        bars([("a", value)], "ratios")


def test_bars_refuse_nothing():
    with pytest.raises(ValueError, match="bars: rows: got none, expected at least one"):
        bars([], "ratios")


STYLES = {"one": ("accent", False), "two": ("second", True)}
PANELS = {"batch": {"one": [(1, 10.0), (10, 100.0), (100, 1000.0)], "two": [(1, 20.0), (100, 20.0)]},
          "channels": {"one": [(3, 500.0)]}}


def test_lines_show_every_panel_series_and_size():
    shown = texts(lines(PANELS, "how it grows", "GF/s", STYLES, limit=("most", 2000.0)))
    assert {"how it grows", "one", "two", "batch", "channels", "GF/s", "most", "1", "10", "100", "3"} <= set(shown)


def test_lines_are_straight_on_logarithmic_axes():
    root = ElementTree.fromstring(lines(PANELS, "", "", STYLES).svg())
    dots = [(float(node.get("x")), float(node.get("y"))) for node in root.iter(f"{SVG}rect")
            if "f-accent" in node.get("class")][:3]
    (x1, y1), (x2, y2), (x3, y3) = dots
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.1) and y1 - y2 == pytest.approx(y2 - y3, abs=0.1) and y1 > y2


@pytest.mark.parametrize("point", [(0.0, 1.0), (1.0, -1.0), (1.0, float("nan")), (float("inf"), 1.0)])
def test_lines_refuse_what_has_no_logarithm(point):
    with pytest.raises(ValueError, match="lines: panels: got a number that is not positive and finite"):
        lines({"batch": {"one": [point]}}, "", "", STYLES)


def test_lines_refuse_nothing():
    with pytest.raises(ValueError, match="lines: panels: got no points, expected at least one"):
        lines({"batch": {"one": []}}, "", "", STYLES)


def test_window_pair_shows_the_results_of_the_ops():
    geometry = Geometry.of_conv("conv2d", (4, 4), (3, 3), stride=1, padding=((1, 0), (0, 2)))
    x = minigrad.arange(16.0).reshape(1, 1, 4, 4) * 10
    w = minigrad.tensor([[[[1.0, 0.0, 2.0], [0.0, 3.0, 0.0], [1.0, 0.0, 1.0]]]])
    y = conv(x, w, geometry=geometry)
    sheet = window_pair(x, w, minigrad.ones_like(y), geometry, at=(1, 2))
    shown = texts(sheet)
    for value in y.flatten().tolist():
        assert f"{value:g}" in shown
    root = ElementTree.fromstring(sheet.svg())
    framed = [node for node in root.iter(f"{SVG}rect") if "s-accent" in node.get("class")]
    assert len(framed) == 2 * (9 + 9 + 1)       # the window, the taps and the output, forward and backward


def test_window_pair_refuses_a_place_outside():
    geometry = Geometry.of_conv("conv2d", (4, 4), (3, 3))
    x, w, g = minigrad.ones(1, 1, 4, 4), minigrad.ones(1, 1, 3, 3), minigrad.ones(1, 1, 2, 2)
    with pytest.raises(ValueError, match=r"window_pair: at: got \(2, 0\), expected a place in an output of shape"):
        window_pair(x, w, g, geometry, at=(2, 0))
