"""Table: delimited text and Parquet become named columns of cells, and whoever wrote the file, its columns are found.

Which headers of which providers mean what is said here: foreign words end at this door.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import Cells, FileColumn, looks_like_date, shown
from stockcast.prices.history import Dates

if TYPE_CHECKING:
    import pyarrow as pa

DATE_NAMES = (
    "date", "datetime", "tradedate", "tradingdate", "pricedate", "observationdate", "timestamp", "day", "time",
)  # fmt: skip
CLOSE_NAMES = (
    "close", "closelast", "closeprice", "closingprice", "last", "lastprice", "pxlast", "settle", "settlement",
    "settlementprice", "price", "nav", "value",
)  # fmt: skip
ADJUSTED_NAMES = ("adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjcloseprice", "adjustedcloseprice")
OTHER_NAMES = {
    "open": ("open", "openprice", "openingprice"),
    "high": ("high", "highprice", "dayhigh"),
    "low": ("low", "lowprice", "daylow"),
    "volume": ("volume", "vol", "sharevolume", "totalvolume", "tradedvolume"),
    # Not Yahoo's "Stock Splits": its closes and volumes are split-adjusted already.
    "splits": ("splitcoefficient", "splitfactor", "splitratio", "split"),
}
YAHOO_SPLITS = "stocksplits"
TICKER_NAMES = ("ticker", "symbol", "name")

_NUMBERING = re.compile(r"\s*\d+\.\s")
_ASIDE = re.compile(r"\([^)]*\)")


def header_key(name: str) -> str:
    """What is compared of a header: its letters and digits in lower case.

    "Adj. Close**", "5. adjusted close" and "Close (USD)" become adjclose, adjustedclose and close.
    """
    plain = _ASIDE.sub("", _NUMBERING.sub("", name, count=1) if _NUMBERING.match(name) else name)
    return "".join(filter(str.isalnum, plain)).lower()


def first_of(keys: list[str], aliases: tuple[str, ...]) -> int | None:
    """Index of the first alias that is among the keys; earlier aliases win."""
    return next((keys.index(alias) for alias in aliases if alias in keys), None)


@dataclass(frozen=True)
class FileTable:
    """Columns of equal length under the names of the header.

    label: what messages call the file. rows: row in the file of each entry, counted from 1. groups: the ticker over
    each column where the header has such a line, else empty. delimiter: between the cells.
    """

    label: str
    names: tuple[str, ...]
    columns: tuple[Cells, ...]
    rows: NDArray[np.int64]
    groups: tuple[str, ...] = ()
    delimiter: str = ","
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, index: int) -> FileColumn:
        """The column at `index`, which knows its name and rows."""
        return FileColumn(self.label, self.names[index], self.columns[index], self.rows)

    def take(self, kept: NDArray[Any]) -> FileTable:
        """The entries at the positions `kept`."""
        if len(kept) == len(self):
            return self
        positions = kept.tolist()
        columns = tuple(
            cells[kept] if isinstance(cells, np.ndarray) else [cells[at] for at in positions] for cells in self.columns
        )
        return replace(self, columns=columns, rows=self.rows[kept])

    def select(self, kept: Sequence[int]) -> FileTable:
        """The columns at the positions `kept`."""
        return replace(
            self,
            names=tuple(self.names[at] for at in kept),
            columns=tuple(self.columns[at] for at in kept),
            groups=tuple(self.groups[at] for at in kept) if self.groups else (),
        )


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


def table_of_text(text: str, label: str, wanted: Sequence[str] = ()) -> FileTable:
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
    return FileTable(label, header.names, tuple(zip(*body, strict=True)), numbers, header.groups, delimiter, notes)


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
    keys = [{header_key(cell) for cell in row} if len(row) > 1 else set() for row in rows]
    for telling in ({header_key(name) for name in wanted}, set(DATE_NAMES), {*CLOSE_NAMES, *ADJUSTED_NAMES}):
        for at, found in enumerate(keys):
            if found & telling:
                return at
    return 0


def _levelled(rows: list[Row], index_name: str, body: int) -> _Header | None:
    """Two lines over an index name: one names the fields, the other one the tickers."""
    fields = {*CLOSE_NAMES, *ADJUSTED_NAMES}
    for at, row in enumerate(rows):
        if any(header_key(cell) in fields for cell in row[1:]):
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


MAGIC = b"PAR1"

_PARQUET_HINT = "Write the prices again, with a date column, a close column and plain numbers."


def table_of_parquet(data: bytes, label: str) -> FileTable:
    """The table in the bytes of a Parquet file; rows are counted from 1.

    Numbers become float64, dates and times days in their own zone, everything else text. Column names of two levels,
    which pandas writes as "('Close', 'AAPL')", become names and groups.

    Raises DataError where pyarrow cannot read the bytes, or a column has a type without a meaning here.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not `read_table`, and below not `to_numpy`: both import pandas.
        table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        columns = tuple(_cells(column) for column in table.columns)
    except (pa.ArrowException, OSError, ValueError, TypeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{label} cannot be read as Parquet: {reason}", _PARQUET_HINT) from error
    if not table.num_rows:
        raise DataError(f"{label} has no rows", _PARQUET_HINT)
    names, groups = _levels(table.column_names)
    return FileTable(label, names, columns, np.arange(1, table.num_rows + 1), groups)


def _cells(column: pa.ChunkedArray) -> Cells:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_timestamp(kind):
        # The day at the exchange, whatever the zone: never the one in UTC.
        local = pc.local_timestamp(column) if kind.tz is not None else column
        return _days(local.cast(pa.timestamp("s"), safe=False).cast(pa.int64()), "s")
    if pa.types.is_date(kind):
        return _days(column.cast(pa.date32()).cast(pa.int32()), "D")
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.cast(pa.float64()).to_pylist()
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    # Whole numbers stay text: 20210401 is a date as well as a number.
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _days(numbers: pa.ChunkedArray, unit: Literal["s", "D"]) -> Dates:
    absent = np.iinfo(np.int64).min  # is NaT
    counts = np.array([absent if value is None else value for value in numbers.to_pylist()], dtype=np.int64)
    return counts.astype(f"datetime64[{unit}]").astype("datetime64[D]")


def _levels(names: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and, where there are two levels, groups."""
    pairs = [_pair(name) for name in names]
    if not any(pairs):
        return tuple(names), ()
    levels = [pair or (name, "") for pair, name in zip(pairs, names, strict=True)]
    if _names_fields([second for _, second in levels]):
        levels = [(second or first, first if second else "") for first, second in levels]
    return tuple(first for first, _ in levels), tuple(second for _, second in levels)


def _pair(name: str) -> tuple[str, str] | None:
    import ast

    if not name.startswith("("):
        return None
    try:
        value = ast.literal_eval(name)
    except (ValueError, SyntaxError):
        return None
    return (str(value[0]), str(value[1])) if isinstance(value, tuple) and len(value) == 2 else None


def _names_fields(words: list[str]) -> bool:
    return any(header_key(word) in {*CLOSE_NAMES, *ADJUSTED_NAMES} for word in words)


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
    keys = [header_key(name) for name in table.names]
    date = _date(table, keys, date_column)
    found = _closes(table, keys, date)
    if close_column is not None:
        close = _named(table, keys, close_column, "--close-column")
        if found is None or close != found.close:
            found = Layout(date, close, close_is_adjusted=keys[close] in ADJUSTED_NAMES)
    if found is None and not any(table.names):
        raise _no_header(table)
    if found is None:
        raise DataError(
            f"{table.label} has no column that is a close; its columns: {_listed(table.names)}",
            "Name it with --close-column.",
        )
    others: dict[str, Any] = {name: first_of(keys, aliases) for name, aliases in OTHER_NAMES.items()}
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
    at = first_of([header_key(name) for name in table.names], TICKER_NAMES)
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
    at = first_of(keys, DATE_NAMES)
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
    close, adjusted = (_only(table, keys, aliases) for aliases in (CLOSE_NAMES, ADJUSTED_NAMES))
    if close is not None:
        # Yahoo's client leaves the adjusted close out where it has adjusted the close itself.
        yahoo = bool(table.groups) or YAHOO_SPLITS in keys
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
    at = first_of(keys, aliases)
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
    key = header_key(name)
    if key and key in keys:
        return keys.index(key)
    raise DataError(
        f"{table.label} has no column {shown(name)}; its columns: {_listed(table.names)}", f"Correct {option}."
    )


def _listed(words: Sequence[str]) -> str:
    listed = ", ".join(word if word.strip() else "(unnamed)" for word in words[:_LISTED])
    return listed if len(words) <= _LISTED else f"{listed} and {len(words) - _LISTED} more"
