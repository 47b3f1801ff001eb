"""Reader: a path becomes a validated History, and a file of days `KnownDates`; what on a command line is a path."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from stockcast.config.sources import ReadOptions
from stockcast.errors import DataError
from stockcast.prices.checks import validated
from stockcast.prices.csvfile.cells import FileColumn, looks_like_date, parse_dates, parse_numbers, shown
from stockcast.prices.csvfile.table import (
    DATE_NAMES,
    MAGIC,
    OTHER_NAMES,
    FileTable,
    Layout,
    first_of,
    header_key,
    layout_of,
    one_ticker,
    table_of_parquet,
    table_of_text,
)
from stockcast.prices.history import Dates, History, RawBars
from stockcast.text import well_formed

STANDARD_INPUT = "-"

_SUFFIXES = (".csv", ".txt", ".tsv", ".parquet")
_GZIP_MAGIC = b"\x1f\x8b"
_OTHER_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
}


def looks_like_path(source: str) -> bool:
    """Whether `source` names a file: it has a path separator or a known suffix, or is `-`.

    Everything else is a ticker, also with dots and hyphens (`BRK-B`, `BF.B`, `^GSPC`), and whether a file of that
    name exists does not matter: the meaning of a command must not depend on the folder it is run in.
    """
    if source == STANDARD_INPUT or os.sep in source or (os.altsep is not None and os.altsep in source):
        return True
    return _without_gzip(source).lower().endswith(_SUFFIXES)


def path_ticker(source: str) -> str:
    """The ticker that a path stands for: its file name without known suffixes; `stdin` for standard input."""
    if source == STANDARD_INPUT:
        return "stdin"
    name = _without_gzip(os.path.basename(source))
    stem, suffix = os.path.splitext(name)
    return well_formed(stem if suffix.lower() in _SUFFIXES else name)


def label_of(source: str) -> str:
    """What messages call the source: its file name."""
    return "standard input" if source == STANDARD_INPUT else os.path.basename(source) or source


def content(source: str) -> bytes:
    """The bytes of `source`, gunzipped where they are gzipped, whatever the name says.

    Raises DataError: missing, a directory, not readable, or a damaged gzip file.
    """
    data = _standard_input() if source == STANDARD_INPUT else _file(source)
    return _gunzipped(data, label_of(source)) if data.startswith(_GZIP_MAGIC) else data


def text_of(data: bytes, label: str) -> str:
    """`data` as text: UTF-8 or UTF-16 with a byte order mark, UTF-8, or else Latin-1, with line feeds as line ends.

    Raises DataError where the bytes are no text, or there is none.
    """
    for magic, what in _OTHER_FORMATS.items():
        if data.startswith(magic):
            raise DataError(f"{label} is {what}, not CSV", "Save its prices as CSV and read that file.")
    text = _decoded(data, label)
    if not text.strip():
        raise DataError(f"{label} is empty", "Download the prices again.")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _without_gzip(name: str) -> str:
    return name[:-3] if name.lower().endswith(".gz") else name


def _standard_input() -> bytes:
    stream = sys.stdin
    if stream is None:
        raise DataError("there is no standard input to read from", "Name a file instead of '-'.")
    try:
        buffer = getattr(stream, "buffer", None)
        return bytes(buffer.read()) if buffer is not None else stream.read().encode("utf-8", "surrogateescape")
    except (OSError, ValueError) as error:
        raise DataError(f"standard input cannot be read: {error}", "Name a file instead of '-'.") from error


def _file(source: str) -> bytes:
    path = os.path.expanduser(source)
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError as error:
        raise DataError(
            f"no such file: {source}", "Check the path; a ticker such as AAPL is given without a suffix."
        ) from error
    except IsADirectoryError as error:
        raise DataError(f"{source} is a directory, not a price file", "Name a file in it.") from error
    except PermissionError as error:
        # Windows answers so for a directory, too.
        hint = "Name a file in it." if os.path.isdir(path) else "Check who owns the file, and its permissions."
        raise DataError(f"{source} cannot be read: permission denied", hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{source!r} cannot be read: {reason}", "Check the path.") from error


def _gunzipped(data: bytes, label: str) -> bytes:
    import gzip
    import zlib

    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{label} is a damaged gzip file: {error}", "Download it again.") from error


def _decoded(data: bytes, label: str) -> str:
    try:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        if _has_control_characters(data):
            raise _not_text(label) from None
    if "\0" in text:
        raise _not_text(label)
    return text


def _has_control_characters(data: bytes) -> bool:
    text_controls = b"\t\n\r\f\v\x1a"
    return any(bytes((code,)) in data for code in range(32) if code not in text_controls)


def _not_text(label: str) -> DataError:
    return DataError(f"{label} is not a price file: its bytes are not text", "Give CSV or Parquet.")


_DEFAULTS = ReadOptions()


def read(source: str, options: ReadOptions = _DEFAULTS) -> History:
    """Prices from `source`: a CSV or Parquet file, the former also gzipped, or `-` for CSV on standard input.

    `start` and `end` cut the history before its numbers are read and checked; only the dates are read as a whole.

    Raises DataError: missing, unreadable or no prices; a row that cannot be used; what `checks.validated` refuses.
    """
    stem = path_ticker(source)
    table = one_ticker(_table(source, options), [name for name in (options.ticker, stem) if name])
    layout = layout_of(table, options.date_column, options.close_column)
    table = _without_empty(table, layout.date)
    days = parse_dates(table.column(layout.date), options.date_format)
    table, days = _cut(table, days, options)
    return validated(_raw_bars(table, layout, days, options.ticker or stem, source))


def _table(source: str, options: ReadOptions) -> FileTable:
    data, label = content(source), label_of(source)
    if data.startswith(MAGIC) or source.lower().endswith(".parquet"):
        return table_of_parquet(data, label)
    wanted = [name for name in (options.date_column, options.close_column) if name is not None]
    return table_of_text(text_of(data, label), label, wanted)


def _without_empty(table: FileTable, date_at: int) -> FileTable:
    """Without rows that are nothing but delimiters."""
    cells = table.columns[date_at]
    if isinstance(cells, np.ndarray) or all(cells):
        return table
    text = [column for column in table.columns if not isinstance(column, np.ndarray)]
    filled = [any(cell.strip() for cell in row) for row in zip(*text, strict=True)]
    return table.take(np.flatnonzero(filled))


def _cut(table: FileTable, days: Dates, options: ReadOptions) -> tuple[FileTable, Dates]:
    if options.start is None and options.end is None:
        return table, days
    kept = np.ones(len(days), dtype=bool)
    if options.start is not None:
        kept &= days >= np.datetime64(options.start, "D")
    if options.end is not None:
        kept &= days <= np.datetime64(options.end, "D")
    if len(days) and not kept.any():
        raise DataError(
            f"{table.label} has no bar from {options.start or days.min()} to {options.end or days.max()}: "
            f"its bars are from {days.min()} to {days.max()}",
            "Choose dates within these.",
        )
    return table.take(np.flatnonzero(kept)), days[kept]


def _raw_bars(table: FileTable, layout: Layout, days: Dates, ticker: str, source: str) -> RawBars:
    places = {name: getattr(layout, name) for name in ("close", "adjusted_close", *OTHER_NAMES)}
    places = {name: at for name, at in places.items() if at is not None}
    values = parse_numbers(
        [table.column(at) for at in places.values()],
        multiples=[name == "volume" for name in places],
        comma_likely=table.delimiter == ";",
    )
    columns: dict[str, Any] = dict(zip(places, values, strict=True))
    return RawBars(
        ticker=ticker,
        dates=days,
        **columns,
        source=source,
        label=table.label,
        rows=table.rows,
        close_is_adjusted=layout.close_is_adjusted,
        notes=(*table.notes, *layout.notes),
    )


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
    header = [header_key(cell) for cell in rows[0]]
    date_at, ticker_at = first_of(header, DATE_NAMES), first_of(header, _TICKERS)
    if date_at is None:
        if not looks_like_date(rows[0][0]):
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
    column = FileColumn(label, "date", cells.column(cells.date_at), np.array(cells.numbers))
    try:
        days = parse_dates(column)
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
