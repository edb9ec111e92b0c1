from minigrad_ext.buffer import Buffer

DTYPE_NAMES: tuple[str, ...]
CHECKED: bool
GUARDED: bool

class Params:
    ints: tuple[int, ...]
    floats: tuple[float, ...]
    def __init__(self, ints: tuple[int, ...] = (), floats: tuple[float, ...] = ()) -> None: ...
    def become(self, other: Params) -> None: ...

class Kernel:
    name: str
    dtypes: tuple[str, ...]
    writes: int
    updates: bool
    elementwise: bool
    def declare(self, writes: int = 1, updates: bool = False, elementwise: bool = False) -> Kernel: ...
    def __call__(self, *args: Buffer | Params) -> None: ...
    def launch(self, args: tuple[Buffer | Params, ...]) -> None: ...
