"""Whose prices a file has, and which column is what: every form of header, with tickers or without."""

# ruff: noqa: RUF001  letters of other alphabets that look like those of English

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.errors import DataError
from stockcast.prices.csvfile import ReadOptions, read
from stockcast.prices.csvfile.words import header_key, keys_of, known_words
from stockcast.prices.history import Floats, History

DAYS = np.busday_offset("2024-01-18", np.arange(30)).astype("datetime64[D]")
RANDOM = np.random.default_rng(3)
CLOSE = np.round(100 * np.exp(np.cumsum(0.01 * RANDOM.standard_normal(30))), 2)
OPEN = np.round(np.append(99.5, CLOSE[:-1]) * np.exp(0.002 * RANDOM.standard_normal(30)), 2)
HIGH = np.round(np.maximum(OPEN, CLOSE) + 0.5 + RANDOM.random(30), 2)
LOW = np.round(np.minimum(OPEN, CLOSE) - 0.5 - RANDOM.random(30), 2)
VOLUME = np.round(10 ** (5 + RANDOM.random(30)))
FIELDS = {"Open": OPEN, "High": HIGH, "Low": LOW, "Close": CLOSE, "Volume": VOLUME}


def text(header: str | Sequence[str], columns: Sequence[Sequence[object]], delimiter: str = ",") -> str:
    """The lines of a file: those of its header, then the rows of the columns."""
    lines = [header] if isinstance(header, str) else [*header]
    for row in zip(*columns, strict=True):
        lines.append(delimiter.join(map(str, row)))
    return "\n".join(lines) + "\n"


def bars(header: str | Sequence[str], delimiter: str = ",", **others: Sequence[object]) -> str:
    """A file of a date, open, high, low, close and volume, with further columns behind."""
    volumes = VOLUME.astype(int)
    return text(header, [DAYS, OPEN, HIGH, LOW, CLOSE, volumes, *others.values()], delimiter)


def history(content: str | bytes, name: str = "XYZ.csv", **options: str) -> History:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(str(path), ReadOptions(**options))


def assert_read(content: str | bytes, name: str = "XYZ.csv", factor: float = 1.0, **options: str) -> History:
    """The history of the file has all columns of `FIELDS`."""
    found = history(content, name, **options)
    assert found.dates.tolist() == DAYS.tolist()
    for field, values in FIELDS.items():
        column: Floats | None = getattr(found, field.lower())
        assert column is not None, field
        np.testing.assert_allclose(column, values * (factor if field != "Volume" else 1.0), rtol=1e-9)
    return found


TICKERS = ("XYZ", "BRK-B", "BRK.B", "7203.T", "^GSPC", "EURUSD=X", "005930", "GC=F", "AAPL US Equity", "xyz")
JOINED = ("{t}.{f}", "{f}_{t}", "{t}_{f}", "{f} {t}", "{t} {f}", "{f}|{t}", "{t}:{f}", "{f}: {t}", "{t} - {f}",
          "('{f}', '{t}')", "('{t}', '{f}')", '("{f}", "{t}")', "{f} ({t})", "{f} [{t}]", "{t}/{f}",
          "{f},{t}")  # fmt: skip


def quoted(names: Sequence[str]) -> str:
    return ",".join('"' + name.replace('"', '""') + '"' for name in names)


@pytest.mark.parametrize("form", JOINED)
def test_a_ticker_in_the_names_is_no_part_of_what_they_mean(form: str) -> None:
    for ticker in TICKERS:
        assert_read(bars(quoted(["Date", *(form.format(f=field, t=ticker) for field in FIELDS)])))


def test_quantmods_names_have_an_adjusted_close() -> None:
    header = quoted(["Index", *(f"XYZ.{field}" for field in FIELDS), "XYZ.Adjusted"])
    found = assert_read(bars(header, adjusted=CLOSE / 2))
    np.testing.assert_allclose(found.adjusted_close, CLOSE / 2)


@pytest.mark.parametrize("form", JOINED)
def test_of_several_tickers_in_the_names_the_wanted_one_is_read(form: str) -> None:
    names = [form.format(f=field, t=ticker) for ticker in ("ABC", "XYZ") for field in FIELDS]
    columns = [values * factor for factor in (3.0, 1.0) for values in FIELDS.values()]
    content = text(quoted(["Date", *names]), [DAYS, *columns])
    assert_read(content)
    assert_read(content, name="both.csv", ticker="xyz")
    with pytest.raises(DataError, match="2 tickers: ABC, XYZ"):
        history(content, name="both.csv")
    with pytest.raises(DataError, match="2 tickers: ABC, XYZ"):
        history(content, ticker="NONE")


def test_a_column_that_is_named_as_written_says_whose_it_is() -> None:
    names = [f"{ticker}.{field}" for ticker in ("ABC", "XYZ") for field in FIELDS]
    columns = [values * factor for factor in (3.0, 1.0) for values in FIELDS.values()]
    content = text(",".join(["Date", *names]), [DAYS, *columns])
    assert_read(content, name="both.csv", close_column="XYZ.Close")


@pytest.mark.parametrize(
    "names", ["prev_close,change", "close_time,trades", "close_lag_1,close_ma", "PrevClose,label", "vwap,turnover"]
)
def test_a_word_beside_a_field_that_is_no_ticker_makes_no_close(names: str) -> None:
    with pytest.raises(DataError, match="no column that is a close; its columns: Date, "):
        history(text(f"Date,{names}", [DAYS, CLOSE, OPEN]))


LEVELS = {
    "yfinance": ["Price,{F}", "Ticker,{T}", "Date,,,,,"],
    "yfinance by ticker": ["Ticker,{T}", "Price,{F}", "Date,,,,,"],
    "index without a name": ["Price,{F}", "Ticker,{T}"],
    "no names of levels": [",{F}", ",{T}"],
    "tickers first": [",{T}", ",{F}"],
    "tickers first, and an index": [",{T}", ",{F}", "Date,,,,,"],
    "reset index": ["Date,{F}", ",{T}"],
    "reset index, tickers first": ["Date,{T}", ",{F}"],
    "tickers above": [",{T}", "Date,{F}"],
    "merged cells": [",XYZ,,,,", "Date,{F}"],
    "units": ["Date,{F}", ",USD,USD,USD,USD,shares"],
    "units of prices": ["Date,{F}", ",EUR,EUR,EUR,EUR,"],
    "an empty row": ["Date,{F}", ",,,,,"],
    "a title": ["XYZ Inc.,,,,,", "Date,{F}"],
    "a title and tickers": ["Prices,,,,,", ",{T}", "Date,{F}"],
    "pairs of a name and a value": ["Symbol,XYZ,,,,", "Currency,USD,,,,", "Date,{F}"],
    "counted names": ["Price,{F}", "Ticker,{T}", "Date,,,,,"],
}


@pytest.mark.parametrize("levels", LEVELS)
def test_several_rows_of_a_header_are_one(levels: str) -> None:
    for ticker in ("XYZ", "1332", "BRK.B"):
        fields, tickers = ",".join(FIELDS), ",".join([ticker] * 5)
        assert_read(bars([line.format(F=fields, T=tickers) for line in LEVELS[levels]]))


@pytest.mark.parametrize("levels", [name for name in LEVELS if "{T}" in "".join(LEVELS[name])])
@pytest.mark.parametrize(("by_ticker", "counted"), [(True, False), (False, False), (True, True)])
def test_of_several_tickers_over_the_columns_the_wanted_one_is_read(
    levels: str, by_ticker: bool, counted: bool
) -> None:
    pairs = [(field, ticker) for ticker in ("1301", "1332.T") for field in FIELDS]
    if not by_ticker:
        pairs.sort(key=lambda pair: [*FIELDS].index(pair[0]))
    names = [field for field, _ in pairs]
    if counted:
        names = [name + (f".{names[:at].count(name)}" if name in names[:at] else "") for at, name in enumerate(names)]
    words = {"F": ",".join(names), "T": ",".join(ticker for _, ticker in pairs)}
    lines = [line.format(**words).replace(",,,,,", "," * 10) for line in LEVELS[levels]]
    columns = [FIELDS[field] * (1.0 if ticker == "1332.T" or field == "Volume" else 3.0) for field, ticker in pairs]
    found = assert_read(text(lines, [DAYS, *columns]), name="both.csv", ticker="1332")
    assert "Of its tickers, '1332.T' was taken for 1332." in found.notes


def test_a_table_of_closes_is_one_of_tickers() -> None:
    content = text("Date,AAPL,LOW,MSFT", [DAYS, CLOSE * 2, CLOSE * 3, CLOSE])
    assert history(content, ticker="msft").close.tolist() == CLOSE.tolist()
    assert history(content, name="MSFT.csv").close.tolist() == CLOSE.tolist()
    assert history(content, close_column="MSFT").close.tolist() == CLOSE.tolist()
    with pytest.raises(DataError, match="no column that is a close; its columns: Date, AAPL, LOW, MSFT") as error:
        history(content)
    assert "--ticker" in error.value.hint


def test_letters_are_tickers_unless_they_are_those_of_a_chart() -> None:
    assert history(text("Date,C,F,V", [DAYS, CLOSE * 2, CLOSE, OPEN]), ticker="F").close.tolist() == CLOSE.tolist()
    stamps = (DAYS.astype("datetime64[s]").astype(int)).tolist()
    volumes = VOLUME.astype(int)
    assert_read(text("t,o,h,l,c,v", [stamps, OPEN, HIGH, LOW, CLOSE, volumes]))


TICKER_COLUMNS = ("ticker", "symbol", "name", "Stock", "ts_code", "code", "SECID", "ISIN", "Instrument", "<TICKER>",
                  "unique_id", "证券代码", "銘柄コード", "종목코드", "Тикер", "Mã CK", "permno",
                  "company", "kind of paper")  # fmt: skip


def panel(column: str, tickers: Sequence[str], factors: Sequence[float]) -> str:
    rows = [
        text([], [DAYS, [ticker] * 30, *(v * f for v in (OPEN, HIGH, LOW, CLOSE)), VOLUME])
        for ticker, f in zip(tickers, factors, strict=True)
    ]
    return f"Date,{column},Open,High,Low,Close,Volume\n" + "".join(rows)


WANTED = {
    "1332": "1332",
    "1332.T": "1332",
    "7203": "7203.T",
    "5930": "005930",
    "sh.600000": "600000.SH",
    "aapl": "AAPL",
    "AAPL US Equity": "aapl",
    "NASDAQ:AAPL": "AAPL",
    "BRK/B": "BRK-B",
    "AAPL.US": "AAPL",
}


@pytest.mark.parametrize("column", TICKER_COLUMNS)
def test_a_column_of_tickers_is_found_by_its_name_or_its_words(column: str) -> None:
    content = panel(column, ["OTHER", "1332"], [2.0, 1.0])
    assert_read(content, name="panel.csv", ticker="1332")
    with pytest.raises(DataError, match=r"2 tickers.*: OTHER, 1332"):
        history(content, name="panel.csv")


@pytest.mark.parametrize("written", WANTED)
def test_a_ticker_is_wanted_with_or_without_its_exchange(written: str) -> None:
    assert_read(panel("symbol", ["OTHER", written], [2.0, 1.0]), name="panel.csv", ticker=WANTED[written])


def test_a_ticker_that_could_be_two_is_asked_for() -> None:
    content = panel("symbol", ["BRK.A", "BRK.B"], [2.0, 1.0])
    with pytest.raises(DataError, match=r"2 tickers: BRK\.A, BRK\.B"):
        history(content, ticker="BRK")
    assert_read(content, ticker="brk-b")


def test_names_of_one_company_that_share_no_day_are_one_series() -> None:
    names = ["Old Name Inc"] * 12 + ["New Name Inc"] * 18
    content = bars("date,open,high,low,close,volume,name", name=names)
    found = assert_read(content)
    assert "Old Name Inc, New Name Inc (name) share no day and were read as one series." in found.notes


def test_remarks_in_a_column_of_tickers_are_no_tickers() -> None:
    lines = bars("Date,Open,High,Low,Close,Volume,Symbol", symbol=["XYZ"] * 30).split("\n")
    lines.insert(9, "2024-01-30,,,,,,0.17 Dividend")
    lines.insert(20, lines[0])
    assert_read("\n".join(lines))


def test_a_column_of_few_words_is_none_of_tickers_where_no_day_is_twice() -> None:
    found = assert_read(bars("Date,Open,High,Low,Close,Volume,Trend", trend=["up", "down"] * 15))
    assert not any("series" in note for note in found.notes)


HEADERLESS = {
    "usual": [DAYS, OPEN, HIGH, LOW, CLOSE, VOLUME],
    "ticker first": [["XYZ"] * 30, DAYS, OPEN, HIGH, LOW, CLOSE, VOLUME],
    "ticker, period and time": [["XYZ"] * 30, ["D"] * 30, DAYS, ["00:00"] * 30, OPEN, HIGH, LOW, CLOSE, VOLUME],
    "adjusted behind": [DAYS, OPEN, HIGH, LOW, CLOSE, VOLUME, np.round(CLOSE * 0.9, 2)],
    "adjusted before": [DAYS, OPEN, HIGH, LOW, CLOSE, np.round(CLOSE * 0.9, 2), VOLUME],
    "turnover": [DAYS, OPEN, HIGH, LOW, CLOSE, np.round(CLOSE * VOLUME, 2), VOLUME, np.arange(30) % 7 + 300],
    "volume in millions": [DAYS, OPEN, HIGH, LOW, CLOSE, [f"{volume / 1e6}M" for volume in VOLUME]],
    "close first": [DAYS, CLOSE, OPEN, HIGH, LOW, VOLUME],
    "close second": [DAYS, OPEN, CLOSE, HIGH, LOW, VOLUME],
    "low before high": [DAYS, OPEN, LOW, HIGH, CLOSE, VOLUME],
    "close before": [DAYS, np.append(99.5, CLOSE[:-1]), OPEN, HIGH, LOW, CLOSE, VOLUME],
}


@pytest.mark.parametrize("columns", HEADERLESS)
@pytest.mark.parametrize(("delimiter", "order"), [(",", 1), (";", -1), ("\t", 1), ("  ", 1)])
def test_columns_without_a_header_are_told_by_what_they_hold(columns: str, delimiter: str, order: int) -> None:
    found = assert_read(text([], [column[::order] for column in HEADERLESS[columns]], delimiter))
    assert any(
        note.startswith("The file has no header; by what its columns hold they are Date") for note in found.notes
    )
    np.testing.assert_allclose(found.adjusted_close, CLOSE * (0.9 if "adjusted" in columns else 1), atol=0.006)


COUNTS = ("0,1,2,3,4,5", "V1,V2,V3,V4,V5,V6", "Column1,Column2,Column3,Column4,Column5,Column6", "A,B,C,D,E,F", ",,,,,")


@pytest.mark.parametrize("header", COUNTS)
def test_a_header_that_counts_the_columns_is_none(header: str) -> None:
    assert_read(bars(header))


def test_times_without_a_header_are_no_tickers() -> None:
    hours = ["100000", "110000"]
    content = "".join(text([], [DAYS, [hour] * 30, OPEN, HIGH, LOW, CLOSE, VOLUME]) for hour in hours)
    with pytest.raises(DataError, match="several bars a day"):
        history(content)


def test_klines_of_twelve_columns_are_read_without_a_header() -> None:
    opened = DAYS.astype("datetime64[ms]").astype(int)
    worth = np.round(CLOSE * VOLUME, 2)
    content = text(
        [],
        [
            opened,
            OPEN,
            HIGH,
            LOW,
            CLOSE,
            VOLUME,
            opened + 86_399_999,
            worth,
            [10] * 30,
            VOLUME / 2,
            worth / 2,
            [0] * 30,
        ],
    )
    assert_read(content)


@pytest.mark.parametrize(
    "columns",
    [
        [DAYS, CLOSE, VOLUME],
        [DAYS, OPEN, CLOSE, VOLUME],
        [DAYS, OPEN, CLOSE, OPEN + RANDOM.standard_normal(30), CLOSE + RANDOM.standard_normal(30)],
    ],
)
def test_columns_that_nothing_tells_are_refused_without_a_header(columns: Sequence[Sequence[object]]) -> None:
    with pytest.raises(DataError, match=f"no header that names its {len(columns)} columns"):
        history(text([], columns))


def test_several_tickers_without_a_header_are_found_by_their_words() -> None:
    content = panel("", ["OTHER", "XYZ"], [2.0, 1.0]).split("\n", 1)[1]
    assert_read(content)
    with pytest.raises(DataError, match="2 tickers: OTHER, XYZ"):
        history(content, name="panel.csv")


LANGUAGES = (
    "Datum,Eröffn.,Hoch,Tief,Zuletzt,Vol.",
    "Datum,Erster,Hoch,Tief,Schlusskurs,Stuecke",
    "Datum,Eröffnung,Tageshoch,Tagestief,Schluss,Volumen",
    "Date,Ouv.,Plus Haut,Plus Bas,Dernier,Vol.",
    "date,ouv,haut,bas,clot,vol",
    "Fecha,Apertura,Máximo,Mínimo,Último,Vol.",
    "Data,Apertura,Massimo,Minimo,Ultimo,Vol.",
    "Data,Abertura,Máxima,Mínima,Último,Vol.",
    "Дата,Откр.,Макс.,Мин.,Цена,Объём",
    "Tarih,Açılış,Yüksek,Düşük,Şimdi,Hac.",
    "TARİH,AÇILIŞ,YÜKSEK,DÜŞÜK,KAPANIŞ,HACİM",
    "日期,开盘,高,低,收盘,交易量",
    "日期,開盤價,最高價,最低價,收盤價,成交股數",
    "日付け,始値,高値,安値,終値,出来高",
    "날짜,시가,고가,저가,종가,거래량",
    "Ngày,Mở,Cao,Thấp,Lần cuối,KL",
    "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen",
    "<DTYYYYMMDD>,<Open>,<High>,<Low>,<Close>,<Volume>",
    "Dates,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME",
    "tradeDate,openPrice,highPrice,lowPrice,closePrice,volume",
    "timestamp,1. open,2. high,3. low,4. close,5. volume",
    "Date,Open (USD),High (USD),Low (USD),Close (USD),Volume",
    "date,price_open,price_high,price_low,price_close,volume_traded",
)


@pytest.mark.parametrize("header", LANGUAGES)
def test_headers_are_understood_in_many_languages(header: str) -> None:
    assert_read(bars(header))
    assert known_words(header.split(",")) == 6


def test_the_key_of_a_header_is_its_letters_without_accents() -> None:
    words = [
        "Adj. Close**",
        "5. adjusted close",
        "Close (USD)",
        "Último",
        "KAPANIŞ",
        "终值",
        "종가",
        "ガス",
        "\ufeffDate",
    ]
    expected = ["adjclose", "adjustedclose", "close", "ultimo", "kapanis", "终值", "종가", "カス", "date"]
    assert [header_key(word) for word in words] == expected
    assert keys_of(["c", "o", "h", "l"]) == ["close", "open", "high", "low"]
    assert keys_of(["C", "F"]) == ["c", "f"]


def test_a_settlement_comes_before_a_last_trade() -> None:
    last = np.where(np.arange(30) % 3 == 0, "", (CLOSE + 0.37).astype(str))
    content = text("Date,Open,High,Low,Last,Settle,Volume", [DAYS, OPEN, HIGH, LOW, last, CLOSE, VOLUME])
    assert_read(content)


def test_a_close_that_is_empty_is_another_column() -> None:
    blank = [""] * 30
    found = assert_read(text("Date,Open,High,Low,Close,Price,Volume", [DAYS, OPEN, HIGH, LOW, blank, CLOSE, VOLUME]))
    assert "The close is taken from the column 'Price': 'Close' is empty in 30 of 30 rows." in found.notes


def test_an_adjusted_close_that_is_empty_is_not_used() -> None:
    content = bars("Date,Open,High,Low,Close,Volume,Adj Close", adjusted=[""] * 30)
    for options in ({}, {"close_column": "Close"}):
        found = assert_read(content, **options)
        assert "The adjusted close is empty in every row and is not used." in found.notes


def test_a_close_that_is_named_goes_without_an_adjusted_close_with_gaps() -> None:
    adjusted = ["" if at % 2 else value for at, value in enumerate(CLOSE)]
    found = assert_read(bars("Date,Open,High,Low,Close,Volume,Adj Close", adjusted=adjusted), close_column="Close")
    assert found.adjusted_close.tolist() == CLOSE.tolist()
    assert "The adjusted close is empty in some rows and is not used." in found.notes


def test_two_closes_are_asked_for_and_either_can_be_named() -> None:
    content = bars("Date,Open,High,Low,Close,Volume,Close.1", other=CLOSE * 2)
    with pytest.raises(DataError, match=r"2 columns named 'Close'") as error:
        history(content)
    assert "--close-column" in error.value.hint
    assert history(content, close_column="Close").close.tolist() == CLOSE.tolist()
    assert history(content, close_column="Close.1").close.tolist() == (CLOSE * 2).tolist()
    assert_read(bars("Date,Open,High,Low,Close,Volume,Close", other=CLOSE))


@pytest.mark.parametrize("name", ["Schlußkurs", "SCHLUSSKURS", "schlusskurs"])
def test_a_column_is_named_in_any_spelling(name: str) -> None:
    content = bars("Datum,Open,High,Low,Schlußkurs,Volume,Close", other=OPEN)
    assert history(content, close_column=name).close.tolist() == CLOSE.tolist()


def wrapped(content: str) -> str:
    return "\n".join(f'"{line}"' for line in content.strip().split("\n"))


def aligned(content: str) -> str:
    rows = [line.split(",") for line in content.strip().split("\n")]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


HEADER = "Date,Open,High,Low,Close,Volume"
FRAMES = {
    "whole lines quoted": wrapped,
    "trailing delimiter": lambda content: content.replace("\n", ",\n"),
    "trailing delimiters in rows": lambda content: content.replace("\n", ",,\n").replace("Volume,,", "Volume", 1),
    "declared delimiter": lambda content: "sep=;\n" + content.replace(",", ";"),
    "declared delimiter in quotes": lambda content: '"sep=|"\n' + content.replace(",", "|"),
    "comments": lambda content: "# prices of XYZ, in dollars\n# source: somebody\n" + content + "# the end\n",
    "a header in a comment": lambda content: "# " + content,
    "an address above": lambda content: "https://www.example.com\n\n" + content,
    "a long preamble": lambda content: "About XYZ\n" * 25 + content,
    "a mark of the byte order within": lambda content: content.replace("Open", "\ufeffOpen").replace("\n", "\n\ufeff"),
    "a quoted header behind a mark": lambda content: "\ufeff" + content.replace("Date,", '"Date",'),
    "aligned by blanks": aligned,
    "one blank": lambda content: content.replace(",", " "),
    "numbers of rows": lambda content: "\n".join(
        f"{at - 1 if at else ''},{line}" for at, line in enumerate(content.strip().split("\n"))
    ),
    "numbers of rows in a column that is named": lambda content: "\n".join(
        f"{at - 1 if at else 'Unnamed: 0'},{line}" for at, line in enumerate(content.strip().split("\n"))
    ),
    "numbers of rows of R": lambda content: "\n".join(
        f'"{at}",{line}' if at else line for at, line in enumerate(content.strip().split("\n"))
    ),
    "names of rows of R": lambda content: content.replace("Date,", "", 1),
    "a printed frame": lambda content: aligned(content).replace("Date", "    ", 1),
    "a column without a name": lambda content: content.replace("Date", "", 1),
    "a column called index": lambda content: content.replace("Date", "index", 1),
}  # fmt: skip


COLUMNS = [DAYS, OPEN, HIGH, LOW, CLOSE, VOLUME.astype(int)]
PARTS = [np.array([str(day).split("-")[at] for day in DAYS]) for at in (0, 1, 2)]
SECONDS = DAYS.astype("datetime64[s]").astype(int)
PROVIDERS = {
    "a date in three columns": text("Year,Month,Day,Open,High,Low,Close,Volume", [*PARTS, *COLUMNS[1:]]),
    "a printed series of R": text(
        "           XYZ.Open XYZ.High XYZ.Low XYZ.Close XYZ.Volume", [*COLUMNS[:4], *COLUMNS[4:]], "   "
    ),
    "a printed frame with an index": text(
        ["      Open    High     Low   Close  Volume", "Date                           "], COLUMNS, "  "
    ),
    "a name of two words between blanks": text("Date Open High Low Close Volume Adj Close", [*COLUMNS, CLOSE], " "),
    "waves": text("Date~Open~High~Low~Close~Volume", COLUMNS, "~"),
    "Bloomberg": text(
        ["Security,XYZ US Equity", "Start Date,01/01/2024", "", "Date,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME"],
        COLUMNS,
    ),
    "Markdown": text(
        ["| Date | Open | High | Low | Close | Volume |", "|------|-----:|-----:|-----|-------|--------|"],
        [["|"] * 30, *COLUMNS, ["|"] * 30],
        " | ",
    )
    .replace("| | ", "| ")
    .replace(" | |", " |"),
    "Polygon": text("v,vw,o,c,h,l,t,n", [COLUMNS[5], CLOSE, OPEN, CLOSE, HIGH, LOW, SECONDS * 1000, [7] * 30]),
    "CRSP": text(
        "PERMNO,date,TICKER,PRC,OPENPRC,BIDLO,ASKHI,VOL", [[1] * 30, DAYS, ["XYZ"] * 30, CLOSE, OPEN, LOW, HIGH, VOLUME]
    ),
    "Euronext": text(
        ['"Historical Data"', '"FR0000120271"', 'Date;Open;High;Low;Last;Close;"Number of Shares";vwap'],
        [DAYS, OPEN, HIGH, LOW, CLOSE + 1, CLOSE, VOLUME, CLOSE],
        ";",
    ),
    "two languages": text(["日期,开盘,最高,最低,收盘,成交量", "Date,Open,High,Low,Close,Volume"], COLUMNS),
}


@pytest.mark.parametrize("rows", [[",Close,Close", ",7203.T,AAPL", "Date,,"], [",Close,Close", ",7203.T,AAPL"]])
@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_closes_under_two_levels_without_names_are_read(rows: Sequence[str], order: Sequence[int]) -> None:
    content = text([*(rows[at] for at in order), *rows[2:]], [DAYS, CLOSE * 2, CLOSE])
    assert history(content, ticker="AAPL").close.tolist() == CLOSE.tolist()
    assert history(content, ticker="7203").close.tolist() == (CLOSE * 2).tolist()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_somebody_writes_is_read(provider: str) -> None:
    assert_read(PROVIDERS[provider])


@pytest.mark.parametrize("frame", FRAMES)
def test_what_is_around_the_cells_does_not_matter(frame: str) -> None:
    assert_read(FRAMES[frame](bars(HEADER)))


def test_rows_with_more_cells_than_the_header_are_refused() -> None:
    with pytest.raises(DataError, match=r"row 2: 7 cells under a header of 6"):
        history(bars(HEADER, more=CLOSE))


def test_parquet_names_are_read_without_being_evaluated(tmp_path: Path) -> None:
    path = tmp_path / "XYZ.parquet"
    frame = pd.DataFrame({"Close": CLOSE, "Volume": VOLUME}, pd.DatetimeIndex(DAYS))
    frame.columns = pd.MultiIndex.from_product([["Close", "Volume"], ["XYZ"]]).unique()
    frame.to_parquet(path)
    assert read(str(path)).close.tolist() == CLOSE.tolist()
    for name in ("(" + "-" * 3000 + "1,)", "(" + "1+" * 3000 + "1,)"):
        pd.DataFrame({"date": DAYS, name: CLOSE}).to_parquet(path)
        with pytest.raises(DataError, match="no column that is a close; its columns: date, "):
            read(str(path))


@st.composite
def headers(draw: st.DrawFn) -> str:
    """A file of the bars in random dress: the header's words, a ticker in it, rows of a header, what is around it."""
    ticker = draw(st.sampled_from(TICKERS))
    fields = ",".join(FIELDS)
    kind = draw(st.sampled_from(["plain", "joined", "levels"]))
    if kind == "joined":
        form = draw(st.sampled_from(JOINED))
        lines = [quoted(["Date", *(form.format(f=field, t=ticker) for field in FIELDS)])]
    elif kind == "levels":
        tickers = ",".join([ticker] * 5)
        lines = [line.format(F=fields, T=tickers) for line in LEVELS[draw(st.sampled_from(sorted(LEVELS)))]]
    else:
        lines = [draw(st.sampled_from(LANGUAGES))]
    content = bars(lines)
    safe = ("declared delimiter", "an address above", "a long preamble", "comments") if kind != "joined" else ()
    return FRAMES[draw(st.sampled_from(safe))](content) if safe and draw(st.booleans()) else content


@settings(max_examples=60)
@given(headers())
def test_one_history_is_read_back_from_any_header(content: str) -> None:
    assert_read(content)


# The series of India's exchanges.


def of_series(*more: tuple[str, str, float, slice], symbol: bool = True) -> str:
    """Rows of a share, and of others by symbol, series, price beside it and days; without symbols where asked."""
    rows = [
        [
            *([name] if symbol else []),
            series,
            day,
            *(round(v[at] * factor, 2) for v in (OPEN, HIGH, LOW, CLOSE)),
            volume,
        ]
        for name, series, factor, days in (("INFY", "EQ", 1.0, slice(None)), *more)
        for at, (day, volume) in [*enumerate(zip(DAYS, VOLUME, strict=True))][days]
    ]
    head = ["Symbol", "Series", "Date", "Open", "High", "Low", "Close", "Volume"]
    return text(",".join(head if symbol else head[1:]), [*zip(*rows, strict=True)])


@pytest.mark.parametrize("symbol", [True, False])
@pytest.mark.parametrize(("series", "factor", "days"), [("BL", 1.02, slice(7, 10)), ("N5", 11.0, slice(0, 30))])
def test_a_series_is_no_ticker_and_blocks_and_bonds_are_no_bars_of_the_share(
    series: str, factor: float, days: slice, symbol: bool
) -> None:
    found = assert_read(of_series(("INFY", series, factor, days), symbol=symbol), name="prices.csv")
    count = len(range(*days.indices(30)))
    assert f"Rows of other series than shares ({series}) were left out: {count} of {30 + count}." in found.notes


def test_shares_that_change_their_series_are_one() -> None:
    content = of_series().splitlines()
    content[5:12] = [line.replace(",EQ,", ",BE,") for line in content[5:12]]
    assert not any("series" in note for note in assert_read("\n".join(content)).notes)


def test_of_companies_with_series_the_wanted_one_is_read_and_one_without_shares_keeps_what_it_has() -> None:
    content = of_series(
        ("TCS", "EQ", 3.0, slice(None)), ("TCS", "BL", 3.1, slice(4, 6)), ("BOND", "N1", 9.0, slice(None))
    )
    assert_read(content, ticker="TCS", factor=3.0)
    assert_read(content, ticker="BOND", factor=9.0)
    with pytest.raises(DataError, match="3 tickers: INFY, TCS, BOND"):
        history(content)


def test_a_column_of_series_that_are_tickers_is_one_of_tickers() -> None:
    words = [["EQ"] * 30, ["AAPL"] * 30]
    rows = [[*DAYS] * 2, [*words[0], *words[1]], [*CLOSE * 2, *CLOSE]]
    assert history(text("Date,Series,Close", rows), ticker="AAPL").close.tolist() == CLOSE.tolist()


# Tables whose fields are rows.


@pytest.mark.parametrize("form", ["{}", "{}_XYZ"])
@pytest.mark.parametrize("columns", ["Date,variable,value", "Date,Price,Ticker,value", "Date,series,price"])
def test_a_long_table_is_refused_as_what_it_is(columns: str, form: str) -> None:
    ticker = ",XYZ" if "Ticker" in columns else ""
    rows = [
        f"{day},{form.format(field)}{ticker},{values[at]}"
        for field, values in FIELDS.items()
        for at, day in enumerate(DAYS)
    ]
    with pytest.raises(
        DataError, match=r"long table: its column (variable|Price|series) says .*\(Open.*Close"
    ) as error:
        history("\n".join([columns, *rows]))
    assert "one row a day" in error.value.hint


def test_a_column_that_says_of_every_row_that_it_is_a_close_does_no_harm() -> None:
    found = history(text("Date,variable,value", [DAYS, ["Close"] * 30, CLOSE]))
    assert found.close.tolist() == CLOSE.tolist()
