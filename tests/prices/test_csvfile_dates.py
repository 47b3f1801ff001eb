"""Dates in price files: every form that somebody writes is read, or asked about with a format that reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from stockcast.errors import DataError
from stockcast.prices.csvfile.cells import Cells, FileColumn
from stockcast.prices.csvfile.dates import FileDates, dated, looks_like_date, looks_like_dates, parse_dates
from stockcast.prices.csvfile.reader import read_dates

Day = Callable[[date], str]
CLOCK = "2026-11-28T12:00:00Z"


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKCAST_NOW", CLOCK)


def parsed(cells: Cells, date_format: str | None = None) -> FileDates:
    return parse_dates(FileColumn("XYZ.csv", "Date", cells, np.arange(2, 2 + len(cells))), date_format)


def business_days(first: str = "2024-01-18", count: int = 60) -> list[date]:
    days: list[date] = np.busday_offset(np.datetime64(first), np.arange(count), roll="forward").astype(object).tolist()
    return days


def strftime(form: str) -> Day:
    return lambda day: day.strftime(form)


def epoch(unit: int, hour: int = 0, minute: int = 0) -> Day:
    return lambda day: str(int(datetime.combine(day, time(hour, minute), UTC).timestamp()) * unit)


def serial(fraction: str = "") -> Day:
    return lambda day: f"{(day - date(1899, 12, 30)).days}{fraction}"


def of_full_width(day: date) -> str:
    return f"{day:%Y/%m/%d}".translate({ord("/"): "\uff0f"} | {ord("0") + at: chr(0xFF10 + at) for at in range(10)})


def east_asian_weekday(names: str, form: str) -> Day:
    return lambda day: day.strftime(form).format(names[day.weekday()])


ENGLISH = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y_%m_%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%d-%b-%Y",
    "%d %b %Y", "%d%b%Y", "%d. %b. %Y", "%b %d, %Y", "%b-%d-%Y", "%B %d, %Y", "%b. %d %Y", "%Y-%b-%d",
    "%A, %B %d, %Y", "%a %b %d %Y", "%a, %d %b %Y", "%dth %B %Y", "%Y%m%d", "%d%m%Y", "%m%d%Y", "%Y%j", "%d-%b-%y",
    "%d-%m-%y", "%m/%d/%y", "%d.%m.%y", "%y.%m.%d", "%y-%m-%d", "%d%m%y", "%y%m%d", "'%Y-%m-%d", '="%Y-%m-%d"',
    "%Y- %m- %d", "%Y. %m. %d.", " %Y-%m-%d ", "%G-W%V-%u", "%Y-%j", "#%Y:%m:%d#", "datetime.date(%Y, %m, %d)",
)  # fmt: skip
TIMES = {
    "%Y-%m-%d 16:00:00": "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT16:00": "%Y-%m-%dT%H:%M",
    "%Y-%m-%d 16:00:00.000": "%Y-%m-%d %H:%M:%S.%f",
    "%Y%m%d 16:00": "%Y%m%d %H:%M",
    "%Y%m%d-16:00:00": "%Y%m%d-%H:%M:%S",
    "%Y%m%d1600": "%Y%m%d%H%M",
    "%Y%m%d160000": "%Y%m%d%H%M%S",
    "%m/%d/%Y 4:00 PM": "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y, 4:00:00\u202fPM": "%d/%m/%Y, %I:%M:%S %p",
    "%d/%m/%Y 16.00": "%d/%m/%Y %H.%M",
    "%d%b%Y:16:00:00": "%d%b%Y:%H:%M:%S",
    "%a %b %d 16:00:00 %Y": "%a %b %d %H:%M:%S %Y",
}
MONTHS = {
    "German": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "French": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "Spanish": "ene feb mar abr may jun jul ago sep oct nov dic",
    "Russian": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "Turkish": "Ocak Şubat Mart Nisan May\u0131s Haziran Temmuz Ağustos Eylül Ekim Kas\u0131m Aral\u0131k",
}
OTHERS: dict[str, Day] = {
    "of full width": of_full_width,
    "Chinese": strftime("%Y年%m月%d日"),
    "Chinese with weekday": east_asian_weekday("一二三四五六日", "%Y年%m月%d日 星期{}"),
    "Japanese with weekday": east_asian_weekday("月火水木金土日", "%Y/%m/%d({})"),
    "Japanese in words": east_asian_weekday("月火水木金土日", "%Y年%m月%d日({}曜日)"),
    "Reiwa": lambda day: f"令和{day.year - 2018}年{day.month}月{day.day}日",
    "Reiwa in short": lambda day: f"R{day.year - 2018}.{day:%m.%d}",
    "Korean": strftime("%Y년 %m월 %d일"),
    "Korean with weekday": east_asian_weekday("월화수목금토일", "%Y.%m.%d ({})"),
    "Republic of China": lambda day: f"{day.year - 1911}/{day:%m/%d}",
    "Republic of China in words": lambda day: f"民國{day.year - 1911}年{day:%m月%d日}",
    "Republic of China compact": lambda day: f"{day.year - 1911}{day:%m%d}",
    "Buddhist era": lambda day: f"{day:%d/%m}/{day.year + 543}",
    "a float": strftime("%Y%m%d.0"),
    "a float in exponents": lambda day: f"{float(day.strftime('%Y%m%d')):.7E}",
    "seconds": epoch(1),
    "milliseconds": epoch(10**3),
    "microseconds": epoch(10**6),
    "nanoseconds": epoch(10**9),
    "seconds as floats": lambda day: epoch(1)(day) + ".0",
    "of a spreadsheet": serial(),
    "of a spreadsheet as floats": serial(".0"),
    "of a spreadsheet with times": serial(".6666666667"),
    "of a German spreadsheet": serial(",6666666667"),
    "of a spreadsheet in groups": lambda day: f"{(day - date(1899, 12, 30)).days:,}",
    "since 1970": lambda day: str((day - date(1970, 1, 1)).days),
}
# Of the year 2000 as of today; 89 alone may be the year of the Republic of China, or that of the Berlin Wall.
OLD = {
    name: form
    for name, form in OTHERS.items()
    if name.endswith("in words") or not name.startswith(("Reiwa", "Republic of China"))
}


@pytest.mark.parametrize("form", ENGLISH)
def test_dates_in_numbers_and_words_are_read(form: str) -> None:
    days = business_days()
    found = parsed([day.strftime(form) for day in days])
    assert found.days.tolist() == days
    assert found.times is None
    assert found.example == days[0].strftime(form)


@pytest.mark.parametrize("form", OTHERS)
def test_dates_of_other_calendars_and_countries_are_read(form: str) -> None:
    days = business_days()
    assert parsed([OTHERS[form](day) for day in days]).days.tolist() == days


@pytest.mark.parametrize("language", MONTHS)
@pytest.mark.parametrize("form", ["{}. {} {}", "{} {} {}", "{}-{}-{}", "{} de {} de {}"])
def test_months_have_names_in_many_languages(language: str, form: str) -> None:
    days = [day for month in range(1, 13) for day in business_days(f"2024-{month:02}-01", 2)]
    cells = [form.format(day.day, MONTHS[language].split()[day.month - 1], day.year) for day in days]
    assert parsed(cells).days.tolist() == days


@pytest.mark.parametrize(("written", "form"), TIMES.items())
def test_a_time_of_day_is_kept_beside_the_day(written: str, form: str) -> None:
    days = business_days()
    found = parsed([day.strftime(written) for day in days])
    assert found.days.tolist() == days
    assert found.times is not None
    assert set(found.times.tolist()) == {timedelta(hours=16)}
    assert found.instants is None
    assert found.form == form


@pytest.mark.parametrize(
    ("written", "offset", "hour"),
    [
        ("%Y-%m-%dT16:00:00Z", "Z", 16),
        ("%Y-%m-%d 16:00:00+09:00", "+09:00", 7),
        ("%Y-%m-%dT16:00:00-0400", "-0400", 20),
        ("%Y-%m-%d 16:00+09", "+09", 7),
        ("%Y-%m-%dT16:00:00.000+0000", "+0000", 16),
        ("%Y%m%dT160000Z", "Z", 16),
        ("%Y-%m-%d 16:00 EST", "EST", 21),
        ("%Y-%m-%d 16:00:00 JST", "JST", 7),
        ("%Y-%m-%d 16:00:00 -0500 EST", "-0500", 21),
        ("%Y-%m-%dT16:00:00-05:00[America/New_York]", "-05:00", 21),
        ("%Y-%m-%d 16:00:00 America/New_York", "America/New_York", 21),
        ("%a %b %d %Y 16:00:00 GMT-0500 (Eastern Standard Time)", "GMT-0500", 21),
        ("%a, %d %b %Y 16:00:00 -0500", "-0500", 21),
        ("%a %b %d 16:00:00 EST %Y", "EST", 21),
        ("%d/%m/%Y 4:00 PM UTC+1", "UTC+1", 15),
    ],
)
def test_an_offset_or_a_zone_gives_the_moment(written: str, offset: str, hour: int) -> None:
    days = business_days(count=30)
    found = parsed([day.strftime(written) for day in days])
    assert found.days.tolist() == days
    assert found.offset == offset
    assert found.instants is not None
    assert found.instants.tolist() == [datetime.combine(day, time(hour)) for day in days]


def test_offsets_that_change_with_summer_time_are_of_each_row() -> None:
    days = business_days("2024-02-20")
    moments = [datetime.combine(day, time(), ZoneInfo("America/New_York")) for day in days]
    found = parsed([str(moment) for moment in moments])
    assert found.instants is not None
    assert found.times is not None
    assert found.instants.tolist() == [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
    assert found.offset == "-04:00"
    offsets = found.days.astype("datetime64[s]") + found.times - found.instants
    assert offsets.astype(int).tolist() == [-18_000 if day < date(2024, 3, 11) else -14_400 for day in days]


@pytest.mark.parametrize("header", ["Date (UTC)", "Gmt time", "timestamp_utc", "Time (UTC+0)"])
def test_a_header_names_the_zone_of_its_times(header: str) -> None:
    cells = [f"{day} 15:00:00" for day in business_days()]
    found = parse_dates(FileColumn("XYZ.csv", header, cells, np.arange(len(cells))))
    assert found.instants is not None
    assert found.instants[0] == np.datetime64("2024-01-18T15:00:00")
    midnights = [f"{day} 00:00:00" for day in business_days()]
    assert parse_dates(FileColumn("XYZ.csv", header, midnights, np.arange(len(cells)))).instants is None


@pytest.mark.parametrize("zone", ["CST", "Uhr", "Nowhere/Town"])
def test_a_zone_that_nobody_knows_leaves_the_day_as_written(zone: str) -> None:
    found = parsed([f"{day} 00:00:00 {zone}" for day in business_days()])
    assert (found.days[0], found.instants, found.offset) == (np.datetime64("2024-01-18"), None, zone)


@pytest.mark.parametrize("written", [epoch(1), epoch(1000), strftime("%Y-%m-%dT00:00:00Z"), strftime("%Y-%m-%d+00:00")])
def test_midnights_in_utc_are_dates(written: Day) -> None:
    assert parsed([written(day) for day in business_days()]).instants is None


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("first", ["1962-01-02", "1969-12-01", "1972-11-01", "2001-08-01", "2024-01-18"])
def test_epochs_of_every_unit_and_age_are_moments(unit: int, first: str) -> None:
    days = business_days(first)
    found = parsed([epoch(unit, 14, 30)(day) for day in days])
    assert found.days.tolist() == days
    assert found.instants is not None
    assert found.instants.tolist() == [datetime.combine(day, time(14, 30)) for day in days]
    assert found.offset == "UTC"
    # As numbers of Parquet, too; nanoseconds as floats are right to a fraction of a second.
    assert parsed(np.array([float(epoch(unit)(day)) for day in days])).days.tolist() == days


def test_years_of_two_digits_are_never_in_the_future() -> None:
    assert parsed(["30-12-68", "31-12-68", "02-01-69"]).days[0] == np.datetime64("1968-12-30")
    assert parsed(["30-12-99", "31-12-99", "03-01-00"]).days.tolist() == [
        date(1999, 12, 30),
        date(1999, 12, 31),
        date(2000, 1, 3),
    ]
    assert parsed(["27-Nov-26", "30-Nov-27"]).days.tolist() == [date(2026, 11, 27), date(1927, 11, 30)]
    assert parsed(["27-11-68", "29-11-68"], "%d-%m-%y").days[0] == np.datetime64("1968-11-27")


def test_years_of_two_digits_after_the_clock_of_a_replay_are_not_taken_for_another_century(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STOCKCAST_NOW", "2020-06-30T22:00:00Z")
    days = business_days("2019-12-02", 400)
    assert parsed([f"{day:%d-%b-%y}" for day in days]).days.tolist() == days


def test_years_of_the_republic_of_china_may_have_two_digits_beside_three() -> None:
    assert parsed(["99/12/30", "99/12/31", "100/01/03"]).days.tolist() == [
        date(2010, 12, 30),
        date(2010, 12, 31),
        date(2011, 1, 3),
    ]


def test_years_of_two_digits_before_the_month_may_be_of_the_republic_of_china() -> None:
    days = business_days("2005-01-03")
    cells = [OTHERS["Republic of China"](day) for day in days]
    with pytest.raises(DataError, match="reads both as 1994-01-03 and as 2005-01-03") as error:
        parsed(cells)
    assert error.value.hint.endswith('or --date-format "years of the Republic of China" (2005-01-03).')
    assert parsed(cells, "years of the Republic of China").days.tolist() == days
    assert parsed(cells, "%y/%m/%d").days[0] == np.datetime64("1994-01-03")
    # Weekends tell where the two calendars differ, as in most years.
    assert (
        parsed([OTHERS["Republic of China"](day) for day in business_days("2007-01-02")]).days[0].astype(str)
        == "2007-01-02"
    )


def test_days_of_a_spreadsheet_lost_to_leading_zeros_are_read() -> None:
    days = business_days("2022-01-03")
    assert parsed([f"{day:%d%m%Y}".lstrip("0") for day in days]).days.tolist() == days
    assert parsed([f"{day:%d%m%y}".lstrip("0") for day in days]).days.tolist() == days


def test_whole_days_in_two_calendars_are_told_apart_by_weekends_or_asked() -> None:
    days = [date(2024, 1, 18) + timedelta(days=at) for at in range(60)]
    with pytest.raises(DataError, match="reads both as 1954-01-16 and as 2024-01-18") as error:
        parsed([OTHERS["since 1970"](day) for day in days])
    assert error.value.hint == (
        'Say which it is: --date-format "day numbers of a spreadsheet" (1954-01-16) '
        'or --date-format "days since 1970" (2024-01-18).'
    )
    assert parsed([OTHERS["since 1970"](day) for day in days], "days since 1970").days.tolist() == days


@pytest.mark.parametrize(
    ("cells", "formats"),
    [
        (["03/04/2021", "05/04/2021"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["03/04/21", "04/04/21"], ["%d/%m/%y", "%m/%d/%y", "%y/%m/%d"]),
        (["03.04.21", "05.04.21"], ["%d.%m.%y", "%y.%m.%d"]),
        (["03/04/2021 16:00", "05/04/2021 16:00"], ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"]),
        (["Mon 03-04-2021", "Tue 05-04-2021"], ["%a %d-%m-%Y", "%a %m-%d-%Y"]),
        (["030421", "050421"], ["%y%m%d", "%d%m%y", "%m%d%y"]),
    ],
)
def test_what_reads_in_several_ways_is_asked_with_formats_that_read_it(cells: list[str], formats: list[str]) -> None:
    with pytest.raises(DataError, match="and so does every other date of the file") as error:
        parsed(cells)
    assert formats_in(error.value.hint) == formats
    assert len({tuple(parsed(cells, form).days.tolist()) for form in formats}) == len(formats)


def formats_in(hint: str) -> list[str]:
    found = re.findall(r'--date-format (?:"([^"]*)"|([^\s();]+))', hint)
    return [form for form in (quoted or bare.rstrip(".,") for quoted, bare in found) if "%" in form or "of" in form]


@pytest.mark.parametrize(
    ("cells", "row", "hint"),
    [
        (["2021-04-13", "2021-04-31", "2021-05-03"], 3, "the others read as --date-format %Y-%m-%d."),
        (["13.04.2021", "Total", "14.04.2021"], 3, "the others read as --date-format %d.%m.%Y."),
        (["Apr 13, 2021", "Apr 14, 2021", ""], 4, 'the others read as --date-format "%b %d, %Y".'),
        (["2021年4月13日(火)", "2021年4月14日(水)", "2021"], 4, "the others are written like '2021年4月13日(火)'."),
        (["20210413", "20210414", "20210431"], 4, "the others read as --date-format %Y%m%d."),
        (["08.10.2019", "09.10.19", "10.10.2019"], 3, "the others read as --date-format %d.%m.%Y."),
        (["2021-04-13", "1e999", "2021-04-14"], 3, "the others read as --date-format %Y-%m-%d."),
        (["1e999", "2e999"], 2, "No --date-format reads this column"),
        (["a " * 50_000 + "1", "a"], 2, "No --date-format reads this column"),
        (["Q1 2021", "Q2 2021"], 2, "No --date-format reads this column: write its dates like 2021-04-13"),
        (["1", "2", "3"], 2, "No --date-format reads this column"),
        (["100.5", "101.2", "99.8"], 2, "No --date-format reads this column"),
        (["1470934", "2541716", "1523908"], 2, "No --date-format reads this column"),
        (["18/01/2024 16:75", "19/01/2024 16:80"], 2, "No --date-format reads this column"),
        ([f"{float(epoch(1000)(day)):.5E}" for day in business_days()], 2, "without saving it in a spreadsheet before"),
        ([f"{float(epoch(1000)(day)):.2E}" for day in business_days()], 2, "without saving it in a spreadsheet before"),
    ],
)
def test_what_is_no_date_is_refused_with_how_the_others_are_written(cells: list[str], row: int, hint: str) -> None:
    with pytest.raises(DataError, match=f"^XYZ.csv, row {row}: Date ") as error:
        parsed(cells)
    assert hint in error.value.hint


@pytest.mark.parametrize(
    ("cells", "date_format", "hint"),
    [
        (["13/04/2021", "14/04/2021"], "%m/%d/%Y", "or write --date-format %d/%m/%Y."),
        (["13/04/2021", "14/04/2021"], "%d/%m", "or write --date-format %d/%m/%Y."),
        (["113/04/08", "113/04/09"], "%d/%m/%y", "Leave --date-format out, then its dates are from 2024-04-08 to"),
        (["03/04/2021", "05/04/2021"], "%Y-%m-%d", "--date-format %d/%m/%Y (day first)"),
        (["45309", "45310"], "%Y-%m-%d", "Leave --date-format out, then its dates are from 2024-01-18 to"),
    ],
)
def test_a_format_that_does_not_fit_is_answered_with_what_does(cells: list[str], date_format: str, hint: str) -> None:
    with pytest.raises(DataError) as error:
        parsed(cells, date_format)
    assert hint in error.value.hint


def test_a_format_may_name_times_and_offsets() -> None:
    found = parsed(["18~01~24 09h30 +0900", "19~01~24 09h30 +0900"], "%d~%m~%y %Hh%M %z")
    assert found.days.tolist() == [date(2024, 1, 18), date(2024, 1, 19)]
    assert found.instants is not None
    assert found.instants[0] == np.datetime64("2024-01-18T00:30:00")
    assert found.offset == "+0900"


@settings(max_examples=150)
@given(
    st.sampled_from([*map(strftime, ENGLISH), *map(strftime, TIMES), *OLD.values(), epoch(1, 14, 30), epoch(1000, 22)]),
    st.dates(date(1981, 1, 1), date(2026, 8, 1)),
    st.integers(1, 60),
    st.booleans(),
)
def test_any_form_gives_back_its_days_or_asks_with_a_format_that_does(
    form: Day, first: date, count: int, newest_first: bool
) -> None:
    days = business_days(first.isoformat(), count)[:: -1 if newest_first else 1]
    cells = [form(day) for day in days]
    found = [attempt(cells)]
    if isinstance(found[0], DataError):
        event("asked")
        found = [attempt(cells, answer) for answer in formats_in(found[0].hint)]
    assert days in found or (count < 30 and not found)


def attempt(cells: list[str], date_format: str | None = None) -> list[date] | DataError:
    try:
        return list(parsed(cells, date_format).days.tolist())
    except DataError as error:
        return error


@pytest.mark.parametrize("cell", ["2024-01-18", "18-Jan-24", "Thursday, January 18, 2024", "20240118", "113年01月18日"])
def test_a_cell_that_is_a_date_by_form_is_seen(cell: str) -> None:
    assert looks_like_date(cell)


@pytest.mark.parametrize(
    "cell", ["Date", "", "100.5", "1,234.56", "45309", "1708819200", "12:30", "20241318", "Q1 2024"]
)
def test_a_cell_that_is_none_by_form_is_not(cell: str) -> None:
    assert not looks_like_date(cell)


@pytest.mark.parametrize("form", ["seconds", "nanoseconds", "of a spreadsheet", "Korean", "a float"])
def test_a_column_of_dates_is_seen_without_a_header(form: str) -> None:
    assert looks_like_dates([OTHERS[form](day) for day in business_days()])


@pytest.mark.parametrize(
    "cells",
    [["45309.5", "45310.2", "45309.1"], ["1470934", "2541716", "1523908"], ["1", "2", "3"], ["a", "b"], [], ["", " "]],
)
def test_a_column_of_prices_or_words_is_not(cells: list[str]) -> None:
    assert not looks_like_dates(cells)
    assert not looks_like_dates(np.array([100.5, np.nan, 101.2, 99.9]))


def test_cells_that_are_dates_among_others_are_told() -> None:
    cells = ["18-Jan-24", "19-Jan-24", "", "Average", "Date", "22-Jan-24", "2024-01-23"]
    assert dated(cells).tolist() == [True, True, False, False, False, True, False]
    assert dated(["2024-01-18", "2024-01-19"]).all()
    assert dated(["99/12/30", "99/12/31", "Total", "100/01/03"]).tolist() == [True, True, False, True]


def csv(folder: Path, header: str, rows: Sequence[str]) -> str:
    path = folder / "XYZ.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return str(path)


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("Datetime,Close", "%Y-%m-%d %H:%M:%S-04:00"),
        ("Date,Time,Close", "%Y-%m-%d,%H:%M"),
        ("Date,Hour,Close", "%Y-%m-%d,%H"),
        ("Date,Begins,Close", "%Y-%m-%d,%H:%M"),
        ("date,datetime,close", "%Y-%m-%d,%Y-%m-%d %H:%M"),
        ("time,close", "%s"),
    ],
)
def test_several_bars_a_day_are_refused(tmp_path: Path, header: str, form: str) -> None:
    moments = [datetime.combine(day, time(hour, 30)) for day in business_days(count=12) for hour in range(9, 16)]
    rows = [f"{moment.strftime(form)},{100 + at / 100}" for at, moment in enumerate(moments)]
    with pytest.raises(DataError, match="has several bars a day: rows 2 and 3 are both of 2024-01-18") as error:
        read_dates(csv(tmp_path, header, rows))
    assert error.value.hint == "Download daily prices."


def test_a_day_doubled_by_a_clock_change_or_a_running_bar_is_not_several_bars_a_day(tmp_path: Path) -> None:
    rows = [f"{day} 00:00:00-05:00,100" for day in business_days()] + ["2024-04-10 15:59:00-04:00,101"]
    assert len(read_dates(csv(tmp_path, "Date,Close", rows)).dates.days) == 61


@pytest.mark.parametrize(
    ("make", "offset"),
    [
        (lambda days: days, None),
        (lambda days: days.tz_localize("Asia/Tokyo"), "Asia/Tokyo"),
        (lambda days: days.to_period("D"), None),
        (lambda days: (days + pd.Timedelta(hours=16)).to_period("min"), None),
        (lambda days: days.strftime("%Y%m%d").astype(float), None),
        (lambda days: days.strftime("%Y%m%d1600").astype(int), None),
        (lambda days: days.astype("datetime64[us]").astype("int64"), None),
        (lambda days: (days - pd.Timestamp("1899-12-30")).days.astype(float), None),
        (lambda days: days.strftime("%d/%m/%y"), None),
    ],
)
def test_parquet_has_dates_of_every_type(
    tmp_path: Path, make: Callable[[pd.DatetimeIndex], object], offset: str | None
) -> None:
    days = pd.DatetimeIndex(business_days())
    path = tmp_path / "XYZ.parquet"
    pd.DataFrame({"Date": make(days), "Close": 100.0}).to_parquet(path)
    found = read_dates(str(path)).dates
    assert found.days.tolist() == business_days()
    assert found.offset == offset
    assert (found.instants is not None) is (offset is not None)


def test_parquet_of_weeks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "XYZ.parquet"
    pd.DataFrame({"Date": pd.period_range("2024-01-01", periods=9, freq="W"), "Close": 1.0}).to_parquet(path)
    with pytest.raises(DataError, match="frequency W-SUN, and bars are daily"):
        read_dates(str(path))
