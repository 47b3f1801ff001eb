"""Header: which rows stand over the bars of a table, and what each of them says about the columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stockcast.prices.csvfile.dates import looks_like_date
from stockcast.prices.csvfile.words import (
    DATE_NAMES,
    TICKER_NAMES,
    UNITS,
    header_key,
    keys_of,
    known_among,
    names_field,
)

SAMPLE_ROWS = 60
"""Rows at the top of a file among which its header is looked for."""

Row = Sequence[str]

_MOSTLY = 0.9
_COUNT = re.compile(r"(?:columns?|col|v|x|f|c|var|field|unnamed|spalte|列)?([0-9]{1,3})")
_FEWEST_COUNTED = 3
_COUNTED = re.compile(r"(.+)\.\d+")


@dataclass(frozen=True)
class Header:
    """What stands over the columns: the words of the row that names most fields, and the tickers of another row.

    body: the first row of bars.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    body: int


def without_counts(names: Sequence[str]) -> tuple[str, ...]:
    """Close for Close.1, as pandas calls the second of two columns."""
    counted = [(name, _COUNTED.fullmatch(name)) for name in names]
    return tuple(match[1] if match is not None and match[1] in names else name for name, match in counted)


def header_of(rows: Sequence[Row], wanted: Sequence[str]) -> Header:
    """The header among the first rows of a file; empty names where the bars have none.

    wanted: names that tell the header, where the user gave some.
    """
    width = _usual_width(rows)
    if not rows:
        return Header((), (), 0)
    at = _naming_row(rows, wanted, width)
    if at is None:
        at = next((at for at, row in enumerate(rows) if len(row) >= max(width - 1, 1)), 0)
        if _only_counts(rows[at]):
            return Header(("",) * width, (), at + 1)
        if _holds_bar(rows, at):
            return Header(("",) * width, (), at)
    return _shifted(_Block.around(rows, at).header(), rows)


def _usual_width(rows: Sequence[Row]) -> int:
    widths = Counter(len(row) for row in rows if len(row) > 1)
    return max(widths, key=lambda width: (widths[width], width), default=1)


def _naming_row(rows: Sequence[Row], wanted: Sequence[str], width: int) -> int | None:
    """The row with most words that are wanted, else with most that are known; a date before others."""
    asked = {header_key(name) for name in wanted}
    best, found = (0, 0, False), None
    for at, row in enumerate(rows):
        if len(row) < max(2, width - 1) or row[0][:1].isdigit():
            continue
        keys = {*keys_of(row)}
        # A date beside blanks names the index, and the fields stand above it.
        score = (len(asked & keys), known_among(keys), keys - {""} > keys.intersection(DATE_NAMES) > set())
        if score > best and not any(looks_like_date(cell) for cell in row):
            best, found = score, at
    return found


def _holds_bar(rows: Sequence[Row], at: int) -> bool:
    """Whether a row has digits in the same columns as those below it: a header has words there, or nothing."""
    below = [row for row in rows[at + 1 : at + 6] if len(row) == len(rows[at])]
    filled = [[cell for cell in cells if cell.strip()] for cells in zip(*below, strict=True)]
    digits = [at for at, cells in enumerate(filled) if cells and all(map(_has_digit, cells))]
    if not below:
        return looks_like_date(rows[at][0]) if rows[at] else False
    return len(digits) > 1 and all(_has_digit(rows[at][column]) for column in digits)


def _only_counts(row: Row) -> bool:
    """Whether the cells count the columns, as programmes do that find no header: 0, 1, 2; V1, V2, V3; A, B, C."""
    keys = [header_key(cell) for cell in row]
    if len(keys) < _FEWEST_COUNTED:
        return False
    if keys == [chr(ord("a") + at) for at in range(len(keys))]:
        return True
    counts = [_COUNT.fullmatch(key) for key in keys]
    numbers = [int(count[1]) for count in counts if count is not None]
    return len(numbers) == len(keys) and numbers == [*range(numbers[0], numbers[0] + len(keys))] and numbers[0] < 2


def _has_digit(cell: str) -> bool:
    return any(map(str.isdigit, cell))


@dataclass(frozen=True)
class _Block:
    """The rows about the one that names most fields: those directly above it, itself, and those down to the bars."""

    above: Sequence[Row]
    fields: Row
    below: Sequence[Row]
    date: int
    body: int

    @classmethod
    def around(cls, rows: Sequence[Row], at: int) -> _Block:
        fields = [cell.strip() for cell in rows[at]]
        keys = keys_of(fields)
        date = next((column for column, key in enumerate(keys) if key in DATE_NAMES), 0)
        body = at + 1
        while body < len(rows) and _stands_over(rows[body], fields, date):
            body += 1
        above = [row for row in rows[max(0, at - 2) : at] if 0 <= len(fields) - len(row) <= 1 < len(row)]
        return cls(above, fields, rows[at + 1 : body], date, body)

    def header(self) -> Header:
        """The names, with the index's own name where it stands in another row, and the tickers."""
        names: list[str] = list(self.fields)
        groups: tuple[str, ...] = ()
        for row in (*self.below, *self.above):
            if len(row) == 1:
                continue
            groups = groups or _tickers(row, self.fields, self.date, merged=row in self.above)
            index = row[self.date].strip() if self.date < len(row) else ""
            if header_key(index) in DATE_NAMES:
                names[self.date] = index
        return Header(tuple(names), groups, self.body)


def _stands_over(row: Row, fields: Row, date: int) -> bool:
    """Whether a row below the fields is no bar: empty, an index's name, tickers or units."""
    day = row[date] if date < len(row) else ""
    if _has_digit(day):
        return False
    return not any(map(_has_digit, row)) or bool(_tickers(row, fields, date))


def _tickers(row: Row, fields: Row, date: int, merged: bool = False) -> tuple[str, ...]:
    """The ticker over each column that a row of tickers names, else nothing.

    merged: whether a ticker may stand over the first of its columns alone, as in merged cells of spreadsheets.
    """
    cells = [""] * (len(fields) - len(row)) + [cell.strip() for cell in row[: len(fields)]]
    if merged and header_key(cells[date]) in {"", *DATE_NAMES}:
        for at in range(date + 2, len(cells)):
            cells[at] = cells[at] or cells[at - 1]
    fields = without_counts(fields)
    over = [at for at, field in enumerate(fields) if field and at != date]
    named = [cells[at] for at in over]
    if not named or not all(named) or not _label(cells[date]) or any(header_key(word) in UNITS for word in named):
        return ()
    pairs = {(fields[at], cells[at]) for at in over}
    if len({*named}) > 1 and (len(pairs) < len(over) or len({fields[at] for at in over}) == len(over)):
        return ()
    if any(names_field(key) for key in keys_of(named)):
        return ()
    return tuple(cells[at] if at in over else "" for at in range(len(fields)))


def _label(cell: str) -> bool:
    """Whether a row that begins with the cell may be one of tickers."""
    return header_key(cell) in {"", "price", *TICKER_NAMES, *DATE_NAMES}


def _shifted(header: Header, rows: Sequence[Row]) -> Header:
    """With a name for the first column where that has none: R writes the names of rows so."""
    below = [row for row in rows[header.body :] if len(row) > 1]
    width = len(header.names) + 1
    whole = [row for row in below if len(row) == width]
    if len(whole) <= _MOSTLY * len(below) or not any(row[-1].strip() for row in whole):
        return header
    date = next((at for at, key in enumerate(keys_of(header.names)) if key in DATE_NAMES), None)
    first = whole[0]
    at = 0 if date is None else date + 1
    if not looks_like_date(first[at]) or (date is not None and looks_like_date(first[date])):
        return header
    return Header(("", *header.names), ("", *header.groups) if header.groups else (), header.body)
