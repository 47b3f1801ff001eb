"""Tickers: of a table with several, the part that is about one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import FileTable, listed_words, shown
from stockcast.prices.csvfile.layout import date_of, wide_columns, word_columns
from stockcast.prices.csvfile.words import TICKER_NAMES, header_key
from stockcast.prices.history import Caution

# What stands around a ticker: NASDAQ:AAPL, sh.600000, AAPL US Equity, 1332.T.
_BEFORE = re.compile(r"[a-z]{2,8}:(?=.)|(?:sh|sz|bj|hk|krx|kr|tse|twse)[.:]?(?=\d{4})")
_KIND = re.compile(r"(\S+)(?:\s+[a-z]{2})?\s+(?:equity|index|curncy|comdty|corp|govt)|(\S+)\s+[a-z]{2}")
_AFTER = re.compile(r"(.+)\.[a-z]{1,4}")
_CODE = re.compile(r"[^\W\d_]|\A\d+\Z")
_SERIES, _EQUITY, _SHARES = frozenset({"series", "sctysrs"}), "EQ", frozenset({"EQ", "BE", "BZ", "SM", "ST"})
_FEWEST_REPEATED = 0.1
_MOST_REMARKS = 0.02


@dataclass(frozen=True)
class Wanted:
    """Which ticker of a file is wanted.

    Attributes:
        ticker: What the user names; None where nothing is said.
        stem: What the file is named after.
        date_column: Name of the dates, where the user says so.
        close_column: Name of the closes, where the user says so.
    """

    ticker: str | None = None
    stem: str = ""
    date_column: str | None = None
    close_column: str | None = None

    @property
    def name(self) -> str:
        """The ticker that is wanted: what the user says counts for more than what a file is called."""
        return self.ticker or self.stem

    def among(self, tickers: Sequence[str]) -> str | None:
        """The one of the tickers that is wanted: as written, else without its exchange, if it is the only such one."""
        name = _bare(self.name)
        for alike in (_same, _same_letters, _same_listing):
            found = [ticker for ticker in tickers if alike(name, _bare(ticker))]
            if len(found) == 1 or (found and alike is _same):
                return found[0]
        return None

    def told(self, table: FileTable, ticker: str) -> FileTable:
        """The table of a ticker, with a note where it is not plain that it is the one that is wanted."""
        table = replace(table, ticker=ticker)
        if _same(_bare(ticker), _bare(self.name)):
            return table
        return replace(
            table, notes=(*table.notes, Caution(f"Of its tickers, {shown(ticker)} was taken for {self.name}."))
        )


def one_ticker(table: FileTable, wanted: Wanted) -> FileTable:
    """The part of a table that is about one ticker: the one that the user names, else the one the file is named after.

    Tickers stand over the columns, in their names, or in a column of their own, which is known by its name or because
    it has few words, under each of which no day is twice, though days are in the table as a whole. Names under which
    no day is twice are those of one series. A table with a single ticker is left as it is, whatever its name.

    Raises DataError that lists the tickers where none of several is wanted.
    """
    if table.groups:
        return _of_groups(table, wanted)
    wide = wide_columns(table, wanted.date_column) if wanted.close_column is None else []
    if wide:
        ticker = wanted.among([table.names[at] for at in wide])
        if ticker is None:
            return table
        date = date_of(table, wanted.date_column)
        return wanted.told(table.select([date, table.names.index(ticker)]), ticker)
    return _of_column(_of_shares(table), wanted)


def _of_shares(table: FileTable) -> FileTable:
    """Without the column in which India's exchanges write the series of a security, and with its shares alone.

    Of a company that has shares, rows of other series are bonds, and deals in blocks on the same day.
    """
    at = next((at for at, key in enumerate(table.keys) if key in _SERIES), None)
    series = [] if at is None or isinstance(table.columns[at], np.ndarray) else [*map(str.strip, table.columns[at])]
    if _EQUITY not in series or max(map(len, series)) > len(_EQUITY):
        return table
    symbols = [table.columns[place] for place in _named(table) if place != at][:1] or [[""] * len(series)]
    listed = {symbol for symbol, word in zip(symbols[0], series, strict=True) if word in _SHARES}
    others = [
        row
        for row, (symbol, word) in enumerate(zip(symbols[0], series, strict=True))
        if word not in _SHARES and symbol in listed
    ]
    table = table.select([place for place in range(len(table.names)) if place != at])
    if not others:
        return table
    words = listed_words(sorted({series[row] for row in others}))
    note = Caution(f"Rows of other series than shares ({words}) were left out: {len(others)} of {len(series)}.")
    kept = np.setdiff1d(np.arange(len(series)), others)
    return replace(table.take(kept), notes=(*table.notes, note))


def _of_groups(table: FileTable, wanted: Wanted) -> FileTable:
    tickers = [group for group in dict.fromkeys(table.groups) if group]
    if len(tickers) < 2:
        return replace(table, ticker=tickers[0] if tickers else None)
    # A column that the user names says whose it is.
    owners = {group for name, group in zip(table.names, table.groups, strict=True) if name == wanted.close_column}
    ticker = owners.pop() if len(owners) == 1 else wanted.among(tickers)
    if not ticker:
        raise _several(table, tickers)
    kept = table.select([at for at, group in enumerate(table.groups) if group in ("", ticker)])
    return wanted.told(kept, ticker)


def _of_column(table: FileTable, wanted: Wanted) -> FileTable:
    columns = [_TickerColumn.of(table, at) for at in _named(table)]
    table = replace(table, ticker=next((c.tickers[0] for c in columns if len(c.tickers) == 1), None))
    telling = [column for column in columns if len(column.tickers) > 1]
    days = None
    if not telling or wanted.ticker is None or all(wanted.among(column.tickers) is None for column in telling):
        days = _days(table, wanted)
        if len({*days}) == len(days):
            return _one_series(table, telling)
        telling = [column for column in telling if column.parts(days)] or list(_by_content(table, days))
    for column in telling:
        ticker = wanted.among(column.tickers)
        if ticker is not None:
            return wanted.told(table.take(column.rows(ticker)), ticker)
    if telling:
        raise _several(table, telling[0].tickers, telling[0].name)
    return table


@dataclass(frozen=True)
class _TickerColumn:
    """A column of text, stripped, and the different words in it that may be tickers."""

    name: str
    cells: Sequence[str]
    tickers: Sequence[str]

    @classmethod
    def of(cls, table: FileTable, at: int) -> _TickerColumn:
        name = table.names[at]
        cells = [cell.strip() for cell in table.columns[at]]
        words = [cell for cell in dict.fromkeys(cells) if cell and cell != name]
        return cls(name, cells, words if len(words) < 2 else _without_remarks(table, at, cells, words))

    def rows(self, ticker: str) -> np.ndarray:
        """Positions of the rows of a ticker."""
        return np.array([row for row, cell in enumerate(self.cells) if cell == ticker])

    def parts(self, days: Sequence[object]) -> bool:
        """Whether no day is twice under one ticker, and there are few tickers."""
        few = len(self.tickers) <= len(days) / 2
        return few and len({*zip(days, self.cells, strict=True)}) >= (1 - _MOST_REMARKS) * len(days)


def _without_remarks(table: FileTable, at: int, cells: Sequence[str], words: Sequence[str]) -> list[str]:
    """The words without those beside which there is never more than a day, such as that of a dividend."""
    others = [column for place, column in enumerate(table.columns) if place != at]
    if any(isinstance(column, np.ndarray) for column in others):
        return [*words]
    told = set()
    for row, cell in enumerate(cells):
        if cell not in told and sum(bool(column[row].strip()) for column in others) > 1:
            told.add(cell)
    return [word for word in words if word in told]


def _named(table: FileTable) -> list[int]:
    """Positions of columns that are called what columns of tickers are called."""
    keys = table.keys
    places = [keys.index(name) for name in TICKER_NAMES if name in keys]
    words = word_columns(table)
    return [at for at in places if at in words]


def _days(table: FileTable, wanted: Wanted) -> Sequence[object]:
    cells = table.columns[date_of(table, wanted.date_column)]
    return cells.tolist() if isinstance(cells, np.ndarray) else cells


def _one_series(table: FileTable, telling: Sequence[_TickerColumn]) -> FileTable:
    """The table, with a note on its names if there are few."""
    renamed = next((column for column in telling if len(column.tickers) <= len(column.cells) / 2), None)
    if renamed is None:
        return table
    note = Caution(f"{listed_words(renamed.tickers)} ({renamed.name}) share no day and were read as one series.")
    return replace(table, notes=(*table.notes, note))


def _by_content(table: FileTable, days: Sequence[object]) -> Iterator[_TickerColumn]:
    """Columns of few words or codes, under each of which no day is twice, where many days are."""
    if len({*days}) > (1 - _FEWEST_REPEATED) * len(days):
        return
    for at in word_columns(table):
        column = _TickerColumn.of(table, at)
        if len(column.tickers) > 1 and all(map(_CODE.search, column.tickers)) and column.parts(days):
            yield column


def _several(table: FileTable, tickers: Sequence[str], column: str = "") -> DataError:
    where = f" in its column {column}" if column and header_key(column) not in TICKER_NAMES else ""
    return DataError(
        f"{table.label} has prices of {len(tickers)} tickers{where}: {listed_words(tickers)}",
        "Choose one of them with --ticker, or by the name of the file.",
    )


def _bare(ticker: str) -> str:
    return ticker.strip().casefold()


def _same(one: str, other: str) -> bool:
    return one == other


def _same_letters(one: str, other: str) -> bool:
    """BRK-B, BRK.B and BRK/B."""
    key = header_key(one)
    return bool(key) and key == header_key(other)


def _same_listing(one: str, other: str) -> bool:
    """1332 and 1332.T, 5930 and 005930, sh.600000 and 600000.SH; not BRK.A and BRK.B."""
    mine, yours = _without_exchange(one), _without_exchange(other)
    if mine.isdecimal() and yours.isdecimal():
        return int(mine) == int(yours)
    return mine == other or one == yours or (mine == yours and mine != one != other and ":" in one + other)


def _without_exchange(ticker: str) -> str:
    bare = _BEFORE.sub("", ticker, count=1) if _BEFORE.match(ticker) else ticker
    kind = _KIND.fullmatch(bare)
    if kind is not None:
        bare = kind[1] or kind[2]
    after = _AFTER.fullmatch(bare)
    return after[1] if after is not None else bare
