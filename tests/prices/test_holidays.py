"""Holidays: the same days whatever pandas and NumPy are installed; the oracles need neither."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version

import pytest
from dateutil.easter import EASTER_ORTHODOX, easter

from stockcast.prices.hours import load_hours
from stockcast.prices.sessions import load_calendar
from stockcast.storage.codec import encode

RECORDED_WITH = "4.13.2"
"""The exchange_calendars of RECORDED: a later one knows of holidays that this one does not."""

RECORDED = """
24/5 3da2bf9b  24/7 73bdcb74  AIXK 77b089d0  ASEX 12fa8f62  BVMF 7f4b0c1d  CMES c9a97b19  IEPA 24ec96dc
XAMS bf5b497e  XASX 80c30290  XBDA c58d5ba2  XBEL 9316faa6  XBKK 5d54af0c  XBOG 72d3731c  XBOM f79b6ca6
XBRA 6ccc9530  XBRU aab15c84  XBSE ae35b97a  XBUD fed90b6a  XBUE 77b0242f  XCBF 86bd28ea  XCSE d52c1de8
XCYS 3402d468  XDUB 81238773  XDUS 1ea8b32c  XEEE 97c0bf62  XETR 3de7af02  XEUR 07005c74  XFRA 5e722948
XHAM eed02fa2  XHEL 857fc536  XHKG 23e177dc  XICE 3182fe5d  XIDX 240065a7  XIST 783e9aa2  XJSE 37683468
XKAR d70e7f19  XKLS e092b29a  XKRX 5399e1b4  XLIM a58d882a  XLIS c0dcd517  XLIT d9d0d63f  XLJU f8040db2
XLON 7f144f80  XLUX 1f833b4b  XMAD 02e8abad  XMEX e85d7b55  XMIL c169e1b7  XMOS f62b8075  XNYS 569ff46c
XNZE e3de4f6d  XOSL eaa96613  XPAR 6491e67b  XPHS 3cb2a86c  XPRA 80f8e9a3  XRIS c2fcbc46  XSAU 87515b25
XSES 179c18b6  XSGO e4bf4ae2  XSHG f3512691  XSTO 49c862f2  XSTU 409f8af5  XSWX 34c5cc3a  XTAE 71c6bd25
XTAI 5a5488f8  XTAL 597f9e63  XTKS 45a49e75  XTSE a5913234  XWAR 56dba62a  XWBO f8f73aa5  XZAG cf167213
us_futures e29d318e
"""
"""Each exchange with the digest of its sessions and closes of forty years; they were the same with pandas 2.2.2 (NumPy
2.0), 2.2.3, 2.3.3, 3.0.0 and 3.1.1 (NumPy 2.5)."""


def digest(name: str) -> str:
    """Eight hexadecimal digits of an exchange's sessions and closing times, 1990 to 2030."""
    first, through = date(1990, 1, 1), date(2030, 12, 31)
    told = encode([load_calendar(name, first, through), load_hours(name, first, through)])
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


@pytest.mark.skipif(
    version("exchange_calendars") != RECORDED_WITH, reason=f"recorded with exchange_calendars {RECORDED_WITH}"
)
@pytest.mark.parametrize(
    ("name", "recorded"), [pair.split() for pair in RECORDED.replace("\n", "  ").split("  ") if pair]
)
def test_sessions_and_closes_of_every_exchange_are_those_of_any_other_pandas(name: str, recorded: str) -> None:
    assert digest(name) == recorded


@pytest.mark.parametrize(
    ("name", "away"),
    [
        ("ASEX", {-48, -2, 1, 50}),  # Clean Monday, Good Friday, Easter Monday, Whit Monday
        ("XBSE", {-2, 1, 50}),
        ("XBEL", {-2, 1}),
        ("XCYS", {-48, -2, 1, 2, 50}),
    ],
)
def test_the_orthodox_easter_closes_the_exchanges_that_keep_it(name: str, away: set[int]) -> None:
    calendar = load_calendar(name, date(2005, 1, 1), date(2030, 12, 31))
    for year in range(2006, 2031):
        sunday = easter(year, EASTER_ORTHODOX)
        closed = {days: sunday + timedelta(days=days) for days in away}
        assert not [day for day in closed.values() if calendar.is_session(day)]


@pytest.mark.parametrize(
    ("name", "closed", "traded"),
    [
        # Athens keeps both Easters, Bucharest the Orthodox one alone; in 2025 the two were one.
        (
            "ASEX",
            "2024-03-18 2024-03-29 2024-04-01 2024-05-03 2024-05-06 2024-06-24 2025-04-18 2025-04-21",
            "2024-04-30",
        ),
        (
            "XBSE",
            "2024-05-03 2024-05-06 2024-06-24 2025-04-18 2025-04-21 2026-04-10 2026-04-13",
            "2024-03-29 2024-04-01",
        ),
        # Tel Aviv: Purim .. Simchat Torah of 2024 and 2025; not the Western Easter, and Sundays until 2026.
        (
            "XTAE",
            "2024-04-22 2024-04-23 2024-04-29 2024-05-13 2024-05-14 2024-06-11 2024-06-12 2024-08-13",
            "2024-04-01 2025-04-20 2025-12-28 2026-01-09",
        ),
        (
            "XTAE",
            "2025-06-02 2025-09-23 2025-10-01 2025-10-02 2025-10-07 2025-10-14 2025-12-26 2026-01-11 2026-04-02",
            "2025-06-08 2026-06-05",
        ),
        ("XHKG", "2024-02-12 2024-02-13 2024-04-04 2024-05-15 2024-06-10 2024-10-11", "2024-02-09 2024-12-24"),
    ],
)
def test_days_that_the_exchanges_announced(name: str, closed: str, traded: str) -> None:
    calendar = load_calendar(name, date(2024, 1, 1), date(2026, 12, 31))
    assert not [day for day in closed.split() if calendar.is_session(date.fromisoformat(day))]
    assert all(calendar.is_session(date.fromisoformat(day)) for day in traded.split())


def test_tel_aviv_closes_early_on_sundays_then_on_fridays_and_between_the_days_of_a_feast() -> None:
    hours = load_hours("XTAE", date(2024, 1, 1), date(2026, 12, 31))
    early = {
        date(2024, 6, 2): (12, 40),
        date(2026, 6, 5): (10, 50),
        date(2024, 4, 24): (11, 15),
        date(2024, 6, 3): (14, 15),
    }
    for day, (hour, minute) in early.items():
        assert hours.close_of(day) == datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize("name", ["XNYS", "XTAE", "ASEX"])
def test_years_beyond_the_rules_are_unknown_and_not_an_error(name: str) -> None:
    calendar, hours = (load(name, date(1, 1, 1), date(9999, 12, 31)) for load in (load_calendar, load_hours))
    assert not calendar.knows(date(1700, 1, 1))
    assert calendar.knows(date(2100, 1, 1))
    assert hours.close_of(date(2024, 6, 4)) > datetime(2024, 6, 4, tzinfo=UTC)
