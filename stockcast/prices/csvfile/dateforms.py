"""Date forms: how dates are written in words and numbers all over the world, and the readings of such a column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product, takewhile
from unicodedata import normalize

import numpy as np

from stockcast.prices.csvfile.dateclock import moments_of, most_frequent, times_of
from stockcast.prices.csvfile.dateformat import LONGEST, spelled
from stockcast.prices.csvfile.datereading import (
    DateReading,
    Numbers,
    Seconds,
    calendar_days,
    of_the_republic,
    of_two_digits,
    years_first,
)

# Without accents; any beginning of three letters or more will do that is not of two months.
_MONTHS = (
    "january januar janvier enero gennaio janeiro januari ocak styczen stycznia январь января",
    "february februar fevrier febrero febbraio fevereiro februari subat luty lutego февраль февраля",
    "march marz mrz mars marzo marco maart mrt mart marzec marca март марта",
    "april avril abril aprile nisan kwiecien kwietnia апрель апреля",
    "may mai mayo maggio maio mei maj mayis maja май мая",
    "june juni juin junio giugno junho haziran czerwiec czerwca июнь июня",
    "july juli juillet julio luglio julho temmuz lipiec lipca июль июля",
    "august aout agosto augustus agustus agustos sierpien sierpnia август августа",
    "september septembre septiembre setiembre settembre setembro eylul wrzesien wrzesnia сентябрь сентября",
    "october oktober octobre octubre ottobre outubro ekim pazdziernik pazdziernika октябрь октября",
    "november novembre noviembre novembro kasim listopad listopada ноябрь ноября",
    "december dezember decembre diciembre dicembre dezembro desember aralik grudzien grudnia декабрь декабря",
)
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "r": 2018, "h": 1988, "s": 1925}
_BUDDHIST = 543

# Text is plain before: no digits of full width, no dashes and blanks but the ordinary ones.
_WEEKDAY = (
    r"(?:(?P<%s>(?:mon|tues?|wed(?:nes|s)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?)\.?"
    r"|(?:星期|周|週|禮拜|礼拜)[一二三四五六日天]|[月火水木金土日]曜日?|[월화수목금토일]요일)"
)
_BEFORE = rf"(?:[(\[]?{_WEEKDAY % 'A'}[)\]]?[,.]?\s?)?"
_AFTER = rf"(?:,?\s?(?:{_WEEKDAY % '%s'}|[(\[]\s?(?:[a-z]{{3,9}}|[^\x00-\x7f]{{1,3}})\s?[)\]]))?"
_BETWEEN = r"(?:\s?[-/._~]\s?|\s)"
_MARKED = r"(?:\s?[-/._~年년月월]\s?|\s)"
_LOOSE = r"(?:\s(?:of|de)\s|\s?[-/.,_]?\s?)"
_LAST = r"\s?[日일号號.]?"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_MONTH = r"(?P<b>[a-z\u00c0-\u024f\u0400-\u04ff]{3,12})\.?"
_YEAR = r"'?(?P<y>\d{4}|\d{2})"
_BY_NUMBER = rf"{_MARKED}(?P<m>\d{{1,2}}){_MARKED}(?P<d>\d{{1,2}}){_LAST}"

_HALF = r"(?:[ap]\.?\s?m\.?(?![a-z])|오전|오후|上午|下午|午前|午後)"
_CLOCK = (
    rf"(?:(?P<q>{_HALF})\s?)?(?:(?P<C>\d{{4}}|\d{{6}})|"
    r"(?P<H>\d{1,2})(?:\s?[:.h時时시點点]\s?(?P<M>\d{2})(?:\s?[:.分분]\s?(?P<S>\d{2}))?)?)"
    rf"(?P<f>[.,:]\d+)?\s?[分분秒초時时시點点]?(?:\s?(?P<p>{_HALF}))?"
)
_OFFSET = r"z|(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2}){0,2}"
_ZONE = (
    rf"(?:\s?(?P<z>{_OFFSET}|[a-z][\w/+-]*(?:\s[a-z]+){{0,3}}\.?)(?:\s[a-z]{{2,5}})?)?(?:\s?[\[(](?P<Z>[^\])]+)[\])])?"
)
_TIME = rf"(?:(?:\s?t\s?|,?\s|%s)\s?{_CLOCK}{_ZONE}|(?P<o>z|[+]\d{{2}}:?\d{{2}}|-\d{{2}}:\d{{2}}))?"

_DAYS = {
    "year first": rf"(?P<y>\d{{4}}|\d{{2}}(?=\s?[年년])){_BY_NUMBER}",
    "numbers": rf"(?P<i>\d{{1,2}})(?P<s>{_BETWEEN})(?P<j>\d{{1,2}}){_BETWEEN}(?P<k>\d{{4}}|\d{{2}})\.?",
    "day month": rf"{_DAY}{_LOOSE}{_MONTH}{_LOOSE}{_YEAR}",
    "month day": rf"{_MONTH}{_LOOSE}{_DAY}(?:\s?[-/.,_]\s?|\s){_YEAR}",
    "year month": rf"(?P<y>\d{{4}}){_LOOSE}{_MONTH}{_LOOSE}{_DAY}",
    "week": r"(?P<y>\d{4})-?W(?P<n>\d{2})-?(?P<u>[1-7])",
    "compact": r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
    "republic": rf"(?:(?:中華|中华)?民[國国]\s?)?(?P<y>\d{{2,3}}){_BY_NUMBER}",
    "era": rf"(?P<e>令和|平成|昭和|[rhs])\.?\s?(?P<y>\d{{1,2}}|元){_BY_NUMBER}",
}
_FORMS = {
    **{
        # 20240118-16:00 is a time, and 2024-01-18-05:00 an offset.
        kind: _BEFORE + days + _AFTER % "B" + _TIME % ("[:;-]" if kind == "compact" else ":") + _AFTER % "D"
        for kind, days in _DAYS.items()
    },
    "year last": rf"{_BEFORE}{_MONTH}\s(?P<d>\d{{1,2}})\s{_CLOCK}(?:\s(?P<z>[a-z]{{1,5}}))?\s(?P<y>\d{{4}})",
}


@cache
def _pattern(kind: str, with_clock: bool) -> re.Pattern[str] | None:
    text = _FORMS[kind] if with_clock else _DAYS.get(kind)
    return None if text is None else re.compile(text, re.IGNORECASE | re.ASCII)


def kind_of(cell: str) -> str | None:
    """Which form a cell in plain text has, and how many digits its year; None where it is no date, or a bare number."""
    if cell.isdigit() or not any(map(str.isdigit, cell)):
        return None
    found = in_one_form([cell])
    return None if isinstance(found, int) else f"{found.kind}, {found.year_digits()[0]} digits"


@dataclass(frozen=True)
class FormColumn:
    """Cells of one form.

    Attributes:
        kind: The form.
        has_clock: Whether a cell may have more than its day.
        matches: What each cell has of it.
    """

    kind: str
    has_clock: bool
    matches: list[re.Match[str]]

    def group(self, name: str) -> list[str]:
        """What a group of the form is in each cell, empty where it is absent."""
        return [match[name] or "" for match in self.matches]

    def number(self, name: str) -> Numbers:
        """The numbers of a group; 0 where it is absent."""
        return np.array([match[name] or "0" for match in self.matches], dtype=np.str_).astype(np.int64)

    def year_digits(self) -> list[int]:
        """How many digits the year of each cell has: those of the Republic of China and of Japan two or three."""
        if self.kind in {"republic", "era"}:
            return [3] * len(self.matches)
        return [len(year) for year in self.group("k" if self.kind == "numbers" else "y")]

    def form(self, **directives: str) -> str:
        """The first cell as a format: the groups of its day as told, those of its time as they are."""
        first = self.matches[0]
        told = {**_clock_directives(first), **directives}
        return spelled(first, {name: word for name, word in told.items() if name in first.re.groupindex})


def _clock_directives(match: re.Match[str]) -> dict[str, str]:
    """What a format says for the weekday, the month's name, the time and the offset of a cell."""
    groups = match.groupdict()
    halved = bool(groups.get("p") or groups.get("q"))
    found = {"H": "%I" if halved else "%H", "M": "%M", "S": "%S", "p": "%p", "q": "%p", "z": "%z", "o": "%z"}
    found["C"] = "%H%M" if len(groups.get("C") or "") == 4 else "%H%M%S"
    if groups.get("f"):
        found["f"] = f"{groups['f'][0]}%f"
    if not re.fullmatch(r"z|[+-]\d{2}:?\d{2}", groups.get("z") or "", re.IGNORECASE):
        del found["z"]
    found["b"] = "%b" if len(groups.get("b") or "") == 3 else "%B"
    for name in "ABD":
        found[name] = "%a" if len(groups.get(name) or "") == 3 else "%A"
    return found


def in_one_form(cells: Sequence[str]) -> FormColumn | int:
    """The cells in plain text as those of one form, or the index of the first one that is not like those before."""
    short = list(takewhile(lambda cell: len(cell) <= LONGEST, cells))
    furthest = 0
    for kind, with_clock in product(_FORMS, (False, True)):
        pattern = _pattern(kind, with_clock)
        if pattern is None:
            continue
        matches = list(takewhile(bool, map(pattern.fullmatch, short)))
        column = FormColumn(kind, with_clock, matches)  # type: ignore[arg-type]
        at = _misfit(column) if len(matches) == len(cells) else len(matches)
        if at is None:
            return column
        furthest = max(furthest, at)
    return furthest


def _misfit(column: FormColumn) -> int | None:
    """The first cell whose year has another number of digits than the first one's, or whose month has no name."""
    if "b" in column.matches[0].re.groupindex:
        names = column.group("b")
        unknown = {name for name in set(names) if _month(name) is None}
        if unknown:
            return next(at for at, name in enumerate(names) if name in unknown)
    if column.kind == "republic" and "民" not in column.matches[0].string:
        return None if 3 in map(len, column.group("y")) else 0
    digits = column.year_digits()
    return next((at for at, count in enumerate(digits) if count != digits[0]), None)


@cache
def _month(name: str) -> int | None:
    found = [
        at
        for at, names in enumerate(_MONTHS, 1)
        if any(_letters(full).startswith(_letters(name)) for full in names.split())
    ]
    return found[0] if len(found) == 1 else None


def _letters(word: str) -> str:
    return "".join(filter(str.isalpha, normalize("NFD", word.lower().replace("\u0131", "i"))))


def readings_of(column: FormColumn) -> list[DateReading]:
    """The ways to read cells of one form, each with the times of day and the moments that they tell."""
    readings = _days_of(column)
    clock = _Clock.of(column)
    return readings if clock is None else [clock.of_reading(reading) for reading in readings]


def _days_of(column: FormColumn) -> list[DateReading]:
    if column.kind == "numbers":
        return _orders(column)
    if column.kind == "week":
        return [_of_week(column)]
    named = "b" in column.matches[0].re.groupindex
    month, day = _months(column.group("b")) if named else column.number("m"), column.number("d")
    if column.kind == "era":
        starts = np.array([_ERAS[era.lower()] for era in column.group("e")])
        years = np.array([1 if year == "元" else int(year) for year in column.group("y")])
        return [DateReading(calendar_days(starts + years, month, day), "years of an era of Japan")]
    years = column.number("y")
    if column.kind == "republic":
        return [of_the_republic(years, month, day)]
    if len(column.matches[0]["y"]) == 2:
        readings = of_two_digits if named else years_first
        return readings(years, month, day, column.form(y="%y", m="%m", d="%d"))
    return [_of_four_digits(years, month, day, column.form(y="%Y", m="%m", d="%d"))]


def _of_four_digits(years: Numbers, month: Numbers, day: Numbers, form: str, aside: str = "") -> DateReading:
    if (years >= 1800 + _BUDDHIST).all():
        return DateReading(calendar_days(years - _BUDDHIST, month, day), "years of the Buddhist era", aside)
    return DateReading(calendar_days(years, month, day), form, aside)


def _of_week(column: FormColumn) -> DateReading:
    """Days of ISO weeks, the first of which has January 4 in it; NaT where a year has fewer."""
    years, week = column.number("y"), column.number("n")
    first = calendar_days(years, np.ones_like(years), np.full_like(years, 4))
    monday = first - ((first.astype(np.int64) + 3) % 7).astype("timedelta64[D]")
    days = monday + (7 * (week - 1) + column.number("u") - 1).astype("timedelta64[D]")
    thursday = monday + (7 * (week - 1) + 3).astype("timedelta64[D]")
    within = (week > 0) & (thursday.astype("datetime64[Y]").astype(np.int64) + 1970 == years)
    return DateReading(np.where(within, days, np.datetime64("NaT", "D")), column.form(y="%G", n="%V", u="%u"))


def _months(names: Sequence[str]) -> Numbers:
    return np.array([_month(name) for name in names], dtype=np.int64)


def _orders(column: FormColumn) -> list[DateReading]:
    """Numbers of which the year may be the last or, in two digits, also the first."""
    first, second, third = (column.number(name) for name in "ijk")
    orders = {"day first": "%d %m %y", "month first": "%m %d %y", "year first": "%y %m %d"}
    of_two = len(column.matches[0]["k"]) == 2
    if not of_two:
        orders.pop("year first")
    readings = {}
    for aside, order in orders.items():
        words = order.split() if of_two else order.upper().replace("%D", "%d").replace("%M", "%m").split()
        form = column.form(**dict(zip("ijk", words, strict=True)))
        parts = dict(zip(order.split(), (first, second, third), strict=True))
        year, month, day = parts["%y"], parts["%m"], parts["%d"]
        if not of_two:
            readings[aside] = [_of_four_digits(year, month, day, form, aside)]
        elif aside == "year first":
            readings[aside] = years_first(year, month, day, form, aside)
        else:
            readings[aside] = of_two_digits(year, month, day, form, aside)
    # Between dots the month is never first, if it can be otherwise.
    if "." in column.matches[0]["s"] and any(
        r.valid for name in readings if name != "month first" for r in readings[name]
    ):
        del readings["month first"]
    return [reading for found in readings.values() for reading in found]


@dataclass(frozen=True)
class _Clock:
    """The times of day in a column, and the zones as written: empty where a cell names none."""

    times: Seconds
    zones: list[str]

    @classmethod
    def of(cls, column: FormColumn) -> _Clock | None:
        """None where no cell has a time or an offset."""
        if not column.has_clock:
            return None
        groups = column.matches[0].re.groupindex
        hours, together = column.group("H"), column.group("C")
        zones = column.group("z")
        if "Z" in groups:
            # What stands in brackets is the zone's name, and matters where there is no offset before it.
            zones = [z or o or name for z, o, name in zip(zones, column.group("o"), column.group("Z"), strict=True)]
        if not any(hours) and not any(together) and not any(zones):
            return None
        halves = [p or q for p, q in zip(column.group("p"), column.group("q"), strict=True)]
        hours = [text[:2] or hour for text, hour in zip(together, hours, strict=True)]
        minutes = [text[2:4] or minute for text, minute in zip(together, column.group("M"), strict=True)]
        seconds = [text[4:] or second for text, second in zip(together, column.group("S"), strict=True)]
        return cls(times_of(hours, minutes, seconds, halves), zones)

    def of_reading(self, reading: DateReading) -> DateReading:
        """A reading of the days with times and moments; NaT where the time is none."""
        days = np.where(np.isnat(self.times), np.datetime64("NaT", "D"), reading.days)
        moments = moments_of(days, self.times, self.zones)
        return replace(reading, days=days, times=self.times, instants=moments, offset=most_frequent(self.zones))
