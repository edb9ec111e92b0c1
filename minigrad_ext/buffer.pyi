# What a type checker must know of the memory's floor; everything else stands in buffer.pyx.
from typing import Any

class Storage:
    version: int

class Buffer(Any):
    shape: tuple[int, ...]
    storage: Storage

class Exporter:
    buffer: Buffer
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __dlpack__(self, *, stream: None = None, max_version: tuple[int, int] | None = None,
                   dl_device: tuple[int, int] | None = None, copy: bool | None = None) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
