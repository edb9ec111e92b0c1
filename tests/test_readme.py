"""The README's example prints what the README says it prints."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


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
