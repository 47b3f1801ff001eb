"""Covariates are found: files and tickers become the further series that a model looks at.

Of each of them only bars are read that are known at the close of the last session of the series that it goes with: not
even a repair may know later ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stockcast import config as settings
from stockcast.config import CovariatesConfig
from stockcast.config.sources import FetchConfig, without_exchange
from stockcast.errors import ConfigError, DataError, ModelError, StockcastError
from stockcast.pipeline.sources import Quotes, load, stored, ticker_of
from stockcast.pipeline.targetseries import TargetSeries, calendar_for, hours_around
from stockcast.prices.closing import Closing
from stockcast.prices.csvfile import ReadOptions, looks_like_path
from stockcast.prices.csvfile.knowndates import KnownDates, read_known_dates
from stockcast.prices.csvfile.source import STANDARD_INPUT
from stockcast.prices.csvfile.source import ticker_of as stem_of
from stockcast.prices.history import History
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Progress
from stockcast.windows.columns import extended
from stockcast.windows.covariates import LEAST, Covariate, Covariates, SeriesRecord
from stockcast.windows.features import Features, features

if TYPE_CHECKING:
    from stockcast.forecasting import TrainedModel
    from stockcast.pipeline.source import FetchSession
    from stockcast.storage.database import Database


@dataclass(frozen=True)
class Search:
    """Where covariates are looked for.

    fetch_session: how a ticker's prices are come by. strict: whether prices of a ticker may be no further behind than
    its settings allow; they are carried forward all the same in a training, as far as they go.
    """

    home: Path | None
    progress: Progress
    fetch_session: Callable[[str], FetchSession | None] = lambda _: None
    strict: bool = True

    def found(
        self, asked: CovariatesConfig, target: TargetSeries, histories: Sequence[History] = ()
    ) -> Covariates | None:  # fmt: skip
        """The covariates that were asked for, and those whose bars are there already; None for none.

        Raises DataError where one is missing, too short, another one's twin or the series itself, ConfigError for an
        exchange, what fetching raises, and what is wrong with the file of known dates.
        """
        if not asked and not histories:
            return None
        wanted = [*map(_Wanted.of, asked.sources), *map(_Wanted.given, histories)]
        return self._together(wanted, asked.known_ahead, target)

    def again(
        self, model: TrainedModel, asked: CovariatesConfig, target: TargetSeries, histories: Sequence[History] = ()
    ) -> TrainedModel:  # fmt: skip
        """The model with its covariates beside it, each from where it was trained with or from the place that `asked`
        names for it, or from `histories`. Raises what `found` raises, ConfigError where it is not clear what a place is
        for.
        """
        record = model.covariates
        if record is None:
            if asked or histories:
                raise ModelError(
                    f"model {model.name} was trained without covariates and looks at none",
                    "leave --with and --known-ahead out, or train with them",
                )
            return model
        if asked.known_ahead is not None and record.known_ahead is None:
            raise ModelError(f"model {model.name} was trained without known dates", "leave --known-ahead out")
        # Early closes are known as far as holidays are.
        if target.hours is None and target.calendar.exchange == record.closing.exchange and target.is_known:
            target = replace(target, hours=record.closing.hours)
        given = [*map(_Wanted.of, asked.sources), *map(_Wanted.given, histories)]
        wanted = _places(model.name, record.series, given)
        known_ahead = asked.known_ahead or (record.known_ahead and record.known_ahead[0])
        try:
            beside = self._together(wanted, known_ahead, target)
        except DataError as error:
            error.hint = f"{error.hint}; --with and --known-ahead name other places for what {model.name} looks at"
            raise
        return replace(model, beside=beside)

    def _together(self, wanted: Sequence[_Wanted], known_ahead: str | None, target: TargetSeries) -> Covariates:
        series = tuple(self._covariate(one, target) for one in wanted)
        _refuse_twins(series)
        for one in series:
            if target.sha256 is not None and one.history.between(target.first, target.last).sha256() == target.sha256:
                raise DataError(
                    f"the covariate {one.name} is {target.name} itself: {one.source} has the same bars",
                    "leave it out: a model sees its own prices anyway",
                )
        apart = next((one.closing for one in series if one.closing.exchange != target.calendar.exchange), None)
        if apart is not None and target.hours is None and not self.strict:
            self.progress.note(
                f"{target.name} is taken to trade on {target.calendar.exchange}, whose closes decide what it sees of "
                f"{apart.exchange}; --exchange names another"
            )
        known = None if known_ahead is None else self._known(known_ahead, target)
        return Covariates(target.closing(apart), series, known)

    def _known(self, source: str, target: TargetSeries) -> KnownDates:
        known = read_known_dates(source)
        if known.tickers and target.sha256 is not None and not len(known.of(target.name).days):
            self.progress.note(f"{target.name}: {source} has no date of it; its tickers: {_listed(known.tickers)}")
        return replace(known, source=_absolute(source))

    def _covariate(self, wanted: _Wanted, target: TargetSeries) -> Covariate:
        if wanted.history is not None:
            one = _as_given(wanted, wanted.history, target)
        else:
            one = self._file(wanted, target) if looks_like_path(wanted.source) else self._ticker(wanted, target)
        for note in one.history.notes:
            self.progress.note(f"{one.name}: {note}", detail=self.strict)
        shared = int(np.isin(one.history.dates, target.dates).sum())
        if min(len(one.history), shared) < LEAST:
            raise DataError(
                f"the covariate {one.name} has {len(one.history)} sessions up to {one.history.last}, {shared} of them "
                f"shared with {target.name}: at least {LEAST} are needed",
                "use a longer history of it, or leave it out",
            )
        self._tell_age(one, target)
        return one

    def _file(self, wanted: _Wanted, target: TargetSeries) -> Covariate:
        if wanted.source == STANDARD_INPUT:
            raise DataError("a covariate cannot come from standard input", "name a file: it is read again by predict")
        closing = _closing_of(wanted.code, wanted.closing or Closing(target.calendar.exchange), target)
        end = closing.newest_before(target.closing(closing), target.last)
        try:
            history = load(wanted.source, ReadOptions(end=end))
        except DataError as error:
            raise _about(wanted.name, error) from None
        return Covariate(wanted.name, _absolute(wanted.source), history, closing)

    def _ticker(self, wanted: _Wanted, target: TargetSeries) -> Covariate:
        from stockcast.storage.database import Database

        if self.home is None:
            raise ConfigError(
                f"prices of the ticker {wanted.source} need a folder to be kept in", "give home=Path(...)"
            )
        if wanted.code is not None:
            raise ConfigError(
                f"{wanted.source}@{wanted.code}: the exchange of a ticker is known", "leave it out; it is for files"
            )
        ticker = ticker_of(wanted.source)
        with Database.open(self.home) as db:
            try:
                self._fetch(db, ticker, target)
                closing, end = _known_of(db, ticker, target)
                quotes = stored(db, ticker, settings.now(), end=end)
            except StockcastError as error:
                raise _about(wanted.name, error) from None
        return Covariate(wanted.name, ticker, quotes.history, closing)

    def _fetch(self, db: Database, ticker: str, target: TargetSeries) -> None:
        """Bring a ticker up to what the last session of the host may know of it, if it is behind that."""
        from stockcast.pipeline.fetching import Fetcher
        from stockcast.pipeline.source import FetchSession
        from stockcast.storage import pricestore

        instrument, last = pricestore.instrument(db, ticker), pricestore.last_session(db, ticker)
        if instrument is not None and last is not None:
            _, end = _known_of(db, ticker, target)
            if not instrument.calendar.count_between(last, end):
                return
        assert self.home is not None  # noqa: S101 - asked before
        fetch_session = self.fetch_session(ticker) or FetchSession(FetchConfig(), many=False)
        Fetcher(db, fetch_session, self.progress).update(ticker)

    def _tell_age(self, one: Covariate, target: TargetSeries) -> None:
        """Say how old a covariate is that ends before what could be known of it; refuse a ticker that is too old."""
        newest = one.closing.newest_before(target.closing(one.closing), target.last)
        age = target.calendar.count_between(one.history.last, newest)
        if not age:
            return
        behind = "1 session" if age == 1 else f"{age:,} sessions"
        words = f"the covariate {one.name} ends on {one.history.last}, {behind} before the newest that could be known"
        fetched = bool(one.source) and not looks_like_path(one.source)
        config = (self.fetch_session(one.source) or _Default()).config if fetched else None
        if self.strict and config is not None and age > config.max_age and not config.allow_stale:
            raise DataError(words, "try again when the provider has it, or go on from what is there with --allow-stale")
        self.progress.note(f"{target.name}: {words}; its last values are carried forward")


def covariates_of(
    asked: CovariatesConfig, history: History, exchange: str | None, found: Quotes | None, search: Search
) -> Covariates | None:
    """The covariates of one series that is trained on, or walked over. Raises what `Search.found` raises."""
    if not asked:
        return None
    return search.found(asked, TargetSeries.of(history, calendar_for(history, exchange, found), found))


def columns_of(history: History, calendar: SessionCalendar, covariates: Covariates | None) -> Features:
    """What a network that one series teaches sees of it, and beside it."""
    f = features(history)
    if covariates is None:
        return f
    return extended(f, calendar, (), None, covariates.of(history.ticker))


def covariate_columns(
    history: History, asked: CovariatesConfig, exchange: str | None, found: Quotes | None, search: Search
) -> Features:
    """What the networks of a walk see of a series, and of the covariates that were asked for."""
    if not asked:
        return features(history)
    covariates = covariates_of(asked, history, exchange, found, search)
    return columns_of(history, calendar_for(history, exchange, found), covariates)


class _Default:
    """How prices are come by where nobody says."""

    config = FetchConfig()


@dataclass(frozen=True)
class _Wanted:
    """A covariate by its name and place. code: the exchange of a file; closing: what is known of it without. history:
    its bars, where they are there already.
    """

    name: str
    source: str
    code: str | None = None
    closing: Closing | None = None
    history: History | None = None

    @classmethod
    def of(cls, word: str) -> _Wanted:
        """As it was asked for."""
        source, code = without_exchange(word)
        if looks_like_path(source):
            return cls(stem_of(source), source, code)
        return cls(ticker_of(source), source, code)

    @classmethod
    def given(cls, history: History) -> _Wanted:
        """One that need not be looked for."""
        return cls(history.ticker, "", None, None, history)


def _as_given(wanted: _Wanted, history: History, target: TargetSeries) -> Covariate:
    """A history as a covariate, up to what the host's last session may know."""
    closing = _closing_of(None, wanted.closing or Closing(target.calendar.exchange), target)
    known = history.between(None, closing.newest_before(target.closing(closing), target.last))
    if not len(known):
        raise DataError(f"the covariate {wanted.name} begins on {history.first}, after {target.last}", "leave it out")
    return Covariate(wanted.name, "", known, closing)


def _places(model: str, series: Sequence[SeriesRecord], given: list[_Wanted]) -> list[_Wanted]:
    """Where each covariate of a model is to be found: by the names of what is given, or else in the same order.

    Raises ConfigError where neither tells, DataError for one that has no place and is not given.
    """
    wanted = {one.name: _Wanted(one.name, one.source, None, one.closing) for one in series}
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
        if not place.source and place.history is None:
            raise DataError(
                f"model {model} looks at {place.name}, whose prices came from a frame", "give it again, or a file of it"
            )
    return list(wanted.values())


def _closing_of(code: str | None, usual: Closing, target: TargetSeries) -> Closing:
    """When the sessions of a file end: at the exchange of a code, or as usual; with the hours where these matter.

    Raises ConfigError for an unknown code.
    """
    from stockcast.prices.sessions import load_calendar

    closing = usual if code is None else Closing(load_calendar(code, target.last, target.last).exchange)
    if closing.hours is None and closing.exchange != target.calendar.exchange:
        return replace(closing, hours=hours_around(closing.exchange, target.dates))
    return closing


def _known_of(db: Database, ticker: str, target: TargetSeries) -> tuple[Closing, date]:
    """When a stored ticker's sessions end, and the last date of it that the host's last session may know."""
    from stockcast.storage import pricestore

    instrument = pricestore.instrument(db, ticker)
    if instrument is None:
        raise DataError(f"no prices of {ticker} are stored", f"fetch them: stockcast fetch {ticker}")
    closing = Closing(instrument.exchange, instrument.hours)
    return closing, closing.newest_before(target.closing(closing), target.last)


def _about(name: str, error: StockcastError) -> StockcastError:
    """The same error, which says that it is about a covariate."""
    error.message = f"the covariate {name}: {error.message}"
    error.args = (error.message,)
    return error


def _refuse_twins(series: Sequence[Covariate]) -> None:
    for one, other in combinations(series, 2):
        if one.name == other.name:
            raise DataError(
                f"two covariates are named {one.name}: {one.source} and {other.source}", "rename one of the files"
            )


def _absolute(source: str) -> str:
    """The path of a file from the root: a forecast may be made in another folder than the training."""
    return str(Path(source).expanduser().absolute())


def _listed(tickers: Sequence[str]) -> str:
    names = list(dict.fromkeys(tickers))
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
