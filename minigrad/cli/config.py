"""What decides the result of a run and how it is computed, and the defaults that reach the promised accuracies."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from minigrad import nn, optim
from minigrad.data import MNIST, Digits, FashionMNIST
from minigrad.models import MODELS

DATASETS: dict[str, Any] = {"digits": Digits, "mnist": MNIST, "fashion_mnist": FashionMNIST}
EPOCHS = {"digits": 15, "mnist": 3, "fashion_mnist": 10}
LEARNING_RATES = {"adamw": 0.005, "adam": 0.005, "sgd": 0.05}
OPTIMIZERS = tuple(LEARNING_RATES)
WEIGHT_DECAY = 0.01


@dataclasses.dataclass(frozen=True)
class Config:
    """Two runs with equal configurations end with bitwise equal weights, whatever their number of threads."""

    dataset: str
    model: str
    epochs: int
    batch_size: int
    lr: float
    optimizer: str
    seed: int
    data_dir: str | None = None
    data_checksum: int | None = None  # of the training and the test part, so that a resumed run meets the same data
    eager: bool = False  # each operation by Python, instead of captured functions; changes no weight

    def __post_init__(self) -> None:
        for name, known in (("dataset", tuple(DATASETS)), ("model", tuple(MODELS)), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                raise ValueError(f"its {name} is {getattr(self, name)!r}, expected one of {', '.join(known)}")
        for name in ("epochs", "batch_size", "lr"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"its {name} is {getattr(self, name)}, expected more than 0")

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Raises ValueError when the text is not a whole configuration."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
        values = {"eager": False, **values}  # which older ones do not have
        fields = {field.name: field.type for field in dataclasses.fields(cls)}
        if set(values) != set(fields):
            raise ValueError(f"its entries are {sorted(values)}, expected {sorted(fields)}")
        kinds: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "str | None": (str, type(None)),
                                 "int | None": (int, type(None)), "bool": bool}
        for name, kind in fields.items():
            if not isinstance(values[name], kinds[str(kind)]) or isinstance(values[name], bool) != (kind == "bool"):
                raise ValueError(f"its {name} is {values[name]!r}, expected {kind}")
        return cls(**values)


def default_config(dataset: str, *, model: str | None = None, epochs: int | None = None, batch_size: int | None = None,
                   lr: float | None = None, optimizer: str | None = None, seed: int | None = None,
                   data_dir: str | None = None, data_checksum: int | None = None,
                   eager: bool = False) -> Config:
    """The configuration for a dataset, with defaults for what is None."""
    optimizer = optimizer or "adamw"
    return Config(
        dataset=dataset,
        model=model or "cnn",
        epochs=EPOCHS[dataset] if epochs is None else epochs,
        batch_size=64 if batch_size is None else batch_size,
        lr=LEARNING_RATES[optimizer] if lr is None else lr,
        optimizer=optimizer,
        seed=0 if seed is None else seed,
        data_dir=data_dir,
        data_checksum=data_checksum,
        eager=eager,
    )


def make_optimizer(config: Config, model: nn.Module) -> optim.Optimizer:
    parameters = list(model.parameters())
    if config.optimizer == "sgd":
        return optim.SGD(parameters, lr=config.lr, momentum=0.9, nesterov=True)
    if config.optimizer == "adam":
        return optim.Adam(parameters, lr=config.lr)
    return optim.AdamW(parameters, lr=config.lr, weight_decay=WEIGHT_DECAY)
