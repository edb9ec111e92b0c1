"""A sparse matrix by rows, whose entries may have names."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Any, NoReturn

from minigrad.dtypes import DType, int64
from minigrad.errors import refuse, require
from minigrad.functions.create import tensor, zeros
from minigrad.matrix.form import Form, collected, words
from minigrad.matrix.structure import Structure, structure_of
from minigrad.matrix.text import table
from minigrad.node import Value

Row = dict[int, float]      # column -> entry, columns in order


class Matrix:
    """The matrix of a linear function, as `matrix_of` makes it: `rows[o][i]` is the entry, where there is one.

    `input_shape` and `output_shape` are the shapes that its columns and rows stand for.  An entry that has a name is
    there even where its number is 0.  As text it shows names, in columns.

    >>> import minigrad
    >>> from minigrad.matrix import matrix_of
    >>> A = matrix_of(lambda x: x[1:] - x[:-1], (4,))
    >>> print(A)
    -1  1  0 0
     0 -1  1 0
     0  0 -1 1
    >>> A @ minigrad.tensor([1., 4., 9., 16.])
    tensor([3., 5., 7.])
    >>> print(A.T @ A)
     1 -1  0  0
    -1  2 -1  0
     0 -1  2 -1
     0  0 -1  1
    """

    def __init__(self, rows: list[Row], input_shape: tuple[int, ...], output_shape: tuple[int, ...],
                 dtype: DType) -> None:
        self.rows, self.input_shape, self.output_shape, self.dtype = rows, input_shape, output_shape, dtype

    @property
    def shape(self) -> tuple[int, int]:
        """(elements of the result, elements of the input)."""
        return len(self.rows), prod(self.input_shape)

    @cached_property
    def nnz(self) -> int:
        """How many entries there are: those that have a name, or are not 0."""
        return sum(map(len, self.rows))

    @cached_property
    def T(self) -> Matrix:
        """The transposed matrix: of a convolution, the transposed convolution."""
        columns: list[Row] = [{} for _ in range(self.shape[1])]
        for o, row in enumerate(self.rows):
            for i, value in row.items():
                columns[i][o] = value
        back = Matrix(columns, self.output_shape, self.input_shape, self.dtype)
        back.T = self
        return back

    def __matmul__(self, other: Any) -> Any:
        """With a matrix, the matrix of one function after the other.  With a tensor of shape (n,) or (n, k), its image,
        of shape (m,) or (m, k), through which gradients pass."""
        n = self.shape[1]
        if isinstance(other, Matrix):
            require(other.shape[0] == n, "Matrix @", "other", f"shape {other.shape}", f"{n} rows, as {self.shape} has "
                    "columns")
            forms = [Form((), row) for row in other.rows]
            return Matrix([collected([(value, forms[i]) for i, value in row.items()]) for row in self.rows],
                          other.input_shape, self.output_shape, self.dtype)
        if not isinstance(other, Value):
            return NotImplemented
        if other.ndim not in (1, 2) or other.shape[0] != n:
            refuse("Matrix @", "other", f"shape {tuple(other.shape)}", f"({n},) or ({n}, k)")
        rows, columns, values = self.coo()
        x: Any = other
        tail = tuple(x.shape[1:])
        rows, values = [each.reshape(-1, *(1,) * len(tail)).expand(-1, *tail) for each in (rows, values)]
        image = zeros(self.shape[0], *tail, dtype=other.dtype)
        return image.scatter_add(0, rows, values.to(other.dtype) * x[columns])

    def coo(self) -> tuple[Any, Any, Any]:
        """(rows, columns, values) of the entries in row-major order: two int64 tensors and one of the dtype.

        >>> from minigrad.matrix import matrix_of
        >>> matrix_of(lambda x: 2 * x.flip(0), (2,)).coo()
        (tensor([0, 1]), tensor([1, 0]), tensor([2., 2.]))
        """
        found = [(o, i, float(value)) for o, row in enumerate(self.rows) for i, value in row.items()]
        rows, columns, values = ([part[j] for part in found] for j in range(3))
        return tensor(rows, dtype=int64), tensor(columns, dtype=int64), tensor(values, dtype=self.dtype)

    def to_dense(self) -> Any:
        """All its numbers as a tensor of shape `shape`, zeros included."""
        m, n = self.shape
        rows, columns, values = self.coo()
        return zeros(m * n, dtype=self.dtype).scatter_add(0, rows * n + columns, values).reshape(m, n)

    def name(self, row: int, column: int) -> str:
        """What stands at a place: the name of a weight, a formula or a number; "0" where there is no entry."""
        return words(self.rows[row].get(column, 0))

    def structure(self) -> Structure:
        """Its bands, and along which axes it is Toeplitz.

        >>> import minigrad
        >>> from minigrad.matrix import matrix_of
        >>> w = minigrad.ones(1, 1, 3, 3)
        >>> print(matrix_of(lambda x: minigrad.nn.functional.conv2d(x, w), (1, 1, 4, 4)).structure())
        4 x 16, 36 entries (56 % of 64), 13 diagonals, 9 weights; doubly block Toeplitz: 2 x 4 blocks of 2 x 4
        """
        return structure_of(self)

    def text(self, names: bool = True, limit: int = 64) -> str:
        """The matrix in columns of text, with names or with numbers; of more than `limit` rows or columns, the first.

        >>> from minigrad.matrix import matrix_of
        >>> print(matrix_of(lambda x: x.cumsum(0), (3,)).text(names=False))
        1 0 0
        1 1 0
        1 1 1
        """
        return table(self, names, limit)

    __str__ = text

    def __repr__(self) -> str:
        return f"<Matrix {self.shape[0]} x {self.shape[1]}, {self.nnz} entries>"

    def __len__(self) -> NoReturn:
        raise TypeError("Matrix: len: a matrix has two sizes, see its shape")
