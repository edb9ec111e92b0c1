"""Random tensors.  Each draw takes its place in the stream of a Generator (by default the one `manual_seed` seeds)."""

from __future__ import annotations

from typing import Any

from minigrad.dtypes import FLOATS, check_dtype, get_default_dtype, int64
from minigrad.errors import refuse, require
from minigrad.functions.create import finish, kind_of, like
from minigrad.functions.math import cast
from minigrad.kernels import KERNELS, Params, counters_used
from minigrad.node import Tensor
from minigrad.ops import math
from minigrad.random import Generator, default_generator
from minigrad.shapes import broadcast, integer, shape_of
from minigrad_ext.buffer import Buffer
from minigrad_ext.recorder import current

__all__ = ["bernoulli", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"]


def draw(kernel: str, out: Buffer, generator: Generator | None, ints: tuple[int, ...] = (),
         floats: tuple[float, ...] = ()) -> Buffer:
    """Fills `out` by a kernel of random.pyx from the next positions of the generator."""
    stream, used = default_generator if generator is None else generator, counters_used(kernel, out.size, out.dtype)
    if not isinstance(stream, Generator):
        refuse(kernel, "generator", type(generator).__name__, "a minigrad.Generator", TypeError)

    def placed() -> Params:
        return Params((*stream.take(used), *ints), floats)

    place, recorder = placed(), current()
    if recorder is not None:
        recorder.effect(lambda: place.become(placed()), lambda: stream.take(-used), place)
    KERNELS[kernel](out, place)
    return out


def _drawn(op: str, kernel: str, size: tuple, generator: Any, dtype: Any, device: Any, requires_grad: bool) -> Any:
    kind = kind_of(op, dtype)
    if kind not in FLOATS:
        refuse(op, "dtype", kind.name, "float32 or float64", TypeError)
    return finish(op, draw(kernel, Buffer.empty(shape_of(op, size), kind.code), generator), requires_grad, device)


def rand(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """Uniform numbers in [0, 1).

    >>> import minigrad
    >>> minigrad.rand(2, 3).shape
    (2, 3)
    """
    return _drawn("rand", "uniform", size, generator, dtype, device, requires_grad)


def randn(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
          requires_grad: bool = False) -> Tensor:
    """Normal numbers of mean 0 and variance 1.

    >>> import minigrad
    >>> minigrad.randn(2, 3).shape
    (2, 3)
    """
    return _drawn("randn", "normal", size, generator, dtype, device, requires_grad)


rand_like = like(rand, "`rand` with the shape and dtype of a tensor.")
randn_like = like(randn, "`randn` with the shape and dtype of a tensor.")


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
           dtype: Any = None) -> Tensor:
    """Normal numbers of a mean and a standard deviation: numbers with a `size`, or tensors.

    >>> import minigrad
    >>> minigrad.normal(minigrad.tensor([1., 2.]), 0.)
    tensor([1., 2.])
    """
    likes = [x for x in (mean, std) if isinstance(x, Tensor)]
    if size is None:
        require(likes, "normal", "size", None, "a shape where mean and std are numbers")
        size, dtype = broadcast("normal", *[x.shape for x in likes]), dtype or likes[0].dtype
    if not isinstance(std, Tensor) or current() is None:
        negative: Any = std < 0
        require(not (negative.any().item() if isinstance(std, Tensor) else negative), "normal", "std", std, "0 or more")
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
    require(first < last, "randint", "low and high", f"{first} and {last}", "low < high")
    out = draw("randint", Buffer.empty(shape_of("randint", (size,)), int64.code), generator, ints=(first, last))
    out = out if dtype is None else cast(Tensor.result(out), kind_of("randint", dtype)).buffer
    return finish("randint", out, requires_grad, device)


def randint_like(input: Tensor, low: int, high: Any = None, *, dtype: Any = None) -> Tensor:
    """`randint` with the shape and dtype of a tensor.

    >>> import minigrad
    >>> minigrad.randint_like(minigrad.ones(2, 3), 5).dtype
    minigrad.float32
    """
    return randint(low, high, input.shape, dtype=dtype or input.dtype)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The integers 0 to n - 1 in random order.

    >>> import minigrad
    >>> sorted(minigrad.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    out = Buffer.empty(shape_of("randperm", (n,), "n"), int64.code)
    order = finish("randperm", draw("permutation", out, generator), device=device)
    return order if dtype is None else cast(order, kind_of("randperm", dtype))


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with probability `input` (each element its own) or `p`, else 0; no gradient passes.

    >>> import minigrad
    >>> minigrad.bernoulli(minigrad.tensor([0., 1.]))
    tensor([0., 1.])
    """
    kind = input.dtype if input.dtype.is_floating_point else get_default_dtype()
    if p is not None:
        require(0 <= p <= 1, "bernoulli", "p", p, "from 0 to 1")
    else:
        check_dtype("bernoulli", "input", input.dtype, *FLOATS)
        if input.numel() and current() is None:
            low, high = input.amin().item(), input.amax().item()
            require(low >= 0 and high <= 1, "bernoulli", "input", f"probabilities from {low} to {high}", "from 0 to 1")
    chosen = math.lt(rand(input.shape, generator=generator, dtype=kind), input if p is None else float(p))
    return cast(chosen, input.dtype)
