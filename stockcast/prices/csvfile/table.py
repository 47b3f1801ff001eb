"""Table: delimited text becomes named columns of cells, whatever lines stand over and under them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import FileTable, shown
from stockcast.prices.csvfile.header import SAMPLE_ROWS, Header, Row, header_of
from stockcast.prices.csvfile.words import header_key, known_words, names_field

_DELIMITERS, _RARE_DELIMITERS = (",", ";", "\t", "|"), ("~", "^")
# Columns that blanks keep apart: two and more where the cells have blanks in them.
_GAPS = {"  ": re.compile(r"\s{2,}|\t"), " ": re.compile(r"\s+")}
_HEAD_LINES, _SAMPLE_LINES = 8, 20
_EXCERPT = 200
_WORD = re.compile(r"\D*[^\W\d_]\D*")
_MARKUP = re.compile(r"\s*(?:[{\[]|<!--|<(?:!doctype|\?xml|html|head|body|error)\b)", re.IGNORECASE)
_DECLARED = re.compile(r"\s*\"?sep=(.)\"?\s*\n", re.IGNORECASE)
_QUOTED_LINE = re.compile(r'\s*"(?:[^"]|"")*"\s*')
_MOSTLY = 0.8
_TIME = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?:[+-]\d\d:?\d\d|Z)?")


def table_of_text(text: str, label: str, wanted: Sequence[str] = ()) -> FileTable:
    """The table in delimited text: comma, semicolon, tab, bar or blanks; lines before the header are skipped.

    wanted: names that tell the header, where the user gave some. Header lines of tickers, as pandas writes them
    above or under the names of the fields, become groups. Lines that begin with # are comments.

    Raises DataError: malformed quotes, no row, or a row with more cells than the header, with its number.
    """
    text = _unwrapped(text.replace("\ufeff", "") if "\ufeff" in text else text)
    delimiter = _delimiter(text)
    rows, lines = _split(text, delimiter, label)
    if "\n#" in text or text.startswith("#"):
        rows, lines = _without_comments(rows, lines)
    header = header_of(rows[:SAMPLE_ROWS], wanted)
    _refuse_messages(text, header, label)
    body, numbers = rows[header.body :], lines[header.body :]
    if delimiter in _GAPS:
        body = _with_times(body, len(header.names))
    ended = text.endswith("\n") or not body or not any(body[-1])
    body, numbers = _without_last_empty(body, numbers)
    unended = None if ended else int(numbers[-1])
    cut = unended is not None and (_is_narrower(body) or text[text.rfind("\n") + 1 :].count('"') % 2 == 1)
    body, numbers = _rectangular(body, numbers, len(header.names), label)
    if not body:
        raise DataError(f"{label} has no rows below its header {shown(text)}", "Download the prices again.")
    columns = tuple(zip(*body, strict=True))
    return FileTable(
        label, header.names, columns, numbers, header.groups, delimiter=delimiter, unended=unended, cut=cut
    )


def _refuse_messages(text: str, header: Header, label: str) -> None:
    """Providers answer with a page or an object when they have no prices, and tools save it as CSV."""
    markup = _MARKUP.match(text) is not None
    if markup or len(header.names) < 2:
        what = "looks like an error answer of the provider" if markup else "has a single column"
        raise DataError(
            f"{label} is not a price file: it starts with {shown(text[:_EXCERPT])} and {what}",
            "Download it again; a limit on requests or an unknown ticker are the usual causes.",
        )


def _unwrapped(text: str) -> str:
    """Without quotes that are around whole lines, which makes a cell of each of them."""
    sample = [line for line in islice(_lines(text), _SAMPLE_LINES) if line.strip()]
    if '"' not in text[:_EXCERPT] or not all(_QUOTED_LINE.fullmatch(line) for line in sample):
        return text
    return "\n".join(
        line.strip()[1:-1].replace('""', '"') if _QUOTED_LINE.fullmatch(line) else line for line in _lines(text)
    )


def _delimiter(text: str) -> str:
    """The delimiter that cuts most of the first lines into the same number of cells, two or more."""
    declared = _DECLARED.match(text)
    if declared is not None:
        return declared[1]
    lines = [line for line in islice(_lines(text), SAMPLE_ROWS) if line.strip() and not line.startswith("#")]
    # What stands far above the header is longer than that.
    lines = [*lines[:_HEAD_LINES], *lines[_HEAD_LINES:][-_SAMPLE_LINES:]]

    def consistency(delimiter: str) -> tuple[int, bool]:
        # Decimal commas stand between other delimiters, never the other way round.
        return _alike(_width(line, delimiter) for line in lines), delimiter != ","

    best = max(_DELIMITERS, key=consistency)
    if not consistency(best)[0]:
        best = max(_RARE_DELIMITERS, key=consistency)
    if any(known_words(line.split(best)) > 1 for line in lines):
        return best
    gaps = max(_GAPS, key=lambda gap: _alike(len(_GAPS[gap].split(line.strip())) for line in lines))
    cut = [_GAPS[gaps].split(line.strip()) for line in lines]
    shared = _alike(_width(line, best) for line in lines)
    # A summary at the end ("Highest: 105 Lowest: 90") has words of a header between numbers.
    named = any(known_words(row) > 1 and not any(map(str.isdecimal, row)) for row in cut)
    bars = sum(2 * sum(any(map(str.isdigit, cell)) for cell in row) > len(row) > 1 for row in cut)
    numbers = not shared and bars >= _MOSTLY * len(cut)
    return gaps if (named or numbers) and _alike(map(len, cut)) > shared else best


def _alike(widths: Iterator[int] | map[int]) -> int:
    """How many of the lines have the same number of cells, two or more."""
    counted = Counter(widths)
    counted.pop(1, None)
    return max(counted.values(), default=0)


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
    if delimiter in _GAPS:
        cut: list[Row] = [_GAPS[delimiter].split(line.strip()) for line in _lines(text)]
        return _with_joined_words(cut), np.arange(1, len(cut) + 1)
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


def _with_joined_words(rows: list[Row]) -> list[Row]:
    """With names such as Adj Close, which a blank has cut in two, in one cell of the header again."""
    width = Counter(map(len, rows)).most_common(1)[0][0]
    for row in rows[:SAMPLE_ROWS]:
        pairs = [at for at in range(len(row) - 1) if names_field(header_key(row[at] + row[at + 1]))]
        if len(row) > width and isinstance(row, list) and known_words(row) > 1:
            for at in reversed(pairs[-(len(row) - width) :]):
                row[at : at + 2] = [f"{row[at]} {row[at + 1]}"]
    return rows


def _without_comments(rows: list[Row], lines: NDArray[np.int64]) -> tuple[list[Row], NDArray[np.int64]]:
    """Without rows that begin with #, unless such a row names the columns."""
    kept = np.ones(len(rows), dtype=bool)
    for at in [at for at, row in enumerate(rows) if row and row[0].startswith("#")]:
        named = [rows[at][0].lstrip("# "), *rows[at][1:]]
        if at < SAMPLE_ROWS and known_words(named) > 1:
            rows[at] = named
        else:
            kept[at] = False
    return [row for row, keep in zip(rows, kept, strict=True) if keep], lines[kept]


def _with_times(rows: list[Row], width: int) -> list[Row]:
    """With a day and its time, which a blank has cut in two, in one cell again."""
    return [
        [f"{row[0]} {row[1]}", *row[2:]] if len(row) == width + 1 and _TIME.fullmatch(row[1]) else row for row in rows
    ]


def _without_last_empty(rows: list[Row], lines: NDArray[np.int64]) -> tuple[list[Row], NDArray[np.int64]]:
    end = len(rows)
    while end and not any(cell.strip() for cell in rows[end - 1]):
        end -= 1
    return rows[:end], lines[:end]


def _is_narrower(rows: list[Row]) -> bool:
    """Whether the last row has fewer cells than the one before."""
    return len(rows) > 1 and len(rows[-1]) < len(rows[-2])


def _rectangular(
    rows: list[Row], lines: NDArray[np.int64], width: int, label: str
) -> tuple[list[Row], NDArray[np.int64]]:
    """Rows of exactly `width` cells: empty rows go, missing cells at the end are empty.

    A row with more of them is refused, unless it is one of a few with words in it, such as a sentence with commas.
    """
    if set(map(len, rows)) == {width}:
        return rows, lines
    kept = [at for at, row in enumerate(rows) if any(cell.strip() for cell in row)]
    wide = [at for at in kept if any(cell.strip() for cell in rows[at][width:])]
    for at in wide:
        row: Row = [cell.strip() for cell in rows[at]]
        if not any(map(_WORD.fullmatch, row)) or 2 * len(wide) > len(kept):
            raise DataError(
                f"{label}, row {lines[at]}: {len(row)} cells under a header of {width}",
                "Correct that row; decimal commas need another delimiter than the comma, or quotes.",
            )
        rows[at] = [*row[: width - 1], ", ".join(row[width - 1 :])]
    for at in kept:
        row = rows[at]
        rows[at] = [*row[:width], *[""] * (width - len(row))]
    return [rows[at] for at in kept], lines[kept]
