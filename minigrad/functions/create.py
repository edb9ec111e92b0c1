"""New tensors, by PyTorch's names.  `dtype` None means float32 or what the values say; the only device is "cpu"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minigrad.device import check_device
from minigrad.dtypes import DTYPES, DType, as_dtype, get_default_dtype, int64
from minigrad.kernels import KERNELS
from minigrad.node import Value
from minigrad.op import scalar
from minigrad.ops import math as rows_math
from minigrad.shapes import integer, shape_of
from minigrad_ext.buffer import Buffer
from minigrad_ext.kernel import Params

if TYPE_CHECKING:
    from minigrad.tensor import Tensor

__all__ = ["arange", "as_tensor", "empty", "empty_like", "eye", "from_dlpack", "from_numpy", "frombuffer", "full",
           "full_like", "is_floating_point", "is_tensor", "linspace", "one_hot", "ones", "ones_like", "tensor",
           "zeros", "zeros_like"]

# The struct format of each dtype, by its code.
FORMATS = ("?", "B", "i", "q", "f", "d")


def finish(op: str, buffer: Buffer, requires_grad: bool = False, device: Any = None) -> Any:
    """A leaf over `buffer`; only floats can want a gradient."""
    if device is not None:
        check_device(op, device)
    out = Value.result(buffer)
    if requires_grad:
        out.requires_grad = True
    return out


def filled(shape: tuple[int, ...], value: Any, dtype: DType) -> Buffer:
    """A fresh buffer with `value` everywhere."""
    out = Buffer.empty(shape, dtype.code)
    # The scalar's own checks apply (a value out of the dtype's range is refused).
    KERNELS["copy"](out, Buffer.scalar(value, dtype.code).expand(shape))
    return out


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new leaf with a copy of `data`: a number, nested lists or tuples, a tensor, or anything with a buffer.

    Bools give bool, integers int64, floats the default float.  ValueError for ragged lists, with the place.

    >>> import minigrad
    >>> minigrad.tensor([[1, 2], [3, 4.5]])
    tensor([[1.0000, 2.0000],
            [3.0000, 4.5000]])
    """
    wanted = None if dtype is None else as_dtype(dtype, "tensor")
    return finish("tensor", _own(data, wanted), requires_grad, device)


def _own(data: Any, wanted: DType | None) -> Buffer:
    """A fresh buffer with the values of `data`."""
    if isinstance(data, Value):
        source = data.buffer
    elif isinstance(data, (list, tuple, range)):
        data = _plain(data)
        if wanted is None and get_default_dtype().code == 5 and Buffer.from_nested(data, None).dtype == 4:
            wanted = get_default_dtype()
        return Buffer.from_nested(data, None if wanted is None else wanted.code)
    elif isinstance(data, (bool, int, float)):
        from minigrad.dtypes import scalar_dtype
        return Buffer.scalar(data, (wanted or scalar_dtype(data)).code)
    else:
        source = _imported(data)
    out = Buffer.empty(source.shape, source.dtype if wanted is None else wanted.code)
    KERNELS["copy" if source.dtype == out.dtype else f"cast_{DTYPES[out.dtype].name}"](out, source)
    return out


def _plain(data: Any) -> Any:
    """Nested lists with tensors inside turned into plain ones."""
    if isinstance(data, Value):
        return data.buffer.tolist()
    if isinstance(data, (list, tuple, range)) and any(isinstance(x, (Value, list, tuple)) for x in data):
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
    wanted = None if dtype is None else as_dtype(dtype, "as_tensor")
    if isinstance(data, Value):
        return data if wanted in (None, data.dtype) else rows_math.cast(data, dtype=wanted)     # type: ignore[return-value]
    if isinstance(data, (list, tuple, range, bool, int, float)):
        return tensor(data, dtype=dtype, device=device)
    shared = finish("as_tensor", _imported(data), device=device)
    return shared if wanted in (None, shared.dtype) else rows_math.cast(shared, dtype=wanted)


def is_tensor(obj: Any) -> bool:
    """Whether an object is a tensor.

    >>> import minigrad
    >>> minigrad.is_tensor(minigrad.ones(1)), minigrad.is_tensor([1.])
    (True, False)
    """
    return isinstance(obj, Value)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is float32 or float64.

    >>> import minigrad
    >>> minigrad.is_floating_point(minigrad.arange(2))
    False
    """
    return input.dtype.is_floating_point


def from_numpy(array: Any) -> Tensor:
    """A tensor that shares the memory of a NumPy array (or of any object with a writable buffer)."""
    if isinstance(array, (list, tuple, range, bool, int, float, Value)):
        raise TypeError(f"from_numpy: array: got {type(array).__name__}, expected a NumPy array or another buffer")
    return as_tensor(array)


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A 1-d tensor over the bytes of a buffer, read as `dtype`, `offset` in bytes; shared where it is writable.

    >>> import minigrad
    >>> minigrad.frombuffer(bytearray([1, 0, 0, 0]), dtype=minigrad.int32)
    tensor([1], dtype=minigrad.int32)
    """
    kind = as_dtype(dtype, "frombuffer")
    try:
        raw = memoryview(buffer).cast("B")
    except TypeError:
        raise TypeError(f"frombuffer: buffer: got {type(buffer).__name__}, expected an object with a contiguous "
                        "buffer") from None
    start = integer("frombuffer", "offset", offset)
    room = len(raw) - start
    number = room // kind.itemsize if count == -1 else integer("frombuffer", "count", count)
    if start < 0 or number < 1 or number * kind.itemsize > room or (count == -1 and room % kind.itemsize):
        raise ValueError(f"frombuffer: got {len(raw)} bytes, offset {offset} and count {count}, expected room for "
                         f"whole elements of {kind.itemsize} bytes")
    part: Any = raw[start:start + number * kind.itemsize]
    part = part.cast(FORMATS[kind.code])
    return finish("frombuffer", Buffer.from_exporter(part, False), requires_grad)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares the memory of any object with `__dlpack__` (or of a DLPack capsule).

    >>> import minigrad
    >>> x = minigrad.zeros(2)
    >>> minigrad.from_dlpack(x)[0] = 1
    >>> x
    tensor([1., 0.])
    """
    return finish("from_dlpack", Buffer.from_dlpack(ext_tensor))


def _constant(name: str, value: float) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def create(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        kind = get_default_dtype() if dtype is None else as_dtype(dtype, name)
        return finish(name, filled(shape_of(name, size), value, kind), requires_grad, device)

    def create_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        kind = input.dtype if dtype is None else as_dtype(dtype, f"{name}_like")
        return finish(f"{name}_like", filled(input.shape, value, kind), requires_grad, device)

    create.__name__ = create.__qualname__ = name
    create_like.__name__ = create_like.__qualname__ = f"{name}_like"
    create.__doc__ = (f"A tensor of {name}; the sizes one by one or as one tuple.\n\n"
                      f">>> import minigrad\n>>> minigrad.{name}(2)\ntensor([{value:.0f}., {value:.0f}.])")
    create_like.__doc__ = (f"A tensor of {name} with the shape and dtype of another.\n\n>>> import minigrad\n>>> "
                           f"minigrad.{name}_like(minigrad.arange(2))\ntensor([{value:.0f}, {value:.0f}])")
    return create, create_like


zeros, zeros_like = _constant("zeros", 0)
ones, ones_like = _constant("ones", 1)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with `fill_value` everywhere; its dtype follows the value unless given.

    >>> import minigrad
    >>> minigrad.full((2,), 7)
    tensor([7, 7])
    """
    from minigrad.dtypes import scalar_dtype
    if isinstance(fill_value, Value) and fill_value.buffer.size == 1:
        fill_value = fill_value.buffer.item()
    value = scalar("full", 1, fill_value)
    kind = scalar_dtype(value) if dtype is None else as_dtype(dtype, "full")
    shape = shape_of("full", (size,) if isinstance(size, (tuple, list)) else ((size,),))
    return finish("full", filled(shape, value, kind), requires_grad, device)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """A tensor with `fill_value` everywhere, of the shape and dtype of another.

    >>> import minigrad
    >>> minigrad.full_like(minigrad.ones(2), 7)
    tensor([7., 7.])
    """
    return full(input.shape, fill_value, dtype=input.dtype if dtype is None else dtype, device=device,
                requires_grad=requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose elements are whatever lay in its memory.

    >>> import minigrad
    >>> minigrad.empty(2, 3).shape
    (2, 3)
    """
    kind = get_default_dtype() if dtype is None else as_dtype(dtype, "empty")
    return finish("empty", Buffer.empty(shape_of("empty", size), kind.code), requires_grad, device)


def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """An uninitialised tensor with the shape and dtype of another.

    >>> import minigrad
    >>> minigrad.empty_like(minigrad.ones(2, 3)).shape
    (2, 3)
    """
    return empty(input.shape, dtype=input.dtype if dtype is None else dtype, device=device,
                 requires_grad=requires_grad)


def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None,
           requires_grad: bool = False) -> Tensor:
    """start, start + step, ... up to but without `end`; int64 if all are integers.

    >>> import minigrad
    >>> minigrad.arange(1, 2, 0.25)
    tensor([1.0000, 1.2500, 1.5000, 1.7500])
    """
    if end is None:
        start, end = 0, start
    start, end, step = (scalar("arange", slot, x) for slot, x in enumerate((start, end, step)))
    whole = not any(isinstance(x, float) for x in (start, end, step))
    if any(x != x or x in (float("inf"), float("-inf")) for x in (start, end, step)):
        raise ValueError(f"arange: got start {start}, end {end} and step {step}, expected finite numbers")
    if step == 0 or (end - start) * step < 0:
        raise ValueError(f"arange: step: got {step}, expected a step that leads from {start} to {end}")
    length = max(0, -(-(end - start) // step))
    kind = (int64 if whole else get_default_dtype()) if dtype is None else as_dtype(dtype, "arange")
    out = Buffer.empty(shape_of("arange", (int(length),)), kind.code)
    if kind.is_floating_point:
        params = Params((0, 0), (float(start), float(step)))
    else:
        params = Params((int(start), int(step)), (0.0, 0.0))
    KERNELS["arange"](out, params)
    return finish("arange", out, requires_grad, device)


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`steps` numbers from `start` to `end`, both included, evenly spaced.

    >>> import minigrad
    >>> minigrad.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    count = integer("linspace", "steps", steps)
    if count < 0:
        raise ValueError(f"linspace: steps: got {count}, expected 0 or more")
    kind = get_default_dtype() if dtype is None else as_dtype(dtype, "linspace")
    first, last = float(start), float(end)
    gap = (last - first) / (count - 1) if count > 1 else 0.0
    # From both ends to the middle, so that the last number is exactly `end`.
    values = [first + gap * j if j < (count + 1) // 2 else last - gap * (count - 1 - j) for j in range(count)]
    if not kind.is_floating_point:
        values = [int(value) for value in values]        # type: ignore[misc]
    return finish("linspace", Buffer.from_nested(values, kind.code), requires_grad, device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere.

    >>> import minigrad
    >>> minigrad.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    out = zeros(n, n if m is None else m, dtype=dtype, device=device)
    diagonal = out.buffer.diagonal(0, 0, 1)
    KERNELS["copy"](diagonal, Buffer.scalar(1, diagonal.dtype).expand(diagonal.shape))
    return finish("eye", out.buffer, requires_grad)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64 rows with a one at each class number and zeros elsewhere; the classes counted from the data if -1.

    >>> import minigrad
    >>> minigrad.nn.functional.one_hot(minigrad.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    from minigrad.functions.shape import unsqueeze
    if tensor.dtype is not int64:
        raise TypeError(f"one_hot: tensor: got dtype {tensor.dtype.name}, expected int64")
    if tensor.numel():
        low, high = tensor.amin().item(), tensor.amax().item()
        if low < 0 or (num_classes != -1 and high >= num_classes):
            bound = "0 or more" if num_classes == -1 else f"from 0 to {num_classes - 1}"
            raise IndexError(f"one_hot: tensor: got class {low if low < 0 else high}, expected {bound}")
        num_classes = high + 1 if num_classes == -1 else num_classes
    elif num_classes <= 0:
        raise ValueError("one_hot: num_classes: cannot be counted from an empty tensor")
    return rows_math.cast(rows_math.eq(unsqueeze(tensor, -1), arange(num_classes)), dtype=int64)


