"""One definition, three functions: each is found by its name, has its own signature and speaks of its own axes."""

import inspect
import pickle
import re

import pytest

import minigrad
from minigrad.nn import functional as F

FAMILIES = ["conv", "conv_transpose", "max_pool", "avg_pool", "lp_pool", "adaptive_avg_pool", "adaptive_max_pool",
            "max_unpool", "dropout"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_each_dimension_is_a_function_of_its_own(family, ndim):
    name = f"{family}{ndim}d"
    function = getattr(F, name)
    assert function.__name__ == function.__qualname__ == name and name in F.__all__
    assert pickle.loads(pickle.dumps(function)) is function
    parameters = inspect.signature(function).parameters
    assert next(iter(parameters)) == "input" and not {"ndim", "op"} & set(parameters)
    assert parameters.keys() == inspect.signature(getattr(F, f"{family}2d")).parameters.keys()
    assert {f"{family}{ndim}d("} >= set(re.findall(rf"\b{family}\dd\(", function.__doc__))
    assert ("H, W" in function.__doc__) == (ndim > 1) and ("D, H, W" in function.__doc__) == (ndim == 3)
    assert "*" + "I" not in function.__doc__ and "Nd" not in function.__doc__


def test_a_missing_argument_is_named():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'kernel_size'"):
        F.max_pool1d(minigrad.zeros(1, 1, 2))
