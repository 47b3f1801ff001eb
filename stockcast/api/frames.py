"""Frames: the long frame of other forecasting packages (unique_id, ds, y) becomes histories, and back.

Forecasts come as such a frame, too: a median and central intervals, named as those packages name them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.api.inputs import expected, value_in_words
from stockcast.config.sources import ReadOptions
from stockcast.errors import ConfigError, DataError
from stockcast.pipeline.series import GivenSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.checks import validated
from stockcast.prices.csvfile import names, words
from stockcast.prices.csvfile.dates import FileDates
from stockcast.prices.evidence import NAMING
from stockcast.prices.history import Dates, Floats, History, RawBars

if TYPE_CHECKING:
    import pandas as pd

    from stockcast.prices.csvfile.eventdates import EventTable

SOURCE = "frame"
"""What forecasts from a frame name as the source of their prices."""

_ALIASES = {
    "unique_id": ("uniqueid", *words.TICKER_NAMES),
    "ds": ("ds", *words.DATE_NAMES),
    "y": ("y",),
    "close": words.CLOSE_NAMES,
    "adjusted_close": words.ADJUSTED_NAMES,
    **words.OTHER_NAMES,
    "splits": ("splits", *words.OTHER_NAMES["splits"]),
}
_OPTIONAL = ("adjusted_close", *words.OTHER_NAMES)
_DATES = ("datetime64", "datetime", "date", "string", "empty")
_NO_NUMBERS = ("boolean", "datetime64", "datetime", "timedelta64", "timedelta", "complex", "period", "interval")
_DATES_HINT = "give pandas dates, or text such as 2024-01-31"
_UNNAMED = "series"  # the series of a frame that names none


def to_event_table(frame: pd.DataFrame) -> EventTable:
    """Dates of reports from a frame: date (or ds), when, ticker (or unique_id); also from its index, as of yfinance.

    Raises DataError where there is no column of dates, or a cell is no date or no hour, with its row below the header.
    """
    import pandas as pd

    from stockcast.prices.csvfile.eventdates import DATES, EventTable
    from stockcast.prices.csvfile.knowndates import DateTable

    frame = expected(frame, pd.DataFrame, "events", "a frame or a file")
    frame = frame.reset_index() if frame.index.names != [None] else frame
    header = [{"unique_id": "ticker"}.get(str(name), str(name)) for name in frame.columns]
    cells = [["" if missing else str(cell) for cell, missing in zip(row, gaps, strict=True)]
             for row, gaps in zip(frame.to_numpy(dtype=object), frame.isna().to_numpy(), strict=True)]  # fmt: skip
    return EventTable.of(DateTable.of([header, *cells], list(range(len(cells) + 1)), "events", DATES), SOURCE)


def to_frame(histories: Sequence[History]) -> pd.DataFrame:
    """Histories as one long frame, the series one below the other, oldest bars first.

    Returns:
        Columns unique_id (ticker), ds (session), y (close as traded), and those of adjusted_close, open, high, low,
        volume and splits (new shares per old share) that some history has; NaN where another lacks one.

    Examples:
        >>> import numpy as np
        >>> from stockcast.prices.history import History
        >>> days = np.array(["2024-01-02", "2024-01-03"], dtype="datetime64[D]")
        >>> close = np.array([10.0, 10.5])
        >>> to_frame([History("ABC", days, close, close)])
          unique_id         ds     y  adjusted_close
        0       ABC 2024-01-02  10.0            10.0
        1       ABC 2024-01-03  10.5            10.5
    """
    import pandas as pd

    optional = [name for name in _OPTIONAL if any(getattr(history, name) is not None for history in histories)]
    parts = []
    for history in histories:
        columns: dict[str, Any] = {
            "unique_id": history.ticker,
            "ds": history.dates.astype("datetime64[s]"),
            "y": history.close,
        }
        for name in optional:
            values = getattr(history, name)
            columns[name] = np.full(len(history), np.nan) if values is None else values
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["unique_id", "ds", "y"])


def to_histories(frame: pd.DataFrame, end: date | None = None) -> list[History]:
    """The validated history of each series of a frame, in the order in which they first appear.

    Args:
        frame: unique_id (or ticker, symbol) tells the series apart; without it the frame is one series. ds (or date, or
            an index of dates) is the session, y (or close) the close as traded; adjusted_close, open, high, low, volume
            and splits are used where they are there, whatever the case of their names, and other columns are ignored. A
            frame with tickers over its columns, as yfinance returns it, is taken, too.
        end: Last bar to keep; later ones are not even checked.

    A moment with a zone is of the day that it was at the exchange, which the zone or the time of day tells; another
    one than New York's is told by a UserWarning.

    Raises:
        DataError: No such column, a value that is no date or number (with its row, counted from 0), or bars that the
            checks of a price file refuse.

    Examples:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"ds": ["2024-01-02", "2024-01-03"], "y": [10.0, 10.5]})
        >>> [history] = to_histories(frame)
        >>> history.ticker, history.first, history.close.tolist()
        ('series', datetime.date(2024, 1, 2), [10.0, 10.5])
    """
    door, histories = PriceSource(read=ReadOptions(end=end)), []
    for series in series_of(frame):
        stamped = door.stamped(series)
        if stamped is None:
            histories.append(series.read(end, None))
            continue
        listing, stamps = stamped
        histories.append(series.read(end, listing.days_of))
        tell_exchange(series.ticker, listing.remarks(stamps), "; for another one give days, or its own zone")
    return histories


def tell_exchange(ticker: str, remarks: Sequence[str], naming: str, stacklevel: int = 3) -> None:
    """Warn of the exchange on whose clock the days of stamps are, where that is not the usual one.

    naming: how another one is named.
    """
    for remark in remarks:
        warnings.warn(f"{ticker}: {remark.removesuffix(NAMING)}{naming}", UserWarning, stacklevel)


def series_of(frame: pd.DataFrame) -> list[GivenSeries]:
    """Each series of a frame, by itself.

    Raises DataError for what is wrong with the frame as a whole: no such column, no rows, a row of no series. What is
    wrong with the rows of a series is raised by its own call.
    """
    table = _Table.of(_long(frame))
    return [
        GivenSeries(ticker, partial(_history, table, ticker, rows), partial(_stamps, table, rows))
        for ticker, rows in table.series()
    ]


def _stamps(table: _Table, rows: np.ndarray) -> FileDates | None:
    """The dates of one series' prices where they tell the moment."""
    series = table.take(rows)
    priced = series.frame[series.columns.get("y", series.columns.get("close"))].notna().to_numpy()
    dates = (series.take(np.flatnonzero(priced)) if priced.any() else series).dates()
    return None if dates.instants is None else dates


def _history(
    table: _Table, ticker: str, rows: np.ndarray, end: date | None, days_of: Callable[[FileDates], Dates] | None
) -> History:
    """The validated bars of one series up to `end`."""
    series = table.take(rows)
    dates = series.dates()
    days = dates.days if days_of is None else days_of(dates)
    if end is not None:
        kept = np.flatnonzero(days <= np.datetime64(end))
        if not len(kept):
            raise DataError(f"{ticker} has no bar up to {end}: its first is of {days.min()}", "choose a later date")
        series, days = series.take(kept), days[kept]
    numbers = series.values()
    others: dict[str, Any] = {name: _known(column) for name, column in numbers.items() if name in _OPTIONAL}
    raw = RawBars(
        ticker=ticker,
        dates=days,
        close=numbers["y"],
        **others,
        source=SOURCE,
        label=f"{ticker} in the frame",
        rows=series.at,
    )
    try:
        return validated(raw)
    except DataError as error:
        # The hint of a file speaks of options of the command line.
        raise DataError(error.message, "correct those rows of the frame, or leave them out of it") from error


@dataclass(frozen=True)
class Intervals:
    """Central intervals by their level in percent: 90 lies between the quantiles 0.05 and 0.95."""

    levels: tuple[float, ...]

    @classmethod
    def of(cls, levels: Sequence[float]) -> Intervals:
        """Checked and sorted. Raises ConfigError for a level that is no percentage."""
        expected(levels, (Sequence, np.ndarray), "levels", "a list of percentages such as (80, 95)")
        for level in levels:
            if not isinstance(level, Real) or not 0 < level < 100:
                raise ConfigError(f"a level of {level!r} is not within 0 .. 100 %", "give levels such as 80 and 95")
        return cls(tuple(sorted(set(levels))))

    @property
    def quantiles(self) -> Floats:
        """The quantile of each column of `named`: the median, the lower ends, widest first, and the upper ends."""
        tails = [(100 - level) / 200 for level in self.levels]
        return np.array([0.5, *reversed(tails), *(1 - tail for tail in tails)])

    def named(self, model: str, values_NQ: Floats) -> dict[str, Floats]:
        """Columns of the quantiles `values_NQ`: the model's name for the median, then model-lo-90, model-hi-90, ..."""
        lower = [f"{model}-lo-{level:g}" for level in reversed(self.levels)]
        upper = [f"{model}-hi-{level:g}" for level in self.levels]
        return dict(zip((model, *lower, *upper), values_NQ.T, strict=True))


@dataclass(frozen=True)
class _Table:
    """A long frame, or rows of one, which of its columns is what, and the position of each row in the whole."""

    frame: pd.DataFrame
    columns: dict[str, Hashable]
    at: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame) -> _Table:
        keys = words.keys_of(str(name) for name in frame.columns)
        columns: dict[str, Hashable] = {}
        for meaning, aliases in _ALIASES.items():
            at = words.first_of(keys, aliases)
            if at is not None:
                if keys.count(keys[at]) > 1:
                    raise DataError(f"the frame has {keys.count(keys[at])} columns named {frame.columns[at]}")
                columns[meaning] = frame.columns[at]
        for needed, said in (("ds", "sessions, such as ds"), ("y", "closes, such as y")):
            if needed not in columns and not (needed == "y" and "close" in columns):
                listed = ", ".join(map(str, frame.columns[:20]))
                raise DataError(f"the frame has no column of {said}; its columns: {listed}", "rename one of them")
        if not len(frame):
            raise DataError("the frame has no rows", "give it prices")
        return cls(frame, columns, np.arange(len(frame)))

    def take(self, rows: np.ndarray) -> _Table:
        """Those rows."""
        return _Table(self.frame.iloc[rows], self.columns, self.at[rows])

    def dates(self) -> FileDates:
        """The day of each row as it is written, and its moment where there is a zone.

        Moments that are all midnight in UTC are days.
        """
        import pandas as pd

        name, cells = self.columns["ds"], _plain(self.frame[self.columns["ds"]])
        if pd.api.types.infer_dtype(cells, skipna=True) not in _DATES:
            raise DataError(f"{name} does not hold dates; its first is {cells.iloc[0]}", _DATES_HINT)
        try:
            with warnings.catch_warnings():
                # Of zones that differ pandas 2 warns and returns objects, where pandas 3 raises.
                warnings.simplefilter("ignore", FutureWarning)
                days = pd.to_datetime(cells, errors="coerce", format="ISO8601")
        except ValueError as error:
            raise DataError(f"{name} cannot be read as dates: {error}", _DATES_HINT) from error
        if days.dtype == object:
            raise DataError(f"{name} cannot be read as dates: their time zones differ", _DATES_HINT)
        zone = days.dt.tz
        instants = None if zone is None else days.dt.tz_convert("UTC").dt.tz_localize(None)
        days = days if zone is None else days.dt.tz_localize(None)
        wrong = days.isna().to_numpy() | ~days.dt.year.between(1800, 2199).to_numpy()
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"row {self.at[row]}: {name} {cells.iloc[row]!r} is not a date between 1800 and 2200", _DATES_HINT
            )
        written = days.to_numpy().astype("datetime64[s]")
        moments = None if instants is None else instants.to_numpy().astype("datetime64[s]")
        if moments is None or (moments == moments.astype("datetime64[D]")).all():
            return FileDates(written.astype("datetime64[D]"))
        day = written.astype("datetime64[D]")
        return FileDates(day, "", str(cells.iloc[0]), moments, str(zone), written - day)

    def values(self) -> dict[str, Floats]:
        """The columns of numbers; a close beside y has to be the same."""
        found = {name: self._numbers(name) for name in ("y", "close", *_OPTIONAL) if name in self.columns}
        if "y" in found and "close" in found:
            different = (found["y"] != found["close"]) & ~(np.isnan(found["y"]) & np.isnan(found["close"]))
            if different.any():
                row = int(np.argmax(different))
                y, close = found["y"][row], found["close"][row]
                raise DataError(
                    f"row {self.at[row]}: y is {y:g} and {self.columns['close']} is {close:g}, and y is the close",
                    "leave one of them out; an adjusted close belongs into adjusted_close",
                )
        close_N = found.pop("close", None)
        return found if close_N is None else {**found, "y": close_N}

    def _numbers(self, name: str) -> Floats:
        import pandas as pd

        cells = _plain(self.frame[self.columns[name]])
        kind = pd.api.types.infer_dtype(cells, skipna=True)
        if kind in _NO_NUMBERS:
            raise DataError(
                f"{self.columns[name]} does not hold numbers; its first is {cells.iloc[0]}", "give it prices as numbers"
            )
        numbers = pd.to_numeric(cells, errors="coerce")
        wrong = numbers.isna() & cells.notna()
        if wrong.any():
            row = int(np.argmax(wrong.to_numpy()))
            raise DataError(
                f"row {self.at[row]}: {self.columns[name]} {cells.iloc[row]!r} is not a number", "correct that row"
            )
        return numbers.to_numpy(dtype=np.float64, na_value=np.nan)

    def series(self) -> list[tuple[str, np.ndarray]]:
        """Each ticker with the positions of its rows, in the order in which they first appear."""
        import pandas as pd

        if "unique_id" not in self.columns:
            return [(_UNNAMED, np.arange(len(self.frame)))]
        name, cells = self.columns["unique_id"], self.frame[self.columns["unique_id"]]
        missing = cells.isna().to_numpy()
        written = np.array(["" if gone else str(cell) for cell, gone in zip(cells, missing, strict=True)], dtype=object)
        missing = missing | np.array([not text.strip() for text in written])
        if missing.any():
            row = int(np.argmax(missing))
            raise DataError(f"row {row}: {name} is missing", "say which series the row belongs to")
        codes_N, tickers = pd.factorize(written)
        ends = np.cumsum(np.bincount(codes_N))[:-1]
        rows = np.split(np.argsort(codes_N, kind="stable"), ends)
        return [(str(ticker), of_ticker) for ticker, of_ticker in zip(tickers, rows, strict=True)]


def _plain(cells: pd.Series) -> pd.Series:
    """Cells of categories as what the categories are."""
    import pandas as pd

    return cells.astype(cells.dtype.categories.dtype) if isinstance(cells.dtype, pd.CategoricalDtype) else cells


def _known(column: Floats) -> Floats | None:
    """A column; None for one without any value: the series is one that lacks what others have."""
    return None if np.isnan(column).all() else column


def _long(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with what stands in its index, or over its columns, in columns of their own."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"{value_in_words(frame)} is no pandas frame",
            "give a pandas.DataFrame with unique_id, ds and y; polars frames have .to_pandas()",
        )
    if frame.columns.nlevels > 2:
        raise DataError(f"the frame has {frame.columns.nlevels} levels of columns", "give it one column for each value")
    of_tickers = frame if frame.columns.nlevels == 2 else _levelled(frame)
    frame = frame if of_tickers is None else _stacked(of_tickers)
    if isinstance(frame.index, pd.DatetimeIndex) and frame.index.name is None:
        frame = frame.rename_axis("ds")
    told = {*_ALIASES["unique_id"], *_ALIASES["ds"]}
    levels = [level for level in frame.index.names if level is not None and words.header_key(str(level)) in told]
    there = {words.header_key(str(name)) for name in frame.columns}
    return frame.reset_index([level for level in levels if words.header_key(str(level)) not in there])


def _levelled(frame: pd.DataFrame) -> pd.DataFrame | None:
    """The frame with fields and tickers over its columns and its sessions as index, where its names tell them."""
    import pandas as pd

    written = [str(name) for name in frame.columns]
    levels = None if "y" in words.keys_of(written) else names.levels_of(written)
    if levels is None:
        return None
    shared = [at for at, (_, ticker) in enumerate(levels) if not ticker]
    owned = [at for at, (_, ticker) in enumerate(levels) if ticker]
    parts = frame.iloc[:, owned].set_axis(pd.MultiIndex.from_tuples([levels[at] for at in owned]), axis="columns")
    dates = [at for at in shared if words.header_key(levels[at][0]) in {"ds", *words.DATE_NAMES}]
    return parts.set_axis(pd.Index(frame.iloc[:, dates[0]], name="ds")) if dates else parts


def _stacked(frame: pd.DataFrame) -> pd.DataFrame:
    """Tickers over the columns become rows; sessions in which a ticker has no bar go."""
    import pandas as pd

    for level in (0, 1):
        if any(words.header_key(str(name)) in words.PRICE_NAMES for name in frame.columns.get_level_values(1 - level)):
            index = frame.index.rename("ds") if frame.index.name is None else frame.index
            axis = ["unique_id" if at == level else "field" for at in (0, 1)]
            stacked = frame.set_axis(index).rename_axis(columns=axis).stack(level, future_stack=True)
            return pd.DataFrame(stacked).dropna(how="all")
    raise DataError("neither level of the frame's columns names a close", "give a long frame: unique_id, ds, y")
