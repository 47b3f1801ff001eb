"""Readings: the days that the cells of a column are by one way to read them, whatever it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stockcast.config import now
from stockcast.prices.history import ONE_DAY, Dates

Numbers = NDArray[np.int64]
Seconds = NDArray[np.timedelta64]

_TELLING = 10
_REPUBLIC, _TAIWAN_OPENED = 1911, 50
_REPLAYED = 20
"""Years that the clock of a replay may be behind."""
EARLIEST, LATEST = np.datetime64("1800-01-01"), np.datetime64("2200-01-01")


@dataclass(frozen=True)
class DateReading:
    """One way to read a column.

    Attributes:
        days: The day of each cell as written, datetime64[D]; NaT where there is no such day.
        form: How that is written: a format as for strptime, or words where there is none.
        aside: What tells this reading from another one that is left, such as "day first".
        times: What had passed of the day, by the clock that the cells are written by; None where no cell tells it.
        instants: The moment of each cell in UTC, datetime64[s]; None where not every cell tells it.
        offset: The offset or zone of most cells, as written.
    """

    days: Dates
    form: str
    aside: str = ""
    times: Seconds | None = None
    instants: NDArray[np.datetime64] | None = None
    offset: str | None = None

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which cells are no day that a price can have."""
        wrong: NDArray[np.bool_] = np.isnat(self.days) | (self.days < EARLIEST) | (self.days >= LATEST)
        return wrong

    @property
    def valid(self) -> bool:
        """Whether there is none of these."""
        return not self.wrong.any()


def calendar_days(year: Numbers, month: Numbers, day: Numbers) -> Dates:
    """Days of the calendar; NaT where there is no such day."""
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    valid = (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == months)
    return np.where(valid, days, np.datetime64("NaT", "D"))


def days_in_order(days: Dates) -> bool:
    """Whether the days go one way."""
    steps = np.diff(days).astype(np.int64)
    return bool(steps.any()) and bool((steps >= 0).all() or (steps <= 0).all())


def on_weekdays(days: Dates) -> bool:
    """Whether none of the days is on a weekend."""
    return bool(np.is_busday(days).all())


def lately(days: Dates) -> bool:
    """Whether all days are from 1950 to tomorrow."""
    return bool((days >= np.datetime64("1950-01-01")).all() and (days <= np.datetime64(now().date()) + ONE_DAY).all())


def not_ahead(days: Dates) -> Dates:
    """Days whose years had two digits: a century earlier where they are in the future and go on from the past then."""
    ahead = days.astype("datetime64[Y]").astype(np.int64) + 1970 > now().year
    if not ahead.any():
        return days
    months = days.astype("datetime64[M]")
    earlier = np.where(
        ahead,
        (months - np.timedelta64(1200, "M")).astype("datetime64[D]") + (days - months.astype("datetime64[D]")),
        days,
    )
    return days if _better(days, earlier) else earlier


def of_two_digits(years: Numbers, month: Numbers, day: Numbers, form: str, aside: str = "") -> list[DateReading]:
    """Days from years of two digits, none of them in the future.

    Where these are out of order or on weekends, and years of one century alone are not, that is a reading as well:
    the clock of a replay is behind the file.
    """
    today = now().year
    century = today // 100 * 100
    full = np.where(years <= today % 100, century, century - 100) + years
    reading = DateReading(calendar_days(full, month, day), form, aside)
    if not reading.valid:
        return [reading]
    starts = [century - 100] + ([century] if century + years.max() <= today + _REPLAYED else [])
    whole = [replace(reading, days=calendar_days(start + years, month, day)) for start in starts]
    return [reading, *(other for other in whole if other.valid and _better(other.days, reading.days))]


def years_first(years: Numbers, month: Numbers, day: Numbers, form: str, aside: str = "") -> list[DateReading]:
    """The same where the year stands before the month: then it may also be one of the Republic of China."""
    readings = of_two_digits(years, month, day, form, aside)
    # Taiwan's exchange opened in the year 51; its years have three digits since 2011.
    return [*readings, of_the_republic(years, month, day)] if (years > _TAIWAN_OPENED).all() else readings


def of_the_republic(years: Numbers, month: Numbers, day: Numbers) -> DateReading:
    """Days from years of the Republic of China."""
    return DateReading(calendar_days(years + _REPUBLIC, month, day), "years of the Republic of China")


def _better(days: Dates, others: Dates) -> bool:
    """Whether days are in order, and the others are not, or have weekends where these have none for long."""
    working = len(days) >= _TELLING and on_weekdays(days) and not on_weekdays(others)
    return days_in_order(days) and (working or not days_in_order(others))
