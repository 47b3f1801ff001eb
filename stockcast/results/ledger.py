"""Ledger: what was forecast, what happened, and what became of the models meanwhile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from stockcast.results.forecasts import Forecast

Interval = tuple[float, float]


@dataclass(frozen=True)
class BaselineScore:
    """What a baseline's distribution, fixed at the origin, scored: as in `Outcome`."""

    crps: float
    log_score: float | None
    pit: float


@dataclass(frozen=True)
class Outcome:
    """A settled forecast, in log return.

    realised_return: log ratio of the adjusted closes of target session and origin. crps: lower is better. log_score:
    nats, higher is better, None where the distribution has no density. pit: the distribution's probability of at most
    that return. error: realised return less the distribution's median. hit_50, hit_90: the interval as shown held the
    return, bounds included; interval_score_90: Winkler's score of it, lower is better; raw_...: of the interval before
    calibration. baselines: scores by baseline.
    """

    settled_at: str
    realised_return: float
    crps: float
    log_score: float | None
    pit: float
    error: float
    hit_50: bool
    hit_90: bool
    interval_score_90: float
    raw_hit_50: bool
    raw_hit_90: bool
    raw_interval_score_90: float
    baselines: Mapping[str, BaselineScore] = field(default_factory=dict)


@dataclass(frozen=True)
class LedgerRow:
    """A recorded forecast. outcome: None until it is settled; void: why it never will be, None otherwise.

    kind: live (made before the target session's close) or replay. Intervals in log return, as shown and before
    calibration. recorded_at: ISO time.
    """

    id: int
    kind: str
    recorded_at: str
    forecast: Forecast
    interval_50: Interval
    interval_90: Interval
    raw_interval_50: Interval
    raw_interval_90: Interval
    outcome: Outcome | None = None
    void: str | None = None

    @property
    def status(self) -> str:
        """settled, void or open."""
        if self.outcome is not None:
            return "settled"
        return "open" if self.void is None else "void"

    @property
    def realised_close(self) -> float | None:
        """Close of the target session in shares of the origin, dividends added; None where it is not settled."""
        return None if self.outcome is None else self.forecast.last_close * math.exp(self.outcome.realised_return)


@dataclass(frozen=True)
class Miss:
    """Whether a live forecast's 90 % interval, as shown, missed the return of `target_session`.

    alpha: the level that the calibration had reached for it; None where it was not calibrated.
    """

    target_session: date
    missed: bool
    alpha: float | None


@dataclass(frozen=True)
class Training:
    """A training of an unattended run. session: newest bar it could see. finished_at: ISO time.

    outcome: first, replaced or kept (the old model stayed). old_crps, new_crps: of both models over the same
    `sessions` sessions; None where there was nothing to compare. model_id: of the model that serves since.
    """

    ticker: str
    model: str
    session: date
    finished_at: str
    outcome: str
    reason: str
    old_crps: float | None
    new_crps: float | None
    sessions: int
    model_id: str


@dataclass(frozen=True)
class RunRecord:
    """An unattended run; finished_at and summary are None where it runs still, or ended without a word."""

    id: int
    started_at: str
    finished_at: str | None
    summary: Mapping[str, Any] | None
