"""Backtests: what a walk-forward found, for one ticker and for several together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from stockcast.results.training import Comparison, ForecastRows, LossCurve, Score, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stockcast.results.calibration import Calibration, CalibrationEffect
    from stockcast.results.economics import Economics


@dataclass(frozen=True)
class FoldSummary:
    """One stage. train, validation, test: first and last target session and how many there are. steps: gradient steps
    of each member, by cell; curves: how each learnt. resumed: its forecasts were there already.
    """

    number: int
    train: tuple[date, date, int]
    validation: tuple[date, date, int]
    test: tuple[date, date, int]
    steps: dict[str, tuple[int, ...]] = field(default_factory=dict)
    curves: dict[str, tuple[LossCurve, ...]] = field(default_factory=dict)
    resumed: bool = False


@dataclass(frozen=True, eq=False)
class NetworkDistributions:
    """A network's distributions of the next log return as numbers, Student-t, oldest first; every array has shape (N,).

    early: how many rows at the beginning are of the first fold's validation part, from before it was learnt from; the
    others are the scored ones.
    """

    early: int
    loc: NDArray[np.float64]
    scale: NDArray[np.float64]
    nu: NDArray[np.float64]
    origins: NDArray[np.datetime64]
    target_sessions: NDArray[np.datetime64]
    last_close: NDArray[np.float64]
    realised_return: NDArray[np.float64]


@dataclass(frozen=True)
class BacktestResult:
    """The walk-forward of one ticker. network: the cell that the verdict is about, chosen on the first fold's
    validation part. scores, comparisons: of every step ahead; every network against every baseline. left_out:
    baselines that could not be fitted. dists: of the network, where rows are kept.
    """

    ticker: str
    network: str
    data_sha256: str
    folds: tuple[FoldSummary, ...]
    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...]
    validation_crps: dict[str, float]
    verdict: Verdict
    calibration: Calibration | None
    economics: tuple[Economics, ...]
    calibrated: tuple[CalibrationEffect, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rows: tuple[ForecastRows, ...] = ()
    dists: NetworkDistributions | None = None

    @property
    def horizon(self) -> int:
        """Sessions ahead that were scored."""
        return max(score.horizon for score in self.scores)

    def scores_at(self, horizon: int) -> tuple[Score, ...]:
        """The scores of one step."""
        return tuple(score for score in self.scores if score.horizon == horizon)

    def comparisons_at(self, horizon: int) -> tuple[Comparison, ...]:
        """The comparisons of one step."""
        return tuple(found for found in self.comparisons if found.horizon == horizon)


@dataclass(frozen=True)
class PooledComparison:
    """A network against a baseline over all tickers: mean over tickers by date, one-sided Diebold-Mariano.

    tickers: how many, better: on how many of them it was better; found: with a false discovery rate of 10 %
    (Benjamini and Hochberg).
    """

    model: str
    baseline: str
    crps_skill: float
    dm_p: float
    dates: int
    tickers: int
    better: int
    found: int
    horizon: int = 1


@dataclass(frozen=True)
class BacktestSummary:
    """All tickers together. pooled: of every step. mean_crps, confidence_set: of the next session; the latter holds the
    competitors that cannot be told from the best one, with their p-values. calibrated: the networks' intervals before
    and after a calibration that learns from all tickers; empty for a single one.
    """

    results: tuple[BacktestResult, ...]
    pooled: tuple[PooledComparison, ...]
    mean_crps: dict[str, float]
    confidence_set: dict[str, float]
    calibrated: tuple[CalibrationEffect, ...] = ()
