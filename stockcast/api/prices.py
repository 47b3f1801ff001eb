"""Prices: files, tickers and frames as a long frame or as series, and what goes with them beside the prices."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from stockcast.api.frames import series_of, tell_exchange, to_event_table, to_frame
from stockcast.api.inputs import Attempts, Home, OnError, day_of, path_of, value_in_words
from stockcast.config import CovariatesConfig
from stockcast.config.sources import AS_IT_IS, ReadOptions
from stockcast.errors import ConfigError, DataError
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource, Recall, file_source
from stockcast.prices.evidence import doubt
from stockcast.prices.sessionfit import session_fit

if TYPE_CHECKING:
    import pandas as pd

    from stockcast.prices.csvfile.eventdates import EventTable
    from stockcast.prices.sessions import SessionCalendar
    from stockcast.progress import Progress

Source: TypeAlias = str | Path
Prices: TypeAlias = Union["pd.DataFrame", Source, Sequence[Source]]
"""A frame as `to_histories` takes it, a file or ticker, or several of these."""
CovariateSources: TypeAlias = Union["Prices", CovariatesConfig]
"""Further series as `Prices`; with known dates as a `CovariatesConfig`."""

Events: TypeAlias = Union["pd.DataFrame", Source]
"""Dates of reports: a frame or a CSV with date, when, and ticker where they are of several."""

_OPTION = 'read=ReadOptions(exchange="{}")'
_NO_COVARIATES = CovariatesConfig()
_PRICES_HINT = "give a frame (unique_id, ds, y), a file, a ticker, or a list of files and tickers"


def load(
    source: Source | Sequence[Source], *, start: date | None = None, end: date | None = None,
    read: ReadOptions = AS_IT_IS, home: Home | None = None, on_error: OnError = "warn",
) -> pd.DataFrame:  # fmt: skip
    """The prices of one source or of several as one long frame: unique_id, ds, y and what else there is.

    Args:
        source: A file, a folder of files or a ticker, or several of them.
        start: First bar to keep.
        end: Last bar to keep.
        read: What files do not say of themselves, such as the names of their columns.
        home: The folder in which a ticker's prices are kept; they are fetched where the kept ones are too old.
        on_error: "warn" leaves out the sources that cannot be read, with one `LeftOut` warning that names each and its
            reason; "raise" raises the first failure.

    Returns:
        The series one below the other, oldest bars first; columns as of `to_frame`.

    Raises:
        DataError: Where no source can be read: what is wrong with the first.
        ConfigError: For a ticker without a home.
        SourceUnavailable: Where the provider cannot be reached.

    Examples:
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
    found = _distinct(attempts, *door_of(sources, options, path_of(home)))
    attempts.tell()
    return to_frame([series.history for series in found])


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
    return [file_source(one) if isinstance(one, Path) else one for one in sources]


def series_in(
    prices: Prices, home: Path | None = None, attempts: Attempts | None = None, read: ReadOptions = AS_IT_IS,
    recall: Recall | None = None, usual: SessionCalendar | None = None, table: EventTable | None = None,
) -> list[PriceSeries]:  # fmt: skip
    """The series of prices that can be used, each ticker once; of several with one name none is.

    home: where tickers' prices are kept; not needed for frames and files. attempts: those of the call; None raises the
    first failure. read: what is said of how to read them. recall: what a model remembers of that. usual: sessions of
    what says nothing of its exchange; None: New York's. table: dates of reports from a frame. Raises DataError for none
    at all, and what `load` does.
    """
    door, sources = door_of(asked(prices), read, home, recall)
    door = replace(door, event_table=table)
    if usual is not None:
        door = door.beside(lambda _ticker, _last: usual)
    found = _distinct(attempts or Attempts("raise"), door, sources)
    for series in found:
        _warn_of_days(series)
        given = door.given.get(series.history.ticker)
        if given is not None and given.stamps() is not None:
            tell_exchange(given.ticker, series.remarks, f"; {_OPTION.format('CODE')} names another", stacklevel=4)
    return found


def events_said(read: ReadOptions, events: Events | None) -> tuple[ReadOptions, EventTable | None]:
    """What is said of reading, with the file of dates of reports; or the dates themselves, of a frame.

    Raises DataError for a frame without dates.
    """
    if events is None:
        return read, None
    if isinstance(events, str | Path):
        return replace(read, events=str(events), no_events=False), None
    return replace(read, events=None, no_events=False), to_event_table(events)


def _warn_of_days(series: PriceSeries) -> None:
    """Warn where weekdays as a whole, or all days moved by one, speak against the exchange that bars are taken for."""
    fit = session_fit(series.history.dates, series.calendar)
    if fit.absent or fit.foreign or fit.shift:
        said = doubt(series.history.dates, series.calendar, series.history.ticker, _OPTION)
        warnings.warn(str(said), UserWarning, stacklevel=4)


def on_calendar(series: PriceSeries, calendar: SessionCalendar) -> PriceSeries:
    """A series on the calendar that a call's prices are taken to be of.

    Raises ConfigError for a ticker of another exchange: a date says nothing of hours.
    """
    if series.is_listed and series.exchange != calendar.exchange:
        raise ConfigError(
            f"{series.history.ticker} trades on {series.exchange}, and is taken to trade on {calendar.exchange}",
            f"name its exchange in the configuration: exchange={series.exchange!r}",
        )
    return series.on(calendar)


def on_exchange(series: PriceSeries, exchange: str | None) -> PriceSeries:
    """A series at the exchange that a configuration names; None: at that of a file or frame, and New York's for a
    ticker. See `on_calendar`.
    """
    if not series.is_stored:
        return series.at(exchange)
    return on_calendar(series, PriceSeries(series.history).at(exchange).calendar)


def covariates_in(
    covariates: CovariateSources | None, home: Path | None, progress: Progress,
    config: CovariatesConfig = _NO_COVARIATES, strict: bool = False,
) -> CovariateSource:  # fmt: skip
    """What a call gives beside its prices; what it leaves out is as in `config`.

    Raises DataError for what cannot be covariates.
    """
    found = partial(CovariateSource, prices=PriceSource(home), progress=progress, strict=strict)
    if covariates is None:
        return found(config)
    if isinstance(covariates, CovariatesConfig):
        return found(covariates)
    known, sources = config.known_ahead, asked(covariates, "covariates")
    if isinstance(sources, list):
        return found(CovariatesConfig(tuple(sources), known))
    return found(CovariatesConfig((), known), given=series_of(sources))


def door_of(
    prices: pd.DataFrame | list[str], read: ReadOptions, home: Path | None, recall: Recall | None = None
) -> tuple[PriceSource, list[str]]:
    """The door that prices come in by, with the names of the sources: for a frame those of its series."""
    if isinstance(prices, list):
        return PriceSource(home, read, recall=recall), prices
    given = {series.ticker: series for series in series_of(prices)}
    return PriceSource(home, read, given=given), list(given)


def _distinct(attempts: Attempts, door: PriceSource, sources: list[str]) -> list[PriceSeries]:
    found = attempts.each([(source, partial(door.load, source)) for source in sources])
    often = Counter(series.history.ticker for series in found)

    def alone(series: PriceSeries) -> PriceSeries:
        ticker = series.history.ticker
        if often[ticker] > 1:
            raise DataError(f"{often[ticker]} series are named {ticker}", "rename one of them")
        return series

    return attempts.each([(series.history.ticker, partial(alone, series)) for series in found])
