"""A safetensors file written by one library loads in the other: keys, layouts and the numbers that layers compute."""

import pytest

import minigrad
from minigrad import nn

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")
pytestmark = pytest.mark.torch

IMAGE, ROWS = (2, 4, 6, 6), (2, 4, 9)
LAYERS = [
    ("Linear", (9, 5), ROWS), ("Embedding", (9, 5), "index"), ("PReLU", (4,), IMAGE),
    ("Conv1d", (4, 6, 3), ROWS), ("Conv2d", (4, 6, (3, 2), 2, 1, 1, 2), IMAGE), ("Conv3d", (4, 2, 3), (2, 4, 4, 5, 3)),
    ("ConvTranspose1d", (4, 6, 3, 2), ROWS), ("ConvTranspose2d", (4, 6, 3, 2, 1, 1, 2), IMAGE),
    ("ConvTranspose3d", (4, 2, 2, 2), (2, 4, 2, 2, 2)), ("BatchNorm1d", (4,), ROWS), ("BatchNorm2d", (4,), IMAGE),
    ("LayerNorm", ((6, 6),), IMAGE), ("GroupNorm", (2, 4), IMAGE),
    ("InstanceNorm2d", (4, 1e-5, 0.1, True, True), IMAGE),
]


class Net:
    """The same model for both libraries, with nesting, sharing and a parameter of its own."""

    def __new__(cls, lib):
        class Model(lib.nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = lib.nn.Parameter(lib.ones(3, 1, 1))
                self.body = lib.nn.ModuleList([lib.nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)])
                self.norms = lib.nn.ModuleDict({"first": lib.nn.BatchNorm2d(3), "second": lib.nn.BatchNorm2d(3)})
                self.register_buffer("offset", lib.full((1,), 0.5))
                self.head = lib.nn.Sequential(lib.nn.Flatten(), lib.nn.Linear(3 * 25, 4))

            def forward(self, x):
                for conv, norm in zip(self.body, self.norms.values(), strict=True):
                    x = lib.relu(norm(conv(x) * self.scale + self.offset))
                return self.head(x)
        return Model()


def both_ways(ours, theirs, tmp_path, inputs):
    """Ours into theirs, then theirs into ours; each time both compute the same."""
    for step in range(2):
        file = tmp_path / f"{step}.safetensors"
        assert list(ours.state_dict()) == list(theirs.state_dict())
        if step == 0:
            minigrad.save(ours.state_dict(), file)
            theirs.load_state_dict(safetensors.load_file(file))
        else:
            with torch.no_grad():
                for tensor in theirs.state_dict().values():
                    tensor.copy_(torch.rand(tensor.shape) + 0.5 if tensor.is_floating_point() else tensor + 3)
            safetensors.save_file({name: t.contiguous() for name, t in theirs.state_dict().items()}, file)
            ours.load_state_dict(minigrad.load(file))
        for name, tensor in theirs.state_dict().items():
            assert tuple(tensor.shape) == ours.state_dict()[name].shape
            assert str(tensor.dtype).split(".")[-1] == ours.state_dict()[name].dtype.name
        with torch.no_grad(), minigrad.no_grad():
            mine, other = ours.eval()(inputs), theirs.eval()(torch.tensor(inputs.tolist()))
        assert tuple(other.shape) == mine.shape
        assert torch.allclose(torch.tensor(mine.tolist()), other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name, args, shape", LAYERS, ids=[layer[0] for layer in LAYERS])
def test_layer(name, args, shape, tmp_path):
    inputs = minigrad.tensor([[0, 3], [8, 3]]) if shape == "index" else minigrad.randn(*shape)
    both_ways(getattr(nn, name)(*args), getattr(torch.nn, name)(*args), tmp_path, inputs)


def test_model(tmp_path):
    both_ways(Net(minigrad), Net(torch), tmp_path, minigrad.randn(2, 3, 5, 5))
