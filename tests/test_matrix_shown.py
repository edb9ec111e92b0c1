"""Matrices as pictures, and `minigrad matrix` as its users meet it."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import draw
from minigrad.cli.main import main
from minigrad.matrix import matrix_of

SVG = "{http://www.w3.org/2000/svg}"
TEXTBOOK = matrix_of(lambda x: F.conv2d(x, minigrad.ones(1, 1, 3, 3)), (1, 1, 4, 4))


def parts(sheet, kind):
    return list(ElementTree.fromstring(sheet.svg()).iter(f"{SVG}{kind}"))


def filled(sheet, *names):
    return [rect for rect in parts(sheet, "rect") if rect.get("class").split()[0] in {f"f-{name}" for name in names}]


def test_every_entry_is_a_cell_with_its_name_in_its_place():
    sheet = draw.matrix(TEXTBOOK, "3x3 on 4x4")
    cells = filled(sheet, "input", "kernel", "output")
    assert len(cells) == TEXTBOOK.nnz == 36
    lefts, tops = (sorted({float(cell.get(side)) for cell in cells}) for side in "xy")
    assert (len(lefts), len(tops)) == (16, 4)
    names = [text.text for text in parts(sheet, "text") if text.text.startswith("w[")]
    for cell, name in zip(cells, names, strict=True):
        o, i = tops.index(float(cell.get("y"))), lefts.index(float(cell.get("x")))
        assert TEXTBOOK.name(o, i) == name


def test_a_kernel_row_is_a_colour():
    sheet = draw.matrix(TEXTBOOK)
    names = [text.text for text in parts(sheet, "text") if text.text.startswith("w[")]
    colours = {}
    for cell, name in zip(filled(sheet, "input", "kernel", "output"), names, strict=True):
        colours.setdefault(name[2], set()).add(cell.get("class").split()[0])
    assert colours == {"0": {"f-input"}, "1": {"f-kernel"}, "2": {"f-output"}}


def test_rows_of_the_image_are_labelled():
    shown = [text.text for text in parts(draw.matrix(TEXTBOOK, "a title"), "text")]
    assert {"a title", "x[0,:]", "x[3,:]", "y[0,:]", "y[1,:]", "doubly block Toeplitz"} <= set(shown)
    cube = matrix_of(lambda x: F.conv3d(x, minigrad.ones(1, 1, 2, 2, 2)), (1, 1, 3, 3, 3))
    assert {"y[0,1,:]", "y[1,1,:]"} <= {text.text for text in parts(draw.matrix(cube), "text")}
    back = {text.text for text in parts(draw.matrix(TEXTBOOK.T, letters=("g", "dx")), "text")}
    assert {"g[0,:]", "g[1,:]", "dx[0,:]", "dx[3,:]"} <= back and not {"x[0,:]", "y[0,:]"} & back


@pytest.mark.parametrize("size", [(1, 1, 14, 14), (1, 1, 4, 4), (1, 1, 40)])
def test_nothing_is_outside_the_sheet(size):
    w = minigrad.ones(1, 1, *(3,) * (len(size) - 2))
    run = F.conv1d if len(size) == 3 else F.conv2d
    sheet = draw.matrix(matrix_of(lambda x: run(x, w, padding=1), size))
    for rect in parts(sheet, "rect")[1:]:
        x, y, wide, tall = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + wide <= sheet.width and y + tall <= sheet.height
    for text in parts(sheet, "text"):
        width = len(text.text) * 0.61 * float(text.get("font-size"))
        begin = float(text.get("x")) - {"start": 0, "middle": width / 2, "end": width}[text.get("text-anchor")]
        assert begin >= 0 and begin + width <= sheet.width


def test_large_matrices_have_no_text_in_cells():
    large = matrix_of(lambda x: F.avg_pool2d(x, 2), (1, 1, 16, 16))
    sheet = draw.matrix(large)
    cells = {(float(x) + n * float(width) / round(float(width) / float(height)), float(y))
             for part in parts(sheet, "path") if part.get("class").startswith("f-")
             for x, y, width, height in re.findall(r"M(\S+) (\S+?)h([\d.]+)v([\d.]+)h", part.get("d"))
             for n in range(round(float(width) / float(height)))}
    assert len(cells) == large.nnz
    assert not any("0.25" in text.text for text in parts(sheet, "text"))


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"draw.matrix: m: got shape \(0, 0\)"):
        draw.matrix(matrix_of(lambda x: x, (0,)))
    with pytest.raises(ValueError, match=r"draw.matrix: m: got 20100 entries, expected at most 20000"):
        draw.matrix(matrix_of(lambda x: x.cumsum(0), (200,)))


# ---- the command -----------------------------------------------------------------------------------------------------

def printed(capsys, *arguments):
    assert main(["matrix", *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_prints_the_matrix_and_its_structure(capsys):
    assert printed(capsys, "--i", "4", "--k", "3") == f"{TEXTBOOK}\n{TEXTBOOK.structure()}\n"
    back = printed(capsys, "--i", "2", "--k", "3", "--transposed")
    assert back == f"{TEXTBOOK.T}\n{TEXTBOOK.T.structure()}\n"


@pytest.mark.parametrize("arguments, first, says", [
    ("--i 4 --k 2 --axes 1 --numbers", "1 2 0 0", "3 x 4, 6 entries"),
    ("--i 4 --k 2 --axes 1 --pool", "0.5 0.5   0   0", "Toeplitz with stride 2"),
    ("--i 4 --k 2 --axes 1 --pool --s 1", "0.5 0.5   0   0", "3 x 4"),
    ("--i 3 --k 3 --axes 1 --p 2,0", "w[2]    0    0", "3 x 3"),
    ("--i 5 --k 2 --axes 1 --d 2 --p same", "   0 w[1]    0    0    0", "5 x 5"),
    ("--i 2 --k 3 --axes 1 --transposed --s 2 --p 1 --a 1 --limit 1", "w[1] ...", "Toeplitz with transposed stride 2"),
    ("--i 2 --k 2 --axes 3", "", "1 x 8"),
])
def test_every_flag(capsys, arguments, first, says):
    text = printed(capsys, *arguments.split())
    assert text.splitlines()[0].startswith(first) and says in text


def test_the_command_draws(capsys, tmp_path):
    path = tmp_path / "matrix.svg"
    text = printed(capsys, "--i", "4", "--k", "3", "--svg", str(path))
    assert text.endswith(f"drawn in {path}\n") and "w[2,2]" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments, says", [
    ("--i 2 --k 3", "floor((2 - 3)/1) + 1"), ("--i 100 --k 3", "input: got 100^2 elements, expected at most 4096"),
    ("--i 4 --k 100 --p full", "kernel: got 100^2 elements"), ("--i 4 --k 3 --p 3000", "result: got 6002^2 elements"),
    ("--i 2 --k 2 --d 30000 --transposed", "result: got"),
    ("--i 8 --k 8 --transposed --axes 3", "matrix: got 64^3 entries, expected at most"),
    ("--i 4 --k 3 --a 1", "--a: got 1, expected 0 without --transposed"),
    ("--i 2 --k 3 --transposed --a 5", "output_padding"), ("--i 30 --k 9 --p same --svg x.svg", "entries, expected at"),
])
def test_what_cannot_be_is_one_line(capsys, arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["matrix", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("minigrad: error: ") and err.count("\n") == 1 and says in err
    assert not list(tmp_path.iterdir())
