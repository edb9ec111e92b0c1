"""Debug builds look around every kernel call; other builds have nothing to look at."""

import ctypes

import pytest
from arrays import buf

from minigrad_ext.kernel import CHECKED, GUARDED

needs_guards = pytest.mark.skipif(not GUARDED, reason="not a debug build (MINIGRAD_DEBUG=1)")


def test_guards_come_with_checks():
    assert CHECKED or not GUARDED


@needs_guards
@pytest.mark.parametrize("offset", [-1, 12])
def test_a_write_beyond_a_block_is_found(kernels, offset):
    out, x = buf([0, 0, 0], "float32"), buf([1, 2, 3], "float32")
    place = (ctypes.c_ubyte * 1).from_address(out.data_ptr + offset)
    before, place[0] = place[0], 0
    with pytest.raises(AssertionError, match="copy: something was written beyond the memory of argument 0"):
        kernels["copy"](out, x)
    place[0] = before
    kernels["copy"](out, x)
    assert out.tolist() == [1, 2, 3]
