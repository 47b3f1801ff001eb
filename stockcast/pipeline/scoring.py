"""Scoring: what the ledger says of the forecasts that were made in time, and what was missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from stockcast import config as settings
from stockcast.errors import ModelError
from stockcast.evaluation.liverecord import ScoreResult
from stockcast.forecasts import LedgerRow
from stockcast.prices.history import Dates
from stockcast.prices.sessions import SessionCalendar
from stockcast.storage import modelfile, pricestore
from stockcast.storage.database import Database
from stockcast.storage.ledger import reading


def score(home: Path, ticker: str | None = None, since: date | None = None, model: str | None = None) -> ScoreResult:
    """The live record of every model, or of one ticker or model.

    Nothing is settled here: that is for whoever brings prices.

    Args:
        home: The folder of models, prices and forecasts.
        ticker: Of one ticker; None for all.
        since: First target session.
        model: Of one model; None for all.

    Returns:
        Scores, comparisons with the baselines, and whether the record has decayed.

    Raises:
        StorageError: Where the store cannot be read.
    """
    from stockcast.evaluation.liveevents import live_event_scores
    from stockcast.evaluation.liverecord import live_record, settled_records

    with Database.open(home) as db:
        rows = reading.rows(db, _upper(ticker), since, "live", model)
        records = settled_records(rows, rivals(home, {row.forecast.model for row in rows}))
        waiting = sum(row.status == "open" and _is_over(db, row) for row in rows)
        void = sum(row.status == "void" for row in rows)
        found = live_record(records, waiting, void, _missed(db, _upper(ticker), model, since))
        return replace(found, event_scores=live_event_scores(rows))


def ledger(
    home: Path,
    ticker: str | None = None,
    model: str | None = None,
    since: date | None = None,
    kind: str | None = None,
) -> tuple[list[LedgerRow], Mapping[str, tuple[date, ...]]]:
    """The recorded forecasts by target session, and the sessions from which no live one was made.

    Args:
        home: The folder of models, prices and forecasts.
        ticker: Of one ticker; None for all.
        model: Of one model; None for all.
        since: First target session, and first of the missed sessions.
        kind: "live" or "replay"; None for both. Missed sessions are those without a live one, whatever it is.

    Returns:
        The forecasts with their outcomes; by ticker, the sessions that were missed.

    Raises:
        StorageError: Where the store cannot be read.
    """
    with Database.open(home) as db:
        rows = reading.rows(db, _upper(ticker), since, kind, model)
        return rows, _missed(db, _upper(ticker), model, since)


def alarm_of(db: Database, home: Path, ticker: str, model: str) -> str | None:
    """How the live record of a model has decayed, in words; None where it has not."""
    from stockcast.evaluation.liverecord import live_record, settled_records

    rows = reading.rows(db, ticker, None, "live", model)
    scores = live_record(settled_records(rows, rivals(home, {model}))).scores
    return next((score.alarm for score in scores if score.decayed), None)


def rivals(home: Path, models: Iterable[str]) -> dict[str, str]:
    """The baseline that each model's own validation named the strongest."""
    found: dict[str, str] = {}
    for name in models:
        try:
            verdict = modelfile.load_model(home / "models", name).manifest["verdict_figures"]
            found[name] = str(verdict["strongest_baseline"])
        except (ModelError, KeyError, TypeError):
            continue  # removed since, or damaged: its record is compared with the usual rival
    return found


def missed_sessions(
    db: Database, ticker: str, model: str, dates: Dates, calendar: SessionCalendar, completed: date
) -> tuple[date, ...]:
    """Sessions since the model's first live forecast, before `completed`, from which none was made.

    dates: the ticker's bars; after the newest of them the calendar says which sessions there were.
    """
    made = reading.live_origins(db, ticker, model)
    if not made or made[0] >= completed:
        return ()
    first = made[0]
    with_bars = [day for day in dates.astype(object).tolist() if first <= day < completed]
    last: date = max(dates[-1].astype(object), first)
    day_before = completed - timedelta(days=1)
    without = calendar.next_sessions(last, calendar.count_between(last, day_before))
    forecast_from = set(made)
    return tuple(day for day in [*with_bars, *without] if day not in forecast_from)


def _missed(db: Database, ticker: str | None, model: str | None, since: date | None) -> dict[str, tuple[date, ...]]:
    """Missed sessions from `since` on by ticker, with the model's name where that is another."""
    # Every live forecast counts: a record that ended before `since` has missed all that came later.
    live = reading.rows(db, ticker, None, "live", model)
    found: dict[str, tuple[date, ...]] = {}
    for name, by in sorted({(row.forecast.ticker, row.forecast.model) for row in live}):
        instrument, bars = pricestore.instrument(db, name), pricestore.bars(db, name)
        if instrument is None or bars is None:
            continue
        completed = instrument.hours.last_completed(instrument.calendar, settings.now())
        sessions = missed_sessions(db, name, by, bars.dates, instrument.calendar, completed)
        sessions = tuple(day for day in sessions if since is None or day >= since)
        if sessions:
            found[name if by == name else f"{name} ({by})"] = sessions
    return found


def _is_over(db: Database, row: LedgerRow) -> bool:
    instrument = pricestore.instrument(db, row.forecast.ticker)
    if instrument is None:
        return False
    return bool(instrument.hours.close_of(row.forecast.target_session) <= settings.now())


def _upper(ticker: str | None) -> str | None:
    return None if ticker is None else ticker.strip().upper()
