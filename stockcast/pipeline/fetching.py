"""Fetching: the store is brought up to the last session that is over, and no further than that."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stockcast import config as settings
from stockcast.config.fetching import FetchConfig
from stockcast.errors import DataError, SourceUnavailable
from stockcast.pipeline.instruments import described
from stockcast.prices.history import Dates
from stockcast.prices.hours import TradingHours
from stockcast.prices.restatement import compared
from stockcast.prices.yahoo.deadline import Deadline
from stockcast.prices.yahoo.failures import YahooFailure
from stockcast.results.fetching import FetchResult
from stockcast.results.progress import Progress
from stockcast.storage import pricestore
from stockcast.storage.database import Database
from stockcast.storage.pricestore import Instrument, StoredBars

if TYPE_CHECKING:
    from stockcast.prices.yahoo.client import Answer

OVERLAP = 10
"""Stored sessions that are fetched again, to see whether the provider has restated the past."""

LEAST_KEPT = 0.9
"""Share of the stored sessions that a whole history must have to replace them."""

_PATIENCE = 3  # tickers in a row that find the provider away, before the others are not tried


def fetch(
    tickers: Sequence[str],
    home: Path,
    config: FetchConfig,
    watching: Callable[[str], Progress],
) -> Callable[[str], FetchResult]:
    """A function that brings one of the tickers up to date, all of them within one time limit.

    watching: who watches a ticker. The function raises DataError for the ticker, SourceUnavailable for the provider.
    """
    from stockcast.pipeline.sources import ticker_of

    fetch_session = FetchSession(config, len(tickers) > 1)

    def one(source: str) -> FetchResult:
        with Database.open(home) as db:
            return Fetcher(db, config, watching(source), fetch_session).update(ticker_of(source))

    return one


class FetchSession:
    """One time limit for the fetching of many tickers, a pause between two, no patience with a provider that is away.

    What is done between two questions, such as a training, does not count.
    """

    def __init__(self, config: FetchConfig, many: bool = True, retry: int = _PATIENCE) -> None:
        self.config = config
        self._limit = self._left = config.timeout
        self._pause = config.pause if many else 0.0
        self._patience = retry
        self._asked = False
        self._away: list[tuple[str, str]] = []

    @contextmanager
    def turn(self, ticker: str) -> Iterator[Deadline]:
        """Whose turn it is may ask within, up to the deadline. Raises SourceUnavailable where that is hopeless."""
        from stockcast.prices.yahoo import package

        self._refuse_hopeless(ticker)
        package.load()
        deadline = Deadline(time.monotonic() + self._left, self._limit)
        try:
            self._rest(deadline)
            yield deadline
            self._away.clear()
        except SourceUnavailable as error:
            if not isinstance(error, YahooFailure) or error.for_every_ticker:
                # The words alone: whoever catches the error may add to its hint what concerns this ticker.
                self._away.append((error.message, error.hint))
            raise
        finally:
            self._left = deadline.left()

    def _refuse_hopeless(self, ticker: str) -> None:
        if len(self._away) >= self._patience:
            message, hint = self._away[-1]
            raise SourceUnavailable(f"{ticker} was not tried after {len(self._away)} failures: {message}", hint)

    def _rest(self, deadline: Deadline) -> None:
        if self._asked and self._pause:
            # Not regular, so that many machines with one crontab do not ask in step.
            time.sleep(min(self._pause * random.uniform(0.5, 1.5), deadline.left()))  # noqa: S311 - a pause is no secret
        self._asked = True


@dataclass(frozen=True)
class Fetcher:
    """Brings stored prices up to date, one ticker after the other."""

    db: Database
    config: FetchConfig
    progress: Progress
    fetch_session: FetchSession

    def update(self, ticker: str) -> FetchResult:
        """The ticker's prices, asked for where the stored ones are older than the settings allow.

        Where `allow_stale` is set and the provider fails, or says that it has nothing, the stored prices serve. Raises
        DataError for an unknown ticker, SourceUnavailable where the provider cannot be reached.
        """
        now = settings.now()
        instrument, bars = pricestore.instrument(self.db, ticker), pricestore.bars(self.db, ticker)
        if instrument is None or bars is None or not len(bars):
            if self.config.offline:
                raise DataError(
                    f"no prices of {ticker} are stored", f"fetch them without --offline: stockcast fetch {ticker}"
                )
            return self._told(self._first(ticker, now))
        known = _Known(instrument, bars)
        age = known.age(now)
        if self.config.offline or age <= self.config.max_age:
            return known.result(now, asked=False)
        try:
            return self._told(self._more(known, now))
        except (DataError, SourceUnavailable) as error:
            if self.config.allow_stale:
                self.progress.note(f"{ticker}: {error.message}; stored prices up to {known.last} serve")
                return known.result(now, asked=True)
            error.hint = f"{error.hint}; stored prices end on {known.last}: predict --allow-stale goes on from them"
            raise

    def _first(self, ticker: str, now: datetime) -> FetchResult:
        answer = self._ask(ticker, None, now, None)
        if not len(answer):
            raise DataError(f"{ticker}: the provider has no prices", "check the ticker; it may be delisted or misspelt")
        return self._replaced(ticker, answer, now, None)

    def _more(self, known: _Known, now: datetime) -> FetchResult:
        """The missing sessions, and a look at the newest stored ones."""
        ticker = known.instrument.ticker
        start = known.bars.dates[-min(OVERLAP, len(known.bars))].astype(object)
        answer = self._ask(ticker, start, now, known.instrument.zone)
        instrument, final, notes = self._settled(ticker, answer, now, known.instrument)
        change = compared(known.bars, final)
        if change.restated:
            whole = self._ask(ticker, None, now, instrument.zone)
            return self._replaced(ticker, whole, now, known)
        if len(change.new_or_corrected):
            pricestore.merge(self.db, instrument, final.take(change.new_or_corrected))
        else:
            pricestore.save_instrument(self.db, instrument)
        stored = pricestore.bars(self.db, ticker)
        assert stored is not None  # noqa: S101 - it was there a moment ago, and nothing deletes it
        return _Known(instrument, stored).result(
            now, asked=True, added=change.added, corrected=change.corrected, notes=notes
        )

    def _replaced(self, ticker: str, answer: Answer, now: datetime, known: _Known | None) -> FetchResult:
        """The whole history put in the place of what was stored."""
        instrument, final, notes = self._settled(ticker, answer, now, known.instrument if known else None)
        _refuse_shorter(ticker, final, known)
        pricestore.replace(self.db, instrument, final)
        if known is None:
            return _Known(instrument, final).result(now, asked=True, added=len(final), notes=notes)
        restated = f"{_reason(final, known.bars)}: {len(known.bars)} stored bars were replaced"
        added = int((final.dates > known.bars.dates[-1]).sum())
        return _Known(instrument, final).result(now, asked=True, added=added, restated=restated, notes=notes)

    def _ask(self, ticker: str, start: date | None, now: datetime, zone: str | None) -> Answer:
        from stockcast.prices.yahoo.client import fetch as ask

        with self.fetch_session.turn(ticker) as deadline:
            return ask(ticker, start, now, deadline, zone)

    def _settled(
        self, ticker: str, answer: Answer, now: datetime, known: Instrument | None
    ) -> tuple[Instrument, StoredBars, tuple[str, ...]]:
        """The instrument as the answer describes it, and the answer's bars that are final."""
        from stockcast.prices.yahoo.completed import completed

        instrument = described(ticker, answer, now, known)
        if instrument.guessed:
            self.progress.note(
                f"{ticker}: the sessions of its exchange, {answer.meta.exchange_code or 'not named'}, are not known; "
                f"they are taken to be {instrument.exchange}, without holidays",
                detail=known is not None,
            )
        final, notes = completed(answer, instrument.calendar, TradingHours.from_json(instrument.hours), now)
        bars = StoredBars(
            final.dates, final.open, final.high, final.low, final.close, final.adjusted_close, final.volume,
            final.dividends, final.splits,
        )  # fmt: skip
        return instrument, bars, notes

    def _told(self, result: FetchResult) -> FetchResult:
        """The result, its news told."""
        if result.restated:
            self.progress.note(f"{result.ticker}: {result.restated}")
        for note in result.notes:
            self.progress.note(note)
        return result


@dataclass(frozen=True)
class _Known:
    """What the store has of a ticker."""

    instrument: Instrument
    bars: StoredBars

    @property
    def last(self) -> date:
        day: date = self.bars.dates[-1].astype(object)
        return day

    def age(self, now: datetime) -> int:
        return self.instrument.calendar.count_between(self.last, self._completed(now))

    def result(
        self,
        now: datetime,
        asked: bool,
        added: int = 0,
        corrected: int = 0,
        restated: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> FetchResult:
        return FetchResult(
            ticker=self.instrument.ticker,
            exchange=self.instrument.exchange,
            currency=self.instrument.currency,
            first=self.bars.dates[0].astype(object),
            last=self.last,
            sessions=len(self.bars),
            added=added,
            corrected=corrected,
            restated=restated,
            asked=asked,
            completed=self._completed(now),
            age_sessions=self.age(now),
            notes=notes,
        )

    def _completed(self, now: datetime) -> date:
        return TradingHours.from_json(self.instrument.hours).last_completed(self.instrument.calendar, now)


def _refuse_shorter(ticker: str, fetched: StoredBars, known: _Known | None) -> None:
    """Raise SourceUnavailable for a history that lacks too much of what is stored, or the newest of it."""
    least = 1.0 if known is None else LEAST_KEPT * len(known.bars)
    ends_early = known is not None and len(fetched) > 0 and fetched.dates[-1] < known.bars.dates[-1]
    if len(fetched) >= least and not ends_early:
        return
    sent = f"{len(fetched)} completed sessions{f' up to {fetched.dates[-1]}' if len(fetched) else ''}"
    stored = "and none are stored" if known is None else f"and {len(known.bars)} up to {known.last} are stored"
    raise SourceUnavailable(f"{ticker}: the provider sent {sent}, {stored}", "nothing was changed; try again later")


def _reason(fetched: StoredBars, before: StoredBars) -> str:
    """What the provider's events that were not stored before say about a restatement; a split explains the most."""
    day = _newest_event(fetched.dates[fetched.splits != 1.0], before.dates[before.splits != 1.0])
    if day is not None:
        shares = fetched.splits[fetched.dates == day][0]
        return f"history restated by the split of {day} ({shares:g} new shares for one)"
    day = _newest_event(fetched.dates[fetched.dividends > 0], before.dates[before.dividends > 0])
    if day is not None:
        amount = fetched.dividends[fetched.dates == day][0]
        return f"history restated by the dividend of {day} ({amount:g} a share)"
    return "history restated by the provider"


def _newest_event(now: Dates, before: Dates) -> np.datetime64 | None:
    new = np.setdiff1d(now, before)
    return new[-1] if len(new) else None
