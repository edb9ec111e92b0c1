"""Writes docs/worked.md, the list of all worked examples of the source texts: `python docs/worked.py`.

With --check, says whether the page is current.  The table itself, what each text says and the function by which the
engine says it, is tests/worked_examples; tests/test_worked.py runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from worked_examples import EXAMPLES, TEXTS, Example  # noqa: E402  (the tests' folder is on the path only now)

PAGE = HERE / "worked.md"
HEAD = """# Worked examples

{count} numbers, formulas and figures of the five texts that this project follows, each computed by the engine. The name
in the last column leads to the function that does it; `pytest tests/test_worked.py` runs all of them. Where a text is
wrong, {errata} times, it says so in bold, and a test also shows that the engine does not give what is printed.
`minigrad arithmetic`, `minigrad matrix`, `minigrad receptive-field` and `minigrad explore` answer for other numbers.

What they tell of the brain and the perceptron, and what they report of trainings (error rates on ImageNet, hours on
GPUs), is not computed here.
"""


def words(value: Any) -> str:
    """A value as it stands in the table; whole numbers without a point."""
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(words, value))
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, bool):
        return "equal" if value else "not equal"
    return f"{value:g}" if isinstance(value, float) else str(value)


def row(example: Example) -> str:
    """One line of a text's table."""
    gives = example.shown or words(example.gives)
    if example.erratum:
        gives += f". **Erratum**: {example.erratum}"
    if example.note:
        gives += f" ({example.note})"
    place = f"[{example.place}](figures/{example.figure}.svg)" if example.figure else example.place
    code = example.compute.__code__
    link = f"../tests/worked_examples/{Path(code.co_filename).name}#L{code.co_firstlineno}"
    return f"| {place} | {example.says} | {gives} | [{example.name}]({link}) |"


def page() -> str:
    """The whole page."""
    lines = [HEAD.format(count=len(EXAMPLES), errata=sum(bool(example.erratum) for example in EXAMPLES))]
    for text in TEXTS:
        lines += [f"## {text.author}", "", f"{text.title}.", ""]
        lines += ["| where | the text | the engine | test |", "|---|---|---|---|"]
        lines += [row(example) for example in EXAMPLES if example.text is text] + [""]
    return "\n".join(lines).rstrip() + "\n"


def main(check: bool) -> int:
    """Writes the page, or with `check` says whether it is current."""
    if check:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page()
        print("current" if current else "docs/worked.md is not current: run python docs/worked.py")
        return int(not current)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
