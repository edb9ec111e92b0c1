from collections.abc import Collection, Mapping, Sequence
from typing import Any

from minigrad_ext.buffer import Buffer, Storage

class Plan:
    launches: tuple[tuple[Any, tuple], ...]
    nbytes: int
    clocked: list[list[int]] | None
    def __init__(self, launches: Sequence[tuple[Any, tuple]], places: Mapping[Storage, int], slots: Sequence[Buffer],
                 live: Collection[Any], nbytes: int,
                 packed: Sequence[tuple[Storage, Any, tuple]] = ()) -> None: ...
    def bind(self, slot: int, buffer: Buffer) -> None: ...
    def run(self) -> None: ...
    def __len__(self) -> int: ...
