"""Loading a state dictionary: everything is checked, then everything is copied."""

from collections import namedtuple
from collections.abc import Mapping
from typing import Any

from minigrad.autograd import no_grad
from minigrad.errors import require
from minigrad.functions.create import as_tensor
from minigrad.tensor import Tensor


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict(strict=False)` skipped: two lists of names."""

    def __repr__(self) -> str:
        return super().__repr__() if any(self) else "<All keys matched successfully>"


def load_state(owner: str, own: dict[str, Tensor], state_dict: Mapping[str, Any], strict: bool) -> IncompatibleKeys:
    """Copy `state_dict` into the tensors `own`, all or nothing; one ValueError lists all that does not fit."""
    require(isinstance(state_dict, Mapping), "load_state_dict", "state_dict", type(state_dict).__name__, "a mapping",
            TypeError)
    missing = [name for name in own if name not in state_dict]
    unexpected = [name for name in state_dict if name not in own]
    new = {name: import_tensor(f"load_state_dict: {name}", state_dict[name]) for name in own if name in state_dict}
    wrong = [f"{what} keys: {', '.join(map(str, names))}"
             for what, names in (("unexpected", unexpected), ("missing", missing)) if strict and names]
    wrong += [f"{name}: got shape {tensor.shape}, expected {own[name].shape}"
              for name, tensor in new.items() if tensor.shape != own[name].shape]
    if wrong:
        raise ValueError(f"load_state_dict: state_dict does not fit {owner}:\n    " + "\n    ".join(wrong))
    with no_grad():
        for name, tensor in new.items():
            own[name].copy_(tensor)
    return IncompatibleKeys(missing, unexpected)


def import_tensor(what: str, value: Any) -> Tensor:
    """`value` if it is a Tensor, else the array of another library it is, sharing memory where possible."""
    try:
        return as_tensor(value)
    except (TypeError, ValueError, BufferError) as error:
        raise TypeError(f"{what}: got {type(value).__name__}, expected a Tensor ({error})") from error
