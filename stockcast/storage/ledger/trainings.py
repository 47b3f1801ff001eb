"""Trainings: when a model was trained again by itself, and why it was replaced or kept."""

from __future__ import annotations

from dataclasses import astuple, fields
from datetime import date
from typing import Any

from stockcast.results.ledger import Training
from stockcast.storage.database import Database

_COLUMNS = ", ".join(field.name for field in fields(Training))
_INSERT = f"INSERT INTO trainings ({_COLUMNS}) VALUES ({', '.join('?' * len(fields(Training)))})"
_LAST = f"SELECT {_COLUMNS} FROM trainings WHERE ticker = ? AND model = ? ORDER BY id DESC LIMIT 1"
_ALL = f"SELECT {_COLUMNS} FROM trainings ORDER BY id"


def note_training(db: Database, training: Training) -> None:
    """Keep what became of a training."""
    db.execute(_INSERT, [value.isoformat() if isinstance(value, date) else value for value in astuple(training)])


def last_training(db: Database, ticker: str, model: str) -> Training | None:
    """The latest training of a model, also one that left the old model in place; None before the first."""
    row = db.row(_LAST, (ticker, model))
    return None if row is None else _training(row)


def all_trainings(db: Database) -> list[Training]:
    """Every training, oldest first."""
    return [_training(row) for row in db.rows(_ALL)]


def _training(row: tuple[Any, ...]) -> Training:
    ticker, model, session, *rest = row
    return Training(ticker, model, date.fromisoformat(session), *rest)
