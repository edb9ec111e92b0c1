"""The names of `torch.utils.checkpoint`."""

from minigrad.func import checkpoint

__all__ = ["checkpoint"]
