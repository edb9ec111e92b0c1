"""`minigrad graph`: the graph that a model's call is, its derivatives and its training step too."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minigrad
from minigrad import nn, optim
from minigrad.capture import show
from minigrad.cli.model import find, telling


def run(options: argparse.Namespace) -> int:
    """Captures what was asked for, computing nothing; draws it, or prints it as text."""
    model, shape = find(options)
    kind = next((name for name in CAPTURED if getattr(options, name, False)), "forward")
    with telling(options.model):
        function, arguments = CAPTURED[kind](model, minigrad.zeros(options.batch, *shape))
        graph = minigrad.compile(function).explain(*arguments).graph
    if options.text:
        print(show.text(graph))
        return 0
    from minigrad.draw import graph as draw

    drawing = draw(graph, f"{type(model).__name__}: {TITLES[kind]}")
    target = options.out or Path("graph.svg")
    if str(target) == "-":
        sys.stdout.write(drawing.svg())
    else:
        print(drawing.save(target))
    return 0


Captured = tuple[Callable[..., Any], tuple[Any, ...]]


def forward(model: nn.Module, x: Any) -> Captured:
    """A call in evaluation mode, without gradients."""
    def forward(x: Any) -> Any:
        with minigrad.no_grad():
            return model(x)

    model.eval()
    return forward, (x,)


def backward(model: nn.Module, x: Any) -> Captured:
    """A call, and the gradients of all parameters by the cotangent of its output; of the input, if there are none."""
    def backward(x: Any, cotangent: Any) -> Any:
        y = first(model(x))
        y.backward(cotangent)
        return y

    trained = any(parameter.requires_grad for parameter in model.parameters())
    return backward, (x.requires_grad_(not trained), like_output(model, x))


def second(model: nn.Module, x: Any) -> Captured:
    """The gradient by the input, and how it changes with the parameters: the gradients of <direction, gradient>."""
    def second(x: Any, cotangent: Any, direction: Any) -> Any:
        (gradient,) = minigrad.autograd.grad(first(model(x)), x, cotangent, create_graph=True)
        gradient.backward(direction, inputs=parameters or [x])
        return gradient

    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return second, (x.requires_grad_(), like_output(model, x), minigrad.zeros_like(x, requires_grad=False))


def step(model: nn.Module, x: Any) -> Captured:
    """A step of training with SGD: by cross entropy, if the outputs look like the scores of classes."""
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    y = like_output(model, x)
    classes = y.ndim == 2
    measure = nn.functional.cross_entropy if classes else nn.functional.mse_loss

    def step(x: Any, target: Any) -> Any:
        optimizer.zero_grad()
        loss = measure(first(model(x)), target)
        loss.backward()
        optimizer.step()
        return loss

    return step, (x, minigrad.zeros(len(y), dtype=minigrad.int64) if classes else y)


CAPTURED: dict[str, Callable[[nn.Module, Any], Captured]] = {"backward": backward, "second": second, "step": step,
                                                             "forward": forward}
TITLES = {"forward": "the forward pass", "backward": "forward, and the way back", "step": "a step of training",
          "second": "the gradient by the input, and its gradients"}


def first(outputs: Any) -> Any:
    """Of several outputs the first."""
    return outputs[0] if isinstance(outputs, tuple | list) else outputs


def like_output(model: nn.Module, x: Any) -> Any:
    """Zeros of the shape of the (first) output; the model is in training mode afterwards."""
    with minigrad.no_grad():
        y = first(model.eval()(x))
    model.train()
    return minigrad.zeros_like(y)
