"""What a kind of torture is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """One kind of mishap, of which a seed plays a case, or several that belong together.

    Attributes:
        name: What the table calls it.
        bar: How many cases have to pass without a violation.
        play: Plays the case of a seed in an empty folder and returns the violations, a sentence each.
        cases: How many cases a seed plays.
    """

    name: str
    bar: int
    play: Callable[[int, Path], Sequence[str]]
    cases: int = 1
