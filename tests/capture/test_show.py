"""Captured graphs as text and pictures: exact for small ones, and whole for a network's training step."""

import minigrad
from minigrad import nn, optim


def captured(function, *args, **kwargs):
    return minigrad.compile(function).captured(args, kwargs)


def shown(function, *args):
    return captured(function, *args).graph.text()


def test_a_small_function():
    assert shown(lambda x, w: (x @ w.t() + 0.5).relu(), minigrad.rand(2, 3), minigrad.rand(4, 3)) == """\
inputs %x: float32[2,3], %w: float32[4,3]
  %0: float32[3,4] = permute(%w)  axes (1, 0), view
  %1: float32[2,4] = matmul(%x, %0)
  %2: float32[2,4] = add(%1, 0.5)
  %3: float32[2,4] = relu(%2)
return %3"""


def test_its_gradient():
    def loss(w, x):
        (w * x).tanh().sum().backward()

    assert shown(loss, minigrad.rand(3, requires_grad=True), minigrad.rand(2, 3)) == """\
inputs %w: float32[3], %x: float32[2,3]
forward
  %0: float32[2,3] = mul(%w, %x)
  %1: float32[2,3] = tanh(%0)
backward
  %2: float32[2,3] = expand(1.0)  view, transpose of sum_to
  %3: float32[2,3] = tanh_pull(%2, %1)  pulls %1 tanh
  %4: float32[2,3] = mul(%3, %x)  pulls %0 mul
  %5: float32[3] = sum_to(%4)  pulls %0 mul -> %w.grad"""


def test_an_optimiser_s_step():
    layer = nn.Linear(3, 2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)

    def step(x):
        layer(x).sum().backward()
        optimizer.step()

    assert shown(step, minigrad.rand(4, 3)) == """\
inputs %x: float32[4,3]
outside %weight: float32[2,3], %bias: float32[2]
backward
  %0: float32[4,2] = expand(1.0)  view, transpose of sum_to
  %1: float32[2,4] = permute(%0)  axes (1, 0), view, pulls linear
  %2: float32[2,3] = matmul(%1, %x)  pulls linear -> %weight.grad
  %3: float32[2] = copy([4.0, 4.0]) -> %bias.grad
update
  %4: float32[2,3] = sgd(%weight, %2, %weight.momentum_buffer)  writes operands 0, 2, numbers of each call
  %5: float32[2] = sgd(%bias, %3, %bias.momentum_buffer)  writes operands 0, 2, numbers of each call"""
