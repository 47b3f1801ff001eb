"""The schedule: what is known beforehand of sessions that have no bar yet, for paths that walk through them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from stockcast.prices.history import Dates, Floats
from stockcast.prices.sessions import SessionCalendar
from stockcast.windows.knownahead import known_columns
from stockcast.windows.targetday import day_columns


@dataclass(frozen=True)
class Schedule:
    """What the calendar of an exchange says of sessions to come, and the days of events, if there are any."""

    calendar: SessionCalendar
    days: Dates | None = None

    def after(self, origin: date, steps: int) -> dict[str, float]:
        """The columns at the session that is `steps` sessions after `origin`, as if it were an origin itself."""
        *_, session, target = self.calendar.next_sessions(origin, steps + 1)
        dates_T, targets_T = np.array([session], "datetime64[D]"), np.array([target], "datetime64[D]")
        columns: dict[str, Floats] = day_columns(dates_T, targets_T, self.calendar.weekmask)
        if self.days is not None:
            columns |= known_columns(self.days, dates_T, targets_T, self.calendar)
        return {name: float(column[0]) for name, column in columns.items()}
