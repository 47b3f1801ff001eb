"""Report dates: what is to be told where they have moved since a forecast was recorded, or were known only later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from stockcast.forecasts import Forecast, told_by
from stockcast.prices.events import UNKNOWN, EventCalendar
from stockcast.prices.history import Dates
from stockcast.windows.events import reaction_days

_NEAR = 45
"""Days within which another date is the same report's: half a quarter."""
_HOURS = {"bmo": " before the open", "amc": " after the close", UNKNOWN: ""}


def hindsight(known: EventCalendar | None, targets: Sequence[date] | Dates) -> tuple[str, ...]:
    """That forecasts knew dates which were told only later: one sentence, or none.

    Args:
        known: The dates of a ticker, and since when they were known.
        targets: Target sessions of its forecasts.
    """
    targets_N: Dates = np.asarray(targets, dtype="datetime64[D]")
    if known is None or not len(targets_N):
        return ()
    late_N = known.is_hindsight_N(targets_N)
    if not late_N.any():
        return ()
    oldest = known.snapshots[0]
    some = "" if late_N.all() else f"{int(late_N.sum()):,} of "
    of = f"{some}{len(targets_N):,} target sessions" if len(targets_N) > 1 else f"{targets_N[0]}"
    told = "nobody says when the dates of reports were told"
    if oldest.taken is not None:
        told = "the dates of reports are those that were told later"
    return (f"{told} ({told_by(oldest.source, oldest.taken)}): how they stood before {of} is not known",)


def changed_dates(open_forecasts: Sequence[Forecast], known: EventCalendar | None) -> tuple[str, ...]:
    """What has become of the dates that open forecasts of a ticker were recorded with, a sentence for each forecast.

    Args:
        open_forecasts: Recorded forecasts whose target session is not over.
        known: The dates of the ticker as they are told now; None: nobody tells any.
    """
    if known is None:
        return ()
    dates = known.newest
    first_E, last_E = reaction_days(dates, known.calendar)
    now = [
        _Report(day, when, {first, last})
        for day, when, first, last in zip(
            dates.days.astype(object).tolist(), dates.whens, first_E.astype(object), last_E.astype(object), strict=True
        )
    ]
    told = told_by(dates.source, dates.taken)
    return tuple(dict.fromkeys(words for f in open_forecasts for words in _changes(f, now, told)))


@dataclass(frozen=True)
class _Report:
    """A report as it is dated now, and the sessions that may react to it."""

    day: date
    when: str
    sessions: set[date]


def _changes(forecast: Forecast, now: Sequence[_Report], told: str) -> Iterator[str]:
    """What is to be said of one forecast: nothing where a report still moves its target session, or still none does."""
    target, event = forecast.target_session, forecast.event
    due = next((report for report in now if target in report.sessions), None)
    if event is None and due is not None:
        yield (
            f"a report on {due.day}{_HOURS[due.when]} is due now ({told}); the forecast for {target} was recorded "
            "without it"
        )
    if event is None or due is not None:
        return
    near = [report for report in now if abs((report.day - event.day).days) <= _NEAR]
    if near:
        nearest = min(near, key=lambda report: abs((report.day - event.day).days))
        found = f"is now on {nearest.day}{_HOURS[nearest.when]}"
        recorded = "with the earlier date" if nearest.day != event.day else "with another hour"
    else:
        found, recorded = "is no longer among the dates", "with it"
    yield f"the report of {event.day} {found} ({told}); the forecast for {target} was recorded {recorded}"
