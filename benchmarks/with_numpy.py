"""How a NumPy user writes the layers: windows by strides, sums by tensordot and einsum, which use NumPy's BLAS."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def _windows(x: Any, taps: tuple[int, ...], stride: int, padding: int, dilation: int = 1, fill: float = 0.0) -> Any:
    """(n, c, *outputs, *taps), a view of the padded x."""
    axes = tuple(range(2, x.ndim))
    x = np.pad(x, [(0, 0)] * 2 + [(padding, padding)] * len(axes), constant_values=fill) if padding else x
    view = sliding_window_view(x, [dilation * (t - 1) + 1 for t in taps], axes)
    return view[(..., *[slice(None, None, stride)] * len(axes), *[slice(None, None, dilation)] * len(axes))]


def conv2d(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1) -> Any:
    """Of any number of dimensions."""
    windows, ndim = _windows(x, w.shape[2:], stride, padding, dilation), x.ndim - 2
    if groups == 1:
        taps = range(2 + ndim, 2 + 2 * ndim)
        y = np.moveaxis(np.tensordot(windows, w, ((1, *taps), range(1, 2 + ndim))), -1, 1)
    else:
        outputs, letters = "xyz"[:ndim], "tuv"[:ndim]
        windows = windows.reshape(len(x), groups, -1, *windows.shape[2:])
        y = np.einsum(f"ngc{outputs}{letters},gkc{letters}->ngk{outputs}", windows,
                      w.reshape(groups, -1, *w.shape[1:]), optimize=True)
        y = y.reshape(len(x), len(w), *y.shape[3:])
    return y + b.reshape(-1, *[1] * ndim)


conv1d = conv3d = conv2d


def conv_transpose2d(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0, output_padding: int = 0) -> Any:
    n, _, *sizes = x.shape
    whole = [(i - 1) * stride + t + output_padding for i, t in zip(sizes, w.shape[2:], strict=True)]
    y = np.zeros((n, w.shape[1], *whole), x.dtype)
    for t, u in np.ndindex(*w.shape[2:]):
        part = np.moveaxis(np.tensordot(x, w[:, :, t, u], (1, 0)), -1, 1)
        y[:, :, t:t + sizes[0] * stride:stride, u:u + sizes[1] * stride:stride] += part
    return y[:, :, padding:whole[0] - padding, padding:whole[1] - padding] + b.reshape(-1, 1, 1)


def max_pool2d(x: Any, k: int, stride: int | None = None, padding: int = 0) -> Any:
    return _windows(x, (k, k), stride or k, padding, fill=-np.inf).max((4, 5))


def avg_pool2d(x: Any, k: int, stride: int | None = None, padding: int = 0) -> Any:
    return _windows(x, (k, k), stride or k, padding).mean((4, 5))


def linear(x: Any, w: Any, b: Any) -> Any:
    return x @ w.T + b


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def cross_entropy(x: Any, t: Any) -> Any:
    x = x - x.max(1, keepdims=True)
    return (np.log(np.exp(x).sum(1)) - x[np.arange(len(x)), t]).mean()


def mse_loss(x: Any, y: Any) -> Any:
    return np.square(x - y).mean()


def _normalised(x: Any, axes: tuple[int, ...], w: Any, b: Any) -> Any:
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt(np.square(centred).mean(axes, keepdims=True) + 1e-5) * w + b


def batch_norm(x: Any, mean: None, var: None, w: Any, b: Any, training: bool) -> Any:
    return _normalised(x, (0, 2, 3), w.reshape(-1, 1, 1), b.reshape(-1, 1, 1))


def layer_norm(x: Any, shape: tuple[int, ...], w: Any, b: Any) -> Any:
    return _normalised(x, tuple(range(-len(shape), 0)), w, b)
