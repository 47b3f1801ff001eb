"""What the dates of reports say at each origin: whether the target session carries the reaction, and how large those of
the past were.

A row uses bars up to its own session, and of the dates what was known of them before its target session. Dates after
the target session change nothing.

Shapes: T sessions of one ticker, E events, K HAR spans, N rows that somebody asks for, H steps ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stockcast.forecasts import EARNINGS, ForecastEvent
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, EventCalendar, EventDates
from stockcast.prices.history import ONE_DAY, Dates, Floats, History
from stockcast.prices.sessions import SessionCalendar
from stockcast.windows.features import HAR_SPANS, Features, SessionReturns, features, leverage, trailing_mean
from stockcast.windows.seasonality import quarter_echo, target_sessions

Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

REMEMBERED = 8
"""Reactions whose mean size is expected of the next."""
_PSEUDO, _USUAL_SIZE = 2.0, 0.65
"""Reactions that are assumed beside those, and their log size over the scale of a year: nearly twice as large."""
_HOURS_REMEMBERED, _PSEUDO_HOURS = 20, 2.0
_LARGER_OF_TWO = 0.15  # by how much the larger of two sessions exceeds the one that reacts, in logs, on the average
_CLEAN_SPAN = HAR_SPANS[2]
_FORGOTTEN = np.timedelta64(200, "D")
"""A ticker without an event for so long is one whose dates nobody tells: half-yearly reports come sooner."""
_MOST_ECHO = 6.0
_MOST_LN_ODDS = 50.0
"""As good as certain."""


@dataclass(frozen=True, eq=False)
class EventRows:
    """What the dates say of some target sessions.

    Attributes:
        q_N: Probability that the session carries the reaction to a report. Where the hour is not known two sessions
            share it; how loud the first of them was then says what is left for the second.
        ln_size_N: Log of the expected size of a reaction, in log return.
        known_N: Whether the ticker's dates are known there.
        echo_N: The mean over eight quarters of the largest shock about the same day, from 0 (none) to 6.
    """

    q_N: Floats
    ln_size_N: Floats
    known_N: Flags
    echo_N: Floats

    @classmethod
    def together(cls, parts: Sequence[EventRows]) -> Self:
        """Those of several series, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])))

    def take(self, kept: Flags | slice) -> Self:
        """The chosen ones."""
        return replace(self, **{name: values_N[kept] for name, values_N in vars(self).items()})

    def at(self, row: int) -> Self:
        """One of them, which is said of any number of scales."""
        return self.take(slice(row, row + 1))


@dataclass(frozen=True, eq=False)
class EventColumns:
    """What the dates of reports say at each row of a ticker's features.

    Attributes:
        known: The dates, and since when they were known.
        m: Session returns of the ticker.
        q_T: Probability that the session after each row carries the reaction.
        ln_size_T: Log of the expected size of a reaction, in log return.
        known_T: Whether the ticker's dates are known.
        reacts_T: Whether the row's own session carries a reaction, or may.
        v_T: Session variances with those of reactions cut to the mean of the month before.
        har_TK: The HAR logs of these.
        leverage_T: Falls over the monthly scale of these.
        first: Row that counts as the first one; those before it are remembered, and nobody asks for them.
        is_silent: Whether nothing is said of sessions to come.

    """

    known: EventCalendar
    m: SessionReturns
    q_T: Floats
    ln_size_T: Floats
    known_T: Flags
    reacts_T: Flags
    v_T: Floats
    har_TK: Floats
    leverage_T: Floats
    first: int = 0
    is_silent: bool = False

    @classmethod
    def of(cls, known: EventCalendar, m: SessionReturns) -> Self:
        """The columns of a ticker.

        Args:
            known: Its dates.
            m: Its session returns, T of them.

        Returns:
            A row for each session.
        """
        targets_T = target_sessions(m.dates, known.calendar)
        place_T = known.places_N(targets_T)
        told = [_Told.of(snapshot, known.calendar, m) for snapshot in known.snapshots]
        parts = [np.flatnonzero(place_T == place) for place in range(len(told))]
        reacts_T, q_T, ln_size_T = np.zeros(len(m), dtype=np.bool_), np.zeros(len(m)), np.zeros(len(m))
        known_T = np.zeros(len(m), dtype=np.bool_)
        for some, row_N in zip(told, parts, strict=True):
            reacts_T[row_N] = some.reacts(m.dates[row_N])
        v_T = _cleaned(m.v_T, reacts_T)
        har_TK = np.log(np.stack([trailing_mean(v_T, span) for span in HAR_SPANS], axis=1))
        for some, row_N in zip(told, parts, strict=True):
            q_T[row_N] = some.q(targets_T[row_N], row_N)
            ln_size_T[row_N] = some.ln_size(0.5 * har_TK[row_N, -1], row_N)
            known_T[row_N] = some.is_known(targets_T[row_N])
        return cls(known, m, q_T, ln_size_T, known_T, reacts_T, v_T, har_TK, leverage(m.r_T, har_TK))

    def without_first(self, rows: int) -> Self:
        """The same as if the first rows did not exist."""
        return replace(self, first=self.first + rows)

    def silent(self) -> Self:
        """The same as if no date of a session to come were known; past reactions stay cut."""
        return replace(self, is_silent=True)

    def rows(self, start: int, stop: int) -> EventRows:
        """What is said at the rows start .. stop - 1 of the sessions after them."""
        some = slice(self.first + start, self.first + stop)
        return self._said(EventRows(self.q_T[some], self.ln_size_T[some], self.known_T[some], self._echo_T[some]))

    def reacts(self, start: int, stop: int) -> Flags:
        """Whether the sessions of the rows start .. stop - 1 carry a reaction, or may."""
        return self.reacts_T[self.first + start : self.first + stop]

    def ahead(self, origin: int, steps: int) -> EventRows:
        """What is said at a row of each of the sessions after it, H of them, by what was known there of their dates."""
        row = self.first + origin
        day = self.m.dates[row].astype("datetime64[D]")
        days = self.known.calendar.next_sessions(day.astype(object), steps)
        targets_H: Dates = np.array(days, dtype="datetime64[D]")
        told = self._told_before(targets_H[0])[1]
        row_H = np.full(steps, row)
        rows = EventRows(
            told.q(targets_H, row_H),
            np.full(steps, self.ln_size_T[row]),
            told.is_known(targets_H),
            _echo(self.m, row_H, targets_H),
        )
        return self._said(rows)

    def due(self, origin: int, targets: Sequence[date]) -> tuple[ForecastEvent | None, ...]:
        """The report that each of the sessions after a row may react to, by what was known before the first of them.

        Args:
            origin: The row.
            targets: The sessions, ascending.

        Returns:
            For each the likeliest report, None where there is none. Nobody's interval is any wider for it yet.
        """
        targets_H: Dates = np.array(targets, dtype="datetime64[D]")
        snapshot, told = self._told_before(targets_H[0])
        return tuple(told.due(snapshot, target, self.first + origin) for target in targets_H)

    def _told_before(self, target: np.datetime64) -> tuple[EventDates, _Told]:
        """The dates that a forecast of a session may know, and what became of the past ones."""
        snapshot = self.known.snapshots[int(self.known.places_N(np.array([target]))[0])]
        return snapshot, _Told.of(snapshot, self.known.calendar, self.m)

    def _said(self, rows: EventRows) -> EventRows:
        if not self.is_silent:
            return rows
        return replace(rows, q_N=np.zeros_like(rows.q_N), known_N=np.zeros_like(rows.known_N))

    def clean(self, f: Features) -> Features:
        """The features as if no reaction had been larger than its month: what a base scale of quiet sessions sees."""
        some = slice(self.first, None)
        m = replace(f.session_returns, v_T=self.v_T[some])
        return replace(f, session_returns=m, har_TK=self.har_TK[some], leverage_T=self.leverage_T[some])

    def arrays(self, stop: int) -> list[NDArray[np.generic]]:
        """All that forecasts of the rows before `stop` depend on."""
        some = slice(None, self.first + stop)
        return [self.q_T[some], self.ln_size_T[some], self.known_T[some], self.v_T[some]]

    @cached_property
    def _echo_T(self) -> Floats:
        row_T = np.arange(len(self.m))
        return _echo(self.m, row_T, target_sessions(self.m.dates, self.known.calendar))


def features_with_events(history: History) -> Features:
    """All causal columns of a history, with what its dates of reports say, where there are any."""
    f = features(history)
    if history.events is None:
        return f
    return replace(f, events=EventColumns.of(history.events, f.session_returns))


def reaction_days(dates: EventDates, calendar: SessionCalendar) -> tuple[Dates, Dates]:
    """The sessions that may carry the reaction to each event, the likelier one first where the hour is known.

    Before the open it is the first session on or after the day; after the close the first after the day. Where nobody
    says it is either the first on or after the day or the next one.

    Returns:
        The first that may, and the last, shape (E,); both are the same where the hour is known.
    """
    after_E = np.array([when == AFTER for when in dates.whens], dtype=np.bool_)
    unknown_E = np.array([when == UNKNOWN for when in dates.whens], dtype=np.bool_)
    first_E = target_sessions(np.where(after_E, dates.days, dates.days - ONE_DAY), calendar)
    return first_E, np.where(unknown_E, target_sessions(first_E, calendar), first_E)


@dataclass(frozen=True, eq=False)
class _Told:
    """One snapshot beside the bars: the sessions that react, and what became of the past ones.

    first_E, last_E: sessions that may react, the first ones ascending. settled_P: the row from which each past event
    counts, that of its last session, ascending; size_P, on_first_P: log size of its reaction, and whether it came on
    the first one. seen_E: the row of the first session, T without one; loud_E: its variance over the mean of the month
    before it, ln_month_E: log scale of that month.
    """

    first_E: Dates
    last_E: Dates
    unsure_E: Flags
    seen_E: Rows
    loud_E: Floats
    ln_month_E: Floats
    settled_P: Rows
    size_P: Floats
    on_first_P: Floats

    @classmethod
    def of(cls, dates: EventDates, calendar: SessionCalendar, m: SessionReturns) -> Self:
        first_E, last_E = reaction_days(dates, calendar)
        unsure_E = np.array([when == UNKNOWN for when in dates.whens], dtype=np.bool_)
        before_E = np.array([when == BEFORE for when in dates.whens], dtype=np.bool_)
        days_T = m.dates.astype("datetime64[D]")
        (row_E, there_E), (last_row_E, last_there_E) = _places(first_E, days_T), _places(last_E, days_T)
        past_P = np.flatnonzero(there_E & last_there_E)
        # First sessions ascend as days do; of two events of one weekend the last ones need not.
        past_P = past_P[np.argsort(last_row_E[past_P], kind="stable")]
        row_P, last_row_P, unsure_P = row_E[past_P], last_row_E[past_P], unsure_E[past_P]
        v_P, last_v_P = m.v_T[row_P], m.v_T[last_row_P]
        size_P = 0.5 * np.log(np.maximum(v_P, last_v_P)) - np.where(unsure_P, _LARGER_OF_TWO, 0.0)
        on_first_P = np.where(unsure_P, v_P > last_v_P, before_E[past_P]).astype(np.float64)
        month_T = np.concatenate((m.v_T[:1], trailing_mean(m.v_T, _CLEAN_SPAN)[:-1]))
        seen_E = np.where(there_E, row_E, len(m))
        loud_E = np.append(m.v_T / month_T, 0.0)[seen_E]
        ln_month_E = np.append(0.5 * np.log(month_T), 0.0)[seen_E]
        return cls(first_E, last_E, unsure_E, seen_E, loud_E, ln_month_E, last_row_P, size_P, on_first_P)

    def reacts(self, days_N: Dates) -> Flags:
        """Whether each day is a session that reacts, or may."""
        days_N = days_N.astype("datetime64[D]")
        return np.isin(days_N, self.first_E) | np.isin(days_N, self.last_E)

    def q(self, targets_N: Dates, row_N: Rows) -> Floats:
        """Probability that each target session carries a reaction, by what is known at the rows."""
        sure_N = np.isin(targets_N, self.first_E[~self.unsure_E])
        q_N = np.where(sure_N, 1.0, 0.0)
        if self.unsure_E.any():
            count_N, hits_N = self._recent(self.on_first_P, row_N, _HOURS_REMEMBERED)
            p_N = (_PSEUDO_HOURS + hits_N) / (2.0 * _PSEUDO_HOURS + count_N)
            on_first_N = np.isin(targets_N, self.first_E[self.unsure_E])
            q_N = np.maximum(q_N, np.maximum(np.where(on_first_N, p_N, 0.0), self._still_due(targets_N, row_N, p_N)))
        return q_N

    def _still_due(self, targets_N: Dates, row_N: Rows, p_N: Floats) -> Floats:
        """Probability that the reaction comes in the second of two sessions, where the target is one: by Bayes' rule.

        1 - p while the first is not over; then by how loud that was. Session variances are taken to be exponential
        about their mean, to which a reaction adds the square of its expected size.
        """
        unsure_U = np.flatnonzero(self.unsure_E)
        # Of events without an hour the second sessions ascend as the first ones do.
        place_N = np.minimum(np.searchsorted(self.last_E[unsure_U], targets_N), len(unsure_U) - 1)
        event_N = unsure_U[place_N]
        ln_month_N = self.ln_month_E[event_N]
        ratio_N = np.exp(2.0 * (self.ln_size(ln_month_N, row_N) - ln_month_N))
        ln_odds_N = self.loud_E[event_N] * ratio_N / (1.0 + ratio_N) - np.log1p(ratio_N)
        ln_odds_N = np.where(self.seen_E[event_N] <= row_N, np.minimum(ln_odds_N, _MOST_LN_ODDS), 0.0)
        due_N = (1.0 - p_N) / (1.0 - p_N + p_N * np.exp(ln_odds_N))
        return np.where(self.last_E[event_N] == targets_N, due_N, 0.0)

    def due(self, dates: EventDates, target: np.datetime64, row: int) -> ForecastEvent | None:
        """The event that a session may react to, the likeliest of several; dates: those that this was made of."""
        found = []
        for k in np.flatnonzero((self.first_E == target) | (self.last_E == target)).tolist():
            alone = replace(self, **{name: of_E[[k]] for name, of_E in vars(self).items() if name.endswith("_E")})
            sessions_S = np.unique([self.first_E[k], self.last_E[k]])
            q_S = alone.q(sessions_S, np.full(len(sessions_S), row))
            event = ForecastEvent(
                kind=EARNINGS,
                day=dates.days[k].astype(object),
                when=dates.whens[k],
                sessions=tuple(sessions_S[np.argsort(-q_S, kind="stable")].astype(object).tolist()),
                probability=float(q_S[np.searchsorted(sessions_S, target)]),
                source=dates.source,
                as_of=dates.taken,
            )
            found.append(event)
        return max(found, key=lambda event: event.probability, default=None)

    def ln_size(self, ln_scale_N: Floats, row_N: Rows) -> Floats:
        """Expected log size of a reaction, by those up to each row and the log scale of the year before it."""
        count_N, total_N = self._recent(self.size_P, row_N, REMEMBERED)
        return (total_N + _PSEUDO * (ln_scale_N + _USUAL_SIZE)) / (count_N + _PSEUDO)

    def is_known(self, targets_N: Dates) -> Flags:
        """Whether there is an event not long before each target session, or on it."""
        if not len(self.first_E):
            return np.zeros(len(targets_N), dtype=np.bool_)
        begun_N = np.searchsorted(self.first_E, targets_N, side="right")
        newest_N = self.first_E[np.maximum(begun_N - 1, 0)]
        return (begun_N > 0) & (targets_N - newest_N <= _FORGOTTEN)

    def _recent(self, values_P: Floats, row_N: Rows, most: int) -> tuple[NDArray[np.intp], Floats]:
        """How many of the newest values up to each row there are, at most `most`, and their sum."""
        past_N = np.searchsorted(self.settled_P, row_N, side="right")
        count_N = np.minimum(past_N, most)
        total_P = np.concatenate(([0.0], np.cumsum(values_P)))
        return count_N, total_P[past_N] - total_P[past_N - count_N]


def _places(days_E: Dates, days_T: Dates) -> tuple[Rows, Flags]:
    """The row of each day, and whether it has one."""
    row_E = np.searchsorted(days_T, days_E, side="left")
    inside_E = row_E < len(days_T)
    return row_E, inside_E & (days_T[np.where(inside_E, row_E, 0)] == days_E) if len(days_T) else inside_E


def _cleaned(v_T: Floats, reacts_T: Flags) -> Floats:
    """Variances with those of reactions at most the mean of the month before, itself of cleaned ones."""
    clean_T = v_T.copy()
    for row in np.flatnonzero(reacts_T).tolist():
        if row:
            clean_T[row] = min(clean_T[row], float(np.mean(clean_T[max(0, row - _CLEAN_SPAN) : row])))
    return clean_T


def _echo(m: SessionReturns, row_N: Rows, targets_N: Dates) -> Floats:
    """The quarters' mean shock about each target session, counted from none, as the layer takes it."""
    return np.clip(quarter_echo(m, row_N, targets_N) + 1.0, 0.0, _MOST_ECHO)
