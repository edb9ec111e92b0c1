"""How long the page waits for its largest answers: half a second is the most that a hand on a slider should meet."""

from typing import Any

import pytest

from minigrad.explore import answers
from minigrad.explore.state import parse

LIMIT = 0.5         # seconds


@pytest.mark.parametrize("query", [
    "i=7&k=3&s=2&p=1", "i=16&k=6", "op=transposed&view=scatter&i=16&k=4&s=2&a=1", "axes=1&i=32&k=5&c=4&f=4",
    "op=transposed&view=matrix&i=8&k=4&p=1", "op=upsample&i=16&mode=linear",
])
def test_answer(query: str, benchmark: Any) -> None:
    state = parse(query)

    def forget() -> None:           # as when the hand has come to a new state
        answers._operation.cache_clear()
        answers._trace.cache_clear()

    benchmark.pedantic(lambda: (answers.window(state), answers.loop(state)), setup=forget, rounds=5, warmup_rounds=1)
    if benchmark.stats is not None:
        assert benchmark.stats.stats.median < LIMIT
