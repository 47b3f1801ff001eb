"""Reader: a path becomes a validated History."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.checks import RawBars, validated
from stockcast.prices.csvfile import dates, numbers, parquet, source, table
from stockcast.prices.csvfile.column import shown
from stockcast.prices.csvfile.layout import Layout, layout_of, one_ticker
from stockcast.prices.history import Dates, Floats, History

_FIELDS = ("close", "adjusted_close", "open", "high", "low", "volume", "splits")


@dataclass(frozen=True)
class ReadOptions:
    """What a user says about a price file; None lets the file speak for itself.

    date_column, close_column: names in the header. date_format: as for strptime. ticker: instead of the file name,
    and the one to take where the file has several. start, end: bars to keep, both inclusive.
    """

    date_column: str | None = None
    close_column: str | None = None
    date_format: str | None = None
    ticker: str | None = None
    start: date | None = None
    end: date | None = None


_DEFAULTS = ReadOptions()


def read(path: str, options: ReadOptions = _DEFAULTS) -> History:
    """Prices from `path`: CSV or Parquet, gzipped or not, or `-` for CSV on standard input.

    `start` and `end` cut the history before its numbers are read and checked; only the dates are read as a whole.

    Raises DataError: missing, unreadable or no prices; a row that cannot be used; what `checks.validated` refuses.
    """
    label = source.label_of(path)
    found = _table(source.content(path), label, path, options)
    found = one_ticker(found, [name for name in (options.ticker, source.ticker_of(path)) if name])
    layout = _layout(found, options)
    found = _dated(found, layout.date)
    days = dates.parse(found.column(layout.date), options.date_format)
    found, days = _cut(found, days, options)
    values = _values(found, layout)
    return validated(
        RawBars(
            ticker=options.ticker or source.ticker_of(path),
            source=path,
            label=label,
            dates=days,
            rows=found.rows,
            close_is_adjusted=layout.close_is_adjusted,
            notes=(*found.notes, *layout.notes),
            **values,
        )
    )
