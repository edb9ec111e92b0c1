"""Convolution arithmetic that runs: sizes, relationships, receptive fields.

    sizes           what comes out along an axis, asked of the engine's own geometry
    transpose       the direct convolution that a transposed convolution is
    relationships   the fourteen statements of the guide: text, conditions, formula
    explain         which of them applies, and the derivation in words and numbers
    receptive       receptive fields of layers, and of modules by their captured graph (traced, reads)
    summary         what the layers of a module are, cost and see, by the same graph (calls)
    support         the same found by running the network, and the effective receptive field by its gradients

>>> from minigrad.arithmetic import RELATIONSHIPS, conv_output_size, explain
>>> conv_output_size(6, 3, s=2, p=1)
3
>>> print(RELATIONSHIPS[4])
Relationship 4 (full padding): s = 1, p = k - 1: o = i + (k - 1)
>>> explain(5, 3, p=2).relationship.number
4
"""

from minigrad.arithmetic.explain import Explanation, explain
from minigrad.arithmetic.receptive import Field, Fields, Layer, receptive_field
from minigrad.arithmetic.relationships import RELATIONSHIPS, Relationship
from minigrad.arithmetic.sizes import (
    conv_output_size,
    conv_transpose_output_size,
    effective_kernel_size,
    full_padding,
    pool_output_size,
    same_padding,
)
from minigrad.arithmetic.summary import Row, Summary, summary
from minigrad.arithmetic.support import effective_receptive_field, support
from minigrad.arithmetic.transpose import AssociatedTranspose, associated_transpose

__all__ = ["RELATIONSHIPS", "AssociatedTranspose", "Explanation", "Field", "Fields", "Layer",
           "Relationship", "Row", "Summary", "associated_transpose", "conv_output_size", "conv_transpose_output_size",
           "effective_kernel_size", "effective_receptive_field", "explain", "full_padding", "pool_output_size",
           "receptive_field", "same_padding", "summary", "support"]
