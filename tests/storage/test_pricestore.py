"""The price store: every bit comes back, and a history is replaced whole or not at all."""

from __future__ import annotations

import math
from dataclasses import replace as changed
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.errors import StorageError
from stockcast.prices.history import Bars
from stockcast.prices.hours import TradingHours
from stockcast.prices.sessions import SessionCalendar
from stockcast.storage import pricestore
from stockcast.storage.database import Database
from stockcast.storage.pricestore import Instrument

COLUMNS = ("open", "high", "low", "close", "adjusted_close", "volume", "dividends", "splits")
CALENDAR = SessionCalendar("XNYS", date(2024, 1, 1), date(2025, 12, 31), "1111100", (date(2024, 7, 4),))
HOURS = TradingHours("America/New_York", ((None, "16:00"),), ((date(2024, 7, 3), "13:00"),))
ALL_DAY = TradingHours("UTC", ((None, "24:00"),))
APPLE = Instrument("AAPL", "XNYS", "USD", "America/New_York", CALENDAR, HOURS, "2024-07-05T21:00:00+00:00", False)


def made(first: str, count: int, value: float = 1.0) -> Bars:
    """Bars of consecutive days, all their values alike."""
    dates = np.datetime64(first, "D") + np.arange(count)
    return Bars(dates, *(np.full(count, value) for _ in COLUMNS))


def same_bits(left: Bars, right: Bars) -> bool:
    """Whether two are alike to the last bit; a NaN is a NaN."""
    for name in COLUMNS:
        ours, theirs = getattr(left, name), getattr(right, name)
        bits = [np.where(np.isnan(values), np.nan, values).tobytes() for values in (ours, theirs)]
        if bits[0] != bits[1]:
            return False
    return bool((left.dates == right.dates).all())


def test_an_empty_store_has_nothing(db: Database) -> None:
    assert pricestore.stored_tickers(db) == []
    assert pricestore.instrument(db, "AAPL") is None
    assert pricestore.bars(db, "AAPL") is None
    assert pricestore.last_session(db, "AAPL") is None


def test_an_instrument_comes_back_as_it_was_saved(db: Database) -> None:
    plain = Instrument("^X", "weekdays", None, "UTC", changed(CALENDAR, first=date.min), ALL_DAY, "2024", True)
    for known in (APPLE, plain):
        pricestore.save_instrument(db, known)
        assert pricestore.instrument(db, known.ticker) == known
    later = changed(APPLE, currency=None, fetched_at="2024-07-08T21:00:00+00:00")
    pricestore.save_instrument(db, later)
    assert pricestore.instrument(db, "AAPL") == later
    assert pricestore.stored_tickers(db) == ["AAPL", "^X"]


@settings(max_examples=40)
@given(st.lists(st.lists(st.floats(), min_size=8, max_size=8), min_size=1, max_size=5))
def test_bars_come_back_to_the_last_bit(tmp_path_factory: pytest.TempPathFactory, values: list[list[float]]) -> None:
    dates = np.datetime64("2024-02-28", "D") + np.arange(len(values))
    bars = Bars(dates, *np.array(values).T)
    with Database.open(tmp_path_factory.mktemp("bits")) as db:
        pricestore.replace(db, APPLE, bars)
        found = pricestore.bars(db, "AAPL")
    assert found is not None
    assert found.dates.dtype == "datetime64[D]"
    assert all(getattr(found, name).dtype == np.float64 for name in COLUMNS)
    assert same_bits(found, bars)


def test_the_sign_of_zero_survives_and_what_is_missing_stays_missing(db: Database) -> None:
    bars = changed(made("2024-01-02", 2), volume=np.array([-0.0, math.nan]))
    pricestore.replace(db, APPLE, bars)
    found = pricestore.bars(db, "AAPL")
    assert found is not None
    assert math.copysign(1.0, found.volume[0]) == -1.0
    assert math.isnan(found.volume[1])
    assert db.rows("SELECT volume FROM prices ORDER BY session")[1] == (None,)


def test_a_long_history_comes_back_in_order(db: Database) -> None:
    draw = np.random.default_rng(3)
    dates = np.datetime64("1990-01-01", "D") + np.arange(5000)
    bars = Bars(dates, *draw.lognormal(size=(8, 5000)))
    pricestore.replace(db, APPLE, bars)
    found = pricestore.bars(db, "AAPL")
    assert found is not None
    assert same_bits(found, bars)
    assert pricestore.last_session(db, "AAPL") == dates[-1].astype(object)


def test_replacing_forgets_the_old_bars_and_leaves_other_tickers_alone(db: Database) -> None:
    other = changed(APPLE, ticker="MSFT")
    pricestore.replace(db, APPLE, made("2024-01-01", 9))
    pricestore.replace(db, other, made("2024-01-01", 5))
    pricestore.replace(db, APPLE, made("2024-01-03", 2, 7.0))
    found, beside = pricestore.bars(db, "AAPL"), pricestore.bars(db, "MSFT")
    assert found is not None
    assert beside is not None
    assert same_bits(found, made("2024-01-03", 2, 7.0))
    assert same_bits(beside, made("2024-01-01", 5))


def test_merging_adds_new_sessions_and_updates_given_ones(db: Database) -> None:
    pricestore.replace(db, APPLE, made("2024-01-01", 4))
    later = changed(APPLE, fetched_at="2024-07-08T21:00:00+00:00")
    pricestore.merge(db, later, made("2024-01-04", 2, math.nan))
    found = pricestore.bars(db, "AAPL")
    assert found is not None
    assert found.close.tolist()[:3] == [1.0, 1.0, 1.0]
    assert np.isnan(found.close[3:]).tolist() == [True, True]
    assert pricestore.last_session(db, "AAPL") == date(2024, 1, 5)
    assert pricestore.instrument(db, "AAPL") == later


@pytest.mark.parametrize("write", [pricestore.replace, pricestore.merge])
def test_a_failure_half_way_leaves_what_was_there(db: Database, write: object) -> None:
    pricestore.replace(db, APPLE, made("2024-01-01", 4))
    db.execute(
        "CREATE TEMP TRIGGER refuse BEFORE INSERT ON prices WHEN new.session = '2024-01-06' "
        "BEGIN SELECT RAISE (FAIL, 'no'); END"
    )
    later = changed(APPLE, fetched_at="later")
    with pytest.raises(Exception, match="no"):
        write(db, later, made("2024-01-03", 9, 2.0))  # type: ignore[operator]
    found = pricestore.bars(db, "AAPL")
    assert found is not None
    assert same_bits(found, made("2024-01-01", 4))
    assert pricestore.instrument(db, "AAPL") == APPLE


def test_bars_are_taken_by_position() -> None:
    bars = made("2024-01-01", 5)
    bars.close[3] = 9.0
    taken = bars.take(np.array([0, 3]))
    assert taken.dates.tolist() == [date(2024, 1, 1), date(2024, 1, 4)]
    assert taken.close.tolist() == [1.0, 9.0]
    assert len(taken) == 2


def test_bars_out_of_order_or_of_unequal_length_are_refused() -> None:
    bars = made("2024-01-01", 3)
    with pytest.raises(ValueError, match="increase"):
        changed(bars, dates=bars.dates[::-1])
    with pytest.raises(ValueError, match="increase"):
        changed(bars, dates=np.array(["NaT"] * 3, dtype="datetime64[D]"))
    with pytest.raises(ValueError, match="volume of shape"):
        changed(bars, volume=np.ones(2))


def test_values_that_somebody_edited_into_nonsense_are_told(db: Database) -> None:
    pricestore.replace(db, APPLE, made("2024-01-01", 2))
    db.execute("UPDATE prices SET close = 'dear' WHERE session = '2024-01-02'")
    with pytest.raises(StorageError, match="a column close holds 'dear'"):
        pricestore.bars(db, "AAPL")
    for nonsense in ("{", "{}", "[]"):
        for column in ("calendar", "hours"):
            pricestore.save_instrument(db, APPLE)
            db.execute(f"UPDATE instruments SET {column} = ?", (nonsense,))  # noqa: S608 - one of the two above
            with pytest.raises(StorageError, match="calendar or trading hours of AAPL"):
                pricestore.instrument(db, "AAPL")
