"""Pictures as SVG: text stays text, light and dark follow the reader's system, nothing is needed to make them.

    window_pair     a convolution and its transpose, with the engine's own numbers
    conv_steps      a convolution step by step; pool_steps, unpool_steps, transpose_steps, upsample_steps: likewise,
                    each as an .animation() and a .strip() of stills
    placements      how often a window fits along an axis
    channels        a convolution over several feature maps
    field           the receptive field of a unit, layer by layer; pyramid, those of all layers of a module
    effective       how much the middle output depends on each pixel, in the frame of all that it reads
    overlap         where the kernels of a transposed convolution overlap
    bars            a bar chart on a logarithmic axis
    graph           a captured function: forward, backward beside it, updates
    tape            the nodes behind a value, with numbers, slopes, and gradients or tangents
    lines           line charts on logarithmic axes, one for each quantity
    matrix          a matrix with its bands
    memory          a tensor in memory: the address of each element
    walk            through memory in the order of a loop, and which lines a cache fetches for it
    pipeline        multiply-adds of some sums in the units that do them, cycle by cycle
    registers       the block of sums of a micro-kernel
    curves          losses or accuracies over the epochs
    filters         the weights of a convolution, as images; feature_maps, its activations
    confusion       what each class was taken for
    saliency        the pixels that a class score depends on; saliency_of, that gradient
"""

from minigrad.draw.bars import bars
from minigrad.draw.channels import channels
from minigrad.draw.confusion import confusion
from minigrad.draw.curves import curves
from minigrad.draw.effective import effective
from minigrad.draw.feature_maps import feature_maps
from minigrad.draw.field import field
from minigrad.draw.filters import filters
from minigrad.draw.graph import graph
from minigrad.draw.lines import lines
from minigrad.draw.matrix import matrix
from minigrad.draw.memory import memory
from minigrad.draw.overlap import overlap
from minigrad.draw.pipeline import pipeline
from minigrad.draw.placements import placements
from minigrad.draw.pyramid import pyramid
from minigrad.draw.registers import registers
from minigrad.draw.saliency import saliency, saliency_of
from minigrad.draw.sliding import conv_steps, pool_steps, upsample_steps
from minigrad.draw.steps import Steps
from minigrad.draw.tape import tape
from minigrad.draw.transposed import transpose_steps, unpool_steps
from minigrad.draw.walk import walk
from minigrad.draw.window import window_pair

__all__ = ["Steps", "bars", "channels", "confusion", "conv_steps", "curves", "effective", "feature_maps", "field",
           "filters", "graph", "lines", "matrix", "memory", "overlap", "pipeline", "placements", "pool_steps",
           "pyramid", "registers", "saliency", "saliency_of", "tape", "transpose_steps", "unpool_steps",
           "upsample_steps", "walk", "window_pair"]
