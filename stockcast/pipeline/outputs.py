"""Outputs of a run: the ledger's live forecasts as JSON lines and as CSV, and the latest ones as one JSON file.

The files follow the ledger: what a run that was killed did not write, the next one does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from stockcast.config.runs import OutputConfig
from stockcast.forecasting import LEVELS
from stockcast.results.forecasts import Forecast
from stockcast.results.progress import Progress
from stockcast.storage import outputs
from stockcast.storage.database import Database
from stockcast.storage.files import is_within
from stockcast.storage.ledger import reading

_BATCH = 1000

_Found = Sequence[tuple[int, dict[str, Any]]]


def written(db: Database, config: OutputConfig, tickers: Collection[str], progress: Progress) -> tuple[str, ...]:
    """Bring the files up to the ledger; returns those that changed. Raises StorageError.

    Files within the home are for this user alone; others have the umask's modes.
    """
    changed = []
    private = is_within(config.folder, db.path.parent)
    for path, append in ((config.jsonl_path, outputs.append_jsonl), (config.csv_path, _append_csv)):
        if path is not None and _followed(db, path, append, private, progress):
            changed.append(str(path))
    if config.latest_path is not None and _latest(db, config.latest_path, tickers, private):
        changed.append(str(config.latest_path))
    return tuple(changed)


def _followed(
    db: Database, path: Path, append: Callable[[Path, _Found, bool], int], private: bool, progress: Progress
) -> int:
    """Append what the ledger has after the file's last line; returns how many lines that is."""
    last, newest = outputs.last_id(path), reading.last_id(db)
    if last > newest:
        progress.note(
            f"nothing is written to {path}: it holds forecast {last} and the ledger ends with {newest}, so it is of "
            "another ledger; move it away, and the next run writes the whole record"
        )
        return 0
    total = 0
    while found := reading.documents_after(db, last, limit=_BATCH):
        total += append(path, found, private)
        last = found[-1][0]
    return total


def _append_csv(path: Path, documents: _Found, private: bool) -> int:
    return outputs.append_csv(path, documents, _columns(), private)


def _columns() -> list[str]:
    """The columns of a forecast: fixed, so that rows of many months fit under one header."""
    columns = []
    for field in fields(Forecast):
        if field.name == "quantiles":
            columns += [f"q{level:g}" for level in LEVELS]
        else:
            columns.append("calibration_factor" if field.name == "calibration" else field.name)
    return columns


def _latest(db: Database, path: Path, tickers: Collection[str], private: bool) -> bool:
    """Replace the file of the latest forecasts of these tickers where it would change."""
    document = {"schema": "stockcast.latest/1", "data": [f for f in reading.latest(db) if f["ticker"] in tickers]}
    try:
        if json.loads(path.read_bytes()) == document:
            return False
    except (OSError, ValueError):
        pass  # missing, or not whole: it is written anew
    outputs.write_latest(path, document, private)
    return True
