"""Auditing the dates of reports: what they are after a target session, and what is told from its day on, changes no
byte of what is seen at the origin and forecast from it.

Known dates are seen before they come, as they should be. So what is changed lies after the target session: a date may
be added there, moved, taken away or hidden, and a source may tell others on the day of the target itself.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from stockcast.evaluation.audit import differing_columns
from stockcast.pipeline.auditchecks import REPORT_DATES, Parts, differing, outcome
from stockcast.prices.events import AFTER, BEFORE, EventCalendar, EventDates
from stockcast.prices.history import History

if TYPE_CHECKING:
    from stockcast.pipeline.trainer import Trainer
    from stockcast.results import AuditCheck

OTHER_DATES = "other dates"
"""Of the futures of a history, the one whose bars stay and whose dates are others."""

_Days = Mapping[date, str]
"""Days of reports with their hours."""

_ADDED = 30
"""Sessions after the target of which every third gets a report."""


def _added(later: _Days, known: EventCalendar, last: date) -> _Days:
    """More reports than there are."""
    return dict.fromkeys(known.calendar.next_sessions(last, _ADDED)[::3], BEFORE) | dict(later)


def _moved(later: _Days, known: EventCalendar, last: date) -> _Days:  # noqa: ARG001 - as `_added`
    """Every report two days later, at another hour."""
    return {day + timedelta(days=2): BEFORE if when == AFTER else AFTER for day, when in later.items()}


def _removed(later: _Days, known: EventCalendar, last: date) -> _Days:  # noqa: ARG001 - as `_added`
    """Every second report."""
    return dict(list(later.items())[::2])


def _hidden(later: _Days, known: EventCalendar, last: date) -> _Days:  # noqa: ARG001 - as `_added`
    """No report."""
    return {}


LATER: dict[str, Callable[[_Days, EventCalendar, date], _Days]] = {
    "added": _added,
    "moved": _moved,
    "removed": _removed,
    "hidden": _hidden,
}
"""What may become of the dates after a target session, in every snapshot."""

RETOLD = "told again"
"""The change of what is told on the day of the target session."""


def with_later(known: EventCalendar, name: str, last: date) -> EventCalendar:
    """The calendar with other dates after a session.

    Args:
        known: The calendar.
        name: One of LATER.
        last: The session; dates up to it stay.
    """
    return replace(known, snapshots=tuple(_with_later(dates, known, name, last) for dates in known.snapshots))


def _with_later(dates: EventDates, known: EventCalendar, name: str, last: date) -> EventDates:
    days = dict(zip(dates.days.astype(object).tolist(), dates.whens, strict=True))
    later = {day: when for day, when in days.items() if day > last}
    changed = {day: when for day, when in days.items() if day <= last} | dict(LATER[name](later, known, last))
    ordered = sorted(changed)
    return replace(dates, days=np.array(ordered, dtype="datetime64[D]"), whens=tuple(changed[day] for day in ordered))


def retold(known: EventCalendar, target: date, first: date) -> EventCalendar:
    """What was told before a target session, and all of it otherwise on the day of that session.

    Args:
        known: The calendar.
        target: The session.
        first: The first session of the prices. Where nothing was told before the target, what is known only in
            hindsight is as if it had been told before this one.
    """
    targets: np.ndarray[tuple[int], np.dtype[np.datetime64]] = np.array([target], dtype="datetime64[D]")
    told = list(known.snapshots[: int(known.places_N(targets)[0]) + 1])
    if known.is_hindsight_N(targets)[0]:
        told[-1] = replace(told[-1], taken=first - timedelta(days=1))
    newest = told[-1]
    whens = tuple(BEFORE if when == AFTER else AFTER for when in newest.whens)
    otherwise = replace(newest, days=newest.days - np.timedelta64(1, "D"), whens=whens, taken=target)
    return replace(known, snapshots=(*told, otherwise))


_Change = Callable[[History, int], History]


def with_other_dates(changes: dict[str, _Change], history: History, ahead: int) -> Mapping[str, _Change]:
    """What may become of a history after its first so many bars, by name.

    Args:
        changes: The same for its bars.
        history: The history; where it has dates of reports, other dates are one more change.
        ahead: Sessions after those bars that are forecast; dates up to the last of them stay.
    """
    return changes if history.events is None else ChainMap({OTHER_DATES: partial(_other_dates, ahead=ahead)}, changes)


def _other_dates(history: History, bars: int, ahead: int) -> History:
    known = history.events
    if known is None:
        return history
    targets = known.calendar.next_sessions(history.session(bars - 1), ahead)
    changed = with_later(with_later(known, "moved", targets[-1]), "added", targets[-1])
    return replace(history, events=retold(changed, targets[0], history.first))


def dates_checks(
    trainer: Trainer, origins: Sequence[int], forecasts: Callable[[History, int], Parts]
) -> list[AuditCheck]:
    """Whether what is seen at an origin, or forecast from it, knows more of the dates than it may.

    Args:
        trainer: The training whose history it is.
        origins: Rows of the origins.
        forecasts: Gives the bytes of all forecasts of the next session, of a history from a row.

    Returns:
        The check; none where no dates are known.
    """
    history, known = trainer.member.history, trainer.member.history.events
    if known is None:
        return []
    trainer.progress.stage("other dates of reports", (2 + len(LATER)) * len(origins))
    wrong: list[str] = []
    count = 0
    for row in origins:
        target = known.calendar.next_sessions(trainer.parts.session(row), 1)[0]
        others = {name: with_later(known, name, target) for name in LATER}
        others[RETOLD] = retold(known, target, history.first)
        as_it_is = forecasts(history, row)
        count += len(as_it_is)
        for name, events in others.items():
            changed = replace(history, events=events)
            seen = trainer.on(changed, trainer.pool.covariates).f
            found = differing_columns(trainer.f, seen, row + 1)
            found += [f"forecast of {model}" for model in differing(as_it_is, forecasts(changed, row))]
            wrong += [f"{what} from {trainer.parts.session(row)} (dates {name})" for what in found]
    detail = (
        "dates added, moved, removed or hidden after the target session, and others told on its day: columns, and "
        f"{count} distributions"
    )
    return [outcome(REPORT_DATES, wrong, detail)]
