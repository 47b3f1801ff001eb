"""Fixtures of the tests that ask the loopback Yahoo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stockcast.prices.yahoo import session
from tests.loopback.market import Market
from tests.loopback.session import forget_yfinance
from tests.loopback.yahoo import LoopbackYahoo
from tests.prices.asking import AFTER_FRIDAYS_CLOSE, Asking, listing


@pytest.fixture
def market() -> Market:
    return Market([listing(), listing("^GSPC")], AFTER_FRIDAYS_CLOSE)


@pytest.fixture
def yahoo(market: Market) -> Iterator[LoopbackYahoo]:
    with LoopbackYahoo(market) as server:
        yield server


@pytest.fixture
def ask(yahoo: LoopbackYahoo, tmp_path: Path) -> Iterator[Asking]:
    forget_yfinance(tmp_path / "before")
    session.forget_all()
    yield Asking(yahoo)
    session.forget_all()
    forget_yfinance(tmp_path / "after")
