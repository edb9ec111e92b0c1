"""Layers and models: a Module holds parameters and computes with the functions of `nn.functional`."""

from minigrad.nn import (
    activation,
    containers,
    conv,
    dropout,
    functional,
    init,
    linear,
    loss,
    norm,
    pool,
    resample,
    shape,
    utils,
)
from minigrad.nn.activation import *  # noqa: F403
from minigrad.nn.containers import *  # noqa: F403
from minigrad.nn.conv import *  # noqa: F403
from minigrad.nn.dropout import *  # noqa: F403
from minigrad.nn.linear import *  # noqa: F403
from minigrad.nn.loss import *  # noqa: F403
from minigrad.nn.module import Module
from minigrad.nn.norm import *  # noqa: F403
from minigrad.nn.parameter import Parameter
from minigrad.nn.pool import *  # noqa: F403
from minigrad.nn.resample import *  # noqa: F403
from minigrad.nn.shape import *  # noqa: F403

__all__ = ["Module", "Parameter", "functional", "init", "utils"]
for _family in (activation, containers, conv, dropout, linear, loss, norm, pool, resample, shape):
    __all__ += _family.__all__
