"""Parameters: what a fitted number may be, said once, in the annotation of the field that holds it.

A fit keeps these ranges by itself. They are for parameters that come back from a file, which anything may have written:
whatever lies inside gives a distribution that is finite, whatever lies outside was never fitted to prices.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from typing import Annotated

ROUNDING = 1e-6
"""How far an optimiser may step over its own bound."""


@dataclass(frozen=True)
class Within:
    """Numbers from low to high, both included; `above`: low itself is not."""

    low: float
    high: float
    above: bool = False

    def problem(self, value: float) -> str:
        """What is wrong with a finite number; empty where nothing is."""
        if self.low <= value <= self.high and not (self.above and value == self.low):
            return ""
        return f"is {value:.6g}, which is not {'above' if self.above else 'within'} {self.low:g} .. {self.high:g}"


@dataclass(frozen=True)
class Length:
    """Lists of so many members."""

    least: int
    most: int

    def problem(self, value: Sized) -> str:
        """What is wrong with a list; empty where nothing is."""
        if self.least <= len(value) <= self.most:
            return ""
        wanted = f"{self.least}" if self.least == self.most else f"{self.least} .. {self.most}"
        return f"has {len(value)} members, not {wanted}"


LogReturn = Annotated[float, Within(-1.0, 1.0)]
"""A location: what the price does in a usual session, in log return."""
Percent = Annotated[float, Within(-100.0, 100.0)]
"""The same in percent."""
Variance = Annotated[float, Within(0.0, 1e4, above=True)]
"""Of percent returns: at most that of a price that doubles or halves in every session."""
Share = Annotated[float, Within(-ROUNDING, 1.0 + ROUNDING)]
"""What a variance keeps of news, or of itself."""
Asymmetry = Annotated[float, Within(-1.0 - ROUNDING, 2.0 + ROUNDING)]
"""What it keeps of the news of a fall beside that of every move: no less than the negative of it."""
Persistence = Annotated[float, Within(-ROUNDING, 1.001)]
"""What a variance keeps of itself from session to session: stationary, but for the rounding of the optimiser."""
Freedom = Annotated[float, Within(2.0, 5000.0, above=True)]
"""Degrees of freedom for which there is a variance."""
Decay = Annotated[float, Within(0.5, 0.9999)]
"""Of exponential smoothing."""
