"""Holidays: the days that the definitions of exchange_calendars name, the same days whatever pandas is installed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np

from stockcast.errors import ConfigError
from stockcast.prices.history import Dates

# Where the package sets no bounds, its rules for holidays still hold for no longer than this.
EARLIEST, LATEST = date(1885, 1, 1), date(2199, 12, 31)

# What exchange_calendars 4.13 uses, or pandas 2 in its own rules, and later releases change: the dates are right.
_OUTDATED = (
    r"DatetimeIndex\.(weekday|dayofweek) is deprecated",
    r"Series\.values returning an ndarray",
    r"The 'generic' unit for NumPy timedelta is deprecated",
    r"The behavior of array concatenation with empty entries is deprecated",
)


def unbuilt(name: str) -> Any:
    """The package's calendar of that name, its constructor not run: the definitions need no instance state."""
    from exchange_calendars.calendar_utils import _default_calendar_factories as classes

    return object.__new__(classes[name])


def holidays(name: str, source: Any, first: date, through: date) -> Dates:
    """Regular and single holidays of first .. through, in no order; single ones of other years may be among them.

    name: of the calendar, for messages. source: its definitions, as `unbuilt` gives them. Raises ConfigError where the
    package cannot work them out.
    """
    with worked_out(name):
        single, rules = listed_days(source.adhoc_holidays), source.regular_holidays
        return single if rules is None else np.concatenate([single, rule_days(rules, first, through)])


@contextmanager
def worked_out(name: str) -> Iterator[None]:
    """Around questions to the package's calendar `name`: its outdated calls are no news, its failures a ConfigError."""
    with warnings.catch_warnings():
        for message in _OUTDATED:
            warnings.filterwarnings("ignore", message, Warning)
        try:
            yield
        except (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as error:
            raise ConfigError(
                f"the installed exchange_calendars and pandas cannot work out the holidays of {name}",
                "Use the calendar 'weekdays', which knows no holidays, or an older pandas.",
            ) from error


def listed_days(days: Any) -> Dates:
    """Days that the package lists one by one, as datetime64[D]."""
    import pandas as pd

    found: Dates = pd.DatetimeIndex(days).to_numpy().astype("datetime64[D]")
    return found


def rule_days(calendar: Any, first: date, through: date) -> Dates:
    """The days of first .. through that a holiday calendar of the package names, as datetime64[D], in no order.

    Rules with an offset of the package's own making (the Orthodox Easter of Athens, Bucharest, Belgrade and Nicosia,
    the Hebrew calendar of Tel Aviv) are followed here: pandas 3.1 no longer calls what such an offset defines, and
    then raises, or takes Tel Aviv's feasts for the Western Easter.
    """
    import pandas as pd

    low, high = pd.Timestamp(max(first, EARLIEST)), pd.Timestamp(min(through, LATEST))
    own = [rule for rule in calendar.rules if any(_is_own(offset) for offset in _offsets(rule))]
    if not own:
        return listed_days(calendar.holidays(low, high))
    found = [listed_days(rule.dates(low, high)) for rule in calendar.rules if rule not in own]
    return np.concatenate([*found, *(_followed(rule, low, high) for rule in own)])


def _followed(rule: Any, low: Any, high: Any) -> Dates:
    """The days of low .. high that a rule names: pandas' `Holiday.dates`, one year after the other."""
    import pandas as pd

    days = []
    for year in range(low.year - 1, high.year + 2):
        day = pd.Timestamp(year, rule.month, rule.day)
        for offset in _offsets(rule):
            day = pd.Timestamp(offset._apply(day) if _is_own(offset) else day + offset)
        begun = rule.start_date is None or day >= rule.start_date
        ended = rule.end_date is not None and day > rule.end_date
        on_its_weekday = rule.days_of_week is None or day.weekday() in rule.days_of_week
        if low <= day <= high and begun and not ended and on_its_weekday:
            days.append(day)
    return listed_days(days)


def _offsets(rule: Any) -> list[Any]:
    """The offsets that are added to a rule's month and day, one after the other."""
    offset = rule.offset
    return [] if offset is None else offset if isinstance(offset, list) else [offset]


def _is_own(offset: Any) -> bool:
    """Whether what the offset does is defined outside pandas."""
    defined = next((kind.__module__ for kind in type(offset).__mro__ if "_apply" in vars(kind)), "pandas")
    return defined.partition(".")[0] != "pandas"
