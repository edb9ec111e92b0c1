"""What is done to a captured graph before it becomes a plan: functions from a graph to the same graph, changed.

Each leaves the numbers as they were, or says what it changes in their rounding.
"""

from minigrad.capture.passes.chains import fuse_chains
from minigrad.capture.passes.constants import fold_constants, own_constants
from minigrad.capture.passes.copies import elide_copies, forward_copies
from minigrad.capture.passes.dead import remove_dead
from minigrad.capture.passes.duplicates import merge_duplicates
from minigrad.capture.passes.epilogues import fuse_epilogues
from minigrad.capture.passes.tidy import tidy
from minigrad.capture.passes.weights import pack_weights

PASSES = (remove_dead, fold_constants, merge_duplicates, tidy, elide_copies, forward_copies, fuse_epilogues,
          remove_dead, fuse_chains, pack_weights)

__all__ = ["PASSES", "elide_copies", "fold_constants", "forward_copies", "fuse_chains", "fuse_epilogues",
           "merge_duplicates", "own_constants", "pack_weights", "remove_dead", "tidy"]
