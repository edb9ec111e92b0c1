"""Reductions, by PyTorch's names: `dim` is an axis, several, or None for all; `keepdim` leaves them at size 1."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad import dtypes
from minigrad.errors import require
from minigrad.functions.math import cast
from minigrad.node import Tensor
from minigrad.ops import index, math, reduce, softmax as rows, view
from minigrad.shapes import axes_of, axis_of, dropped, reduced

__all__ = ["Extreme", "all", "amax", "amin", "any", "argmax", "argmin", "count_nonzero", "cumsum",
           "log_softmax", "logsumexp", "max", "mean", "min", "norm", "prod", "softmax", "std", "sum",
           "var", "var_mean"]


class Extreme(NamedTuple):
    """What `max` and `min` along an axis return."""

    values: Any
    indices: Any


def _over(op: str, row: Callable, x: Any, dim: Any, keepdim: bool, empty: Any = None) -> Any:
    """A row that reduces to a shape, over `dim`: None means all axes, and so does an `empty` tuple or list."""
    axes = axes_of(op, empty if dim == () or dim == [] else dim, x.ndim)
    shape, left = _shapes(x.shape, axes)
    y = row(x, shape=shape)
    return y if keepdim or not axes else view.reshape(y, shape=left)


@functools.lru_cache(maxsize=4096)
def _shapes(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """With the axes at size 1, and without them."""
    return reduced(shape, axes), dropped(shape, axes)


def _drop(x: Any, axes: tuple[int, ...], keepdim: bool) -> Any:
    return x if keepdim or not axes else view.reshape(x, shape=dropped(x.shape, axes))


def root(total: Any, p: float = 2) -> Any:
    """The p-th root with slope 0 at 0, where it would be infinite: chosen around it."""
    if p == 2:
        return math.root(total)
    zero = math.eq(total, 0)
    return math.where(zero, 0, math.pow(math.where(zero, 1, total), 1 / p))


def _summable(op: str, x: Any, dtype: Any) -> Any:
    """x in the dtype asked for; integers and bools in int64 else."""
    kind = dtypes.as_dtype(dtype, op) if dtype is not None else x.dtype if x.dtype.is_floating_point else dtypes.int64
    return x if kind is x.dtype else math.cast(x, dtype=kind)


def _floating(op: str, x: Any, dtype: Any = None) -> Any:
    x = x if dtype is None else math.cast(x, dtype=dtypes.as_dtype(dtype, op))
    if not x.dtype.is_floating_point:
        dtypes.check_dtype(op, "input", x.dtype, *dtypes.FLOATS)
    return x


def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim`; integers and bools add up in int64.

    float32 is accumulated so that the error does not grow with the number of terms.

    >>> import minigrad
    >>> minigrad.tensor([[1., 2.], [3., 4.]]).sum(1)
    tensor([3., 7.])
    """
    x = _summable("sum", input, dtype)
    return view.sum_to(x, shape=()) if dim is None and not keepdim else _over("sum", view.sum_to, x, dim, keepdim)


def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim` divided by the number of its elements (NaN for none).  Floats only.

    >>> import minigrad
    >>> minigrad.tensor([1., 2., 6.]).mean()
    tensor(3.)
    """
    return _over("mean", reduce.mean, _floating("mean", input, dtype), dim, keepdim)


def var(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
        correction: float | None = None) -> Tensor:
    """The mean squared distance from the mean, over N - `correction` (1 unless `unbiased` is False).

    >>> import minigrad
    >>> minigrad.tensor([1., 2., 3., 4.]).var(correction=0)
    tensor(1.2500)
    """
    return var_mean(input, dim, unbiased, keepdim, correction=correction)[0]


def var_mean(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: float | None = None) -> tuple:
    """Both `var` and `mean`.

    >>> import minigrad
    >>> minigrad.var_mean(minigrad.tensor([1., 3.]), correction=0)
    (tensor(1.), tensor(2.))
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    input = _floating("var", input)
    center = mean(input, dim, keepdim=True)
    total = sum(math.square(input - center), dim, keepdim)
    count = input.buffer.size // builtins.max(center.buffer.size, 1)
    freedom = count - (correction if correction is not None else 1 if unbiased in (None, True) else 0)
    return total / builtins.max(freedom, 0), center if keepdim else view.flat_view(center, total.shape)


def std(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
        correction: float | None = None) -> Tensor:
    """The square root of `var`; the gradient where it is 0 is taken as 0.

    >>> import minigrad
    >>> minigrad.tensor([1., 3.]).std(correction=0)
    tensor(1.)
    """
    return root(var(input, dim, unbiased, keepdim, correction=correction))



def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over `dim`; integers and bools multiply in int64.

    Computed as a tree of products of halves, so that derivatives of any order are right where factors are zero.

    >>> import minigrad
    >>> minigrad.tensor([2., 3., 4.]).prod()
    tensor(24.)
    """
    x = _summable("prod", input, dtype)
    axes = axes_of("prod", dim, input.ndim)
    for axis in axes:
        x = _halved(x, axis)
    return _drop(x, axes, keepdim)


def _halved(x: Any, axis: int) -> Any:
    """The product along one axis, kept at size 1."""
    if not x.shape[axis]:
        return view.sum_to(x, shape=reduced(x.shape, (axis,))) + 1      # the product of nothing
    while (size := x.shape[axis]) > 1:
        half = math.mul(view.cut(x, axis, 0, size // 2), view.cut(x, axis, size // 2, size // 2))
        x = view.cat(half, view.cut(x, axis, size - 1, 1), axis=axis) if size % 2 else half
    return x


def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest element over `dim`; elements that tie for it share the gradient evenly.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).amax(1)
    tensor([5., 7.])
    """
    return _over("amax", reduce.amax, input, dim, keepdim)


def amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The smallest element over `dim`; elements that tie for it share the gradient evenly.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).amin(1)
    tensor([1., 2.])
    """
    return _over("amin", reduce.amin, input, dim, keepdim)



def _extreme(op: str, input: Any, dim: Any, keepdim: bool, pairwise: Callable, over_all: Callable,
             position: Callable) -> Any:
    """max or min: over everything a tensor, along one axis an Extreme, against another tensor elementwise."""
    if hasattr(dim, "buffer"):
        return pairwise(input, dim)
    if dim is None:
        return over_all(input, None, keepdim)
    axis = axis_of(op, dim, input.ndim)
    indices = position(input, axis=axis)
    values = index.gather(input, indices, axis=axis)
    return Extreme(_drop(values, (axis,), keepdim), _drop(indices, (axis,), keepdim))


def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element; along `dim`, (values, indices), the first of equals; with a tensor, `maximum`.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).max(1).indices
    tensor([1, 0])
    """
    return _extreme("max", input, dim, keepdim, math.maximum, amax, reduce.argmax)


def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element; along `dim`, (values, indices), the first of equals; with a tensor, `minimum`.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).min(1).values
    tensor([1., 2.])
    """
    return _extreme("min", input, dim, keepdim, math.minimum, amin, reduce.argmin)


def _position(row: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        place = row(view.flat_view(input, (input.buffer.size,)), axis=0)
        return view.reshape(place, shape=(1,) * input.ndim if keepdim else ())
    axis = axis_of(row.name, dim, input.ndim)
    return _drop(row(input, axis=axis), (axis,), keepdim)


def argmax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The first position of the largest element along `dim`, or in the flattened tensor.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).argmax()
    tensor(2)
    """
    return _position(reduce.argmax, input, dim, keepdim)


def argmin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The first position of the smallest element along `dim`, or in the flattened tensor.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).argmin(1)
    tensor([0, 1])
    """
    return _position(reduce.argmin, input, dim, keepdim)


def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether any element over `dim` is non-zero (False for none).

    >>> import minigrad
    >>> minigrad.tensor([0, 2]).any()
    tensor(True)
    """
    return _over("any", reduce.any, cast(input, dtypes.bool), dim, keepdim, empty=())


def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements over `dim` are non-zero (True for none).

    >>> import minigrad
    >>> minigrad.tensor([0, 2]).all()
    tensor(False)
    """
    return _over("all", reduce.all, cast(input, dtypes.bool), dim, keepdim, empty=())


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements over `dim` are not zero.

    >>> import minigrad
    >>> minigrad.tensor([0, 2, 3]).count_nonzero()
    tensor(2)
    """
    return sum(math.ne(input, 0), dim)


def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """ln(sum(e^x)) over `dim`, computed about the largest element so that nothing overflows.

    >>> import minigrad
    >>> minigrad.tensor([1000., 1000.]).logsumexp(0)
    tensor(1000.6932)
    """
    x = cast(input, input.dtype if input.dtype.is_floating_point else dtypes.get_default_dtype())
    return _over("logsumexp", reduce.logsumexp, x, dim, keepdim)


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """x - logsumexp(x) along `dim`: the logarithm of the softmax, without its rounding.

    >>> import minigrad
    >>> minigrad.tensor([0., 0.]).log_softmax(0)
    tensor([-0.6931, -0.6931])
    """
    axis = axis_of("log_softmax", dim, input.ndim)
    return rows.log_softmax(_floating("log_softmax", input, dtype), axis=axis)


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """e^x / sum(e^x) along `dim`: positive numbers that add up to one.

    >>> import minigrad
    >>> minigrad.tensor([0., 0.]).softmax(0)
    tensor([0.5000, 0.5000])
    """
    axis = axis_of("softmax", dim, input.ndim)
    return rows.softmax(_floating("softmax", input, dtype), axis=axis)


def norm(input: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The p-norm over `dim`: (sum |x|^p)^(1/p); inf and -inf give the largest and smallest |x|, 0 counts non-zeros.

    The gradient of the 2-norm at 0 is taken as 0.

    >>> import minigrad
    >>> minigrad.tensor([3., 4.]).norm()
    tensor(5.)
    """
    x = _floating("norm", input)
    p = 2 if p == "fro" else p
    require(isinstance(p, (int, float)), "norm", "p", repr(p), "a number or 'fro'", TypeError)
    size = math.abs(x)
    if abs(p) == float("inf"):
        return (amax if p > 0 else amin)(size, dim, keepdim)
    if p in (0, 1):
        return sum(size if p else math.cast(math.ne(x, 0), dtype=x.dtype), dim, keepdim)
    return root(sum(math.square(x) if p == 2 else math.pow(size, p), dim, keepdim), p)


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`; integers and bools add up in int64.

    >>> import minigrad
    >>> minigrad.tensor([1, 2, 3]).cumsum(0)
    tensor([1, 3, 6])
    """
    x = _summable("cumsum", input, dtype)
    return reduce.cumsum(x, axis=axis_of("cumsum", dim, x.ndim), reverse=False)
