"""The examples of the README, and those of the pages in docs/, print what stands beside them."""

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
PAGES = [page for page in sorted((README.parent / "docs").glob("*.md")) if ">>> " in page.read_text(encoding="utf-8")]


def example() -> str:
    return re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S).group(1)


def test_example_prints_its_numbers():
    promised = re.findall(r"print\(.*\)\s+# (.*)", example())
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example(), "README.md", "exec"), {})
    assert promised, "the example promises no numbers"
    assert printed.getvalue().splitlines() == promised


def test_example_is_fifteen_lines():
    assert len([line for line in example().splitlines() if line.strip()]) <= 15


def test_install_lines_stand_in_the_readme():
    text = README.read_text(encoding="utf-8")
    assert "pip install . && minigrad train digits\n" in text
    assert "pip install '.[test]' && pytest\n" in text


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_pages(page):
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8",
                                     optionflags=doctest.ELLIPSIS | doctest.REPORT_ONLY_FIRST_FAILURE)
    assert tried and not failed


def test_page_of_capture_has_examples():
    assert "capture.md" in [page.name for page in PAGES]
