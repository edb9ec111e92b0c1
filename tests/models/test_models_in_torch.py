"""Weights trained here work in PyTorch: same names, same shapes, same numbers out."""

import pytest

import minigrad
from minigrad import models
from minigrad.data import Digits
from minigrad.io import save

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")
pytestmark = pytest.mark.torch


class TorchCNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 2 * 2, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


def test_the_default_model(tmp_path):
    ours = models.build("cnn", (1, 8, 8), 10)
    x, _ = Digits(train=False).batch(range(20))
    ours(x)  # moves the running statistics away from their start
    save(ours.state_dict(), tmp_path / "weights.safetensors")
    theirs = TorchCNN()
    theirs.load_state_dict(safetensors.load_file(tmp_path / "weights.safetensors"))
    with torch.no_grad(), minigrad.no_grad():
        wanted = theirs.eval()(torch.tensor(x.tolist()))
        assert torch.allclose(torch.tensor(ours.eval()(x).tolist()), wanted, atol=1e-5)
