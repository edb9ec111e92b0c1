"""HTML: a document with numbered sections, figures and tables.  All words are escaped here, and nowhere else."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

from minigrad.draw.png import uri
from minigrad.draw.svg import PALETTE, Sheet

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"     # whatever is in it, it fetches nothing


def escape(words: Any) -> str:
    """Words as they are to be read, whatever signs are in them."""
    return html.escape(str(words))


class Page:
    """A page that grows section by section; figures and tables are numbered as they come."""

    def __init__(self, title: str, about: str) -> None:
        self.title, self.about = title, about
        self.parts: list[str] = []
        self.sections = self.figures = self.tables = 0

    def section(self, title: str) -> None:
        self.sections += 1
        self.parts.append(f"<h2>{self.sections}&ensp;{escape(title)}</h2>")

    def text(self, *sentences: str, kind: str = "") -> None:
        """A paragraph."""
        self.parts.append(f"<p{f' class={kind}' if kind else ''}>{escape(' '.join(filter(None, sentences)))}</p>")

    def code(self, words: str) -> None:
        self.parts.append(f"<pre>{escape(words)}</pre>")

    def figure(self, drawing: Sheet | Sequence[Sheet], caption: str, folded: str = "") -> None:
        """Drawings with one caption; `folded` is the line that stands for them until they are asked for."""
        drawings = [drawing] if isinstance(drawing, Sheet) else list(drawing)
        inside = "".join(f'<div class="wide" style="--width:{each.width:g}px">{inline(each)}</div>'
                         for each in drawings)
        if folded:
            inside = f"<details><summary>{escape(folded)}</summary>{inside}</details>"
        self.figures += 1
        self._captioned("Figure", self.figures, inside, caption)

    def images(self, found: Iterable[tuple[Any, str]], caption: str) -> None:
        """Images (C, H, W), from 0 to 1, side by side, each with words below it."""
        self.figures += 1
        inside = "".join(f'<div><img src="{uri(pixels(image))}" alt="">{escape(words)}</div>' for image, words in found)
        self._captioned("Figure", self.figures, f'<div class="images">{inside}</div>', caption)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, words: Sequence[int],
              foot: Sequence[str] = ()) -> None:
        """A table: numbers stand to the right, but in the columns `words`, where spaces at the beginning indent."""
        self.tables += 1

        def row(cells: Sequence[str], tag: str = "td") -> str:
            return "<tr>" + "".join(
                f"<{tag}{' class=words' if at in words else ''}>"
                + "&ensp;" * (len(cell) - len(cell.lstrip(" "))) + f"{escape(cell.strip())}</{tag}>"
                for at, cell in enumerate(cells)) + "</tr>"

        body = "\n".join(map(row, rows))
        end = f"<tfoot>{row(foot)}</tfoot>" if foot else ""
        self._captioned("Table", self.tables, f'<div class="wide"><table><thead>{row(head, "th")}</thead>\n'
                        f"<tbody>{body}</tbody>{end}</table></div>", caption)

    def _captioned(self, kind: str, number: int, inside: str, caption: str) -> None:
        self.parts.append(f"<figure>{inside}\n"
                          f"<figcaption><b>{kind} {number}.</b> {escape(caption)}</figcaption></figure>")

    def html(self) -> str:
        """The document."""
        sides = [";".join(f"--{name}:{both[side]}" for name, both in PALETTE.items()) for side in (0, 1)]
        style = (files("minigrad.report") / "page.css").read_text(encoding="utf-8")
        body = "\n".join(self.parts)
        return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                f"<title>{escape(self.title)}</title>\n"
                f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
                f'<meta name="color-scheme" content="light dark">\n'
                f"<style>\n:root{{{sides[0]}}}\n@media(prefers-color-scheme:dark){{:root{{{sides[1]}}}}}\n{style}"
                "</style>\n"
                f"</head>\n<body>\n<main>\n<h1>{escape(self.title)}</h1>\n<p class=about>{escape(self.about)}</p>\n"
                f"{body}\n</main>\n</body>\n</html>\n")


def inline(drawing: Sheet) -> str:
    """A drawing as a part of a document: the name of its language is known there."""
    return drawing.svg().replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)


def pixels(image: Any) -> list[list[tuple[int, int, int, int]]]:
    """The colours of an image (C, H, W) from 0 to 1: three channels as they are, others by their mean as a grey."""
    image = image if image.shape[0] == 3 else image.mean(0, keepdim=True).expand(3, *image.shape[1:])
    red, green, blue = (image * 255).round().clamp(0, 255).tolist()
    return [[(int(r), int(g), int(b), 255) for r, g, b in zip(*rows, strict=True)]
            for rows in zip(red, green, blue, strict=True)]


def percent(share: float, digits: int = 1) -> str:
    """A share as it is read; the space in it does not break.

    >>> percent(0.98607), percent(float("nan"))
    ('98.6\\xa0%', '–')
    """
    return f"{100 * share:.{digits}f}\u00a0%" if math.isfinite(share) else "–"
