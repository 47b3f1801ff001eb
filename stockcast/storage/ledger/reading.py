"""Reading: what the ledger has, for scores, lists, files, and the calibration of the next forecast."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from stockcast.errors import StorageError
from stockcast.forecasts import BaselineScore, Forecast, LedgerRow, Outcome
from stockcast.models.calibration import Miss
from stockcast.storage.database import Database

# A filter that is NULL lets everything through.
_FILTER = """
    (:ticker IS NULL OR f.ticker = :ticker) AND (:since IS NULL OR f.target_session >= :since)
    AND (:kind IS NULL OR f.kind = :kind) AND (:model IS NULL OR f.model = :model)
"""
_ROWS = f"""
    SELECT f.id, f.kind, f.recorded_at, f.document, f.low_50, f.high_50, f.low_90, f.high_90,
           f.raw_low_50, f.raw_high_50, f.raw_low_90, f.raw_high_90, o.void,
           o.settled_at, o.realised_return, o.crps, o.log_score, o.pit, o.error,
           o.hit_50, o.hit_90, o.interval_score_90, o.raw_hit_50, o.raw_hit_90, o.raw_interval_score_90
    FROM forecasts f LEFT JOIN outcomes o ON o.forecast_id = f.id
    WHERE {_FILTER}
    ORDER BY f.target_session, f.ticker, f.model, f.horizon, f.id
"""
_BASELINES = f"""
    SELECT f.id, s.baseline, s.crps, s.log_score, s.pit
    FROM forecasts f JOIN baseline_scores s ON s.forecast_id = f.id
    WHERE {_FILTER}
    ORDER BY f.id, s.baseline
"""
_LATEST = """
    SELECT id, document FROM (
        SELECT id, document, ticker, model, horizon,
               row_number() OVER (PARTITION BY ticker, model, horizon ORDER BY origin DESC) AS place
        FROM forecasts WHERE kind = 'live'
    ) WHERE place = 1 ORDER BY ticker, model, horizon
"""
_MISSES = """
    SELECT f.target_session, o.hit_90, f.alpha
    FROM forecasts f JOIN outcomes o ON o.forecast_id = f.id
    WHERE f.ticker = ? AND f.model = ? AND f.horizon = ? AND f.kind = 'live' AND o.void IS NULL
          AND f.target_session <= ?
    ORDER BY f.target_session
"""


def rows(
    db: Database,
    ticker: str | None = None,
    since: date | None = None,
    kind: str | None = None,
    model: str | None = None,
) -> list[LedgerRow]:
    """Recorded forecasts with what became of them, by target session; None lets everything through.

    since: first target session. kind: live or replay. Raises StorageError for a record that cannot be read.
    """
    chosen = {"ticker": ticker, "since": None if since is None else since.isoformat(), "kind": kind, "model": model}
    recorded = db.rows(_ROWS, chosen)
    baselines: defaultdict[int, dict[str, BaselineScore]] = defaultdict(dict)
    for key, name, *score in db.rows(_BASELINES, chosen):
        baselines[key][name] = BaselineScore(*score)
    return [_row(db, row, baselines) for row in recorded]


def latest(db: Database) -> list[dict[str, Any]]:
    """The newest live forecast of each ticker, model and horizon, as `predict --json` had it."""
    return [_document(db, key, document) for key, document in db.rows(_LATEST)]


def documents_after(
    db: Database, after: int, kind: str = "live", limit: int = 1000
) -> list[tuple[int, dict[str, Any]]]:
    """Forecasts that were recorded after the one with the id `after`, with their ids, in the order of recording."""
    found = db.rows(
        "SELECT id, document FROM forecasts WHERE id > ? AND kind = ? ORDER BY id LIMIT ?", (after, kind, limit)
    )
    return [(key, _document(db, key, document)) for key, document in found]


def last_id(db: Database) -> int:
    """Id of the newest forecast on record; 0 where there is none."""
    row = db.row("SELECT max(id) FROM forecasts")
    return int(row[0]) if row and row[0] is not None else 0


def forecasts_from(db: Database, ticker: str, origin: date, model: str) -> tuple[Forecast, ...]:
    """The forecasts on record of a model from an origin, by horizon."""
    found = db.rows(
        "SELECT id, document FROM forecasts WHERE ticker = ? AND origin = ? AND model = ? ORDER BY horizon",
        (ticker, origin.isoformat(), model),
    )
    return tuple(_forecast(db, key, document) for key, document in found)


def missed(db: Database, ticker: str, model: str, sessions: Sequence[date]) -> list[date]:
    """Those of the sessions from which no live forecast of the next one is on record."""
    found = db.rows(
        "SELECT origin FROM forecasts WHERE ticker = ? AND model = ? AND horizon = 1 AND kind = 'live'", (ticker, model)
    )
    origins = {origin for (origin,) in found}
    return [session for session in sessions if session.isoformat() not in origins]


def first_origin(db: Database, ticker: str, model: str) -> date | None:
    """Origin of the first live forecast of the next session; None where there is none."""
    row = db.row(
        "SELECT min(origin) FROM forecasts WHERE ticker = ? AND model = ? AND horizon = 1 AND kind = 'live'",
        (ticker, model),
    )
    return date.fromisoformat(row[0]) if row and row[0] is not None else None


def last_origin(db: Database, ticker: str, model: str, before: date) -> date | None:
    """Origin of the newest live forecast of the next session from before a session; None where there is none."""
    row = db.row(
        "SELECT max(origin) FROM forecasts WHERE ticker = ? AND model = ? AND horizon = 1 AND kind = 'live' "
        "AND origin < ?",
        (ticker, model, before.isoformat()),
    )
    return date.fromisoformat(row[0]) if row and row[0] is not None else None


def misses(db: Database, ticker: str, model: str, horizon: int, through: date) -> list[Miss]:
    """Whether each settled live forecast of that horizon missed, by target session up to `through`.

    What a calibration at the origin `through` may know.
    """
    found = db.rows(_MISSES, (ticker, model, horizon, through.isoformat()))
    return [Miss(date.fromisoformat(target), not hit, alpha) for target, hit, alpha in found]


def _row(db: Database, row: Sequence[Any], baselines: defaultdict[int, dict[str, BaselineScore]]) -> LedgerRow:
    key, kind, recorded_at, document, *bounds = row[:12]
    void, settled_at, *scores = row[12:]
    outcome = None
    if settled_at is not None and void is None:
        y, crps, log_score, pit, error, hit_50, hit_90, score_90, raw_50, raw_90, raw_score_90 = scores
        outcome = Outcome(
            settled_at, y, crps, log_score, pit, error, bool(hit_50), bool(hit_90), score_90, bool(raw_50),
            bool(raw_90), raw_score_90, baselines[key],
        )  # fmt: skip
    half, most, raw_half, raw_most = zip(bounds[::2], bounds[1::2], strict=True)
    return LedgerRow(
        key, kind, recorded_at, _forecast(db, key, document), half, most, raw_half, raw_most, outcome, void
    )  # fmt: skip


def _document(db: Database, key: int, text: str | bytes) -> dict[str, Any]:
    """A recorded forecast as it was written. Raises StorageError where it is none."""
    try:
        return dict(json.loads(text))
    except (RecursionError, TypeError, ValueError) as error:
        raise _unreadable(db, key, error) from error


def _unreadable(db: Database, key: int, error: Exception) -> StorageError:
    return StorageError(f"forecast {key} in {db.path} cannot be read: {error}", "`stockcast doctor` says more")


def _forecast(db: Database, key: int, document: str | bytes) -> Forecast:
    found = _document(db, key, document)
    try:
        for name in ("origin", "target_session"):
            found[name] = date.fromisoformat(found[name])
        # A later version may have recorded more than this one knows.
        return Forecast(**{field.name: found[field.name] for field in fields(Forecast) if field.name in found})
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(db, key, error) from error
