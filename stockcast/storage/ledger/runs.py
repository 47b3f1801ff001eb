"""Runs: when the unattended job began, and how it ended if it did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stockcast.results.ledger import RunRecord
from stockcast.storage.database import Database
from stockcast.storage.ledger.recording import stamp


def begin(db: Database, now: datetime) -> int:
    """Note that a run begins; returns its id."""
    run_id = db.insert("INSERT INTO runs (started_at) VALUES (?)", (stamp(now),))
    assert run_id is not None  # noqa: S101 - nothing lets this statement leave the row out
    return run_id


def finish(db: Database, run_id: int, now: datetime, summary: Mapping[str, Any]) -> None:
    """Note that a run is over. `summary` is JSON: TypeError for anything else, ValueError for NaN."""
    text = json.dumps(dict(summary), allow_nan=False)
    db.execute("UPDATE runs SET finished_at = ?, summary = ? WHERE id = ?", (stamp(now), text, run_id))


def discard(db: Database, run_id: int) -> None:
    """Forget a run that found nothing to do."""
    db.execute("DELETE FROM runs WHERE id = ?", (run_id,))


def last_runs(db: Database, count: int = 20) -> list[RunRecord]:
    """The latest runs, newest first; one that is not finished has no end and no summary."""
    rows = db.rows("SELECT id, started_at, finished_at, summary FROM runs ORDER BY id DESC LIMIT ?", (count,))
    return [
        RunRecord(run_id, started, finished, None if summary is None else json.loads(summary))
        for run_id, started, finished, summary in rows
    ]
