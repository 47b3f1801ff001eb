"""Layout: which columns of a table are the date, the close and the rest, whoever wrote the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.csvfile import names
from stockcast.prices.csvfile.cells import looks_like_date, shown
from stockcast.prices.csvfile.formats import FileTable

_LISTED = 20


@dataclass(frozen=True)
class Layout:
    """Positions of a table's columns; None where it has no such column.

    close_is_adjusted: the close itself is an adjusted one, so that nothing is missing without another.
    """

    date: int
    close: int
    adjusted_close: int | None = None
    open: int | None = None
    high: int | None = None
    low: int | None = None
    volume: int | None = None
    splits: int | None = None
    close_is_adjusted: bool = False
    notes: tuple[str, ...] = ()


def layout_of(table: FileTable, date_column: str | None = None, close_column: str | None = None) -> Layout:
    """Find the columns by their names, case and decoration aside; `date_column` and `close_column` overrule.

    Without a telling name the date is the one column whose first cell is a date, and the close the only column
    besides it. A close column that the user names and that would not have been found is its own adjusted close.

    Raises DataError that lists the columns where date or close cannot be told.
    """
    keys = [names.key(name) for name in table.names]
    date = _date(table, keys, date_column)
    found = _closes(table, keys, date)
    if close_column is not None:
        close = _named(table, keys, close_column, "--close-column")
        if found is None or close != found.close:
            found = Layout(date, close, close_is_adjusted=keys[close] in names.ADJUSTED)
    if found is None and not any(table.names):
        raise _no_header(table)
    if found is None:
        raise DataError(
            f"{table.label} has no column that is a close; its columns: {_listed(table.names)}",
            "Name it with --close-column.",
        )
    others: dict[str, Any] = {name: names.position(keys, aliases) for name, aliases in names.OTHERS.items()}
    return replace(found, **others)


def one_ticker(table: FileTable, wanted: Sequence[str]) -> FileTable:
    """The part of a table that is about one ticker, chosen by the first of the names `wanted` that it has.

    Tickers stand over the columns or in a column of their own; a table with a single one is left as it is,
    whatever its name. Raises DataError that lists the tickers where none of several is wanted.
    """
    if table.groups:
        tickers = [group for group in dict.fromkeys(table.groups) if group]
        if len(tickers) > 1:
            ticker = _chosen(table.label, tickers, wanted)
            return table.select([at for at, group in enumerate(table.groups) if group in ("", ticker)])
        return table
    at = names.position([names.key(name) for name in table.names], names.TICKER)
    if at is None or isinstance(table.columns[at], np.ndarray):
        return table
    cells = table.columns[at]
    tickers = list(dict.fromkeys(cells))
    if len(tickers) < 2:
        return table
    ticker = _chosen(table.label, tickers, wanted)
    return table.take(np.array([row for row, cell in enumerate(cells) if cell == ticker]))


def _chosen(label: str, tickers: Sequence[str], wanted: Sequence[str]) -> str:
    for name in wanted:
        for ticker in tickers:
            if ticker.strip().casefold() == name.casefold():
                return ticker
    raise DataError(
        f"{label} has prices of {len(tickers)} tickers: {_listed(tickers)}", "Choose one of them with --ticker."
    )


def _date(table: FileTable, keys: list[str], date_column: str | None) -> int:
    if date_column is not None:
        return _named(table, keys, date_column, "--date-column")
    at = names.position(keys, names.DATE)
    if at is not None:
        return at
    likely = [at for at in range(len(keys)) if _holds_dates(table, at)]
    if len(likely) != 1:
        raise _no_date(table)
    return likely[0]


def _holds_dates(table: FileTable, at: int) -> bool:
    cells = table.columns[at]
    if isinstance(cells, np.ndarray):
        return cells.dtype.kind == "M"
    return looks_like_date(next((cell for cell in cells if cell.strip()), ""))


def _no_date(table: FileTable) -> DataError:
    if not any(table.names):
        return _no_header(table)
    return DataError(
        f"{table.label} has no column that is a date; its columns: {_listed(table.names)}",
        "Name it with --date-column.",
    )


def _no_header(table: FileTable) -> DataError:
    return DataError(
        f"{table.label} has no header that names its {len(table.names)} columns",
        "Add a first row such as Date,Open,High,Low,Close,Volume.",
    )


def _closes(table: FileTable, keys: list[str], date: int) -> Layout | None:
    """The layout's date, close and adjusted close."""
    close, adjusted = (_only(table, keys, aliases) for aliases in (names.CLOSE, names.ADJUSTED))
    if close is not None:
        # Yahoo's client leaves the adjusted close out where it has adjusted the close itself.
        yahoo = bool(table.groups) or names.YAHOO_SPLITS in keys
        return Layout(date, close, adjusted, close_is_adjusted=adjusted is None and yahoo)
    if adjusted is not None:
        note = "The file has an adjusted close only: prices shown are adjusted, not as traded."
        return Layout(date, adjusted, close_is_adjusted=True, notes=(note,))
    others = [at for at in range(len(keys)) if at != date]
    if len(others) != 1:
        return None
    name = table.names[others[0]]
    return Layout(date, others[0], notes=(f"The close is taken from the column {shown(name)}.",) if name else ())


def _only(table: FileTable, keys: list[str], aliases: tuple[str, ...]) -> int | None:
    at = names.position(keys, aliases)
    if at is not None and keys.count(keys[at]) > 1:
        raise DataError(
            f"{table.label} has {keys.count(keys[at])} columns named {shown(table.names[at])}",
            "Keep one of them, or rename the others.",
        )
    return at


def _named(table: FileTable, keys: list[str], name: str, option: str) -> int:
    """The column that the user named: as written, else by its letters and digits alone."""
    if name in table.names:
        return table.names.index(name)
    key = names.key(name)
    if key and key in keys:
        return keys.index(key)
    raise DataError(
        f"{table.label} has no column {shown(name)}; its columns: {_listed(table.names)}", f"Correct {option}."
    )


def _listed(words: Sequence[str]) -> str:
    listed = ", ".join(word if word.strip() else "(unnamed)" for word in words[:_LISTED])
    return listed if len(words) <= _LISTED else f"{listed} and {len(words) - _LISTED} more"
