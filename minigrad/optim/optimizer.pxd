"""C types for optimizer.py."""

from minigrad_ext.buffer cimport alike
from minigrad_ext.recorder cimport current
