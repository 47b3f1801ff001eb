"""Hand-built findings of `check`: a plain file, and one with everything that there is to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from stockcast.results import CheckedFile, SomeDays, SomeRows

_DAY = date(2021, 1, 4)
PLAIN = CheckedFile(
    source="prices/AAPL.csv",
    ticker="AAPL",
    form="CSV",
    encoding="UTF-8",
    delimiter=",",
    date_column="Date",
    date_form="%Y-%m-%d",
    date_example="2021-01-04",
    days="days as they are written",
    columns={"close": "Close", "adjusted_close": "Adj Close", "volume": "Volume"},
    unread=(),
    exchange="XNYS",
    exchange_reason="as nothing says otherwise",
    bars=1258,
    first=_DAY,
    last=date(2025, 12, 31),
    missing=SomeDays(0, ()),
    extra=SomeDays(0, ()),
    left_out=(),
    splits={},
    tick=0.01,
    warnings=(),
    notes=(),
    read_with="",
)
ODD = replace(
    PLAIN,
    source="kurse.csv",
    encoding="cp949",
    delimiter=";",
    days="moments (+09:00), of the days on the clock of Asia/Tokyo",
    unread=("Mark", "Change %"),
    exchange="XTKS",
    exchange_reason="as stamps at +09:00 say",
    missing=SomeDays(30, tuple(_DAY + timedelta(n) for n in range(20))),
    extra=SomeDays(1, (_DAY,)),
    left_out=(SomeRows("of dividends or splits", 12, tuple(range(7, 19))), SomeRows("of zeros", 1, (40,))),
    splits={"2022-06-06": 4.0, "2024-06-10": 10.0},
    tick=None,
    warnings=("13 rows that are no bars were left out.",),
    notes=("No adjusted close: dividends are not accounted for.",),
    read_with="--decimal comma --start 2021-01-04",
)
