"""Every layout gives back the bars that were written; no input brings anything but a DataError."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.errors import DataError
from stockcast.prices.csvfile import ReadOptions, read
from stockcast.prices.history import History
from tests.prices.layouts import Written, bars


def rows_of(bars: Written) -> list[tuple[date, float, float, float, float, float, int]]:
    columns = (bars.open, bars.high, bars.low, bars.close, bars.adjusted, bars.volume.astype(int))
    return list(zip(bars.dates.astype(object), *(column.tolist() for column in columns), strict=True))


def yahoo(bars: Written) -> str:
    lines = ["Date,Open,High,Low,Close,Adj Close,Volume"]
    lines += [f"{d},{o:.6f},{h:.6f},{lo:.6f},{c:.6f},{a:.6f},{v}" for d, o, h, lo, c, a, v in rows_of(bars)]
    return "\n".join(lines) + "\n"


def yahoo_client(bars: Written) -> str:
    lines = ["Date,Open,High,Low,Close,Adj Close,Volume,Dividends,Stock Splits"]
    lines += [f"{d} 00:00:00-05:00,{o},{h},{lo},{c},{a},{v},0.0,0.0" for d, o, h, lo, c, a, v in rows_of(bars)]
    return "\n".join(lines)


def yahoo_download(bars: Written) -> str:
    lines = ["Price,Adj Close,Close,High,Low,Open,Volume", "Ticker" + ",^GSPC" * 6, "Date,,,,,,"]
    return "\n".join(lines + [f"{d},{a},{c},{h},{lo},{o},{v}" for d, o, h, lo, c, a, v in rows_of(bars)])


def alpha_vantage(bars: Written) -> str:
    head = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient"
    rows = [f"{d},{o},{h},{lo},{c},{a},{v},0.0,1.0" for d, o, h, lo, c, a, v in rows_of(bars)]
    return "\r\n".join([head, *rows[::-1]])


def stooq(bars: Written) -> str:
    rows = [f"{d},{o},{h},{lo},{c},{v}" for d, o, h, lo, c, _, v in rows_of(bars)]
    return "\r\n".join(["Date,Open,High,Low,Close,Volume", *rows])


def stooq_bulk(bars: Written) -> str:
    head = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>"
    rows = [f"AAPL.US,D,{d:%Y%m%d},000000,{o},{h},{lo},{c},{v},0" for d, o, h, lo, c, _, v in rows_of(bars)]
    return "\n".join([head, *rows])


def nasdaq(bars: Written) -> str:
    rows = [f"{d:%m/%d/%Y},${c:.2f},{v},${o:.2f},${h:.2f},${lo:.2f}" for d, o, h, lo, c, _, v in rows_of(bars)]
    return "\n".join(["Date,Close/Last,Volume,Open,High,Low", *rows[::-1]])


def investing(form: str) -> Callable[[Written], str]:
    def layout(bars: Written) -> str:
        lines = [
            f'"{format(d, form)}","{c:,.2f}","{o:,.2f}","{h:,.2f}","{lo:,.2f}","{v / 1000:.2f}K","-0.12%"'
            for d, o, h, lo, c, _, v in rows_of(bars)
        ]
        return "\n".join(['\ufeff"Date","Price","Open","High","Low","Vol.","Change %"', *lines[::-1]])

    return layout


def european(bars: Written) -> str:
    def number(value: float) -> str:
        return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))

    rows = [
        f"{d:%d.%m.%Y};{number(o)};{number(h)};{number(lo)};{number(c)};{v}" for d, o, h, lo, c, _, v in rows_of(bars)
    ]
    return "\n".join(["Date;Open;High;Low;Close;Volume", *rows])


WITH_ADJUSTED = (yahoo, yahoo_client, yahoo_download, alpha_vantage)
LAYOUTS = (
    *WITH_ADJUSTED,
    stooq,
    stooq_bulk,
    nasdaq,
    investing("%b %d, %Y"),
    investing("%m/%d/%Y"),
    investing("%d/%m/%Y"),
    european,
)


def read_text(content: str | bytes, options: ReadOptions = ReadOptions(), name: str = "AAPL.csv") -> History:  # noqa: B008
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        return read(str(path), options)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=25)
@given(written=bars(25, 40))
def test_a_layout_gives_back_what_was_written(layout: Callable[[Written], str], written: Written) -> None:
    history = read_text(layout(written))
    np.testing.assert_array_equal(history.dates, written.dates)
    np.testing.assert_array_equal(history.close, written.close)
    np.testing.assert_array_equal(history.open, written.open)
    np.testing.assert_array_equal(history.high, written.high)
    np.testing.assert_array_equal(history.low, written.low)
    np.testing.assert_allclose(history.volume, written.volume, rtol=1e-12)
    adjusted = written.adjusted if layout in WITH_ADJUSTED else written.close
    np.testing.assert_array_equal(history.adjusted_close, adjusted)
    assert (history.splits is None) is (layout is not alpha_vantage)


def read_or_refuse(content: str | bytes, options: ReadOptions = ReadOptions(), name: str = "AAPL.csv") -> None:  # noqa: B008
    try:
        history = read_text(content, options, name)
    except DataError as error:
        refusal = error.message
    else:
        assert_usable(history)
        return
    assert refusal
    assert "\n" not in refusal


def assert_usable(history: History) -> None:
    assert len(history) >= 2
    assert (np.diff(history.dates).astype(int) > 0).all()
    for values in (history.close, history.adjusted_close):
        assert (np.isfinite(values) & (values > 0)).all()


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)), st.sampled_from(["A.csv", "A.csv.gz", "A.parquet"]))
def test_rubbish_brings_nothing_but_a_data_error(content: str | bytes, name: str) -> None:
    read_or_refuse(content, name=name)


CELLS = st.one_of(
    st.sampled_from(
        [
            "2021-04-13",
            "13.04.2021",
            "03/04/2021",
            "20210413",
            "1618272000",
            "Apr,1,2021",
            "1e400",
            "-1",
            "0",
            "nan",
            "inf",
            "1,5",
            "1.2M",
        ]
    ),
    st.sampled_from(["", '"', "null", "$1", "1 000", "9" * 30, "0000-00-00", "9999-12-31", "2021-04-13T25:00"]),
    st.text(max_size=6),
    st.floats().map(str),
    st.dates().map(str),
)
HEADERS = st.lists(
    st.sampled_from(
        [
            "Date",
            "Time",
            "Close",
            "Open",
            "High",
            "Low",
            "Volume",
            "Price",
            "Ticker",
            "split_coefficient",
            "x",
            "Adj Close",
            "",
        ]
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=300)
@given(
    HEADERS,
    st.lists(st.lists(CELLS, max_size=8), max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from([None, "%Y-%m-%d", "%d/%m/%Y", "%Y%Y", "%"]),
)
def test_tables_of_rubbish_bring_nothing_but_a_data_error(
    header: list[str], rows: list[list[str]], delimiter: str, date_format: str | None
) -> None:
    text = "\n".join(delimiter.join(row) for row in [header, *rows])
    read_or_refuse(text, ReadOptions(date_format=date_format))


@settings(max_examples=200)
@given(bars(25, 40), st.sampled_from(LAYOUTS), st.data())
def test_a_damaged_file_brings_nothing_but_a_data_error(
    written: Written, layout: Callable[[Written], str], data: st.DataObject
) -> None:
    text = layout(written)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(CELLS) + text[at + data.draw(st.integers(0, 12)) :]
    read_or_refuse(text)
    read_or_refuse(text[: data.draw(st.integers(0, len(text)))])
