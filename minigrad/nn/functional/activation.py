"""Elementwise non-linearities, gates and the softmax.

Those that networks are made of are rows (`minigrad.ops.activation`), the others are composed of ops: derivatives of any
order follow.  `inplace` is accepted everywhere; the result is always a new tensor.
"""

import warnings

from minigrad.dtypes import FLOATS, DType, check_dtype
from minigrad.errors import require
from minigrad.functions.index import where
from minigrad.functions.signature import Floats
from minigrad.nn.functional.checks import check_shape, per_channel
from minigrad.ops import activation as rows, softmax as softmax_rows
from minigrad.shapes import axis_of, integer
from minigrad.tensor import Tensor

__all__ = ["elu", "gated_tanh", "gelu", "glu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
           "log_softmax", "logsigmoid", "maxout", "mish", "prelu", "relu", "relu6", "selu", "sigmoid", "silu",
           "softmax", "softmin", "softplus", "softsign", "tanh", "tanhshrink"]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`max(0, x)`, element by element; slope 0 at 0.

    >>> import minigrad
    >>> relu(minigrad.tensor([-1., 2.]))
    tensor([0., 2.])
    """
    return input.relu()


def tanh(input: Tensor) -> Tensor:
    """`tanh(x)`, element by element.

    >>> import minigrad
    >>> tanh(minigrad.tensor([0., 1.]))
    tensor([0.0000, 0.7616])
    """
    return input.tanh()


def sigmoid(input: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`, element by element.

    >>> import minigrad
    >>> sigmoid(minigrad.tensor([0., 1.]))
    tensor([0.5000, 0.7311])
    """
    return input.sigmoid()


def hardtanh(input: Floats, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x brought into [min_val, max_val]; unlike `clamp`, with slope 0 at the ends.

    >>> import minigrad
    >>> hardtanh(minigrad.tensor([-3., 0.5, 3.]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    require(min_val <= max_val, "hardtanh", "min_val", min_val, "at most max_val")
    return rows.hardtanh(input, low=min_val, high=max_val)


def relu6(input: Floats, inplace: bool = False) -> Tensor:
    """`min(max(0, x), 6)`; slope 0 at 0 and 6.

    >>> import minigrad
    >>> relu6(minigrad.tensor([-1., 3., 9.]))
    tensor([0., 3., 6.])
    """
    return hardtanh(input, 0.0, 6.0)


def hardsigmoid(input: Floats, inplace: bool = False) -> Tensor:
    """`relu6(x + 3) / 6`: a sigmoid of three lines.

    >>> import minigrad
    >>> hardsigmoid(minigrad.tensor([-4., 0., 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return relu6(input + 3) / 6


def hardswish(input: Floats, inplace: bool = False) -> Tensor:
    """`x relu6(x + 3) / 6`: Howard et al., "Searching for MobileNetV3", 2019.

    >>> import minigrad
    >>> hardswish(minigrad.tensor([1., 5.]))
    tensor([0.6667, 5.0000])
    """
    return rows.hardswish(input)


def leaky_relu(input: Floats, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else `negative_slope x`.

    >>> import minigrad
    >>> leaky_relu(minigrad.tensor([-1., 2.]))
    tensor([-0.0100,  2.0000])
    """
    return rows.leaky_relu(input, slope=negative_slope)


def prelu(input: Floats, weight: Floats) -> Tensor:
    """x where x > 0, else `weight x`, the weight a single number or one for each channel: (c,) for (n, c, ...).

    Source: He et al., "Delving deep into rectifiers", 2015.

    >>> import minigrad
    >>> prelu(minigrad.tensor([-1., 2.]), minigrad.tensor([0.25]))
    tensor([-0.2500,  2.0000])
    """
    channels = input.shape[1] if input.ndim > 1 else 1
    check_shape(weight.ndim < 2 and weight.numel() in (1, channels), "prelu", "weight", weight,
                f"(1,) or ({channels},)")
    require(weight.dtype is input.dtype, "prelu", "weight", weight.dtype, f"{input.dtype} as the input's", TypeError)
    slope = weight.reshape(()) if weight.numel() == 1 else per_channel(weight, input.ndim)
    return where(input > 0, input, input * slope)


def elu(input: Floats, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else `alpha (exp(x) - 1)`: Clevert et al. 2015.

    >>> import minigrad
    >>> elu(minigrad.tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """
    return rows.elu(input, alpha=alpha, scale=1.0)


def selu(input: Floats, inplace: bool = False) -> Tensor:
    """`1.0507 elu(x, 1.6733)`: keeps mean 0 and variance 1. Klambauer et al., "Self-normalizing networks", 2017.

    >>> import minigrad
    >>> selu(minigrad.tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """
    return rows.elu(input, alpha=1.6732632423543772848, scale=1.0507009873554804934)


def gelu(input: Floats, approximate: str = "none") -> Tensor:
    """`x P(N < x)` for a standard normal N: `x erfc(-x / sqrt 2) / 2`. Hendrycks and Gimpel 2016.

    With `approximate="tanh"`: `x (1 + tanh u) / 2 = x sigmoid(2 u)`, u = sqrt(2 / pi) (x + 0.044715 x³).

    >>> import minigrad
    >>> gelu(minigrad.tensor([-1., 2.]))
    tensor([-0.1587,  1.9545])
    """
    if approximate == "none":
        return rows.gelu(input)
    require(approximate == "tanh", "gelu", "approximate", repr(approximate), "'none' or 'tanh'")
    return rows.gelu_tanh(input)


def silu(input: Floats, inplace: bool = False) -> Tensor:
    """`x sigmoid(x)`, also called swish. Elfwing et al. 2017.

    >>> import minigrad
    >>> silu(minigrad.tensor([-1., 2.]))
    tensor([-0.2689,  1.7616])
    """
    return rows.silu(input)


def softplus(input: Floats, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """`ln(1 + exp(beta x)) / beta`, and x itself where `beta x > threshold`.

    >>> import minigrad
    >>> softplus(minigrad.tensor([0., 90.]))
    tensor([ 0.6931, 90.0000])
    """
    if beta == 1:
        return rows.softplus(input, threshold=threshold)
    return rows.softplus(input * beta, threshold=threshold) / beta


def logsigmoid(input: Floats) -> Tensor:
    """`ln sigmoid(x) = -softplus(-x)`, without overflow on either side.

    >>> import minigrad
    >>> logsigmoid(minigrad.tensor([0., -90.]))
    tensor([ -0.6931, -90.0000])
    """
    return -softplus(-input, 1.0, rows.LINEAR)


def mish(input: Floats, inplace: bool = False) -> Tensor:
    """`x tanh(softplus(x))`. Misra 2019.

    >>> import minigrad
    >>> mish(minigrad.tensor([-1., 2.]))
    tensor([-0.3034,  1.9440])
    """
    return rows.mish(input)


def softsign(input: Floats) -> Tensor:
    """`x / (1 + |x|)`.

    >>> import minigrad
    >>> softsign(minigrad.tensor([-1., 3.]))
    tensor([-0.5000,  0.7500])
    """
    return input / (input.abs() + 1)


def tanhshrink(input: Floats) -> Tensor:
    """`x - tanh(x)`.

    >>> import minigrad
    >>> tanhshrink(minigrad.tensor([0., 1.]))
    tensor([0.0000, 0.2384])
    """
    return input - input.tanh()


def _axis(op: str, input: Tensor, dim: int, count: int) -> int:
    """The axis that `dim` names, of a size that is a multiple of `count`."""
    axis = axis_of(op, dim, input.ndim)
    check_shape(input.ndim > 0 and count > 0 and input.shape[axis] % count == 0, op, "input", input,
                f"a multiple of {count} on axis {axis}")
    return axis


def glu(input: Floats, dim: int = -1) -> Tensor:
    """`a sigmoid(b)`, a and b the halves of the input along dim, which must have an even size. Dauphin et al. 2016.

    >>> import minigrad
    >>> glu(minigrad.tensor([1., 2., 0., 0.]))
    tensor([0.5000, 1.0000])
    """
    a, b = input.chunk(2, _axis("glu", input, dim, 2))
    return a * b.sigmoid()


def gated_tanh(input: Floats, dim: int = 1) -> Tensor:
    """`tanh(a) sigmoid(b)`, a and b the halves of the input along dim: the gate of WaveNet, Oord et al. 2016.

    >>> import minigrad
    >>> gated_tanh(minigrad.tensor([1., 2., 0., 0.]), dim=(0))
    tensor([0.3808, 0.4820])
    """
    a, b = input.chunk(2, _axis("gated_tanh", input, dim, 2))
    return a.tanh() * b.sigmoid()


def maxout(input: Floats, pieces: int, dim: int = 1) -> Tensor:
    """The largest of each `pieces` neighbours along dim: c channels to c / pieces. Goodfellow et al. 2013.

    The first of equals takes the derivative.

    >>> import minigrad
    >>> maxout(minigrad.tensor([1., 2., 4., 3.]), 2, dim=(0))
    tensor([2., 4.])
    """
    axis = _axis("maxout", input, dim, integer("maxout", "pieces", pieces))
    return input.unflatten(axis, (input.shape[axis] // pieces, pieces)).max(axis + 1).values


def softmax(input: Tensor, dim: int | None = None, *, dtype: DType | None = None, temperature: float = 1.0) -> Tensor:
    """`exp(x / T) / sum of exp(x / T) along dim`: positive, summing to 1; same shape as the input.

    A `temperature` T above 1 makes it flatter, below 1 sharper.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.softmax(minigrad.tensor([[1000.0, 1000.0], [0.0, 0.0]]), dim=1).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    x, axis = _prepared("softmax", input, dim, dtype, temperature)
    return softmax_rows.softmax(x, axis=axis)


def softmin(input: Tensor, dim: int | None = None, *, dtype: DType | None = None, temperature: float = 1.0) -> Tensor:
    """`softmax(-x)` along dim.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.softmin(minigrad.tensor([0.0, 1000.0]), dim=0).tolist()
    [1.0, 0.0]
    """
    x, axis = _prepared("softmin", input, dim, dtype, temperature)
    return softmax_rows.softmax(-x, axis=axis)


def log_softmax(input: Tensor, dim: int | None = None, *, dtype: DType | None = None,
                temperature: float = 1.0) -> Tensor:
    """`log softmax(x) = (x - m) - log sum exp(x - m)`, with m the maximum along dim; same shape as the input.

    >>> import minigrad
    >>> from minigrad.nn import functional as F
    >>> F.log_softmax(minigrad.tensor([1000.0, 0.0]), dim=0).tolist()
    [0.0, -1000.0]
    """
    x, axis = _prepared("log_softmax", input, dim, dtype, temperature)
    return softmax_rows.log_softmax(x, axis=axis)


def _prepared(op: str, input: Tensor, dim: int | None, dtype: DType | None, temperature: float) -> tuple[Tensor, int]:
    input = input if dtype is None else input.to(dtype)
    if input.dtype not in FLOATS:
        check_dtype(op, "input", input.dtype, *FLOATS)
    if dim is None:
        dim = 0 if input.ndim in (0, 1, 3) else 1
        warnings.warn(f"{op}: dim was not given, {dim} is taken; say which axis holds the classes", stacklevel=4)
    if temperature != 1:
        require(temperature > 0, op, "temperature", temperature, "a positive number")
        input = input / temperature
    return input, axis_of(op, dim, input.ndim)
