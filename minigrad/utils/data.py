"""The names of `torch.utils.data`."""

from minigrad.data import *  # noqa: F403
