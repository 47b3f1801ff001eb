"""Recording: what enters the ledger: forecasts, once; what became of trainings; when runs began and how they ended."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import numpy as np

from stockcast.errors import ModelError, StorageError
from stockcast.forecasts import Forecast
from stockcast.models.conformal import Calibration
from stockcast.models.distribution import EMPIRICAL, STUDENT_T, Distribution, dist_array, dist_of
from stockcast.storage.codec import decode, encode, parse_json
from stockcast.storage.database import Database

_KINDS = ("live", "replay")

LARGEST_SAMPLE = 200
"""Values kept of a sample. A simulation's thousands say no more in a score than their quantiles do."""

_SHAPES = {STUDENT_T: (3, 1), EMPIRICAL: (1, -1)}
_LEVELS = np.array([0.05, 0.25, 0.75, 0.95])


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


RUNS_KEPT = 1000
"""The newest runs, whose records are never forgotten."""

SERVED = ""
"""The competitor under which the distribution of the forecast itself is kept."""

BOUNDS = tuple(f"{kind}{end}_{share}" for kind in ("", "raw_") for share in (50, 90) for end in ("low", "high"))
"""Columns of the intervals, as shown and before calibration: low_50, high_50, low_90, high_90, raw_low_50, ..."""

# Not INSERT OR IGNORE, which would also pass over values that may not be missing.
_INSERT_FORECAST = f"""
    INSERT INTO forecasts (
        ticker, model, origin, horizon, target_session, kind, recorded_at, document, alpha, {", ".join(BOUNDS)}
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (ticker, origin, horizon, model) DO NOTHING
"""
_INSERT_DIST = "INSERT INTO laws (forecast_id, competitor, family, parameters) VALUES (?, ?, ?, ?)"
_TRAINING = tuple(field.name for field in fields(Training))
_INSERT_TRAINING = f"INSERT INTO trainings ({', '.join(_TRAINING)}) VALUES ({', '.join('?' * len(_TRAINING))})"
_LAST_TRAINING = f"SELECT {', '.join(_TRAINING)} FROM trainings WHERE ticker = ? AND model = ? ORDER BY id DESC LIMIT 1"
_ALL_TRAININGS = f"SELECT {', '.join(_TRAINING)} FROM trainings ORDER BY id"


@dataclass(frozen=True)
class LedgerEntry:
    """One forecast to record, with all that it will be scored against, as it was at its origin.

    Args:
        forecast: As it was shown.
        kind: live (made before the target session's close) or replay.
        dist: Distribution of the log return from origin to target session, before calibration, one row.
        baselines: Distributions of the same return by name, one row each.
        calibration: What moved the quantiles that were shown.

    Raises:
        ValueError: For another kind, and for distributions of more rows.
        ModelError: For an interval that is none.
    """

    forecast: Forecast
    kind: str
    dist: Distribution
    baselines: Mapping[str, Distribution]
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"a forecast of kind {self.kind!r}, not one of {', '.join(_KINDS)}")
        for name, dist in (("served", self.dist), *self.baselines.items()):
            if len(dist) != 1 or not name:
                raise ValueError(f"{len(dist)} rows in the distribution {name!r} of one forecast")
        for low, high in zip(self.bounds[::2], self.bounds[1::2], strict=True):
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise ModelError(
                    f"{self.forecast.ticker}: a forecast has the interval {low} .. {high} in log return",
                    "train the model again",
                )

    @cached_property
    def bounds(self) -> tuple[float, ...]:
        """The central intervals of 50 and of 90 %, in log return and in the order of `BOUNDS`."""
        raw = self.dist.quantile(_LEVELS)[0].tolist()
        shown = raw if self.calibration is None else self.calibration.quantiles(self.dist, _LEVELS).tolist()
        return tuple(bounds[k] for bounds in (shown, raw) for k in (1, 2, 0, 3))


def record(db: Database, entries: Sequence[LedgerEntry], now: datetime) -> int:
    """Record forecasts with their distributions, all of them or after a failure none; returns how many are new.

    What is recorded already of a ticker, origin, horizon and model stays as it is, a replay too.
    """
    new = 0
    with db.transaction():
        for entry in entries:
            forecast_id = db.insert(_INSERT_FORECAST, _columns(entry, now))
            if forecast_id is None:
                continue
            new += 1
            dists = {SERVED: entry.dist, **entry.baselines}
            db.execute_many(_INSERT_DIST, [(forecast_id, name, *to_bytes(dist)) for name, dist in dists.items()])
    return new


def recorded(db: Database, ticker: str, origin: date, model: str) -> set[int]:
    """Horizons recorded of a model's forecasts from an origin."""
    rows = db.rows(
        "SELECT horizon FROM forecasts WHERE ticker = ? AND origin = ? AND model = ?",
        (ticker, origin.isoformat(), model),
    )
    return {horizon for (horizon,) in rows}


def stamp(now: datetime) -> str:
    """A time as the database keeps it: ISO, in UTC, so that text sorts by time. Naive times are UTC."""
    aware = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
    return aware.isoformat(timespec="seconds")


def to_bytes(dist: Distribution) -> tuple[str, bytes]:
    """Family and parameters of a distribution of one row: little-endian doubles.

    Student-t: loc, scale, nu. Empirical: its values; of more than 200, the quantiles at (i + 0.5) / 200. Raises
    ValueError for more rows, TypeError for another family.
    """
    if len(dist) != 1:
        raise ValueError(f"a distribution of {len(dist)} rows, not one")
    family, values = dist_array(dist)
    if family == EMPIRICAL and values.shape[1] > LARGEST_SAMPLE:
        values = dist.quantile((np.arange(LARGEST_SAMPLE) + 0.5) / LARGEST_SAMPLE)
    return family, values.astype("<f8").tobytes()


def from_bytes(family: str, parameters: bytes) -> Distribution:
    """The distribution that `to_bytes` described. Raises StorageError where the bytes are anything else."""
    try:
        values = np.frombuffer(parameters, dtype="<f8").astype(np.float64)
        return dist_of(family, values.reshape(_SHAPES[family]))
    except (KeyError, ModelError, ValueError) as error:
        raise StorageError(
            f"a recorded distribution ({family}, {len(parameters)} bytes) cannot be read",
            "`stockcast doctor` says more",
        ) from error


def forget_settled(db: Database) -> tuple[int, int]:
    """Drop what nothing reads any more: distributions of forecasts that are settled or void, and runs of long ago.

    Forecasts, outcomes and the scores of the baselines stay.

    Returns:
        How many distributions, and how many runs.
    """
    with db.transaction():
        dists = db.execute("DELETE FROM laws WHERE forecast_id IN (SELECT forecast_id FROM outcomes)")
        return dists, db.execute(f"DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - {RUNS_KEPT}")


def note_training(db: Database, training: Training) -> None:
    """Keep what became of a training: once, also where a run was killed after it and the next one trains again."""
    last = last_training(db, training.ticker, training.model)
    if last is None or (last.session, last.model_id) != (training.session, training.model_id):
        db.execute(_INSERT_TRAINING, tuple(encode(training).values()))


def last_training(db: Database, ticker: str, model: str) -> Training | None:
    """The latest training of a model, also one that left the old model in place; None before the first."""
    row = db.row(_LAST_TRAINING, (ticker, model))
    return None if row is None else _training(row)


def all_trainings(db: Database) -> list[Training]:
    """Every training, oldest first."""
    return [_training(row) for row in db.rows(_ALL_TRAININGS)]


def begin_run(db: Database, now: datetime) -> int:
    """Note that a run begins; returns its id."""
    run_id = db.insert("INSERT INTO runs (started_at) VALUES (?)", (stamp(now),))
    assert run_id is not None  # noqa: S101 - nothing lets this statement leave the row out
    return run_id


def finish_run(db: Database, run_id: int, now: datetime, summary: Mapping[str, Any]) -> None:
    """Note that a run is over. `summary` is JSON: TypeError for anything else, ValueError for NaN."""
    text = json.dumps(dict(summary), allow_nan=False)
    db.execute("UPDATE runs SET finished_at = ?, summary = ? WHERE id = ?", (stamp(now), text, run_id))


def discard_run(db: Database, run_id: int) -> None:
    """Forget a run that found nothing to do."""
    db.execute("DELETE FROM runs WHERE id = ?", (run_id,))


def last_runs(db: Database, count: int = 20) -> list[RunRecord]:
    """The latest runs, newest first; one that is not finished has no end and no summary. Raises StorageError."""
    rows = db.rows("SELECT id, started_at, finished_at, summary FROM runs ORDER BY id DESC LIMIT ?", (count,))
    return [
        RunRecord(run_id, started, finished, _summary(db, run_id, summary))
        for run_id, started, finished, summary in rows
    ]


def _summary(db: Database, run_id: int, text: str | None) -> dict[str, Any] | None:
    try:
        return None if text is None else dict(parse_json(text))
    except (TypeError, ValueError) as error:
        raise StorageError(
            f"run {run_id} in {db.path} cannot be read: {error}", "`stockcast doctor --repair` leaves it out"
        ) from error


def _columns(entry: LedgerEntry, now: datetime) -> tuple[object, ...]:
    forecast = entry.forecast
    alpha = None if entry.calibration is None else entry.calibration.alpha
    return (
        forecast.ticker, forecast.model, forecast.origin.isoformat(), forecast.horizon,
        forecast.target_session.isoformat(), entry.kind, stamp(now), _document(forecast), alpha,
        *entry.bounds,
    )  # fmt: skip


def _document(forecast: Forecast) -> str:
    """The forecast as `predict --json` has it."""
    # One figure that JSON has no word for is no reason to lose the record of the forecast.
    return json.dumps(encode(forecast, lossy=True), allow_nan=False)


def _training(row: tuple[Any, ...]) -> Training:
    return decode(Training, dict(zip(_TRAINING, row, strict=True)))
