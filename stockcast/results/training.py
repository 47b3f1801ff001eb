"""Trainings: parts, scores, verdict and what was saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast.results.forecasts import Forecast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class PartSummary:
    """First and last target session of a part of the split, and how many there are."""

    first: date
    last: date
    count: int


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
class LossCurve:
    """How one member of an ensemble learnt: losses at each check, of which the first is before the first step.

    training: mean since the check before, None before the first step; validation: None where there was no such part.
    Both are negative log likelihoods a session, in units of the base scale. chosen: the step whose weights were kept.
    """

    seed: int
    steps: tuple[int, ...]
    training: tuple[float | None, ...]
    validation: tuple[float | None, ...]
    chosen: int


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
class InitialResult:
    """What a training on one ticker began with, and whether it stayed.

    name: of the model; young_id, served_id: ids of the models that what is scored and what is served began with. kept:
    they were left as they are. crps, tuned_crps: mean over the validation part, before and after the tuning; p: one-
    sided Diebold-Mariano p-value of the tuned networks against the others.
    """

    name: str
    young_id: str
    served_id: str
    kept: bool
    crps: float
    tuned_crps: float
    p: float

    def sentence(self, ticker: str) -> str:
        """What became of the networks, in plain words."""
        change = 100.0 * (1.0 - self.tuned_crps / self.crps)
        model = f"the {self.name} model" if self.name == "general" else f"model {self.name}"
        if self.kept:
            return (
                f"network: {model} unchanged, since tuning it on {ticker} did not improve it beyond luck "
                f"({change:+.2f} % on the validation part, p = {self.p:.2f})"
            )
        return f"network: {model} tuned on {ticker}, {change:+.2f} % better on the validation part (p = {self.p:.3f})"


@dataclass(frozen=True)
class TrainResult:
    """What `train` did with one source.

    splits: parts by name (train, validation, test). validation_crps: by competitor, what the choice rested on.
    scored_steps, served_steps: gradient steps of each member. served_cutoff equals scored_cutoff without a final fit.
    forecasts: the next session's, or one for each step of the horizon. init: what it began with; None: from scratch.
    """

    ticker: str
    model: str
    model_id: str
    cell: str
    splits: dict[str, PartSummary]
    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...]
    validation_crps: dict[str, float]
    verdict: Verdict
    forecasts: tuple[Forecast, ...]
    scored_cutoff: date
    served_cutoff: date
    steps: tuple[int, ...]
    notes: tuple[str, ...]
    path: Path
    test_forecasts: tuple[ForecastRows, ...] = ()
    init: InitialResult | None = None
