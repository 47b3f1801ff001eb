"""Exchanges: the provider's codes stand for calendars that can be built."""

from __future__ import annotations

from datetime import date

import pytest

from stockcast.prices import exchanges
from stockcast.prices.exchanges import Calendar, listed_calendar
from stockcast.prices.hours import load_hours
from stockcast.prices.sessions import load_calendar


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *((code, "XNYS") for code in ("NMS", "NYQ", "NGM", "NCM", "ASE", "PCX", "BTS", "SNP", "DJI", "NIM")),
        *(("CXI", "XCBF"), ("WCB", "XCBF")),
        *(("LSE", "XLON"), ("IOB", "XLON"), ("FGI", "XLON"), ("GER", "XETR"), ("FRA", "XFRA"), ("STU", "XSTU")),
        *(("DUS", "XDUS"), ("HAM", "XHAM"), ("MUN", "XSTU"), ("BER", "XSTU"), ("PAR", "XPAR"), ("ENX", "XPAR")),
        *(("AMS", "XAMS"), ("BRU", "XBRU"), ("LIS", "XLIS"), ("EBS", "XSWX"), ("VIE", "XWBO"), ("MIL", "XMIL")),
        *(("MCE", "XMAD"), ("STO", "XSTO"), ("HEL", "XHEL"), ("CPH", "XCSE"), ("OSL", "XOSL"), ("ISE", "XDUB")),
        *(
            ("WSE", "XWAR"),
            ("ATH", "ASEX"),
            ("BVB", "XBSE"),
            ("IST", "XIST"),
            ("JNB", "XJSE"),
            ("JPX", "XTKS"),
            ("OSA", "XTKS"),
            ("HKG", "XHKG"),
        ),
        *(("TOR", "XTSE"), ("VAN", "XTSE"), ("NEO", "XTSE"), ("CNQ", "XTSE"), ("ASX", "XASX"), ("NZE", "XNZE")),
        *(("NSI", "XBOM"), ("BSE", "XBOM"), ("KSC", "XKRX"), ("KOE", "XKRX"), ("SHH", "XSHG"), ("SHZ", "XSHG")),
        *(("TAI", "XTAI"), ("TWO", "XTAI"), ("SES", "XSES"), ("JKT", "XIDX"), ("SET", "XBKK"), ("SAO", "BVMF")),
        *(("MEX", "XMEX"), ("CCC", "24/7")),
    ],
)
def test_a_code_stands_for_the_calendar_of_its_exchange(code: str, name: str) -> None:
    assert listed_calendar(code, None, "EQUITY") == Calendar(name, guessed=False)
    assert listed_calendar(code.lower(), "Antarctica/Troll", None).name == name


@pytest.mark.parametrize(
    ("zone", "name"),
    [("America/New_York", "XNYS"), ("Europe/London", "XLON"), ("Asia/Tokyo", "XTKS"), ("Asia/Calcutta", "XBOM")],
)
def test_the_time_zone_tells_where_the_code_does_not(zone: str, name: str) -> None:
    assert listed_calendar("???", zone, "EQUITY") == Calendar(name, guessed=False)
    assert listed_calendar(None, zone, None) == Calendar(name, guessed=False)


@pytest.mark.parametrize("kind", ["FUTURE", "MUTUALFUND"])
def test_what_does_not_trade_on_the_exchange_of_its_zone_is_a_guess(kind: str) -> None:
    assert listed_calendar("CMX", "America/New_York", kind) == Calendar("weekdays", guessed=True)


def test_coins_trade_always_and_currencies_on_weekdays_whatever_the_exchange() -> None:
    assert listed_calendar("CCC", "UTC", "CRYPTOCURRENCY") == Calendar("24/7", guessed=False)
    assert listed_calendar(None, "America/New_York", "cryptocurrency") == Calendar("24/7", guessed=False)
    assert listed_calendar("CCY", "Europe/London", "CURRENCY") == Calendar("weekdays", guessed=False)


@pytest.mark.parametrize(("code", "zone"), [(None, None), ("", ""), ("SOF", "Europe/Sofia"), ("XYZ", "Mars/Olympus")])
def test_anything_else_is_a_guess(code: str | None, zone: str | None) -> None:
    assert listed_calendar(code, zone, "EQUITY") == Calendar("weekdays", guessed=True)


def test_every_calendar_that_is_named_can_be_built_with_its_hours() -> None:
    names = {*exchanges._BY_CODE.values(), *exchanges._BY_ZONE.values()}
    first, through = date(2024, 1, 1), date(2026, 12, 31)
    for name in names:
        calendar, hours = load_calendar(name, first, through), load_hours(name, first, through)
        assert calendar.exchange == name
        assert calendar.knows(date(2025, 6, 2)), name
        assert hours.close_of(date(2025, 6, 2)).date() in (date(2025, 6, 2), date(2025, 6, 3))


def test_the_zones_are_those_of_the_calendars() -> None:
    for zone, name in exchanges._BY_ZONE.items():
        assert load_hours(name, date(2024, 1, 1), date(2024, 12, 31)).zone in (zone, "Asia/Kolkata")
