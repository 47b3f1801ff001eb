"""Reading: what the ledger has, for scores, lists, files, and the calibration of the next forecast."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

from stockcast.errors import StorageError
from stockcast.forecasts import BaselineScore, Forecast, ForecastEvent, LedgerRow, Outcome, PolicyPosition
from stockcast.models.conformal import Miss
from stockcast.storage.codec import decode, parse_json
from stockcast.storage.database import Database
from stockcast.storage.ledger.recording import BOUNDS, from_bytes

OUTCOME = tuple(field.name for field in fields(Outcome) if field.name != "baselines")
SCORE = tuple(field.name for field in fields(BaselineScore))
"""Columns of an outcome, and of a baseline's score."""

_INFINITE = frozenset((math.inf, -math.inf))
_LARGEST_RETURN = 100.0  # e to the 100th

# A filter that is NULL lets everything through.
_FILTER = """
    (:ticker IS NULL OR f.ticker = :ticker) AND (:since IS NULL OR f.target_session >= :since)
    AND (:kind IS NULL OR f.kind = :kind) AND (:model IS NULL OR f.model = :model)
"""
_ROWS = f"""
    SELECT f.id, f.kind, f.recorded_at, f.document, o.void, {", ".join((*BOUNDS, *OUTCOME))}
    FROM forecasts f LEFT JOIN outcomes o ON o.forecast_id = f.id
    WHERE {_FILTER}
    ORDER BY f.target_session, f.ticker, f.model, f.horizon, f.id
"""
_BASELINES = f"""
    SELECT f.id, s.baseline, {", ".join(SCORE)}
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
    SELECT f.id, f.target_session, o.hit_90, f.alpha
    FROM forecasts f JOIN outcomes o ON o.forecast_id = f.id
    WHERE f.ticker = ? AND f.model = ? AND f.horizon = ? AND f.kind = 'live' AND o.void IS NULL
          AND f.target_session <= ?
    ORDER BY f.target_session
"""

_NEWEST = """
    SELECT ticker, max(
        coalesce((SELECT max(session) FROM prices WHERE prices.ticker = i.ticker), ''),
        coalesce((SELECT max(origin) FROM forecasts WHERE forecasts.ticker = i.ticker), '')
    ) AS newest
    FROM instruments i {} ORDER BY newest DESC LIMIT 1
"""


def rows(
    db: Database,
    ticker: str | None = None,
    since: date | None = None,
    kind: str | None = None,
    model: str | None = None,
) -> list[LedgerRow]:
    """Read recorded forecasts with what became of them, by target session. None lets everything through.

    Args:
        db: The store.
        ticker: The ticker.
        since: The first target session.
        kind: live or replay.
        model: Name of the model.

    Raises:
        StorageError: For a record that cannot be read.
    """
    chosen = {"ticker": ticker, "since": None if since is None else since.isoformat(), "kind": kind, "model": model}
    recorded = db.rows(_ROWS, chosen)
    baselines: defaultdict[int, dict[str, BaselineScore]] = defaultdict(dict)
    for key, name, *score in db.rows(_BASELINES, chosen):
        _require_finite(db, key, score)
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


def newest_session(db: Database, ticker: str | None = None) -> tuple[str, date] | None:
    """The newest session with a bar, or from which a forecast is on record, of a ticker or of all, with the ticker.

    None where there is none. Raises TypeError or ValueError where it cannot be read.
    """
    of_all = ticker is None
    found = db.row(_NEWEST.format("" if of_all else "WHERE ticker = ?"), () if of_all else (ticker,))
    return None if found is None or not found[1] else (found[0], date.fromisoformat(found[1]))


def last_written(db: Database) -> datetime | None:
    """When, by the clock of then, prices were last fetched, or the newest forecast was recorded; None without either.

    Raises OverflowError, TypeError or ValueError where that cannot be read.
    """
    recorded = "SELECT recorded_at FROM forecasts ORDER BY id DESC LIMIT 1"
    row = db.row(f"SELECT max(fetched_at), ({recorded}) FROM instruments")
    times = [datetime.fromisoformat(text).astimezone(UTC) for text in row or () if text is not None]
    return max(times, default=None)


def last_id(db: Database) -> int:
    """Id of the newest forecast on record; 0 where there is none."""
    row = db.row("SELECT max(id) AS id FROM forecasts")
    return int(row[0]) if row and row[0] is not None else 0


def unreadable_records(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Rows of the ledger that cannot be read though their values are of the right kinds, by table and key."""
    forecasts: list[tuple[object, ...]] = []
    for key, document in db.rows("SELECT id, document FROM forecasts ORDER BY id"):
        try:
            _forecast(db, key, document)
        except StorageError:
            forecasts.append((key,))
    dists: list[tuple[object, ...]] = []
    for key, competitor, family, parameters in db.rows("SELECT * FROM laws"):
        try:
            from_bytes(family, parameters)
        except StorageError:
            dists.append((key, competitor))
    runs: list[tuple[object, ...]] = []
    for key, summary in db.rows("SELECT id, summary FROM runs WHERE summary IS NOT NULL"):
        try:
            dict(parse_json(summary))
        except (TypeError, ValueError):
            runs.append((key,))
    returns = db.rows("SELECT forecast_id, realised_return FROM outcomes WHERE void IS NULL")
    outcomes: list[tuple[object, ...]] = [(key,) for key, value in returns if not _is_return(value)]
    return {"forecasts": forecasts, "laws": dists, "outcomes": outcomes, "runs": runs}


def forecasts_from(db: Database, ticker: str, origin: date, model: str) -> tuple[Forecast, ...]:
    """The forecasts on record of a model from an origin, by horizon."""
    found = db.rows(
        "SELECT id, document FROM forecasts WHERE ticker = ? AND origin = ? AND model = ? ORDER BY horizon",
        (ticker, origin.isoformat(), model),
    )
    return tuple(_forecast(db, key, document) for key, document in found)


def open_forecasts(db: Database, ticker: str) -> tuple[Forecast, ...]:
    """The live forecasts of a ticker that are not settled yet, by target session."""
    found = db.rows(
        "SELECT f.id, f.document FROM forecasts f LEFT JOIN outcomes o ON o.forecast_id = f.id "
        "WHERE f.ticker = ? AND f.kind = 'live' AND o.forecast_id IS NULL ORDER BY f.target_session, f.id",
        (ticker,),
    )
    return tuple(_forecast(db, key, document) for key, document in found)


def live_origins(db: Database, ticker: str, model: str) -> list[date]:
    """Sessions from which a live forecast of the next one is on record, oldest first."""
    found = db.rows(
        "SELECT origin FROM forecasts WHERE ticker = ? AND model = ? AND horizon = 1 AND kind = 'live' ORDER BY origin",
        (ticker, model),
    )
    return [date.fromisoformat(origin) for (origin,) in found]


def recorded_misses(db: Database, ticker: str, model: str, horizon: int, through: date) -> list[Miss]:
    """Whether each settled live forecast of that horizon missed, by target session up to `through`.

    What a calibration at the origin `through` may know.
    """
    found = db.rows(_MISSES, (ticker, model, horizon, through.isoformat()))
    for key, _, _, alpha in found:
        _require_finite(db, key, (alpha,))
    return [Miss(date.fromisoformat(target), not hit, alpha) for _, target, hit, alpha in found]


def _row(db: Database, row: Sequence[Any], baselines: defaultdict[int, dict[str, BaselineScore]]) -> LedgerRow:
    key, kind, recorded_at, document, void, *columns = row
    _require_finite(db, key, columns)
    bounds, known = columns[: len(BOUNDS)], dict(zip(OUTCOME, columns[len(BOUNDS) :], strict=True))
    known |= {name: bool(value) for name, value in known.items() if "hit" in name}
    settled = known["settled_at"] is not None and void is None
    if settled and not _is_return(known["realised_return"]):
        raise _unreadable(db, key, ValueError(f"its return is {known['realised_return']}"))
    outcome = Outcome(**known, baselines=baselines[key]) if settled else None
    half, most, raw_half, raw_most = zip(bounds[::2], bounds[1::2], strict=True)
    forecast = _forecast(db, key, document)
    return LedgerRow(key, kind, recorded_at, forecast, half, most, raw_half, raw_most, outcome, void)


def _document(db: Database, key: int, text: str | bytes) -> dict[str, Any]:
    """A recorded forecast as it was written. Raises StorageError where it is none."""
    try:
        return dict(parse_json(text))
    except (TypeError, ValueError) as error:
        raise _unreadable(db, key, error) from error


def _is_return(value: float | None) -> bool:
    """Whether a price can have made this log return, of which the exponential is a number."""
    return value is not None and abs(value) < _LARGEST_RETURN


def _require_finite(db: Database, key: int, values: Sequence[object]) -> None:
    if not _INFINITE.isdisjoint(values):
        raise _unreadable(db, key, ValueError("a number is not finite"))


def _unreadable(db: Database, key: int, error: Exception) -> StorageError:
    return StorageError(f"forecast {key} in {db.path} cannot be read: {error}", "`stockcast doctor` says more")


def _forecast(db: Database, key: int, document: str | bytes) -> Forecast:
    found = _document(db, key, document)
    try:
        for name in ("origin", "target_session"):
            found[name] = date.fromisoformat(found[name])
        for name, kind in (("event", ForecastEvent), ("policy", PolicyPosition)):
            if found.get(name) is not None:
                found[name] = decode(kind, found[name], name, others=True)
        # A later version may have recorded more than this one knows.
        return Forecast(**{field.name: found[field.name] for field in fields(Forecast) if field.name in found})
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(db, key, error) from error
