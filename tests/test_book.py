"""The book: its code runs and prints what stands below it, each chapter has its parts, links lead somewhere."""

import contextlib
import doctest
import io
import re
import runpy
import shlex
import textwrap
import zlib
from base64 import b64encode
from pathlib import Path
from typing import NamedTuple

import pytest

from minigrad.cli.main import main
from minigrad.explore.state import parse

DOCS = Path(__file__).resolve().parent.parent / "docs"
BOOK = DOCS / "book"
FIGURE = runpy.run_path(str(DOCS / "figures.py"))["FIGURE"]
NAMES = ["01_arrays.md", "02_convolution.md", "03_arithmetic.md", "04_pooling.md", "05_backprop.md", "06_dilation.md",
         "07_transposed.md", "08_autodiff.md", "09_fast.md", "10_training.md"]
CHEAP = ("arithmetic", "draw", "graph", "matrix", "receptive-field", "summary")     # commands that the test calls
RULED = "Three exercises", "Answers", "Where it stands in the source"               # the last headings, in order


class Fence(NamedTuple):
    language: str
    text: str
    line: int           # of its first line of text, from 0


def read(name):
    return (BOOK / name).read_text(encoding="utf-8")


def fences(text):
    """The fenced blocks of a page, in order; those of a list's item are indented."""
    found, begin = [], None
    lines = text.split("\n")
    for j, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            if begin is None:
                begin = j
            else:
                inside = textwrap.dedent("\n".join(lines[begin + 1:j]) + "\n")
                found.append(Fence(lines[begin].strip()[3:], inside, begin + 1))
                begin = None
    assert begin is None, f"the fence of line {begin + 1} is not closed"
    return found


def unfenced(text):
    """A page without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)


def prose(text):
    """A page without its fenced blocks and code spans: what may hold links and headings."""
    return re.sub(r"`[^`\n]*`", "``", unfenced(text))


def section(text, heading):
    """What stands below a heading of the second level, to the next one."""
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]


def slug(heading):
    """The anchor of a heading, as the pages of repositories make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def headings(path):
    return re.findall(r"^#+ (.*)$", unfenced(path.read_text(encoding="utf-8")), re.M)


@pytest.mark.parametrize("name", NAMES)
def test_code_runs_and_prints_what_stands_below_it(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    blocks = fences(read(name))
    for block in blocks:
        if block.language == "pycon":
            test = doctest.DocTestParser().get_doctest(block.text, names, name, str(BOOK / name), block.line)
            report = io.StringIO()
            failed = runner.run(test, out=report.write, clear_globs=False).failed
            names.update(test.globs)
            assert not failed, report.getvalue()
        elif block.language == "python":
            exec(compile("\n" * block.line + block.text, str(BOOK / name), "exec"), names)
    assert runner.tries > 10, "hardly any code"
    assert {block.language for block in blocks} <= {"pycon", "python", "sh", "text", "cython", "c"}
    assert not [block for block in blocks if block.language == "text" and "\n>>> " in "\n" + block.text]


def commands():
    """(chapter, command line, what stands below it) of the cheap commands whose output is shown."""
    for name in NAMES:
        for block, shown in zip(fences(read(name)), fences(read(name))[1:], strict=False):
            if block.language == "sh" and shown.language == "text" and block.text.count("\n") == 1:
                words = shlex.split(block.text)
                if words[0] == "minigrad" and words[1] in CHEAP:
                    yield name, block.text.strip(), shown.text


@pytest.mark.parametrize(("name", "line", "shown"), [pytest.param(*row, id=" ".join(row[:2])) for row in commands()])
def test_commands_print_what_stands_below_them(name, line, shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(shlex.split(line)[1:]) == 0
    assert printed.getvalue().rstrip() == shown.rstrip()


@pytest.mark.parametrize("name", NAMES)
def test_a_chapter_has_its_parts(name):
    text, number = read(name), int(name[:2])
    lines = text.rstrip("\n").split("\n")
    assert re.fullmatch(rf"# {number}\. [A-Z].*", lines[0])
    second = re.findall(r"^## (.*)$", prose(text), re.M)
    assert tuple(second[-3:]) == RULED and len(second) > 4
    for part in RULED[:2]:
        assert re.findall(r"^(\d)\. ", prose(section(text, part)), re.M) == ["1", "2", "3"]
    for answer in re.split(r"^\d\. ", section(text, "Answers"), flags=re.M)[1:]:
        assert "```pycon\n" in answer, f"an answer without code that runs: {answer[:60]}"
    before = f"[Previous]({NAMES[number - 2]}) · " if number > 1 else ""
    after = f" · [Next]({NAMES[number]})" if number < len(NAMES) else ""
    assert lines[-1] == f"{before}[Contents](index.md){after}"


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_drawn_for_the_chapter(name):
    text = read(name)
    drawn = [file for _, file in FIGURE.findall(text)]
    assert len(set(drawn)) >= 3
    assert drawn == re.findall(r"^!\[.+\]\(\.\./(figures/[^)]+)\)", text, re.M), "an image without its comment"
    assert all(file.startswith(f"figures/book_{name[:2]}_") for file in drawn)
    assert all((DOCS / file).exists() for file in drawn), "run python docs/figures.py"


@pytest.mark.parametrize("name", ["index.md", *NAMES])
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(read(name))):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (BOOK / file).resolve() if file else BOOK / name
        assert path.is_file(), f"{target}: no such file"
        assert not anchor or anchor in [slug(heading) for heading in headings(path)], f"{target}: no such heading"


def test_contents_name_the_chapters_in_order():
    assert re.findall(r"^\d+\. \[[^]]+\]\(([^)]+)\)", read("index.md"), re.M) == NAMES
    assert {path.name for path in BOOK.glob("*.md")} == {"index.md", *NAMES}


def test_the_network_of_the_last_chapter_reads_what_the_chapter_says():
    digits = runpy.run_path(str(DOCS / "digits.py"))
    right = sum(row[j] for j, row in enumerate(digits["counts"]()))
    assert f"{right} of {len(digits['test'])} are right" in read("10_training.md")
    assert digits["history"]()["test_accuracy"][-1] == pytest.approx(right / len(digits["test"]), abs=1e-6)


def test_pictures_are_compared_by_their_pixels():
    figures = runpy.run_path(str(DOCS / "figures.py"))
    files = [b64encode(b"PNG....IDAT" + zlib.compress(b"12" * 99, how)).decode() for how in (0, 9)]
    packed = [f'<image href="data:image/png;base64,{file}"/>' for file in files]
    assert packed[0] != packed[1] and figures["pixels"](packed[0]) == figures["pixels"](packed[1])
    assert figures["pixels"](packed[0]) != figures["pixels"](packed[0].replace("image", "picture"))


def test_states_to_explore_are_states():
    given = re.findall(r"minigrad explore '([^']+)'", "".join(map(read, NAMES)))
    assert given
    for state in given:
        parse(state)


def test_no_figure_is_left_over():
    shown = {file for name in NAMES for _, file in FIGURE.findall(read(name))}
    assert {f"figures/{path.name}" for path in (DOCS / "figures").glob("book_*.svg")} == shown


def test_words_are_bold_where_the_contents_say():
    listed = re.findall(r"\[([^]]+)\]\((\d\d_\w+\.md)\)", section(read("index.md"), "Words"))
    assert len(listed) > 30
    for word, name in listed:
        bold = [" ".join(found.lower().split()) for found in re.findall(r"\*\*([^*]+)\*\*", prose(read(name)))]
        assert word.lower() in bold, f"{name} has no **{word}**"
