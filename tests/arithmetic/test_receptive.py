"""Receptive fields: the published numbers, and what a network reads when it is run."""

import re
from fractions import Fraction

import pytest

import minigrad
from minigrad import nn
from minigrad.arithmetic import Layer, effective_receptive_field, receptive_field, support
from minigrad.draw import effective

C3 = Layer(3, p=1)
POOL = Layer(2, 2)
VGG16 = [layer for count in (2, 2, 3, 3, 3) for layer in [C3] * count + [POOL]]
ALEXNET = [Layer(11, 4), Layer(3, 2), Layer(5, p=2), Layer(3, 2), C3, C3, C3, Layer(3, 2)]


def resnet50(first, second):
    """Stages of 3, 4, 6 and 3 blocks of a 1x1, 3x3 and 1x1; the later ones begin with a stride in one of the first two.
    """
    return [Layer(7, 2, p=3), Layer(3, 2, p=1)] + [
        layer for stage, blocks in enumerate((3, 4, 6, 3)) for block in range(blocks)
        for layer in (Layer(1, first if stage and not block else 1),
                      Layer(3, second if stage and not block else 1, p=1), Layer(1))]


def wavenet(stacks, layers=10):
    return [Layer(2, d=2**power, p=(2**power, 0)) for _ in range(stacks) for power in range(layers)]


@pytest.mark.parametrize("layers, size, stride", [
    ([Layer(3, d=d) for d in (1, 2, 4)], 15, 1), (ALEXNET, 195, 32), (VGG16, 212, 32), (resnet50(2, 1), 483, 32),
    (resnet50(1, 2), 427, 32), (wavenet(1), 1024, 1), (wavenet(3), 3070, 1), ([Layer(2, 2), Layer(2, 2)], 4, 4),
    ([Layer(2, 2, 2), Layer(2, 2, 2)], 7, 4), ([Layer(1)], 1, 1), ([Layer(1, 3), Layer(2)], 4, 3),
], ids=["dilations", "AlexNet", "VGG-16", "ResNet-50", "its variant with the stride in the 3x3", "WaveNet",
        "three WaveNets", "k 2 s 2", "and dilated", "1", "gaps"])
def test_published_sizes(layers, size, stride):
    fields = receptive_field(layers)
    assert (fields.size, fields.stride) == (size, stride) and len(fields) == len(layers)


def test_sizes_layer_by_layer():
    assert receptive_field([(3, 1, 2), (2,)]) == receptive_field([Layer(3, 1, 2), Layer(2)])
    assert [field.size for field in receptive_field([Layer(3, d=d) for d in (1, 2, 4)])] == [3, 7, 15]
    assert [field.size for field in receptive_field([Layer(2, 2)] * 2)] == [2, 4]
    assert [field.stride for field in receptive_field(ALEXNET)] == [4, 8, 8, 16, 16, 16, 16, 32]
    assert receptive_field(wavenet(1)).offset == -1023       # causal: output o ends with input o
    assert receptive_field([Layer(3, p="same")] * 2).offset == -2


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1, beside a shortcut: their union is the field of the 3x3."""

    def __init__(self, channels, stride):
        super().__init__()
        self.long = nn.Sequential(nn.Conv2d(channels, channels, 1, stride), nn.BatchNorm2d(channels), nn.ReLU(),
                                  nn.Conv2d(channels, channels, 3, 1, 1), nn.ReLU(), nn.Conv2d(channels, channels, 1))
        self.short = nn.Conv2d(channels, channels, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return (self.long(x) + self.short(x)).relu()


def resnet(blocks):
    layers = [nn.Conv2d(3, 2, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    for stage, count in enumerate(blocks):
        layers += [Bottleneck(2, 2 if stage and not block else 1) for block in range(count)]
    return nn.Sequential(*layers)


def test_resnet50_with_its_branches():
    fields = receptive_field(resnet((3, 4, 6, 3)), (3, 224, 224))
    assert fields.size == (483, 483) and fields.stride == (32, 32) and fields.offset == (-241, -241)
    by_name = {field.name: field for field in fields}
    assert by_name["0"].size == (7, 7) and by_name["2"].size == (11, 11)
    short, = (field for field in fields if field.name == "6.short")
    assert short.size[0] < by_name["6.long.5"].size[0]      # the shortcut reads less than what stands beside it


class Branches(nn.Module):
    """Different fields and offsets side by side: inception."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return minigrad.cat([branch(x) for branch in self.branches], 1)


class Called(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Gated(nn.Module):
    """x scaled by what a mean over all positions says: reads everything."""

    def forward(self, x):
        return x * x.mean((-2, -1), keepdim=True).sigmoid()


NETWORKS = {
    "stack": nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                           nn.Conv2d(3, 2, (3, 1), dilation=2)),
    "inception": nn.Sequential(nn.Conv2d(2, 3, 3, stride=2), Branches(
        nn.Conv2d(3, 1, 1), nn.Conv2d(3, 2, 3, padding=1), nn.Conv2d(3, 1, 3, padding=((2, 0), (0, 2))))),
    "residual": resnet((1, 1)),
    "hourglass": nn.Sequential(nn.Conv2d(2, 2, 3, 2, 1), nn.ConvTranspose2d(2, 2, 4, 2, 1),
                               nn.Conv2d(2, 1, 3, padding=1)),
    "resize": nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2), nn.Conv2d(2, 2, 3)),
    "bilinear": nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(2, 1, 2)),
    "shuffled": nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.PixelShuffle(2), nn.Conv2d(2, 1, 2)),
    "unshuffled": nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(8, 1, 3)),
    "cropped": Called(lambda x: nn.functional.max_pool2d(
        nn.functional.pad(x[:, :, 1:-2, ::2], (1, 2, 0, 3)), 3, 2)),
    "turned": Called(lambda x: nn.functional.max_pool2d(x.transpose(2, 3), (3, 1), 1).transpose(2, 3)),
    "unpooled": Called(lambda x: nn.functional.avg_unpool(nn.functional.max_pool2d(x, 2, dilation=2), 2)),
    "squeezed": Called(lambda x: nn.functional.max_pool2d(x.amax(-1, keepdim=True) + x, 3)),
    "gated": nn.Sequential(nn.Conv2d(2, 2, 3), Gated()),
    "adaptive": nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.AdaptiveAvgPool2d(4)),
    "fused": Called(lambda x: nn.functional.conv2d(
        x, minigrad.ones(1, 2, 3, 2), stride=(2, 1), padding=1, activation="relu")),
}

PHASES = ("hourglass", "resize", "bilinear", "unpooled", "shuffled")      # neighbours read fields of different sizes


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_read_what_their_graph_says(name):
    """Against the engine: NaNs through the network, away from the borders and at them."""
    network = NETWORKS[name]
    shape = (3, 76, 68) if name == "residual" else (2, 44, 36)
    field = receptive_field(network, shape)[-1]
    with minigrad.no_grad():
        sizes = network.eval()(minigrad.zeros(1, *shape)).shape[2:]
    largest = [0, 0]
    ends = [(0, 0), (sizes[0] - 1, sizes[1] - 1)]
    for at in [*ends, *[(sizes[0] // 2 + shift, sizes[1] // 2 + shift) for shift in range(-1, 3)]]:
        at = tuple(min(place, size - 1) for place, size in zip(at, sizes, strict=True))
        for axis, found in enumerate(support(network, shape, at)):
            largest[axis] = max(largest[axis], found[-1] - found[0] + 1)
            if field.stride[axis] == int(field.stride[axis]) and name not in PHASES:
                first = field.offset[axis] + at[axis] * field.stride[axis]
                last = min(first + field.size[axis], shape[axis + 1]) - 1
                assert found[-1] <= last and found[0] >= max(first, 0), (name, at, axis)
                if at not in ends and first >= 0 and first + field.size[axis] <= shape[axis + 1]:
                    assert (found[0], found[-1]) == (first, last), (name, at, axis)
    assert tuple(largest) == field.size, name


def test_more_outputs_than_inputs():
    fields = receptive_field(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 3, padding=1)), (1, 12))
    assert fields[0].size == (1,) and fields[0].stride == (Fraction(1, 2),)
    assert fields.size == (2,)          # three neighbours upstairs are two downstairs
    fields = receptive_field(nn.ConvTranspose1d(1, 1, 4, 2, 1), (1, 12))
    assert fields.size == (2,) and fields.stride == (Fraction(1, 2),)


def test_what_flattens_reads_everything():
    fields = receptive_field(minigrad.models.build("lenet", (1, 28, 28), 10), (1, 28, 28))
    by_name = {field.name: field for field in fields}
    assert by_name["features.3"].size == (14, 14) and by_name["features.5"].size == (16, 16)
    assert fields.size == (32, 32) and fields.stride == (0, 0) and fields.offset == (-2, -2)    # 28 and the padding


def test_modes_and_hooks_are_put_back():
    network = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Dropout(0.5), nn.BatchNorm2d(1))
    before = [parameter.tolist() for parameter in (*network.parameters(), *network.buffers())]
    network[1].eval()
    receptive_field(network, (1, 8, 8))
    support(network, (1, 8, 8))
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert before == [parameter.tolist() for parameter in (*network.parameters(), *network.buffers())]
    assert network(minigrad.ones(2, 1, 8, 8)).shape == (2, 1, 6, 6)


def test_gradients_support_the_same():
    """Where nothing selects, gradients that are not zero are exactly the field; and the middle matters most."""
    minigrad.manual_seed(0)
    network = nn.Sequential(*[nn.Conv2d(1 if not j else 4, 4, 3, padding=1) for j in range(4)])
    field = receptive_field(network, (1, 21, 21))
    effective = effective_receptive_field(network, (1, 21, 21)).tolist()
    read = [[r, c] for r in range(21) for c in range(21) if effective[r][c] > 0]
    assert field.size == (9, 9) and len(read) == 81 and read[0] == [6, 6] and read[-1] == [14, 14]
    assert support(network, (1, 21, 21)) == [list(range(6, 15))] * 2
    assert effective[10][10] > 3 * effective[6][6]


def test_the_effective_field_as_a_picture():
    """The frame is where the graph says; the darkest cell, of full opacity, is the largest gradient's."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, (3, 5)))
    sheet = effective(network, (1, 14, 20), generator=minigrad.Generator().manual_seed(1))
    field = receptive_field(network, (1, 14, 20))
    assert sheet.title == f"The middle output reads {field.size[0]}x{field.size[1]} of 14x20 pixels"
    cells = [part for part in sheet.parts if "f-accent" in part]
    assert 20 < len(cells) <= field.size[0] * field.size[1] and sum("fill-opacity" not in part for part in cells) == 1
    frame = re.search(r'x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" class="none s-second"',
                      sheet.svg())
    x, y, width, height = map(float, frame.groups())
    assert (width / 21, height / 21) == (field.size[1], field.size[0])      # 420 pixels for 20 columns
    for part in cells:
        left, top = (float(re.search(rf' {name}="([\d.]+)"', part)[1]) for name in "xy")
        assert x <= left < x + width and y <= top < y + height
    with pytest.raises(ValueError, match="effective: input_shape: got"):
        effective(network, (1, 14))


@pytest.mark.parametrize("call, text", [
    (lambda: receptive_field([]), "receptive_field: layers: got none, expected at least one"),
    (lambda: receptive_field(Layer(3)), "receptive_field: layers: got Layer(k=3, s=1, d=1, p=0), expected several, as "
     "in [Layer(3)]"),
    (lambda: receptive_field([3]), "receptive_field: layers: got 3, expected a Layer, or a tuple (k, s, d, p) of which "
     "all but k may be left out"),
    (lambda: receptive_field([Layer(0)]), "receptive_field: k: got 0, expected at least 1"),
    (lambda: receptive_field([Layer(3, s=0)]), "receptive_field: stride: got 0, expected at least 1"),
    (lambda: receptive_field([Layer(3, 2, p="same")]), "receptive_field: padding: got 'same' with a stride, expected "
     "numbers: it depends on the size of the input"),
    (lambda: receptive_field(nn.Conv1d(1, 1, 3)), "receptive_field: input_shape: got None, expected the shape of one "
     "input of the module"),
    (lambda: receptive_field(nn.Linear(3, 3), (3,)), "receptive_field: input_shape: got (3,), expected channels and "
     "then the spatial sizes"),
    (lambda: support(nn.Conv1d(1, 1, 3), (1, 5), (3,)), "support: at: got (3,), expected a place in an output of sizes "
     "(3,)"),
    (lambda: effective_receptive_field(nn.Conv1d(1, 1, 3), (1, 5), samples=0), "effective_receptive_field: samples: "
     "got 0, expected at least 1"),
])
def test_refusals(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text
