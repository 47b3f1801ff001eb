"""Scores: forecasts of every competitor at every origin of a part or of all folds, scored and compared.

Shapes: N origins, Q quantiles or points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stockcast.config import CELLS
from stockcast.evaluation import metrics
from stockcast.evaluation.significance import diebold_mariano
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.prices.history import Floats
from stockcast.windows.features import Features
from stockcast.windows.splits import Part

PERCENTILES = np.arange(1, 100) / 100


@dataclass(frozen=True)
class Score:
    """One competitor over the test part; `kind` is network or baseline.

    crps, pinball, interval_score_90: log return, lower is better. log_score: nats, higher is better, None for
    quantile baselines. Coverages, hit_rate and always_up: shares. Ratios: to the random walk's last close. horizon:
    sessions from origin to target.
    """

    ticker: str
    model: str
    kind: str
    n: int
    crps: float
    log_score: float | None
    pinball: float
    interval_score_90: float
    coverage_50: float
    coverage_90: float
    mae_ratio: float
    rmse_ratio: float
    mape_ratio: float
    hit_rate: float
    always_up: float
    horizon: int = 1


@dataclass(frozen=True)
class Comparison:
    """The network against one baseline: crps_skill = 1 - crps / baseline's; one-sided Diebold-Mariano p-value."""

    ticker: str
    model: str
    baseline: str
    crps_skill: float
    dm_p: float
    horizon: int = 1


@dataclass(frozen=True)
class ForecastRows:
    """Every test forecast of one competitor, so that anyone can check the scores.

    Arrays [N]: origins, target_sessions, last_close (as traded), realised_return, crps, log_score (NaN where
    undefined), pit. quantiles_NQ: 99 quantiles of the log return, 0.01 .. 0.99, or the median alone.
    """

    ticker: str
    model: str
    horizon: int
    origins: NDArray[np.datetime64]
    target_sessions: NDArray[np.datetime64]
    last_close: NDArray[np.float64]
    realised_return: NDArray[np.float64]
    crps: NDArray[np.float64]
    log_score: NDArray[np.float64]
    pit: NDArray[np.float64]
    quantiles_NQ: NDArray[np.float64]

    @property
    def median_N(self) -> NDArray[np.float64]:
        """The median log returns."""
        median_N: NDArray[np.float64] = self.quantiles_NQ[:, self.quantiles_NQ.shape[1] // 2]
        return median_N


@dataclass(frozen=True)
class Outcomes:
    """What happened after each origin of a part.

    origins, target_sessions: dates [N]. last_close_N: as traded at the origin. y_N: log return to the target session,
    `horizon` sessions after the origin.
    """

    ticker: str
    origins: NDArray[np.datetime64]
    target_sessions: NDArray[np.datetime64]
    last_close_N: Floats
    y_N: Floats
    horizon: int = 1

    @classmethod
    def of(cls, ticker: str, f: Features, close_T: Floats, part: Part, horizon: int = 1) -> Outcomes:
        """The outcomes of a part.

        Args:
            ticker: Whose they are.
            f: Its features, a row for each session with a return.
            close_T: Closes as traded, one for each row of the features.
            part: The origins; those whose target session lies behind the last row are left out, at the end of the part.
            horizon: Sessions from origin to target.
        """
        m, stop = f.session_returns, min(part.stop, len(f) - horizon)
        origins, targets = slice(part.start, stop), slice(part.start + horizon, stop + horizon)
        y_N = m.r_T[part.start + 1 : stop + 1].copy()
        for step in range(2, horizon + 1):
            y_N += m.r_T[part.start + step : stop + step]
        return cls(ticker, m.dates[origins], m.dates[targets], close_T[origins], y_N, horizon)

    @property
    def price_N(self) -> Floats:
        """Close of the target session in shares of the origin: a split in between moves nothing."""
        return self.last_close_N * np.exp(self.y_N)


@dataclass(frozen=True)
class Entry:
    """One competitor's forecasts of the same outcomes, and their element-wise losses."""

    model: str
    dist: Distribution
    outcomes: Outcomes

    @property
    def kind(self) -> str:
        """network or baseline."""
        return "network" if self.model in CELLS else "baseline"

    @cached_property
    def crps_N(self) -> Floats:
        """Continuous ranked probability score of the log return."""
        return crps(self.dist, self.outcomes.y_N)

    @cached_property
    def quantiles_NQ(self) -> Floats:
        """The 99 percentiles of the log return."""
        return self.dist.quantile(PERCENTILES)

    @cached_property
    def log_score_N(self) -> Floats | None:
        """Log density of the outcome; None where the forecast has none."""
        return self.dist.log_density(self.outcomes.y_N)

    @cached_property
    def point_N(self) -> Floats:
        """The price of the median return."""
        return self.outcomes.last_close_N * np.exp(self.dist.quantile(np.array([0.5]))[:, 0])

    @property
    def up_N(self) -> NDArray[np.bool_]:
        """Whether a rise is the likelier outcome."""
        return self.p_up_N > 0.5

    @cached_property
    def p_up_N(self) -> Floats:
        """Probability of a positive return."""
        return 1.0 - self.dist.cdf(np.zeros(len(self.outcomes.y_N)))

    @cached_property
    def absolute_error_N(self) -> Floats:
        """Absolute error of the point forecast, in price."""
        return np.abs(self.outcomes.price_N - self.point_N)

    def score(self) -> Score:
        """The row of the table."""
        o, price_N = self.outcomes, self.outcomes.price_N
        bounds_NQ = self.dist.quantile(np.array([0.05, 0.25, 0.75, 0.95]))
        last_N = o.last_close_N
        return Score(
            ticker=o.ticker,
            model=self.model,
            kind=self.kind,
            n=len(o.y_N),
            crps=float(self.crps_N.mean()),
            log_score=None if self.log_score_N is None else float(self.log_score_N.mean()),
            pinball=float(metrics.pinball(o.y_N, self.quantiles_NQ, PERCENTILES).mean()),
            interval_score_90=float(metrics.interval_score(o.y_N, bounds_NQ[:, 0], bounds_NQ[:, 3], 0.1).mean()),
            coverage_50=metrics.coverage(o.y_N, bounds_NQ[:, 1], bounds_NQ[:, 2]),
            coverage_90=metrics.coverage(o.y_N, bounds_NQ[:, 0], bounds_NQ[:, 3]),
            mae_ratio=_ratio(metrics.mae(price_N, self.point_N), metrics.mae(price_N, last_N)),
            rmse_ratio=_ratio(metrics.rmse(price_N, self.point_N), metrics.rmse(price_N, last_N)),
            mape_ratio=_ratio(metrics.mape(price_N, self.point_N), metrics.mape(price_N, last_N)),
            hit_rate=metrics.hit_rate(o.y_N, self.p_up_N),
            always_up=metrics.always_up(o.y_N),
            horizon=o.horizon,
        )

    def compare(self, baseline: Entry) -> Comparison:
        """Skill in CRPS over a baseline, and the chance of seeing as much without any."""
        horizon = self.outcomes.horizon
        # Steps that neighbours share: see `diebold_mariano` for why twice as many.
        test = diebold_mariano(self.crps_N, baseline.crps_N, max(10, 2 * horizon), horizon)
        return Comparison(
            ticker=self.outcomes.ticker,
            model=self.model,
            baseline=baseline.model,
            crps_skill=1.0 - _ratio(float(self.crps_N.mean()), float(baseline.crps_N.mean())),
            dm_p=test.p_value,
            horizon=horizon,
        )

    def rows(self) -> ForecastRows:
        """Every forecast, for a file."""
        o = self.outcomes
        missing_N = np.full(len(o.y_N), np.nan)
        return ForecastRows(
            ticker=o.ticker,
            model=self.model,
            horizon=o.horizon,
            origins=o.origins,
            target_sessions=o.target_sessions,
            last_close=o.last_close_N,
            realised_return=o.y_N,
            crps=self.crps_N,
            log_score=missing_N if self.log_score_N is None else self.log_score_N,
            pit=self.dist.cdf(o.y_N),
            quantiles_NQ=self.quantiles_NQ,
        )


def crps(dist: Distribution, y_N: Floats) -> Floats:
    """Continuous ranked probability score of each row by the kind of its distribution, in log return.

    Args:
        dist: Student-t or empirical distributions of N rows.
        y_N: Outcomes, shape (N,).

    Raises:
        TypeError: There is no closed form for such distributions.
    """
    if isinstance(dist, StudentT):
        return metrics.crps_student_t(y_N, dist.loc, dist.scale, dist.nu)
    if isinstance(dist, Empirical):
        return metrics.crps_empirical(y_N, dist.values_NK)
    raise TypeError(f"no closed form for {type(dist).__name__}")


def mean_crps(dists: Mapping[str, Distribution], outcomes: Outcomes) -> dict[str, float]:
    """Mean CRPS by competitor: what the choice between them rests on."""
    return {name: float(crps(dist, outcomes.y_N).mean()) for name, dist in dists.items()}


def _ratio(value: float, reference: float) -> float:
    return value / reference if reference > 0 else float("nan")


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
