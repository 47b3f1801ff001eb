"""Events: the days on which a company reports, as a source told them, and since when that was known.

A report before the session opens moves the price in that session, one after the close in the next. Sources move dates,
and many do not tell the hour.

Shapes: E events of one ticker.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

import numpy as np
from numpy.typing import NDArray

from stockcast.prices.history import Dates
from stockcast.prices.sessions import SessionCalendar

BEFORE, AFTER, UNKNOWN = "bmo", "amc", "unknown"
WHENS = (BEFORE, AFTER, UNKNOWN)
"""When on its day a company reports: before the session opens, after it closes, or nobody says."""

APART = timedelta(days=10)
"""No company reports twice within so few days: of two dates one was moved, or is that of a call."""


@dataclass(frozen=True, eq=False)
class EventDates:
    """The report dates of one ticker, as one source told them on one day.

    Attributes:
        days: Days in the exchange's own time zone, datetime64[D], ascending, each once; shape (E,).
        whens: Of each day, one of WHENS.
        source: Who told them: the provider's name, or the path of a file.
        taken: The day on which they were told, in the exchange's own time zone; None where nobody knows, as for a file.

    Raises:
        ValueError: The days do not ascend, or a `when` is none.
    """

    days: Dates
    whens: tuple[str, ...]
    source: str
    taken: date | None = None

    def __post_init__(self) -> None:
        days = np.asarray(self.days, dtype="datetime64[D]")
        object.__setattr__(self, "days", days)
        if len(days) != len(self.whens) or not (days[1:] > days[:-1]).all() or np.isnat(days).any():
            raise ValueError("the days of events do not ascend, or have not one hour each")
        if not set(self.whens) <= set(WHENS):
            raise ValueError(f"an event is none of {', '.join(WHENS)}")

    @classmethod
    def merged(
        cls, told: Iterable[tuple[date, str]], source: str, taken: date | None = None
    ) -> EventDates:  # fmt: skip
        """Dates in any order, those of one day together: it has the hour that is told, unless two contradict.

        Args:
            told: Each day with one of WHENS.
            source: Who told them.
            taken: The day on which they were told.
        """
        hours: dict[date, set[str]] = {}
        for day, when in told:
            hours.setdefault(day, set()).add(when)
        days = sorted(hours)
        known = [hours[day] - {UNKNOWN} for day in days]
        whens = tuple(when.pop() if len(when) == 1 else UNKNOWN for when in known)
        return cls(np.array(days, dtype="datetime64[D]"), whens, source, taken)

    def __len__(self) -> int:
        return len(self.days)

    def following(self, earlier: EventDates) -> EventDates:
        """The same, of one date at least, with what took place before all of them by what was told earlier."""
        begins: date = self.days[0].astype(object) - APART
        older = int(np.searchsorted(earlier.days, np.datetime64(min(begins, self.taken or begins))))
        days, whens = np.concatenate([earlier.days[:older], self.days]), (*earlier.whens[:older], *self.whens)
        return replace(self, days=days, whens=whens)

    def tells_as(self, other: EventDates) -> bool:
        """Whether both have the same days and hours, whoever told them when."""
        return np.array_equal(self.days, other.days) and self.whens == other.whens


@dataclass(frozen=True, eq=False)
class EventCalendar:
    """What was known of the report dates of one ticker at any time.

    Attributes:
        snapshots: What was told on one day after the other, oldest first, at least one.
        calendar: Sessions of the ticker's exchange.

    Raises:
        ValueError: There is no snapshot, they are not in the order of their days, or one of several has none.
    """

    snapshots: tuple[EventDates, ...]
    calendar: SessionCalendar

    def __post_init__(self) -> None:
        days = [snapshot.taken for snapshot in self.snapshots]
        dated = [day for day in days if day is not None]
        if not days or (len(days) > 1 and len(dated) < len(days)) or dated != sorted(set(dated)):
            raise ValueError(f"snapshots of report dates are not in the order of their days: {days}")

    @classmethod
    def of(cls, snapshots: Sequence[EventDates], calendar: SessionCalendar) -> EventCalendar | None:
        """The calendar of some snapshots; None where none of them has a date."""
        return cls(tuple(snapshots), calendar) if any(map(len, snapshots)) else None

    def on(self, calendar: SessionCalendar) -> EventCalendar:
        """The same at another exchange."""
        return replace(self, calendar=calendar)

    @property
    def newest(self) -> EventDates:
        """What was told last."""
        return self.snapshots[-1]

    def places_N(self, targets_N: Dates) -> NDArray[np.intp]:
        """Which snapshot a forecast of each session may know: the newest that was taken before that session's day.

        Before there was any, the oldest stands in, whose dates are as they turned out: `is_hindsight_N`.

        Args:
            targets_N: Target sessions, shape (N,).

        Returns:
            Positions in `snapshots`, shape (N,).
        """
        return np.maximum(np.searchsorted(self._taken_S, targets_N.astype("datetime64[D]"), side="left") - 1, 0)

    def is_hindsight_N(self, targets_N: Dates) -> NDArray[np.bool_]:
        """Whether nothing is known of how the calendar stood before each session, shape (N,)."""
        hindsight_N: NDArray[np.bool_] = (
            np.searchsorted(self._taken_S, targets_N.astype("datetime64[D]"), side="left") == 0
        )
        return hindsight_N

    @property
    def _taken_S(self) -> Dates:
        # What nobody dated was told too late for any session.
        never = date(9999, 12, 31)
        return np.array([snapshot.taken or never for snapshot in self.snapshots], dtype="datetime64[D]")


def when_at(clock: time, hours: tuple[time, time] | None) -> str:
    """Whether a report at a time of day comes before the session, or after it.

    Args:
        clock: The time at the exchange; midnight stands for a day whose hour nobody tells.
        hours: When its sessions open and close; None where that is not known.

    Returns:
        One of WHENS. A company seldom reports while its stock trades: such an hour is a placeholder, and not known.
    """
    if hours is None or clock == time():
        return UNKNOWN
    opens, closes = hours
    return BEFORE if clock < opens else AFTER if clock >= closes else UNKNOWN
