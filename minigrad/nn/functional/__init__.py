"""Layers as functions: everything a layer computes, without the layer's state. Usually imported as `F`."""

from minigrad.functions import one_hot, pad
from minigrad.nn.functional import activation, loss, norm, patches, pool, resample, weighted
from minigrad.nn.functional.activation import *  # noqa: F403
from minigrad.nn.functional.loss import *  # noqa: F403
from minigrad.nn.functional.norm import *  # noqa: F403
from minigrad.nn.functional.patches import *  # noqa: F403
from minigrad.nn.functional.pool import *  # noqa: F403
from minigrad.nn.functional.resample import *  # noqa: F403
from minigrad.nn.functional.weighted import *  # noqa: F403

__all__ = ["one_hot", "pad"]
for _family in (activation, loss, norm, patches, pool, resample, weighted):
    __all__ += _family.__all__
