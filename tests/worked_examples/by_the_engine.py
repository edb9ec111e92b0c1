"""The engine asked with plain lists, exactly: small whole numbers in float64."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import minigrad
import minigrad.nn.functional as F
from minigrad.arithmetic import associated_transpose, conv_output_size
from minigrad.matrix import Matrix, matrix_of

GUIDE_IMAGE = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
GUIDE_KERNEL = [[0, 1, 2], [2, 2, 0], [0, 1, 2]]


def tensor(values: Any) -> Any:
    return (values if isinstance(values, minigrad.Tensor) else minigrad.tensor(values)).double()


def image(rows: Any) -> Any:
    """(H, W) numbers, or (W,), as one image of one channel."""
    return tensor(rows)[None, None]


def counting(*shape: int) -> Any:
    """Numbers without a pattern that symmetry could hide: 3, 7, 2, 8, ... of that shape."""
    count = minigrad.arange(float(minigrad.zeros(*shape).numel()), dtype=minigrad.float64)
    return ((count * count + 3 * count + 3) % 11 - 2).reshape(*shape)


def numbers(y: Any) -> list:
    """The only channel of the only image, as lists."""
    return y[0, 0].tolist()


def conv(x: Any, w: Any, **how: Any) -> list:
    call = F.conv1d if image(x).ndim == 3 else F.conv2d
    return numbers(call(image(x), image(w), **how))


def conv_transpose(g: Any, w: Any, **how: Any) -> list:
    call = F.conv_transpose1d if image(g).ndim == 3 else F.conv_transpose2d
    return numbers(call(image(g), image(w), **how))


def flipped(w: Any) -> list:
    """A kernel with each of its axes turned around."""
    return tensor(w).flip(tuple(range(tensor(w).ndim))).tolist()


def conv_matrix(shape: Sequence[int], kernel: Sequence[int], **how: Any) -> Matrix:
    """The matrix of a convolution of one channel; its entries have the names of the weights."""
    call = {1: F.conv1d, 2: F.conv2d}[len(shape)]
    w = minigrad.ones(1, 1, *kernel)
    return matrix_of(lambda x: call(x, w, **how), (1, 1, *shape))


def names(matrix: Matrix, rename: Callable[[int], str] | None = None) -> list[list[str]]:
    """A matrix as rows of names; `rename` makes its own of the number in a name of one axis, w[2]."""
    def name(row: int, column: int) -> str:
        found = matrix.name(row, column)
        number = re.fullmatch(r"w\[(\d+)\]", found)
        return rename(int(number[1])) if rename and number else found
    return [[name(o, i) for i in range(matrix.shape[1])] for o in range(matrix.shape[0])]


def in_letters(matrix: Sequence[Sequence[str]], vector: Sequence[str]) -> list[str]:
    """A matrix of names times a vector of names: of (0, x, y) and (a, b, 0), "bx"; factors in order of the alphabet."""
    return ["+".join("".join(sorted(pair)) for pair in zip(row, vector, strict=True) if "0" not in pair)
            for row in matrix]


def transposed(i: int, k: int, s: int = 1, p: int = 0) -> str:
    """The transpose of the convolution (i, k, s, p) over squares: what takes its output back, in two ways that agree.

    The engine's transposed convolution of some numbers must be its direct convolution with the flipped kernel over the
    same numbers with zeros between and around.
    """
    back = associated_transpose(i, k, s, p)
    g, w = counting(1, 1, back.input, back.input), counting(1, 1, k, k)
    wide = minigrad.zeros(1, 1, back.stretched, back.stretched, dtype=minigrad.float64)
    wide[:, :, ::s, ::s] = g
    low, high = back.padding
    direct = F.conv2d(F.pad(wide, (low, high, low, high)), w.flip((2, 3)))
    result = F.conv_transpose2d(g, w, stride=s, padding=p, output_padding=back.a)
    assert result.tolist() == direct.tolist(), "they differ"
    assert conv_output_size(i, k, s, p) == back.input
    return described(back.input, back.stretched, back.p, back.a, result.shape[2])


def described(i: int, stretched: int, p: int, a: int, o: int) -> str:
    """A transposed convolution in the letters of the guide."""
    return (f"i' = {i}" + f", stretched to {stretched}" * (stretched != i) + f", p' = {p}" + f", a = {a}" * (a > 0)
            + f", s' = 1: o' = {o}")
