"""A small pool of made-up stocks with a market, its files, and a model of it that has hardly learnt anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.training import train_pool
from stockcast.prices.history import Dates, Floats, History
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.progress import Silent
from tests import synthetic

SESSIONS, POOLED = 760, 700
"""Sessions that the stocks have, and those that the pool was trained on."""
NAMES = ("A", "B", "C", "D", "E", "F")
CALENDAR: SessionCalendar = load_calendar("XNYS", date(2012, 1, 2), date(2016, 12, 30))
DAYS: Dates = np.array(CALENDAR.next_sessions(date(2012, 1, 2), SESSIONS), dtype="datetime64[D]")


def day(row: int) -> date:
    """The session of a bar."""
    found: date = DAYS[row].astype(object)
    return found


VALIDATE_FROM, TEST_FROM = day(500), day(600)
CUTOFF = day(599)


def stock(name: str) -> History:
    """A stock of New York with all sessions."""
    return replace(synthetic.history(SESSIONS, seed=ord(name), ticker=name), dates=DAYS)


def with_common_news(name: str) -> History:
    """The same, moved by news that all stocks share: without it a cross-section has little to tell."""
    h = stock(name)
    news = np.exp(np.cumsum(0.01 * np.random.default_rng(5).standard_normal(SESSIONS)))
    before = np.concatenate([[1.0], news[:-1]])

    def moved(column: Floats | None, by: Floats) -> Floats:
        assert column is not None
        return column * by

    opened, close = moved(h.open, before), h.close * news
    return replace(
        h,
        open=opened,
        close=close,
        adjusted_close=close.copy(),
        high=np.maximum(moved(h.high, before), close),
        low=np.minimum(moved(h.low, before), close),
    )


def saved(home: Path, name: str = "pool", final_fit: bool = False, members: Sequence[str] = NAMES) -> None:
    """Train on the first sessions of the members, and save the model."""
    pool = Pool.of([with_common_news(member).between(None, day(POOLED - 1)) for member in members], CALENDAR)
    training = TrainingConfig(seeds=1, steps=6, chunk=40, warmup=10, learning_rate=0.05, final_fit=final_fit)
    split = SplitConfig(VALIDATE_FROM, TEST_FROM)
    config = TrainConfig(NetworkConfig(hidden_size=3, lookback=20), training, split, exchange="XNYS")
    with synthetic.only_baselines("random-walk", "har-t"):
        train_pool(pool, config, home, name, Silent())


def files(folder: Path, histories: Sequence[History]) -> list[str]:
    """Each history as a file."""
    folder.mkdir(parents=True, exist_ok=True)
    return [str(synthetic.write_csv(folder / f"{h.ticker}.csv", h)) for h in histories]
