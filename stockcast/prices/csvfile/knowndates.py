"""Known dates: a file of days on which something was announced beforehand, of one ticker or of many."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.csvfile import dates, names
from stockcast.prices.csvfile.column import Column, shown
from stockcast.prices.csvfile.source import STANDARD_INPUT, content, label_of, text_of
from stockcast.prices.history import Dates

_TICKERS = ("ticker", "symbol")
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class KnownDates:
    """Days, sorted, each once. tickers: whose each of them is, in upper case; empty where the file names none."""

    days: Dates
    tickers: tuple[str, ...] = ()
    source: str = ""

    def of(self, ticker: str) -> KnownDates:
        """Those of one ticker; all of them where the file names no tickers."""
        if not self.tickers:
            return self
        own = np.array([name == ticker.upper() for name in self.tickers], dtype=np.bool_)
        return KnownDates(self.days[own], (), self.source)

    def sha256(self) -> str:
        """Content hash of the days and whose they are, however the file is written."""
        digest = hashlib.sha256(self.days.astype("datetime64[D]").astype("<i8").tobytes())
        digest.update("\n".join(self.tickers).encode())
        return digest.hexdigest()


def read_known_dates(source: str) -> KnownDates:
    """The days in a CSV: a column of dates under one of the names that price files use, or without any header.

    A column `ticker` or `symbol` says whose each date is; other columns do not matter. Raises DataError where the file
    is missing or has no such column, and for a cell that is no date, with its row.
    """
    if source == STANDARD_INPUT:
        raise DataError("known dates cannot come from standard input", "name a file: it is read again by predict")
    label = label_of(source)
    rows, numbers = _rows(text_of(content(source), label))
    header = [names.key(cell) for cell in rows[0]]
    date_at, ticker_at = names.position(header, names.DATE), names.position(header, _TICKERS)
    if date_at is None:
        if not dates.looks_like_date(rows[0][0]):
            raise DataError(
                f"{label} has no column of dates; its first row is {shown(','.join(rows[0]))}",
                "give it a header with date, and ticker where it is of several",
            )
        date_at, ticker_at = 0, None
    else:
        rows, numbers = rows[1:], numbers[1:]
    if not rows:
        raise DataError(f"{label} has no date below its header", "list the dates, one a row")
    return _known(source, label, _Cells(rows, numbers, date_at, ticker_at))


@dataclass(frozen=True)
class _Cells:
    rows: list[list[str]]
    numbers: list[int]
    date_at: int
    ticker_at: int | None

    def column(self, at: int) -> list[str]:
        return [row[at].strip() if at < len(row) else "" for row in self.rows]


def _known(source: str, label: str, cells: _Cells) -> KnownDates:
    column = Column(label, "date", cells.column(cells.date_at), np.array(cells.numbers))
    try:
        days = dates.parse(column)
    except DataError as error:
        error.hint = "correct or delete that row; write dates as 2021-01-27"
        raise
    if cells.ticker_at is None:
        return KnownDates(np.unique(days), (), source)
    tickers = [name.upper() for name in cells.column(cells.ticker_at)]
    for row, name in zip(cells.numbers, tickers, strict=True):
        if not name:
            raise DataError(f"{label}, row {row}: it has no ticker", "say whose date it is, or delete that column")
    pairs = sorted(set(zip(days.tolist(), tickers, strict=True)))
    return KnownDates(np.array([day for day, _ in pairs], dtype="datetime64[D]"), tuple(t for _, t in pairs), source)


def _rows(text: str) -> tuple[list[list[str]], list[int]]:
    """Rows of cells that are not empty, and the line of each."""
    import csv

    lines = text.split("\n")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    found = [(row, reader.line_num) for row in reader if any(cell.strip() for cell in row)]
    return [row for row, _ in found], [number for _, number in found]
