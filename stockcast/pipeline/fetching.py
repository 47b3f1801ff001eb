"""Fetching: the store is brought up to the last session that is over, and no further than that; and the dates of
reports, past and to come, as they are told.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from stockcast import config as settings
from stockcast.errors import ConfigError, DataError, SourceUnavailable, StockcastError
from stockcast.pipeline.clock import require_agreement, require_clock
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.prices.events import EventDates
from stockcast.prices.exchanges import ALWAYS, WEEKDAYS, listed_calendar
from stockcast.prices.history import Bars, Dates, change_between, counted
from stockcast.prices.hours import load_hours, usual_hours
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.progress import Progress
from stockcast.results import FetchResult
from stockcast.storage import eventstore, pricestore
from stockcast.storage.database import Database
from stockcast.storage.eventstore import Asked
from stockcast.storage.pricestore import Instrument

if TYPE_CHECKING:
    from stockcast.prices.yahoo.answer import Answer

OVERLAP = 10
"""Stored sessions that are fetched again, to see whether the provider has restated the past."""

LEAST_KEPT = 0.9
"""Share of the stored sessions that a whole history must have to replace them."""

EVERY, NEAR = 7, 10
"""Days after which dates of reports are asked for again, and sessions before a report in which that is daily."""

# A forecast may be of 250 sessions ahead, which is a year.
_BACK, _AHEAD, _LEAST_AHEAD = timedelta(days=30), timedelta(days=500), timedelta(days=380)
_EARLIEST = date(1900, 1, 1)


@dataclass(frozen=True)
class Fetcher:
    """Brings stored prices up to date, one ticker after the other."""

    db: Database
    fetch_session: FetchSession
    progress: Progress

    def update(self, ticker: str) -> FetchResult:
        """The ticker's prices, asked for where the stored ones are older than the settings allow.

        Where `allow_stale` is set and the provider fails, or says that it has nothing, the stored prices serve. Raises
        DataError for an unknown ticker, and for a clock that is behind what is stored or far off the provider's;
        SourceUnavailable where the provider cannot be reached.
        """
        now, config = settings.now(), self.fetch_session.config
        instrument, bars = pricestore.instrument(self.db, ticker), pricestore.bars(self.db, ticker)
        if instrument is None or bars is None or not len(bars):
            if config.offline:
                raise DataError(
                    f"no prices of {ticker} are stored", f"fetch them without --offline: stockcast fetch {ticker}"
                )
            return self._told(self._first(ticker, now))
        if not (config.offline or settings.is_replay()):
            require_clock(self.db, ticker)  # else nothing would seem to be missing
        known = _Known(instrument, bars)
        age = known.age(now)
        if config.offline or age <= config.max_age:
            return known.result(now, asked=False)
        try:
            return self._told(self._more(known, now))
        except (DataError, SourceUnavailable) as error:
            if config.allow_stale:
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
        change = change_between(known.bars, final)
        if change.restated:
            whole = self._ask(ticker, None, now, instrument.zone)
            return self._replaced(ticker, whole, now, known)
        if len(change.new_or_corrected):
            pricestore.merge(self.db, instrument, final.take(change.new_or_corrected))
        else:
            pricestore.save_instrument(self.db, instrument)
        stored = pricestore.bars(self.db, ticker)
        assert stored is not None  # noqa: S101 - it was there a moment ago, and nothing deletes it
        result = _Known(instrument, stored).result(now, asked=True)
        return replace(result, added=change.added, corrected=change.corrected, notes=notes)

    def _replaced(self, ticker: str, answer: Answer, now: datetime, known: _Known | None) -> FetchResult:
        """The whole history put in the place of what was stored."""
        instrument, final, notes = self._settled(ticker, answer, now, known.instrument if known else None)
        _refuse_shorter(ticker, final, known)
        pricestore.replace(self.db, instrument, final)
        result = replace(_Known(instrument, final).result(now, asked=True), notes=notes)
        if known is None:
            return replace(result, added=len(final))
        restated = f"{_reason(final, known.bars)}: {len(known.bars)} stored bars were replaced"
        return replace(result, added=int((final.dates > known.bars.dates[-1]).sum()), restated=restated)

    def _ask(self, ticker: str, start: date | None, now: datetime, zone: str | None) -> Answer:
        from stockcast.prices.yahoo.client import ask_yahoo

        with self.fetch_session.turn(ticker) as deadline:
            answer = ask_yahoo(ticker, start, now, deadline, zone)
        require_agreement(answer.meta.answered)
        return answer

    def _settled(
        self, ticker: str, answer: Answer, now: datetime, known: Instrument | None
    ) -> tuple[Instrument, Bars, tuple[str, ...]]:
        """The instrument as the answer describes it, and the answer's bars that are final."""
        from stockcast.prices.yahoo.answer import completed

        instrument = _described(ticker, answer, now, known)
        if instrument.guessed:
            self.progress.note(
                f"{ticker}: the sessions of its exchange, {answer.meta.exchange_code or 'not named'}, are not known; "
                f"they are taken to be {instrument.exchange}, without holidays",
                detail=known is not None,
            )
        final, notes = completed(answer, instrument.calendar, instrument.hours, now)
        return instrument, final, notes

    def _told(self, result: FetchResult) -> FetchResult:
        """The result, its news told."""
        if result.restated:
            self.progress.note(f"{result.ticker}: {result.restated}")
        for note in result.notes:
            self.progress.note(note)
        return result


@dataclass(frozen=True)
class EventFetcher:
    """Brings the dates of reports up to date, after the prices; what fails is told, and keeps no prices back."""

    db: Database
    fetch_session: FetchSession
    progress: Progress

    def update(self, ticker: str, asked: bool) -> None:
        """Ask for a ticker's dates where that is due, in the course of a fetch, and keep what is new.

        Args:
            ticker: One whose prices are stored.
            asked: Whether the provider has been asked for its prices. Without, dates are only asked for where they
                never were.
        """
        instrument = pricestore.instrument(self.db, ticker)
        if instrument is None or self.fetch_session.config.offline or not may_report(ticker, instrument.exchange):
            return
        today = settings.now().astimezone(ZoneInfo(instrument.zone)).date()
        before, known = eventstore.last_asked(self.db, ticker), eventstore.snapshots(self.db, ticker)
        newest = known[-1] if known else None
        if before is not None and not (asked and _is_due(before, newest, instrument.calendar, today)):
            return
        if self.fetch_session.is_away_for_dates:  # which was told
            return
        serving = f"those of {newest.taken} serve" if newest else "forecasts go without"
        try:
            told = self._ask(instrument)
            is_new = eventstore.keep_snapshot(self.db, ticker, told, today)
            if not len(told):
                self.progress.note(f"{ticker}: the provider has no dates of its reports; {serving}")
            elif is_new:
                self.progress.note(
                    f"{ticker}: {counted(len(told), 'date')} of reports, {_next(told, today)}", detail=True
                )
        except StockcastError as error:
            self.progress.note(f"{ticker}: no dates of its reports can be had: {error.message}; {serving}")
            with suppress(StockcastError):
                eventstore.note_asked(self.db, ticker, Asked(today, failed=True))

    def _ask(self, instrument: Instrument) -> EventDates:
        from stockcast.prices.yahoo.events import ask_event_dates

        hours = usual_hours(instrument.exchange)
        with self.fetch_session.turn(instrument.ticker, dates=True) as deadline:
            return ask_event_dates(instrument.ticker, settings.now(), deadline, instrument.zone, hours)


def may_report(ticker: str, exchange: str) -> bool:
    """Whether a company may stand behind a ticker: not behind an index, a currency, a future or a coin."""
    return not ticker.startswith("^") and "=" not in ticker and exchange != ALWAYS


def _is_due(before: Asked, newest: EventDates | None, calendar: SessionCalendar, today: date) -> bool:
    """Whether dates have to be asked for again: every week, every day before a report, and the day after a failure."""
    days = (today - before.day).days
    if days < 1 or before.failed:
        return days != 0  # before: by a clock that was ahead
    coming: list[date] = [] if newest is None else newest.days[newest.days >= np.datetime64(today)].tolist()
    near = bool(coming) and calendar.count_between(today, coming[0]) <= NEAR
    return near or days >= EVERY


def _next(told: EventDates, today: date) -> str:
    coming = np.flatnonzero(told.days >= np.datetime64(today))
    return f"the next on {told.days[coming[0]]}" if len(coming) else "none of them to come"


@dataclass(frozen=True)
class _Known:
    """What the store has of a ticker."""

    instrument: Instrument
    bars: Bars

    @property
    def last(self) -> date:
        day: date = self.bars.dates[-1].astype(object)
        return day

    def age(self, now: datetime) -> int:
        return self.instrument.calendar.count_between(self.last, self._completed(now))

    def result(self, now: datetime, asked: bool) -> FetchResult:
        """What there is, as a fetch that changed nothing leaves it."""
        return FetchResult(
            ticker=self.instrument.ticker,
            exchange=self.instrument.exchange,
            currency=self.instrument.currency,
            first=self.bars.dates[0].astype(object),
            last=self.last,
            sessions=len(self.bars),
            added=0,
            corrected=0,
            restated=None,
            asked=asked,
            completed=self._completed(now),
            age_sessions=self.age(now),
            notes=(),
        )

    def _completed(self, now: datetime) -> date:
        return self.instrument.hours.last_completed(self.instrument.calendar, now)


def _refuse_shorter(ticker: str, fetched: Bars, known: _Known | None) -> None:
    """Raise SourceUnavailable for a history that lacks too much of what is stored, or the newest of it."""
    least = 1.0 if known is None else LEAST_KEPT * len(known.bars)
    ends_early = known is not None and len(fetched) > 0 and fetched.dates[-1] < known.bars.dates[-1]
    if len(fetched) >= least and not ends_early:
        return
    sent = f"{len(fetched)} completed sessions{f' up to {fetched.dates[-1]}' if len(fetched) else ''}"
    stored = "and none are stored" if known is None else f"and {len(known.bars)} up to {known.last} are stored"
    raise SourceUnavailable(f"{ticker}: the provider sent {sent}, {stored}", "nothing was changed; try again later")


def _reason(fetched: Bars, before: Bars) -> str:
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


def _described(ticker: str, answer: Answer, now: datetime, known: Instrument | None) -> Instrument:
    """The instrument that an answer is about; calendar and hours that reach far enough ahead are kept.

    An exchange that cannot be told, or whose holidays cannot be worked out, is taken to trade on weekdays, and marked
    as guessed; what was known before outlasts an answer that does not tell.
    """
    meta = answer.meta
    told = listed_calendar(meta.exchange_code, meta.zone, meta.kind)
    name, guessed = told.name, told.guessed
    if known is not None and (told.guessed or told.name == known.exchange):
        if known.calendar.knows((now + _LEAST_AHEAD).date()):
            currency, zone = meta.currency or known.currency, meta.zone or known.zone
            return replace(known, currency=currency, zone=zone, fetched_at=_stamp(now))
        name, guessed = known.exchange, known.guessed
    try:
        return _built(ticker, name, guessed, answer, now, known)
    except ConfigError:
        return _built(ticker, WEEKDAYS, True, answer, now, known)


def _built(
    ticker: str, exchange: str, guessed: bool, answer: Answer, now: datetime, known: Instrument | None
) -> Instrument:
    meta = answer.meta
    first: date = answer.dates[0].astype(object) if len(answer) else now.date()
    if known is not None:
        first = min(first, known.calendar.first)
    # A calendar of weekdays has no first day.
    start, through = max(min(first, now.date()), _EARLIEST + _BACK) - _BACK, (now + _AHEAD).date()
    zone = meta.zone or (known.zone if known else None)
    hours = load_hours(exchange, start, through, zone, _local(meta.period_end, zone))
    return Instrument(
        ticker=ticker,
        exchange=exchange,
        currency=meta.currency or (known.currency if known else None),
        zone=zone or "UTC",
        calendar=load_calendar(exchange, start, through),
        hours=hours,
        fetched_at=_stamp(now),
        guessed=guessed,
    )


def _local(moment: datetime | None, zone: str | None) -> time | None:
    """The exchange's own clock at a moment: what is known of the close where no calendar is.

    None at midnight, which ends the day before and would begin the session's own.
    """
    if moment is None or zone is None:
        return None
    at = moment.astimezone(ZoneInfo(zone)).time()
    return None if (at.hour, at.minute) == (0, 0) else at


def _stamp(now: datetime) -> str:
    return now.isoformat(timespec="seconds")
