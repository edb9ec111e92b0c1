"""Where scratch lies: one arena, in which memory whose time does not overlap shares bytes.

The time of a storage goes from the first launch that touches it to the last.  Storages are placed from the largest to
the smallest, each as low as those that live at the same time allow.  At no moment can less be needed than what lives
then: the largest of these sums is the lower bound, with which the arena is compared.

Where a storage's time ends at an elementwise launch whose result has the same layout, the result takes its memory over,
and the lower bound itself is smaller.
"""

from itertools import accumulate

from minigrad.capture.graph import Graph, Launch, Uses, covers
from minigrad_ext.buffer import Buffer, Storage, alike

ALIGNED = 64


class Memory:
    """`places`: the offset of each scratch storage in the arena; `nbytes` of that, and the `bound` below it."""

    def __init__(self, graph: Graph) -> None:
        uses, kept = Uses(graph), graph.kept()
        spans = {storage: uses.span(storage) for storage in uses.storages() if graph.scratch(storage, kept)}
        heirs = inherit(uses.launches, spans)
        sizes = {storage: -(-storage.nbytes // ALIGNED) * ALIGNED for storage in spans}
        places: dict[Storage, int] = {}
        self.nbytes = 0
        placed: list[tuple[int, int, Storage]] = []             # (offset, end, storage), by offset
        for storage in sorted(spans, key=lambda each: (-sizes[each], spans[each])):
            begin, end = spans[storage]
            at = 0
            for offset, beyond, other in placed:
                if spans[other][0] <= end and begin <= spans[other][1]:
                    if offset - at >= sizes[storage]:
                        break
                    at = max(at, beyond)
            places[storage] = at
            placed.append((at, at + sizes[storage], storage))
            placed.sort(key=lambda each: each[0])
            self.nbytes = max(self.nbytes, at + sizes[storage])
        living = [0] * (len(uses.launches) + 1)
        for storage, (begin, end) in spans.items():
            living[begin] += sizes[storage]
            living[end + 1] -= sizes[storage]
        self.bound = max(accumulate(living), default=0)
        self.places = {**places, **{storage: places[owner] for storage, owner in heirs.items()}}


def inherit(launches: list[Launch], spans: dict[Storage, tuple[int, int]]) -> dict[Storage, Storage]:
    """Which storage lies where another one, its owner, did; the owner's span then covers both, the heir has none."""
    heirs: dict[Storage, Storage] = {}

    def owner(buffer: Buffer) -> Storage:
        return heirs.get(buffer.storage, buffer.storage)

    for at, launch in enumerate(launches):
        parts = launch.parts or (launch,)
        for number, part in enumerate(parts):
            out = part.buffers[0]
            if not part.kernel.elementwise or spans.get(out.storage, (-1,))[0] != at or not covers(out):
                continue
            later = {owner(y) for other in parts[number + 1:] for y in other.buffers}
            for x in [buffer for other in parts[:number + 1] for buffer in other.buffers[1:]]:
                old = owner(x)
                alone = all(alike(y, out) and covers(y) for other in parts for y in other.buffers if owner(y) is old)
                if (old in spans and spans[old][1] == at and old.nbytes == out.storage.nbytes and alone
                        and old not in later and out.storage in spans):
                    heirs[out.storage] = old
                    spans[old] = spans[old][0], spans.pop(out.storage)[1]
                    break
    return heirs
