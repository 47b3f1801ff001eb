"""Intervals: a forecast's distribution as columns of a frame, named as other forecasting packages name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from stockcast.api.inputs import expected
from stockcast.errors import ConfigError
from stockcast.prices.history import Floats


@dataclass(frozen=True)
class Intervals:
    """Central intervals by their level in percent: 90 lies between the quantiles 0.05 and 0.95."""

    levels: tuple[float, ...]

    @classmethod
    def of(cls, levels: Sequence[float]) -> Intervals:
        """Checked and sorted. Raises ConfigError for a level that is no percentage."""
        expected(levels, (Sequence, np.ndarray), "levels", "a list of percentages such as (80, 95)")
        for level in levels:
            if not isinstance(level, Real) or not 0 < level < 100:
                raise ConfigError(f"a level of {level!r} is not within 0 .. 100 %", "give levels such as 80 and 95")
        return cls(tuple(sorted(set(levels))))

    @property
    def quantiles(self) -> Floats:
        """The quantile of each column of `named`: the median, the lower ends, widest first, and the upper ends."""
        tails = [(100 - level) / 200 for level in self.levels]
        return np.array([0.5, *reversed(tails), *(1 - tail for tail in tails)])

    def named(self, model: str, values_NQ: Floats) -> dict[str, Floats]:
        """Columns of the quantiles `values_NQ`: the model's name for the median, then model-lo-90, model-hi-90, ..."""
        lower = [f"{model}-lo-{level:g}" for level in reversed(self.levels)]
        upper = [f"{model}-hi-{level:g}" for level in self.levels]
        return dict(zip((model, *lower, *upper), values_NQ.T, strict=True))
