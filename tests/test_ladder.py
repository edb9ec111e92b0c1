"""The rungs from naive loops to the engine's kernel compute what the engine does."""

import re
import shutil
from pathlib import Path
from textwrap import indent

import pytest
from from_benchmarks import load

import minigrad
import minigrad_ext
from minigrad.nn.functional import conv2d

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def rungs(tmp_path_factory):
    for module in ("Cython", "setuptools"):
        pytest.importorskip(module, reason="the rungs are compiled on demand: pip install '.[dev]'")
    built = load("compiled")
    built.BUILT = tmp_path_factory.mktemp("rungs")
    if shutil.which(built.compiler()[0]) is None:
        pytest.skip("the rungs are compiled on demand, and there is no C compiler")
    return built.compiled("rungs", ["-O1"], [Path(minigrad_ext.__file__).parent])


def operands(channels, outputs, taps, rows, columns):
    generator = minigrad.Generator().manual_seed(0)
    x = minigrad.randint(-3, 4, (channels, rows + taps - 1, columns + taps - 1), generator=generator).float()
    w = minigrad.randint(-3, 4, (outputs, channels, taps, taps), generator=generator).float()
    return x, w, minigrad.full((outputs, rows, columns), 7.0)


def test_every_rung_computes_what_the_engine_does(rungs):
    for taps, rows in ((3, 4), (1, 1), (2, 3)):
        x, w, y = operands(3, 16, taps, rows, 4 * rungs.VECTOR)
        expected = conv2d(x[None], w)[0].tolist()
        for name in rungs.NAMES:
            rungs.run(name, x, w, y.fill_(7.0))
            assert y.tolist() == expected, name
        rungs.checked(x, w, y.fill_(7.0))
        assert y.tolist() == expected


def test_checked_takes_any_strides(rungs):
    x, w, y = operands(2, 3, 3, 4, 5)
    rungs.checked(x.permute(0, 2, 1), w.permute(0, 1, 3, 2), y.permute(0, 2, 1))
    assert y.tolist() == conv2d(x[None], w)[0].tolist()


def test_checked_raises_where_the_others_would_read_outside(rungs):
    x, w, y = operands(2, 3, 3, 4, 5)
    with pytest.raises(IndexError):
        rungs.checked(x[:, 1:].clone(), w, y)


@pytest.mark.parametrize(("rows", "columns", "channels", "name", "message"), [
    (4, 5, 3, "held", "run: held: got 16 channels of 5 columns, expected multiples of 1 and "),
    (4, 5, 3, "8x2", "run: 8x2: got 16 channels of 5 columns, expected multiples of 8 and "),
    (4, 5, 2, "summed", "run: x, w, y: expected"),
    (3, 5, 3, "summed", "run: x, w, y: expected"),
])
def test_sizes_that_do_not_belong_to_the_loops_are_refused(rungs, rows, columns, channels, name, message):
    x, w, y = operands(3, 16, 3, 4, 5)
    with pytest.raises(ValueError, match=message):
        rungs.run(name, x, w[:, :channels].clone(), y[:, :rows, :columns].clone())


def test_a_rung_that_there_is_not(rungs):
    with pytest.raises(ValueError):
        rungs.run("9x9", *operands(1, 1, 1, 1, 1))


def test_the_book_shows_the_loops_as_they_stand():
    """The listings of the chapter are pieces of the sources."""
    chapter = (ROOT / "docs" / "book" / "09_fast.md").read_text(encoding="utf-8")
    rungs, ladder = [(ROOT / "benchmarks" / name).read_text(encoding="utf-8") for name in ("rungs.pyx", "ladder.py")]
    listings = re.findall(r"^```cython\n(.*?)^```", chapter, re.M | re.S)
    assert len(listings) == 4
    for listing in listings:
        assert any(indent(listing, " " * depth) in rungs for depth in range(0, 40, 4)), listing
    plain = re.search(r"^def lists.*?:\n(.*?)^```", chapter, re.M | re.S)[1]
    assert plain in ladder


def test_what_is_missing_is_named(monkeypatch):
    built = load("compiled")
    monkeypatch.setattr(built, "compiler", lambda: ["no-such-compiler"])
    monkeypatch.setattr(built.importlib.util, "find_spec", lambda name: name)
    with pytest.raises(SystemExit, match="is compiled on demand and needs a C compiler: no no-such-compiler"):
        built.compiled("rungs", [])
    monkeypatch.setattr(built.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="needs Cython: pip install"):
        built.compiled("rungs", [])
