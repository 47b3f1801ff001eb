"""Prices: files and tickers as a long frame, and whatever a function of this package takes as prices."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from stockcast import pipeline
from stockcast.api.frames import to_frame, to_histories, usable_histories
from stockcast.errors import DataError, StockcastError
from stockcast.prices.csvfile import ReadOptions, looks_like_path
from stockcast.prices.history import History

if TYPE_CHECKING:
    import pandas as pd

Source: TypeAlias = str | Path
Prices: TypeAlias = Union["pd.DataFrame", Source, Sequence[Source]]
"""A frame as `to_histories` takes it, a file or ticker, or several of these."""
Home: TypeAlias = str | Path
"""The folder of models and prices."""

_AS_IS = ReadOptions()


def path_of(home: Home | None) -> Path | None:
    """A home as a path; None where there is none."""
    return None if home is None else Path(home).expanduser()


def load(
    source: Source | Sequence[Source], *, start: date | None = None, end: date | None = None,
    read: ReadOptions = _AS_IS, home: Home | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Prices of a file or ticker, or of several, as one long frame: unique_id, ds, y and what else there is.

    start, end: bars to keep, both inclusive. read: what files do not say of themselves. home: the folder in which a
    ticker's prices are kept; they are fetched where the kept ones are too old.

    Raises DataError where there are no usable prices, ConfigError for a ticker without a home, SourceUnavailable where
    the provider cannot be reached.

    >>> prices = load("data/GSPC.csv", end=date(1999, 1, 5))
    >>> prices[["unique_id", "ds", "y", "adjusted_close"]]
      unique_id         ds            y  adjusted_close
    0      GSPC 1999-01-04  1228.099976     1228.099976
    1      GSPC 1999-01-05  1244.780029     1244.780029
    """
    sources = [source] if isinstance(source, str | Path) else source
    return to_frame(_loaded(sources, replace(read, start=start, end=end), path_of(home)))


def histories_of(prices: Prices, home: Path | None = None, end: date | None = None) -> list[History]:
    """The histories of prices, each ticker once. Raises DataError for none or two of one ticker, and what `load` does.

    home: where tickers' prices are kept; not needed for frames and files. end: last bar to keep.
    """
    if isinstance(prices, str | Path):
        prices = [prices]
    read = ReadOptions(end=end)
    found = _loaded(prices, read, home) if isinstance(prices, Sequence) else to_histories(prices, end)
    if not found:
        raise DataError("no prices are given", "name a file or a ticker, or give a frame")
    tickers = [history.ticker for history in found]
    for ticker in tickers:
        if tickers.count(ticker) > 1:
            raise DataError(f"{tickers.count(ticker)} series are named {ticker}", "rename one of them")
    return found


def usable_histories_of(prices: Prices, home: Path | None, end: date) -> list[History]:
    """What can be had of prices up to `end`, without the series that begin later or cannot be used."""
    if isinstance(prices, str | Path):
        prices = [prices]
    if not isinstance(prices, Sequence):
        return usable_histories(prices, end)
    found: list[History] = []
    for source in prices:
        with suppress(StockcastError):
            found += _loaded([source], ReadOptions(end=end), home)
    return found


def _loaded(sources: Sequence[Source], read: ReadOptions, home: Path | None) -> list[History]:
    # A Path is a file, whatever its name looks like.
    paths = [f"./{one}" if isinstance(one, Path) and not looks_like_path(str(one)) else str(one) for one in sources]
    return [pipeline.load(path, read, home) for path in paths]
