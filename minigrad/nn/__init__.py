"""Layers and models: a Module holds parameters and computes with the functions of `nn.functional`."""

from minigrad.nn import activation, containers, dropout, functional, init, linear, loss, norm, resample, shape, utils
from minigrad.nn.activation import *  # noqa: F403
from minigrad.nn.containers import *  # noqa: F403
from minigrad.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from minigrad.nn.dropout import *  # noqa: F403
from minigrad.nn.linear import *  # noqa: F403
from minigrad.nn.loss import *  # noqa: F403
from minigrad.nn.module import Module
from minigrad.nn.norm import *  # noqa: F403
from minigrad.nn.parameter import Parameter
from minigrad.nn.pool import AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d
from minigrad.nn.resample import *  # noqa: F403
from minigrad.nn.shape import *  # noqa: F403

__all__ = [
    "AvgPool1d", "AvgPool2d", "AvgPool3d", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d",
    "ConvTranspose3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "Module", "Parameter", "functional", "init", "utils",
]
for _family in (activation, containers, dropout, linear, loss, norm, resample, shape):
    __all__ += _family.__all__
