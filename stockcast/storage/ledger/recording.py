"""Recording: forecasts enter the ledger, once."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

from stockcast.results.forecasts import Forecast
from stockcast.storage.database import Database
from stockcast.storage.ledger.distributions import to_bytes
from stockcast.storage.ledger.entry import Entry

SERVED = ""
"""The competitor under which the distribution of the forecast itself is kept."""

# Not INSERT OR IGNORE, which would also pass over values that may not be missing.
_INSERT_FORECAST = """
    INSERT INTO forecasts (
        ticker, model, origin, horizon, target_session, kind, recorded_at, document, alpha,
        low_50, high_50, low_90, high_90, raw_low_50, raw_high_50, raw_low_90, raw_high_90
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (ticker, origin, horizon, model) DO NOTHING
"""
_INSERT_DIST = "INSERT INTO laws (forecast_id, competitor, family, parameters) VALUES (?, ?, ?, ?)"


def record(db: Database, entries: Sequence[Entry], now: datetime) -> int:
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


def _columns(entry: Entry, now: datetime) -> tuple[object, ...]:
    forecast = entry.forecast
    alpha = None if entry.calibration is None else entry.calibration.alpha
    return (
        forecast.ticker, forecast.model, forecast.origin.isoformat(), forecast.horizon,
        forecast.target_session.isoformat(), entry.kind, stamp(now), _document(forecast), alpha,
        *entry.interval_50, *entry.interval_90, *entry.raw_interval_50, *entry.raw_interval_90,
    )  # fmt: skip


def _document(forecast: Forecast) -> str:
    """The forecast as `predict --json` has it."""
    return json.dumps(
        {field.name: _plain(getattr(forecast, field.name)) for field in fields(forecast)}, allow_nan=False
    )


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    # JSON has no NaN, and one odd figure is no reason to lose the record of the forecast.
    return None if isinstance(value, float) and not math.isfinite(value) else value
