"""A tensor in another dtype, and new tensors in its dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad import dtypes, functions
from minigrad.device import check_device
from minigrad.dtypes import DType, as_dtype
from minigrad.node import Value

if TYPE_CHECKING:
    from minigrad.tensor import Tensor


class Convertible(Value):
    """The methods of a tensor that convert it."""

    __slots__ = ()

    def to(self, *args: Any, dtype: Any = None, device: Any = None, non_blocking: Any = False,
           copy: Any = False) -> Tensor:
        """In another dtype (or that of another tensor); the device "cpu" is accepted and changes nothing.

        The tensor itself where nothing changes, unless `copy`.

        >>> import minigrad
        >>> minigrad.tensor([1.5, -2.5]).to(minigrad.int64)
        tensor([ 1, -2])
        """
        for arg in args:
            if isinstance(arg, Value):
                dtype = arg.dtype
            elif isinstance(arg, (DType, type)):
                dtype = arg
            elif not isinstance(arg, bool):         # (non_blocking and copy may be given by place)
                device = arg
        check_device("to", device)
        result = self if dtype is None else functions.cast(self, as_dtype(dtype, "to"))
        return result.clone() if copy and result is self else result        # type: ignore[return-value, attr-defined]

    def type(self, dtype: Any = None) -> Any:
        """In another dtype; without one, its name."""
        return repr(self.dtype) if dtype is None else self.to(dtype)

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype of another tensor."""
        if not isinstance(other, Value):
            raise TypeError(f"type_as: other: got {type(other).__name__}, expected a tensor")
        return functions.cast(self, other.dtype)

    def cpu(self) -> Tensor:
        """The tensor itself."""
        return self         # type: ignore[return-value]

    def float(self) -> Tensor:
        """As float32."""
        return functions.cast(self, dtypes.float32)

    def double(self) -> Tensor:
        """As float64."""
        return functions.cast(self, dtypes.float64)

    def int(self) -> Tensor:
        """As int32."""
        return functions.cast(self, dtypes.int32)

    def long(self) -> Tensor:
        """As int64."""
        return functions.cast(self, dtypes.int64)

    def byte(self) -> Tensor:
        """As uint8."""
        return functions.cast(self, dtypes.uint8)

    def bool(self) -> Tensor:
        """As bool: whether an element is not zero."""
        return functions.cast(self, dtypes.bool)

    def new_tensor(self, data: Any, **kwargs: Any) -> Tensor:
        """A copy of `data` in this tensor's dtype."""
        return functions.tensor(data, **{"dtype": self.dtype, **kwargs})

    def new_zeros(self, *size: Any, **kwargs: Any) -> Tensor:
        """Zeros in this tensor's dtype."""
        return functions.zeros(*size, **{"dtype": self.dtype, **kwargs})

    def new_ones(self, *size: Any, **kwargs: Any) -> Tensor:
        """Ones in this tensor's dtype."""
        return functions.ones(*size, **{"dtype": self.dtype, **kwargs})

    def new_full(self, size: Any, fill_value: Any, **kwargs: Any) -> Tensor:
        """`fill_value` everywhere, in this tensor's dtype."""
        return functions.full(size, fill_value, **{"dtype": self.dtype, **kwargs})

    def new_empty(self, *size: Any, **kwargs: Any) -> Tensor:
        """Uninitialised memory in this tensor's dtype."""
        return functions.empty(*size, **{"dtype": self.dtype, **kwargs})
