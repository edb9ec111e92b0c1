"""Visin's chapter: figures 2.6 to 2.26, Relationships 1 to 14, convolution as a matrix, gradients of activations.

The numbers in the cells of figures 2.6, 2.7, 2.10 and 2.11 are those of the guide from which the chapter has them.
"""

from __future__ import annotations

import math
from fractions import Fraction

import minigrad
import minigrad.nn.functional as F
from minigrad.arithmetic import RELATIONSHIPS, associated_transpose, conv_output_size, pool_output_size
from minigrad.geometry import Geometry
from minigrad.matrix import matrix_of
from worked_examples.by_the_engine import (
    GUIDE_IMAGE,
    GUIDE_KERNEL,
    conv,
    conv_matrix,
    counting,
    described,
    image,
    names,
    numbers,
    tensor,
    transposed,
)
from worked_examples.registry import VISIN, worked

# ---- activation functions and their gradients ------------------------------------------------------------------------


def slope(function, at):
    """df/dx at a number, by the engine."""
    x = tensor(at).requires_grad_()
    function(x).backward()
    return x.grad.item()


@worked(VISIN, "2.2.3, logistic (2.3)", "it runs from 0 to 1; saturated, it lets no gradient through",
        "0.5 at 0, slope 0.25 there, 4.5e-05 at 10 and at -10")
def the_logistic_function_saturates():
    return (f"{tensor(0).sigmoid().item():g} at 0, slope {slope(minigrad.sigmoid, 0.0):g} there, "
            f"{slope(minigrad.sigmoid, 10.0):.2g} at 10" + " and at -10" * math.isclose(
                slope(minigrad.sigmoid, -10.0), slope(minigrad.sigmoid, 10.0)))


@worked(VISIN, "2.2.3, tanh (2.4)", "tanh a = (1 - exp(-2a))/(1 + exp(-2a)), centred in 0", True,
        shown="equal, to 1e-15")
def tanh_by_its_formula():
    a = tensor([-2.0, -0.5, 0.0, 0.5, 2.0])
    return minigrad.allclose(a.tanh(), (1 - (-2 * a).exp()) / (1 + (-2 * a).exp()), rtol=0, atol=1e-15)


@worked(VISIN, "2.2.3, ReLU", "the gradient of max(0, a)", [0.0, 1.0], printed=[0.0, 3.0],
        erratum="where a > 0 the chapter prints h, the layer's input; that is the gradient in W. In a it is 1")
def the_gradient_of_relu():
    h, w = tensor([3.0, 3.0]), tensor([-1.0, 1.0])
    a = (w * h).requires_grad_()
    a.relu().sum().backward()
    return a.grad.tolist()


@worked(VISIN, "2.2.3, leaky ReLU (2.6)", "max(βa, a): a small gradient always flows (β = 0.1)", [-0.2, 2.0, 0.1, 1.0])
def leaky_relu_and_its_gradient():
    a = tensor([-2.0, 2.0]).requires_grad_()
    y = F.leaky_relu(a, 0.1)
    y.sum().backward()
    return [*y.tolist(), *a.grad.tolist()]


@worked(VISIN, "2.2.3, softmax (2.7, 2.8), figure 2.5", "a_1 = 1: as T grows, the classes become equally probable",
        [0.12, 0.38, 0.48, 0.5],
        shown="of (-1, 1): 0.12, 0.38, 0.48, 0.5 for T = 1, 4, 25, 1e9",
        note="the sums run from k = 0 to K, one class more than the K there are")
def softmax_with_a_temperature():
    return [round((tensor([-1.0, 1.0]) / T).softmax(0)[0].item(), 2) for T in (1, 4, 25, 1e9)]


@worked(VISIN, "2.2.4, mean squared error (2.9)", "the derivative by a weight is that of each square, averaged: "
        "w = 1/2, x = 1 and 2, targets 4 and 8", -17.5, note="the sum runs from s = 0 to M, one more than M samples")
def a_derivative_of_the_mean_squared_error():
    x, target, w = tensor([1.0, 2.0]), tensor([4.0, 8.0]), tensor(0.5).requires_grad_()
    F.mse_loss(w * x, target).backward()
    assert w.grad.item() == sum(2 * (0.5 * a - t) * a for a, t in ((1, 4), (2, 8))) / 2
    return w.grad.item()


# ---- figures 2.6 to 2.11: the operations -----------------------------------------------------------------------------

@worked(VISIN, "2.3.1, figure 2.6", "the kernel 0 1 2 / 2 2 0 / 0 1 2 over a 5x5 input",
        [[12, 12, 17], [10, 17, 19], [9, 6, 14]], figure="2_06")
def output_values_of_a_discrete_convolution():
    return conv(GUIDE_IMAGE, GUIDE_KERNEL)


@worked(VISIN, "2.3.1, figure 2.7", "N = 2, i = 5, k = 3, s = 2, p = 1 on both axes",
        [[6, 17, 3], [8, 17, 13], [6, 4, 4]], figure="2_07")
def output_values_with_padding_and_stride():
    return conv(GUIDE_IMAGE, GUIDE_KERNEL, stride=2, padding=1)


@worked(VISIN, "2.3.1, figure 2.8", "a 3x2x3x3 collection of kernels takes 2 feature maps to 3; each of them is a sum "
        "of 2 convolutions", ((3, 3, 3), 54), shown="3 maps of 3x3, 54 weights, equal to the sums", figure="2_08")
def feature_maps_are_summed():
    x, w = counting(1, 2, 5, 5), counting(3, 2, 3, 3)
    y = F.conv2d(x, w)
    for k in range(3):
        alone = [F.conv2d(x[:, c:c + 1], w[k:k + 1, c:c + 1]) for c in range(2)]
        assert y[:, k:k + 1].tolist() == (alone[0] + alone[1]).tolist()
    return tuple(y.shape[1:]), w.numel()


@worked(VISIN, "2.3.1", "in 3-D the kernel is a cuboid that slides along three axes", (3, 4, 2))
def a_convolution_over_three_axes():
    return tuple(F.conv3d(counting(1, 1, 5, 6, 4), counting(1, 1, 3, 3, 3)).shape[2:])


@worked(VISIN, "2.3.1, figure 2.9", "s = 2 is s = 1 of which every second output is kept",
        [[12, 17], [9, 14]], figure="2_09a")
def strides_as_subsampling():
    kept = [row[::2] for row in conv(GUIDE_IMAGE, GUIDE_KERNEL)[::2]]
    assert kept == conv(GUIDE_IMAGE, GUIDE_KERNEL, stride=2)
    return kept


@worked(VISIN, "2.3.2, figure 2.10", "average pooling, 3x3 windows, s = 1",
        [[1.7, 1.7, 1.7], [1.0, 1.2, 1.8], [1.1, 0.8, 1.3]], figure="2_10")
def average_pooling():
    return [[round(value, 1) for value in row] for row in numbers(F.avg_pool2d(image(GUIDE_IMAGE), 3, 1))]


@worked(VISIN, "2.3.2, figure 2.11", "max pooling, 3x3 windows, s = 1", [[3, 3, 3], [3, 3, 3], [3, 2, 3]],
        figure="2_11")
def max_pooling():
    return numbers(F.max_pool2d(image(GUIDE_IMAGE), 3, 1))


# ---- figures 2.12 to 2.19 and Relationships 1 to 7 -------------------------------------------------------------------

def direct(number, i, k, s=1, p=0):
    """A convolution that is run, and the relationship of that number."""
    size = F.conv2d(counting(1, 1, i, i), counting(1, 1, k, k), stride=s, padding=p).shape[2]
    assert size == RELATIONSHIPS[number].output_size(i, k, s, p)
    return size


@worked(VISIN, "Relationship 1, figure 2.12", "s = 1, p = 0: o = (i - k) + 1; i = 4, k = 3", 2, figure="2_12")
def relationship_1():
    return direct(1, 4, 3)


@worked(VISIN, "Relationship 2, figure 2.13", "s = 1: o = (i - k) + 2p + 1; i = 5, k = 4, p = 2", 6, figure="2_13")
def relationship_2():
    return direct(2, 5, 4, p=2)


@worked(VISIN, "Relationship 3, figure 2.14", "k odd, s = 1, p = floor(k/2): o = i; i = 5, k = 3, p = 1", 5,
        figure="2_14")
def relationship_3():
    return direct(3, 5, 3, p=1)


@worked(VISIN, "Relationship 4, figure 2.15", "s = 1, p = k - 1: o = i + (k - 1); i = 5, k = 3, p = 2", 7,
        figure="2_15")
def relationship_4():
    return direct(4, 5, 3, p=2)


@worked(VISIN, "Relationship 5, figure 2.16", "p = 0: o = floor((i - k)/s) + 1; i = 5, k = 3, s = 2", 2, figure="2_16")
def relationship_5():
    return direct(5, 5, 3, 2)


@worked(VISIN, "Relationship 6, figure 2.17", "o = floor((i + 2p - k)/s) + 1; i = 5, k = 3, s = 2, p = 1", 3,
        figure="2_17")
def relationship_6():
    return direct(6, 5, 3, 2, 1)


@worked(VISIN, "Relationship 6, figure 2.18", "i = 6, k = 3, s = 2, p = 1: the last row and column of the padded input "
        "are not covered", (3, [7]), shown="o = 3; of places 0 to 7, place 7 is in no window", figure="2_18")
def the_last_row_is_not_covered():
    geometry = Geometry.of_conv("conv2d", (6, 6), (3, 3), 2, 1)
    read = matrix_of(lambda x: F.conv1d(x, minigrad.ones(1, 1, 3), stride=2), (1, 1, 8)).T.rows     # padding included
    return direct(6, 6, 3, 2, 1), [place for place, row in enumerate(read) if not row and geometry.output == (3, 3)]


@worked(VISIN, "2.3.5", "where i + 2p - k is a multiple of s, i + a has the same output for a = 0 to s - 1",
        [3, 3, 4, 4])
def inputs_of_one_output_size():
    return [conv_output_size(i, 3, 2, 1) for i in (5, 6, 7, 8)]


@worked(VISIN, "figure 2.19a", "2 steps and the first place: the kernel fits 3 times, s = 1", 3, figure="2_19a")
def counting_the_places_of_a_kernel():
    return direct(1, 5, 3)


@worked(VISIN, "figure 2.19b", "1 step of size 2 and the first place: 2 times", 2, figure="2_19b")
def counting_the_places_with_strides():
    return direct(5, 5, 3, 2)


@worked(VISIN, "Relationship 7, pooling", "o = floor((i - k)/s) + 1, of any pool; i = 5, k = 3, s = 1 and 2", [3, 2])
def relationship_7():
    found = [pool_output_size(5, 3, s) for s in (1, 2)]
    for pool in (F.max_pool2d, F.avg_pool2d, lambda x, k, s: F.lp_pool2d(x, 2, k, s)):
        assert [pool(image(GUIDE_IMAGE), 3, s).shape[2] for s in (1, 2)] == found
    assert [RELATIONSHIPS[7].output_size(5, 3, s) for s in (1, 2)] == found
    return found


# ---- convolution as a matrix -----------------------------------------------------------------------------------------

C = ("w00 w01 w02 0 w10 w11 w12 0 w20 w21 w22 0 0 0 0 0",
     "0 w00 w01 w02 0 w10 w11 w12 0 w20 w21 w22 0 0 0 0",
     "0 0 0 0 w00 w01 w02 0 w10 w11 w12 0 w20 w21 w22 0",
     "0 0 0 0 0 w00 w01 w02 0 w10 w11 w12 0 w20 w21 w22")


def as_printed(matrix):
    """w[0,1] as w01."""
    return tuple(" ".join(row).replace("[", "").replace(",", "").replace("]", "") for row in names(matrix))


@worked(VISIN, "2.3.8", "the convolution of figure 2.12 as a sparse matrix C", C,
        shown="the same 4x16 matrix, entry by entry: `minigrad matrix --i 4 --k 3`")
def convolution_as_a_matrix():
    return as_printed(conv_matrix((4, 4), (3, 3)))


@worked(VISIN, "2.3.8", "C takes 16 numbers to the 4 of the output", [[52.0, 62.0], [92.0, 102.0]])
def the_matrix_times_the_unrolled_input():
    x, w = minigrad.arange(16.0).reshape(1, 1, 4, 4), tensor(GUIDE_KERNEL).float()[None, None]
    found = (matrix_of(lambda x: F.conv2d(x, w), (1, 1, 4, 4)) @ x.flatten()).reshape(2, 2).tolist()
    assert found == numbers(F.conv2d(x, w))
    return found


@worked(VISIN, "2.3.8", "the error goes back by the transposed C, from 4 numbers to 16", ((16, 4), True),
        shown="16x4; times g, the gradient that autograd has",
        note="the chapter multiplies the loss with it; what is multiplied is the gradient of the loss in the output")
def backward_is_the_transposed_matrix():
    w, g = counting(1, 1, 3, 3), counting(1, 1, 2, 2)
    C = matrix_of(lambda x: F.conv2d(x, w), (1, 1, 4, 4), minigrad.float64)
    x = counting(1, 1, 4, 4).requires_grad_()
    F.conv2d(x, w).backward(g)
    return C.T.shape, (C.T @ g.flatten()).tolist() == x.grad.flatten().tolist()


@worked(VISIN, "2.3.9", "a transposed convolution: forward by the transposed C, backward by C", (True, True),
        shown="both, on the kernel and numbers of one example")
def forward_and_backward_are_swapped():
    w, x = counting(1, 1, 3, 3), counting(1, 1, 4, 4)
    C = matrix_of(lambda x: F.conv2d(x, w), (1, 1, 4, 4), minigrad.float64)
    g = counting(1, 1, 2, 2).requires_grad_()
    y = F.conv_transpose2d(g, w)
    y.backward(x)
    return ((C.T @ g.detach().flatten()).tolist() == y.flatten().tolist(),
            (C @ x.flatten()).tolist() == g.grad.flatten().tolist())


# ---- figures 2.20 to 2.26 and Relationships 8 to 14 ------------------------------------------------------------------

def back(number, i, k, s=1, p=0):
    """The transpose of a convolution, which must have the size that the relationship of that number says."""
    found = associated_transpose(i, k, s, p)
    assert RELATIONSHIPS[number].output_size(found.input, k, s, p, found.a) == i
    return transposed(i, k, s, p)


@worked(VISIN, "Relationship 8, figure 2.20", "s = 1, p = 0: p' = k - 1, o' = i' + (k - 1); i = 4, k = 3, so 2x2 "
        "to 4x4", described(2, 2, 2, 0, 4), figure="2_20")
def relationship_8():
    return back(8, 4, 3)


@worked(VISIN, "2.3.10", "the first window over the padded input touches its top left pixel alone", [(0, 0)])
def the_first_window_touches_one_pixel():
    matrix = matrix_of(lambda g: F.conv_transpose2d(g, minigrad.ones(1, 1, 3, 3)), (1, 1, 2, 2))
    return [divmod(i, 2) for i in matrix.rows[0]]


@worked(VISIN, "Relationship 9, figure 2.21", "s = 1: p' = k - p - 1, o' = i' + (k - 1) - 2p; i = 5, k = 4, p = 2",
        described(6, 6, 1, 0, 5), figure="2_21")
def relationship_9():
    return back(9, 5, 4, p=2)


@worked(VISIN, "Relationship 10, figure 2.22", "k odd, p = floor(k/2): p' = p, o' = i'; i = 5, k = 3, p = 1",
        described(5, 5, 1, 0, 5), figure="2_22")
def relationship_10():
    return back(10, 5, 3, p=1)


@worked(VISIN, "Relationship 11, figure 2.23", "p = k - 1: p' = 0, o' = i' - (k - 1); i = 5, k = 3, p = 2",
        described(7, 7, 0, 0, 5), figure="2_23")
def relationship_11():
    return back(11, 5, 3, p=2)


STRETCHED = "the formula is printed with the stretched input's size; it holds with i': "


@worked(VISIN, "Relationship 12, figure 2.24", "p = 0, i - k a multiple of s: p' = k - 1; i = 5, k = 3, s = 2",
        described(2, 3, 2, 0, 5), printed=described(2, 3, 2, 0, 2 * (3 - 1) + 3),
        erratum=STRETCHED + "o' = s(i' - 1) + k. As printed, figure 2.24 would be of size 7", figure="2_24")
def relationship_12():
    return back(12, 5, 3, 2)


@worked(VISIN, "Relationship 13", "i + 2p - k a multiple of s: p' = k - p - 1; i = 5, k = 3, s = 2, p = 1",
        described(3, 5, 1, 0, 5), printed=described(3, 5, 1, 0, 2 * (5 - 1) + 3 - 2),
        erratum=STRETCHED + "o' = s(i' - 1) + k - 2p. As printed, figure 2.25 would be of size 9")
def relationship_13():
    return back(13, 5, 3, 2, 1)


@worked(VISIN, "figure 2.25", "the transpose of figure 2.17", described(3, 5, 1, 0, 5),
        printed=described(2, 5, 1, 0, 5), erratum="the caption says a 2x2 input; it is 3x3", figure="2_25")
def the_input_of_figure_2_25():
    return back(13, 5, 3, 2, 1)


@worked(VISIN, "Relationship 14", "a = (i + 2p - k) mod s; i = 6, k = 3, s = 2, p = 1",
        described(3, 5, 1, 1, 6), printed=described(3, 5, 1, 1, 2 * (5 - 1) + 1 + 3 - 2),
        erratum=STRETCHED + "o' = s(i' - 1) + a + k - 2p. As printed, figure 2.26 would be of size 10")
def relationship_14():
    return back(14, 6, 3, 2, 1)


@worked(VISIN, "figure 2.26", "the transpose of figure 2.18", described(3, 5, 1, 1, 6),
        printed=described(2, 5, 1, 1, 6), erratum="the caption says a 2x2 input; it is 3x3", figure="2_26")
def the_input_of_figure_2_26():
    return back(14, 6, 3, 2, 1)


@worked(VISIN, "Relationship 14, figure 2.26", "a extra zeros at two edges of the input", "bottom and right",
        printed="top and right", erratum="the zeros go to the bottom and right: the rows that no window had reached")
def where_the_extra_zeros_go():
    g, w = counting(1, 1, 3, 3), counting(1, 1, 3, 3)
    wide = minigrad.zeros(1, 1, 5, 5, dtype=minigrad.float64)
    wide[:, :, ::2, ::2] = g
    wanted = F.conv_transpose2d(g, w, stride=2, padding=1, output_padding=1).tolist()
    sides = {"top and right": (1, 2, 2, 1), "bottom and right": (1, 2, 1, 2)}      # left, right, top, bottom
    return next(name for name, pad in sides.items()
                if F.conv2d(F.pad(wide, pad), w.flip((2, 3))).tolist() == wanted)


@worked(VISIN, "2.3.13", "a in 0 to s - 1 tells the s inputs apart that lead to one i'; s = 3, k = 3, i' = 2",
        [(6, 0), (7, 1), (8, 2)])
def the_cases_that_a_tells_apart():
    found = [(i, associated_transpose(i, 3, 3)) for i in range(3, 12)]
    return [(i, each.a) for i, each in found if each.input == 2]


@worked(VISIN, "2.3.12, fractional strides", "a stride of 1/s: zeros between inputs make the kernel move more slowly",
        [Fraction(1, 2), 2], shown="output 1/2 input apart; the convolution it transposes, 2")
def fractional_strides():
    module = minigrad.nn.ConvTranspose2d(1, 1, 3, 2), minigrad.nn.Conv2d(1, 1, 3, 2)
    return [minigrad.arithmetic.receptive_field(each, (1, 9, 9)).stride[0] for each in module]
