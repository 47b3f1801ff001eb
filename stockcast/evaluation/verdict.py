"""The verdict: what a backtest allows to be said about a model, in one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stockcast.evaluation.backtest import Comparison, Entry, ForecastRows, Score
from stockcast.evaluation.calibrationtests import Calibration
from stockcast.evaluation.economics import Economics
from stockcast.evaluation.recalibrated import CalibrationEffect
from stockcast.evaluation.significance import diebold_mariano, pesaran_timmermann

if TYPE_CHECKING:
    from stockcast.models.training import LossCurve

LEVEL = 0.05
"""Skill is claimed below this one-sided p-value, and not above."""

_DISPLAY = {
    "random-walk": "the random walk",
    "random-walk-gaussian": "the Gaussian random walk",
    "random-walk-t": "the Student-t random walk",
    "drift": "drift",
    "mean": "the historical mean",
    "ar1": "AR(1)",
    "ewma-gaussian": "EWMA-Gaussian",
    "ewma-t": "EWMA-t",
    "har-t": "HAR-t",
    "garch-t": "GARCH-t",
    "gjr-garch-t": "GJR-GARCH-t",
    "fhs-garch": "FHS-GARCH",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn": "RNN",
}


@dataclass(frozen=True)
class Verdict:
    """What the backtest allows to be said, in one sentence and in figures."""

    sentence: str
    strongest_baseline: str
    crps_skill: float
    dm_p: float
    garch_skill: float | None
    garch_p: float | None
    point_ratio: float
    point_p: float
    hit_rate: float
    always_up: float
    direction_p: float
    coverage_50: float
    coverage_90: float
    served_by: str


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


def display(name: str) -> str:
    """A competitor's name as a sentence writes it."""
    return _DISPLAY.get(name, name)


def verdict(
    network: Entry, baselines: Mapping[str, Entry], validation_crps: Mapping[str, float], serves: bool = True
) -> Verdict:
    """Judge the network on the test part, against the baseline that was strongest on the validation part.

    validation_crps: mean CRPS by competitor on the validation part. It alone names the strongest baseline and whether
    the network or that baseline is served; the test part only judges. serves: the sentence says who makes forecasts.
    """
    strongest = min(baselines, key=lambda name: validation_crps[name])
    served_by = network.model if validation_crps[network.model] < validation_crps[strongest] else strongest
    against = network.compare(baselines[strongest])
    garch = network.compare(baselines["garch-t"]) if "garch-t" in baselines else None
    o, score = network.outcomes, network.score()
    naive_error_N = abs(o.price_N - o.last_close_N)
    direction_p = pesaran_timmermann(o.y_N, network.up_N).p_value
    return Verdict(
        sentence=sentence_of(network.model, strongest, against, garch, direction_p, served_by, serves),
        strongest_baseline=strongest,
        crps_skill=against.crps_skill,
        dm_p=against.dm_p,
        garch_skill=garch.crps_skill if garch else None,
        garch_p=garch.dm_p if garch else None,
        point_ratio=score.mae_ratio,
        point_p=diebold_mariano(network.absolute_error_N, naive_error_N).p_value,
        hit_rate=score.hit_rate,
        always_up=score.always_up,
        direction_p=direction_p,
        coverage_50=score.coverage_50,
        coverage_90=score.coverage_90,
        served_by=served_by,
    )


def sentence_of(
    network: str, strongest: str, against: Comparison, garch: Comparison | None, direction_p: float, served_by: str,
    serves: bool,
) -> str:  # fmt: skip
    """The verdict in words. serves: say who makes the forecasts where that is not the network."""
    sentence = f"{_intervals(strongest, against, garch)} {_direction(direction_p)}"
    if served_by != network:
        sentence += f" The {display(network)} did not beat {display(strongest)} on the validation part"
        sentence += f", so {display(served_by)} makes the forecasts." if serves else "."
    return sentence


def _intervals(strongest: str, against: Comparison, garch: Comparison | None) -> str:
    claimed = against.dm_p < LEVEL
    if claimed:
        text = f"Intervals: better than the strongest baseline ({display(strongest)}) by {_figures(against)}"
    else:
        text = f"Intervals: no evidence of skill over the strongest baseline ({display(strongest)}; {_signed(against)})"
    if garch is None or strongest == "garch-t":
        return text + "."
    if garch.dm_p < LEVEL:
        return f"{text}{' and than' if claimed else ', though better than'} GARCH by {_figures(garch)}."
    return f"{text}{', but no evidence of skill' if claimed else ', nor'} over GARCH ({_signed(garch)})."


def _direction(p: float) -> str:
    if p < LEVEL:
        return f"Price direction: called better than by luck ({_p(p)}), before any trading cost."
    return f"Price direction: no evidence of skill ({_p(p)})."


def _figures(c: Comparison) -> str:
    return f"{100 * c.crps_skill:.1f} % ({_p(c.dm_p)})"


def _signed(c: Comparison) -> str:
    return f"{100 * c.crps_skill:+.1f} %, {_p(c.dm_p)}"


def _p(p: float) -> str:
    """A p-value with the digits that say something; never rounded across the level."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.01 or LEVEL - 0.005 <= p < LEVEL + 0.005 else f"p = {p:.2f}"
