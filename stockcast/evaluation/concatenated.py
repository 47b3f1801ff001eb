"""Joined: one competitor's forecasts of consecutive folds, every row with the distribution that its own fold gave it.

Legend: N rows over all folds, Q levels or points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockcast.evaluation.backtest import Entry, crps
from stockcast.models.distribution import Distribution
from stockcast.prices.history import Floats


@dataclass(frozen=True, eq=False)
class ConcatenatedDistribution:
    """Distributions of consecutive stretches of rows as one `Distribution`, of several kinds and sample sizes perhaps.

    Nothing is converted: a row has the bytes that it has alone, whatever folds come after.
    """

    stretches: tuple[Distribution, ...]

    def __len__(self) -> int:
        return sum(len(dist) for dist in self.stretches)

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.intp]) -> ConcatenatedDistribution:
        begins = np.cumsum([0, *(len(dist) for dist in self.stretches)])
        chosen = []
        for row in np.arange(len(self))[index]:
            place = int(np.searchsorted(begins, row, "right")) - 1
            first = int(row - begins[place])
            chosen.append(self.stretches[place].rows(first, first + 1))
        return ConcatenatedDistribution(tuple(chosen))

    def rows(self, start: int, stop: int) -> ConcatenatedDistribution:
        """The rows start .. stop - 1."""
        return self[start:stop]

    @property
    def mean(self) -> Floats:
        """Expectation, shape (N,)."""
        return self._by_stretch(lambda dist, _: dist.mean)

    @property
    def std(self) -> Floats:
        """Standard deviation, shape (N,)."""
        return self._by_stretch(lambda dist, _: dist.std)

    def cdf(self, x: ArrayLike) -> Floats:
        """Probability of a return of at most x, of shape (N,) or (N, Q); same shape."""
        points = np.asarray(x, dtype=np.float64)
        return self._by_stretch(lambda dist, rows: dist.cdf(points[rows]))

    def quantile(self, levels_Q: ArrayLike) -> Floats:
        """Quantiles of shape (N, Q). Raises ConfigError on a level outside 0 .. 1."""
        return self._by_stretch(lambda dist, _: dist.quantile(levels_Q))

    def log_density(self, x: ArrayLike) -> Floats | None:
        """Log density at x, of shape (N,) or (N, Q), in nats; None where a stretch has none."""
        points = np.asarray(x, dtype=np.float64)
        found = [dist.log_density(points[rows]) for dist, rows in self.placed()]
        known = [density for density in found if density is not None]
        return np.concatenate(known) if len(known) == len(found) else None

    def placed(self) -> Iterator[tuple[Distribution, slice]]:
        """Each stretch with its rows."""
        begin = 0
        for dist in self.stretches:
            yield dist, slice(begin, begin + len(dist))
            begin += len(dist)

    def _by_stretch(self, figure: Callable[[Distribution, slice], Floats]) -> Floats:
        return np.concatenate([figure(dist, rows) for dist, rows in self.placed()])


@dataclass(frozen=True)
class ConcatenatedEntry(Entry):
    """A competitor over all folds."""

    dist: ConcatenatedDistribution

    @cached_property
    def crps_N(self) -> Floats:
        """Continuous ranked probability score of the log return."""
        y_N = self.outcomes.y_N
        return np.concatenate([crps(dist, y_N[rows]) for dist, rows in self.dist.placed()])
