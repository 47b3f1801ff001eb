"""Scores: what the live record says of forecasts that were made before the session they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class LiveComparison:
    """A live record against one baseline, over the n forecasts (pooled: dates) that both have a score for.

    crps_skill: 1 - mean CRPS / the baseline's. dm_p, worse_p: one-sided Diebold-Mariano p-values, small where the model
    is better, or worse, beyond luck; both 1.0 where nothing can be said, as for a baseline that made the forecasts.
    """

    baseline: str
    n: int
    crps_skill: float
    dm_p: float
    worse_p: float


@dataclass(frozen=True)
class LiveScore:
    """The live record of one model of one ticker at one horizon, or of all of them together (ticker "all").

    n: settled forecasts, first .. last their target sessions. crps, interval_score_90: mean, log return, lower is
    better. log_score: mean, nats, higher is better; None where a distribution had no density. mae_ratio: mean absolute
    error of the median, in log return, over that of the last close. coverage_50, coverage_90: shares of returns within
    the intervals as shown; coverage_90_low .. coverage_90_high: 95 % range of the true share (Clopper and Pearson; with
    an effective number of forecasts where they overlap or are pooled). raw_: of the intervals before calibration.
    pit_p: Kolmogorov-Smirnov p-value of the distributions' probabilities, small where the distributions are wrong in
    shape or width. rival: the baseline that `sentence` is about; "the strongest baseline" of each where pooled; None
    without any. decayed, alarm: whether the newest forecasts are worse than they may be by luck, and in which way, or
    "".
    """

    ticker: str
    model: str
    horizon: int
    n: int
    first: date
    last: date
    crps: float
    log_score: float | None
    mae_ratio: float
    coverage_50: float
    coverage_90: float
    coverage_90_low: float
    coverage_90_high: float
    raw_coverage_90: float
    interval_score_90: float
    raw_interval_score_90: float
    pit_p: float
    comparisons: tuple[LiveComparison, ...]
    rival: str | None
    decayed: bool
    alarm: str
    sentence: str


@dataclass(frozen=True)
class ScoreResult:
    """What `score` found.

    scores: by ticker, model and horizon. pooled: one for each horizon with more than one of them. waiting: forecasts
    whose target session is over and that are not settled. void: forecasts that never will be. missed: sessions from
    which no live forecast was made, by ticker. sentence: the verdict of the whole record.
    """

    scores: tuple[LiveScore, ...]
    pooled: tuple[LiveScore, ...]
    waiting: int
    void: int
    missed: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    sentence: str = ""

    @property
    def decayed(self) -> bool:
        """Whether any part of the record has decayed."""
        return any(score.decayed for score in (*self.scores, *self.pooled))
