"""The networks whose training steps are measured, written once for `m` = minigrad or torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def lenet(m: Any) -> Any:
    """LeCun et al. 1998, with ReLU and max pooling: 28x28 digits in 10 classes."""
    nn = m.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


def small_resnet(m: Any) -> Any:
    """Three residual blocks of 16, 32 and 64 channels (He et al. 2016) on 32x32 images."""
    nn, F = m.nn, m.nn.functional

    class Block(nn.Module):
        def __init__(self, c: int, k: int, stride: int) -> None:
            super().__init__()
            self.conv1, self.norm1 = nn.Conv2d(c, k, 3, stride, 1, bias=False), nn.BatchNorm2d(k)
            self.conv2, self.norm2 = nn.Conv2d(k, k, 3, 1, 1, bias=False), nn.BatchNorm2d(k)
            self.skip = nn.Sequential() if c == k else nn.Conv2d(c, k, 1, stride, bias=False)

        def forward(self, x: Any) -> Any:
            y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
            return F.relu(y + self.skip(x))

    return nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Block(16, 16, 1),
                         Block(16, 32, 2), Block(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def autoencoder(m: Any) -> Any:
    """Strided convolutions down to 8 channels of 7x7, transposed ones back to 28x28."""
    nn = m.nn
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 8, 3, 2, 1), nn.ReLU(),
        nn.ConvTranspose2d(8, 16, 3, 2, 1, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 3, 2, 1, 1), nn.Sigmoid())


def wavenet_block(m: Any) -> Any:
    """Four dilated causal layers with gates and residual connections (van den Oord et al. 2016) on 16x256."""
    nn, F = m.nn, m.nn.functional

    class Layer(nn.Module):
        def __init__(self, dilation: int) -> None:
            super().__init__()
            self.dilation, self.conv, self.mix = dilation, nn.Conv1d(16, 32, 2, dilation=dilation), nn.Conv1d(16, 16, 1)

        def forward(self, x: Any) -> Any:
            a, b = self.conv(F.pad(x, (self.dilation, 0))).chunk(2, 1)
            return x + self.mix(a.tanh() * b.sigmoid())

    return nn.Sequential(*[Layer(2**j) for j in range(4)])


# name: (network, shape of an input, kind of the target)
NETWORKS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...], str]] = {
    "LeNet": (lenet, (1, 28, 28), "class"),
    "small ResNet": (small_resnet, (3, 32, 32), "class"),
    "autoencoder": (autoencoder, (1, 28, 28), "itself"),
    "WaveNet block": (wavenet_block, (16, 256), "itself"),
}


def training_step(m: Any, name: str, batch: int, compiled: bool = False) -> Any:
    """One step of SGD with momentum: zero_grad, forward, loss, backward, step; its `model` is an attribute.

    Compiled, if wanted: by minigrad.compile as a whole; by torch.compile the forward pass with the loss (the backward
    pass with it) and the optimiser's step each for itself, which is faster there than the step as a whole.
    """
    build, shape, kind = NETWORKS[name]
    m.manual_seed(0)
    model, x = build(m), m.rand(batch, *shape)
    target = m.arange(batch) % 10 if kind == "class" else x
    loss = m.nn.functional.cross_entropy if kind == "class" else m.nn.functional.mse_loss
    optimizer = m.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    whole, parts = compiled and m.__name__ == "minigrad", compiled and m.__name__ == "torch"

    def forward() -> Any:
        return loss(model(x), target)

    forward, update = (m.compile(forward), m.compile(optimizer.step)) if parts else (forward, optimizer.step)

    def step() -> None:
        optimizer.zero_grad()
        forward().backward()
        update()

    made: Any = m.compile(step) if whole else step
    made.model = model
    return made
