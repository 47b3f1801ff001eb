"""Closes: which rows of a source are bars: those with a close, oldest first, each session once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.prices.history import Caution, Dates, Floats, Mask, RawBars, counted, left_out, listed
from stockcast.prices.sessions import SessionCalendar

MOST_UNUSABLE = 0.05
"""Share of rows that may be left out or emptied; more means that the file itself is wrong."""

_FOREIGN_DAYS = 0.05
"""Share of priced days without a session that a calendar may have which is still the file's own."""
_SAME_PRICE = 1e-4
"""Relative difference of two prices that rounding may make."""
_SAME_DAY = 0.05
"""Relative difference of the closes of one day that a day may make, and two companies hardly."""


def with_closes(raw: RawBars, calendar: SessionCalendar | None) -> RawBars:
    """The bars that have a close, each session once.

    Rows before the first price and rows of days that are no sessions cost nothing where they are blank. A blank row of
    a session is left out with a note; too many of them between prices, and a value that no price can have, are refused.

    Args:
        raw: Rows, oldest first.
        calendar: The sessions of the exchange; None where the weekdays of the priced rows have to do.

    Raises:
        DataError: As said, or one date with different bars.
    """
    raw = _from_first_price(raw)
    _require_positive(raw, "close", raw.close)
    raw = _without_blanks(raw, calendar)
    return _once(_with_adjusted_closes(raw))


def oldest_first(raw: RawBars) -> RawBars:
    """Oldest first. Newest first is how some providers write; any other order is worth a note."""
    steps = np.diff(raw.dates).astype(np.int64)
    if (steps >= 0).all():
        return raw
    if (steps <= 0).all():
        return raw.take(np.arange(len(raw))[::-1])
    return raw.take(np.argsort(raw.dates, kind="stable")).noting("The rows were not in order of date and were sorted.")


def _from_first_price(raw: RawBars) -> RawBars:
    """Without what stands before the first price: blanks of a later listing, zeros of a price that is not yet known."""
    priced = ~(np.isnan(raw.close) | (raw.close == 0))
    if not priced.any() and (raw.close == 0).any():
        raise DataError(
            f"{raw.label} has no close but 0 in {counted(len(raw), 'row')}",
            "Its prices may be smaller than the decimals that it is written with: download it with more of them.",
        )
    first = int(np.argmax(priced)) if priced.any() else 0
    if not first:
        return raw
    zeros = int((raw.close[:first] == 0).sum())
    raw = raw.take(np.arange(first, len(raw)))
    if not zeros:
        return raw
    return raw.noting(Caution(f"The close is 0 before {raw.dates[0]}, the first price: {left_out(zeros)}."))


def _require_positive(raw: RawBars, name: str, values: Floats) -> None:
    """Raise DataError for a value that no price can have: the row of the first one, and how to do without all."""
    impossible: Mask = (values <= 0) | np.isinf(values)
    if not impossible.any():
        return
    at = np.flatnonzero(impossible)
    more = f", as in {counted(len(at) - 1, 'more row')} up to {raw.dates[at[-1]]}" if len(at) > 1 else ""
    why = "; forecasts are of log returns, which a price below zero does not have" if values[at[0]] < 0 else ""
    raise raw.refused(
        int(at[0]),
        f"the {name} is {values[at[0]]:g}, and prices are positive{more}{why}",
        f"Correct or delete {'those rows' if more else 'that row'}, or {raw.without(int(at[0]), int(at[-1]))}.",
    )


def _without_blanks(raw: RawBars, calendar: SessionCalendar | None) -> RawBars:
    """Without the rows that have no close. Those of sessions that have no other row count, and are noted."""
    blank = np.isnan(raw.close)
    if not blank.any():
        return raw
    priced = raw.take(np.flatnonzero(~blank))
    days = np.setdiff1d(raw.dates[blank], priced.dates)
    days = days[_are_sessions(days, priced.dates, calendar)] if len(priced) else days
    if not len(days):
        return priced
    if not len(priced):
        raise _too_blank(raw.label, days, None, calendar)
    last = priced.dates[-1]
    earlier, later = days[days < last], days[days > last]
    if len(earlier) > 1 and len(earlier) > MOST_UNUSABLE * (len(earlier) + len(priced)):
        raise _too_blank(raw.label, earlier, priced.dates, calendar)
    notes = []
    if len(earlier):
        notes.append(f"No close on {listed(earlier)}: {left_out(len(earlier))}.")
    if len(later):
        verb = "has" if len(later) == 1 else "have"
        notes.append(
            f"{listed(later)} {verb} no close: {left_out(len(later))}, and the newest bar is of {last}, "
            "although the file says that a later session is over."
        )
    return priced.noting(*map(Caution, notes))


def _too_blank(label: str, blank: Dates, priced: Dates | None, calendar: SessionCalendar | None) -> DataError:
    """The error for too many blanks; its hint names an exchange whose days the priced ones are, where there is one."""
    exchange = None
    if priced is not None and calendar is not None:
        from stockcast.prices.sessionfit import better_exchanges  # takes a second, and is for this hint alone

        exchange = next(iter(better_exchanges(priced, calendar)), None)
    other = "choose another column with --close-column"
    return DataError(
        f"{label} has no close in {len(blank)} of {len(blank) + (0 if priced is None else len(priced))} rows, among "
        f"them {listed(blank)}",
        f"Download the prices again, or {other}."
        if exchange is None
        else f"The days with a close are sessions of {exchange}: say --exchange {exchange}, or {other}.",
    )


def _are_sessions(days: Dates, priced: Dates, calendar: SessionCalendar | None) -> Mask:
    """Which days the file should have prices of: sessions, or weekdays on which it has some.

    A calendar that the priced days contradict is not the file's own.
    """
    if calendar is not None and calendar.contains(priced).mean() >= 1 - _FOREIGN_DAYS:
        return calendar.contains(days)
    return np.isin(_weekdays(days), _weekdays(priced))


def _weekdays(days: Dates) -> NDArray[np.int64]:
    return days.astype("datetime64[D]").astype(np.int64) % 7


def _with_adjusted_closes(raw: RawBars) -> RawBars:
    """Every bar with its adjusted close, or none of them.

    A blank takes over the adjustment of the bar before, and so does a zero, by which some providers mean one. Where the
    column begins later than the close, so do the bars; a column with many blanks is not used.
    """
    values = raw.adjusted_close
    if values is None:
        return raw
    known = ~(np.isnan(values) | (values == 0))
    _require_positive(raw, "adjusted close", np.where(known, values, np.nan))
    if known.all():
        return raw
    begins = int(np.argmax(known))
    if 0 < begins <= len(raw) / 2 and known.any():
        raw = raw.take(np.arange(begins, len(raw))).noting(
            Caution(f"The adjusted close begins on {raw.dates[begins]}: {left_out(begins)} before it.")
        )
        values, known = values[begins:], known[begins:]
    blank = raw.dates[~known]
    if len(blank) > 1 and len(blank) > MOST_UNUSABLE * len(raw):
        return replace(raw, adjusted_close=None).noting(
            Caution(f"The adjusted close is missing in {len(blank)} of {len(raw)} rows and is not used.")
        )
    if not len(blank):
        return raw
    newest_known = np.maximum.accumulate(np.where(known, np.arange(len(raw)), 0))
    filled = np.where(known, values, raw.close * (values / raw.close)[newest_known])
    return replace(raw, adjusted_close=filled).noting(
        f"No adjusted close on {listed(blank)}: the close was adjusted as in the row before."
    )


def _once(raw: RawBars) -> RawBars:
    """Each date once.

    Rows of equal prices are one bar, whatever their volumes; of two bars of the newest day the later row is the final
    one, as where a client writes the running bar first. Other bars of one date are refused.
    """
    repeated = np.flatnonzero(np.diff(raw.dates).astype(np.int64) == 0) + 1
    if not len(repeated):
        return raw
    different = np.zeros(len(repeated), dtype=bool)
    for values in (raw.close, raw.adjusted_close, raw.open, raw.high, raw.low):
        if values is not None:
            different |= _differ(values[repeated], values[repeated - 1])
    conflicts = repeated[different]
    newest_alone = len(conflicts) == 1 and conflicts[0] == len(raw) - 1 and _is_one_day(raw, conflicts[0])
    if len(conflicts) and not newest_alone:
        raise _ambiguous(raw, repeated, conflicts)
    if newest_alone:
        raw = raw.noting(
            Caution(f"{raw.dates[-1]} has two different bars, the newest ones: the earlier row was left out.")
        )
        repeated[-1] -= 1
    same = repeated[~different] if newest_alone else repeated
    kept = raw.take(np.setdiff1d(np.arange(len(raw)), repeated))
    if not len(same):
        return kept
    return kept.noting(Caution(f"{listed(np.unique(raw.dates[same]))}: repeated rows were left out."))


def _differ(now: Floats, before: Floats) -> Mask:
    """Which pairs are two prices: not one that is missing, and not one with fewer digits."""
    apart: Mask = np.abs(now - before) > _SAME_PRICE * np.fmax(np.abs(now), np.abs(before))
    for decimals in (2, 3, 4):
        apart &= (np.round(now, decimals) != before) & (np.round(before, decimals) != now)
    return apart


def _is_one_day(raw: RawBars, at: int) -> bool:
    """Whether the closes of a bar and the one before are near enough to be of one company's day."""
    return bool(abs(raw.close[at] / raw.close[at - 1] - 1) < _SAME_DAY)


def _ambiguous(raw: RawBars, repeated: NDArray[np.intp], conflicts: NDArray[np.intp]) -> DataError:
    """The error for different bars of one date: of several tickers where most days have them, else of a slip."""
    days = len(raw) - len(repeated)
    if len(conflicts) > days / 2:
        return DataError(
            f"{raw.label} has several different bars for {len(np.unique(raw.dates[conflicts]))} of its {days} days",
            "Use a file with one bar a day; where it is of several tickers, give them a column that is called Ticker.",
        )
    at, last = int(conflicts[0]), int(conflicts[-1])
    where = "" if raw.rows is None else f" (rows {min(raw.rows[at - 1 : at + 1])} and {max(raw.rows[at - 1 : at + 1])})"
    more = f", and for {len(conflicts) - 1} more up to {raw.dates[last]}" if last > at else ""
    return DataError(
        f"{raw.label} has different bars for {raw.dates[at]}{where}{more}",
        f"Keep one row per session, or {raw.without(at - 1, last)}.",
    )
