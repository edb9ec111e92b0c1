"""Any linear function of one tensor as the sparse matrix it is.

A linear function of n numbers that gives m is an m x n matrix; a convolution's is mostly zeros, and its other entries
are the few weights of the kernel again and again, in bands.  Transposed, it is the transposed convolution.
(Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016: convolution as a matrix operation.)

    build       matrix_of: pushes linear forms in place of numbers through the definitions of the ops
    form        a linear form: a sum of coefficients times elements of the input, the coefficients with names
    matrix      Matrix: its products, its transpose, its entries
    structure   bands and Toeplitz blocks
    text        a matrix in rows and columns of text
"""

from minigrad.matrix.build import matrix_of
from minigrad.matrix.matrix import Matrix
from minigrad.matrix.structure import Structure

__all__ = ["Matrix", "Structure", "matrix_of"]
