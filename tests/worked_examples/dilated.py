"""The lecture on dilated and transposed convolutions: receptive fields, matrices in letters, checkerboards."""

from __future__ import annotations

import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.arithmetic import Layer, associated_transpose, conv_transpose_output_size, receptive_field
from minigrad.arithmetic.support import support
from minigrad.matrix import matrix_of
from worked_examples.by_the_engine import (
    conv,
    conv_matrix,
    conv_transpose,
    counting,
    in_letters,
    names,
    transposed,
)
from worked_examples.registry import DILATED, worked

# ---- receptive fields ------------------------------------------------------------------------------------------------


@worked(DILATED, "receptive fields", "3x3 kernels: a neuron of layer 2 sees 9 inputs, one of layer 3 more", [9, 25])
def fields_of_3x3_kernels():
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3))
    return [rows * columns for rows, columns in (field.size for field in receptive_field(net, (1, 9, 9)))]


@worked(DILATED, "dilated convolution on 2D data", "a dilated kernel is a kernel interleaved with zeros", True,
        shown="equal (3x3, dilation 2, as 5x5)")
def a_kernel_interleaved_with_zeros():
    x, w = counting(1, 1, 8, 8), counting(1, 1, 3, 3)
    wide = minigrad.zeros(1, 1, 5, 5, dtype=minigrad.float64)
    wide[:, :, ::2, ::2] = w
    return F.conv2d(x, w, dilation=2).tolist() == F.conv2d(x, wide).tolist()


def two_layers(dilation):
    """Kernel 2, stride 2, weights 0.5 and 1: twice."""
    w = minigrad.tensor([[[0.5, 1.0]]])
    return lambda x: F.conv1d(F.conv1d(x, w, stride=2, dilation=dilation), w, stride=2, dilation=dilation)


@worked(DILATED, "1D network, kernel 2, stride 2", "dilation 1: a neuron of layer 2 sees 4 inputs", (4, [0, 1, 2, 3]),
        shown="4: inputs 0 to 3")
def two_layers_without_dilation():
    return receptive_field([Layer(2, 2), Layer(2, 2)]).size, support(two_layers(1), (1, 10), (0,))[0]


@worked(DILATED, "1D network, kernel 2, stride 2", "dilation 2: it sees 7 inputs", (7, [0, 2, 4, 6]),
        shown="7: spread from 0 to 6, of which 0, 2, 4 and 6 are read")
def two_layers_with_dilation():
    return receptive_field([Layer(2, 2, 2), Layer(2, 2, 2)]).size, support(two_layers(2), (1, 14), (0,))[0]


@worked(DILATED, "1D network, weights 0.5 and 1", "what the two layers are together",
        ([0.25, 0.5, 0.5, 1.0], [0.25, 0, 0.5, 0, 0.5, 0, 1.0]),
        shown="the kernel .25 .5 .5 1; dilated, .25 0 .5 0 .5 0 1")
def two_layers_as_one_kernel():
    return tuple(matrix_of(two_layers(d), (1, 1, size)).to_dense()[0].tolist()
                 for d, size in ((1, 4), (2, 7)))


@worked(DILATED, "dilations 1, 2 and 4, kernel 3", "few layers see far along a sequence", [3, 7, 15])
def dilations_along_a_sequence():
    return [field.size for field in receptive_field([Layer(3, d=d, p="causal") for d in (1, 2, 4)])]


# ---- transposed convolutions -----------------------------------------------------------------------------------------

@worked(DILATED, "example 1", "k = 3, p = 0, s = 1: 4x4 to 2x2; back with k' = 3, s' = 1, p' = 2",
        "i' = 2, p' = 2, s' = 1: o' = 4")
def from_4x4_to_2x2_and_back():
    return transposed(4, 3)


@worked(DILATED, "example 1", "the transpose of (k, s, p) has k' = k, s' = s and p' = k - 1; i = 5, k = 3, p = 1",
        (5, 1), printed=(7, 2), shown="o' = 5, p' = 1",
        erratum="that is so where p = 0 and s = 1; in general p' = k - 1 - p, and s' = 1 over the stretched input")
def the_padding_of_an_associated_transpose():
    assert conv_transpose_output_size(5, 3) == 7            # what p' = k - 1 would give
    found = associated_transpose(5, 3, p=1)
    return found.output_size, found.p


SMALL = [["x", "y", "z", "0", "0", "0"], ["0", "x", "y", "z", "0", "0"], ["0", "0", "x", "y", "z", "0"],
         ["0", "0", "0", "x", "y", "z"]]


def letters(tap):
    return "xyz"[tap]


@worked(DILATED, "example 2, convolution as a matrix", "x y z over 0 a b c d 0 (stride 1, padding 1)",
        ["ay+bz", "ax+by+cz", "bx+cy+dz", "cx+dy"])
def a_convolution_in_letters():
    assert names(conv_matrix((6,), (3,)), letters) == SMALL
    padded = in_letters(names(conv_matrix((4,), (3,), padding=1), letters), "abcd")
    assert padded == in_letters(SMALL, "0abcd0")        # padding in the vector, or in the matrix
    return padded


@worked(DILATED, "example 2, transposed", "the 6x4 matrix times a b c d",
        ["ax", "ay+bx", "az+by+cx", "bz+cy+dx", "cz+dy", "dz"],
        note="as a layer it learns weights of its own; going backward its weights are those of the convolution")
def a_transposed_convolution_of_length_6():
    back = conv_matrix((6,), (3,)).T
    assert names(back, letters) == [list(row) for row in zip(*SMALL, strict=True)]
    return in_letters(names(back, letters), "abcd")


def weighted(matrix, first, count):
    """Its product with z1, z2, ..., as sums of w1z1."""
    rows = names(matrix, lambda tap: f"w{tap + 1}")
    return [" + ".join(f"{w} z{first + j}" for j, w in enumerate(row[:count]) if w != "0") for row in rows]


@worked(DILATED, "example 3, K Z", "w1 w2 w3 over z1 to z6, stride 1, padding 0: four outputs z7 to z10",
        ["w1 z1 + w2 z2 + w3 z3", "w1 z2 + w2 z3 + w3 z4", "w1 z3 + w2 z4 + w3 z5", "w1 z4 + w2 z5 + w3 z6"],
        shown="the same four sums")
def four_sums_of_three_products():
    return weighted(conv_matrix((6,), (3,)), 1, 6)


@worked(DILATED, "example 3, transposed", "the transposed K over z7 to z10: six outputs",
        ["w1 z7", "w2 z7 + w1 z8", "w3 z7 + w2 z8 + w1 z9", "w3 z8 + w2 z9 + w1 z10", "w3 z9 + w2 z10", "w3 z10"],
        printed=["w1 z7", "w2 z7 + w1 z8", "w3 z7 + w2 z8 + w1 z9", "w3 z8 + w2 z9 + w1 z10", "w3 z9 + w2 z10",
                 "w3 z1 0"],
        shown="the same six sums", erratum="the last one is misprinted on one of the slides, w3 z1 0 for w3 z10")
def six_sums_of_the_transpose():
    return weighted(conv_matrix((6,), (3,)).T, 7, 4)


@worked(DILATED, "example 3", "z7, made of z1 to z3, is used for the new z1 to z3 alone", ([1, 2, 3], [1, 2, 3]))
def an_element_goes_back_where_it_came_from():
    K = conv_matrix((6,), (3,))
    return [i + 1 for i in K.rows[0]], [o + 1 for o, row in enumerate(K.T.rows) if 0 in row]


@worked(DILATED, "example 3", "the transpose brings back the size, not the feature map", (6, False),
        shown="6 numbers, other ones")
def the_transpose_is_no_inverse():
    x, w = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 2.0, 1.0]
    back = conv_transpose(conv(x, w), w)
    return len(back), back == x


@worked(DILATED, "example 3, note", "a transposed convolution can always be done as a convolution with padding", True,
        shown="equal for i = 5 to 7, k to 4, s to 3 and all p < k")
def always_a_convolution_with_padding():
    return all(transposed(i, k, s, p) for i in (5, 6, 7) for k in (1, 2, 3, 4) for s in (1, 2, 3) for p in range(k))


@worked(DILATED, "example 4", "3x3, stride 2, padding 1; transposed, the stride is in the output", (3, 5, 6),
        shown="5x5 to 3x3; back to 5x5, or 6x6 with a = 1")
def the_stride_is_in_the_output():
    small = len(conv(counting(5, 5), counting(3, 3), stride=2, padding=1))
    return small, *(conv_transpose_output_size(small, 3, 2, 1, a=a) for a in (0, 1))


@worked(DILATED, "example 4", "the filter is scaled by the input", [1, 2, 3 + 10, 20, 30],
        shown="1 and 10 times the filter 1 2 3, two apart: 1 2 13 20 30")
def the_filter_is_scaled_by_the_input():
    return conv_transpose([1, 10], [1, 2, 3], stride=2)


# ---- checkerboards ---------------------------------------------------------------------------------------------------

def overlap(k, s):
    """How many inputs of 5 reach each output."""
    return conv_transpose([1] * 5, [1] * k, stride=s)


@worked(DILATED, "drawback", "kernel 3, stride 2 overlap unevenly", [1, 1, 2, 1, 2, 1, 2, 1, 2, 1, 1])
def uneven_overlap():
    return overlap(3, 2)


@worked(DILATED, "drawback, solution", "a kernel size that the stride divides overlaps evenly (4 and 2)",
        [1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1])
def even_overlap():
    return overlap(4, 2)


@worked(DILATED, "drawback, solution", "nearest-neighbour upsampling, then a same convolution",
        [2, 3, 3, 3, 3, 3, 3, 3, 3, 2], shown="2 3 3 3 3 3 3 3 3 2: uneven at the border alone")
def upsampling_and_then_a_convolution():
    x = F.interpolate(minigrad.ones(1, 1, 5), scale_factor=2.0)
    return F.conv1d(x, minigrad.ones(1, 1, 3), padding="same").flatten().tolist()
