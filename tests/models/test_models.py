import pytest

import minigrad
from minigrad import models


@pytest.mark.parametrize("name, shape, parameters", [
    ("cnn", (1, 8, 8), 21_482), ("cnn", (1, 28, 28), 29_178), ("cnn", (3, 32, 20), None),
    ("lenet", (1, 28, 28), 61_706), ("lenet", (1, 12, 12), None),
    ("mlp", (1, 8, 8), 26_122), ("cnn", (1, 1, 3), None), ("cnn", (1, 100, 100), None),
])
def test_shapes_and_parameters(name, shape, parameters):
    model = models.build(name, shape, 10)
    assert tuple(model(minigrad.rand(2, *shape)).shape) == (2, 10)
    if parameters is not None:  # LeNet's figure is the published one of this variant
        assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("name", models.MODELS)
def test_every_parameter_gets_a_gradient(name):
    model = models.build(name, (1, 14, 14), 10)
    model(minigrad.rand(4, 1, 14, 14)).sum().backward()
    for label, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.shape == parameter.shape, label


def test_unknown_and_unsuitable():
    with pytest.raises(ValueError, match="build: name: got 'resnet', expected one of cnn"):
        models.build("resnet", (1, 8, 8), 10)
    with pytest.raises(ValueError, match=r"lenet: images: got 8x8 pixels"):
        models.build("lenet", (1, 8, 8), 10)
