"""Evidence: which exchange the bars of a file are from, by what is written there, and which of its days they are.

A file is taken for one of the exchange that its ticker or its stamps name, where its days fit that exchange as well as
the one that it would be taken for without a word. Stamps that tell a moment are of the day that it was at the exchange.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import ConfigError
from stockcast.prices.csvfile.dates import FileDates
from stockcast.prices.exchanges import ALWAYS, WEEKDAYS, ZONES
from stockcast.prices.history import Dates
from stockcast.prices.sessionfit import CANDIDATES, SessionFit, better_exchanges, session_fit
from stockcast.prices.sessions import SessionCalendar

NAMING = "; --exchange names another"
"""How a remark on an exchange ends; a covariate's is named in another way."""

Calendars = Callable[[str], SessionCalendar]
"""The calendar of an exchange by its name, over the days in question; raises ConfigError for one that is not known."""

# What follows a ticker's last point, as Yahoo, Stooq, JoinQuant, Tushare and Reuters write it.
_SUFFIXES = {
    "XNYS": "US N O OQ A",
    "XLON": "L IL UK LON",
    "XETR": "DE XETRA",
    "XFRA": "F",
    "XDUS": "DU",
    "XHAM": "HM",
    "XSTU": "SG MU BE HA",
    "XPAR": "PA",
    "XAMS": "AS",
    "XBRU": "BR",
    "XLIS": "LS",
    "XSWX": "SW VX",
    "XWBO": "VI",
    "XMIL": "MI",
    "XMAD": "MC",
    "XSTO": "ST",
    "XHEL": "HE",
    "XCSE": "CO",
    "XOSL": "OL",
    "XICE": "IC",
    "XDUB": "IR",
    "XWAR": "WA PL",
    "XPRA": "PR",
    "XBUD": "BD HU",
    "XBSE": "RO",
    "ASEX": "AT",
    "XTAL": "TL",
    "XRIS": "RG",
    "XLIT": "VS",
    "XMOS": "ME",
    "XIST": "IS",
    "XTAE": "TA",
    "XJSE": "JO",
    "XSAU": "SR SAU",
    "XTKS": "T JP",
    "XHKG": "HK",
    "XTSE": "TO V NE CN",
    "XASX": "AX AU",
    "XNZE": "NZ",
    "XBOM": "NS BO NSE BSE",
    "XKRX": "KS KQ",
    "XSHG": "SS SZ SH XSHE BJ",
    "XTAI": "TW TWO",
    "XSES": "SI",
    "XIDX": "JK",
    "XKLS": "KL",
    "XBKK": "BK",
    "XPHS": "PS",
    "XKAR": "KA",
    "BVMF": "SA",
    "XMEX": "MX",
    "XBUE": "BA",
    "XSGO": "SN",
}
# What stands before a ticker, as Google, TradingView and BaoStock write it, and between blanks, as Bloomberg does. Left
# out is what is Tokyo's for one of them and Toronto's for another (TSE).
_PREFIXES = {
    "XNYS": "NASDAQ NYSE NYSEARCA NYSEAMERICAN AMEX BATS OTC OTCMKTS",
    "XLON": "LSE LON",
    "XETR": "XETR ETR",
    "XPAR": "EPA",
    "XAMS": "AMS",
    "XMIL": "MIL BIT",
    "XMAD": "BME",
    "XSWX": "SIX SWX",
    "XSTO": "OMXSTO STO",
    "XTKS": "TYO",
    "XHKG": "HKEX HKG",
    "XTSE": "TSX TSXV",
    "XASX": "ASX",
    "XBOM": "NSE BSE BOM",
    "XKRX": "KRX KOSDAQ",
    "XSHG": "SSE SZSE SHA SHE SH SZ",
    "XTAI": "TWSE TPEX TPE",
    "BVMF": "BMFBOVESPA BVMF",
    ALWAYS: "BINANCE COINBASE BITSTAMP BITFINEX KRAKEN BYBIT OKX KUCOIN GEMINI CRYPTO",
    WEEKDAYS: "FX OANDA FOREXCOM FX_IDC",
}
_BLOOMBERG = {
    "XNYS": "US UN UW UQ UA",
    "XLON": "LN",
    "XETR": "GR GY",
    "XPAR": "FP",
    "XAMS": "NA",
    "XSWX": "SW SE",
    "XMIL": "IM",
    "XMAD": "SM",
    "XSTO": "SS",
    "XTKS": "JT JP",
    "XHKG": "HK",
    "XTSE": "CN CT",
    "XASX": "AU AT",
    "XBOM": "IN IS IB",
    "XKRX": "KS KP",
    "XSHG": "CH CG CS",
    "XTAI": "TT",
    "BVMF": "BZ BS",
}
_INDICES = {
    "XLON": "FTSE FTMC FTAS",
    "XETR": "GDAXI MDAXI STOXX50E STOXX",
    "XPAR": "FCHI",
    "XAMS": "AEX",
    "XSWX": "SSMI",
    "XTKS": "N225 TPX",
    "XHKG": "HSI HSCE",
    "XTSE": "GSPTSE",
    "XASX": "AXJO AORD",
    "XBOM": "BSESN NSEI NSEBANK",
    "XKRX": "KS11 KQ11",
    "XTAI": "TWII",
    "XSES": "STI",
    "BVMF": "BVSP",
    "XMEX": "MXX",
}
_BY_SUFFIX, _BY_PREFIX, _BY_BLOOMBERG, _BY_INDEX = (
    {word: name for name, words in table.items() for word in words.split()}
    for table in (_SUFFIXES, _PREFIXES, _BLOOMBERG, _INDICES)
)
_MONEY = "USD|EUR|GBP|JPY|CHF|AUD|CAD|NZD|CNY|CNH|HKD|SGD|KRW|INR|BRL|MXN|SEK|NOK|DKK|PLN|CZK|HUF|TRY|ZAR"
_TETHERED = "USDT|USDC|BUSD|TUSD|FDUSD"
_FORMS: tuple[tuple[str, str | dict[str, str]], ...] = (
    (r".+=[XF]", WEEKDAYS),
    (rf"(?:{_MONEY}|XAU|XAG)[-_/]?(?:{_MONEY})", WEEKDAYS),
    (rf"[A-Z0-9]{{2,12}}[-_/](?:{_MONEY}|BTC|ETH|{_TETHERED})", ALWAYS),
    (rf"(?:BTC|XBT|ETH|LTC|XRP|BCH|ADA|SOL|DOGE|DOT|BNB)(?:USD|EUR|GBP)|[A-Z0-9]{{2,10}}(?:{_TETHERED})", ALWAYS),
    (r"(?:SH|SZ|BJ)[._]?\d{6}", "XSHG"),
    (r"\^(\w+)", _BY_INDEX),
    (r"[A-Z0-9/]+ ([A-Z]{2})(?: EQUITY)?", _BY_BLOOMBERG),
    (r"([A-Z]+(?:_IDC)?)[:_] ?[A-Z0-9].*", _BY_PREFIX),
    (r".+\.([A-Z]{1,5})", _BY_SUFFIX | {name: name for name in ZONES}),
)
"""Forms of tickers, and the calendar of each, or of the word in it that names one."""

_FOUR_WEEKS = 28 * 86_400  # s
_MOST = 0.95
"""Share of the stamps that one time of day has to have, at an exchange that they are taken to be of."""


def exchange_named(ticker: str) -> str | None:
    """The calendar that a ticker stands for by its form, such as 7203.T, BTC-USD, ES=F or sh.600000; None for others.

    >>> [exchange_named(word) for word in ("7203.T", "BTC-USD", "sh.600000", "VOD LN Equity", "BRK.B", "AAPL")]
    ['XTKS', '24/7', 'XSHG', 'XLON', None, None]
    """
    word = ticker.strip().upper()
    for form, exchanges in _FORMS:
        found = re.fullmatch(form, word)
        name = None if found is None else exchanges if isinstance(exchanges, str) else exchanges.get(found[1])
        if name is not None:
            return name
    return None


@dataclass(frozen=True)
class Listing:
    """Bars taken for those of an exchange.

    Attributes:
        calendar: Its sessions.
        days: The day of each bar: of stamps that tell the moment the one at the exchange.
        fit: How the days go with the sessions.
        why: What says that they are its bars; None where that is taken without a word.
        strayed: Whether stamps tell the moment, and the days are those that are written all the same: the days on the
            exchange's clock fit worse.
        is_kept: Whether the calendar is a model's, to be kept as it is.
    """

    calendar: SessionCalendar
    days: Dates
    fit: SessionFit
    why: str | None = None
    strayed: bool = False
    is_kept: bool = False

    def days_of(self, dates: FileDates) -> Dates:
        """The days that all the dates of the file are of, where the reading is of some of them."""
        return dates.days if self.strayed else days_at(self.calendar.exchange, dates)

    def remarks(self, dates: FileDates) -> list[str]:
        """What is to be known of it."""
        exchange, said = self.calendar.exchange, []
        if self.why is not None:
            said.append(f"it is taken to trade on {exchange}, {self.why}{NAMING}")
        if self.strayed:
            said.append(
                f"its stamps ({dates.example or dates.offset}) are taken for the days that are written, not for those "
                f"on the clock of {exchange}, which fit its sessions less{NAMING}"
            )
        return said

    @classmethod
    def of(cls, dates: FileDates, calendar: SessionCalendar) -> Listing:
        """Dates of a file at an exchange."""
        written = cls(calendar, dates.days, session_fit(dates.days, calendar))
        zone = ZONES.get(calendar.exchange)
        if dates.instants is None or zone is None:
            return written
        days = on_the_clock(dates.instants, zone).astype("datetime64[D]")
        if np.array_equal(days, dates.days):
            return written
        local = cls(calendar, days, session_fit(days, calendar))
        return replace(written, strayed=True) if written.fit.is_clearly_better(local.fit) else local

    def fits_as_well_as(self, other: Listing) -> bool:
        """Whether nothing in the days speaks for the other one."""
        return not other.fit.is_clearly_better(self.fit)


def doubt(days: Dates, calendar: SessionCalendar, name: str, option: str = "--exchange {}") -> str | None:
    """What there is to say where the days of bars are not those of an exchange's sessions; None where they are.

    Args:
        days: Days with a bar.
        calendar: The sessions that they are taken for.
        name: What the bars are of.
        option: How another exchange is named.
    """
    fit = session_fit(days, calendar)
    # A bar on a holiday may be an error; sessions without one besides may be holidays elsewhere.
    if not fit.doubtful and not (len(fit.extra) and len(fit.missing)):
        return None
    better = better_exchanges(days, calendar)
    return f"{fit.sentence(name, better)}; {fit.hint(better, option)}" if fit.doubtful or better else None


def days_at(exchange: str, dates: FileDates) -> Dates:
    """The days of dates: of stamps that tell the moment the one on the exchange's clock."""
    zone = ZONES.get(exchange)
    if dates.instants is None or zone is None:
        return dates.days
    return on_the_clock(dates.instants, zone).astype("datetime64[D]")


def on_the_clock(instants: NDArray[np.datetime64], zone: str) -> NDArray[np.datetime64]:
    """Moments in UTC as date and time in a time zone, datetime64[s]."""
    clock, (each, back) = ZoneInfo(zone), np.unique(instants.astype("datetime64[s]"), return_inverse=True)
    offsets = np.zeros(len(each), dtype="timedelta64[s]")

    def offset(at: int) -> np.timedelta64:
        moment: datetime = each[at].astype(object)
        return np.timedelta64(moment.replace(tzinfo=UTC).astimezone(clock).utcoffset())

    # Clocks are changed twice a year: within four weeks most often not at all.
    _, starts = np.unique(each.astype(np.int64) // _FOUR_WEEKS, return_index=True)
    for start, stop in pairwise([*starts.tolist(), len(each)]):
        offsets[start:stop] = offset(start)
        if offset(stop - 1) != offsets[start]:
            offsets[start:stop] = [offset(at) for at in range(start, stop)]
    found: NDArray[np.datetime64] = (each + offsets)[back]
    return found


def settled(
    dates: FileDates, tickers: Sequence[str], named: str | None, usual: SessionCalendar, calendars: Calendars
) -> Listing:
    """The exchange that bars are from, and the days of its sessions that they are of.

    Args:
        dates: The dates of the bars.
        tickers: What they are called: by the user, in the file, by its name.
        named: The calendar that the file itself names; None where it names none.
        usual: What they are taken for without a word.
        calendars: Gives the others.
    """
    taken = Listing.of(dates, usual)
    if not len(dates.days):
        return taken
    for name, why in _words(tickers, named):
        if name == usual.exchange:
            return taken
        with suppress(ConfigError):
            found = Listing.of(dates, calendars(name))
            if found.fits_as_well_as(taken):
                return replace(found, why=why)
    for other in (_by_offsets, _every_day, _by_time_of_day):
        found_by = other(dates, taken, calendars)
        if found_by is not None:
            return found_by
    return taken


def _words(tickers: Sequence[str], named: str | None) -> Iterator[tuple[str, str]]:
    """The exchanges that words name, and what says so."""
    if named is not None:
        yield named, "as the file says"
    for ticker in dict.fromkeys(tickers):
        name = exchange_named(ticker)
        if name is not None:
            yield name, f"as the ticker {ticker} says"


def _by_offsets(dates: FileDates, taken: Listing, calendars: Calendars) -> Listing | None:
    """By offsets that are those of an exchange's clock on each day; UTC is everybody's."""
    times, instants = dates.times, dates.instants
    if instants is None or dates.offset is None or times is None:
        return None
    written = dates.days.astype("datetime64[s]") + times
    if np.array_equal(written, instants):
        return None
    few, shown = instants[:: _stride(dates)], written[:: _stride(dates)]

    def shows(zone: str) -> bool:
        return np.array_equal(on_the_clock(few, zone), shown)

    usual = ZONES.get(taken.calendar.exchange)
    if usual is not None and not taken.fit.doubtful and shows(usual):
        return None
    found = _best(dates, _with_clock(shows), calendars)
    if found is None or found.calendar.exchange == taken.calendar.exchange or not found.fits_as_well_as(taken):
        return None
    return replace(found, why=f"as stamps at {dates.offset} say")


def _every_day(dates: FileDates, taken: Listing, calendars: Calendars) -> Listing | None:
    """Every day, where there are bars on Saturdays and on Sundays as on other days."""
    if not {5, 6} <= set(taken.fit.foreign):
        return None
    found = Listing.of(dates, calendars(ALWAYS))
    if not found.fit.is_clearly_better(taken.fit) or found.fit.doubtful:
        return None
    return replace(found, why="as bars on every day of the week say")


def _by_time_of_day(dates: FileDates, taken: Listing, calendars: Calendars) -> Listing | None:
    """By one time of day that all stamps have at an exchange whose sessions they fit, and not at the usual one.

    Of an opening or a midnight in Paris the hour in UTC moves with the summer time of Paris.
    """
    if dates.instants is None or not np.array_equal(dates.instants.astype("datetime64[D]"), dates.days):
        return None  # nothing, or an offset, which says it better
    few = dates.instants[:: _stride(dates)]

    def is_regular(zone: str) -> bool:
        local = on_the_clock(few, zone)
        _, counts = np.unique(local - local.astype("datetime64[D]"), return_counts=True)
        return bool(counts.max() >= _MOST * len(few))

    usual = ZONES.get(taken.calendar.exchange)
    is_usual = usual is None or is_regular(usual)
    if is_usual and not taken.fit.doubtful:
        return None
    found = _best(dates, _with_clock(is_regular), calendars)
    if found is None or found.fit.doubtful or found.fit.log_likelihood <= taken.fit.log_likelihood:
        return None
    if is_usual and not found.fit.is_clearly_better(taken.fit):
        return None
    clock = on_the_clock(dates.instants[-1:], ZONES[found.calendar.exchange])[0]
    return replace(found, why=f"as stamps of {str(clock)[11:16]} there say")


def _stride(dates: FileDates) -> int:
    """Some hundreds of the dates tell what all of them do, and each summer and winter is among them."""
    return max(1, len(dates.days) // 500)


def _with_clock(is_it: Callable[[str], bool]) -> list[str]:
    """The exchanges whose time zone it is: of those alike the best known is first."""
    right = {zone for zone in set(ZONES.values()) if is_it(zone)}
    ordered = dict.fromkeys([*CANDIDATES, *ZONES])
    return [name for name in ordered if ZONES.get(name) in right]


def _best(dates: FileDates, names: Sequence[str], calendars: Calendars) -> Listing | None:
    """The exchange that the days fit best: a well-known one with all of them, or else any that has that clock."""
    best: Listing | None = None
    for tried in ([name for name in names if name in CANDIDATES], [name for name in names if name not in CANDIDATES]):
        for name in tried:
            with suppress(ConfigError):
                found = Listing.of(dates, calendars(name))
                if best is None or found.fit.log_likelihood > best.fit.log_likelihood:
                    best = found
        if best is not None and not len(best.fit.extra) and not len(best.fit.missing):
            break
    return None if best is None or best.strayed else best
