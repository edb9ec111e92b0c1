from minigrad_ext.buffer import Buffer

DTYPE_NAMES: tuple[str, ...]
CHECKED: bool
GUARDED: bool

class Params:
    ints: tuple[int, ...]
    floats: tuple[float, ...]
    def __init__(self, ints: tuple[int, ...] = (), floats: tuple[float, ...] = ()) -> None: ...

class Kernel:
    name: str
    dtypes: tuple[str, ...]
    def __call__(self, *args: Buffer | Params) -> None: ...
    def launch(self, args: tuple[Buffer | Params, ...]) -> None: ...
