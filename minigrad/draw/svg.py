"""A sheet of SVG: shapes are added, then it is written out.

Colours are names of a palette with a light and a dark side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.sax.saxutils import escape
from zlib import crc32

# name: (light, dark)
PALETTE = {
    "ground": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "faint": ("#6e7781", "#8b949e"),
    "line": ("#afb8c1", "#444c56"),
    "input": ("#ddf4ff", "#10314f"),
    "kernel": ("#fff3c4", "#4a3a08"),
    "output": ("#dafbe1", "#12381f"),
    "deeper": ("#f1e5ff", "#322049"),
    "accent": ("#0969da", "#58a6ff"),
    "second": ("#bf8700", "#d29922"),
    "third": ("#1a7f37", "#3fb950"),
    "fourth": ("#cf222e", "#ff7b72"),
    "fifth": ("#8250df", "#bc8cff"),
}
KINDS = re.compile(r'class="([^"]*)"')


def _rules(body: str, side: int) -> str:
    used = {kind for kinds in KINDS.findall(body) for kind in kinds.split()}
    return "".join(f".{letter}-{name}{{{what}:{both[side]}}}" for name, both in PALETTE.items()
                   for letter, what in (("f", "fill"), ("s", "stroke")) if f"{letter}-{name}" in used)


class Sheet:
    """A drawing of `width` by `height` pixels, y downwards."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []
        self.shapes: dict[str, str] = {}
        self.css = ""

    def shared(self, draw: Callable[[], None]) -> str:
        """The name of what `draw` adds: it is written once, however often `use` puts it down.

        A name is made from what it stands for, so that drawings in one page may have names in common.
        """
        begin = len(self.parts)
        draw()
        body = "\n".join(self.parts[begin:])
        del self.parts[begin:]
        name = f"d{crc32(body.encode()):08x}"
        self.shapes[name] = body
        return name

    def use(self, name: str, x: float, y: float) -> None:
        """A shared shape, its origin at (x, y)."""
        self.parts.append(f'<use href="#{name}" x="{x:g}" y="{y:g}"/>')

    @contextmanager
    def group(self, kind: str, style: str = "") -> Iterator[None]:
        """What is added inside belongs to one element of these classes."""
        self.parts.append(f'<g class="{kind}"' + (f' style="{style}"' if style else "") + ">")
        yield
        self.parts.append("</g>")

    def rect(self, x: float, y: float, width: float, height: float, fill: str = "", stroke: str = "",
             thick: float = 1, dashed: bool = False, round: float = 0, opacity: float = 1) -> None:
        """A rectangle; an empty fill or stroke is none; `opacity` is that of the fill."""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            f'class="{f"f-{fill}" if fill else "none"}{f" s-{stroke}" if stroke else ""}"'
            + (f' stroke-width="{thick:g}"' if stroke else "") + (' stroke-dasharray="3 3"' if dashed else "")
            + (f' rx="{round:g}"' if round else "") + (f' fill-opacity="{opacity:.2g}"' if opacity < 1 else "") + "/>")

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str = "line", thick: float = 1,
             dashed: bool = False) -> None:
        """A straight line."""
        self.parts.append(f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" class="s-{stroke}" stroke-width="{thick:g}"'
                          + (' stroke-dasharray="3 3"' if dashed else "") + "/>")

    def path(self, points: Sequence[tuple[float, float]], stroke: str = "line", thick: float = 1,
             dashed: bool = False) -> None:
        """Straight lines from point to point, to a tenth of a pixel."""
        at = "L".join(f"{round(x, 1):g} {round(y, 1):g}" for x, y in points)
        self.parts.append(f'<path d="M{at}" class="none s-{stroke}" stroke-width="{thick:g}" stroke-linejoin="round"'
                          + (' stroke-dasharray="5 4"' if dashed else "") + "/>")

    def image(self, x: float, y: float, width: float, height: float, address: str) -> None:
        """A picture of pixels, each of them seen as a square; see `png.uri` for its address."""
        self.parts.append(f'<image x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" href="{address}" '
                          'preserveAspectRatio="none" style="image-rendering:pixelated"/>')

    def rects(self, boxes: Sequence[tuple[float, float, float, float]], fill: str = "", stroke: str = "") -> None:
        """Rectangles (x, y, width, height) as one shape, which takes less text than each for itself."""
        at = "".join(f"M{round(x, 2):g} {round(y, 2):g}h{round(width, 2):g}v{round(height, 2):g}h{-round(width, 2):g}z"
                     for x, y, width, height in boxes)
        kind = (f"f-{fill}" if fill else "none") + (f" s-{stroke}" if stroke else "")
        self.parts.append(f'<path d="{at}" class="{kind}"/>')

    def arrow(self, points: Sequence[tuple[float, float]], stroke: str = "line", dashed: bool = False) -> None:
        """Straight lines through points, and a head at the last."""
        (x1, y1), (x, y) = points[-2:]
        dx, dy = (x > x1) - (x < x1), (y > y1) - (y < y1)
        at = "L".join(f"{px:g} {py:g}" for px, py in points)
        self.parts.append(f'<path d="M{at}" class="none s-{stroke}"' + (' stroke-dasharray="3 3"' if dashed else "")
                          + f'/><path d="M{x:g} {y:g}L{x - 5 * dx - 3 * dy:g} {y - 5 * dy - 3 * dx:g}'
                          f'L{x - 5 * dx + 3 * dy:g} {y - 5 * dy + 3 * dx:g}Z" class="f-{stroke}"/>')

    def text(self, x: float, y: float, words: str, size: float = 13, anchor: str = "middle", fill: str = "ink",
             bold: bool = False, mono: bool = False) -> None:
        """One line of text with its baseline at y; `anchor` is start, middle or end.  Of no words, nothing."""
        if not words:
            return
        kind = f"f-{fill}" + (" b" if bold else "") + (" m" if mono else "")
        self.parts.append(f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" class="{kind}">'
                          f"{escape(words)}</text>")

    def svg(self) -> str:
        """The document."""
        defs = "".join(f'<g id="{name}">\n{body}\n</g>\n' for name, body in self.shapes.items())
        body = '<rect width="100%" height="100%" class="f-ground"/>\n' + "\n".join(self.parts)
        light, dark = _rules(defs + body, 0), _rules(defs + body, 1)
        style = ("text{font-family:system-ui,sans-serif}.m{font-family:ui-monospace,monospace}.b{font-weight:600}"
                 f".none{{fill:none}}{light}@media(prefers-color-scheme:dark){{{dark}}}{self.css}")
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
                f'width="{self.width:g}" height="{self.height:g}" role="img">\n<title>{escape(self.title)}</title>\n'
                f"<style>{style}</style>\n" + (f"<defs>\n{defs}</defs>\n" if defs else "") + body + "\n</svg>\n")

    def _repr_svg_(self) -> str:
        """What a notebook shows of it."""
        return self.svg()

    def __repr__(self) -> str:
        return f"<Sheet {self.title!r}, {self.width:g} x {self.height:g}>"

    def save(self, path: str | Path) -> Path:
        """Writes the document; returns the path."""
        target = Path(path)
        target.write_text(self.svg(), encoding="utf-8")
        return target
