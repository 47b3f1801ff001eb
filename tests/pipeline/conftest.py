"""A provider in memory, a store of one's own, and a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from stockcast.prices.yahoo import client
from stockcast.storage.database import Database
from tests.pipeline.provider import THURSDAY, Provider, evening, series

SetClock = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A provider that lists AAA and BBB."""
    found = Provider(series("AAA", seed=1), series("BBB", seed=2))
    monkeypatch.setattr(client, "fetch", found.fetch)
    return found


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Sets the time; it is Thursday evening."""

    def at(moment: datetime) -> None:
        monkeypatch.setenv("STOCKCAST_NOW", moment.isoformat())

    at(evening(THURSDAY))
    return at


@pytest.fixture
def db(home: Path) -> Iterator[Database]:
    """The store of the test's home."""
    with Database.open(home) as opened:
        yield opened
