"""Settling: recorded forecasts meet what happened, in log return, so that splits and dividends move nothing.

The distributions of one family are scored together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from stockcast.errors import StorageError
from stockcast.evaluation.metrics import interval_score
from stockcast.evaluation.scores import crps
from stockcast.forecasts import Interval, Outcome
from stockcast.models.distribution import STUDENT_T, Distribution, dist_array, dist_of
from stockcast.prices.history import Dates, Floats
from stockcast.storage.database import Database
from stockcast.storage.ledger.reading import OUTCOME, SCORE
from stockcast.storage.ledger.recording import BOUNDS, SERVED, from_bytes, stamp

_DUE = f"""
    SELECT id, model, kind, origin, target_session, horizon, {", ".join(BOUNDS)}
    FROM forecasts LEFT JOIN outcomes ON forecast_id = id
    WHERE ticker = ? AND target_session <= ? AND forecast_id IS NULL
    ORDER BY id
"""
_DISTS = """
    SELECT laws.forecast_id, competitor, family, parameters
    FROM forecasts JOIN laws ON laws.forecast_id = id LEFT JOIN outcomes ON outcomes.forecast_id = id
    WHERE ticker = ? AND target_session <= ? AND outcomes.forecast_id IS NULL
"""
_INSERT_OUTCOME = f"INSERT INTO outcomes (forecast_id, {', '.join(OUTCOME)}) VALUES (?{', ?' * len(OUTCOME)})"
_INSERT_VOID = "INSERT INTO outcomes (forecast_id, settled_at, void) VALUES (?, ?, ?)"
_INSERT_SCORE = (
    # Scores of a forecast that is not settled can only be of a store that somebody changed.
    f"INSERT OR REPLACE INTO baseline_scores (forecast_id, baseline, {', '.join(SCORE)}) "
    f"VALUES (?, ?{', ?' * len(SCORE)})"
)


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
    interval_50: Interval
    interval_90: Interval
    raw_interval_50: Interval
    raw_interval_90: Interval


@dataclass(frozen=True)
class Settlement:
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


def due_forecasts(db: Database, ticker: str, through: date) -> list[Due]:
    """Forecasts of a ticker, live and replayed, with a target session up to `through` that are not settled or void."""
    return [
        Due(key, model, kind, date.fromisoformat(origin), date.fromisoformat(target), horizon,
            *zip(bounds[::2], bounds[1::2], strict=True))
        for key, model, kind, origin, target, horizon, *bounds in db.rows(_DUE, (ticker, through.isoformat()))
    ]  # fmt: skip


def settle(db: Database, ticker: str, dates: Dates, adjusted_close: Floats, now: datetime, through: date) -> Settlement:
    """Score every due forecast of a ticker, and its baselines, at the return that came; all or none.

    A forecast whose target session has no bar though `VOID_AFTER` later ones are there, or whose origin's bar is gone,
    is void, for good and with the reason; until then it stays due. Doing it twice changes nothing.

    Args:
        db: The store.
        ticker: The ticker.
        dates: Sessions of its bars as known now, oldest first, shape (N,).
        adjusted_close: Their adjusted closes, shape (N,).
        now: When they are settled.
        through: The last target session that is settled.
    """
    if not due_forecasts(db, ticker, through):
        return Settlement(0, 0)
    ln_adjusted = _ln_adjusted(dates, adjusted_close)
    with db.transaction():
        realised: list[tuple[Due, float]] = []
        void: list[tuple[int, str, str]] = []
        for forecast in due_forecasts(db, ticker, through):
            found = _realised(ln_adjusted, forecast.origin, forecast.target_session)
            if isinstance(found, float):
                realised.append((forecast, found))
            elif found is not None:
                void.append((forecast.id, stamp(now), found))
        _score(db, realised, _dists(db, ticker, through), stamp(now))
        db.execute_many(_INSERT_VOID, void)
    return Settlement(len(realised), len(void))


def scored(dists: Sequence[Distribution], returns: Sequence[float]) -> list[DistributionScore]:
    """Scores of single rows at one return each, in the same order. Raises TypeError for an unknown family."""
    groups: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    arrays = [dist_array(dist) for dist in dists]
    for i, (family, values) in enumerate(arrays):
        groups[family, values.size].append(i)
    found: dict[int, DistributionScore] = {}
    for (family, _), members in groups.items():
        axis = 1 if family == STUDENT_T else 0
        together = dist_of(family, np.concatenate([arrays[i][1] for i in members], axis))
        found.update(zip(members, _scores(together, np.array([returns[i] for i in members])), strict=True))
    return [found[i] for i in range(len(dists))]


def _ln_adjusted(dates: Dates, adjusted_close: Floats) -> dict[date, float]:
    """Logarithms by session, of which returns are differences, as those of a backtest are."""
    adjusted = np.asarray(adjusted_close, dtype=np.float64)
    usable = np.isfinite(adjusted) & (adjusted > 0)
    days = np.asarray(dates, dtype="datetime64[D]")[usable].tolist()
    return dict(zip(days, np.log(adjusted[usable]).tolist(), strict=True))


def _realised(ln_adjusted: Mapping[date, float], origin: date, target: date) -> float | str | None:
    """The return from a session to another; the reason why there is none; or None where it may yet come."""
    if target not in ln_adjusted:
        if sum(day > target for day in ln_adjusted) < VOID_AFTER:
            return None
        return f"no bar on the target session {target}: the exchange did not trade, or the provider lost it"
    if origin not in ln_adjusted:
        return f"the bar of the origin {origin} is gone from the prices"
    return ln_adjusted[target] - ln_adjusted[origin]


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
    lost = next((forecast.id for forecast, _ in realised if SERVED not in dists[forecast.id]), None)
    if lost is not None:
        raise StorageError(f"the distribution of forecast {lost} in {db.path} is gone", "`stockcast doctor` says more")
    scores = scored([dist for _, _, dist, _ in rows], [y for *_, y in rows])
    by_key = {(key, name): score for (key, name, _, _), score in zip(rows, scores, strict=True)}
    outcomes = {forecast.id: _outcome(forecast, y, by_key[forecast.id, SERVED], settled_at) for forecast, y in realised}
    db.execute_many(_INSERT_OUTCOME, [(key, *_columns(one, OUTCOME)) for key, one in outcomes.items()])
    baselines = [(*key, *_columns(score, SCORE)) for key, score in by_key.items() if key[1] != SERVED]
    db.execute_many(_INSERT_SCORE, baselines)


def _columns(value: Outcome | DistributionScore, names: Sequence[str]) -> Iterator[object]:
    return (getattr(value, name) for name in names)


def _outcome(forecast: Due, y: float, score: DistributionScore, settled_at: str) -> Outcome:
    def holds(interval: Interval) -> bool:
        return interval[0] <= y <= interval[1]

    return Outcome(
        settled_at=settled_at,
        realised_return=y,
        crps=score.crps,
        log_score=score.log_score,
        pit=score.pit,
        error=y - score.median,
        hit_50=holds(forecast.interval_50),
        hit_90=holds(forecast.interval_90),
        interval_score_90=_winkler_90(forecast.interval_90, y),
        raw_hit_50=holds(forecast.raw_interval_50),
        raw_hit_90=holds(forecast.raw_interval_90),
        raw_interval_score_90=_winkler_90(forecast.raw_interval_90, y),
    )


def _winkler_90(interval: Interval, y: float) -> float:
    return float(interval_score([y], [interval[0]], [interval[1]], 0.1)[0])


def _scores(dist: Distribution, y_N: Floats) -> list[DistributionScore]:
    density_N = dist.log_density(y_N)
    log_scores: list[float] | list[None] = [None] * len(y_N) if density_N is None else density_N.tolist()
    columns = (crps(dist, y_N).tolist(), log_scores, dist.cdf(y_N).tolist(), dist.quantile([0.5])[:, 0].tolist())
    return [DistributionScore(*row) for row in zip(*columns, strict=True)]
