"""`minigrad matrix`: a window operation as the matrix it is."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import minigrad
from minigrad.cli.main import UsageError
from minigrad.geometry import Geometry
from minigrad.matrix import matrix_of
from minigrad.nn import functional

MOST = {"input": 4096, "kernel": 4096, "result": 20_000, "matrix": 150_000}     # elements, entries: a few seconds


def run(options: argparse.Namespace) -> int:
    """Prints the matrix and its structure; draws it if asked."""
    if options.a and not options.transposed:
        raise UsageError(f"--a: got {options.a}, expected 0 without --transposed")
    try:
        bounded(options)
        found = matrix_of(operation(options), (1, 1, *(options.i,) * options.axes), minigrad.float64)
        picture = draw(options, found) if options.svg else None
    except ValueError as error:
        raise UsageError(str(error)) from None
    print(found.text(not options.numbers, options.limit))
    print(found.structure())
    if picture is not None:
        print(f"drawn in {picture.save(options.svg)}")
    return 0


def bounded(options: argparse.Namespace) -> None:
    """UsageError for more than is waited for, before any of it is computed."""
    ndim, k = options.axes, options.k
    sizes, how = ((options.i,) * ndim, (k,) * ndim), {"padding": padding(options), "dilation": options.d}
    if options.transposed:
        result = Geometry.of_transpose(f"conv_transpose{ndim}d", *sizes, stride(options), output_padding=options.a,
                                       **how).input[0]
    else:
        result = (Geometry.of_pool if options.pool else Geometry.of_conv)(
            f"{'avg_pool' if options.pool else 'conv'}{ndim}d", *sizes, stride(options), **how).output[0]
    windows = options.i if options.transposed else result
    for what, size in (("input", options.i), ("kernel", k), ("result", result), ("matrix", windows * k)):
        if size ** ndim > MOST[what]:
            raise UsageError(f"{what}: got {size}^{ndim} {'entries' if what == 'matrix' else 'elements'}, expected at "
                             f"most {MOST[what]}")


def padding(options: argparse.Namespace) -> Any:
    """As given; a (low, high) pair for each axis."""
    return (options.p,) * options.axes if isinstance(options.p, tuple) else options.p


def operation(options: argparse.Namespace) -> Callable[[Any], Any]:
    """The function of an image; the kernel of a convolution holds 1, 2, 3, ..."""
    ndim = options.axes
    how = {"stride": stride(options), "padding": padding(options), "dilation": options.d}
    if options.pool:
        return lambda x: getattr(functional, f"avg_pool{ndim}d")(x, options.k, **how)
    w = minigrad.arange(1, options.k ** ndim + 1).double().reshape(1, 1, *(options.k,) * ndim)
    if options.transposed:
        how["output_padding"] = options.a
    call = getattr(functional, f"conv_transpose{ndim}d" if options.transposed else f"conv{ndim}d")
    return lambda x: call(x, w, **how)


def stride(options: argparse.Namespace) -> int:
    """As given, or a pool's own, which is its kernel size."""
    return options.s or (options.k if options.pool else 1)


def draw(options: argparse.Namespace, found: Any) -> Any:
    """The picture, titled with what was asked."""
    from minigrad.draw.matrix import matrix

    kind = "transposed convolution" if options.transposed else "average pool" if options.pool else "convolution"
    return matrix(found, f"{kind}: i = {options.i}, k = {options.k}, s = {stride(options)}, p = {options.p}, "
                         f"d = {options.d}")
