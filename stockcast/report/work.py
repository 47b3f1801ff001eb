"""Work: what a command would do, in words, before it is done."""

from __future__ import annotations

from math import ceil


def work_words(pieces: int, seconds: float, jobs: int, memory: int) -> str:
    """What a plan costs.

    Args:
        pieces: Independent ones that are still to be done.
        seconds: What all of them are expected to take on one core.
        jobs: How many are done at the same time.
        memory: Bytes that each of those takes at most.
    """
    if pieces == 0:
        return "Nothing is left to be done: every fold is there already."
    at_once = min(jobs, pieces)
    share = (
        f"with {at_once} jobs, each with up to {memory / (1 << 30):.1f} GiB of memory" if at_once > 1 else "on a core"
    )
    return f"{pieces} piece{'s' if pieces > 1 else ''} of work: about {_duration(seconds / at_once)} {share}."


def _duration(seconds: float) -> str:
    """Seconds as a reader plans with them."""
    if seconds < 90:
        return f"{max(1, ceil(seconds))} s"
    return f"{ceil(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
