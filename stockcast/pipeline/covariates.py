"""Covariates are found: files and tickers become the further series that a model looks at.

Of each of them only bars are read that are known at the close of the last session of the series that it goes with: not
even a repair may know later ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache, partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stockcast.config import CovariatesConfig
from stockcast.config.settings import options_of
from stockcast.config.sources import ReadOptions, without_exchange
from stockcast.errors import ConfigError, DataError, ModelError, StockcastError
from stockcast.pipeline.covariatedays import require_exchange, require_sessions, trade_together
from stockcast.pipeline.series import GivenSeries, PriceSeries, calendar_end
from stockcast.pipeline.source import PriceSource, is_ticker, provider_ticker
from stockcast.prices.csvfile.content import STANDARD_INPUT, path_ticker
from stockcast.prices.csvfile.knowndates import KnownDates, read_known_dates
from stockcast.prices.evidence import NAMING, days_at
from stockcast.prices.history import Caution, Dates, History, every_date
from stockcast.prices.hours import Closing, TradingHours, load_hours
from stockcast.prices.sessions import DEFAULT_EXCHANGE, SessionCalendar
from stockcast.progress import Progress
from stockcast.windows.covariates import LEAST, Covariate, Covariates, SeriesRecord, extended
from stockcast.windows.events import features_with_events
from stockcast.windows.features import Features

if TYPE_CHECKING:
    from stockcast.forecasting import TrainedModel
    from stockcast.storage.pricestore import Instrument


@dataclass(frozen=True)
class CovariateSource:
    """Where the covariates of one call come from.

    Attributes:
        asked: Their sources, and the file of known dates.
        prices: The door that they come in by. What it says of reading files is about other files.
        progress: Who is told what is to be known of them.
        strict: Whether prices of a ticker may be no further behind than the settings allow; in a training they are
            carried forward all the same, as far as they go.
        given: Those whose bars are there already.
    """

    asked: CovariatesConfig
    prices: PriceSource
    progress: Progress
    strict: bool = True
    given: Sequence[GivenSeries] = ()

    def __bool__(self) -> bool:
        return bool(self.asked) or bool(self.given)

    def found(self, series: PriceSeries, exchange: str | None = None) -> Covariates | None:
        """The covariates of one series.

        Args:
            series: The series that they go with.
            exchange: Where that is taken to trade; None: see `PriceSeries.at`.

        Returns:
            The covariates; None where none are asked for.

        Raises:
            DataError: One is missing, too short, another one's twin or the series itself; the known dates are unusable.
            ConfigError: An exchange is unknown.
            SourceUnavailable: The provider cannot be reached.
        """
        target = _Target.of(series.at(exchange), exchange is not None)
        return self._together(self._wanted, self.asked.known_ahead, target) if self else None

    def found_by_pool(self, histories: Sequence[History], calendar: SessionCalendar) -> Covariates | None:
        """The covariates that all members of a pool look at. Raises what `found` raises."""
        return self._together(self._wanted, self.asked.known_ahead, _Target.pool(histories, calendar)) if self else None

    def columns(self, series: PriceSeries, exchange: str | None) -> Features:
        """What the networks of a walk see of a series, and of its covariates. Raises what `found` raises."""
        if not self:
            return features_with_events(series.at(exchange).history)
        covariates, series = self.found(series, exchange), series.at(exchange)
        covariate_series = None if covariates is None else covariates.of(series.history.ticker)
        return extended(features_with_events(series.history), series.calendar, (), None, covariate_series)

    def again(self, model: TrainedModel, series: PriceSeries) -> TrainedModel:
        """The model with the covariates that it was trained with beside it.

        Each comes from where it was then, or from the place that is asked for in its stead. Raises what `found` raises,
        ModelError where the model looks at none, ConfigError where it is not clear what a place is for.
        """
        return self._again(model, lambda: _Target.of(series))

    def again_by_pool(self, model: TrainedModel, histories: Sequence[History]) -> TrainedModel:
        """The same for the members of a pool, with the model's calendar."""
        return self._again(model, lambda: _Target.pool(histories, model.calendar))

    def _again(self, model: TrainedModel, target_of: Callable[[], _Target]) -> TrainedModel:
        record = model.covariates
        if record is None:
            if self:
                raise ModelError(
                    f"model {model.name} was trained without covariates and looks at none",
                    "leave --with and --known-ahead out, or train with them",
                )
            return model
        if self.asked.known_ahead is not None and record.known_ahead is None:
            raise ModelError(f"model {model.name} was trained without known dates", "leave --known-ahead out")
        target = target_of()
        # Early closes are known as far as holidays are.
        if target.hours is None and target.calendar.exchange == record.closing.exchange and target.is_known:
            target = replace(target, hours=record.closing.hours)
        wanted = _places(model.name, record.series, self._wanted)
        known_ahead = self.asked.known_ahead or (record.known_ahead and record.known_ahead[0])
        try:
            covariate_series = self._together(wanted, known_ahead, target)
        except DataError as error:
            error.hint = f"{error.hint}; --with and --known-ahead name other places for what {model.name} looks at"
            raise
        return replace(model, covariate_series=covariate_series)

    @property
    def _wanted(self) -> list[_Wanted]:
        return [*map(_Wanted.of, self.asked.sources), *map(_Wanted.given, self.given)]

    @property
    def _door(self) -> PriceSource:
        """The same store and the same limit for fetching, and files as they are."""
        return PriceSource(self.prices.home, ReadOptions(no_events=True), self.prices.fetch_session)

    def _together(self, wanted: Sequence[_Wanted], known_ahead: str | None, target: _Target) -> Covariates:
        series = tuple(self._covariate(one, target) for one in wanted)
        _refuse_twins(series)
        for one in series:
            if target.sha256 is not None and one.history.between(target.first, target.last).sha256() == target.sha256:
                raise DataError(
                    f"the covariate {one.name} is {target.name} itself: {one.source} has the same bars",
                    "leave it out: a model sees its own prices anyway",
                )
        if not (target.is_said or all(trade_together(one.history.dates, target.dates) for one in series)):
            require_exchange(target.name, target.dates, target.calendar, target.close_at)
        apart = next((one.closing for one in series if one.closing.exchange != target.calendar.exchange), None)
        if apart is not None and target.hours is None and not self.strict:
            self.progress.note(
                f"{target.name} is taken to trade on {target.calendar.exchange}, whose closes decide what it sees of "
                f"{apart.exchange}; --exchange names another"
            )
        known = None if known_ahead is None else self._known(known_ahead, target)
        return Covariates(target.closing(apart), series, known)

    def _known(self, source: str, target: _Target) -> KnownDates:
        known = read_known_dates(source, partial(days_at, target.calendar.exchange))
        if known.tickers and target.sha256 is not None and not len(known.of(target.name).days):
            self.progress.note(f"{target.name}: {source} has no date of it; its tickers: {_listed(known.tickers)}")
        return replace(known, source=_absolute(source))

    def _covariate(self, wanted: _Wanted, target: _Target) -> Covariate:
        is_stored = wanted.series is None and is_ticker(wanted.source)
        one = self._ticker(wanted, target) if is_stored else self._file(wanted, target)
        for note in one.history.notes:
            self.progress.note(f"{one.name}: {note}", detail=self.strict and not isinstance(note, Caution))
        shared = int(np.isin(one.history.dates, target.dates).sum())
        if min(len(one.history), shared) < LEAST:
            raise DataError(
                f"the covariate {one.name} has {len(one.history)} sessions up to {one.history.last}, {shared} of them "
                f"shared with {target.name}: at least {LEAST} are needed",
                "use a longer history of it, or leave it out",
            )
        self._tell_age(one, target)
        return one

    def _file(self, wanted: _Wanted, target: _Target) -> Covariate:
        """Of a file or a frame: from the exchange that is said, or that it names itself, or else from the target's."""
        if wanted.source == STANDARD_INPUT:
            raise DataError("a covariate cannot come from standard input", "name a file: it is read again by predict")
        door = self._door.taken_for(wanted.exchange).beside(lambda _ticker, _last: target.calendar)
        door = replace(door, knowable=lambda exchange: target.newest(wanted.closing_at(exchange, target)))
        source = wanted.source or wanted.name
        if wanted.series is not None:
            source, door = wanted.name, replace(door, given={wanted.name: wanted.series})
        try:
            series = door.load(source)
        except DataError as error:
            raise _about(wanted.name, error) from None
        beside = target.dates if wanted.is_taken(series) else None
        told = require_sessions(wanted.name, wanted.source, series.history.dates, series.calendar, beside)
        for remark in series.remarks:
            naming = f"; {wanted.source or 'FILE'}@CODE names another"
            self.progress.note(f"the covariate {wanted.name}: {remark.removesuffix(NAMING)}{naming}")
        if told is not None:
            self.progress.note(told)
        place = _absolute(wanted.source) if wanted.series is None else ""
        return Covariate(wanted.name, place, series.history, wanted.closing_at(series.exchange, target))

    def _ticker(self, wanted: _Wanted, target: _Target) -> Covariate:
        from stockcast.storage import pricestore
        from stockcast.storage.database import Database

        if self._door.home is None:
            raise ConfigError(
                f"prices of the ticker {wanted.source} need a folder to be kept in", "give home=Path(...)"
            )
        if wanted.code is not None:
            raise ConfigError(
                f"{wanted.source}@{wanted.code}: the exchange of a ticker is known", "leave it out; it is for files"
            )
        ticker = provider_ticker(wanted.source)
        with Database.open(self._door.home) as db:
            try:
                instrument = pricestore.instrument(db, ticker)
                if instrument is None or _is_behind(instrument, pricestore.last_session(db, ticker), target):
                    self._door.update(ticker, self.progress)
                    instrument = pricestore.instrument(db, ticker)
                assert instrument is not None  # noqa: S101 - it has just been fetched
                closing, end = _reach(instrument, target)
                series = self._door.until(end).load(ticker, fetch="never")
            except StockcastError as error:
                raise _about(wanted.name, error) from None
        return Covariate(wanted.name, ticker, series.history, closing)

    def _tell_age(self, one: Covariate, target: _Target) -> None:
        """Say how old a covariate is that ends before what could be known of it; refuse a ticker that is too old."""
        newest = target.newest(one.closing)
        age = target.calendar.count_between(one.history.last, newest)
        if not age:
            return
        behind = "1 session" if age == 1 else f"{age:,} sessions"
        words = f"the covariate {one.name} ends on {one.history.last}, {behind} before the newest that could be known"
        config, fetched = self.prices.fetch_session.config, bool(one.source) and is_ticker(one.source)
        if self.strict and fetched and age > config.max_age and not config.allow_stale:
            raise DataError(words, "try again when the provider has it, or go on from what is there with --allow-stale")
        self.progress.note(f"{target.name}: {words}; its last values are carried forward")


@dataclass(frozen=True)
class _Target:
    """What covariates go with, whose closes decide what is seen of them: one series, or the members of a pool together.

    hours: None for files, of which nothing but the exchange is known; they are looked up where they are needed. sha256:
    of its bars, None for several series. is_said: whether its exchange is known, and not taken for want of a word.
    """

    name: str
    dates: Dates
    calendar: SessionCalendar
    hours: TradingHours | None = None
    sha256: str | None = None
    is_said: bool = False

    @classmethod
    def of(cls, series: PriceSeries, is_said: bool = False) -> _Target:
        """One series."""
        history, is_said = series.history, is_said or series.is_listed or series.is_stored
        return cls(history.ticker, history.dates, series.calendar, series.hours, history.sha256(), is_said)

    @classmethod
    def pool(cls, histories: Sequence[History], calendar: SessionCalendar) -> _Target:
        """The members of a pool."""
        days = every_date(h.dates for h in histories)
        return cls("the pool", days, calendar, is_said=calendar.exchange != DEFAULT_EXCHANGE)

    @property
    def first(self) -> date:
        day: date = self.dates[0].astype(object)
        return day

    @property
    def last(self) -> date:
        day: date = self.dates[-1].astype(object)
        return day

    @property
    def is_known(self) -> bool:
        """Whether the holidays around its last session are known."""
        return self.calendar.knows(self.last)

    def closing(self, other: Closing | None = None) -> Closing:
        """When its sessions end, with the hours where those of `other` have to be compared."""
        own = Closing(self.calendar.exchange, self.hours)
        if other is None or self.hours is not None or other.exchange == own.exchange:
            return own
        return replace(own, hours=self.hours_at(own.exchange))

    def newest(self, closing: Closing) -> date:
        """The last date of another series that its last session may know."""
        return closing.newest_before(self.closing(closing), self.last)

    def close_at(self, exchange: str) -> datetime:
        """When its last session ends, where that is one of an exchange."""
        return self.hours_at(exchange).close_of(self.last)

    def hours_at(self, exchange: str) -> TradingHours:
        """The hours of an exchange for sessions from its first to those that are still to come."""
        return _looked_up(exchange, self.first, calendar_end(self.last))


@lru_cache(maxsize=8)
def _looked_up(exchange: str, first: date, through: date) -> TradingHours:
    """Trading hours, which take a while to be worked out, and are asked for by each covariate."""
    return load_hours(exchange, first, through)


@dataclass(frozen=True)
class _Wanted:
    """A covariate by its name and place.

    Attributes:
        name: What its columns are called after.
        source: A file or a ticker; empty for prices from a frame.
        code: The exchange that is said of a file.
        closing: When its sessions end, where a model remembers it.
        series: Its bars, where they are there already.
        is_remembered: Whether it is found where a model found it.
    """

    name: str
    source: str
    code: str | None = None
    closing: Closing | None = None
    series: GivenSeries | None = None
    is_remembered: bool = False

    @property
    def exchange(self) -> str | None:
        """The exchange that is said of it, now or in the record of a model."""
        return self.code or (None if self.closing is None else self.closing.exchange)

    def is_taken(self, series: PriceSeries) -> bool:
        """Whether its exchange is the target's, or that of what stood in its place, because nothing says another."""
        return not (self.code or self.is_remembered or (self.closing is None and series.is_listed))

    def closing_at(self, exchange: str, target: _Target) -> Closing:
        """When its sessions end at an exchange, with the hours where these matter."""
        closing = Closing(exchange)
        if self.closing is not None and self.closing.exchange == exchange:
            closing = self.closing
        if closing.hours is None and exchange != target.calendar.exchange:
            return replace(closing, hours=target.hours_at(exchange))
        return closing

    @classmethod
    def of(cls, word: str) -> _Wanted:
        """As it was asked for."""
        source, code = without_exchange(word)
        return cls(provider_ticker(source) if is_ticker(source) else path_ticker(source), source, code)

    @classmethod
    def given(cls, series: GivenSeries) -> _Wanted:
        """One that need not be looked for."""
        return cls(series.ticker, "", series=series)


def _places(model: str, series: Sequence[SeriesRecord], given: list[_Wanted]) -> list[_Wanted]:
    """Where each covariate of a model is to be found: by the names of what is given, or else in the same order.

    Raises ConfigError where neither tells, DataError for one that has no place and is not given.
    """
    wanted = {one.name: _Wanted(one.name, one.source, None, one.closing, is_remembered=True) for one in series}
    if not all(one.name in wanted for one in given):
        if len(given) != len(series):
            raise ConfigError(
                f"model {model} looks at {', '.join(wanted) or 'no covariate'}, and --with names "
                f"{', '.join(one.name for one in given)}",
                "name all of them in that order, or files of these names",
            )
        given = [replace(place, name=one.name) for place, one in zip(given, series, strict=True)]
    for place in given:
        wanted[place.name] = replace(place, closing=wanted[place.name].closing)
    for place in wanted.values():
        if not place.source and place.series is None:
            raise DataError(
                f"model {model} looks at {place.name}, whose prices came from a frame", "give it again, or a file of it"
            )
    return list(wanted.values())


def _is_behind(instrument: Instrument, last: date | None, target: _Target) -> bool:
    """Whether the store, which ends on `last`, lacks bars of a ticker that the target's last session may know."""
    return last is None or instrument.calendar.count_between(last, _reach(instrument, target)[1]) > 0


def _reach(instrument: Instrument, target: _Target) -> tuple[Closing, date]:
    """When a ticker's sessions end, and the last date of it that the target's last session may know."""
    closing = Closing(instrument.exchange, instrument.hours)
    return closing, target.newest(closing)


def _about(name: str, error: StockcastError) -> StockcastError:
    """The same error, which says that it is about a covariate."""
    error.message = f"the covariate {name}: {error.message}"
    error.args = (error.message,)
    if any(option.flags[0] in error.hint for option in options_of(ReadOptions)):
        error.hint = "write it as Date,Close so that it needs no option: those are about the prices themselves"
    return error


def _refuse_twins(series: Sequence[Covariate]) -> None:
    for one, other in combinations(series, 2):
        if one.name == other.name:
            raise DataError(
                f"two covariates are named {one.name}: {one.source} and {other.source}", "rename one of the files"
            )


def _absolute(source: str) -> str:
    """The path of a file from the root: a forecast may be made in another folder than the training."""
    return str(Path(os.path.expanduser(source)).absolute())


def _listed(tickers: Sequence[str]) -> str:
    names = list(dict.fromkeys(tickers))
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
