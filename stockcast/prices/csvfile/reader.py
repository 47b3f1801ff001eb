"""Reader: a path becomes the bars of a file and how it was read, and those a validated History."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stockcast.config.sources import ReadOptions
from stockcast.errors import DataError
from stockcast.prices.checks import validated
from stockcast.prices.closes import MOST_UNUSABLE
from stockcast.prices.csvfile.cells import Cells, FileTable
from stockcast.prices.csvfile.content import PARQUET_MAGIC, content, file_text, label_of, path_ticker
from stockcast.prices.csvfile.dates import FileDates, parse_dates, refuse_intraday
from stockcast.prices.csvfile.layout import Layout, layout_of, refuse_long, speaks_of_tickers, with_whole_dates
from stockcast.prices.csvfile.numbers import NumberColumn, parse_numbers, ratios
from stockcast.prices.csvfile.table import table_of_text
from stockcast.prices.csvfile.words import CLOCK_NAMES, DATE_NAMES, OTHER_NAMES, TICKER_NAMES, header_key
from stockcast.prices.history import Caution, Dates, History, Mask, RawBars

if TYPE_CHECKING:
    from stockcast.prices.csvfile.rows import OtherRows

_DEFAULTS = ReadOptions()
_CLOCK = re.compile(r"\d:\d\d")
_RANGE, _NO_PRICES = ("open", "high", "low"), ("volume", "splits")


@dataclass(frozen=True)
class PriceFile:
    """A price file as it was read, its bars not yet checked.

    Attributes:
        raw: The bars in the order of the file, under the days that are written there.
        dates: The dates of the bars, with the moments where the file tells them.
        table: The cells that the bars are from.
        layout: Which of its columns are what.
        left_out: The rows of the file that are no bars.
    """

    raw: RawBars
    dates: FileDates
    table: FileTable
    layout: Layout
    left_out: tuple[OtherRows, ...] = ()


@dataclass(frozen=True)
class DatedFile:
    """A price file whose dates and numbers are read, and not checked yet.

    In between it is settled of what day each bar is, and which bars are wanted: not even a repair may know the others.

    Attributes:
        table: Its cells, of one ticker.
        layout: Which of its columns are what.
        dates: The dates of the bars.
        numbers: Their numbers, by what they are.
        ticker: What the bars are called.
        source: The path.
        left_out: The rows of the file that are no bars.
    """

    table: FileTable
    layout: Layout
    dates: FileDates
    numbers: dict[str, NumberColumn]
    ticker: str
    source: str
    left_out: tuple[OtherRows, ...] = ()

    @property
    def tickers(self) -> tuple[str, ...]:
        """What the bars are called: by the user, over their columns, in a column of tickers, by the file's name."""
        table, keys = self.table, self.table.keys
        columns = [table.columns[keys.index(name)] for name in TICKER_NAMES if name in keys]
        cells = [str(cells[0]).strip() for cells in columns if len(cells) and not isinstance(cells, np.ndarray)]
        over = [group for group in table.groups if group][:1]
        return tuple(filter(None, dict.fromkeys([self.ticker, *over, *cells, path_ticker(self.source)])))

    def priced(self) -> Mask:
        """Which bars have a close: rows of other series of the table have none."""
        priced: Mask = self.numbers["close"].values > 0
        return priced

    def on(self, days: Dates) -> DatedFile:
        """The same bars, which are of these days."""
        return replace(self, dates=replace(self.dates, days=days))

    def take(self, kept: NDArray[Any]) -> DatedFile:
        """Those bars alone, by their positions."""
        table = self.table.take(kept)
        numbers = _taken(self.numbers, table, self.layout, kept)
        return replace(self, table=table, dates=self.dates.take(kept), numbers=numbers)

    def between(self, start: date | None, end: date | None) -> DatedFile:
        """The bars from `start` to `end`, both inclusive. Raises DataError where there are none."""
        if start is None and end is None:
            return self
        days = self.dates.days
        kept = np.ones(len(days), dtype=bool)
        if start is not None:
            kept &= days >= np.datetime64(start, "D")
        if end is not None:
            kept &= days <= np.datetime64(end, "D")
        if len(days) and not kept.any():
            raise DataError(
                f"{self.table.label} has no bar from {start or days.min()} to {end or days.max()}: "
                f"its bars are from {days.min()} to {days.max()}",
                "Choose dates within these.",
            )
        return self.take(np.flatnonzero(kept))

    def bars(self) -> PriceFile:
        """The bars, those of zeros left out. Raises DataError for a price that cannot be read."""
        file = self._without_zeros() if (self.numbers["close"].values == 0).any() else self
        return PriceFile(_raw_bars(file), file.dates, file.table, file.layout, file.left_out)

    def _without_zeros(self) -> DatedFile:
        from stockcast.prices.csvfile.rows import ZEROS, all_zero, grouped

        zero = all_zero([column for name, column in self.numbers.items() if name not in _NO_PRICES])
        zeros = grouped(self.table, dict.fromkeys(np.flatnonzero(zero).tolist(), ZEROS))
        return replace(self.take(np.flatnonzero(~zero)), left_out=(*self.left_out, *zeros))


def read(source: str, options: ReadOptions = _DEFAULTS) -> History:
    """The validated prices of a file; see `read_file`. Raises DataError, also for what `checks.validated` refuses."""
    return validated(read_file(source, options).raw)


def read_file(source: str, options: ReadOptions = _DEFAULTS) -> PriceFile:
    """Prices from `source`: CSV, Parquet, a workbook or JSON, also packed, or `-` for these on standard input.

    `start` and `end` cut the history before it is checked; dates and numbers are read as a whole.

    Raises DataError: missing, unreadable or no prices; a row that cannot be used.
    """
    return read_dates(source, options).between(options.start, options.end).bars()


def read_dates(source: str, options: ReadOptions = _DEFAULTS) -> DatedFile:
    """The bars of a price file, whole: `start` and `end` are not looked at. Raises DataError as `read_file` does.

    Rows that are no bars go first: they need not have a date.
    """
    stem = path_ticker(source)
    table = _of_one_ticker(_table(source, options), options, stem)
    layout = layout_of(table, options.date_column, options.close_column)
    table = _without_empty(table, layout.date)
    numbers = _numbers(table, layout, options.decimal)
    left_out: tuple[OtherRows, ...] = ()
    if _may_have_other_rows(table, numbers):
        table, numbers, left_out = _without_others(table, layout, numbers)
    try:
        dates = parse_dates(table.column(layout.date), options.date_format)
    except DataError:
        # Rows whose numbers are fine may be no bars, either: then they have no dates.
        table, numbers, others = _without_others(table, layout, numbers)
        if not others:
            raise
        left_out = (*left_out, *others)
        dates = parse_dates(table.column(layout.date), options.date_format)
    refuse_intraday(table.label, dates, table.rows, _clock(table, layout.date))
    return DatedFile(table, layout, dates, numbers, options.ticker or stem, source, left_out)


def _clock(table: FileTable, date_at: int) -> Cells:
    """The cells of a column of times that stands beside the dates; empty where there is none."""
    for at, (name, cells) in enumerate(zip(table.names, table.columns, strict=True)):
        if at != date_at and len(cells) and (header_key(name) in CLOCK_NAMES or _CLOCK.search(str(cells[0]))):
            return cells
    return ()


def _table(source: str, options: ReadOptions) -> FileTable:
    found, label = content(source), label_of(source)
    if found.data.startswith(PARQUET_MAGIC) or source.lower().endswith((".parquet", ".pq")):
        from stockcast.prices.csvfile.parquet import table_of_parquet

        return table_of_parquet(found.data, label)
    wanted = [name for name in (options.date_column, options.close_column) if name is not None]
    text = file_text(found, label, wanted)
    table = table_of_text(text.text, label, wanted)
    return replace(table, encoding=text.encoding, form=text.form, exchange=text.exchange)


def _of_one_ticker(table: FileTable, options: ReadOptions, stem: str) -> FileTable:
    if not any(table.names):
        from stockcast.prices.csvfile.headerless import described

        table = described(table, options)
    table = with_whole_dates(table)
    refuse_long(table)
    if not speaks_of_tickers(table):
        return table
    from stockcast.prices.csvfile.names import with_tickers
    from stockcast.prices.csvfile.tickers import Wanted, one_ticker

    wanted = Wanted(options.ticker, stem, options.date_column, options.close_column)
    return one_ticker(with_tickers(table), wanted)


def _without_empty(table: FileTable, date_at: int) -> FileTable:
    """Without rows that are nothing but delimiters."""
    cells = table.columns[date_at]
    if isinstance(cells, np.ndarray) or all(cells):
        return table
    text = [column for column in table.columns if not isinstance(column, np.ndarray)]
    filled = [any(cell.strip() for cell in row) for row in zip(*text, strict=True)]
    return table.take(np.flatnonzero(filled))


def _places(layout: Layout) -> dict[str, int]:
    """Where the columns of numbers are: prices, the close first, and then what is none."""
    places = {name: getattr(layout, name) for name in ("close", "adjusted_close", *OTHER_NAMES)}
    return {name: at for name, at in places.items() if at is not None}


def _numbers(table: FileTable, layout: Layout, decimal: str | None) -> dict[str, NumberColumn]:
    places = _places(layout)
    prices = [name for name in places if name not in _NO_PRICES]
    rest = [name for name in places if name in _NO_PRICES]
    # A time such as 17.30 is no number that shows a decimal sign.
    known = {layout.date, *places.values()}
    others = [at for at, name in enumerate(table.names) if at not in known and header_key(name) not in DATE_NAMES]
    found = parse_numbers(
        [table.column(places[name]) for name in prices],
        [table.column(places[name]) for name in rest],
        [table.column(at) for at in others],
        decimal,
        table.delimiter == ";",
    )
    numbers = dict(zip((*prices, *rest), found, strict=True))
    return numbers | ({"splits": ratios(numbers["splits"])} if "splits" in numbers else {})


def _may_have_other_rows(table: FileTable, numbers: dict[str, NumberColumn]) -> bool:
    """Whether a row is no bar or may have been cut off: a cell is unreadable, a close blank, no line end the last."""
    gaps = np.isnan(numbers["close"].values).any() or any(column.lost for column in numbers.values())
    return bool(gaps or table.unended is not None)


def _without_others(
    table: FileTable, layout: Layout, numbers: dict[str, NumberColumn]
) -> tuple[FileTable, dict[str, NumberColumn], tuple[OtherRows, ...]]:
    """Without the rows that are no bars, which are told."""
    from stockcast.prices.csvfile.rows import grouped, kept_of, no_bars

    found = no_bars(table, layout.date, numbers)
    kept = kept_of(table, found)
    rest = table.take(kept)
    return rest, _taken(numbers, rest, layout, kept), grouped(table, found)


def _taken(
    numbers: dict[str, NumberColumn], table: FileTable, layout: Layout, kept: NDArray[Any]
) -> dict[str, NumberColumn]:
    places = _places(layout)
    return {name: column.take(kept, table.column(places[name])) for name, column in numbers.items()}


def _raw_bars(file: DatedFile) -> RawBars:
    table = file.table
    columns, notes = _readable(file.numbers)
    if file.left_out:
        from stockcast.prices.csvfile.rows import told

        notes.insert(0, told(file.left_out))
    return RawBars(
        ticker=file.ticker,
        dates=file.dates.days,
        **columns,
        source=file.source,
        label=table.label,
        rows=table.rows,
        close_is_adjusted=file.layout.close_is_adjusted,
        notes=(*table.notes, *file.layout.notes, *map(Caution, notes)),
    )


def _readable(numbers: dict[str, NumberColumn]) -> tuple[dict[str, Any], list[str]]:
    """The values of the columns, and what is to be said of volumes and ranges that are left out, being no numbers.

    Raises DataError for a close that is none, and for a row in which some other price is none.
    """
    columns: dict[str, Any] = {}
    notes: list[str] = []
    for name, column in numbers.items():
        columns[name] = column.values
        if not column.lost:
            continue
        wrong, few = column.refused(), column.lost <= MOST_UNUSABLE * len(column.values)
        if name != "volume" and (few or name not in _RANGE):
            raise wrong
        if not few:
            columns[name] = None
        where = wrong.message.removeprefix(column.column.label).lstrip(", ")
        notes.append(f"The {name} is left out{' there' if few else ''}: {where}.")
    return columns, notes
