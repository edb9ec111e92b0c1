"""Brefeld and Majumder's lecture: why convolutions, sizes with channels, padding and stride, dilation."""

from __future__ import annotations

import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.arithmetic import effective_kernel_size
from minigrad.arithmetic.support import support
from minigrad.matrix import matrix_of
from worked_examples.by_the_engine import conv, conv_matrix, counting, numbers
from worked_examples.registry import BREFELD, worked


@worked(BREFELD, "introduction", "a linear layer from a 256x256 colour image to one of the same size: (256·256·3)^2 = "
        "3.87e10 parameters", 38_654_705_664, shown="38,654,705,664")
def parameters_of_a_linear_layer():
    return minigrad.zeros(1).expand(3, 256, 256).numel() ** 2


@worked(BREFELD, "introduction", "about 150 GB", (154.6, 144.0), shown="154.6e9 bytes in float32, 144 GiB")
def memory_of_a_linear_layer():
    count = parameters_of_a_linear_layer() * minigrad.float32.itemsize
    return round(count / 1e9, 1), count / 2 ** 30


@worked(BREFELD, "convolution in 1d", "(1, 2, 3, 4) ⊛ (3, 2) = (7, 12, 17), of size W - w + 1", [7, 12, 17])
def a_convolution_in_one_dimension():
    return conv([1, 2, 3, 4], [3, 2])


@worked(BREFELD, "multi-dimensional input", "C x H x W with a kernel C x h x w gives (H - h + 1) x (W - w + 1); "
        "D of them, D times that", [(1, 5, 6), (4, 5, 6)], shown="C = 3, H = 7, W = 9, h = 3, w = 4: 5x6; D = 4: 4x5x6")
def sizes_with_channels():
    return [tuple(F.conv2d(counting(1, 3, 7, 9), counting(D, 3, 3, 4)).shape[1:]) for D in (1, 4)]


@worked(BREFELD, "translation", "the same linear transformation everywhere: moving the input moves the output", True,
        shown="equal, away from the borders")
def moving_the_input_moves_the_output():
    x, w = counting(1, 1, 1, 12), counting(1, 1, 1, 3)
    return numbers(F.conv2d(x.roll(2, 3), w))[0][2:] == numbers(F.conv2d(x, w))[0][:-2]


@worked(BREFELD, "fully connected layer", "every input influences every output, of a convolution few do", [24, 12],
        shown="6 inputs, 4 outputs: 24 entries against 12")
def entries_of_a_dense_and_a_convolution_matrix():
    dense = matrix_of(nn.Linear(6, 4, bias=False), (6,))
    return [dense.nnz, conv_matrix((6,), (3,)).nnz]


@worked(BREFELD, "receptive field", "the part of the input that influences one output", [[1, 2, 3], [4, 5, 6, 7]],
        shown="rows 1 to 3, columns 4 to 7, of output (1, 4) of a 3x4 kernel")
def the_part_that_influences_an_output():
    return support(nn.Conv2d(2, 1, (3, 4)), (2, 8, 9), (1, 4))


@worked(BREFELD, "padding and stride", "C x 3x5, padding (2, 1), stride (2, 2), kernel C x 3x3", (3, 3))
def padding_and_stride_on_two_axes():
    return tuple(F.conv2d(counting(1, 2, 3, 5), counting(1, 2, 3, 3), stride=(2, 2), padding=(2, 1)).shape[2:])


@worked(BREFELD, "padding and stride", "a stride above 1 may leave out inputs (W = 6, w = 3, stride 2)", [5],
        shown="input 5 of 0 to 5 is read by no output")
def inputs_that_a_stride_leaves_out():
    return [place for place, row in enumerate(conv_matrix((6,), (3,), stride=2).T.rows) if not row]


@worked(BREFELD, "dilated convolutions", "dilation d is a filter of size 1 + (k - 1)d with k coefficients that are "
        "not 0", (9, 3, True), shown="k = 3, d = 4: 9 places, 3 not 0; equal to the convolution with that filter")
def a_dilated_filter_with_its_zeros():
    w = [2.0, 3.0, 5.0]
    sparse = [0.0] * effective_kernel_size(3, 4)
    sparse[::4] = w
    x = counting(14).tolist()
    return len(sparse), sum(tap != 0 for tap in sparse), conv(x, w, dilation=4) == conv(x, sparse)


@worked(BREFELD, "dilated convolutions", "k = 3, d = 4: the output is 8 smaller than the input", 8)
def what_a_dilated_kernel_takes_off():
    return 20 - len(conv([0] * 20, [1, 1, 1], dilation=4))


@worked(BREFELD, "dilated convolutions", "a larger receptive field with the same number of parameters",
        [(3, 3), (3, 5)], shown="3 weights, 3 places; dilated by 2, 3 weights, 5 places")
def a_larger_field_with_the_same_weights():
    return [(layer.weight.numel(), support(layer, (1, 9), (2,))[0][-1] - support(layer, (1, 9), (2,))[0][0] + 1)
            for layer in (nn.Conv1d(1, 1, 3, dilation=d) for d in (1, 2))]
