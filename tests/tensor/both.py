"""The same call in minigrad and in PyTorch: values, dtypes, shapes and gradients must be equal."""

import math
import random

import pytest

import minigrad

LAYOUTS = ("plain", "turned", "stepped", "flipped")


def numbers(shape, seed=0):
    """Nested lists of distinct numbers away from 0 and from halves, the same for each seed."""
    count = math.prod(shape)
    values = [(j - count // 2) / 4 + 0.0625 + 0.001 * j for j in range(count)]
    random.Random(seed).shuffle(values)
    return nested(values, shape)


def nested(values, shape):
    """The array of that shape; an axis of size 0 hides the axes after it."""
    if not shape:
        return values[0]
    step = math.prod(shape[1:])
    return [nested(values[j * step:(j + 1) * step], shape[1:]) for j in range(shape[0])]


def laid_out(library, shape, layout="plain", seed=0):
    """A leaf of float64 of that shape, and the tensor over it whose memory has that layout."""
    base = library.tensor(numbers(shape, seed), dtype=library.float64).reshape(shape)
    if library is not minigrad or layout == "plain" or not shape:
        return base.requires_grad_()
    order = tuple(reversed(range(len(shape))))
    if layout == "turned":
        x = base.permute(order).contiguous().permute(order)
    elif layout == "stepped":
        x = minigrad.stack([base, base + 100], -1).flatten(-2)[..., ::2]
    else:
        x = base.flip(*order).contiguous().flip(*order)
    return x.detach().requires_grad_()


def plain(value):
    """A result as comparable Python data: (kind, dtype, shape, numbers)."""
    if hasattr(value, "requires_grad"):
        return "tensor", str(value.dtype).split(".")[-1], tuple(value.shape), value.tolist()
    if hasattr(value, "_fields") or isinstance(value, (tuple, list)):
        return "parts", [plain(part) for part in value]
    if str(value).startswith(("torch.", "minigrad.")):
        return str(value).split(".")[-1]
    return value


def tensors(value):
    """The tensors in a result that a gradient flows through."""
    if hasattr(value, "requires_grad"):
        return [value] if value.requires_grad else []
    return [x for part in value for x in tensors(part)] if isinstance(value, (tuple, list)) else []


def run(library, text, shapes, layout="plain"):
    """The result of the call, and the gradients of a weighted sum of it."""
    names = {name: laid_out(library, shape, layout, seed) for seed, (name, shape) in
             enumerate(zip("xyz", shapes, strict=False))}
    value = eval(text, {"m": library, **names})
    outs, grads = tensors(value), None
    if outs and all(out.dtype in (library.float64, library.float32) for out in outs):
        total = sum((out * (library.arange(out.numel(), dtype=out.dtype).reshape(out.shape) % 5 + 1)).sum()
                    for out in outs)
        total.backward()
        grads = [x.grad if x.grad is None else x.grad.tolist() for x in names.values()]
    return plain(value), grads


def close(a, b, tolerance=1e-9):
    """Whether two pieces of plain data are equal, floats to a tolerance, NaN equal to NaN."""
    if isinstance(a, float) and isinstance(b, (int, float)):
        return a == b or (a != a and b != b) or abs(a - b) <= tolerance * max(1, abs(a), abs(b))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(close(x, y, tolerance) for x, y in zip(a, b, strict=True))
    return a == b


def assert_same(text, shapes, layout="plain"):
    """The call gives the same in both libraries, or is refused by both."""
    torch = pytest.importorskip("torch")
    try:
        expected = run(torch, text, shapes, layout)
    except (RuntimeError, IndexError, ValueError, TypeError):
        with pytest.raises((RuntimeError, IndexError, ValueError, TypeError)):
            run(minigrad, text, shapes, layout)
        return
    got = run(minigrad, text, shapes, layout)
    tolerance = 1e-5 if "float32" in text or ".float()" in text or "type_as" in text else 1e-9
    assert close(got[0], expected[0], tolerance), (text, shapes, layout, got[0], expected[0])
    assert close(got[1], expected[1], tolerance), ("gradient of", text, shapes, layout, got[1], expected[1])
