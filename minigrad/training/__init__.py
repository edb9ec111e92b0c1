"""Training that can be stopped at any moment and ends where it would have ended.

`Config` is all that decides a run's result, `RunFolder` is where it is kept, `Trainer` is the loop.
"""

from minigrad.training.config import Config, default_config
from minigrad.training.run import RunFolder
from minigrad.training.trainer import Diverged, Interrupted, Reporter, Trainer

__all__ = ["Config", "Diverged", "Interrupted", "Reporter", "RunFolder", "Trainer", "default_config"]
