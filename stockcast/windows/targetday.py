"""Target days: what the exchange's calendar says at the origin of the session that is to be forecast.

Shapes: T sessions of one ticker. Bars decide nothing here: the calendar is published beforehand, and the date of
the next bar would tell whether the ticker traded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import ONE_DAY, Dates, Floats
from stockcast.prices.sessions import PLAIN_WEEKMASKS, SessionCalendar

DAY_NAMES = ("target_monday", "target_friday", "target_weekend", "target_holiday")
"""Columns of `day_columns`, in their order."""


def target_sessions(dates_T: Dates, calendar: SessionCalendar) -> Dates:
    """The calendar's first session strictly after each date, whatever bars exist; days, shape [T].

    The same days as `calendar.next_sessions(date, 1)`: where holidays are not known the weekmask alone decides.
    """
    tomorrow_T = dates_T.astype("datetime64[D]") + ONE_DAY
    usual_T: Dates = np.busday_offset(
        tomorrow_T,
        0,
        roll="forward",
        weekmask=calendar.weekmask,
        holidays=np.array(calendar.closures, dtype="datetime64[D]"),
    )
    if not calendar.extras:
        return usual_T
    extras = np.array(calendar.extras, dtype="datetime64[D]")
    place_T = np.searchsorted(extras, tomorrow_T)
    extra_T = extras[np.minimum(place_T, len(extras) - 1)]
    sooner_T = (place_T < len(extras)) & (extra_T < usual_T)
    return np.where(sooner_T, extra_T, usual_T)


def day_numbers(dates_T: Dates) -> NDArray[np.int64]:
    """Days since 1970-01-01, shape [T]."""
    return dates_T.astype("datetime64[D]").astype(np.int64)


def day_columns(dates_T: Dates, targets_T: Dates, weekmask: str = PLAIN_WEEKMASKS["weekdays"]) -> dict[str, Floats]:
    """What the calendar says of each target session, by the names of DAY_NAMES; shape [T] each.

    target_monday and target_friday: 1 where the target session is one, else 0. target_weekend: days between origin
    and target outside the `weekmask` (2 over a usual weekend). target_holiday: days between them that the weekmask
    has and the exchange has not. The last two add up to the nights beyond the first, 0 for the usual single one.
    """
    tomorrow_T, targets_T = dates_T.astype("datetime64[D]") + ONE_DAY, targets_T.astype("datetime64[D]")
    # Day 0 of the epoch was a Thursday.
    weekday_T = (day_numbers(targets_T) + 3) % 7
    closed_T = (targets_T - tomorrow_T).astype(np.int64)
    holiday_T = np.busday_count(tomorrow_T, targets_T, weekmask=weekmask)
    columns = (weekday_T == 0, weekday_T == 4, closed_T - holiday_T, holiday_T)
    return {name: column.astype(np.float64) for name, column in zip(DAY_NAMES, columns, strict=True)}
