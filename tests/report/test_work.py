"""What a plan costs, in words."""

from __future__ import annotations

import pytest

from stockcast.report.work import work_words


@pytest.mark.parametrize(
    ("pieces", "seconds", "jobs", "words"),
    [
        (0, 0.0, 8, "Nothing is left to be done: every fold is there already."),
        (1, 0.2, 8, "1 piece of work: about 1 s on a core."),
        (24, 36.0, 1, "24 pieces of work: about 36 s on a core."),
        (24, 600.0, 2, "24 pieces of work: about 5 minutes with 2 jobs, each with up to 1.5 GiB of memory."),
        (3, 20_000.0, 8, "3 pieces of work: about 1.9 hours with 3 jobs, each with up to 1.5 GiB of memory."),
    ],
)
def test_a_plan_says_pieces_time_and_memory(pieces: int, seconds: float, jobs: int, words: str) -> None:
    assert work_words(pieces, seconds, jobs, 3 << 29) == words
