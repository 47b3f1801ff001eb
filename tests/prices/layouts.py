"""One history, written as any provider, spreadsheet or programme would write it: a strategy of price files.

A layout is a choice along independent lines: how dates and numbers are written, which words stand in the header and
where the ticker is, what stands over, under and between the rows, in which encoding and container the text is kept.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st
from openpyxl import Workbook

from stockcast.prices.history import Dates, Floats
from stockcast.prices.sessions import load_calendar

NEW_YORK = ZoneInfo("America/New_York")
FIELDS = ("date", "open", "high", "low", "close", "volume")
Row = list[str]


@dataclass(frozen=True)
class Written:
    """Bars of an exchange's sessions with two decimals, oldest first: what a reader must give back."""

    dates: Dates
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    @property
    def adjusted(self) -> Floats:
        """Adjusted closes, where a layout has them."""
        return np.round(self.close * 0.9, 2)


@cache
def _sessions() -> Dates:
    calendar = load_calendar("XNYS", date(1976, 1, 2), date(2025, 12, 31))
    days = calendar.next_sessions(date(1976, 1, 1), calendar.count_between(date(1976, 1, 1), date(2025, 12, 31)))
    return np.array(days, dtype="datetime64[D]")


@st.composite
def bars(draw: st.DrawFn, least: int = 45, most: int = 80) -> Written:
    """So many of New York's sessions, two months and more unless given, of a penny stock or an index."""
    sessions = draw(st.integers(least, most))
    start = draw(st.integers(0, len(_sessions()) - sessions))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    level = draw(st.sampled_from([8.0, 95.0, 2500.0, 41_000.0]))
    close = np.round(level * np.exp(np.cumsum(0.01 * random.standard_normal(sessions))), 2)
    opening = np.round(close * np.exp(0.01 * random.standard_normal(sessions)), 2)
    above, below = 0.01 * np.ceil(level * random.random((2, sessions)))
    high, low = np.round(np.maximum(opening, close) + above, 2), np.round(np.minimum(opening, close) - 0.5 * below, 2)
    volume = np.round(10 ** (4 + 3 * random.random(sessions)), -3)
    return Written(_sessions()[start : start + sessions], opening, high, low, close, volume)


# How a day is written. Day and month may be told apart by some of them only with the help of the user.


def _epoch(unit: int) -> Callable[[date], str]:
    return lambda day: str((day - date(1970, 1, 1)).days * 86_400 * unit)


def _local(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), NEW_YORK)


def _strftime(form: str) -> Callable[[date], str]:
    return lambda day: day.strftime(form)


_GERMAN = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
    "Dezember",
)  # fmt: skip


def _chinese_republic(day: date) -> str:
    return f"{day.year - 1911}/{day:%m/%d}"


DATE_FORMS: dict[str, Callable[[date], str]] = {
    **{
        form: _strftime(form)
        for form in (
            "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y%m%d.0", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y",
            "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%A, %B %d, %Y", "%a %b %d %Y", "%d %b %Y", "%d-%m-%y",
            "%m/%d/%y", "%Y年%m月%d日", "%Y년 %m월 %d일", "%Y- %m- %d", "'%Y-%m-%d", "%Y-%m-%d 00:00:00",
            "%Y-%m-%dT00:00:00", "%Y%m%d1600", "%Y-%m-%d 16:00:00.000", "%y/%m/%d", "%d.%m.%y", "%d%m%y",
            "%d/%m/%Y 16:00", "%b %d %Y 12:00AM", "%a, %d %b %Y", "%Y. %m. %d.", "%G-W%V-%u",
            "%m/%d/%Y 4:00:00 PM", "%Y%m%d 16:00:00",
        )
    },
    "seconds": _epoch(1),
    "milliseconds": _epoch(1000),
    "microseconds": _epoch(10**6),
    "nanoseconds": _epoch(10**9),
    "spreadsheet": lambda day: str((day - date(1899, 12, 30)).days),
    "spreadsheet with times": lambda day: f"{(day - date(1899, 12, 30)).days}.6666666667",
    "days since 1970": lambda day: str((day - date(1970, 1, 1)).days),
    "German": lambda day: f"{day.day}. {_GERMAN[day.month - 1]} {day.year}",
    "Japanese": lambda day: f"{day:%Y/%m/%d}({'月火水木金土日'[day.weekday()]})",
    "Buddhist": lambda day: f"{day:%d/%m}/{day.year + 543}",
    "republic": _chinese_republic,
    "midnight with offset": lambda day: str(_local(day, 0)),
    "close with offset": lambda day: _local(day, 16).isoformat(),
    "close in UTC": lambda day: _local(day, 16).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "milliseconds of the close": lambda day: f"{int(_local(day, 16).timestamp())}000",
    "close in mail": lambda day: format_datetime(_local(day, 16)),
    "close in zone": lambda day: f"{_local(day, 16).isoformat()}[America/New_York]",
    "close in summer time": lambda day: _local(day, 16).strftime("%Y-%m-%d %H:%M %Z"),
    "opening in a browser": lambda day: _local(day, 9).strftime("%a %b %d %Y %H:30:00 GMT%z (New York)"),
    "midnight in UTC": lambda day: _local(day, 0).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S+00:00"),
    "seconds of the opening": lambda day: str(int((_local(day, 9) + timedelta(minutes=30)).timestamp())),
}  # fmt: skip


# How a price is written.


def _european(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def _indian(value: float) -> str:
    whole, cents = f"{value:.2f}".split(".")
    groups, rest = [whole[-3:]], whole[:-3]
    while rest:
        groups.insert(0, rest[-2:])
        rest = rest[:-2]
    return f"{','.join(groups)}.{cents}"


NUMBER_FORMS: dict[str, Callable[[float], str]] = {
    "plain": lambda value: f"{value:.2f}",
    "shortest": repr,
    "six decimals": lambda value: f"{value:.6f}",
    "thousands": lambda value: f"{value:,.2f}",
    "dollars": lambda value: f"${value:,.2f}",
    "code after": lambda value: f"{value:.2f} USD",
    "code before": lambda value: f"EUR {value:.2f}",
    "reais": lambda value: f"R$ {value:.2f}",
    "rupees": lambda value: f"Rs. {_indian(value)}",
    "kronor": lambda value: f"{value:.2f} kr",
    "European": _european,
    "decimal comma": lambda value: f"{value:.2f}".replace(".", ","),
    "French": lambda value: f"{value:,.2f}".replace(",", "\u202f").replace(".", ","),
    "Swiss": lambda value: f"{value:,.2f}".replace(",", "'"),
    "Indian": _indian,
    "pence": lambda value: f"{value:,.2f}p",
    "zloty": lambda value: f"{value:,.2f} zł".replace(",", "\u00a0").replace(".", ","),
    "euros": lambda value: f"{_european(value)} €",
    "as wide as an ideogram": lambda value: f"{value:.2f}元".translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
}
VOLUME_FORMS: dict[str, Callable[[float], str]] = {
    "whole": lambda value: f"{value:.0f}",
    "float": lambda value: f"{value:.1f}",
    "thousands": lambda value: f"{value:,.0f}",
    "K": lambda value: f"{value / 1000:.0f}K",
    "M": lambda value: f"{value / 1e6:.3f}M",
    "Lakh": lambda value: f"{value / 1e5:.2f} Lakh",
    "ten thousands": lambda value: f"{value / 1e4:.1f}万",
    "Indian": lambda value: _indian(value).removesuffix(".00"),
    "none": lambda _: "",
}

# Which words stand over the columns: date, open, high, low, close, volume.
HEADERS: dict[str, Sequence[str]] = {
    "Yahoo": ("Date", "Open", "High", "Low", "Close", "Volume"),
    "small": ("date", "open", "high", "low", "close", "volume"),
    "capitals": ("DATE", "OPEN", "HIGH", "LOW", "CLOSE", "VOLUME"),
    "Stooq": ("<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"),
    "investing": ("Date", "Open", "High", "Low", "Price", "Vol."),
    "API": ("timestamp", "open", "high", "low", "close", "volume"),
    "NSE": ("Date", "OPEN", "HIGH", "LOW", "close", "VOLUME"),
    "German": ("Datum", "Erster", "Hoch", "Tief", "Schlusskurs", "Stuecke"),
    "French": ("Date", "Ouverture", "Plus haut", "Plus bas", "Clôture", "Volume"),
    "Spanish": ("Fecha", "Apertura", "Máximo", "Mínimo", "Cierre", "Volumen"),
    "Chinese": ("日期", "开盘", "最高", "最低", "收盘", "成交量"),
    "Japanese": ("日付", "始値", "高値", "安値", "終値", "出来高"),
    "Korean": ("날짜", "시가", "고가", "저가", "종가", "거래량"),
    "Russian": ("Дата", "Откр.", "Макс.", "Мин.", "Цена", "Объём"),
    "quantmod": ("Index", "XYZ.Open", "XYZ.High", "XYZ.Low", "XYZ.Close", "XYZ.Volume"),
    "joined": ("Date", "Open_XYZ", "High_XYZ", "Low_XYZ", "Close_XYZ", "Volume_XYZ"),
    "tuples": ("Date", "('Open', 'XYZ')", "('High', 'XYZ')", "('Low', 'XYZ')", "('Close', 'XYZ')", "('Volume', 'XYZ')"),
    "none": (),
    "two levels": (),
}
ENCODINGS = {
    "Chinese": ("utf-8", "gbk", "utf-16-le"),
    "Japanese": ("utf-8", "shift_jis", "euc_jp"),
    "Korean": ("utf-8", "cp949"),
    "Russian": ("utf-8", "cp1251", "koi8-r"),
    "French": ("utf-8", "cp1252"),
    "Spanish": ("utf-8", "cp1252"),
}


CONTAINERS = {
    "plain": ".csv",
    "gzip": ".csv.gz",
    "xz": ".csv.xz",
    "bzip2": ".csv.bz2",
    "zip": ".zip",
    "workbook": ".xlsx",
    "JSON": ".json",
}
"""By name, the ending of a file that is kept so."""


@dataclass(frozen=True)
class Layout:
    """How a history is written; see the tables above for the words."""

    date_form: str
    number_form: str
    volume_form: str
    header: str
    delimiter: str
    newest_first: bool
    encoding: str
    container: str
    line_end: str
    above: tuple[str, ...]
    below: tuple[str, ...]
    change: bool
    ticker_column: bool
    header_again: bool
    dividend: bool

    @property
    def name(self) -> str:
        """The file's name."""
        return f"XYZ{CONTAINERS[self.container]}"


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Any layout that somebody writes."""
    header = draw(st.sampled_from(sorted(HEADERS)))
    named = header not in {"none", "two levels"}
    return Layout(
        draw(st.sampled_from(sorted(DATE_FORMS))),
        draw(st.sampled_from(sorted(NUMBER_FORMS))),
        draw(st.sampled_from(sorted(VOLUME_FORMS))),
        header,
        draw(st.sampled_from(",,;\t|")),
        draw(st.booleans()),
        draw(st.sampled_from(ENCODINGS.get(header, ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32")))),
        draw(st.sampled_from(["plain"] * len(CONTAINERS) + [*CONTAINERS])),
        draw(st.sampled_from(["\n", "\r\n"])),
        draw(st.sampled_from([(), (), ("Prices of XYZ",), ("https://www.example.com", "")])) if named else (),
        draw(st.sampled_from([(), (), ("", ""), ("Source: somebody",), ("Highest: 105 Lowest: 90",)])),
        named and draw(st.booleans()),
        named and draw(st.integers(0, 4)) == 0,
        named and draw(st.integers(0, 9)) == 0,
        named and draw(st.integers(0, 9)) == 0,
    )


def write(written: Written, layout: Layout) -> bytes:
    """The file."""
    text = _text(written, layout)
    # What an encoding lacks, a provider who uses it would not have written.
    try:
        data = text.encode(layout.encoding)
    except UnicodeEncodeError:
        data = text.encode("utf-8")
    return _contained(data, written, layout)


def _contained(data: bytes, written: Written, layout: Layout) -> bytes:
    if layout.container == "gzip":
        return gzip.compress(data, 1)
    if layout.container == "xz":
        return lzma.compress(data, preset=0)
    if layout.container == "bzip2":
        return bz2.compress(data, 1)
    stream = io.BytesIO()
    if layout.container == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("XYZ.csv", data)
    elif layout.container == "workbook":
        book = Workbook(write_only=True)
        sheet = book.create_sheet()
        for row in [*([line] for line in layout.above), *_lines(written, layout), *([line] for line in layout.below)]:
            sheet.append(row)
        book.save(stream)
    elif layout.container == "JSON" and layout.header != "two levels":
        lines = _lines(written, layout)
        names = _head(layout)
        records = [dict(zip(*names, row, strict=False)) for row in lines[1:]] if names else lines
        stream.write(json.dumps(records).encode())
    else:
        return data
    return stream.getvalue()


def _lines(written: Written, layout: Layout) -> list[Row]:
    """Header and rows, in the order of the file."""
    rows = _rows(written, layout)
    if layout.dividend:
        rows.insert(5, [rows[5][0], "0.17 Dividend"])
    if layout.newest_first:
        rows.reverse()
    head = _head(layout)
    if layout.header_again and head:
        rows.insert(len(rows) // 2, head[-1])
    return [*head, *rows]


def _text(written: Written, layout: Layout) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=layout.delimiter, lineterminator=layout.line_end)
    stream.write("".join(line + layout.line_end for line in layout.above))
    writer.writerows(_lines(written, layout))
    stream.write("".join(line + layout.line_end for line in layout.below))
    return stream.getvalue()


def _head(layout: Layout) -> list[Row]:
    if layout.header == "none":
        return []
    if layout.header == "two levels":
        fields = HEADERS["Yahoo"][1:]
        return [["Price", *fields], ["Ticker", *(["XYZ"] * len(fields))], ["Date", *([""] * len(fields))]]
    names = [*HEADERS[layout.header]]
    if layout.ticker_column:
        names.insert(1, "Symbol")
    return [[*names, "Change %"] if layout.change else names]


def _rows(written: Written, layout: Layout) -> list[Row]:
    day_of, price, volume = (
        DATE_FORMS[layout.date_form],
        NUMBER_FORMS[layout.number_form],
        VOLUME_FORMS[layout.volume_form],
    )
    changes = np.diff(np.log(written.close), prepend=np.log(written.close[0]))
    rows = []
    for at, day in enumerate(written.dates.astype(object).tolist()):
        prices = (written.open[at], written.high[at], written.low[at], written.close[at])
        row = [day_of(day), *(price(float(value)) for value in prices), volume(float(written.volume[at]))]
        if layout.ticker_column:
            row.insert(1, "XYZ")
        if layout.change:
            change = f"{100 * changes[at]:.2f}%"
            commas = layout.number_form in {"European", "decimal comma", "French"}
            row.append(change.replace(".", ",") if commas else change)
        rows.append(row)
    return rows
