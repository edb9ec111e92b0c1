"""New tensors, by PyTorch's names.  `dtype` None means float32 or what the values say; the only device is "cpu"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.device import check_device
from minigrad.dtypes import DTYPES, PYTHON, DType, as_dtype, check_dtype, float64, get_default_dtype, int64, scalar
from minigrad.errors import require
from minigrad.functions.signature import named
from minigrad.kernels import KERNELS, Params
from minigrad.node import Tensor
from minigrad.ops import math, view
from minigrad.shapes import shape_of
from minigrad_ext.buffer import Buffer
from minigrad_ext.recorder import current

__all__ = ["arange", "as_tensor", "empty", "empty_like", "eye", "from_dlpack", "from_numpy", "full",
           "full_like", "is_floating_point", "is_tensor", "linspace", "one_hot", "ones", "ones_like", "tensor",
           "zeros", "zeros_like"]

PLAIN = (list, tuple, range, bool, int, float)


def finish(op: str, buffer: Buffer, requires_grad: bool = False, device: Any = None) -> Any:
    """A leaf over `buffer`; only floats can want a gradient."""
    if device is not None:
        check_device(op, device)
    out = Tensor.result(buffer)
    if requires_grad:
        out.requires_grad = True
    return out


def filled(shape: tuple[int, ...], value: Any, dtype: DType) -> Buffer:
    """A fresh buffer with `value` everywhere."""
    out = Buffer.empty(shape, dtype.code)
    KERNELS["copy"](out, Buffer.scalar(value, dtype.code).expand(shape))        # (refuses what is out of range)
    return out


def kind_of(op: str, dtype: Any, otherwise: DType | None = None) -> DType:
    """The dtype asked for, or if there is none another one, or the default."""
    return as_dtype(dtype, op) if dtype is not None else otherwise or get_default_dtype()


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new leaf with a copy of `data`: a number, nested lists or tuples, a tensor, or anything with a buffer.

    Bools give bool, integers int64, floats the default float.  ValueError for ragged lists, with the place.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4.5]])
    tensor([[1.0000, 2.0000],
            [3.0000, 4.5000]])
    """
    wanted = None if dtype is None else as_dtype(dtype, "tensor")
    if isinstance(data, PLAIN):
        plain = _plain(data)
        if wanted is None and get_default_dtype() is float64 and Buffer.from_nested(plain, None).dtype == 4:
            wanted = float64
        buffer = Buffer.from_nested(plain, None if wanted is None else wanted.code)
    else:
        source = data.buffer if isinstance(data, Tensor) else _imported(data)
        buffer = copied(source, source.shape, source.dtype if wanted is None else wanted.code)
    return finish("tensor", buffer, requires_grad, device)


def copy_into(out: Buffer, source: Buffer) -> None:
    """The elements of one buffer, broadcast and cast, into another."""
    kernel = "copy" if source.dtype == out.dtype else f"cast_{DTYPES[out.dtype].name}"
    KERNELS[kernel](out, source.expand(out.shape))


def copied(x: Buffer, shape: tuple[int, ...], dtype: int) -> Buffer:
    """The elements of x, broadcast and cast, in fresh memory."""
    fresh = Buffer.empty(shape, dtype)
    copy_into(fresh, x)
    return fresh


def _plain(data: Any) -> Any:
    """Nested lists with tensors inside turned into plain ones."""
    if isinstance(data, Tensor):
        return data.buffer.tolist()
    if isinstance(data, PLAIN[:3]) and any(isinstance(x, (Tensor, list, tuple)) for x in data):
        return [_plain(x) for x in data]
    return data


def _imported(data: Any) -> Buffer:
    """The memory of a foreign object, shared if possible."""
    try:
        memoryview(data)
    except TypeError:
        if hasattr(data, "__dlpack__"):
            return Buffer.from_dlpack(data)
        return Buffer.scalar(value := scalar("tensor", 0, data), 5 if isinstance(value, float) else 3)
    return Buffer.from_exporter(data, False)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` itself if it is a tensor of that dtype; a tensor sharing its memory where it exports any; else a copy.

    >>> import array, minigrad
    >>> numbers = array.array("f", [1, 2])
    >>> shared = minigrad.as_tensor(numbers)
    >>> numbers[0] = 5
    >>> shared
    tensor([5., 2.])
    """
    if isinstance(data, PLAIN):
        return tensor(data, dtype=dtype, device=device)
    shared = data if isinstance(data, Tensor) else finish("as_tensor", _imported(data), device=device)
    kind = kind_of("as_tensor", dtype, shared.dtype)
    return shared if kind is shared.dtype else math.cast(shared, dtype=kind)


def is_tensor(obj: Any) -> bool:
    """Whether an object is a tensor.

    >>> import minigrad
    >>> minigrad.is_tensor(minigrad.ones(1)), minigrad.is_tensor([1.])
    (True, False)
    """
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float32 or float64.

    >>> import minigrad
    >>> minigrad.is_floating_point(minigrad.arange(2))
    False
    """
    return input.dtype.is_floating_point


def from_numpy(array: Any) -> Tensor:
    """A tensor that shares the memory of a NumPy array (or of any object with a writable buffer)."""
    require(not isinstance(array, (*PLAIN, Tensor)), "from_numpy", "array", type(array).__name__,
            "a NumPy array or another buffer", TypeError)
    return as_tensor(array)



def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares the memory of any object with `__dlpack__` (or of a DLPack capsule).

    >>> import minigrad
    >>> x = minigrad.zeros(2)
    >>> minigrad.from_dlpack(x)[0] = 1
    >>> x
    tensor([1., 0.])
    """
    return finish("from_dlpack", Buffer.from_dlpack(ext_tensor))


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with `fill_value` everywhere; its dtype follows the value unless given.

    >>> import minigrad
    >>> minigrad.full((2,), 7)
    tensor([7, 7])
    """
    single = isinstance(fill_value, Tensor) and fill_value.buffer.size == 1
    value = scalar("full", 1, fill_value.buffer.item() if single else fill_value)
    kind = kind_of("full", dtype, PYTHON[type(value)])
    return finish("full", filled(shape_of("full", (size,)), value, kind), requires_grad, device)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """A tensor with `fill_value` everywhere, of the shape and dtype of another.

    >>> import minigrad
    >>> minigrad.full_like(minigrad.ones(2), 7)
    tensor([7., 7.])
    """
    return full(input.shape, fill_value, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros; the sizes one by one or as one tuple.

    >>> import minigrad
    >>> minigrad.zeros(2)
    tensor([0., 0.])
    """
    return finish("zeros", filled(shape_of("zeros", size), 0, kind_of("zeros", dtype)), requires_grad, device)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones; the sizes one by one or as one tuple.

    >>> import minigrad
    >>> minigrad.ones(2)
    tensor([1., 1.])
    """
    return finish("ones", filled(shape_of("ones", size), 1, kind_of("ones", dtype)), requires_grad, device)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose elements are whatever lay in its memory.

    >>> import minigrad
    >>> minigrad.empty(2, 3).shape
    (2, 3)
    """
    return finish("empty", Buffer.empty(shape_of("empty", size), kind_of("empty", dtype).code), requires_grad, device)


def like(create: Callable, doc: str) -> Callable:
    """The function that makes a tensor with the shape and dtype of another."""
    def function(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        return create(input.shape, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)

    name = f"{create.__name__}_like"
    example = f">>> import minigrad\n>>> minigrad.{name}(minigrad.ones(2, 3)).shape\n(2, 3)"
    return named(function, name, f"{doc}\n\n{example}")


zeros_like = like(zeros, "A tensor of zeros with the shape and dtype of another.")
ones_like = like(ones, "A tensor of ones with the shape and dtype of another.")
empty_like = like(empty, "An uninitialised tensor with the shape and dtype of another.")


def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None,
           requires_grad: bool = False) -> Tensor:
    """start, start + step, ... up to but without `end`; int64 if all are integers.

    >>> import minigrad
    >>> minigrad.arange(1, 2, 0.25)
    tensor([1.0000, 1.2500, 1.5000, 1.7500])
    """
    if end is None:
        start, end = 0, start
    start, end, step = numbers = [scalar("arange", slot, x) for slot, x in enumerate((start, end, step))]
    if not all(x - x == 0 for x in numbers) or step == 0 or (end - start) * step < 0:
        raise ValueError(f"arange: step: got {step}, expected a finite step that leads from {start} to {end}")
    kind = kind_of("arange", dtype, None if float in map(type, numbers) else int64)
    length = max(0, -(-(end - start) // step))
    out = Buffer.empty(shape_of("arange", (int(length),)), kind.code)
    KERNELS["arange"](out, Params((0, 0), (float(start), float(step))) if kind.is_floating_point else
                      Params((int(start), int(step)), (0.0, 0.0)))
    return finish("arange", out, requires_grad, device)


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`steps` numbers from `start` to `end`, both included, evenly spaced.

    >>> import minigrad
    >>> minigrad.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    (count,) = shape_of("linspace", (steps,), "steps")
    kind = kind_of("linspace", dtype)
    first, last = float(start), float(end)
    gap = (last - first) / (count - 1) if count > 1 else 0.0
    # From both ends to the middle, so that the last number is exactly `end`.
    values = [first + gap * j if j < (count + 1) // 2 else last - gap * (count - 1 - j) for j in range(count)]
    numbers = values if kind.is_floating_point else list(map(int, values))
    return finish("linspace", Buffer.from_nested(numbers, kind.code), requires_grad, device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere.

    >>> import minigrad
    >>> minigrad.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    out = zeros(n, n if m is None else m, dtype=dtype, device=device)
    copy_into(out.buffer.diagonal(0, 0, 1), Buffer.scalar(1, out.buffer.dtype))
    return finish("eye", out.buffer, requires_grad)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64 rows with a one at each class number and zeros elsewhere; the classes counted from the data if -1.

    >>> import minigrad
    >>> minigrad.nn.functional.one_hot(minigrad.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    check_dtype("one_hot", "tensor", tensor.dtype, int64)
    require(tensor.numel() or num_classes > 0, "one_hot", "num_classes", num_classes, "1 or more for an empty tensor")
    if num_classes == -1 or current() is None:
        low, high = (tensor.amin().item(), tensor.amax().item()) if tensor.numel() else (0, 0)
        num_classes = high + 1 if num_classes == -1 else num_classes
        require(low >= 0 and high < num_classes, "one_hot", "tensor", f"class {low if low < 0 else high}",
                "0 or more and less than num_classes", IndexError)
    return math.cast(math.eq(view.flat_view(tensor, (*tensor.shape, 1)), arange(num_classes)), dtype=int64)
