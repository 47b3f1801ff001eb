"""Calibration: the 90 % interval learns from the misses of the live record, by adaptive conformal inference.

Quantiles are moved round their median in log return, all by one factor: their order is kept, and so is the median.

Shapes: N rows, Q levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import ArrayLike

from stockcast.errors import ConfigError
from stockcast.models.distribution import Distribution
from stockcast.prices.history import Floats

METHOD = "adaptive-conformal"

ALPHA_RANGE = (0.02, 0.3)
"""How far alpha may go: an interval of 98 % to 70 %. What needs more is wrong, not uncalibrated, and beyond
98 % the quantiles of a sample of 60 are its extremes."""

FACTOR_RANGE = (0.5, 2.0)
"""How much narrower or wider an interval may get: what heavy tails would do to it beyond that is no calibration."""


@dataclass(frozen=True)
class Miss:
    """Whether a live forecast's 90 % interval, as shown, missed the return of `target_session`.

    alpha: the level that the calibration had reached for it; None where it was not calibrated.
    """

    target_session: date
    missed: bool
    alpha: float | None


@dataclass(frozen=True)
class Calibration:
    """How the quantiles of one forecast are moved: to `factor` times their distance from the median, in log return.

    alpha: the level that misses have led to: the distribution's own 1 - alpha interval is as wide as the 90 % interval
    shown. settled: how many settled forecasts it has learnt from. Without one, factor is 1.
    """

    method: str
    alpha: float
    factor: float
    settled: int

    def quantiles(self, dist: Distribution, levels_Q: ArrayLike) -> Floats:
        """The moved quantiles of a single row, in log return: m + factor * (q - m), m the median.

        Args:
            dist: A distribution of one row.
            levels_Q: Levels within 0 .. 1.

        Returns:
            Quantiles of shape (Q,); with factor 1 the distribution's own to the last bit.

        Raises:
            ConfigError: A level lies outside 0 .. 1.
            ValueError: The distribution has more rows than one.
        """
        if len(dist) != 1:
            raise ValueError(f"a distribution of {len(dist)} rows, not one")
        own_Q: Floats = dist.quantile(levels_Q)[0]
        if self.factor == 1.0:
            return own_Q
        median = dist.quantile([0.5])[0, 0]
        moved_Q: Floats = median + self.factor * (own_Q - median)
        return moved_Q


@dataclass(frozen=True)
class AdaptiveConformal:
    """Adaptive conformal inference for the central 1 - target interval.

    alpha starts at `target`; a settled forecast adds gamma * (target - miss), miss being 1 where the interval as shown
    did not hold the return and 0 where it did, and alpha is kept within `ALPHA_RANGE`. gamma: how fast it learns, 0 for
    not at all; target: the share of misses wanted. Raises ConfigError on a gamma or target out of range.
    Reference: Gibbs and Candes 2021, Adaptive conformal inference under distribution shift, arXiv 2106.00170.
    """

    gamma: float = 0.005
    target: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.gamma <= 1.0:
            raise ConfigError(f"gamma {self.gamma} is not within 0 .. 1")
        if not ALPHA_RANGE[0] <= self.target <= ALPHA_RANGE[1]:
            raise ConfigError(f"a share of misses of {self.target} is not within {ALPHA_RANGE[0]} .. {ALPHA_RANGE[1]}")

    def alpha_after(self, misses: Sequence[bool]) -> float:
        """alpha after these settled forecasts, oldest first; `target` without any."""
        low, high = ALPHA_RANGE
        alpha = self.target
        for miss in misses:
            alpha = min(max(alpha + self.gamma * (self.target - miss), low), high)
        return alpha

    def factor(self, dist: Distribution, alpha: float) -> float:
        """Width of the 1 - alpha interval of a distribution of one row over that of its 1 - target interval.

        Within `FACTOR_RANGE`. 1 exactly for alpha = target, and for a distribution too narrow for its intervals to have
        a width.
        """
        if alpha == self.target:
            return 1.0
        levels = [self.target / 2, 1 - self.target / 2, alpha / 2, 1 - alpha / 2]
        low, high, wanted_low, wanted_high = dist.quantile(levels)[0].tolist()
        width = high - low
        return float(np.clip((wanted_high - wanted_low) / width, *FACTOR_RANGE)) if width > 0 else 1.0

    def calibration(self, dist: Distribution, misses: Sequence[Miss]) -> Calibration:
        """The calibration of the next forecast, whose distribution has one row, from the settled ones, oldest first.

        Forecasts that were shown uncalibrated are left out: what their intervals missed says nothing of alpha, and
        would move it on and on.
        """
        felt = [miss.missed for miss in misses if miss.alpha is not None]
        alpha = self.alpha_after(felt)
        return Calibration(METHOD, alpha, self.factor(dist, alpha), len(felt))
