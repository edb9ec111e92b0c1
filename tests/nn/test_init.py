"""Initialisation: bounds, moments, fans, orthogonality, and the defaults of the layers."""

import math

import pytest

import minigrad
from minigrad import nn
from minigrad.nn import init


def moments(tensor):
    values = tensor.flatten().tolist()
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def test_gain():
    assert init.calculate_gain("linear") == init.calculate_gain("conv_transpose3d") == 1
    assert init.calculate_gain("tanh") == pytest.approx(5 / 3)
    assert init.calculate_gain("relu") == pytest.approx(math.sqrt(2))
    assert init.calculate_gain("leaky_relu", 0.2) == pytest.approx(math.sqrt(2 / 1.04))
    with pytest.raises(ValueError, match="nonlinearity: got 'swish'"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="param: got 'a'"):
        init.calculate_gain("leaky_relu", "a")


def test_fans():
    assert init.fan_in_and_fan_out(minigrad.empty(5, 3)) == (3, 5)
    assert init._calculate_fan_in_and_fan_out(minigrad.empty(8, 3, 5, 5)) == (75, 200)
    with pytest.raises(ValueError, match=r"got shape \(3,\)"):
        init.fan_in_and_fan_out(minigrad.empty(3))


@pytest.mark.parametrize("fill, bound, std", [
    (lambda t: init.uniform_(t, -2.0, 2.0), 2.0, 2 / math.sqrt(3)),
    (lambda t: init.normal_(t, 0.0, 3.0), None, 3.0),
    (lambda t: init.xavier_uniform_(t, gain=2.0), 2 * math.sqrt(6 / 150), 2 * math.sqrt(2 / 150)),
    (lambda t: init.xavier_normal_(t), None, math.sqrt(2 / 150)),
    (lambda t: init.kaiming_uniform_(t, nonlinearity="relu"), math.sqrt(6 / 50), math.sqrt(2 / 50)),
    (lambda t: init.kaiming_uniform_(t, a=math.sqrt(5)), 1 / math.sqrt(50), 1 / math.sqrt(150)),
    (lambda t: init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"), None, math.sqrt(2 / 100)),
    (lambda t: init.trunc_normal_(t, 0.0, 1.0, -1.0, 1.0), 1.0, 0.5397),
])
def test_bounds_and_spread(fill, bound, std):
    minigrad.manual_seed(1)
    tensor = minigrad.empty(100, 50)
    assert fill(tensor) is tensor
    mean, spread = moments(tensor)
    assert abs(mean) < 0.06 * std and spread == pytest.approx(std, rel=0.04)
    if bound is not None:
        largest = tensor.abs().max().item()
        assert 0.97 * bound < largest <= bound * (1 + 1e-6)


def test_trunc_normal_off_centre():
    minigrad.manual_seed(2)
    tensor = init.trunc_normal_(minigrad.empty(4000), mean=1.0, std=2.0, a=0.0, b=10.0)
    values = tensor.tolist()
    assert min(values) >= 0 and max(values) <= 10
    # The mean of a normal cut below: mu + sigma phi(alpha) / (1 - Phi(alpha)), alpha = -1/2.
    assert sum(values) / 4000 == pytest.approx(2.018, abs=0.1)
    with pytest.warns(UserWarning, match="2 std"):
        init.trunc_normal_(minigrad.empty(2), mean=9.0, std=1.0)
    with pytest.raises(ValueError, match="a < b"):
        init.trunc_normal_(minigrad.empty(2), a=1.0, b=1.0)


def test_constants():
    assert init.constant_(minigrad.empty(2), 0.5).tolist() == [0.5, 0.5]
    assert init.zeros_(minigrad.empty(2)).tolist() == [0.0, 0.0]
    assert init.ones_(minigrad.empty(2)).tolist() == [1.0, 1.0]
    assert init.eye_(minigrad.empty(2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    with pytest.raises(ValueError, match="eye_"):
        init.eye_(minigrad.empty(2))


def test_dirac_is_the_identity_of_its_convolution():
    minigrad.manual_seed(0)
    x = minigrad.rand(2, 4, 5, 6)
    weight = init.dirac_(minigrad.empty(4, 2, 3, 3), groups=2)
    assert nn.functional.conv2d(x, weight, padding=1, groups=2).tolist() == x.tolist()
    weight = init.dirac_(minigrad.empty(6, 4, 3))
    assert weight.sum().item() == 4 and weight[2, 2, 1].item() == 1
    with pytest.raises(ValueError, match="divisor of 4"):
        init.dirac_(minigrad.empty(4, 2, 3), groups=3)
    with pytest.raises(ValueError, match="3 to 5 axes"):
        init.dirac_(minigrad.empty(4, 2))


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3), (1, 4), (4, 1)])
def test_orthogonal(shape):
    minigrad.manual_seed(3)
    tensor = init.orthogonal_(minigrad.empty(*shape, dtype=minigrad.float64), gain=2.0)
    matrix = tensor.reshape(shape[0], -1)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    for i, row in enumerate(product.tolist()):
        assert row == pytest.approx([4.0 if i == j else 0.0 for j in range(len(row))], abs=1e-13)


def test_generator_and_seed_repeat():
    def draw(fill):
        return fill(minigrad.empty(3, 3), generator=minigrad.Generator().manual_seed(7)).tolist()

    for fill in (init.uniform_, init.normal_, init.trunc_normal_, init.xavier_uniform_, init.xavier_normal_,
                 init.kaiming_uniform_, init.kaiming_normal_, init.orthogonal_):
        assert draw(fill) == draw(fill)
    minigrad.manual_seed(5)
    first = nn.Conv2d(2, 3, 3).weight.tolist()
    minigrad.manual_seed(5)
    assert nn.Conv2d(2, 3, 3).weight.tolist() == first


def test_filling_a_parameter_records_nothing():
    parameter = nn.Parameter(minigrad.zeros(3, 3))
    for fill in (init.uniform_, init.orthogonal_, init.eye_, init.ones_, init.trunc_normal_):
        fill(parameter)
        assert parameter.requires_grad and parameter.grad_fn is None


@pytest.mark.parametrize("layer, fan_in", [
    (lambda: nn.Linear(64, 100), 64), (lambda: nn.Conv2d(16, 40, 3), 144), (lambda: nn.Conv2d(16, 40, 3, groups=4), 36),
    (lambda: nn.ConvTranspose2d(40, 16, 3), 144),
])
def test_default_initialisation(layer, fan_in):
    minigrad.manual_seed(4)
    made = layer()
    for parameter in (made.weight, made.bias):
        largest = parameter.abs().max().item()
        assert 0.7 / math.sqrt(fan_in) < largest <= (1 + 1e-6) / math.sqrt(fan_in)


def test_errors():
    with pytest.raises(ValueError, match="mode: got 'both'"):
        init.kaiming_uniform_(minigrad.empty(2, 2), mode="both")
    with pytest.raises(ValueError, match=r"uniform_: from and to: got 1\.0 and 0\.0"):
        init.uniform_(minigrad.empty(2), 1.0, 0.0)
    with pytest.raises(ValueError, match="std: got -1"):
        init.normal_(minigrad.empty(2), 0.0, -1.0)
    with pytest.raises(ValueError, match="orthogonal_"):
        init.orthogonal_(minigrad.empty(2))
    assert init.orthogonal_(minigrad.empty(0, 3)).shape == (0, 3)
    assert init.kaiming_uniform_(minigrad.empty(3, 0)).shape == (3, 0)
