"""A function called as it is, and captured: all that it gives and leaves behind must have the same bits.

(-0 counts as +0, which x + 0 -> x turns into it; a NaN is a NaN.)
"""

import minigrad
from minigrad import Tensor
from minigrad.random import default_generator


def bits(tree):
    """Nested results in a form that compares by type, place and number."""
    if isinstance(tree, Tensor):
        numbers = flat(tree.tolist())
        strides = [step for step, n in zip(tree.stride(), tree.shape, strict=True) if n > 1 and numbers]
        return ("tensor", tree.dtype.name, tree.shape, strides, [x if x == x else "nan" for x in numbers])
    if isinstance(tree, dict):
        return {key: bits(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return (type(tree).__name__, *map(bits, tree))
    return (type(tree).__name__, tree if tree == tree else "nan")


def flat(numbers):
    if not isinstance(numbers, list):
        return [numbers]
    while numbers and isinstance(numbers[0], list):
        numbers = [x for row in numbers for x in row]
    return numbers


def run(build, calls, captured):
    """What each call gives and leaves.

    `build()` makes a function, and another one that returns the state that it changes; `calls` is a list of functions
    that make the arguments of a call.
    """
    minigrad.manual_seed(7)
    function, state = build()
    function = minigrad.compile(function) if captured else function
    seen = []
    for arguments in calls:
        args = arguments()
        result = function(*args)
        grads = [x.grad for x in args if isinstance(x, Tensor)]
        seen.append(bits({"result": result, "arguments": args, "grads": grads, "state": state(),
                          "generator": default_generator.get_state()}))
    return seen, function


def same(build, calls, captures=1):
    """Asserts that capturing changes nothing; the Compiled."""
    wanted, _ = run(build, calls, False)
    found, function = run(build, calls, True)
    for number, (a, b) in enumerate(zip(found, wanted, strict=True)):
        for what in b:
            assert a[what] == b[what], f"call {number}: {what}"
    assert captures is None or len(function.captures) == captures
    return function


def nothing():
    """The state of a function that has none."""
