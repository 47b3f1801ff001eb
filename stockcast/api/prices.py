"""Prices: files and tickers as a long frame, and whatever a function of this package takes as prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from stockcast import pipeline
from stockcast.api.frames import series_of, to_frame
from stockcast.api.inputs import Attempts, Home, OnError, day_of, path_of, value_in_words
from stockcast.errors import DataError, StockcastError
from stockcast.prices.csvfile import ReadOptions, looks_like_path
from stockcast.prices.history import History

if TYPE_CHECKING:
    import pandas as pd

Source: TypeAlias = str | Path
Prices: TypeAlias = Union["pd.DataFrame", Source, Sequence[Source]]
"""A frame as `to_histories` takes it, a file or ticker, or several of these."""
Task: TypeAlias = tuple[str, Callable[[], History]]

_AS_IS = ReadOptions()
_PRICES_HINT = "give a frame (unique_id, ds, y), a file, a ticker, or a list of files and tickers"


def load(
    source: Source | Sequence[Source], *, start: date | None = None, end: date | None = None,
    read: ReadOptions = _AS_IS, home: Home | None = None, on_error: OnError = "warn",
) -> pd.DataFrame:  # fmt: skip
    """Prices of a file or ticker, or of several, as one long frame: unique_id, ds, y and what else there is.

    start, end: bars to keep, both inclusive. read: what files do not say of themselves. home: the folder in which a
    ticker's prices are kept; they are fetched where the kept ones are too old. on_error: "warn" leaves out the sources
    that cannot be read, with one `LeftOut` warning that names each and its reason; "raise" raises the first failure.

    Raises, where no source can be read, what is wrong with the first: DataError, ConfigError for a ticker without a
    home, SourceUnavailable where the provider cannot be reached.

    >>> prices = load("data/GSPC.csv", end=date(1999, 1, 5))
    >>> prices[["unique_id", "ds", "y", "adjusted_close"]]
      unique_id         ds            y  adjusted_close
    0      GSPC 1999-01-04  1228.099976     1228.099976
    1      GSPC 1999-01-05  1244.780029     1244.780029
    """
    attempts, sources = Attempts(on_error), asked(source)
    if not isinstance(sources, list):
        raise DataError("load reads files and tickers, and this is a frame already", "give it to fit or predict")
    options = replace(read, start=day_of(start, "start"), end=day_of(end, "end"))
    found = _distinct(attempts, _tasks(sources, options, path_of(home)))
    attempts.tell()
    return to_frame(found)


def asked(prices: Prices, what: str = "prices") -> pd.DataFrame | list[str]:
    """The frame, or the names of the sources. what: their name in messages. Raises DataError for none."""
    import pandas as pd

    if isinstance(prices, pd.DataFrame):
        return prices
    sources: list[Any] = [prices] if isinstance(prices, str | Path) else []
    if (
        isinstance(prices, Iterable)
        and not isinstance(prices, str | Path | bytes | Mapping)
        and not hasattr(prices, "columns")
    ):
        sources = list(prices)
    elif not sources:
        raise DataError(f"the {what} are {value_in_words(prices)}", _PRICES_HINT)
    if not sources:
        raise DataError(f"no {what} are given", "name a file or a ticker, or give a frame")
    for at, one in enumerate(sources):
        if not isinstance(one, str | Path) or not str(one).strip():
            raise DataError(f"item {at} of the {what} is {value_in_words(one)}, no file or ticker", _PRICES_HINT)
    # A Path is a file, whatever its name looks like.
    return [f"./{one}" if isinstance(one, Path) and not looks_like_path(str(one)) else str(one) for one in sources]


def histories_of(
    prices: Prices, home: Path | None = None, end: date | None = None, attempts: Attempts | None = None
) -> list[History]:  # fmt: skip
    """The histories of prices that can be used, each ticker once; of several with one name none is.

    home: where tickers' prices are kept; not needed for frames and files. end: last bar to keep. attempts: those of
    the call; None raises the first failure. Raises DataError for none at all, and what `load` does.
    """
    return _distinct(attempts or Attempts("raise"), _tasks(asked(prices), ReadOptions(end=end), home))


def usable_histories_of(prices: Prices, home: Path | None, end: date) -> list[History]:
    """What can be had of prices up to `end`, without the series that begin later or cannot be used."""
    found: list[History] = []
    for _, task in _tasks(asked(prices), ReadOptions(end=end), home):
        with suppress(StockcastError):
            found.append(task())
    return found


def _tasks(prices: pd.DataFrame | list[str], read: ReadOptions, home: Path | None) -> list[Task]:
    """The name of each series or source, with what reads it."""
    if isinstance(prices, list):
        return [(source, partial(pipeline.load, source, read, home)) for source in prices]
    return series_of(prices, read.end)


def _distinct(attempts: Attempts, tasks: list[Task]) -> list[History]:
    found = attempts.each(tasks)
    often = Counter(history.ticker for history in found)

    def alone(history: History) -> History:
        if often[history.ticker] > 1:
            raise DataError(f"{often[history.ticker]} series are named {history.ticker}", "rename one of them")
        return history

    return attempts.each([(history.ticker, partial(alone, history)) for history in found])
