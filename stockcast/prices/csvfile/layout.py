"""Layout: whoever wrote a file, its columns are found. Foreign words end at this door."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from itertools import compress
from typing import Any

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import FileTable, listed_words, shown
from stockcast.prices.csvfile.dates import dated, looks_like_dates
from stockcast.prices.csvfile.words import (
    ADJUSTED_NAMES,
    CLOCK_NAMES,
    CLOSE_NAMES,
    DATE_NAMES,
    OTHER_NAMES,
    PRICE_NAMES,
    YAHOO_SPLITS,
    first_of,
    header_key,
    may_be_close,
    names_field,
)
from stockcast.prices.history import Caution

_BLANK = frozenset({"", "-", "--", ".", "null", "nan", "none", "na", "n/a", "#n/a", "nil"})
_TIME = re.compile(r"\d{1,2}:\d\d")
_DECIMAL = re.compile(r"[+-]?\d*[.,]\d+")
_UNNAMED = frozenset({"", "index", "indexlevel0", "unnamed0"})
_SAMPLE, _MOSTLY = 100, 0.8
_MOST_BLANK = 0.1
_FEWEST_WIDE = 2
_MOST_WORDS = 1000
"""More different words than these are names of companies."""


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

    def taken(self, table: FileTable) -> dict[str, str]:
        """What was found, by its name in the file: date, close and the rest."""
        places = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: table.names[at] or f"column {at + 1}"
            for name, at in places.items()
            if isinstance(at, int) and not isinstance(at, bool)
        }


def layout_of(table: FileTable, date_column: str | None = None, close_column: str | None = None) -> Layout:
    """Find the columns by their names, case and decoration aside; `date_column` and `close_column` overrule.

    Without a telling name the date is the column of dates, and the close the only column besides it. Columns without
    any value are not there. A close column that the user names and that would not have been found is its own adjusted
    close.

    Raises DataError that lists the columns where date or close cannot be told.
    """
    keys = table.keys
    date = date_of(table, date_column)
    found = _closes(table, keys, date) if close_column is None else _named_close(table, keys, date, close_column)
    if found is None and not any(table.names):
        raise _no_header(table)
    if found is None:
        wide = wide_columns(table, date_column)
        raise DataError(
            f"{table.label} has no column that is a close; its columns: {listed_words(table.names)}",
            "Choose one of them with --ticker or --close-column." if wide else "Name it with --close-column.",
        )
    others: dict[str, Any] = {name: first_of(keys, aliases) for name, aliases in OTHER_NAMES.items()}
    return replace(found, **{name: at for name, at in others.items() if at not in (found.date, found.close)})


def wide_columns(table: FileTable, date_column: str | None = None) -> list[int]:
    """The columns of a table that has nothing but closes, under tickers; none where it is no such table."""
    date = date_of(table, date_column)
    keys = table.keys
    places = [at for at, name in enumerate(table.names) if at != date and name]
    if any(keys[at] in PRICE_NAMES for at in places):
        return []
    wide = [at for at in places if may_be_close(keys[at]) and _first(table, at)[:1].isdigit()]
    # LOW and OPEN are tickers, too: two fields and more are none.
    fields = [at for at in places if names_field(keys[at])]
    return [at for at in places if at in wide or at in fields] if len(wide) >= _FEWEST_WIDE > len(fields) else []


def with_whole_dates(table: FileTable) -> FileTable:
    """The table with year, month and day in one column, where they are in three."""
    keys = table.keys
    if not {"year", "month", "day"}.issubset(keys) or "date" in keys:
        return table
    places = [keys.index(part) for part in ("year", "month", "day")]
    parts = [table.columns[at] for at in places]
    if any(isinstance(cells, np.ndarray) for cells in parts):
        return table
    dates = ["-".join(map(str.strip, day)) for day in zip(*parts, strict=True)]
    kept = table.select([at for at in range(len(keys)) if at not in places])
    fields = ("Date", *kept.fields) if kept.fields else ()
    groups = ("", *kept.groups) if kept.groups else ()
    return replace(kept, names=("Date", *kept.names), columns=(dates, *kept.columns), fields=fields, groups=groups)


def refuse_long(table: FileTable) -> None:
    """Raise DataError for a table in which opens, closes and the rest are rows, under a column that says which."""
    from stockcast.prices.csvfile.names import levels_of

    for at, name in enumerate(table.names):
        first = _first(table, at)
        if isinstance(table.columns[at], np.ndarray) or not first or any(map(str.isdigit, first)):
            continue
        words = [*dict.fromkeys(cell.strip() for cell in table.columns[at] if not _is_blank(cell))]
        if not 1 < len(words) <= _MOST_WORDS:
            continue
        keys = [header_key(field) for field, _ in levels_of(words) or [(word, "") for word in words]]
        fields = {*filter(names_field, keys)}
        if len(fields) > 1 and not fields.isdisjoint(PRICE_NAMES) and 2 * sum(map(names_field, keys)) > len(keys):
            raise DataError(
                f"{table.label} is a long table: its column {name or at + 1} says what each value is "
                f"({listed_words(words)})",
                "Write it with one row a day, and a column for each of them: Date,Open,High,Low,Close,Volume.",
            )


def speaks_of_tickers(table: FileTable) -> bool:
    """Whether there may be prices of several tickers: over the columns, in their names or in columns of words."""
    closes = [key for key in table.keys if key in PRICE_NAMES]
    return bool(table.groups) or not closes or len({*closes}) < len(closes) or bool(word_columns(table))


def word_columns(table: FileTable) -> list[int]:
    """The columns of words or codes that are neither dates nor times nor prices."""
    return [
        at
        for at, key in enumerate(table.keys)
        if not names_field(key) and key not in {*DATE_NAMES, *CLOCK_NAMES} and _holds_words(table, at)
    ]


def _holds_words(table: FileTable, at: int) -> bool:
    if isinstance(table.columns[at], np.ndarray):
        return False
    first = _first(table, at)
    return bool(first) and not _DECIMAL.fullmatch(first) and not _TIME.match(first)


def date_of(table: FileTable, date_column: str | None = None) -> int:
    """Position of the dates: by the name that the user gives, by a telling name, else by what the cells hold.

    Raises DataError that lists the columns where it cannot be told.
    """
    if date_column is not None:
        return _named(table, date_column, "--date-column")
    keys = table.keys
    named = [keys.index(name) for name in DATE_NAMES if name in keys]
    filled = [at for at in named if _first(table, at)]
    if filled or named:
        return (filled or named)[0]
    unnamed = [at for at, key in enumerate(keys) if key in _UNNAMED]
    for places in (unnamed, range(len(keys))):
        likely = [at for at in places if _holds_dates(table, at)]
        if len(likely) > 1:
            # A day of listing or of download stands in many rows.
            likely = [at for at in likely if len({*table.columns[at]}) > len(table) / 2]
        if len(likely) == 1:
            return likely[0]
    if not any(table.names):
        raise _no_header(table)
    raise DataError(
        f"{table.label} has no column that is a date; its columns: {listed_words(table.names)}",
        "Name it with --date-column.",
    )


def _first(table: FileTable, at: int) -> str:
    """The first cell that is not blank, as text."""
    cells = table.columns[at]
    if isinstance(cells, np.ndarray):
        present = cells[~np.isnan(cells)] if cells.dtype.kind == "f" else cells[~np.isnat(cells)]
        return str(present[0]) if len(present) else ""
    return next((cell.strip() for cell in cells if not _is_blank(cell)), "")


def _is_blank(cell: str) -> bool:
    return cell.strip().lower() in _BLANK


def _holds_dates(table: FileTable, at: int) -> bool:
    cells = table.columns[at]
    if isinstance(cells, np.ndarray):
        return looks_like_dates(cells)
    # A header may come again among the rows, and a remark below them.
    sample = cells[:_SAMPLE]
    of_dates = dated(sample)
    return of_dates.mean() >= _MOSTLY and looks_like_dates([*compress(sample, of_dates)])


def _no_header(table: FileTable) -> DataError:
    return DataError(
        f"{table.label} has no header that names its {len(table.names)} columns",
        "Add a first row such as Date,Open,High,Low,Close,Volume.",
    )


def _closes(table: FileTable, keys: list[str], date: int) -> Layout | None:
    """The layout's date, close and adjusted close."""
    close, notes = _fullest(table, keys, CLOSE_NAMES, date)
    if close is not None:
        return _with_adjusted(table, keys, Layout(date, close, notes=notes))
    adjusted, _ = _fullest(table, keys, ADJUSTED_NAMES, date)
    if adjusted is not None:
        note = "The file has an adjusted close only: prices shown are adjusted, not as traded."
        return Layout(date, adjusted, close_is_adjusted=True, notes=(note,))
    others = [at for at in range(len(keys)) if at != date]
    if len(others) != 1:
        return None
    name = table.names[others[0]]
    if not may_be_close(keys[others[0]]) or (name and not keys[others[0]]):
        return None
    return Layout(date, others[0], notes=(f"The close is taken from the column {shown(name)}.",) if name else ())


def _named_close(table: FileTable, keys: list[str], date: int, name: str) -> Layout:
    """The close that the user names; its adjusted close only where it would have been found without that."""
    close = _named(table, name, "--close-column")
    if close != next((at for at in _places(keys, CLOSE_NAMES) if at != date), None):
        return Layout(date, close, close_is_adjusted=keys[close] in ADJUSTED_NAMES)
    found = _with_adjusted(table, keys, Layout(date, close))
    if found.adjusted_close is not None and _blanks(table, found.adjusted_close) > _blanks(table, close):
        note = Caution("The adjusted close is empty in some rows and is not used.")
        return replace(found, adjusted_close=None, notes=(*found.notes, note))
    return found


def _with_adjusted(table: FileTable, keys: list[str], found: Layout) -> Layout:
    adjusted, _ = _fullest(table, keys, ADJUSTED_NAMES, found.date)
    if adjusted is not None and not _first(table, adjusted):
        note = Caution("The adjusted close is empty in every row and is not used.")
        return replace(found, notes=(*found.notes, note))
    # Yahoo's client leaves the adjusted close out where it has adjusted the close itself.
    yahoo = bool(table.groups) or YAHOO_SPLITS in keys
    return replace(found, adjusted_close=adjusted, close_is_adjusted=adjusted is None and yahoo)


def _places(keys: list[str], aliases: tuple[str, ...]) -> list[int]:
    """The columns of a meaning, the best name first."""
    return [keys.index(alias) for alias in aliases if alias in keys]


def _fullest(
    table: FileTable, keys: list[str], aliases: tuple[str, ...], date: int
) -> tuple[int | None, tuple[str, ...]]:
    """The first column of a meaning, or a later one where the first is blank in rows in which that has a value."""
    places = [at for at in _places(keys, aliases) if at != date]
    if not places:
        return None, ()
    first = places[0]
    _refuse_two(table, keys, first)
    if len(places) == 1:
        return first, ()
    best = min(places, key=lambda at: _blanks(table, at))
    if _blanks(table, first) - _blanks(table, best) <= _MOST_BLANK * len(table):
        return first, ()
    _refuse_two(table, keys, best)
    blank = f"{shown(table.names[first])} is empty in {_blanks(table, first)} of {len(table)} rows"
    return best, (Caution(f"The close is taken from the column {shown(table.names[best])}: {blank}."),)


def _blanks(table: FileTable, at: int) -> int:
    cells = table.columns[at]
    if isinstance(cells, np.ndarray):
        return int(np.isnan(cells).sum())
    return sum(map(_is_blank, cells))


def _refuse_two(table: FileTable, keys: list[str], at: int) -> None:
    """Two columns of one name with different cells: which is meant is for the user to say."""
    twins = [place for place, key in enumerate(keys) if key == keys[at] or _is_second(table, place, at)]
    if len(twins) < 2 or all(_equal(table, at, twin) for twin in twins):
        return
    names = [table.names[twin] for twin in twins]
    raise DataError(
        f"{table.label} has {len(twins)} columns named {shown(table.names[at])}",
        f"Name one of them with --close-column: {listed_words(names)}."
        if len({*names}) == len(names)
        else "Keep one of them, or rename the others.",
    )


def _is_second(table: FileTable, place: int, at: int) -> bool:
    """Whether a column is what pandas calls the second one of a name: Close.1 beside Close."""
    first, second = table.names[at], table.names[place]
    return second.startswith(f"{first}.") and second[len(first) + 1 :].isdigit()


def _equal(table: FileTable, one: int, other: int) -> bool:
    return bool(np.array_equal(np.asarray(table.columns[one]), np.asarray(table.columns[other])))


def _named(table: FileTable, name: str, option: str) -> int:
    """The column that the user named: as written, else by its letters and digits alone."""
    if name in table.names:
        return table.names.index(name)
    key = header_key(name)
    for keys in ([header_key(column) for column in table.names], table.keys):
        if key and key in keys:
            return keys.index(key)
    raise DataError(
        f"{table.label} has no column {shown(name)}; its columns: {listed_words(table.names)}", f"Correct {option}."
    )
