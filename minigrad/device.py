"""The one device: the CPU.  Programs that name it, or that ask for others, run unchanged."""

from types import SimpleNamespace
from typing import Any

from minigrad.errors import require

__all__ = ["accelerator", "backends", "cuda", "device"]


class device(str):
    """Where tensors live: `device("cpu")` is accepted, and there is no other.

    It is the text "cpu" (or "cpu:0"), so both spellings compare alike.

    >>> import minigrad
    >>> minigrad.device("cpu"), minigrad.ones(1).device == "cpu"
    (device(type='cpu'), True)
    """

    index: int | None       # type: ignore[assignment]

    def __new__(cls, type: Any = "cpu", index: int | None = None) -> "device":
        name, _, number = str(type).partition(":")
        valid = name == "cpu" and number in ("", "0") and index in (None, 0)
        require(valid, "device", "type", f"{str(type)!r} and index {index}", "'cpu'")
        made = super().__new__(cls, "cpu:0" if number or index == 0 else "cpu")
        made.index = 0 if ":" in made else None
        return made

    @property
    def type(self) -> str:
        """Always "cpu"."""
        return "cpu"

    def __repr__(self) -> str:
        return f"device(type='cpu'{'' if self.index is None else ', index=0'})"


CPU = device("cpu")


# What stands for the devices that are not there.
cuda = accelerator = SimpleNamespace(is_available=lambda: False, device_count=lambda: 0,
                                     manual_seed=lambda seed: None, manual_seed_all=lambda seed: None)
backends = SimpleNamespace(mps=cuda, cudnn=SimpleNamespace(benchmark=False, deterministic=True))


def check_device(op: str, where: Any) -> None:
    """Accepts None, "cpu" and `device("cpu")`; ValueError for any other device."""
    if where is not None and str(where) not in ("cpu", "cpu:0"):
        raise ValueError(f"{op}: device: got {str(where)!r}, expected 'cpu'")
