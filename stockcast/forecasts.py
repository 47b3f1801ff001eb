"""Forecasts: what is forecast, as it is recorded, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from datetime import date
from pathlib import PurePath

Interval = tuple[float, float]

OPTIONAL = {"optional": True}
"""Metadata of a field that JSON leaves out where it holds nothing, as documents had none of it before."""


EARNINGS = "earnings"
"""The kind of event that there is: a company reports."""


def told_by(source: str, as_of: date | None) -> str:
    """Who told the date of an event, and when, in words."""
    who = "Yahoo" if source == "yahoo" else PurePath(source).name
    return who if as_of is None else f"{who}, as of {as_of}"


@dataclass(frozen=True)
class ForecastEvent:
    """A report that the target session reacts to, or may, as its date was known when the forecast was made.

    Attributes:
        kind: EARNINGS.
        day: The day of the report, in the exchange's own time zone.
        when: bmo (before the session opens), amc (after it closes), or unknown.
        sessions: Those that may carry the reaction, the likelier first; one where the hour is known.
        probability: That the target session carries it.
        source: Who told the date: the provider's name, or the path of a file.
        as_of: The day on which it was told; None where nobody knows.
        width_factor: Width of the interval over what it would be if its forecaster had no dates: of the next session
            the ratio of scales, of a later one that of the central 90 % of the simulated paths up to it. Exactly 1
            where the forecaster looks at no dates.
    """

    kind: str
    day: date
    when: str
    sessions: tuple[date, ...]
    probability: float
    source: str
    as_of: date | None
    width_factor: float = 1.0


@dataclass(frozen=True)
class PolicyPosition:
    """What a policy would hold until the next close, never without what its past allows to be said.

    Attributes:
        position: A share of the capital; below 0 sold short.
        sentence: What its test part says of it beside holding.
    """

    position: float
    sentence: str


class _Surroundings:
    """What travels with a forecast for the reader's eye, and is no part of it.

    Declared apart from `Forecast`: there it is an argument and no field, and a type checker must know it all the same.
    """

    recent_closes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Forecast(_Surroundings):
    """The distribution of one future close, in price.

    Attributes:
        calibration: How the quantiles were moved by the live record (method, alpha, factor, settled); None: they
            are the model's own. scale and p_up always are.
        event: The report that the target session reacts to, or may; None where none is known.
        policy: What a policy that was learnt beside the forecasts would hold, until the next close; None without one.
        recent_closes: The newest closes up to the origin's, oldest first, in shares of the origin; empty where they
            are not known, as in a forecast read from the ledger.
    """

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
    calibration: dict[str, float | int | str] | None = None
    event: ForecastEvent | None = None
    policy: PolicyPosition | None = field(default=None, metadata=OPTIONAL)
    # No field: JSON, CSV and the ledger write the fields, whose names are promised, and no prices besides.
    recent_closes: InitVar[tuple[float, ...]] = ()

    def __post_init__(self, recent_closes: tuple[float, ...]) -> None:
        object.__setattr__(self, "recent_closes", recent_closes)


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
