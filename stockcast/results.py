"""Frozen results that travel up the street: what `pipeline` returns and `report` renders."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stockcast.errors import StockcastError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Progress(Protocol):
    """Whoever watches long work: the command line draws a bar, a script may ignore it."""

    def stage(self, name: str, total: int) -> None:
        """A piece of work of `total` units begins."""
        ...

    def advance(self, units: int, loss: float | None = None) -> None:
        """`units` more are done; `loss` is the newest training loss where there is one."""
        ...

    def note(self, message: str, detail: bool = False) -> None:
        """A line of the story; `detail` for the curious only."""
        ...


class Silent:
    """Progress that nobody watches."""

    def stage(self, name: str, total: int) -> None:
        """Ignore."""

    def advance(self, units: int, loss: float | None = None) -> None:
        """Ignore."""

    def note(self, message: str, detail: bool = False) -> None:
        """Ignore."""


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
    quantile baselines. Coverages, hit_rate and always_up: shares. Ratios: to the random walk's last close.
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


@dataclass(frozen=True)
class Comparison:
    """The network against one baseline: crps_skill = 1 - crps / baseline's; one-sided Diebold-Mariano p-value."""

    ticker: str
    model: str
    baseline: str
    crps_skill: float
    dm_p: float


@dataclass(frozen=True)
class ForecastRows:
    """Every test forecast of one competitor, so that anyone can check the scores.

    Arrays [N]: origins, target_sessions, last_close (as traded), realised_return, crps, log_score (NaN where
    undefined), pit. quantiles_NQ: 99 quantiles of the log return, 0.01 .. 0.99.
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
class Forecast:
    """The distribution of one future close, in price."""

    ticker: str
    model: str
    model_id: str
    served_by: str
    cell: str
    origin: date
    target_session: date
    horizon: int
    last_close: float
    median: float
    mean: float
    quantiles: dict[str, float]
    p_up: float
    scale: float
    currency: str | None
    data_sha256: str
    data_source: str
    data_age_sessions: int
    created_at: str
    verdict: str


@dataclass(frozen=True)
class TrainResult:
    """What `train` did with one source.

    splits: parts by name (train, validation, test). validation_crps: by competitor, what the choice rested on.
    scored_steps, served_steps: gradient steps of each member. served_cutoff equals scored_cutoff without a final fit.
    forecasts: the next session's, or one for each step of the horizon.
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


@dataclass(frozen=True)
class ModelSummary:
    """A saved model, as `models list` and `models show` know it; `damage` says why it cannot be used."""

    name: str
    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)
    damage: str | None = None


@dataclass(frozen=True)
class Failure:
    """A source that could not be served, while others may have been."""

    source: str
    error: StockcastError
