"""Delimited text: CSV of any delimiter, with or without a header, becomes a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.csvfile import names
from stockcast.prices.csvfile.column import shown
from stockcast.prices.csvfile.dates import looks_like_date
from stockcast.prices.csvfile.table import Table

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 20
_EXCERPT = 200
_MARKUP = re.compile(r"\s*(?:[{\[]|<!--|<(?:!doctype|\?xml|html|head|body|error)\b)", re.IGNORECASE)

Row = Sequence[str]


@dataclass(frozen=True)
class _Header:
    names: tuple[str, ...]
    groups: tuple[str, ...]
    body: int


def table_of(text: str, label: str, wanted: Sequence[str] = ()) -> Table:
    """The table in delimited text: comma, semicolon, tab or bar; lines before the header are skipped.

    wanted: names that tell the header, where the user gave some. Two header lines above an index name, as pandas
    writes them, become names and groups.

    Raises DataError: malformed quotes, no row, or a row with more cells than the header, with its number.
    """
    delimiter = _delimiter(text)
    rows, lines = _split(text, delimiter, label)
    header = _header(rows, wanted)
    _refuse_messages(text, header, label)
    body, numbers = rows[header.body :], lines[header.body :]
    body, numbers, notes = _without_footer(body, numbers, len(header.names))
    body, numbers = _rectangular(body, numbers, len(header.names), label)
    if not body:
        raise DataError(f"{label} has no rows below its header {shown(text)}", "Download the prices again.")
    return Table(label, header.names, tuple(zip(*body, strict=True)), numbers, header.groups, delimiter, notes)


def _refuse_messages(text: str, header: _Header, label: str) -> None:
    """Providers answer with a page or an object when they have no prices, and tools save it as CSV."""
    markup = _MARKUP.match(text) is not None
    if markup or len(header.names) == 1:
        what = "looks like an error answer of the provider" if markup else "has a single column"
        raise DataError(
            f"{label} is not a price file: it starts with {shown(text[:_EXCERPT])} and {what}",
            "Download it again; a limit on requests or an unknown ticker are the usual causes.",
        )


def _delimiter(text: str) -> str:
    """The delimiter that cuts most of the first lines into the same number of cells, two or more."""
    lines = [line for line in islice(_lines(text), _SAMPLE_LINES) if line.strip()]

    def consistency(delimiter: str) -> tuple[int, bool]:
        widths = Counter(_width(line, delimiter) for line in lines)
        widths.pop(1, None)
        # Decimal commas stand between other delimiters, never the other way round.
        return max(widths.values(), default=0), delimiter != ","

    return max(_DELIMITERS, key=consistency)


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _width(line: str, delimiter: str) -> int:
    """Cells of a line; every second piece between quotes is quoted."""
    return 1 + sum(piece.count(delimiter) for piece in line.split('"')[::2])


def _split(text: str, delimiter: str, label: str) -> tuple[list[Row], NDArray[np.int64]]:
    """Rows of cells and the line each one ends on."""
    if '"' not in text:
        rows: list[Row] = [line.split(delimiter) for line in text.rstrip("\n").split("\n")]
        return rows, np.arange(1, len(rows) + 1)
    import csv

    reader = csv.reader(text.split("\n"), delimiter=delimiter, skipinitialspace=True)
    rows, lines = [], []
    try:
        for row in reader:
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"{label}, row {reader.line_num}: {error}", "Correct the quotes in that row.") from error
    return rows, np.array(lines, dtype=np.int64)


def _header(rows: list[Row], wanted: Sequence[str]) -> _Header:
    at = _header_row(rows[:_SAMPLE_LINES], wanted)
    row = rows[at]
    if at == 0 and looks_like_date(row[0] if row else ""):
        return _Header(tuple("" for _ in row), (), 0)
    if at > 0 and len(row) > 1 and not any(cell.strip() for cell in row[1:]):
        levelled = _levelled(rows[max(0, at - 2) : at], row[0], at + 1)
        if levelled is not None:
            return levelled
    return _Header(tuple(cell.strip() for cell in row), (), at + 1)


def _header_row(rows: list[Row], wanted: Sequence[str]) -> int:
    """The first row that names what is wanted, else a date, else a close; else the first row."""
    keys = [{names.key(cell) for cell in row} if len(row) > 1 else set() for row in rows]
    for telling in ({names.key(name) for name in wanted}, set(names.DATE), {*names.CLOSE, *names.ADJUSTED}):
        for at, found in enumerate(keys):
            if found & telling:
                return at
    return 0


def _levelled(rows: list[Row], index_name: str, body: int) -> _Header | None:
    """Two lines over an index name: one names the fields, the other one the tickers."""
    fields = {*names.CLOSE, *names.ADJUSTED}
    for at, row in enumerate(rows):
        if any(names.key(cell) in fields for cell in row[1:]):
            tickers = rows[1 - at] if len(rows) == 2 else []
            groups = [cell.strip() for cell in tickers[1 : len(row)]]
            groups += [""] * (len(row) - 1 - len(groups))
            return _Header((index_name, *(cell.strip() for cell in row[1:])), ("", *groups), body)
    return None


def _without_footer(
    rows: list[Row], lines: NDArray[np.int64], width: int
) -> tuple[list[Row], NDArray[np.int64], tuple[str, ...]]:
    """Without empty rows and a last line of prose, which some providers add."""
    end = len(rows)
    while end and not any(cell.strip() for cell in rows[end - 1]):
        end -= 1
    notes: tuple[str, ...] = ()
    if end and len(rows[end - 1]) < width and not any(cell.strip() for cell in rows[end - 1][1:]):
        notes = (f"The last row, {shown(rows[end - 1][0])}, is incomplete and was left out.",)
        end -= 1
    return rows[:end], lines[:end], notes


def _rectangular(
    rows: list[Row], lines: NDArray[np.int64], width: int, label: str
) -> tuple[list[Row], NDArray[np.int64]]:
    """Rows of exactly `width` cells: empty rows go, missing cells at the end are empty, more cells are refused."""
    if set(map(len, rows)) == {width}:
        return rows, lines
    kept = [at for at, row in enumerate(rows) if any(cell.strip() for cell in row)]
    for at in kept:
        row = rows[at]
        if any(cell.strip() for cell in row[width:]):
            raise DataError(
                f"{label}, row {lines[at]}: {len(row)} cells under a header of {width}",
                "Correct that row; decimal commas need another delimiter than the comma, or quotes.",
            )
        rows[at] = [*row[:width], *[""] * (width - len(row))]
    return [rows[at] for at in kept], lines[kept]
