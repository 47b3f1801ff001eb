from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from stockcast.errors import DataError
from stockcast.prices.csvfile.knowndates import KnownDates, read_known_dates


def known(folder: Path, text: str) -> KnownDates:
    path = folder / "earnings.csv"
    path.write_text(text)
    return read_known_dates(str(path))


def days(found: KnownDates) -> list[date]:
    listed: list[date] = found.days.tolist()
    return listed


@pytest.mark.parametrize(
    "text",
    [
        "date\n2021-01-27\n2021-04-28\n",
        "2021-01-27\n2021-04-28\n",
        "Date,What\n2021-04-28,earnings\n2021-01-27,earnings\n2021-01-27,call\n",
        "Trade Date;Period\n28.04.2021;Q2\n27.01.2021;Q1\n",
        "\ufeffdate\r\n2021-01-27 16:30\r\n\r\n2021-04-28 16:30\r\n",
        '"date"\n"Jan 27, 2021"\n"Apr 28, 2021"\n',
        "27-Jan-2021\n28-Apr-2021",
    ],
)
def test_days_come_sorted_and_once_however_they_are_written(tmp_path: Path, text: str) -> None:
    found = known(tmp_path, text)
    assert days(found) == [date(2021, 1, 27), date(2021, 4, 28)]
    assert found.of("ANY") is found


def test_a_column_of_tickers_says_whose_they_are(tmp_path: Path) -> None:
    found = known(tmp_path, "Symbol,Date\naapl,2021-01-27\nMSFT,2021-01-26\nAAPL,2021-04-28\n")
    assert days(found.of("AAPL")) == [date(2021, 1, 27), date(2021, 4, 28)]
    assert days(found.of("msft")) == [date(2021, 1, 26)]
    assert days(found.of("GOOG")) == []


def test_the_hash_is_of_the_days_and_not_of_the_spelling(tmp_path: Path) -> None:
    first = known(tmp_path, "date,ticker\n2021-01-27,AAPL\n2021-01-26,MSFT\n")
    assert known(tmp_path, "ticker;date\nMSFT;2021/01/26\naapl;2021/01/27\n").sha256() == first.sha256()
    assert known(tmp_path, "ticker;date\nMSFT;2021/01/27\naapl;2021/01/26\n").sha256() != first.sha256()
    assert first.of("AAPL").sha256() != first.of("MSFT").sha256()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date\n2021-01-27\nsoon\n", ("row 3", "'soon'")),
        ("date\n2021-01-27\n2021-02-30\n", ("row 3", "'2021-02-30'")),
        ("date\n2021-01-27\n1621-02-03\n", ("row 3", "1621-02-03")),
        ("date,ticker\n2021-01-27,AAPL\n2021-01-28,\n", ("row 3", "no ticker")),
        ("when,what\nJanuary,earnings\n", ("no column of dates", "when,what")),
        ("date\n", ("no date below its header",)),
        ("", ("is empty",)),
        ("<html><body>rate limit</body></html>", ("no column of dates",)),
        (",,,\n,,\n", ("row 1", "no cell with a date")),
        ('date\n2021-01-27\n"' + "x" * 140_000, ("row 3", "field larger than field limit")),
    ],
)
def test_what_is_no_list_of_dates_is_refused_with_its_row(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(DataError) as refused:
        known(tmp_path, text)
    for word in ("earnings.csv", *words):
        assert word in refused.value.message
    assert refused.value.hint


def test_lists_come_in_the_encodings_and_formats_of_price_files(tmp_path: Path) -> None:
    path = tmp_path / "earnings.json"
    path.write_text('[{"date": "2021-01-27", "quarter": 4}, {"date": "2021-04-28", "quarter": 1}]')
    assert days(read_known_dates(str(path))) == [date(2021, 1, 27), date(2021, 4, 28)]
    path.write_bytes("日期,代码\n2021-01-27,AAPL\n".encode("gbk"))
    assert days(read_known_dates(str(path))) == [date(2021, 1, 27)]


def test_a_missing_file_and_standard_input_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_known_dates(str(tmp_path / "none.csv"))
    with pytest.raises(DataError, match="standard input"):
        read_known_dates("-")
