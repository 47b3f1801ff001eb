"""Settling: recorded forecasts meet what happened, in log return, so that splits and dividends move nothing.

The distributions of one family are scored together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from stockcast.evaluation.backtest import crps
from stockcast.evaluation.metrics import interval_score
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.prices.history import Dates, Floats
from stockcast.storage.database import Database
from stockcast.storage.ledger.recording import SERVED, from_bytes, stamp

_DUE = """
    SELECT id, model, kind, origin, target_session, horizon, low_50, high_50, low_90, high_90,
           raw_low_50, raw_high_50, raw_low_90, raw_high_90
    FROM forecasts LEFT JOIN outcomes ON forecast_id = id
    WHERE ticker = ? AND target_session <= ? AND forecast_id IS NULL
    ORDER BY id
"""
_DISTS = """
    SELECT laws.forecast_id, competitor, family, parameters
    FROM forecasts JOIN laws ON laws.forecast_id = id LEFT JOIN outcomes ON outcomes.forecast_id = id
    WHERE ticker = ? AND target_session <= ? AND outcomes.forecast_id IS NULL
"""
_INSERT_OUTCOME = """
    INSERT INTO outcomes (
        forecast_id, settled_at, realised_return, crps, log_score, pit, error,
        hit_50, hit_90, interval_score_90, raw_hit_50, raw_hit_90, raw_interval_score_90
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_VOID = "INSERT INTO outcomes (forecast_id, settled_at, void) VALUES (?, ?, ?)"
_INSERT_SCORE = "INSERT INTO baseline_scores (forecast_id, baseline, crps, log_score, pit) VALUES (?, ?, ?, ?, ?)"


VOID_AFTER = 5
"""Later bars after which a bar that is missing will not come any more: providers fill in some a day or two late."""


@dataclass(frozen=True)
class Due:
    """A forecast whose target session has come and that is not settled. Bounds in log return: low, high."""

    id: int
    model: str
    kind: str
    origin: date
    target_session: date
    horizon: int
    interval_50: tuple[float, float]
    interval_90: tuple[float, float]
    raw_interval_50: tuple[float, float]
    raw_interval_90: tuple[float, float]


@dataclass(frozen=True)
class Settled:
    """How many forecasts were scored, and how many can never be."""

    count: int
    void: int


@dataclass(frozen=True)
class DistributionScore:
    """One distribution at its outcome, in log return; log_score is None where the distribution has no density."""

    crps: float
    log_score: float | None
    pit: float
    median: float


def due(db: Database, ticker: str, through: date) -> list[Due]:
    """Forecasts of a ticker, live and replayed, with a target session up to `through` that are not settled or void."""
    return [
        Due(key, model, kind, date.fromisoformat(origin), date.fromisoformat(target), horizon,
            *zip(bounds[::2], bounds[1::2], strict=True))
        for key, model, kind, origin, target, horizon, *bounds in db.rows(_DUE, (ticker, through.isoformat()))
    ]  # fmt: skip


def settle(db: Database, ticker: str, dates: Dates, adjusted_close: Floats, now: datetime, through: date) -> Settled:
    """Score every due forecast of a ticker, and the baselines beside it, at the return that came; all or none.

    dates, adjusted_close: the ticker's bars as known now, oldest first, shape (N,). A forecast whose target session has
    no bar though `VOID_AFTER` later ones are there, or whose origin's bar is gone, is void, for good and with the
    reason; until then it stays due. Doing it twice changes nothing.
    """
    if not due(db, ticker, through):
        return Settled(0, 0)
    returns = _Returns.of(dates, adjusted_close)
    with db.transaction():
        realised: list[tuple[Due, float]] = []
        void: list[tuple[int, str, str]] = []
        for forecast in due(db, ticker, through):
            found = returns.between(forecast.origin, forecast.target_session)
            if isinstance(found, float):
                realised.append((forecast, found))
            elif found is not None:
                void.append((forecast.id, stamp(now), found))
        _score(db, realised, _dists(db, ticker, through), stamp(now))
        db.execute_many(_INSERT_VOID, void)
    return Settled(len(realised), len(void))


def scored(dists: Sequence[Distribution], returns: Sequence[float]) -> list[DistributionScore]:
    """Scores of single rows at one return each, in the same order. Raises TypeError for an unknown family."""
    groups: defaultdict[tuple[type, int], list[int]] = defaultdict(list)
    for i, dist in enumerate(dists):
        groups[type(dist), dist.values_NK.shape[1] if isinstance(dist, Empirical) else 0].append(i)
    found: dict[int, DistributionScore] = {}
    for members in groups.values():
        y_N = np.array([returns[i] for i in members])
        found.update(zip(members, _scores(_stacked([dists[i] for i in members]), y_N), strict=True))
    return [found[i] for i in range(len(dists))]


@dataclass(frozen=True)
class _Returns:
    """Log returns between any two sessions, by the arithmetic of the backtest: a difference of logarithms."""

    dates: Dates
    ln_adjusted: Floats

    @classmethod
    def of(cls, dates: Dates, adjusted_close: Floats) -> _Returns:
        adjusted = np.asarray(adjusted_close, dtype=np.float64)
        usable = np.isfinite(adjusted) & (adjusted > 0)
        return cls(np.asarray(dates, dtype="datetime64[D]")[usable], np.log(adjusted[usable]))

    def between(self, origin: date, target: date) -> float | str | None:
        """The return; the reason why there is none; or None where it may yet come."""
        end = self._position(target)
        if end is None:
            if int(np.count_nonzero(self.dates > np.datetime64(target))) < VOID_AFTER:
                return None
            return f"no bar on the target session {target}: the exchange did not trade, or the provider lost it"
        start = self._position(origin)
        if start is None:
            return f"the bar of the origin {origin} is gone from the prices"
        return float(self.ln_adjusted[end] - self.ln_adjusted[start])

    def _position(self, day: date) -> int | None:
        wanted = np.datetime64(day, "D")
        at = int(np.searchsorted(self.dates, wanted))
        return at if at < len(self.dates) and self.dates[at] == wanted else None


def _dists(db: Database, ticker: str, through: date) -> dict[int, dict[str, Distribution]]:
    """Distributions of all due forecasts by id and competitor."""
    found: defaultdict[int, dict[str, Distribution]] = defaultdict(dict)
    for key, competitor, family, parameters in db.rows(_DISTS, (ticker, through.isoformat())):
        found[key][competitor] = from_bytes(family, parameters)
    return found


def _score(
    db: Database, realised: Sequence[tuple[Due, float]], dists: dict[int, dict[str, Distribution]], settled_at: str
) -> None:
    if not realised:
        return
    rows = [(forecast.id, name, dist, y) for forecast, y in realised for name, dist in dists[forecast.id].items()]
    scores = scored([dist for _, _, dist, _ in rows], [y for *_, y in rows])
    by_key = {(key, name): score for (key, name, _, _), score in zip(rows, scores, strict=True)}
    db.execute_many(_INSERT_OUTCOME, [
        (forecast.id, settled_at, *_outcome(forecast, y, by_key[forecast.id, SERVED])) for forecast, y in realised
    ])  # fmt: skip
    db.execute_many(_INSERT_SCORE, [
        (key, name, score.crps, score.log_score, score.pit) for (key, name), score in by_key.items() if name != SERVED
    ])  # fmt: skip


def _outcome(forecast: Due, y: float, score: DistributionScore) -> tuple[float | None, ...]:
    """Columns of one outcome, in the order of the statement."""
    return (
        y, score.crps, score.log_score, score.pit, y - score.median,
        _holds(forecast.interval_50, y), _holds(forecast.interval_90, y), _winkler_90(forecast.interval_90, y),
        _holds(forecast.raw_interval_50, y), _holds(forecast.raw_interval_90, y),
        _winkler_90(forecast.raw_interval_90, y),
    )  # fmt: skip


def _holds(interval: tuple[float, float], y: float) -> int:
    return int(interval[0] <= y <= interval[1])


def _winkler_90(interval: tuple[float, float], y: float) -> float:
    return float(interval_score([y], [interval[0]], [interval[1]], 0.1)[0])


def _scores(dist: Distribution, y_N: Floats) -> list[DistributionScore]:
    density_N = dist.log_density(y_N)
    log_scores: list[float] | list[None] = [None] * len(y_N) if density_N is None else density_N.tolist()
    columns = (crps(dist, y_N).tolist(), log_scores, dist.cdf(y_N).tolist(), dist.quantile([0.5])[:, 0].tolist())
    return [DistributionScore(*row) for row in zip(*columns, strict=True)]


def _stacked(dists: Sequence[Distribution]) -> Distribution:
    """Distributions of one family and size as one distribution of many rows."""
    students = [dist for dist in dists if isinstance(dist, StudentT)]
    if students:
        parts = ([dist.loc for dist in students], [dist.scale for dist in students], [dist.nu for dist in students])
        return StudentT(*(np.concatenate(part) for part in parts))
    samples = [dist.values_NK for dist in dists if isinstance(dist, Empirical)]
    if samples:
        return Empirical(np.concatenate(samples))
    raise TypeError(f"no scores for {type(dists[0]).__name__}")
