"""Known ahead: what the calendar of a company says at the origin of sessions that are still to come.

Shapes: T sessions of one ticker, E sessions with an event. The one group of columns that looks at dates after the
origin, which is what it is for: the dates have to have been announced before, or they are a leak of the user's own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import ONE_DAY, Dates, Floats
from stockcast.prices.sessions import SessionCalendar
from stockcast.windows.targetday import target_sessions

KNOWN_NAMES = ("known:target", "known:before", "known:sessions_to_next", "known:since_last")
"""Columns of `known_columns`, in their order."""

REACH = 30
"""Sessions in which an event still shows; the dates of a quarter are announced some weeks before."""
FADE = 5.0


def known_columns(
    days: Dates, dates_T: Dates, targets_T: Dates, calendar: SessionCalendar
) -> dict[str, Floats]:  # fmt: skip
    """What the days of events say at each origin, by the names of KNOWN_NAMES; shape [T] each.

    A day without a session belongs to the next session. known:target: 1 where the target session has an event.
    known:before: 1 where the origin's own has one, after whose close most companies report. known:sessions_to_next:
    exp(-k / 5) where the next event is k sessions after the target session, which may itself be the one;
    known:since_last: the same of the last event up to the origin, k sessions before it; 0 beyond 30 sessions.
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
