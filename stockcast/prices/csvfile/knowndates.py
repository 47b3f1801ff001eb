"""Known dates: a file of days on which something was announced beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Self

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import FileColumn, shown
from stockcast.prices.csvfile.content import STANDARD_INPUT, content, file_text, label_of
from stockcast.prices.csvfile.dates import FileDates, looks_like_date, parse_dates
from stockcast.prices.csvfile.words import DATE_NAMES, first_of, header_key
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


def read_known_dates(source: str, days_of: Callable[[FileDates], Dates] = attrgetter("days")) -> KnownDates:
    """The days in a CSV: a column of dates under one of the names that price files use, or without any header.

    A column `ticker` or `symbol` says whose each date is; other columns do not matter.

    Args:
        source: The file.
        days_of: Gives the days of its dates, where stamps tell the moment; those that are written unless given.

    Raises:
        DataError: The file is missing or has no such column, or a cell is no date, with its row.
    """
    table = DateTable.read(source, "known dates")
    days = days_of(table.dates())
    tickers = table.tickers()
    if not tickers:
        return KnownDates(np.unique(days), (), source)
    pairs = sorted(set(zip(days.tolist(), tickers, strict=True)))
    return KnownDates(np.array([day for day, _ in pairs], dtype="datetime64[D]"), tuple(t for _, t in pairs), source)


@dataclass(frozen=True)
class DateTable:
    """A CSV with a date in each row, and perhaps whose it is.

    Attributes:
        label: What messages call the file.
        header: The keys of its columns; empty where it has no header.
        rows: The cells of each row below that.
        numbers: The row of each in the file, from 1.
        date_at: The column of dates.
        ticker_at: That of tickers; None where there is none.
    """

    label: str
    header: tuple[str, ...]
    rows: list[list[str]]
    numbers: list[int]
    date_at: int
    ticker_at: int | None

    @classmethod
    def read(cls, source: str, what: str, names: tuple[str, ...] = DATE_NAMES) -> Self:
        """The table of a file.

        Args:
            source: The file.
            what: What messages call its dates.
            names: Keys of headers that a column of dates may have.

        Raises:
            DataError: The file is missing or has no column of dates, or no row.
        """
        if source == STANDARD_INPUT:
            raise DataError(f"{what} cannot come from standard input", "name a file: it is read again by predict")
        label = label_of(source)
        return cls.of(*_rows(file_text(content(source), label).text, label), label, names)

    @classmethod
    def of(cls, rows: list[list[str]], numbers: list[int], label: str, names: tuple[str, ...]) -> Self:
        """The table of rows, each with its number in the file. Raises DataError as `read` does."""
        header = [header_key(cell) for cell in rows[0]]
        date_at, ticker_at = first_of(header, names), first_of(header, _TICKERS)
        if date_at is None:
            if not looks_like_date(rows[0][0]):
                raise DataError(
                    f"{label} has no column of dates; its first row is {shown(','.join(rows[0]))}",
                    "give it a header with date, and ticker where it is of several",
                )
            return cls(label, (), rows, numbers, 0, None)
        if not rows[1:]:
            raise DataError(f"{label} has no date below its header", "list the dates, one a row")
        return cls(label, tuple(header), rows[1:], numbers[1:], date_at, ticker_at)

    def column(self, at: int) -> list[str]:
        """The cells of a column, empty where a row is too short."""
        return [row[at].strip() if at < len(row) else "" for row in self.rows]

    def dates(self) -> FileDates:
        """The dates of the rows. Raises DataError for a cell that is none, with its row."""
        column = FileColumn(self.label, "date", self.column(self.date_at), np.array(self.numbers))
        try:
            return parse_dates(column)
        except DataError as error:
            error.hint = "correct or delete that row; write dates as 2021-01-27"
            raise

    def tickers(self) -> list[str]:
        """Whose each date is, in upper case; empty where no column says it. Raises DataError for an empty cell."""
        if self.ticker_at is None:
            return []
        tickers = [name.upper() for name in self.column(self.ticker_at)]
        for row, name in zip(self.numbers, tickers, strict=True):
            if not name:
                raise DataError(
                    f"{self.label}, row {row}: it has no ticker", "say whose date it is, or delete that column"
                )
        return tickers


def _rows(text: str, label: str) -> tuple[list[list[str]], list[int]]:
    """Rows of cells that are not empty, and the line of each."""
    import csv

    lines = text.split("\n")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        found = [(row, reader.line_num) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{label}, row {reader.line_num}: {error}", "correct or delete that row") from error
    if not found:
        raise DataError(
            f"{label}, row 1: it has no cell with a date, nor has any other row", "list the dates, one a row"
        )
    return [row for row, _ in found], [number for _, number in found]
