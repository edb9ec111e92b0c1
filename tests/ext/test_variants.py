"""Every instruction-set level has every kernel: none may be missing from the one that a user's machine picks."""

import pytest

from minigrad import reference
from minigrad.kernels import load, usable


@pytest.mark.parametrize("level", usable())
def test_every_level_has_every_kernel(level):
    base, kernels = load("base"), load(level)
    assert kernels.keys() == base.keys()
    assert {name: kernel.dtypes for name, kernel in kernels.items()} == \
        {name: kernel.dtypes for name, kernel in base.items()}


def test_every_kernel_has_a_definition():
    assert load("base").keys() <= reference.KERNELS.keys()
