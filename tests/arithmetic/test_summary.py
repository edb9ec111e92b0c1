"""Summaries of models: what each call of a module is, costs and sees."""

import json

import pytest

import minigrad
from minigrad import models, nn
from minigrad.arithmetic import receptive_field
from minigrad.nn import functional as F
from minigrad.nn.utils import summary


class Functional(nn.Module):
    """Convolutions as functions in `forward`, a layer that runs twice, and two results."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(minigrad.ones(2, 1, 3))
        self.twice = nn.Linear(4, 4, bias=False)
        self.drop = nn.Dropout()

    def forward(self, x):
        x = F.conv1d(x, self.weight)
        x = self.twice(self.twice(x))
        return self.drop(x), F.conv_transpose1d(x, self.weight)


def test_summary_counts_functions_and_repeated_layers():
    model = Functional()
    model.drop.eval()
    found = summary(model, (1, 6))
    assert [tuple(row)[:7] for row in found.rows] == [
        ("model", "Functional", 0, [(2, 4), (1, 6)], 6, 24 + 24, 4 * 6), ("twice", "Linear", 1, (2, 4), 16, 32, 4 * 8),
        ("twice", "Linear", 1, (2, 4), 0, 32, 4 * 8), ("drop", "Dropout", 1, (2, 4), 0, 0, 0)]
    assert [row.field.size for row in found.rows] == [(6,)] * 4         # a dense layer along the axis mixes all of it
    assert (found.parameters, found.trainable, found.multiply_adds) == (22, 22, 112)
    assert model.training and not model.drop.training
    assert summary(model, (1, 6), batch=3).multiply_adds == 3 * 112


def test_summary_of_a_known_network():
    """LeNet-5's count by hand: the convolutions' parameters and products."""
    net = nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(),
                        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(),
                        nn.Linear(84, 10))
    found = summary(net, (1, 28, 28))
    assert found.parameters == 61706
    assert found.multiply_adds == 784 * 6 * 25 + 100 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10
    assert found.nbytes == 4 * (2 * 784 * 6 + 196 * 6 + 2 * 100 * 16 + 400 + 2 * 120 + 2 * 84 + 10)
    assert (found.parameter_nbytes, found.input_nbytes) == (4 * 61706, 4 * 784)
    assert len(str(found).splitlines()) == 1 + len(net) + 5 and "61,706" in str(found)


def test_summary_leaves_the_model_as_it_was():
    model = models.build("cnn", (1, 8, 8), 10)
    model.requires_grad_(False)
    state = {name: t.tolist() for name, t in model.state_dict().items()}
    with minigrad.no_grad():
        found = summary(model, (1, 8, 8))
    assert found.trainable == 0 < found.multiply_adds
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert all(module.training for module in model.modules())
    assert {name: t.tolist() for name, t in model.state_dict().items()} == state
    with pytest.raises(ValueError):
        summary(model, (3, 8, 8))
    assert all(module.training for module in model.modules())


class Residual(nn.Module):
    """A branch and a shortcut."""

    def __init__(self):
        super().__init__()
        self.long = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1))
        self.short = nn.Identity()

    def forward(self, x):
        return self.long(x) + self.short(x)


def test_summary_of_branches_in_reading_order():
    net = nn.Sequential(Residual(), nn.MaxPool2d(2), Residual())
    found = summary(net, (2, 8, 8))
    assert [(row.depth, row.name) for row in found.rows] == [
        (0, "model"), (1, "0"), (2, "0.long"), (3, "0.long.0"), (3, "0.long.1"), (3, "0.long.2"), (2, "0.short"),
        (1, "1"), (1, "2"), (2, "2.long"), (3, "2.long.0"), (3, "2.long.1"), (3, "2.long.2"), (2, "2.short")]
    own = {row.name: row for row in found.rows}
    assert own["0"].nbytes == 4 * 128 and own["0.short"].nbytes == own["0.long"].nbytes == 0     # the sum; views
    assert (own["0.short"].field.size, own["0"].field.size, own["2"].field.size) == ((1, 1), (5, 5), (14, 14))
    fields = {field.name: field for field in receptive_field(net, (2, 8, 8))}
    assert set(fields) == {"0", "0.long.0", "0.long.1", "0.long.2", "0.short", "1", "2", "2.long.0", "2.long.1",
                           "2.long.2", "2.short"}
    assert all(own[name].field == field for name, field in fields.items())
    assert "    long   Sequential  2x8x8" in str(found)


@pytest.mark.parametrize("net, shape, output, cost, field", [
    (nn.Linear(6, 3), (6,), (3,), 18, None),
    (nn.Conv1d(2, 4, 3, stride=2, groups=2), (2, 9), (4, 4), 4 * 4 * 3, (3,)),
    (nn.Conv3d(1, 2, 3), (1, 4, 5, 6), (2, 2, 3, 4), 2 * 24 * 27, (3, 3, 3)),
    (nn.ConvTranspose2d(2, 3, 3, stride=2), (2, 4, 4), (3, 9, 9), 2 * 16 * 3 * 9, (2, 2)),
    (nn.Identity(), (3, 5, 5), (3, 5, 5), 0, (1, 1)),
])
def test_summary_of_one_layer(net, shape, output, cost, field):
    (row,) = summary(net, shape).rows
    assert (row.name, row.output, row.multiply_adds) == ("model", output, cost)
    assert (row.field and row.field.size) == field
    assert ("field" in str(summary(net, shape))) == (field is not None)


def test_summary_as_plain_values():
    found = summary(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 3)).double(), (1, 5))
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["rows"][1]["field"] == {"size": [1], "stride": ["1/2"], "offset": [0]}
    assert plain["rows"][0]["field"] is not None and plain["rows"][2]["output"] == [1, 8]
    assert (plain["parameters"], plain["input_nbytes"], plain["rows"][2]["nbytes"]) == (4, 40, 64)


class Looks(nn.Module):
    """Python that depends on numbers."""

    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_summary_names_the_line_that_looks_at_numbers():
    for call in (summary, receptive_field):
        line = r"`return x if x.sum\(\) > 0 else -x`"
        with pytest.raises(minigrad.CaptureError, match=f"{call.__name__}: Looks: .*{line}"):
            call(Looks(), (1, 5))


def test_a_model_that_is_captured_later_is_as_it_was():
    """Hooks are gone and modes are put back, also after a call that fails."""
    net = models.build("cnn", (1, 8, 8), 10)
    with pytest.raises(ValueError):
        summary(net, (1, 8))
    assert not any(module._hooks for module in net.modules())
    x = minigrad.ones(2, 1, 8, 8)
    assert minigrad.compile(net)(x).shape == (2, 10) == net(x).shape


def calls_of_every_layer():
    """(name, layer, shape of one item) that go together, of all that nn has."""
    for name, kind in sorted(vars(nn).items()):
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            continue
        for arguments in ((), (4,), (4, 6), (4, 6, 3)):
            try:
                layer = kind(*arguments).eval()
            except (TypeError, ValueError):
                continue
            for shape in ((4,), (4, 9), (4, 9, 9), (4, 6, 6, 6)):
                try:
                    with minigrad.no_grad():
                        y = layer(minigrad.ones(2, *shape))
                except (TypeError, ValueError, IndexError, NotImplementedError):
                    continue
                yield name, layer, shape, [tuple(x.shape[1:]) for x in (y if isinstance(y, tuple | list) else [y])]


@pytest.mark.filterwarnings("ignore:.*dim was not given")
def test_every_layer_has_a_summary():
    seen = set()
    for name, layer, shape, outputs in calls_of_every_layer():
        found = summary(layer, shape, batch=2)
        output = found.rows[0].output
        assert (output if isinstance(output, list) else [output]) == outputs, (name, shape)
        assert found.parameters == sum(parameter.numel() for parameter in layer.parameters())
        assert len(str(found).splitlines()) == len(found.rows) + 5
        seen.add(name)
    assert len(seen) > 80, sorted(seen)
