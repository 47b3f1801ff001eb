"""Event dates: a file of the days on which companies report, each with its hour where that is known."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import time
from functools import lru_cache
from pathlib import Path

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import listed_words, shown
from stockcast.prices.csvfile.content import STANDARD_INPUT
from stockcast.prices.csvfile.dates import FileDates
from stockcast.prices.csvfile.knowndates import DateTable
from stockcast.prices.csvfile.words import DATE_NAMES, first_of
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, WHENS, EventDates, when_at
from stockcast.prices.evidence import days_at, on_the_clock
from stockcast.prices.exchanges import ZONES
from stockcast.prices.hours import usual_hours

DATES = ("earningsdate", "reportdate", "announcementdate", "eventdate", *DATE_NAMES)
"""Keys of headers that a column of them may have."""

_WHENS = ("when", "hour", "timing", "time")
_ALSO = {"before": BEFORE, "after": AFTER} | dict.fromkeys(("", "-", "during", "dmh", "tas", "tns", "nan"), UNKNOWN)
"""Other words for the same, whatever follows them: "After Market Close"."""
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?")


@dataclass(frozen=True)
class EventTable:
    """Dates of reports as a file has them.

    Attributes:
        dates: The date of each row, with the time where the cell has one.
        whens: Of each row one of WHENS, or the time of day at the exchange; None where the date's own time says it.
        tickers: Whose each date is, in upper case; empty where the file names none: they are of every series.
        source: The file, from the root; what it is called for a frame.
    """

    dates: FileDates
    whens: tuple[str | time | None, ...]
    tickers: tuple[str, ...]
    source: str

    @classmethod
    def read(cls, source: str) -> EventTable:
        """The table of a CSV: a column of dates, perhaps `when` (bmo, amc, unknown or a time), perhaps `ticker`.

        Raises:
            DataError: The file is missing or has no such column, or a cell is no date or no hour, with its row.
        """
        if source == STANDARD_INPUT:
            raise DataError("dates of reports cannot come from standard input", "name a file")
        path = Path(os.path.expanduser(source)).absolute()
        changed = path.stat() if os.path.exists(path) else None
        return _read(str(path), changed and (changed.st_mtime_ns, changed.st_size))

    @classmethod
    def of(cls, table: DateTable, source: str) -> EventTable:
        """The same of a table that has been read. Raises DataError for a cell that is no date or no hour."""
        dates, at = table.dates(), first_of(list(table.header), _WHENS)
        at = None if at == table.date_at else at
        timed = dates.times is not None
        cells = [None if timed else ""] * len(table.rows) if at is None else table.column(at)
        whens = tuple(_when(cell, table.label, row) for cell, row in zip(cells, table.numbers, strict=True))
        return cls(dates, whens, tuple(table.tickers()), source)

    def of_ticker(self, ticker: str, exchange: str) -> EventDates | None:
        """The dates of one ticker, on the clock of its exchange; None where the file has none of it."""
        own = np.array([name == ticker.upper() for name in self.tickers] or [True] * len(self.whens), dtype=np.bool_)
        if not own.any():
            return None
        hours = usual_hours(exchange) if any(not isinstance(when, str) for when in self.whens) else None
        days, clocks = days_at(exchange, self.dates).tolist(), self._clocks(exchange)
        told = [
            (day, when if isinstance(when, str) else when_at(when or clock, hours))
            for day, when, clock, mine in zip(days, self.whens, clocks, own, strict=True)
            if mine
        ]
        return EventDates.merged(told, self.source)

    def missing(self) -> str:
        """What is to be said where the file has no date of a ticker."""
        return f"{self.source} has no date of it; its tickers: {listed_words(sorted(set(self.tickers)))}"

    def _clocks(self, exchange: str) -> list[time]:
        """The time of day of each date at an exchange; midnight where there is none."""
        dates, zone = self.dates, ZONES.get(exchange)
        if dates.times is None:
            return [time()] * len(dates.days)
        wall = dates.days + dates.times
        if dates.instants is not None and zone is not None:
            wall = on_the_clock(dates.instants, zone)
        return [moment.astype("datetime64[s]").astype(object).time() for moment in wall]


@lru_cache(maxsize=4)
def _read(path: str, _changed: tuple[int, int] | None) -> EventTable:
    """The table of a file as it is now: the members of a pool share it."""
    return EventTable.of(DateTable.read(path, "dates of reports", DATES), path)


def _when(cell: str | None, label: str, row: int) -> str | time | None:
    """An hour as it is written: None stays."""
    if cell is None:
        return None
    word = cell.strip().lower()
    if word in WHENS:
        return word
    if (first := word.partition(" ")[0]) in _ALSO:
        return _ALSO[first]
    if clock := _CLOCK.fullmatch(word):
        return time(int(clock[1]), int(clock[2]))
    raise DataError(
        f"{label}, row {row}: {shown(cell)} is no hour of a report",
        "write bmo (before the session opens), amc (after it closes), unknown, or a time such as 16:30",
    )
