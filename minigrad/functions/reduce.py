"""Reductions, by PyTorch's names: `dim` is an axis, several, or None for all; `keepdim` leaves them at size 1."""

from __future__ import annotations

from math import prod as product
from typing import TYPE_CHECKING, Any, NamedTuple

from minigrad.dtypes import as_dtype, get_default_dtype, int64
from minigrad.dtypes import bool as bool_
from minigrad.node import Value
from minigrad.ops import index as rows_index
from minigrad.ops import math as rows_math
from minigrad.ops import reduce as rows
from minigrad.ops import view as rows_view
from minigrad.shapes import axes_of, axis_of, dropped, reduced

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["Extreme", "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "cumsum",
           "log_softmax", "logsumexp", "max", "mean", "min", "norm", "prod", "softmax", "std", "std_mean", "sum",
           "var", "var_mean"]


class Extreme(NamedTuple):
    """What `max` and `min` along an axis return."""

    values: Any
    indices: Any


def _axes(op: str, dim: Any, ndim: int) -> tuple[int, ...]:
    """The reduced axes: None, and also an empty tuple or list, mean all."""
    return axes_of(op, None if isinstance(dim, (tuple, list)) and not dim else dim, ndim)


def _root(total: Any) -> Any:
    """The square root with slope 0 at 0, where it would be infinite: chosen around it."""
    zero = rows_math.eq(total, 0)
    return rows_math.where(zero, 0, rows_math.sqrt(rows_math.where(zero, 1, total)))


def _drop(x: Any, axes: tuple[int, ...], keepdim: bool) -> Any:
    return x if keepdim or not axes else rows_view.reshape(x, shape=dropped(x.shape, axes))


def _floating(op: str, x: Any, dtype: Any = None) -> Any:
    if dtype is not None:
        x = rows_math.cast(x, dtype=as_dtype(dtype, op))
    if not x.dtype.is_floating_point:
        raise TypeError(f"{op}: input: got dtype {x.dtype.name}, expected float32 or float64")
    return x


def _count(x: Any, axes: tuple[int, ...]) -> int:
    return product([x.shape[axis] for axis in axes])


def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim`; integers and bools add up in int64.

    float32 is accumulated so that the error does not grow with the number of terms.

    >>> import minigrad
    >>> minigrad.tensor([[1., 2.], [3., 4.]]).sum(1)
    tensor([3., 7.])
    """
    if dtype is not None:
        input = rows_math.cast(input, dtype=as_dtype(dtype, "sum"))
    elif not input.dtype.is_floating_point and input.dtype is not int64:
        input = rows_math.cast(input, dtype=int64)
    axes = _axes("sum", dim, input.ndim)
    return _drop(rows_view.sum_to(input, shape=reduced(input.shape, axes)), axes, keepdim)


def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim` divided by the number of its elements (NaN for none).  Floats only.

    >>> import minigrad
    >>> minigrad.tensor([1., 2., 6.]).mean()
    tensor(3.)
    """
    input = _floating("mean", input, dtype)
    axes = _axes("mean", dim, input.ndim)
    count = _count(input, axes)
    total = sum(input, dim, keepdim)
    return total * (1.0 / count) if count and count & (count - 1) == 0 else total / count


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
    if correction is None:
        correction = 1 if unbiased is None or unbiased else 0
    axes = _axes("var", dim, input.ndim)
    center = mean(input, dim, keepdim=True)
    freedom = builtins_max(_count(input, axes) - correction, 0)
    spread = sum(rows_math.square(input - center), dim, keepdim)
    return spread / freedom, _drop(center, axes, keepdim)


def std(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
        correction: float | None = None) -> Tensor:
    """The square root of `var`; the gradient where it is 0 is taken as 0.

    >>> import minigrad
    >>> minigrad.tensor([1., 3.]).std(correction=0)
    tensor(1.)
    """
    return _root(var(input, dim, unbiased, keepdim, correction=correction))


def std_mean(input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: float | None = None) -> tuple:
    """Both `std` and `mean`.

    >>> import minigrad
    >>> minigrad.std_mean(minigrad.tensor([1., 3.]), correction=0)
    (tensor(1.), tensor(2.))
    """
    spread, center = var_mean(input, dim, unbiased, keepdim, correction=correction)
    return _root(spread), center


def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product over `dim`; integers and bools multiply in int64.

    Computed as a tree of products of halves, so that derivatives of any order are right where factors are zero.

    >>> import minigrad
    >>> minigrad.tensor([2., 3., 4.]).prod()
    tensor(24.)
    """
    if dtype is not None:
        input = rows_math.cast(input, dtype=as_dtype(dtype, "prod"))
    elif not input.dtype.is_floating_point:
        input = rows_math.cast(input, dtype=int64)
    x = input
    for axis in axes_of("prod", dim, input.ndim):
        x = _halved(x, axis)
    return _drop(x, axes_of("prod", dim, input.ndim), keepdim)


def _halved(x: Any, axis: int) -> Any:
    """The product along one axis, kept at size 1."""
    def part(start: int, length: int) -> Any:
        return rows_view.slice(x, starts=tuple([start if j == axis else 0 for j in range(x.ndim)]),
                               steps=(1,) * x.ndim, shape=(*x.shape[:axis], length, *x.shape[axis + 1:]))

    if not x.shape[axis]:
        return rows_view.sum_to(x, shape=reduced(x.shape, (axis,))) + 1      # the product of nothing
    while x.shape[axis] > 1:
        size = x.shape[axis]
        half = rows_math.mul(part(0, size // 2), part(size // 2, size // 2))
        x = rows_view.cat(half, part(size - 1, 1), axis=axis) if size % 2 else half
    return x


def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest element over `dim`; elements that tie for it share the gradient evenly.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).amax(1)
    tensor([5., 7.])
    """
    axes = _axes("amax", dim, input.ndim)
    return _drop(rows.amax(input, shape=reduced(input.shape, axes)), axes, keepdim)


def amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The smallest element over `dim`; elements that tie for it share the gradient evenly.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).amin(1)
    tensor([1., 2.])
    """
    axes = _axes("amin", dim, input.ndim)
    return _drop(rows.amin(input, shape=reduced(input.shape, axes)), axes, keepdim)


def aminmax(input: Tensor, *, dim: Any = None, keepdim: bool = False) -> tuple:
    """Both `amin` and `amax`.

    >>> import minigrad
    >>> minigrad.tensor([3, 1, 2]).aminmax()
    (tensor(1), tensor(3))
    """
    return amin(input, dim, keepdim), amax(input, dim, keepdim)


def _extreme(name: str, input: Any, dim: Any, keepdim: bool) -> Any:
    """max or min: over everything a tensor, along one axis an Extreme, against another tensor elementwise."""
    largest = name == "max"
    if hasattr(dim, "buffer"):
        return (rows_math.maximum if largest else rows_math.minimum)(input, dim)
    if dim is None:
        return (amax if largest else amin)(input, None, keepdim)
    axis = axis_of(name, dim, input.ndim)
    if not input.ndim:
        return Extreme(rows_view.alias(input), rows_math.cast(input * 0, dtype=int64))
    indices = (rows.argmax if largest else rows.argmin)(input, axis=axis)
    values = rows_index.gather(input, indices, axis=axis)
    return Extreme(_drop(values, (axis,), keepdim), _drop(indices, (axis,), keepdim))


def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest element; along `dim`, (values, indices), the first of equals; with a tensor, `maximum`.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).max(1).indices
    tensor([1, 0])
    """
    return _extreme("max", input, dim, keepdim)


def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest element; along `dim`, (values, indices), the first of equals; with a tensor, `minimum`.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).min(1).values
    tensor([1., 2.])
    """
    return _extreme("min", input, dim, keepdim)


def _position(name: str, row: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        flat = rows_view.flat_view(input, (_count(input, tuple(range(input.ndim))),))
        place = row(flat, axis=0)
        return rows_view.reshape(place, shape=(1,) * input.ndim if keepdim else ())
    axis = axis_of(name, dim, input.ndim)
    if not input.ndim:
        return rows_view.reshape(row(rows_view.reshape(input, shape=(1,)), axis=0), shape=())
    return _drop(row(input, axis=axis), (axis,), keepdim)


def argmax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The first position of the largest element along `dim`, or in the flattened tensor.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).argmax()
    tensor(2)
    """
    return _position("argmax", rows.argmax, input, dim, keepdim)


def argmin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The first position of the smallest element along `dim`, or in the flattened tensor.

    >>> import minigrad
    >>> minigrad.tensor([[1., 5.], [7., 2.]]).argmin(1)
    tensor([0, 1])
    """
    return _position("argmin", rows.argmin, input, dim, keepdim)


def _truth(name: str, row: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    axes = axes_of(name, dim, input.ndim)
    x = input if input.dtype is bool_ else rows_math.cast(input, dtype=bool_)
    return _drop(row(x, shape=reduced(x.shape, axes)), axes, keepdim)


def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether any element over `dim` is non-zero (False for none).

    >>> import minigrad
    >>> minigrad.tensor([0, 2]).any()
    tensor(True)
    """
    return _truth("any", rows.any, input, dim, keepdim)


def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements over `dim` are non-zero (True for none).

    >>> import minigrad
    >>> minigrad.tensor([0, 2]).all()
    tensor(False)
    """
    return _truth("all", rows.all, input, dim, keepdim)


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements over `dim` are not zero.

    >>> import minigrad
    >>> minigrad.tensor([0, 2, 3]).count_nonzero()
    tensor(2)
    """
    return sum(rows_math.ne(input, 0), dim)


def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """ln(sum(e^x)) over `dim`, computed about the largest element so that nothing overflows.

    >>> import minigrad
    >>> minigrad.tensor([1000., 1000.]).logsumexp(0)
    tensor(1000.6932)
    """
    x = input if input.dtype.is_floating_point else rows_math.cast(input, dtype=get_default_dtype())
    axes = _axes("logsumexp", dim, x.ndim)
    return _drop(rows.logsumexp(x, shape=reduced(x.shape, axes)), axes, keepdim)


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """x - logsumexp(x) along `dim`: the logarithm of the softmax, without its rounding.

    >>> import minigrad
    >>> minigrad.tensor([0., 0.]).log_softmax(0)
    tensor([-0.6931, -0.6931])
    """
    axis = axis_of("log_softmax", dim, input.ndim)
    x = shifted(_floating("log_softmax", input, dtype), axis)
    return x - logsumexp(x, axis, keepdim=bool(x.ndim))


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """e^x / sum(e^x) along `dim`: positive numbers that add up to one.

    >>> import minigrad
    >>> minigrad.tensor([0., 0.]).softmax(0)
    tensor([0.5000, 0.5000])
    """
    axis = axis_of("softmax", dim, input.ndim)
    powers = rows_math.exp(shifted(_floating("softmax", input, dtype), axis))
    return powers / sum(powers, axis, keepdim=bool(powers.ndim))


def shifted(x: Any, axis: int) -> Any:
    """x less its maximum along an axis, so that no exponential overflows.

    The softmax of a row does not change when a constant is added to the row: so the maximum may be a constant to the
    gradient, of any order.
    """
    if not x.buffer.size:
        return x
    return x - rows.amax(Value.result(x.buffer), shape=reduced(x.shape, (axis,)))


def norm(input: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The p-norm over `dim`: (sum |x|^p)^(1/p); inf and -inf give the largest and smallest |x|, 0 counts non-zeros.

    The gradient of the 2-norm at 0 is taken as 0.

    >>> import minigrad
    >>> minigrad.tensor([3., 4.]).norm()
    tensor(5.)
    """
    x = _floating("norm", input)
    if p == "fro":
        p = 2
    if not isinstance(p, (int, float)):
        raise TypeError(f"norm: p: got {p!r}, expected a number or 'fro'")
    size = rows_math.abs(x)
    if p == float("inf"):
        return amax(size, dim, keepdim)
    if p == float("-inf"):
        return amin(size, dim, keepdim)
    if p == 0:
        return sum(rows_math.cast(rows_math.ne(x, 0), dtype=x.dtype), dim, keepdim)
    if p == 1:
        return sum(size, dim, keepdim)
    total = sum(rows_math.square(x) if p == 2 else rows_math.pow(size, p), dim, keepdim)
    if p == 2:
        return _root(total)
    zero = rows_math.eq(total, 0)
    return rows_math.where(zero, 0, rows_math.pow(rows_math.where(zero, 1, total), 1 / p))


def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`; integers and bools add up in int64.

    >>> import minigrad
    >>> minigrad.tensor([1, 2, 3]).cumsum(0)
    tensor([1, 3, 6])
    """
    if dtype is not None:
        input = rows_math.cast(input, dtype=as_dtype(dtype, "cumsum"))
    elif not input.dtype.is_floating_point:
        input = rows_math.cast(input, dtype=int64)
    axis = axis_of("cumsum", dim, input.ndim)
    return rows.cumsum(input, axis=axis, reverse=False) if input.ndim else rows_view.alias(input)


def builtins_max(a: float, b: float) -> float:
    return a if a > b else b
