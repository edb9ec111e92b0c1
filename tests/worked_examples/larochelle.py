"""Larochelle's slides: convolution with a flipped kernel, sizes, AlexNet by numbers, dilation, ways back."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.arithmetic import Layer, conv_output_size, effective_kernel_size, receptive_field
from minigrad.matrix import matrix_of
from worked_examples.by_the_engine import conv, counting, flipped, image, numbers, tensor, transposed
from worked_examples.registry import LAROCHELLE, worked
from worked_examples.visin import C, as_printed

IMAGE, KERNEL = [[0, 80, 40], [20, 40, 0], [0, 0, 40]], [[0, 0.25], [0.5, 1]]


@worked(LAROCHELLE, "computer vision", "150x150 pixels are 22500 inputs, in colour three times as many", [22500, 67500])
def inputs_of_an_image():
    return [minigrad.zeros(channels, 150, 150).numel() for channels in (1, 3)]


@worked(LAROCHELLE, "local connectivity, parameter sharing", "patches and shared weights leave few parameters: one 5x5 "
        "map over a 32x32 colour image", [2408448, 58800, 75], shown="full 2,408,448; local 58,800; shared 75")
def parameters_of_a_feature_map():
    layer = nn.Conv2d(3, 1, 5, bias=False)
    size = layer(minigrad.zeros(1, 3, 32, 32)).numel()
    return [3 * 32 * 32 * size, layer.weight.numel() * size, layer.weight.numel()]


# ---- discrete convolution --------------------------------------------------------------------------------------------

@worked(LAROCHELLE, "discrete convolution, example", "the 3x3 image 0 80 40 / 20 40 0 / 0 0 40 with the kernel 0 .25 / "
        ".5 1", [[45, 110], [40, 40]])
def convolution_with_the_kernel_flipped():
    return conv(IMAGE, flipped(KERNEL))


@worked(LAROCHELLE, "discrete convolution, example", "without flipping the result is another", [[70, 30], [10, 40]])
def the_same_without_flipping():
    return conv(IMAGE, KERNEL)


@worked(LAROCHELLE, "discrete convolution, one element", "1·20 + 0.5·40 + 0.25·0 + 0·0", 40, printed=45,
        erratum="the copy at hand has 45 there, which is the element above; the sum is 40")
def an_element_of_the_second_row():
    return conv(IMAGE, flipped(KERNEL))[1][0]


@worked(LAROCHELLE, "discrete convolution, formula", "(x ∗ k)_ij = sum of x_(i+p, j+q) k_(r-p, r-q), r = 1 of a 2x2 "
        "kernel", True, shown="equal to a convolution with the flipped kernel")
def the_formula_of_the_flipped_kernel():
    by_hand = [[sum(IMAGE[i + p][j + q] * KERNEL[1 - p][1 - q] for p in range(2) for q in range(2)) for j in range(2)]
               for i in range(2)]
    return by_hand == conv(IMAGE, flipped(KERNEL))


@worked(LAROCHELLE, "parameter sharing, y = g tanh(sum of k ∗ x)", "a feature map sums convolutions over the input's "
        "channels, with W the flipped k", True, shown="equal to `g * conv2d(x, W).tanh()`, channel by channel")
def a_feature_map_over_channels():
    x, k, g = counting(1, 2, 4, 4), counting(1, 2, 3, 3) / 8, 1.5
    alone = sum(F.conv2d(x[:, i:i + 1], k[:, i:i + 1].flip((2, 3))) for i in range(2))
    return (g * F.conv2d(x, k.flip((2, 3))).tanh()).tolist() == (g * alone.tanh()).tolist()


GRID = [[2, 2, 3, 3, 3], [0, 1, 3, 0, 3], [2, 3, 0, 1, 3], [3, 3, 2, 1, 2], [3, 3, 0, 2, 3]]
GRID_KERNEL, PRINTED = [[2, 0, 1], [1, 0, 0], [0, 1, 1]], [[1, 6, 5], [7, 10, 9], [7, 10, 8]]


@worked(LAROCHELLE, "terminology, 3x3 kernel, 5x5 input, p = 1, s = 2", "the grid of numbers",
        [[1, 5, 6], [7, 8, 3], [3, 10, 4]], printed=PRINTED,
        erratum="1 6 5 / 7 10 9 / 7 10 8 stands there, misread digits of the drawing")
def the_grid_of_numbers():
    return conv(GRID, GRID_KERNEL, stride=2, padding=1)


@worked(LAROCHELLE, "the same grid", "a 3x3 kernel that gives the printed numbers", "2033/186, -2089/558, ...",
        shown="its weights begin 2033/186, -2089/558",
        note="nine equations, one solution, not of whole numbers: no kernel of such a slide")
def no_kernel_of_whole_numbers_gives_the_grid():
    patches = F.unfold(image(GRID), 3, stride=2, padding=1)[0].T.tolist()
    values = [value for line in PRINTED for value in line]
    rows = [[Fraction(v) for v in (*patch, value)] for patch, value in zip(patches, values, strict=True)]
    for column in range(9):         # Gauss and Jordan, exactly; a missing pivot would raise StopIteration
        pivot = next(r for r in range(column, 9) if rows[r][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [v / rows[column][column] for v in rows[column]]
        rows = [row if r == column else [v - row[column] * w for v, w in zip(row, rows[column], strict=True)]
                for r, row in enumerate(rows)]
    return f"{rows[0][-1]}, {rows[1][-1]}, ..."


# ---- pooling ---------------------------------------------------------------------------------------------------------

@worked(LAROCHELLE, "pooling, y = max and y = mean over m x m", "neighbourhoods that do not overlap, m = 2",
        ([[80, 40], [60, 60]], [[35, 10], [20, 25]]),
        shown="as defined, on a 4x4 map: 80 40 / 60 60 and 35 10 / 20 25")
def max_and_average_of_neighbourhoods():
    x = [[0, 80, 40, 0], [20, 40, 0, 0], [0, 60, 40, 0], [20, 0, 0, 60]]
    return numbers(F.max_pool2d(image(x), 2)), numbers(F.avg_pool2d(image(x), 2))


@worked(LAROCHELLE, "invariance to local translations", "two images have one feature map after pooling", True,
        shown="a stroke, moved by a pixel: maps differ, pooled maps are equal")
def a_translation_that_pooling_hides():
    stroke = minigrad.zeros(1, 1, 6, 6)
    stroke[:, :, 1:5, 2] = 1
    there, moved = (F.conv2d(x, minigrad.ones(1, 1, 1, 1)) for x in (stroke, stroke.roll(1, 3)))
    return there.tolist() != moved.tolist() and F.max_pool2d(there, 2).tolist() == F.max_pool2d(moved, 2).tolist()


@worked(LAROCHELLE, "dynamic sizing", "pooling regions of variable size give feature maps of one size",
        [(3, 3), (3, 3), (3, 3)])
def pooling_regions_of_variable_size():
    images = [minigrad.zeros(1, 1, *size) for size in ((7, 9), (12, 12), (3, 20))]
    return [tuple(F.adaptive_max_pool2d(x, 3).shape[2:]) for x in images]


@worked(LAROCHELLE, "squeeze-and-excitation", "squeeze: z is the mean of a channel over its W·H positions", True,
        shown="equal to `adaptive_avg_pool2d(u, 1)`")
def squeezing_a_channel():
    u = counting(1, 3, 4, 5)
    return minigrad.allclose(F.adaptive_avg_pool2d(u, 1).flatten(), u.sum((0, 2, 3)) / (4 * 5))


# ---- AlexNet by numbers ----------------------------------------------------------------------------------------------

@cache
def alexnet():
    """(neurons, parameters, connections) of two towers: convolutions as modules, dense layers by their sizes."""
    x = minigrad.zeros(1, 3, 227, 227)
    neurons = parameters = connections = 0
    with minigrad.no_grad():
        for convolution in (nn.Conv2d(3, 96, 11, 4), nn.Conv2d(96, 256, 5, padding=2, groups=2),
                            nn.Conv2d(256, 384, 3, padding=1), nn.Conv2d(384, 384, 3, padding=1, groups=2),
                            nn.Conv2d(384, 256, 3, padding=1, groups=2)):
            x = convolution(x)
            neurons += x.numel()
            parameters += sum(each.numel() for each in convolution.parameters())
            connections += x.numel() * convolution.weight[0].numel()
            if x.shape[1] == 96 or x.shape[1] == 256:
                x = F.max_pool2d(x, 3, 2)
    size = x.numel()
    for units in (4096, 4096, 1000):
        neurons, parameters, connections = neurons + units, parameters + (size + 1) * units, connections + size * units
        size = units
    return neurons, parameters, connections


@worked(LAROCHELLE, "AlexNet by the numbers", "60,000,000 parameters", 60_965_224, shown="60,965,224")
def parameters_of_alexnet():
    return alexnet()[1]


@worked(LAROCHELLE, "AlexNet by the numbers", "650,000 neurons", 659_272, shown="659,272")
def neurons_of_alexnet():
    return alexnet()[0]


@worked(LAROCHELLE, "AlexNet by the numbers", "630,000,000 connections", 724_406_816,
        shown="724,406,816", note="multiplications, by the published layer sizes: 227x227 input, two towers; what the "
        "slide counts it does not say")
def connections_of_alexnet():
    return alexnet()[2]


@worked(LAROCHELLE, "AlexNet", "96 low-level learned features", (96, 3, 11, 11), shown="96 kernels of 3x11x11")
def features_of_the_first_layer():
    layer = nn.Conv2d(3, 96, 11, 4)
    assert tuple(layer(minigrad.zeros(1, 3, 227, 227)).shape) == (1, 96, 55, 55)
    return tuple(layer.weight.shape)


# ---- sizes -----------------------------------------------------------------------------------------------------------

SIZES = {(4, 3, 1, 0): 2, (5, 3, 2, 1): 3, (6, 3, 2, 1): 3, (5, 3, 2, 0): 2, (5, 4, 1, 2): 6}


@worked(LAROCHELLE, "terminology, o = floor((i + 2p - k)/s) + 1", "(i, k, s, p) = (4, 3, 1, 0), (5, 3, 2, 1), "
        "(6, 3, 2, 1), (5, 3, 2, 0), (5, 4, 1, 2)", [2, 3, 3, 2, 6])
def output_sizes_of_the_drawings():
    run = [F.conv2d(counting(1, 1, i, i), counting(1, 1, k, k), stride=s, padding=p).shape[2] for i, k, s, p in SIZES]
    assert run == [conv_output_size(*each) for each in SIZES]
    return run


@worked(LAROCHELLE, "padding: special cases", "valid shrinks, same keeps, full grows (i = 5, k = 3)", [3, 5, 7])
def valid_same_and_full():
    return [len(conv([0] * 5, [1, 1, 1], padding=word if word != "full" else 2)) for word in ("valid", "same", "full")]


@worked(LAROCHELLE, "convolution as a matrix operation", "the 16x4 matrix, printed transposed", C,
        shown="the transpose of the same 4x16 matrix, entry by entry")
def the_matrix_printed_transposed():
    back = matrix_of(lambda g: F.conv_transpose2d(g, minigrad.ones(1, 1, 3, 3)), (1, 1, 2, 2))
    return as_printed(back.T)


# ---- dilation --------------------------------------------------------------------------------------------------------

@worked(LAROCHELLE, "dilated convolutions", "effective size k + (k - 1)(d - 1); i = 7, k = 3, d = 2, s = 1, p = 0",
        (5, 3), shown="5, and an output of 3")
def the_effective_size_of_a_dilated_kernel():
    size = F.conv2d(counting(1, 1, 7, 7), counting(1, 1, 3, 3), dilation=2).shape[2]
    assert size == conv_output_size(7, 3, d=2) and effective_kernel_size(3, 2) == 3 + (3 - 1) * (2 - 1)
    return effective_kernel_size(3, 2), size


@worked(LAROCHELLE, "WaveNet", "causal layers of kernel 2, dilated by 1, 2, 4 and 8: an output sees 16 samples",
        [2, 4, 8, 16])
def a_stack_of_wavenet():
    fields = receptive_field([Layer(2, d=d, p=(d, 0)) for d in (1, 2, 4, 8)])
    assert fields.offset == -15         # causal: output o sees o - 15 to o
    return [field.size for field in fields]


# ---- transposed convolution ------------------------------------------------------------------------------------------

@worked(LAROCHELLE, "transpose convolution", "it is what backpropagation does to pass a convolution (i = 5, k = 3, "
        "s = 2)", True, shown="equal to the gradient, number by number")
def the_gradient_is_a_transposed_convolution():
    x, w, g = counting(1, 1, 5, 5).requires_grad_(), counting(1, 1, 3, 3), counting(1, 1, 2, 2)
    F.conv2d(x, w, stride=2).backward(g)
    return x.grad.tolist() == F.conv_transpose2d(g, w, stride=2).tolist()


@worked(LAROCHELLE, "transpose convolution", "an equivalent convolution with zeros inserted (i = 5, k = 3, s = 2, "
        "p = 1)", "i' = 3, stretched to 5, p' = 1, s' = 1: o' = 5")
def an_equivalent_convolution():
    return transposed(5, 3, 2, 1)


@worked(LAROCHELLE, "interpolation + convolution", "transposed convolution makes artifacts, interpolation and "
        "convolution none", ([1, 2], [3]), shown="of ones: 1 2 1 2 inside, against 3 3 3 3")
def artifacts_of_ones():
    """How often each output is hit, away from the borders: kernel 3, stride 2."""
    ones, w = tensor([[[1.0] * 6]]), tensor([[[1.0] * 3]])
    return (sorted(set(F.conv_transpose1d(ones, w, stride=2)[0, 0, 2:-2].tolist())),
            sorted(set(F.conv1d(F.interpolate(ones, scale_factor=2.0), w)[0, 0].tolist())))
