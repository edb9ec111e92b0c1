"""The one device: the CPU.  Programs that name it, or that ask for others, run unchanged."""

from types import SimpleNamespace
from typing import Any

from minigrad.errors import require

__all__ = ["accelerator", "backends", "cuda", "device"]


class device:
    """Where tensors live: `device("cpu")` is accepted, and there is no other.

    It equals the text "cpu", so both spellings compare alike.

    >>> import minigrad
    >>> minigrad.device("cpu"), minigrad.ones(1).device == "cpu"
    (device(type='cpu'), True)
    """

    __slots__ = ("index", "type")

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        name, _, number = str(type).partition(":")
        valid = name == "cpu" and number in ("", "0") and index in (None, 0)
        require(valid, "device", "type", f"{str(type)!r} and index {index}", "'cpu'")
        self.type, self.index = name, 0 if number or index == 0 else None

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (")" if self.index is None else f", index={self.index})")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (device, str)) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


CPU = device("cpu")


class NoDevice:
    """What stands for the devices that are not there: `cuda`, `accelerator` and `backends.mps`."""

    def is_available(self) -> bool:
        """False."""
        return False

    def device_count(self) -> int:
        """0."""
        return 0

    def manual_seed_all(self, seed: int) -> None:
        """Nothing to seed."""

    manual_seed = manual_seed_all


cuda = accelerator = NoDevice()
backends = SimpleNamespace(mps=cuda, cudnn=SimpleNamespace(benchmark=False, deterministic=True))


def check_device(op: str, where: Any) -> None:
    """Accepts None, "cpu" and `device("cpu")`; ValueError for any other device."""
    if where is not None and str(where) not in ("cpu", "cpu:0"):
        raise ValueError(f"{op}: device: got {str(where)!r}, expected 'cpu'")
