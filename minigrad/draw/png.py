"""A PNG of few pixels, to put into an SVG: pictures of filters and feature maps are smaller so than as rectangles.

Source: W3C, Portable Network Graphics (PNG) Specification, third edition.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

Colour = tuple[int, int, int, int]      # red, green, blue, opacity: each from 0 to 255


def png(rows: Sequence[Sequence[Colour]]) -> bytes:
    """The file: up to 256 colours as a palette and a byte for each pixel, more of them as 4 bytes for each pixel.

    >>> png([[(255, 0, 0, 255)]])[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    palette = {colour: j for j, colour in enumerate(dict.fromkeys(colour for row in rows for colour in row))}
    few = len(palette) <= 256
    # Each row begins with the number of its filter; 0 is none.
    lines = [bytes([0, *([palette[c] for c in row] if few else [n for c in row for n in c])]) for row in rows]
    parts = [(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 3 if few else 6, 0, 0, 0))]
    if few:
        parts += [(b"PLTE", bytes(n for colour in palette for n in colour[:3])),
                  (b"tRNS", bytes(colour[3] for colour in palette))]
    parts += [(b"IDAT", zlib.compress(b"".join(lines), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts)


def uri(rows: Sequence[Sequence[Colour]]) -> str:
    """The picture as an address that holds it whole.

    >>> uri([[(0, 0, 0, 255)]])[:22]
    'data:image/png;base64,'
    """
    return "data:image/png;base64," + base64.b64encode(png(rows)).decode()
