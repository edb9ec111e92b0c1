"""Random tensors.  Each draw takes its place in the stream of a Generator (by default the one `manual_seed` seeds)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.dtypes import DType, as_dtype, get_default_dtype, int64
from minigrad.functions.create import finish
from minigrad.kernels import KERNELS, counters_used
from minigrad.node import Value
from minigrad.ops import math as rows_math
from minigrad.random import Generator, default_generator
from minigrad.shapes import integer, shape_of
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["bernoulli", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"]


def draw(kernel: str, out: Buffer, generator: Generator | None, ints: tuple[int, ...] = ()) -> Buffer:
    """Fills `out` by a kernel of random.pyx from the next positions of the generator."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"{kernel}: generator: got {type(generator).__name__}, expected a minigrad.Generator")
    counters = counters_used(kernel, out.size, out.dtype)
    place = (generator or default_generator).take(counters)
    KERNELS[kernel](out, Params((*place, *ints)))
    return out


def _float(op: str, dtype: Any) -> DType:
    kind = get_default_dtype() if dtype is None else as_dtype(dtype, op)
    if not kind.is_floating_point:
        raise TypeError(f"{op}: dtype: got {kind.name}, expected float32 or float64")
    return kind


def rand(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """Uniform numbers in [0, 1).

    >>> import minigrad
    >>> minigrad.rand(2, 3).shape
    (2, 3)
    """
    out = Buffer.empty(shape_of("rand", size), _float("rand", dtype).code)
    return finish("rand", draw("uniform", out, generator), requires_grad, device)


def randn(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
          requires_grad: bool = False) -> Tensor:
    """Normal numbers of mean 0 and variance 1.

    >>> import minigrad
    >>> minigrad.randn(2, 3).shape
    (2, 3)
    """
    out = Buffer.empty(shape_of("randn", size), _float("randn", dtype).code)
    return finish("randn", draw("normal", out, generator), requires_grad, device)


def rand_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`rand` with the shape and dtype of a tensor.

    >>> import minigrad
    >>> minigrad.rand_like(minigrad.ones(2, 3)).shape
    (2, 3)
    """
    return rand(input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`randn` with the shape and dtype of a tensor.

    >>> import minigrad
    >>> minigrad.randn_like(minigrad.ones(2, 3)).shape
    (2, 3)
    """
    return randn(input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
           dtype: Any = None) -> Tensor:
    """Normal numbers of a mean and a standard deviation: numbers with a `size`, or tensors.

    >>> import minigrad
    >>> minigrad.normal(minigrad.tensor([1., 2.]), 0.)
    tensor([1., 2.])
    """
    if size is None:
        likes = [x for x in (mean, std) if isinstance(x, Value)]
        if not likes:
            raise ValueError("normal: size: expected one where mean and std are numbers")
        from minigrad.shapes import broadcast
        size = broadcast("normal", *[x.shape for x in likes])
        dtype = dtype or likes[0].dtype
    negative: Any = std < 0
    if negative.any().item() if isinstance(std, Value) else negative:
        raise ValueError(f"normal: std: got {std}, expected 0 or more")
    return randn(tuple(size), generator=generator, dtype=dtype) * std + mean


def randint(low: int = 0, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = None,
            device: Any = None, requires_grad: bool = False) -> Tensor:
    """Integers from `low` (0 if left out) up to but without `high`, all equally likely.

    >>> import minigrad
    >>> minigrad.randint(5, (4,)).max().item() < 5
    True
    """
    if size is None:
        high, size = None, high
    low, high = (0, low) if high is None else (low, high)
    first, last = integer("randint", "low", low), integer("randint", "high", high)
    if first >= last:
        raise ValueError(f"randint: low and high: got {first} and {last}, expected low < high")
    kind = int64 if dtype is None else as_dtype(dtype, "randint")
    out = draw("randint", Buffer.empty(shape_of("randint", (size,) if isinstance(size, (tuple, list)) else ((size,),)),
                                       int64.code), generator, ints=(first, last))
    drawn = finish("randint", out, device=device)
    if kind is not int64:
        drawn = rows_math.cast(drawn, dtype=kind)
    return finish("randint", drawn.buffer, requires_grad)


def randint_like(input: Tensor, low: int, high: Any = None, *, dtype: Any = None) -> Tensor:
    """`randint` with the shape and dtype of a tensor.

    >>> import minigrad
    >>> minigrad.randint_like(minigrad.ones(2, 3), 5).dtype
    minigrad.float32
    """
    first, last = (0, low) if high is None else (low, high)
    return randint(first, last, input.shape, dtype=dtype or input.dtype)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The integers 0 to n - 1 in random order.

    >>> import minigrad
    >>> sorted(minigrad.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    count = integer("randperm", "n", n)
    if count < 0:
        raise ValueError(f"randperm: n: got {count}, expected 0 or more")
    order = finish("randperm", draw("permutation", Buffer.empty((count,), int64.code), generator), device=device)
    return order if dtype is None else rows_math.cast(order, dtype=as_dtype(dtype, "randperm"))


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with probability `input` (each element its own) or `p`, else 0; no gradient passes.

    >>> import minigrad
    >>> minigrad.bernoulli(minigrad.tensor([0., 1.]))
    tensor([0., 1.])
    """
    kind = input.dtype if input.dtype.is_floating_point else get_default_dtype()
    if p is not None:
        if not 0 <= p <= 1:
            raise ValueError(f"bernoulli: p: got {p}, expected from 0 to 1")
    elif not input.dtype.is_floating_point:
        raise TypeError(f"bernoulli: input: got dtype {input.dtype.name}, expected float32 or float64")
    elif input.numel():
        low, high = input.amin().item(), input.amax().item()
        if not (low >= 0 and high <= 1):
            raise ValueError(f"bernoulli: input: got probabilities from {low} to {high}, expected from 0 to 1")
    chosen = rows_math.lt(rand(input.shape, generator=generator, dtype=kind), input if p is None else float(p))
    return rows_math.cast(chosen, dtype=input.dtype)
