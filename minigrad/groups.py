"""What is normalised together, checked once: the geometry of a norm."""

from functools import lru_cache

from minigrad.errors import require
from minigrad_ext.kernel import Params


class Groups:
    """What is normalised together: x is seen as (n, c, s), samples, channels, positions.

    A group is c / `groups` neighbouring channels of a sample; or `across` samples, where `groups` is c, one channel of
    all.
    """

    def __init__(self, channels: int, positions: int, groups: int, across: bool, eps: float) -> None:
        require(groups > 0 and channels % groups == 0 and (not across or groups == channels), "normalize", "groups",
                groups, f"a divisor of {channels} channels, or across samples all of them")
        self.channels, self.positions, self.groups, self.across, self.eps = channels, positions, groups, across, eps
        self.size = max(channels * positions, 1)
        self.params = Params((channels, positions, groups, across), (eps,))


groups_of = lru_cache(Groups)       # a layer's are the same in every call
