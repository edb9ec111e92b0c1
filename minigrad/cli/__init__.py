"""The command `minigrad`: train, eval, predict, draw, info.

Whatever a user can get wrong ends in one line on stderr and exit code 2; a traceback is always a fault of ours.
"""

from minigrad.cli.main import main

__all__ = ["main"]
