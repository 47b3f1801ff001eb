"""Reader: a path becomes a validated History."""

from __future__ import annotations

import numpy as np

from stockcast.config.sources import ReadOptions
from stockcast.errors import DataError
from stockcast.prices.checks import validated
from stockcast.prices.csvfile import dates, delimited, numbers, parquet
from stockcast.prices.csvfile.layout import Layout, layout_of, one_ticker
from stockcast.prices.csvfile.source import content, label_of, text_of, ticker_of
from stockcast.prices.csvfile.table import Table
from stockcast.prices.history import Dates, Floats, History
from stockcast.prices.rawbars import RawBars

_DEFAULTS = ReadOptions()


def read(source: str, options: ReadOptions = _DEFAULTS) -> History:
    """Prices from `source`: a CSV or Parquet file, the former also gzipped, or `-` for CSV on standard input.

    `start` and `end` cut the history before its numbers are read and checked; only the dates are read as a whole.

    Raises DataError: missing, unreadable or no prices; a row that cannot be used; what `checks.validated` refuses.
    """
    stem = ticker_of(source)
    table = one_ticker(_table(source, options), [name for name in (options.ticker, stem) if name])
    layout = layout_of(table, options.date_column, options.close_column)
    table = _without_empty(table, layout.date)
    days = dates.parse(table.column(layout.date), options.date_format)
    table, days = _cut(table, days, options)
    return validated(_raw_bars(table, layout, days, options.ticker or stem, source))


def _table(source: str, options: ReadOptions) -> Table:
    data, label = content(source), label_of(source)
    if data.startswith(parquet.MAGIC) or source.lower().endswith(".parquet"):
        return parquet.table_of(data, label)
    wanted = [name for name in (options.date_column, options.close_column) if name is not None]
    return delimited.table_of(text_of(data, label), label, wanted)


def _without_empty(table: Table, date_at: int) -> Table:
    """Without rows that are nothing but delimiters."""
    cells = table.columns[date_at]
    if isinstance(cells, np.ndarray) or all(cells):
        return table
    text = [column for column in table.columns if not isinstance(column, np.ndarray)]
    filled = [any(cell.strip() for cell in row) for row in zip(*text, strict=True)]
    return table.take(np.flatnonzero(filled))


def _cut(table: Table, days: Dates, options: ReadOptions) -> tuple[Table, Dates]:
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


def _raw_bars(table: Table, layout: Layout, days: Dates, ticker: str, source: str) -> RawBars:
    optional = (layout.adjusted_close, layout.open, layout.high, layout.low, layout.volume, layout.splits)
    positions = [layout.close, *(at for at in optional if at is not None)]
    values = numbers.parse(
        [table.column(at) for at in positions],
        multiples=[at == layout.volume for at in positions],
        comma_likely=table.delimiter == ";",
    )
    by_position = dict(zip(positions, values, strict=True))

    def column(at: int | None) -> Floats | None:
        return None if at is None else by_position[at]

    return RawBars(
        ticker=ticker,
        dates=days,
        close=by_position[layout.close],
        adjusted_close=column(layout.adjusted_close),
        open=column(layout.open),
        high=column(layout.high),
        low=column(layout.low),
        volume=column(layout.volume),
        splits=column(layout.splits),
        source=source,
        label=table.label,
        rows=table.rows,
        close_is_adjusted=layout.close_is_adjusted,
        notes=(*table.notes, *layout.notes),
    )
