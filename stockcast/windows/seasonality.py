"""What the date of the target session says: weekday, holidays, and whether a company usually reports then.

Companies report in the same weeks each quarter, so large moves return 91 or 364 days later. The calendar is published
beforehand: bars decide nothing about it, and the date of the next bar would tell whether the ticker traded.

Shapes: T sessions of one ticker, G lags. A row uses bars up to and including its own session; the one thing it knows
of its target session is the date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import ONE_DAY, Dates, Floats
from stockcast.prices.sessions import PLAIN_WEEKMASKS, SessionCalendar
from stockcast.windows.features import BURN_IN, HAR_SPANS, SessionReturns, ewma, trailing_maximum, trailing_mean

DAY_NAMES = ("target_monday", "target_friday", "target_weekend", "target_holiday")
"""Columns of `day_columns`, in their order."""


def target_sessions(dates_T: Dates, calendar: SessionCalendar) -> Dates:
    """The calendar's first session strictly after each date, whatever bars exist.

    The same days as `calendar.next_sessions(date, 1)`: where holidays are not known the weekmask alone decides.

    Args:
        dates_T: Dates, shape (T,).
        calendar: Sessions of the exchange.

    Returns:
        Days, shape (T,).
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
    """What the calendar says of each target session, by the names of DAY_NAMES.

    target_monday and target_friday: 1 where the target session is one, else 0. target_weekend: days between origin and
    target outside the weekmask (2 over a usual weekend). target_holiday: days between them that the weekmask has and
    the exchange has not. The last two add up to the nights beyond the first, 0 for the usual single one.

    Args:
        dates_T: Origins, shape (T,).
        targets_T: Their target sessions, shape (T,).
        weekmask: "1" for each weekday that has sessions, Monday first.

    Returns:
        Columns of shape (T,).
    """
    tomorrow_T, targets_T = dates_T.astype("datetime64[D]") + ONE_DAY, targets_T.astype("datetime64[D]")
    # Day 0 of the epoch was a Thursday.
    weekday_T = (day_numbers(targets_T) + 3) % 7
    closed_T = (targets_T - tomorrow_T).astype(np.int64)
    holiday_T = np.busday_count(tomorrow_T, targets_T, weekmask=weekmask)
    columns = (weekday_T == 0, weekday_T == 4, closed_T - holiday_T, holiday_T)
    return {name: column.astype(np.float64) for name, column in zip(DAY_NAMES, columns, strict=True)}


QUARTER_DAYS = (91, 182, 273, 364, 728)
"""Days from one report to the next ones, if they come in the same week of their quarter."""
BESIDE_DAYS = (84, 98, 357, 371)
"""The same for reports that come a week early or late."""
SPANS = (0, 1, 4)
"""Days to each side in which a shock counts as that many days ago."""
EVERY_QUARTER_DAYS = (91, 182, 273, 364, 455, 546, 637, 728)
YEARLY_DAYS = (364, 728, 1092)
SINGLE_DAYS = (91, 182, 364, 728)
SOON_DAYS = (85, 358)
"""The same for reports that come within days after the target session."""
BUMP_SESSIONS = (58, 62, 66)
RECENT_SESSIONS = 22
LARGE = 2.0
"""A clipped shock above this starts the count of sessions to the next report."""

SEASONALITY_NAMES = (
    *(f"echo_quarters_{span}" for span in SPANS),
    *(f"echo_beside_{span}" for span in SPANS),
    *(f"echo_since_{sessions}" for sessions in BUMP_SESSIONS),
    *(f"echo_mean_{span}" for span in SPANS),
    *(f"echo_years_{span}" for span in SPANS),
    *(f"echo_{days}" for days in SINGLE_DAYS),
    "echo_soon",
    "echo_decay",
    "echo_ago",
    "echo_recent",
)
"""Columns of `echo_columns`, in their order."""

_LEAST, _MOST = -1.0, 5.0
_BUMP_WIDTH = 3.0
_DECAY, _QUARTER_SESSIONS = 15.0, 90
_VOLUME_LEAST, _VOLUME_MOST = -1.0, 4.0
_LONG_AGO = -1_000_000


def strict_ewma(x_T: Floats) -> Floats:
    """`ewma` with the mean so far in its first month, where `ewma` itself has the mean of the whole month."""
    smooth_T = ewma(x_T)
    smooth_T[:BURN_IN] = trailing_mean(x_T[:BURN_IN], BURN_IN)
    return smooth_T


def shock(m: SessionReturns) -> Floats:
    """How far gap, return and volume of each session are out of the usual, no unit.

    log1p(|gap| / s) + 0.5 log1p(|r| / s) + 0.7 clip(volume surprise, -1, 4), less the mean of that over the trailing
    250 sessions; s is the EWMA scale of the session before. Without opens or volume that term is 0.

    Args:
        m: Session returns of one ticker, T of them.

    Returns:
        Shocks, shape (T,).
    """
    scale_T = np.sqrt(strict_ewma(m.v_T))
    scale_T[1:] = scale_T[:-1].copy()
    size_T = 0.5 * np.log1p(np.abs(m.r_T) / scale_T)
    if m.gap_T is not None:
        size_T += np.log1p(np.abs(m.gap_T) / scale_T)
    if m.surprise_T is not None:
        size_T += 0.7 * np.clip(m.surprise_T, _VOLUME_LEAST, _VOLUME_MOST)
    return size_T - trailing_mean(size_T, HAR_SPANS[-1])


def seasonality_columns(m: SessionReturns, targets_T: Dates, median_T: Floats) -> dict[str, Floats]:
    """What past shocks say of each target session, by the names of SEASONALITY_NAMES.

    The shocks are `shock` less the median, clipped to [-1, 5]. echo_quarters_N: the largest of the days within N of 91,
    182, 273, 364 and 728 days before the target; echo_beside_N: of 84, 98, 357 and 371; -1 where none of these days has
    a bar. echo_since_N: a bell curve, 3 sessions wide, of the sessions from the last shock above 2 to the target, with
    its top at N; 0 before the first. echo_mean_N: the mean of the largest within N of each of the eight quarters before
    the target, echo_years_N of each of the three years; echo_91, 182, 364, 728: the largest within a day of each;
    echo_soon: of the days within 4 of 85 and 358 days before, so that a report is due after the target. echo_decay:
    exp(-k / 15), echo_ago: k / 90, at most 1, of the k sessions from the last shock above 2 to the target; echo_recent:
    the largest shock of 22 sessions.

    Args:
        m: Session returns of one ticker, T of them.
        targets_T: The date of each row's target session, shape (T,).
        median_T: The cross-section's median shock of each session, shape (T,); 0 where there is no cross-section.

    Returns:
        Columns of shape (T,).
    """
    shock_T = np.clip(shock(m) - median_T, _LEAST, _MOST)
    near = _near(shock_T, day_numbers(m.dates), day_numbers(targets_T))
    since_T = _since(shock_T)
    columns = [
        *(near[span].of(QUARTER_DAYS).max(axis=0) for span in SPANS),
        *(near[span].of(BESIDE_DAYS).max(axis=0) for span in SPANS),
        *(np.exp(-0.5 * ((since_T - sessions) / _BUMP_WIDTH) ** 2) for sessions in BUMP_SESSIONS),
        *(near[span].of(EVERY_QUARTER_DAYS).mean(axis=0) for span in SPANS),
        *(near[span].of(YEARLY_DAYS).mean(axis=0) for span in SPANS),
        *near[1].of(SINGLE_DAYS),
        near[SPANS[-1]].of(SOON_DAYS).max(axis=0),
        np.exp(-since_T / _DECAY),
        np.minimum(since_T, _QUARTER_SESSIONS) / _QUARTER_SESSIONS,
        trailing_maximum(shock_T, RECENT_SESSIONS),
    ]
    return dict(zip(SEASONALITY_NAMES, columns, strict=True))


_LAGS = tuple(sorted({*EVERY_QUARTER_DAYS, *YEARLY_DAYS, *BESIDE_DAYS, *SOON_DAYS}))


@dataclass(frozen=True)
class _Near:
    """The largest shock within a span of each of the lags before the target, rows in the order of _LAGS."""

    largest_GT: Floats

    def of(self, days: Sequence[int]) -> Floats:
        """Those of some lags, in their order."""
        return self.largest_GT[[_LAGS.index(lag) for lag in days]]


def _near(shock_T: Floats, origin_T: NDArray[np.int64], target_T: NDArray[np.int64]) -> dict[int, _Near]:
    """For each of SPANS the largest shock within it of each lag before the target, none later than the origin."""
    largest = _largest(shock_T, origin_T, origin_T, target_T, _LAGS)
    return {span: _Near(largest_GT) for span, largest_GT in largest.items()}


def quarter_echo(m: SessionReturns, row_N: NDArray[np.intp], targets_N: Dates) -> Floats:
    """The column echo_mean_4 of some rows and of any target sessions after them, without a cross-section.

    Args:
        m: Session returns of one ticker.
        row_N: Origins, as rows of it, shape (N,).
        targets_N: A target session for each of them, shape (N,).

    Returns:
        Means over eight quarters, from -1 to 5, shape (N,).
    """
    shock_T = np.clip(shock(m), _LEAST, _MOST)
    days_T = day_numbers(m.dates)
    largest = _largest(shock_T, days_T, days_T[row_N], day_numbers(targets_N), EVERY_QUARTER_DAYS)
    mean_N: Floats = largest[SPANS[-1]].mean(axis=0)
    return mean_N


def _largest(
    shock_T: Floats, days_T: NDArray[np.int64], origin_N: NDArray[np.int64], target_N: NDArray[np.int64],
    lags: Sequence[int],
) -> dict[int, Floats]:  # fmt: skip
    """For each of SPANS the largest shock within it of each lag before the targets, [G, N], none after the origins."""
    if not len(shock_T):
        return {span: np.empty((len(lags), len(target_N))) for span in SPANS}
    first, reach = days_T[0], SPANS[-1]
    # One entry for each calendar day; days that cannot be seen have the least there can be, those before the first
    # bar as well as, at the end, one for whatever must not be seen.
    ahead = max(lags) + reach
    by_day = np.full(ahead + int(days_T[-1] - first) + 2, _LEAST)
    by_day[ahead + (days_T - first)] = shock_T
    day_GN = ahead + (target_N - first) - np.array(lags)[:, None]
    most_N = ahead + (origin_N - first)
    largest_GN, found = np.full(day_GN.shape, _LEAST), {}
    for offset in sorted(range(-reach, reach + 1), key=abs):
        seen_GN = day_GN + offset
        np.maximum(largest_GN, by_day[np.where(seen_GN <= most_N, seen_GN, -1)], out=largest_GN)
        # Offsets come as 0, -1, 1, -2, ...: a span is complete with its positive end.
        if offset in SPANS:
            found[offset] = largest_GN.copy()
    return found


def _since(shock_T: Floats) -> NDArray[np.int64]:
    """Sessions from the last large shock to the target session; very many before the first."""
    row_T = np.arange(len(shock_T))
    last_T = np.maximum.accumulate(np.where(shock_T > LARGE, row_T, _LONG_AGO))
    return row_T + 1 - last_T
