"""Batra's lecture: sizes, pooling and unpooling, dense layers as convolutions, Toeplitz matrices, dilation, backprop,
transposed convolution."""

from __future__ import annotations

import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.arithmetic import Layer, conv_output_size, effective_kernel_size, receptive_field, same_padding
from minigrad.matrix import matrix_of
from worked_examples.by_the_engine import (
    conv,
    conv_matrix,
    conv_transpose,
    counting,
    flipped,
    image,
    in_letters,
    names,
    numbers,
    tensor,
)
from worked_examples.registry import BATRA, worked
from worked_examples.visin import C, as_printed

# ---- layers and sizes ------------------------------------------------------------------------------------------------


@worked(BATRA, "convolution layer", "6 filters of 5x5 give 6 activation maps (32x32x3 in)", (6, 28, 28))
def six_filters_six_maps():
    return tuple(nn.Conv2d(3, 6, 5)(minigrad.zeros(1, 3, 32, 32)).shape[1:])


@worked(BATRA, "output size (N - F)/stride + 1", "N = 7, F = 3, stride 1 and 2", [5, 3])
def output_sizes_for_strides():
    return [conv_output_size(7, 3, s) for s in (1, 2)]


@worked(BATRA, "output size (N - F)/stride + 1", "N = 7, F = 3, stride 3: 2.33, which does not fit", (2, 1),
        shown="2 windows; 1 input is left over", note="engines take the floor, as Relationship 5 says")
def a_stride_that_does_not_fit():
    windows = matrix_of(lambda x: F.conv1d(x, minigrad.ones(1, 1, 3), stride=3), (1, 1, 7))
    return windows.shape[0], sum(not row for row in windows.T.rows)


@worked(BATRA, "zero padding", "7x7 input, 3x3 filter, stride 1, a border of 1: 7x7", (7, 7))
def a_border_of_one_pixel():
    return tuple(F.conv2d(minigrad.zeros(1, 1, 7, 7), minigrad.zeros(1, 1, 3, 3), padding=1).shape[2:])


@worked(BATRA, "zero padding (F - 1)/2", "F = 3, 5, 7: pad with 1, 2, 3", [(1, 1), (2, 2), (3, 3)])
def padding_that_preserves_sizes():
    return [same_padding(7, F) for F in (3, 5, 7)]


@worked(BATRA, "fully connected layer", "a vector of 4096 to 1000 class scores", 4_097_000,
        shown="4,097,000 parameters, 1,000 of them biases")
def parameters_of_a_dense_layer():
    return sum(each.numel() for each in nn.Linear(4096, 1000).parameters())


# ---- pooling and unpooling -------------------------------------------------------------------------------------------

POOLED = [[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]]


@worked(BATRA, "max pooling", "2x2 filters, stride 2, over 1 2 6 3 / 3 5 2 1 / 1 2 2 1 / 7 3 4 8", [[5, 6], [7, 8]])
def max_pooling_of_a_grid():
    return numbers(F.max_pool2d(image(POOLED), 2))


@worked(BATRA, "max unpooling", "1 2 / 3 4 goes where the largest were",
        [[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]])
def max_unpooling_of_a_grid():
    _, indices = F.max_pool2d(image(POOLED), 2, return_indices=True)
    return numbers(F.max_unpool2d(image([[1, 2], [3, 4]]), indices, 2))


@worked(BATRA, "max unpooling", "it goes back the way the gradient of max pooling goes", True,
        shown="equal to the gradient, number by number")
def unpooling_is_the_gradient_of_pooling():
    x = image(POOLED).requires_grad_()
    F.max_pool2d(x, 2).backward(image([[1, 2], [3, 4]]))
    return numbers(x.grad) == max_unpooling_of_a_grid()


@worked(BATRA, "in-network upsampling: unpooling", "1 2 / 3 4 to 4x4: nearest neighbour, and bed of nails",
        ([[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]],
         [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]), shown="1 1 2 2 / 1 1 2 2 / 3 3 4 4 / 3 3 4 4; "
        "1 0 2 0 / 0 0 0 0 / 3 0 4 0 / 0 0 0 0")
def unpooling_without_places():
    g = image([[1, 2], [3, 4]])
    return numbers(F.nearest_unpool(g, 2)), numbers(F.nails_unpool(g, 2))


@worked(BATRA, "pooling layer: examples", "max, mean and L2 over 2x2 neighbourhoods of the same grid",
        [[[5, 6], [7, 8]], [[2.75, 3.0], [3.25, 3.75]], [[39, 50], [63, 85]]],
        shown="5 6 / 7 8; 2.75 3 / 3.25 3.75; the roots of 39 50 / 63 85")
def kinds_of_pooling():
    found = [f(image(POOLED), 2) for f in (F.max_pool2d, F.avg_pool2d)]
    squares = F.lp_pool2d(image(POOLED), 2, 2) ** 2
    assert minigrad.allclose(squares, F.avg_pool2d(image(POOLED) ** 2, 2) * 4)
    return [*map(numbers, found), [[round(value) for value in row] for row in numbers(squares)]]


@worked(BATRA, "pooling layer: L2 over features", "the root of the sum of squares over neighbouring features",
        [5.0, 13.0], shown="5 of (3, 4), 13 of (5, 12)")
def pooling_over_features():
    h = tensor([[3.0, 5.0], [4.0, 12.0]]).reshape(1, 2, 1, 2)
    return F.lp_pool_features(h, 2, 2).flatten().tolist()


# ---- fully convolutional networks ------------------------------------------------------------------------------------

@worked(BATRA, "fully convolutional networks", "a dense layer is a convolution with H kernels of MxMxN, the next one "
        "with K kernels of 1x1xH", True, shown="equal (M = 4, N = 3, H = 5, K = 2)")
def dense_layers_as_convolutions():
    x, first, second = counting(1, 3, 4, 4), counting(5, 48), counting(2, 5)
    dense = F.linear(F.linear(x.flatten(1), first), second)
    maps = F.conv2d(F.conv2d(x, first.reshape(5, 3, 4, 4)), second.reshape(2, 5, 1, 1))
    return tuple(maps.shape) == (1, 2, 1, 1) and maps.flatten().tolist() == dense.flatten().tolist()


@worked(BATRA, "fully convolutional networks", "at test time, on a larger image: what sliding the network gives",
        (3, 4), shown="3x4 outputs of a 6x7 image, each equal to the network on its window")
def unrolled_over_a_larger_image():
    x, w = counting(1, 3, 6, 7), counting(5, 3, 4, 4)
    maps = F.conv2d(x, w)
    for r in range(3):
        for c in range(4):
            assert maps[0, :, r, c].tolist() == F.conv2d(x[:, :, r:r + 4, c:c + 4], w).flatten().tolist()
    return tuple(maps.shape[2:])


# ---- Toeplitz matrices -----------------------------------------------------------------------------------------------

@worked(BATRA, "Toeplitz matrix", "a b c d e / f a b c d / g f a b c / h g f a b / i h g f a: A_ij = a_(i-j)",
        ["abcde", "fabcd", "gfabc", "hgfab", "ihgfa"], shown="the same, of nine taps (i h g f a b c d e) padded by 4")
def a_toeplitz_matrix_of_letters():
    matrix = conv_matrix((5,), (9,), padding=4)
    assert matrix.structure().toeplitz == "Toeplitz"
    return ["".join(row) for row in names(matrix, lambda tap: "ihgfabcde"[tap])]


@worked(BATRA, "convolution = matrix multiplication", "the matrix of y = w ∗ x: w_k at the top left, w_1 at the bottom "
        "right (here k = 5, six inputs); the row that begins with w_1", "w1 w2 w3 w4 w5 0", printed="w1 w3 w4 w5 0 0",
        erratum="after w_1 stands w_(k-2) on the slide; it is w_2", note="the matrix of a fully padded convolution")
def the_matrix_of_a_full_convolution():
    rows = names(conv_matrix((6,), (5,), padding=4), lambda tap: f"w{tap + 1}")
    assert rows[0] == ["w5", "0", "0", "0", "0", "0"] and rows[1][:2] == ["w4", "w5"] and rows[-1][-1] == "w1"
    return " ".join(rows[4])


@worked(BATRA, "convolution of a box with itself", "a triangle (a box of 4)", [1, 2, 3, 4, 3, 2, 1])
def a_box_with_itself():
    return conv([1, 1, 1, 1], flipped([1, 1, 1, 1]), padding=3)


@worked(BATRA, "convolution = matrix multiplication, y = Wx", "the matrix of a 3x3 kernel on a 4x4 input", (C, (4, 16)),
        printed=(C, (4, 6)), shown="the same, 4x16", erratum="4x6 is written under it; it is 4x16")
def the_matrix_of_a_3x3_kernel():
    matrix = conv_matrix((4, 4), (3, 3))
    return as_printed(matrix), matrix.shape


# ---- dilation --------------------------------------------------------------------------------------------------------

def dilated_by(offset):
    """y[r] = sum of x[r - offset(a)] w[a], where x has that place; None if an offset is no place at all."""
    x, w = counting(7).tolist(), [2.0, 3.0, 5.0]
    found = []
    for r in range(7):
        places = [(r - offset(a), w[a]) for a in range(3)]
        if any(place != int(place) for place, _ in places):
            return None
        found.append(sum(x[int(place)] * tap for place, tap in places if 0 <= place < 7))
    return found


@worked(BATRA, "dilated convolutions, formula", "y[r, c] = sum of x[r - a·s, c - b·s] w[a, b], s = 2", (True, None),
        printed=(None, True), shown="with a product: equal to the engine, kernel flipped; with a/s: no place of x",
        erratum="a/s and b/s are printed; the dilation multiplies. The sums run to k - 1, not to k")
def the_formula_of_a_dilated_convolution():
    engine = conv(counting(7).tolist(), flipped([2, 3, 5]), dilation=2, padding=((4, 0),))
    return dilated_by(lambda a: 2 * a) == engine, dilated_by(lambda a: a / 2)


@worked(BATRA, "dilated convolutions, size", "K becomes K + (K - 1)(d - 1), here of K = 3 and d = 1 to 4", [3, 5, 7, 9],
        printed=[6, 5, 4, 3], erratum="K + (K - (d - 1)) stands in the copy at hand, right for d = 2 alone")
def the_size_of_a_dilated_kernel():
    return [effective_kernel_size(3, d) for d in (1, 2, 3, 4)]


@worked(BATRA, "figure 1, after Yu and Koltun", "dilations 1, 2 and 4: elements see 3x3, 7x7 and 15x15",
        [(3, 3), (7, 7), (15, 15)])
def systematic_dilation():
    net = nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=d, dilation=d) for d in (1, 2, 4)])
    return [field.size for field in receptive_field(net, (1, 20, 20))]


@worked(BATRA, "figure 1, after Yu and Koltun", "the field grows exponentially, the parameters linearly (seven layers)",
        ([3, 7, 15, 31, 63, 127, 255], [9, 18, 27, 36, 45, 54, 63]))
def exponential_and_linear_growth():
    fields = [field.size for field in receptive_field([Layer(3, d=2 ** n) for n in range(7)])]
    layer = nn.Conv2d(1, 1, 3, bias=False)
    return fields, [layer.weight.numel() * (n + 1) for n in range(7)]


# ---- backpropagation -------------------------------------------------------------------------------------------------

def gradients():
    """(x, w, g, dL/dx, dL/dw) as lists, for L = sum of g y."""
    x, w, g = counting(1, 1, 5, 5).requires_grad_(), counting(1, 1, 3, 3).requires_grad_(), counting(1, 1, 3, 3) + 1
    F.conv2d(x, w).backward(g)
    return [numbers(each) for each in (x.detach(), w.detach(), g, x.grad, w.grad)]


@worked(BATRA, "backprop, dL/dw[a', b']", "the sum over all outputs of dL/dy[r, c] x[r + a', c + b']", True,
        shown="equal, and equal to the convolution of x with dL/dy")
def the_gradient_in_the_weights():
    x, _, g, _, dw = gradients()
    by_hand = [[sum(g[r][c] * x[r + a][c + b] for r in range(3) for c in range(3)) for b in range(3)] for a in range(3)]
    return dw == by_hand == conv(x, g)


@worked(BATRA, "backprop, dL/dx[r', c']", "the sum over the pixels affected, y[r' - a, c' - b], of dL/dy w[a, b]", True,
        shown="equal, and equal to the transposed convolution of dL/dy")
def the_gradient_in_the_input():
    _, w, g, dx, _ = gradients()
    by_hand = [[sum(g[r - a][c - b] * w[a][b] for a in range(3) for b in range(3) if 0 <= r - a < 3 and 0 <= c - b < 3)
                for c in range(5)] for r in range(5)]
    return dx == by_hand == conv_transpose(g, w)


# ---- transposed convolution ------------------------------------------------------------------------------------------

@worked(BATRA, "learnable upsampling", "3x3, pad 1: with stride 1 4x4 to 4x4, with stride 2 4x4 to 2x2", [4, 2])
def convolutions_to_be_turned_around():
    return [len(conv([[0] * 4] * 4, [[0] * 3] * 3, stride=s, padding=1)) for s in (1, 2)]


@worked(BATRA, "learnable upsampling", "3x3 transpose convolution, stride 2, pad 1: 2x2 to 4x4", [4, 3], printed=[3, 3],
        shown="4x4 with output padding a = 1; 3x3 without",
        erratum="it needs a = 1: 4x4 and 3x3 inputs have the same 2x2 output")
def upsampling_that_needs_output_padding():
    return [len(conv_transpose([[0] * 2] * 2, [[0] * 3] * 3, stride=2, padding=1, output_padding=a)) for a in (1, 0)]


@worked(BATRA, "learnable upsampling", "the input gives the weight for the filter; sum where the output overlaps", True,
        shown="equal to filters scaled, laid 2 apart and summed")
def filters_scaled_and_summed():
    g, w = counting(2, 2).tolist(), counting(3, 3).tolist()
    laid = [[0.0] * 5 for _ in range(5)]
    for r, row in enumerate(g):
        for c, value in enumerate(row):
            for a in range(3):
                for b in range(3):
                    laid[2 * r + a][2 * c + b] += value * w[a][b]
    return laid == conv_transpose(g, w, stride=2)


@worked(BATRA, "transpose convolution: 1D example", "input a b, filter x y z, stride 2; the overlap is summed",
        ["ax", "ay", "az+bx", "by", "bz"])
def a_transposed_convolution_in_letters():
    return in_letters(names(conv_matrix((5,), (3,), stride=2).T, lambda tap: "xyz"[tap]), "ab")


@worked(BATRA, "transposed convolution, other names", "fractionally strided: the stride is the ratio of movement in "
        "output and input", [0.5, 2.0], shown="1/2 input for each output, where the convolution has 2")
def the_ratio_of_movements():
    layers = nn.ConvTranspose2d(1, 1, 3, 2, 1), nn.Conv2d(1, 1, 3, 2, 1)
    return [float(receptive_field(each, (1, 8, 8)).stride[0]) for each in layers]


