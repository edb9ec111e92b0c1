"""`minigrad.compile`: a function of tensors, captured once for each kind of arguments and replayed without Python.

A call is replayed by a capture that fits: one made for arguments of the same form (shapes, strides, dtypes, which of
them want gradients, all that is no tensor) in the same state (the modules' modes and parts, the gradient mode, the
optimisers' tensors).  Most of the state is looked at only when something has said that it changed; see recorder.pyx.
"""

import functools
import linecache
import traceback
from collections.abc import Callable
from typing import Any

from minigrad.capture.capture import Capture
from minigrad.capture.explain import Explanation
from minigrad.capture.form import flattened
from minigrad.capture.profile import Profile, profile
from minigrad.dtypes import get_default_dtype
from minigrad.errors import require
from minigrad.node import GRAD, Value
from minigrad_ext.buffer import NumbersUnknown
from minigrad_ext.recorder import current

__all__ = ["CaptureError", "Compiled", "compile"]

PACKAGES = "minigrad", "minigrad_ext"
CURE = ("While a function is captured its tensors have shapes and dtypes but no numbers, so Python cannot look at "
        "them.  Return the tensor and look at it outside; choose between numbers with minigrad.where; or leave this "
        "part out of the captured function.")


class CaptureError(RuntimeError):
    """A function that cannot be captured: it asks for numbers while there are none.  The text names the line."""


class Compiled:
    """What `minigrad.compile` returns: called like the function, it replays a capture of it.

    `captures` are those made so far, the last used first; `clear()` forgets them.  Attributes that it does not have
    itself are those of the function or module.
    """

    def __init__(self, function: Callable, cache_size: int) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function, self.cache_size = function, cache_size
        self.known: list[tuple[Any, Capture]] = []      # by form; never changed but replaced, for other threads' sake

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current() is not None:
            return self.function(*args, **kwargs)       # part of another capture
        tensors: list[Value] = []
        form = flattened((args, kwargs), tensors), GRAD.enabled, get_default_dtype()
        known = self.known
        for at, pair in enumerate(known):
            if pair[0] == form and pair[1].replay.fits(tensors):
                if at:
                    self.known = [pair, *known[:at], *known[at + 1:]]
                return pair[1].called(tensors)
        capture = self.captured(args, kwargs)
        self.known = [(form, capture), *known[:self.cache_size - 1]]
        return capture.called(tensors)

    captures = property(lambda self: [capture for _, capture in self.known])

    def captured(self, args: tuple, kwargs: dict, watch: Callable | None = None) -> Capture:
        """A new capture for these arguments."""
        try:
            return Capture(self.function, args, kwargs, watch)
        except NumbersUnknown as error:
            raise CaptureError(explained(self.function, error)) from error

    def explain(self, *args: Any, **kwargs: Any) -> Explanation:
        """How a call with these arguments is captured: the graph, what each pass changes, the plan and its memory.

        The function is traced for it, nothing runs and nothing is kept.

        >>> import minigrad
        >>> double = minigrad.compile(lambda x: x * 1 + x)
        >>> print(double.explain(minigrad.ones(3)))     # doctest: +ELLIPSIS
        traced: 2 lines, 2 launches of kernels that move 64 bytes
        inputs %x: float32[3]
          %0: float32[3] = mul(%x, 1.0)
          %1: float32[3] = add(%0, %x)
        return %1
        ...
        """
        explanation = Explanation()
        return explanation.finish(self.captured(args, kwargs, explanation.watch))

    def profile(self, *args: Any, runs: int = 20, **kwargs: Any) -> Profile:
        """How long each step of a call takes: medians over `runs` calls, which do what calls do.

        (Each of `runs` is made once without and once with a clock at each step, after two others.)

        >>> import minigrad
        >>> double = minigrad.compile(lambda x: x + x)
        >>> [step.op for step in double.profile(minigrad.ones(3)).steps]
        ['add']
        """
        require(isinstance(runs, int) and runs > 0, "profile", "runs", runs, "an int above 0")
        return profile(self, args, kwargs, runs)

    def clear(self) -> None:
        """Forgets all captures."""
        self.known = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["function"], name)

    def __reduce_ex__(self, _: Any) -> Any:
        raise TypeError("compile: a compiled function is neither pickled nor copied: copy what it was made of, and "
                        "compile it again")

    def __repr__(self) -> str:
        return f"<compiled {self.function!r}, {len(self.captures)} captures>"


def explained(function: Callable, error: BaseException) -> str:
    """Which line of the user's asks for numbers, and what to do."""
    frames = list(traceback.walk_tb(error.__traceback__))
    outside = [at for at in frames if at[0].f_globals.get("__name__", "minigrad").partition(".")[0] not in PACKAGES]
    frame, number = (outside or frames)[-1]
    name, file = getattr(function, "__name__", type(function).__name__), frame.f_code.co_filename
    line = linecache.getline(file, number, frame.f_globals).strip()
    return f"compile: {name}: {file}, line {number}: `{line}` asks for numbers of a tensor.\n{CURE}"


def compile(function: Callable | None = None, *, cache_size: int = 16) -> Any:
    """The function, captured at its first call and replayed without Python from then on.

    `function` takes and returns tensors, numbers and nested tuples, lists and dicts of them, and may do anything to
    tensors: use modules, compute gradients, step an optimiser and a scheduler, draw random numbers.  It runs once on
    tensors that have no numbers, which records its graph; passes simplify the graph; a plan places its memory; and each
    call runs the plan's kernels one after another.  Other shapes, dtypes, modes and options are captured for
    themselves, the last `cache_size` of which are kept.  Results and effects are those of the function itself.

    Results have graphs where the function's have: `compile(model)(x).sum().backward()` runs a second plan.  (Several
    results that are differentiated at once each have their own, so what they share is passed once for each.)  A graph
    that the function has freed, as a training step does that calls `backward` itself, is not handed out.  Forward mode
    and derivatives of the derivative (`create_graph=True`) record the function again, with the random numbers of that
    call: what it does beside its results happens again then.

    Python that looks at a tensor's numbers (`if loss > 3`, `loss.item()`, `print(loss)`) raises CaptureError, which
    names the line, and so do operations whose shape depends on numbers (boolean masks, nonzero, one_hot without
    num_classes).  Python without tensors (a print, a count) runs while capturing only, and checks of numbers that no
    kernel makes (of probabilities, say) are left out; positions out of range are an IndexError of any call.

    >>> import minigrad
    >>> from minigrad import nn, optim
    >>> model = nn.Linear(2, 1)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> @minigrad.compile
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = nn.functional.mse_loss(model(x), y)
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x, y = minigrad.rand(8, 2), minigrad.rand(8, 1)
    >>> losses = [step(x, y).item() for _ in range(3)]
    >>> losses[0] > losses[1] > losses[2]
    True
    """
    require(isinstance(cache_size, int) and cache_size > 0, "compile", "cache_size", cache_size, "an int above 0")
    if function is None:
        return functools.partial(compile, cache_size=cache_size)
    require(callable(function), "compile", "function", type(function).__name__, "a function or module", TypeError)
    return Compiled(function, cache_size)
