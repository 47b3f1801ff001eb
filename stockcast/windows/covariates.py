"""Covariates: further series, and dates that were announced beforehand; and every kind of column that a network sees
beside a ticker's own bars, appended under stable names.

Of a series each origin sees the newest session that was over at its own close. A covariate's columns are made from its
own bars in its own sessions and carried to the origins as they are: a holiday of one exchange makes no return of two
days on the other. Known dates are the one group of columns that looks at dates after the origin, which is what it is
for: they have to have been announced before, or they are a leak of the user's own.

Shapes: T sessions of the series that is forecast, D sessions of a covariate, C columns of one, E days of events.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.csvfile.knowndates import KnownDates
from stockcast.prices.history import ONE_DAY, Dates, Floats, History
from stockcast.prices.hours import Closing
from stockcast.prices.sessions import SessionCalendar
from stockcast.windows.features import (
    BURN_IN,
    COMPONENT_NAMES,
    HAR_SPANS,
    TREND_NAMES,
    Features,
    component_columns,
    features,
    trailing_mean,
    trend_columns,
)
from stockcast.windows.market import MARKET_NAMES, Market
from stockcast.windows.seasonality import (
    DAY_NAMES,
    SEASONALITY_NAMES,
    day_columns,
    seasonality_columns,
    target_sessions,
)

KNOWN_NAMES = ("known:target", "known:before", "known:sessions_to_next", "known:since_last")
"""Columns of `known_columns`, in their order."""

REACH = 30
"""Sessions in which an event still shows; the dates of a quarter are announced some weeks before."""
FADE = 5.0


def known_columns(
    days: Dates, dates_T: Dates, targets_T: Dates, calendar: SessionCalendar
) -> dict[str, Floats]:  # fmt: skip
    """What the days of events say at each origin, by the names of KNOWN_NAMES.

    known:target: 1 where the target session has an event. known:before: 1 where the origin's own has one, after whose
    close most companies report. known:sessions_to_next: exp(-k / 5) where the next event is k sessions after the target
    session, which may itself be the one; known:since_last: the same of the last event up to the origin, k sessions
    before it; 0 beyond 30 sessions.

    Args:
        days: Days of events, ascending; a day without a session belongs to the next session.
        dates_T: Origins, shape (T,).
        targets_T: Their target sessions, shape (T,).
        calendar: Sessions of the exchange.

    Returns:
        Columns of shape (T,).
    """
    if not len(days):
        return {name: np.zeros(len(dates_T)) for name in KNOWN_NAMES}
    eves_E: Dates = days.astype("datetime64[D]") - ONE_DAY  # type: ignore[assignment]
    events_E = np.unique(target_sessions(eves_E, calendar))
    dates_T, targets_T = dates_T.astype("datetime64[D]"), targets_T.astype("datetime64[D]")
    start = min(events_E[0], *(days_T.min() for days_T in (dates_T, targets_T) if len(days_T)))
    number_E, date_T, target_T = (_numbers(some, start, calendar) for some in (events_E, dates_T, targets_T))
    next_T = np.searchsorted(events_E, targets_T, side="left")
    last_T = np.searchsorted(events_E, dates_T, side="right") - 1
    to_next_T = np.where(next_T < len(events_E), number_E[np.minimum(next_T, len(events_E) - 1)] - target_T, REACH + 1)
    since_T = np.where(last_T >= 0, date_T - number_E[np.maximum(last_T, 0)], REACH + 1)
    columns = (
        np.isin(targets_T, events_E).astype(np.float64),
        np.isin(dates_T, events_E).astype(np.float64),
        _bump(to_next_T),
        _bump(since_T),
    )
    return dict(zip(KNOWN_NAMES, columns, strict=True))


def _bump(sessions_T: NDArray[np.int64]) -> Floats:
    return np.where(sessions_T <= REACH, np.exp(-np.minimum(sessions_T, REACH) / FADE), 0.0)


def _numbers(days_N: Dates, start: np.datetime64, calendar: SessionCalendar) -> NDArray[np.int64]:
    """How many sessions lie from `start` to before each day."""
    usual_N = np.busday_count(
        start, days_N, weekmask=calendar.weekmask, holidays=np.array(calendar.closures, dtype="datetime64[D]")
    )
    extras = np.array(calendar.extras, dtype="datetime64[D]")
    first = np.searchsorted(extras, start, side="left")
    return usual_N.astype(np.int64) + np.searchsorted(extras, days_N, side="left") - first


COLUMNS = ("signed_return", "absolute_return", "ewma_over_year", "day_over_week", "level_over_year")
"""What is seen of a covariate; a column's name is the covariate's, a colon, and one of these."""

LEAST = BURN_IN + 2
"""Sessions of a covariate at least, and shared with the series that it goes with: its usual size is known after so
many.
"""


@dataclass(frozen=True)
class Covariate:
    """One further series. source: where its bars are from, a path or a ticker. closing: when its sessions end."""

    name: str
    source: str
    history: History
    closing: Closing

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(f"{self.name}:{column}" for column in COLUMNS)

    @property
    def dates_D(self) -> Dates:
        """The sessions that can be seen: from the first on whose usual size is known."""
        return self.history.dates[BURN_IN + 1 :]

    @cached_property
    def values_DC(self) -> Floats:
        """Its columns in each of `dates_D`, of bars up to that session alone.

        The first four are those of `features`. level_over_year: ln of the adjusted close less its mean over 250
        sessions, the own one included (fewer where there are fewer): whether ^VIX is high, not whether it moved.
        """
        f = features(self.history)
        level_T = np.log(self.history.adjusted_close)
        level_T = (level_T - trailing_mean(level_T, HAR_SPANS[-1]))[1:]
        own = [f.x_TF[:, f.names.index(name)] for name in COLUMNS[:-1]]
        return np.column_stack([*own, level_T])[BURN_IN:]

    def on(self, dates_T: Dates, series: Closing) -> Floats:
        """The columns at each origin of a series, [T, C]: those of the newest session whose close is not after the
        origin's; 0 before the first.
        """
        place_T = np.searchsorted(self.dates_D, self.newest(dates_T, series), side="right")
        return np.concatenate([np.zeros((1, len(COLUMNS))), self.values_DC])[place_T]

    def newest(self, dates_T: Dates, series: Closing) -> Dates:
        """The last date that each origin of a series may know, whether there is a bar of it or not."""
        if self.closing.is_that_of(series):
            return dates_T
        # Each date is worked out once for all the tickers of a pool.
        found = self._newest.setdefault(series, {})
        days = dates_T.astype("datetime64[D]").tolist()
        for day in days:
            if day not in found:
                found[day] = self.closing.newest_before(series, day)
        return np.array([found[day] for day in days], dtype="datetime64[D]")

    @cached_property
    def _newest(self) -> dict[Closing, dict[date, date]]:
        return {}


@dataclass(frozen=True)
class Covariates:
    """Everything that a model sees beside the prices of one series, and the market.

    closing: when the sessions of that series end. known: days on which something was announced beforehand.
    """

    closing: Closing
    series: tuple[Covariate, ...] = ()
    known: KnownDates | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The covariates, and "known dates" where there are some."""
        return (*(one.name for one in self.series), *(() if self.known is None else ("known dates",)))

    def of(self, ticker: str) -> Covariates:
        """The same for one ticker, of whose known dates alone it knows."""
        return self if self.known is None else replace(self, known=self.known.of(ticker))

    def columns(self, dates_T: Dates, targets_T: Dates, calendar: SessionCalendar) -> dict[str, Floats]:
        """All columns by name.

        Args:
            dates_T: Origins, shape (T,).
            targets_T: The sessions after them, shape (T,).
            calendar: Sessions of the series that is forecast.

        Returns:
            Columns of shape (T,).
        """
        found: dict[str, Floats] = {}
        for one in self.series:
            found |= dict(zip(one.names, one.on(dates_T, self.closing).T, strict=True))
        if self.known is not None:
            found |= known_columns(self.known.days, dates_T, targets_T, calendar)
        return found

    def changed(self, change: Callable[[History, int], History], session: date) -> Covariates:
        """The same with other bars after those that are known at the close of `session`: `change` gets a history and
        how many of its bars stay.
        """
        return replace(self, series=tuple(self._changed(one, change, session) for one in self.series))

    def _changed(self, one: Covariate, change: Callable[[History, int], History], session: date) -> Covariate:
        newest = np.datetime64(one.closing.newest_before(self.closing, session))
        stay = int(np.searchsorted(one.history.dates, newest, side="right"))
        # Before its first session that counts, nothing of a covariate is seen, and there is too little to go on from.
        if not LEAST <= stay < len(one.history):
            return one
        return replace(one, history=change(one.history, stay))


@dataclass(frozen=True)
class SeriesRecord:
    """A covariate as a model remembers it: its place, and a hash of the bars that it was trained on."""

    name: str
    source: str
    closing: Closing
    sha256: str


@dataclass(frozen=True)
class CovariatesRecord:
    """What a model was trained to look at, and where that was found.

    closing: of the series that it forecasts. known_ahead: place and hash of the known dates, if any.
    """

    closing: Closing
    series: tuple[SeriesRecord, ...] = ()
    known_ahead: tuple[str, str] | None = None

    @classmethod
    def of(cls, covariates: Covariates) -> CovariatesRecord:
        """What is to be remembered of covariates."""
        known = covariates.known
        return cls(
            covariates.closing,
            tuple(SeriesRecord(c.name, c.source, c.closing, c.history.sha256()) for c in covariates.series),
            None if known is None else (known.source, known.sha256()),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The covariates, and "known dates" where there are some."""
        return (*(one.name for one in self.series), *(() if self.known_ahead is None else ("known dates",)))


@dataclass(frozen=True)
class Schedule:
    """What the calendar of an exchange says of sessions to come, and the days of events, if there are any."""

    calendar: SessionCalendar
    days: Dates | None = None

    def after(self, origin: date, steps: int) -> dict[str, float]:
        """The columns at the session that is `steps` sessions after `origin`, as if it were an origin itself."""
        *_, session, target = self.calendar.next_sessions(origin, steps + 1)
        dates_T, targets_T = np.array([session], "datetime64[D]"), np.array([target], "datetime64[D]")
        columns: dict[str, Floats] = day_columns(dates_T, targets_T, self.calendar.weekmask)
        if self.days is not None:
            columns |= known_columns(self.days, dates_T, targets_T, self.calendar)
        return {name: float(column[0]) for name, column in columns.items()}


MARKET = "market"
GROUPS = {
    MARKET: MARKET_NAMES,
    "echo": SEASONALITY_NAMES,
    "days": DAY_NAMES,
    "bars": (*COMPONENT_NAMES, *TREND_NAMES),
}
"""Names of the columns of a pool that `extended` can append, by group and in their order."""
OWN, COVARIATES, KNOWN = "own", "covariates", "known"
OF_POOLS = frozenset({"echo", "days", "bars"})
"""Groups that a network of many series looks at, whatever else there is."""

_GROUP_OF = {name: group for group, names in {**GROUPS, KNOWN: KNOWN_NAMES}.items() for name in names}


def extended(
    f: Features, calendar: SessionCalendar, groups: Container[str], market: Market | None = None,
    covariates: Covariates | None = None,
) -> Features:  # fmt: skip
    """The features with further columns after their own.

    A model has to be given the same groups in training and in use: `groups_of` says which.

    Args:
        f: Features of one ticker.
        calendar: Sessions of its exchange.
        groups: Which of "echo" (earnings seasonality), "days" (of the target session) and "bars" (further ways to look
            at its own); they come in the order of GROUPS.
        market: The cross-section, whose columns come first; the earnings seasonality is less its median then.
        covariates: Further series and known dates, whose columns come last.
    """
    dates_T = f.session_returns.dates
    targets_T = target_sessions(dates_T, calendar)
    columns: dict[str, Floats] = {}
    if market is not None:
        columns |= dict(zip(MARKET_NAMES, market.on(dates_T).T, strict=True))
    if "echo" in groups:
        median_T = np.zeros(len(f)) if market is None else market.shock_on(dates_T)
        columns |= seasonality_columns(f.session_returns, targets_T, median_T)
    if "days" in groups:
        columns |= day_columns(dates_T, targets_T, calendar.weekmask)
    if "bars" in groups:
        columns |= component_columns(f.session_returns) | trend_columns(f.session_returns)
    if covariates is not None:
        columns |= covariates.columns(dates_T, targets_T, calendar)
    known = None if covariates is None else covariates.known
    if "days" in groups or known is not None:
        f = replace(f, schedule=Schedule(calendar, None if known is None else known.days))
    if not columns:
        return f
    return replace(f, x_TF=np.column_stack([f.x_TF, *columns.values()]), names=(*f.names, *columns))


def group_of(name: str) -> str:
    """The group of a column: one of GROUPS, "known" for known dates, "covariates" for that of a further series, whose
    name comes before a colon, or "own" for one from the ticker's bars that every network sees.
    """
    return _GROUP_OF.get(name, COVARIATES if ":" in name else OWN)


def groups_of(names: Iterable[str]) -> frozenset[str]:
    """The groups of the columns: a model with "market" among them has to be given a market."""
    return frozenset(group_of(name) for name in names)
