"""A matrix in rows and columns of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.errors import require
from minigrad.matrix.form import words

if TYPE_CHECKING:
    from minigrad.matrix.matrix import Matrix


def table(matrix: Matrix, names: bool, limit: int) -> str:
    """One line for each row, columns aligned at the right; "..." for what is beyond `limit` rows or columns."""
    require(limit > 0, "text", "limit", limit, "at least 1")
    m, n = matrix.shape
    shown = range(min(n, limit))
    cells = [[words(row[i] if names else float(row[i])) if i in row else "0" for i in shown]
             for row in matrix.rows[:limit]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [" ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " ..." * (n > limit)
             for row in cells]
    return "\n".join(lines + ["..."] * (m > limit))
