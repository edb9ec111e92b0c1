"""Layers and models: a Module holds parameters and computes with the functions of `nn.functional`."""

from minigrad.nn import functional, init, utils
from minigrad.nn.containers import *  # noqa: F403
from minigrad.nn.conv import *  # noqa: F403
from minigrad.nn.layer import publish
from minigrad.nn.linear import *  # noqa: F403
from minigrad.nn.module import Module
from minigrad.nn.norm import *  # noqa: F403
from minigrad.nn.parameter import Parameter
from minigrad.nn.stateless import *  # noqa: F403

publish(globals(), "Parameter", "functional", "init", "utils")
