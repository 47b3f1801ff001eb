"""Files of the dates on which companies report."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.errors import DataError
from stockcast.prices.csvfile.eventdates import EventTable
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, WHENS, EventDates, when_at
from stockcast.prices.hours import usual_hours


def table(folder: Path, text: str) -> EventTable:
    path = folder / "events.csv"
    path.write_text(text)
    return EventTable.read(str(path))


def told(folder: Path, text: str, ticker: str = "AAA", exchange: str = "XNYS") -> list[tuple[str, str]]:
    found = table(folder, text).of_ticker(ticker, exchange)
    assert found is not None
    return list(zip(found.days.astype(str).tolist(), found.whens, strict=True))


def test_hours_are_words_or_times_at_the_exchange(tmp_path: Path) -> None:
    text = (
        "date,when\n2021-01-27,amc\n2021-04-28,BMO\n2021-07-27,16:30\n2021-10-28,7:05\n2022-01-27,\n2022-04-28,11:00\n"
    )
    assert told(tmp_path, text) == [
        ("2021-01-27", AFTER),
        ("2021-04-28", BEFORE),
        ("2021-07-27", AFTER),
        ("2021-10-28", BEFORE),
        ("2022-01-27", UNKNOWN),
        ("2022-04-28", UNKNOWN),
    ]


def test_rows_are_of_their_ticker_and_without_such_a_column_of_all(tmp_path: Path) -> None:
    text = "Symbol;Date;Hour\nAAA;2021-01-27;amc\nbbb;2021-01-28;bmo\n"
    assert told(tmp_path, text, "bbb") == [("2021-01-28", BEFORE)]
    assert table(tmp_path, text).of_ticker("CCC", "XNYS") is None
    assert "its tickers: AAA, BBB" in table(tmp_path, text).missing()
    assert told(tmp_path, "date\n2021-01-27\n", "CCC") == [("2021-01-27", UNKNOWN)]


def test_what_yfinance_saves_is_read_on_the_clock_of_the_exchange(tmp_path: Path) -> None:
    text = "Earnings Date,EPS Estimate\n2021-01-27 16:00:00-05:00,1.4\n2021-04-28 06:00:00-04:00,1.0\n"
    assert told(tmp_path, text) == [("2021-01-27", AFTER), ("2021-04-28", BEFORE)]
    # Six in the evening in New York is the morning of the next day in Tokyo.
    text = "Earnings Date\n2021-01-27 18:00:00-05:00\n2021-04-28 02:30:00-04:00\n"
    assert told(tmp_path, text, exchange="XTKS") == [("2021-01-28", BEFORE), ("2021-04-28", AFTER)]


def test_dates_of_one_day_are_one_and_what_contradicts_is_not_known(tmp_path: Path) -> None:
    text = "date,when\n2021-04-28,amc\n2021-01-27,amc\n2021-01-27,\n2021-01-27,amc\n2021-04-28,bmo\n"
    assert told(tmp_path, text) == [("2021-01-27", AFTER), ("2021-04-28", UNKNOWN)]


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    assert told(tmp_path, "date\n2021-01-27\n") == [("2021-01-27", UNKNOWN)]
    assert told(tmp_path, "date,when\n2021-01-28,amc\n") == [("2021-01-28", AFTER)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date,when\n2021-01-27,amc\n2021-04-28,noon\n", "row 3: 'noon' is no hour of a report"),
        ("date,when\n2021-01-27,24:10\n", "row 2: '24:10' is no hour of a report"),
        ("date,when\nJanuary,amc\n", "row 2: date 'January'"),
        ("ticker,when\nAAA,amc\n", "has no column of dates"),
        ("date,ticker\n2021-01-27,\n", "row 2: it has no ticker"),
        ("date,when\n", "has no date below its header"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_row(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError) as refused:
        table(tmp_path, text)
    assert words in refused.value.message
    assert refused.value.hint


def test_usual_hours_are_those_of_the_exchange() -> None:
    assert usual_hours("XNYS") == (time(9, 30), time(16))
    assert usual_hours("XLON") == (time(8), time(16, 30))
    assert usual_hours("weekdays") is None


@given(st.times())
def test_an_hour_is_before_after_or_not_known(clock: time) -> None:
    minutes = clock.hour * 60 + clock.minute
    expected = UNKNOWN if clock == time() else BEFORE if minutes < 570 else AFTER if minutes >= 960 else UNKNOWN
    assert when_at(clock, (time(9, 30), time(16))) == expected
    assert when_at(clock, None) == UNKNOWN


@given(st.lists(st.tuples(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.sampled_from(WHENS))))
def test_merged_dates_do_not_depend_on_their_order(some: list[tuple[date, str]]) -> None:
    merged, turned = EventDates.merged(some, "a"), EventDates.merged(some[::-1], "a")
    assert merged.tells_as(turned)
    assert set(merged.days.tolist()) == {day for day, _ in some}
