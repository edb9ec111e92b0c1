"""How weights start: random, and of a size that keeps signals from dying out or blowing up through the layers.

A unit adds up `fan_in` products.  With independent weights of variance v its output has fan_in * v times the variance
of its inputs; v = 1 / fan_in keeps it, and `gain` makes up for what the non-linearity after it takes away.  Going
backwards the same holds with fan_out.
Sources: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010
(xavier); He et al., "Delving deep into rectifiers", 2015 (kaiming); Saxe et al., "Exact solutions to the nonlinear
dynamics of learning in deep linear neural networks", 2013 (orthogonal).

Every function here fills its tensor in place, without recording a gradient, and returns it; those that draw numbers
take a `generator`.
"""

import math
import warnings
from typing import Any

from minigrad import dtypes
from minigrad.autograd import no_grad
from minigrad.errors import one_of, require
from minigrad.functions.create import empty, eye, full_like
from minigrad.tensor import Tensor

_GAINS = {"linear": 1.0, "identity": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4,
          **{f"conv{kind}{axes}d": 1.0 for kind in ("", "_transpose") for axes in (1, 2, 3)}}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By what factor weights must be larger because of the non-linearity behind them.

    `param` is the slope of "leaky_relu" (0.01 if not given): gain = sqrt(2 / (1 + slope²)).

    >>> from minigrad.nn import init
    >>> round(init.calculate_gain("relu"), 4)
    1.4142
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        require(type(slope) in (int, float), "calculate_gain", "param", repr(param), "the slope, a number")
        return math.sqrt(2.0 / (1 + slope * slope))
    one_of("calculate_gain", "nonlinearity", nonlinearity, [*_GAINS, "leaky_relu"])
    return _GAINS[nonlinearity]


def fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each output of a weight (k, c, *kernel) sees, and how many outputs each input reaches.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.fan_in_and_fan_out(minigrad.empty(8, 3, 5, 5))
    (75, 200)
    """
    require(tensor.ndim >= 2, "init", "tensor", f"shape {tensor.shape}", "at least 2 axes to count fans")
    outputs, inputs, *kernel = tensor.shape
    return inputs * math.prod(kernel), outputs * math.prod(kernel)


_calculate_fan_in_and_fan_out = fan_in_and_fan_out


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in [a, b).

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> 2 <= init.uniform_(minigrad.empty(100), 2, 3).min().item() < 3
    True
    """
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with the given mean and standard deviation.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.normal_(minigrad.empty(2), mean=1.0, std=0.0).tolist()
    [1.0, 1.0]
    """
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Any = None) -> Tensor:
    """Normal, but conditioned to lie in [a, b]: x solves cdf(x) = u, with u uniform in [cdf(a), cdf(b)].

    The equation is solved for all elements at once by halving [a, b] fifty times.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.trunc_normal_(minigrad.empty(1000), a=-1.0, b=1.0).abs().max().item() <= 1
    True
    """
    require(a < b and std > 0, "trunc_normal_", "a, b and std", f"{a}, {b} and {std}", "a < b and std > 0")
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn("trunc_normal_: mean is more than 2 std from [a, b]; the result may be inexact", stacklevel=2)

    scale = 1 / (std * math.sqrt(2.0))
    low, high = math.erf((a - mean) * scale), math.erf((b - mean) * scale)
    with no_grad():
        wanted = empty(*tensor.shape, dtype=dtypes.float64).uniform_(low, high, generator=generator)
        x, step = full_like(wanted, (a + b) / 2), (b - a) / 4
        for _ in range(50):
            x += ((x - mean) * scale).erf().lt(wanted).to(dtypes.float64).mul(2 * step).sub(step)
            step /= 2
        return tensor.copy_(x.clamp(a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """`val` everywhere.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.constant_(minigrad.empty(2), 0.5).tolist()
    [0.5, 0.5]
    """
    with no_grad():
        return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.zeros_(minigrad.empty(2)).tolist()
    [0.0, 0.0]
    """
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.ones_(minigrad.empty(2)).tolist()
    [1.0, 1.0]
    """
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """1 on the diagonal of a matrix, else 0: as a dense layer, the identity.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.eye_(minigrad.empty(2, 3)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    require(tensor.ndim == 2, "eye_", "tensor", f"shape {tensor.shape}", "2 axes")
    with no_grad():
        return tensor.copy_(eye(*tensor.shape, dtype=tensor.dtype))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution weight (k, c, *kernel) that passes channel j to channel j of its group, as far as there are both.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.dirac_(minigrad.empty(1, 1, 3)).tolist()
    [[[0.0, 1.0, 0.0]]]
    """
    require(3 <= tensor.ndim <= 5, "dirac_", "tensor", f"shape {tensor.shape}", "3 to 5 axes")
    outputs, inputs, *kernel = tensor.shape
    require(groups > 0 and outputs % groups == 0, "dirac_", "groups", groups, f"a divisor of {outputs} output channels")
    with no_grad():
        tensor.zero_()
        for k in range(outputs if tensor.numel() else 0):
            if (channel := k % (outputs // groups)) < inputs:
                tensor[(k, channel, *[size // 2 for size in kernel])] = 1.0
    return tensor


def _std(gain: float, fan: float) -> float:
    return gain / math.sqrt(fan) if fan else 0.0


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in ±gain sqrt(6 / (fan_in + fan_out)): the variance between 1 / fan_in and 1 / fan_out.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.xavier_uniform_(minigrad.empty(3, 3)).abs().max().item() <= 1
    True
    """
    bound = math.sqrt(3.0) * _std(gain, sum(fan_in_and_fan_out(tensor)) / 2)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)).

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.xavier_normal_(minigrad.empty(3, 3), gain=0.0).abs().max().item()
    0.0
    """
    return normal_(tensor, 0.0, _std(gain, sum(fan_in_and_fan_out(tensor)) / 2), generator)


def _kaiming_std(op: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    one_of(op, "mode", mode, ("fan_in", "fan_out"))
    return _std(calculate_gain(nonlinearity, a), fan_in_and_fan_out(tensor)[mode == "fan_out"])


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                     generator: Any = None) -> Tensor:
    """Uniform in ±gain sqrt(3 / fan); `a` is the slope of the leaky ReLU behind, `mode` says which fan to keep.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> init.kaiming_uniform_(minigrad.empty(4, 6)).abs().max().item() <= 1
    True
    """
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
                    generator: Any = None) -> Tensor:
    """Normal with standard deviation gain / sqrt(fan).

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> weight = init.kaiming_normal_(minigrad.empty(64, 100), nonlinearity="relu")
    >>> 0.13 < weight.std().item() < 0.155               # sqrt(2 / 100) = 0.1414
    True
    """
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """A random matrix with orthonormal rows (or columns, if there are more rows), times gain.

    Further axes are joined to the second.  A normal random matrix is orthogonalised by Gram and Schmidt's method, each
    column twice, since once leaves rounding errors behind (Giraud et al., 2005); this is the Q of its QR
    decomposition with a positive diagonal of R, which is uniform among the orthogonal matrices.

    >>> import minigrad
    >>> from minigrad.nn import init
    >>> q = init.orthogonal_(minigrad.empty(2, 3))
    >>> [[round(value, 5) + 0.0 for value in row] for row in (q @ q.T).tolist()]
    [[1.0, 0.0], [0.0, 1.0]]
    """
    require(tensor.ndim >= 2, "orthogonal_", "tensor", f"shape {tensor.shape}", "at least 2 axes")
    if tensor.numel() == 0:
        return tensor
    with no_grad():
        drawn = empty(tensor.flatten(1).shape, dtype=dtypes.float64).normal_(generator=generator)
        wide = drawn.shape[0] <= drawn.shape[1]
        basis = drawn.clone() if wide else drawn.T.clone()      # the shorter axis counts the vectors
        for j, vector in enumerate(basis):
            for _ in range(2 if j else 0):
                vector = vector - (basis[:j] @ vector) @ basis[:j]
            basis[j] = vector / (vector * vector).sum().sqrt()
        return tensor.copy_(((basis if wide else basis.T) * gain).reshape(tensor.shape))
