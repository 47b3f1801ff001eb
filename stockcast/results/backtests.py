"""Backtests: what a walk-forward found, for one ticker and for several together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from stockcast.results.training import Comparison, ForecastRows, Score, Verdict

if TYPE_CHECKING:
    from stockcast.results.calibration import Calibration, CalibrationEffect
    from stockcast.results.economics import Economics


@dataclass(frozen=True)
class FoldSummary:
    """One stage. train, validation, test: first and last target session and how many there are. steps: gradient steps
    of each member, by cell. resumed: its forecasts were there already.
    """

    number: int
    train: tuple[date, date, int]
    validation: tuple[date, date, int]
    test: tuple[date, date, int]
    steps: dict[str, tuple[int, ...]] = field(default_factory=dict)
    resumed: bool = False


@dataclass(frozen=True)
class BacktestResult:
    """The walk-forward of one ticker. network: the cell that the verdict is about, chosen on the first fold's
    validation part. comparisons: every network against every baseline. left_out: baselines that could not be fitted.
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


@dataclass(frozen=True)
class BacktestSummary:
    """All tickers together. confidence_set: competitors that cannot be told from the best one, with their p-values."""

    results: tuple[BacktestResult, ...]
    pooled: tuple[PooledComparison, ...]
    mean_crps: dict[str, float]
    confidence_set: dict[str, float]
