"""PyTorch's paths to what lives elsewhere here: `utils.data` is `minigrad.data`, `utils.checkpoint` is in `func`."""

from minigrad.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
