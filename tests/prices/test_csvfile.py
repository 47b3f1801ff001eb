"""Price files as providers write them, and as they arrive damaged."""

from __future__ import annotations

import gzip
import io
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast.errors import DataError
from stockcast.prices.csvfile import ReadOptions, read
from tests.processes import packages_loaded

YAHOO = """Date,Open,High,Low,Close,Adj Close,Volume
2021-04-13,10.0,11.0,9.5,10.5,10.1,1000
2021-04-14,10.5,11.5,10.0,11.0,10.6,1100
2021-04-15,11.0,12.0,10.5,11.5,11.1,1200
"""

CLOSES = [10.5, 11.0, 11.5]
DAYS = ["2021-04-13", "2021-04-14", "2021-04-15"]


def write(folder: Path, text: str | bytes, name: str = "AAPL.csv") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def days(source: str, options: ReadOptions | None = None) -> list[str]:
    return [str(day) for day in read(source, options or ReadOptions()).dates]


@pytest.mark.parametrize(
    ("name", "ticker"), [("AAPL.csv", "AAPL"), ("BF.B.csv", "BF.B"), ("A.txt", "A"), ("BRK.B", "BRK.B")]
)
def test_a_path_stands_for_the_ticker_it_is_named_after(tmp_path: Path, name: str, ticker: str) -> None:
    assert read(write(tmp_path, YAHOO, name)).ticker == ticker


def test_a_gzipped_file_is_read_under_its_name_without_both_suffixes(tmp_path: Path) -> None:
    history = read(write(tmp_path, gzip.compress(YAHOO.encode()), "AAPL.csv.gz"))
    assert history.ticker == "AAPL"
    assert history.close.tolist() == CLOSES


def test_a_named_ticker_wins_over_the_file_name(tmp_path: Path) -> None:
    assert read(write(tmp_path, YAHOO), ReadOptions(ticker="MSFT")).ticker == "MSFT"


def test_yahoo_columns_are_all_read(tmp_path: Path) -> None:
    source = write(tmp_path, YAHOO)
    history = read(source)
    assert history.open is not None
    assert history.volume is not None
    assert history.close.tolist() == CLOSES
    assert history.adjusted_close.tolist() == [10.1, 10.6, 11.1]
    assert history.open.tolist() == [10.0, 10.5, 11.0]
    assert history.volume.tolist() == [1000, 1100, 1200]
    assert (history.source, history.currency, history.splits, history.notes) == (source, None, None, ())


def test_standard_input_is_read_as_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(YAHOO.encode())))
    history = read("-")
    assert (history.ticker, history.source) == ("stdin", "-")
    assert history.close.tolist() == CLOSES


def test_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DataError, match="no standard input"):
        read("-")


MULTI = """Price,Adj Close,Close,High,Low,Open,Volume
Ticker,AAPL,AAPL,AAPL,AAPL,AAPL,AAPL
Date,,,,,,
2021-04-13,10.1,10.5,11.0,9.5,10.0,1000
2021-04-14,10.6,11.0,11.5,10.0,10.5,1100
"""


def test_the_two_header_lines_of_yahoos_client_are_understood(tmp_path: Path) -> None:
    history = read(write(tmp_path, MULTI))
    assert history.close.tolist() == [10.5, 11.0]
    assert history.adjusted_close.tolist() == [10.1, 10.6]
    assert history.high is not None
    assert history.high.tolist() == [11.0, 11.5]


TWO = """Ticker,AAPL,AAPL,MSFT,MSFT
Price,Close,Volume,Close,Volume
Date,,,,
2021-04-13,10.5,1000,20.5,7
2021-04-14,11.0,1100,21.0,8
"""


def test_of_two_tickers_over_the_columns_the_named_one_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path, TWO, "both.csv"), ReadOptions(ticker="MSFT")).close.tolist() == [20.5, 21.0]
    assert read(write(tmp_path, TWO, "AAPL.csv")).close.tolist() == [10.5, 11.0]


def test_of_two_tickers_neither_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"both\.csv has prices of 2 tickers: AAPL, MSFT") as error:
        read(write(tmp_path, TWO, "both.csv"))
    assert "--ticker" in error.value.hint


def test_a_column_of_tickers_is_filtered(tmp_path: Path) -> None:
    text = "date,close,Name\n2021-04-13,1,A\n2021-04-14,2,A\n2021-04-13,8,B\n2021-04-14,9,B\n"
    assert read(write(tmp_path, text), ReadOptions(ticker="b")).close.tolist() == [8, 9]
    with pytest.raises(DataError, match="2 tickers: A, B"):
        read(write(tmp_path, text))


def test_exchange_midnight_is_never_converted_to_utc(tmp_path: Path) -> None:
    text = """Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits
2020-01-02 00:00:00+09:00,10,11,9,10.5,10.1,1000,0.0,0.0
2020-01-03 00:00:00+09:00,10,11,9,10.6,10.2,1000,0.0,2.0
"""
    history = read(write(tmp_path, text))
    assert [str(day) for day in history.dates] == ["2020-01-02", "2020-01-03"]
    assert history.splits is None  # Yahoo's volumes are split-adjusted


def test_yahoos_client_adjusts_the_close_where_it_leaves_the_adjusted_one_out(tmp_path: Path) -> None:
    text = (
        "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n2020-01-02,1,1,1,1,9,0,0\n2020-01-03,1,1,1,1,9,0,0\n"
    )
    assert read(write(tmp_path, text)).notes == ()


def test_alpha_vantage_tells_splits_and_keeps_the_close_as_traded(tmp_path: Path) -> None:
    text = """timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient
2020-09-01,50,51,49,50,50,4000,0.0,1.0
2020-08-31,50,51,49,50,50,4000,0.0,4.0
2020-08-28,200,204,196,200,50,1000,0.0,1.0
"""
    history = read(write(tmp_path, text))
    assert history.splits is not None
    assert history.close.tolist() == [200, 50, 50]
    assert history.adjusted_close.tolist() == [50, 50, 50]
    assert history.splits.tolist() == [1, 4, 1]
    assert history.notes == ()


def test_stooqs_bulk_layout_has_compact_dates(tmp_path: Path) -> None:
    text = """<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>
AAPL.US,D,20210413,000000,10,11,9,10.5,1000,0
AAPL.US,D,20210414,000000,10,11,9,10.6,1000,0
"""
    history = read(write(tmp_path, text, "aapl.us.txt"))
    assert history.first == date(2021, 4, 13)
    assert history.close.tolist() == [10.5, 10.6]


def test_nasdaqs_dollar_signs_and_newest_first_rows_are_read_without_a_note_on_order(tmp_path: Path) -> None:
    text = """Date, Close/Last, Volume, Open, High, Low
04/15/2021, $1111.50, 1200, $11.00, $1200.00, $10.50
04/14/2021, $1111.00, 1100, $1110.50, $1112.00, $1110.00
"""
    history = read(write(tmp_path, text))
    assert history.close.tolist() == [1111.0, 1111.5]
    assert [str(day) for day in history.dates] == ["2021-04-14", "2021-04-15"]
    assert not any("order" in note for note in history.notes)


@pytest.mark.parametrize("form", ["{:%b %d, %Y}", "{:%m/%d/%Y}", "{:%d/%m/%Y}"])
def test_investing_com_is_read_in_all_its_date_forms(tmp_path: Path, form: str) -> None:
    lines = ['\ufeff"Date","Price","Open","High","Low","Vol.","Change %"']
    for day, volume in ((15, "1.2M"), (14, "950K"), (13, "-")):
        lines.append(
            f'"{form.format(date(2021, 4, day))}","1,0{day}.50","1,010.00","1,100.00","1,000.00","{volume}","0.5%"'
        )
    history = read(write(tmp_path, "\n".join(lines)))
    assert [str(day) for day in history.dates] == DAYS
    assert history.close.tolist() == [1013.5, 1014.5, 1015.5]
    assert history.volume is not None
    assert history.volume.tolist() == pytest.approx([np.nan, 950e3, 1.2e6], nan_ok=True)


def test_european_decimals_are_read(tmp_path: Path) -> None:
    text = "Date;Open;Close;Volume\n13.04.2021;1.200,50;1.234,56;1.000.000\n14.04.2021;999,50;998,25;2.000\n"
    history = read(write(tmp_path, text))
    assert history.close.tolist() == [1234.56, 998.25]
    assert history.volume is not None
    assert history.volume.tolist() == [1e6, 2e3]


def test_three_decimals_after_a_comma_follow_the_delimiter(tmp_path: Path) -> None:
    assert read(write(tmp_path, "Date;Close\n2021-04-13;1,234\n2021-04-14;1,235\n")).close.tolist() == [1.234, 1.235]


@pytest.mark.parametrize(
    "header",
    [
        "date,CLOSE",
        "Datetime,Last",
        "timestamp,Price",
        "Day,adjClose",
        "TIME,Settle",
        "DATE,SP500",
        ",0",
        "date,close (USD)",
    ],
)
def test_date_and_close_are_found_under_many_names(tmp_path: Path, header: str) -> None:
    assert read(write(tmp_path, f"{header}\n2021-04-13,10.5\n2021-04-14,11\n")).close.tolist() == [10.5, 11]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    assert read(write(tmp_path, YAHOO.replace(",", delimiter))).close.tolist() == CLOSES


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_the_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    text = YAHOO.replace("Volume", "Stück")
    assert read(write(tmp_path, text.encode(encoding))).close.tolist() == CLOSES


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
def test_line_ends_and_empty_lines_do_not_matter(tmp_path: Path, end: str) -> None:
    assert read(write(tmp_path, YAHOO.replace("\n", end))).close.tolist() == CLOSES


def test_rows_are_numbered_as_an_editor_shows_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 5: Close 'x1' is not a number"):
        read(write(tmp_path, "Date,Close\n2021-04-13,1\n\n2021-04-14,1\n2021-04-15,x1\n"))
    with pytest.raises(DataError, match=r"row 3: Close 'x1' is not a number"):
        read(write(tmp_path, 'Date,Close\n"2021-04-13",1\n2021-04-15,x1\n'))


def test_a_file_of_two_columns_needs_no_header(tmp_path: Path) -> None:
    assert read(write(tmp_path, "2021-04-13,10.5\n2021-04-14,11\n")).close.tolist() == [10.5, 11]


def test_more_columns_without_a_header_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no header that names its 3 columns"):
        read(write(tmp_path, "2021-04-13,10.5,7\n2021-04-14,11,8\n"))


def test_lines_before_the_header_and_a_last_line_of_prose_are_left_out(tmp_path: Path) -> None:
    history = read(write(tmp_path, "sep=,\nPrices of AAPL\n" + YAHOO + '"Downloaded from the provider, at noon"\n'))
    assert history.close.tolist() == CLOSES
    assert history.notes == ("1 row that is no bar was left out: 1 of summaries or remarks (row 7).",)


def test_named_columns_and_a_date_format_are_obeyed(tmp_path: Path) -> None:
    text = "when,bid,ask\n13~04~21,1.0,10.5\n14~04~21,1.1,11.0\n"
    options = ReadOptions(date_column="when", close_column="ask", date_format="%d~%m~%y")
    source = write(tmp_path, text)
    assert read(source, options).close.tolist() == [10.5, 11.0]
    assert days(source, options) == DAYS[:2]


def test_a_named_close_is_its_own_adjusted_close(tmp_path: Path) -> None:
    history = read(write(tmp_path, YAHOO), ReadOptions(close_column="Adj Close"))
    assert history.close.tolist() == [10.1, 10.6, 11.1]
    assert history.adjusted_close.tolist() == [10.1, 10.6, 11.1]
    named = read(write(tmp_path, YAHOO), ReadOptions(close_column="close"))
    assert named.adjusted_close.tolist() == [10.1, 10.6, 11.1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ReadOptions(), "no column that is a close; its columns: Date, Foo, Bar"),
        (ReadOptions(close_column="Baz"), "no column 'Baz'; its columns: Date, Foo, Bar"),
        (ReadOptions(date_column="When"), "no column 'When'; its columns: Date, Foo, Bar"),
    ],
)
def test_what_is_not_found_is_answered_with_the_columns_there_are(
    tmp_path: Path, options: ReadOptions, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, "Date,Foo,Bar\n2021-04-13,1,2\n2021-04-14,1,2\n"), options)


def test_two_columns_named_close_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 columns named 'Close'"):
        read(write(tmp_path, "Date,Close,close\n2021-04-13,1,2\n2021-04-14,1,2\n"))


def test_start_and_end_cut_before_anything_else_is_looked_at(tmp_path: Path) -> None:
    text = "Date,Close\n2021-04-12,rubbish\n2021-04-13,10.5\n2021-04-14,11\n2021-04-15,-1\n"
    source = write(tmp_path, text)
    history = read(source, ReadOptions(start=date(2021, 4, 13), end=date(2021, 4, 14)))
    assert history.close.tolist() == [10.5, 11]
    with pytest.raises(DataError, match=r"no bar from 2022-01-01 to 2021-04-15: its bars are from 2021-04-12"):
        read(source, ReadOptions(start=date(2022, 1, 1)))


FORMS = ["{:%Y-%m-%d}", "{:%Y%m%d}", "{:%Y/%m/%d}", "{:%d-%b-%Y}", "{:%b %d, %Y}", "{:%d.%m.%Y}", "{:%m/%d/%Y}"]
FORMS += ["{:%d/%m/%Y}", "{:%Y-%m-%dT09:30:00Z}", "{:%Y-%m-%d 16:00}", "{:%d %B %Y}", "{:%B %d %Y}"]


@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_date_is_recognised(tmp_path: Path, form: str) -> None:
    rows = "".join(f'"{form.format(date(2021, 4, day))}",1\n' for day in (13, 14, 15))
    assert days(write(tmp_path, "Date,Close\n" + rows)) == DAYS


@pytest.mark.parametrize("unit", ["", "000"])
def test_epoch_seconds_and_milliseconds_are_days_in_utc(tmp_path: Path, unit: str) -> None:
    text = f"time,close\n1618272000{unit},1\n1618410600{unit},1\n"
    assert days(write(tmp_path, text)) == DAYS[:2]


def test_dates_that_read_both_ways_are_settled_by_their_order(tmp_path: Path) -> None:
    assert days(write(tmp_path, "Date,Close\n01/04/2021,1\n06/04/2021,1\n07/04/2021,1\n")) == [
        "2021-04-01",
        "2021-04-06",
        "2021-04-07",
    ]


def test_dates_that_read_both_ways_are_settled_by_weekends(tmp_path: Path) -> None:
    # Day first: Monday to Wednesday; month first: 1 May, a Saturday.
    assert days(write(tmp_path, "Date,Close\n05/01/2021,1\n06/01/2021,1\n")) == ["2021-01-05", "2021-01-06"]


def test_dates_that_nothing_settles_are_refused_with_the_way_out(tmp_path: Path) -> None:
    source = write(tmp_path, "Date,Close\n03/03/2021,1\n04/03/2021,1\n05/03/2021,1\n".replace("/03/2021", "/05/2021"))
    with pytest.raises(DataError, match="reads both as 2021-05-03 and as 2021-03-05") as error:
        read(source)
    assert "--date-format" in error.value.hint
    assert days(source, ReadOptions(date_format="%d/%m/%Y"))[0] == "2021-05-03"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["2021-04-13", "2021-04-31"], "row 3: Date '2021-04-31' is not a date between"),
        (["2021-04-13", "13.04.2021"], "row 3: Date '13.04.2021' is not a date like '2021-04-13'"),
        (["13/04/2021", "04/14/2021"], "row 3: Date '04/14/2021' has day and month in another order"),
        (["03/04/21", "04/04/21"], "row 2: Date '03/04/21' reads as 2021-04-03, as 2021-03-04, as 2003-04-21"),
        (["1-Foo-2021", "2-Foo-2021"], "row 2: Date '1-Foo-2021' is not a date"),
        (["20211301", "20211302"], "row 2: Date '20211301' is not a date between"),
    ],
)
def test_a_date_that_is_none_is_refused_with_its_row(tmp_path: Path, cells: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, "Date,Close\n" + "".join(f"{cell},1\n" for cell in cells)))


@pytest.mark.parametrize("date_format", ["%d/%m", "%Q%Y", "%Y%Y", "%Y-%m-%d %"])
def test_an_unusable_date_format_is_refused(tmp_path: Path, date_format: str) -> None:
    with pytest.raises(DataError):
        read(write(tmp_path, YAHOO), ReadOptions(date_format=date_format))


def test_a_missing_file_is_refused_by_its_whole_path(tmp_path: Path) -> None:
    source = str(tmp_path / "nowhere" / "AAPL.csv")
    with pytest.raises(DataError, match="no such file") as error:
        read(source)
    assert source in error.value.message


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a directory"):
        read(str(tmp_path))


def test_a_path_that_no_system_takes_is_refused(tmp_path: Path) -> None:
    for source in (str(tmp_path / ("x" * 5000 + ".csv")), "a\0b.csv"):
        with pytest.raises(DataError, match="cannot be read"):
            read(source)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (gzip.compress(YAHOO.encode(), mtime=0)[:40], "damaged gzip file"),
        (b"\x1f\x8brubbish", "damaged gzip file"),
        (bytes(range(256)), "bytes are not text"),
        (b"PK\x03\x04rest", "damaged zip archive or workbook, not CSV"),
        (b"PAR1rubbish", "cannot be read as Parquet"),
        (b"Date,Close\n", "no rows below its header"),
        (b"Date,Close\n2021-04-13,1\n", "1 row with a close"),
        (b"Date,Close\n2021-04-13,1,5\n", "row 2: 3 cells under a header of 2"),
        (b"Date\n2021-04-13\n", "single column"),
        (b'Date,Close\n2021-04-13,"1' + b"x" * 200_000, "row 2: field larger"),
    ],
)
def test_what_holds_no_prices_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        read(write(tmp_path, content))
    assert error.value.message.startswith("AAPL.csv")
    assert "\n" not in error.value.message
    assert error.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        "{\nError Message\n}\n",
        '{"Error Message": "Invalid API call, please retry", "a": 1}',
        "<!DOCTYPE html>\n<html><body>Will be right back, soon, thank you</body></html>",
        "[{},{}]",
    ],
)
def test_an_error_answer_saved_as_csv_is_called_one(tmp_path: Path, answer: str) -> None:
    with pytest.raises(DataError, match=r"BF.B.csv is not a price file: it starts with '.* error answer") as error:
        read(write(tmp_path, answer, "BF.B.csv"))
    assert "Download it again" in error.value.hint


def test_a_message_of_one_line_is_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it starts with 'Exceeded the daily hits limit'"):
        read(write(tmp_path, "Exceeded the daily hits limit"))


def test_a_csv_is_read_without_heavy_packages(tmp_path: Path) -> None:
    source = write(tmp_path, YAHOO)
    found = packages_loaded(code=f"from stockcast.prices.csvfile import read; read({source!r})")
    assert found.isdisjoint({"pandas", "pyarrow", "scipy", "torch", "gzip", "_strptime"})
