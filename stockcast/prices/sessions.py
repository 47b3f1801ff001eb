"""Sessions: which days an exchange trades on, as a small value that is kept with a model.

Holidays are the days that the definitions of exchange_calendars name, the same days whatever pandas is installed.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import ConfigError
from stockcast.prices.history import ONE_DAY, Dates

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
    """Regular and single holidays, in no order; single ones of other years may be among them.

    Args:
        name: Name of the calendar, for messages.
        source: Its definitions, as `unbuilt` gives them.
        first: First day.
        through: Last day.

    Raises:
        ConfigError: The package cannot work them out.
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


DEFAULT_EXCHANGE = "XNYS"
COMMON_EXCHANGES = ("XNYS", "XNAS", "XTSE", "XLON", "XETR", "XPAR", "XSWX", "XTKS", "XHKG", "XBOM", "24/7", "weekdays")

# Calendars without holidays: known for every day, and known without the calendar package.
PLAIN_WEEKMASKS = {"24/7": "1111111", "weekdays": "1111100"}

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SessionCalendar:
    """The sessions of `exchange` from `first` to `through`, both inclusive.

    `weekmask` holds "1" for each weekday that has sessions, Monday first. `closures` are days of the weekmask
    without a session, `extras` sessions outside the weekmask; both strictly increase. Outside first .. through
    the weekmask alone decides, which misses holidays: `knows` tells the two apart. `through` before `first`
    means that nothing is known.

    Raises ConfigError where a field contradicts this.
    """

    exchange: str
    first: date
    through: date
    weekmask: str
    closures: tuple[date, ...] = ()
    extras: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if len(self.weekmask) != 7 or set(self.weekmask) - set("01") or "1" not in self.weekmask:
            raise _unusable(self.exchange, f"weekmask {self.weekmask!r} is not seven of 0 and 1 with at least one 1")
        for name, days, usual in (("closures", self.closures, True), ("extras", self.extras, False)):
            for earlier, later in pairwise(days):
                if later <= earlier:
                    raise _unusable(self.exchange, f"{name} do not increase at {later}")
            for day in days:
                if self._in_weekmask(day) is not usual:
                    raise _unusable(self.exchange, f"{day} in {name} contradicts the weekmask {self.weekmask}")

    def knows(self, day: date) -> bool:
        """Whether holidays were known for `day`; elsewhere the weekmask alone decides."""
        return self.first <= day <= self.through

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on `day`."""
        return day not in self._closure_set if self._in_weekmask(day) else day in self._extra_set

    def contains(self, days: Dates) -> NDArray[np.bool_]:
        """Which of the days the exchange trades on: `is_session` of many."""
        closures, extras = (np.array(some, dtype="datetime64[D]") for some in (self.closures, self.extras))
        usual: NDArray[np.bool_] = np.is_busday(days, weekmask=self.weekmask, holidays=closures)
        return usual | np.isin(days, extras)

    def next_sessions(self, after: date, count: int) -> tuple[date, ...]:
        """The first `count` sessions strictly after `after`; `knows` says of each whether holidays were known."""
        days = self._days_after(after)
        return tuple(next(days) for _ in range(count))

    def count_between(self, after: date, until: date) -> int:
        """Number of sessions in (after, until]: what `until` is ahead of `after`; 0 where it is not ahead."""
        if until <= after:
            return 0
        # busday_count leaves its end out and counts its begin in: both move by a day.
        low, high = np.datetime64(after, "D") + ONE_DAY, np.datetime64(until, "D") + ONE_DAY
        usual = int(np.busday_count(low, high, weekmask=self.weekmask))
        return usual - _count_days(self.closures, after, until) + _count_days(self.extras, after, until)

    def _in_weekmask(self, day: date) -> bool:
        return self.weekmask[day.weekday()] == "1"

    def _days_after(self, day: date) -> Iterator[date]:
        while True:
            day += _ONE_DAY
            if self.is_session(day):
                yield day

    @cached_property
    def _closure_set(self) -> frozenset[date]:
        return frozenset(self.closures)

    @cached_property
    def _extra_set(self) -> frozenset[date]:
        return frozenset(self.extras)


def load_calendar(exchange: str, first: date, through: date) -> SessionCalendar:
    """The calendar of an exchange, its holidays by the exchange_calendars package.

    "24/7" trades every day and "weekdays" Monday to Friday without holidays; these two know every day. Some exchanges
    are recorded for certain years only; then the result's own `first` and `through` say what is known.

    Args:
        exchange: ISO 10383 code, or a usual name such as NYSE.
        first: First day that is to be known.
        through: Last such day.

    Raises:
        ConfigError: The exchange is unknown, or `through` is before `first`.
    """
    if through < first:
        raise ConfigError(f"the session calendar would end at {through}, before its start at {first}")
    wanted = exchange.strip()
    if wanted.lower() in PLAIN_WEEKMASKS:
        name = wanted.lower()
        return SessionCalendar(name, date.min, date.max, PLAIN_WEEKMASKS[name])
    name = _canonical_name(wanted)
    # Building takes 0.1 s and more and hardly depends on the span, so spans are widened until tickers share one.
    start, end = date(max(1, first.year // 10 * 10), 1, 1), date(through.year // 10 * 10 + 9, 12, 31)
    recorded = _recorded(name, start, end)
    return _cut(recorded, first, through)


@lru_cache(maxsize=32)
def _recorded(name: str, start: date, end: date) -> SessionCalendar:
    """The calendar of a canonical name for that part of start .. end that is recorded.

    Put together from the package's holidays and weekmasks and not from its finished calendars: those also work out
    opening times, which takes four times as long, and with pandas 3 they fail for XTAE and for the exchanges of an
    Orthodox Easter, and lose the Saturday sessions of XBOM and XMOS.
    """
    source = unbuilt(name)
    lowest, highest = source.bound_min(), source.bound_max()
    low = max(start, EARLIEST if lowest is None else lowest.date())
    high = min(end, LATEST if highest is None else highest.date())
    if high < low:
        return _unknown(name, source.weekmask)
    days = np.arange(np.datetime64(low, "D"), np.datetime64(high, "D") + ONE_DAY)
    usual = np.is_busday(days, weekmask=source.weekmask)
    traded = usual.copy()
    for begin, finish, weekmask in getattr(source, "special_weekmasks", ()):
        since = 0 if begin is None else np.searchsorted(days, np.datetime64(begin.date()), "left")
        until = len(days) if finish is None else np.searchsorted(days, np.datetime64(finish.date()), "right")
        traded[since:until] = np.is_busday(days[since:until], weekmask=weekmask)
    traded &= ~np.isin(days, holidays(name, source, low, high))
    closures, extras = days[usual & ~traded].tolist(), days[traded & ~usual].tolist()
    return SessionCalendar(name, low, high, source.weekmask, tuple(closures), tuple(extras))


def _cut(calendar: SessionCalendar, first: date, through: date) -> SessionCalendar:
    """The same calendar knowing no more than first .. through."""
    low, high = max(first, calendar.first), min(through, calendar.through)
    if high < low:
        return _unknown(calendar.exchange, calendar.weekmask)
    return SessionCalendar(
        exchange=calendar.exchange,
        first=low,
        through=high,
        weekmask=calendar.weekmask,
        closures=tuple(day for day in calendar.closures if low <= day <= high),
        extras=tuple(day for day in calendar.extras if low <= day <= high),
    )


def _unknown(exchange: str, weekmask: str) -> SessionCalendar:
    """A calendar of which only the weekmask is known."""
    return SessionCalendar(exchange, date.max, date.min, weekmask)


def _canonical_name(wanted: str) -> str:
    """The package's own name of an exchange, whatever the case; raises ConfigError where it has none."""
    import exchange_calendars

    names = {name.lower(): name for name in exchange_calendars.get_calendar_names(include_aliases=True)}
    if wanted.lower() in names:
        return str(exchange_calendars.resolve_alias(names[wanted.lower()]))
    near = [names[name] for name in get_close_matches(wanted.lower(), list(names), n=5, cutoff=0.6)]
    hint = f"Common ones: {', '.join(COMMON_EXCHANGES)}."
    if near:
        hint = f"Near: {', '.join(near)}. {hint}"
    raise ConfigError(f"unknown exchange {wanted!r}", hint)


def _count_days(days: tuple[date, ...], after: date, until: date) -> int:
    """How many of the increasing `days` lie in (after, until]."""
    return bisect_right(days, until) - bisect_right(days, after)


def _unusable(exchange: str, reason: str) -> ConfigError:
    return ConfigError(f"session calendar of {exchange}: {reason}", "Load the calendar of the exchange again.")
