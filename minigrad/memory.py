"""Memory that is recycled: what the allocator holds, and how to have it give that back.

Freed blocks are kept for the next tensor of their size, because fresh pages cost more than most kernels.
"""

from minigrad_ext.allocator import empty_cache, get_cache_limit, memory_stats, set_cache_limit

__all__ = ["empty_cache", "get_cache_limit", "memory_stats", "set_cache_limit"]
