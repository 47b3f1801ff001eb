"""The door: the days of a file are those of its exchange, compared with its sessions, and end where the time does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from stockcast import pipeline
from stockcast.config import PredictConfig
from stockcast.config.sources import ReadOptions
from stockcast.errors import DataError
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.history import History
from stockcast.prices.sessions import load_calendar
from tests import synthetic
from tests.pipeline.conftest import SetClock
from tests.progress import ProgressLog

LAST = date(2024, 5, 24)


@pytest.fixture(autouse=True)
def _clock(clock: SetClock) -> None:
    """It is months after the last bar."""
    clock(datetime(2024, 11, 29, 12, tzinfo=UTC))


def prices(exchange: str = "XNYS", sessions: int = 90, last: date = LAST) -> History:
    return synthetic.on_exchange("FAKE", last, sessions, calendar=exchange)


def written(path: Path, h: History, stamps: Sequence[object] | None = None) -> str:
    """The history in Yahoo's layout, its dates written as they are given."""
    synthetic.write_csv(path, h)
    header, *rows = path.read_text().splitlines()
    stamps = h.dates.tolist() if stamps is None else stamps
    cells = [f"{stamp},{row.partition(',')[2]}" for stamp, row in zip(stamps, rows, strict=True)]
    path.write_text("\n".join([header, *cells, ""]))
    return str(path)


def moments(h: History, zone: str, hour: int, minute: int = 0) -> list[datetime]:
    """When the clocks of a zone show a time of day on each of the days."""
    return [datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)) for day in h.dates.tolist()]


def loaded(source: str, log: ProgressLog | None = None, **said: object) -> PriceSeries:
    series = PriceSource(read=ReadOptions(**said)).load(source)  # type: ignore[arg-type]
    series.tell(log or ProgressLog(), detail=True)
    return series


def at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    monkeypatch.setenv("STOCKCAST_NOW", moment)


def test_a_file_that_fits_is_not_worth_a_word(tmp_path: Path) -> None:
    log = ProgressLog()
    series = loaded(written(tmp_path / "A.csv", prices()), log)
    assert log.notes == []
    assert (series.exchange, series.is_listed, series.history.last) == ("XNYS", False, LAST)


@pytest.mark.parametrize(
    ("name", "exchange", "following"),
    [("7203.T.csv", "XTKS", date(2024, 5, 27)), ("BTC-USD.csv", "24/7", date(2024, 5, 25)), ("X.L.csv", "XLON", None)],
)
def test_a_name_says_the_exchange(tmp_path: Path, name: str, exchange: str, following: date | None) -> None:
    log = ProgressLog()
    series = loaded(written(tmp_path / name, prices(exchange)), log)
    (note,) = log.notes
    assert f"it is taken to trade on {exchange}, as the ticker " in note
    assert series.exchange == exchange
    if following:
        assert series.calendar.next_sessions(series.history.last, 1) == (following,)


def test_what_the_user_says_overrules_the_name(tmp_path: Path) -> None:
    log = ProgressLog()
    series = loaded(written(tmp_path / "7203.T.csv", prices("XTKS")), log, exchange="XNYS")
    assert series.exchange == "XNYS"
    (note,) = log.notes
    assert "are on days without a session of XNYS" in note
    assert note.endswith("--exchange XTKS")


def test_a_column_of_tickers_says_it_too(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "prices.csv", prices("XTKS")))
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([f"{header},Ticker", *(f"{row},7203.T" for row in rows), ""]))
    assert loaded(str(path)).exchange == "XTKS"


@pytest.mark.parametrize(
    ("exchange", "zone", "hour"),
    [
        ("XPAR", "Europe/Paris", 0),
        ("XTKS", "Asia/Tokyo", 0),
        ("XASX", "Australia/Sydney", 10),
        ("XNYS", "America/New_York", 16),
    ],
)
@pytest.mark.parametrize("form", ["offset", "utc", "z", "epoch"])
def test_stamps_are_of_the_day_at_the_exchange(tmp_path: Path, exchange: str, zone: str, hour: int, form: str) -> None:
    h = prices(exchange)
    forms = {
        "offset": str,
        "utc": lambda stamp: str(stamp.astimezone(UTC)),
        "z": lambda stamp: f"{stamp.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "epoch": lambda stamp: int(stamp.timestamp()),
    }
    source = written(tmp_path / "stamps.csv", h, [forms[form](stamp) for stamp in moments(h, zone, hour)])
    log = ProgressLog()
    series = loaded(source, log, exchange=exchange)
    assert np.array_equal(series.history.dates, h.dates)
    assert log.notes == []


def test_bars_are_cut_by_the_day_at_the_exchange(tmp_path: Path) -> None:
    h = prices("XTKS")
    source = written(tmp_path / "utc.csv", h, [stamp.astimezone(UTC) for stamp in moments(h, "Asia/Tokyo", 0)])
    series = loaded(source, exchange="XTKS", start=h.session(10), end=h.session(-5))
    assert (series.history.first, series.history.last) == (h.session(10), h.session(-5))


def test_stamps_that_lost_their_zone_are_told(tmp_path: Path) -> None:
    h = prices("XTKS")
    shifted = [stamp.astimezone(UTC).date() for stamp in moments(h, "Asia/Tokyo", 0)]
    log = ProgressLog()
    loaded(written(tmp_path / "lost.csv", h, shifted), log, exchange="XTKS")
    (note,) = log.notes
    assert "none is on a Friday" in note
    assert "a day later they would fit" in note


def test_weekends_of_another_series_in_the_table_are_nobodys_bars(tmp_path: Path) -> None:
    h, coin = prices(), prices("24/7", 120)
    closes = dict(zip(h.dates.tolist(), h.close.tolist(), strict=True))
    rows = [
        f"{day},{closes.get(day, '')},{price!r}"
        for day, price in zip(coin.dates.tolist(), coin.close.tolist(), strict=True)
    ]
    path = tmp_path / "multi.csv"
    path.write_text("\n".join(["Price,Close,Close", "Ticker,AAA,BTC-USD", "Date,,", *rows, ""]))
    log = ProgressLog()
    series = loaded(str(path), log, ticker="AAA")
    assert (series.exchange, series.history.last) == ("XNYS", LAST)
    assert log.notes == []
    assert loaded(str(path), ticker="BTC-USD").exchange == "24/7"


def test_the_bar_of_a_session_that_runs_is_left_out_unless_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, log = written(tmp_path / "today.csv", prices()), ProgressLog()
    at(monkeypatch, "2024-05-24T19:59:00+00:00")
    assert loaded(source, log).history.last == date(2024, 5, 23)
    assert log.notes == [
        "today: The bar of 2024-05-24 was left out, its session still runs: --allow-running-bar keeps it."
    ]
    log = ProgressLog()
    assert loaded(source, log, allow_running_bar=True).history.last == LAST
    at(monkeypatch, "2024-05-24T20:00:00+00:00")
    assert loaded(source, log).history.last == LAST
    assert log.notes == []


def test_what_is_today_is_the_exchanges_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = written(tmp_path / "7203.T.csv", prices("XTKS"))
    at(monkeypatch, "2024-05-23T20:00:00+00:00")  # five in the morning of the 24th in Tokyo
    assert loaded(source).history.last == date(2024, 5, 23)
    at(monkeypatch, "2024-05-24T07:00:00+00:00")
    assert loaded(source).history.last == LAST


def test_bars_of_the_future_are_left_out_with_one_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    h, log = prices(), ProgressLog()
    source = written(tmp_path / "future.csv", h)
    at(monkeypatch, f"{h.session(79) + timedelta(days=1)}T03:00:00+00:00")
    series = loaded(source, log)
    assert series.history.last == h.session(79)
    assert series.age == 0
    (note,) = log.notes
    assert note.startswith(f"future: 10 bars after today, {h.session(79)}, were left out: {h.session(80)}, ")
    at(monkeypatch, "2020-01-01T12:00:00+00:00")
    with pytest.raises(DataError, match="has no bar that is over"):
        loaded(source)


def test_a_bar_that_is_not_kept_is_not_even_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(written(tmp_path / "broken.csv", prices()))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], lines[-1].replace(",", ",-", 6), ""]))
    at(monkeypatch, "2024-05-24T15:00:00+00:00")
    assert loaded(str(path)).history.last == date(2024, 5, 23)


def test_a_newest_row_without_a_close_is_told(tmp_path: Path) -> None:
    path, log = Path(written(tmp_path / "null.csv", prices())), ProgressLog()
    path.write_text(f"{path.read_text()}2024-05-28,null,null,null,null,null,null\n")
    assert loaded(str(path), log).history.last == LAST
    (note,) = log.notes
    assert note.startswith("null: 2024-05-28 has no close")


def test_a_frame_is_compared_as_a_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from stockcast.api.prices import series_in

    h = prices("24/7")
    frame = pd.DataFrame({"unique_id": "BTC-USD", "ds": h.dates.astype("datetime64[s]"), "y": h.close})
    at(monkeypatch, "2024-05-24T12:00:00+00:00")
    (series,) = series_in(frame)
    log = ProgressLog()
    series.tell(log)
    assert (series.exchange, series.history.last) == ("24/7", date(2024, 5, 23))
    assert len(log.notes) >= 2


@pytest.mark.parametrize(("name", "following"), [("BTC-USD.csv", "2024-05-25"), ("AAA.csv", "2024-05-28")])
def test_the_general_model_forecasts_the_next_session_of_the_files_own_exchange(
    tmp_path: Path, name: str, following: str
) -> None:
    h = prices("24/7" if "BTC" in name else "XNYS")
    (made,) = pipeline.predict(
        written(tmp_path / name, h), ReadOptions(), PredictConfig(model="general"), tmp_path, ProgressLog()
    )
    assert str(made.target_session) == following


def test_the_calendar_of_the_model_is_what_a_file_is_taken_for(tmp_path: Path) -> None:
    known = load_calendar("XLON", date(2020, 1, 1), date(2026, 1, 1))
    door = PriceSource().beside(lambda _ticker, _last: known)
    series = door.load(written(tmp_path / "A.csv", prices("XLON")))
    assert series.calendar is known
    assert not series.is_listed
    said = door.taken_for("XLON").load(str(tmp_path / "A.csv"))
    assert (said.calendar, said.is_listed) == (known, True)


def test_a_pool_takes_the_exchange_that_its_files_name(tmp_path: Path) -> None:
    tokyo = [written(tmp_path / f"{name}.T.csv", prices("XTKS")) for name in ("7203", "6758")]
    log = ProgressLog()
    gathered = pipeline.gather(PriceSource(), [*tokyo, written(tmp_path / "VOD.L.csv", prices("XLON"))], log)
    assert gathered.exchange == "XTKS"
    assert dict(gathered.left_out) == {"VOD.L": "XLON"}
    assert replace(gathered, left_out={}).pool().calendar.exchange == "XTKS"


def test_in_python_weekdays_that_never_come_are_a_warning() -> None:
    from stockcast.api.prices import series_in

    h = prices("XTKS")
    days = [stamp.astimezone(UTC).date() for stamp in moments(h, "Asia/Tokyo", 0)]
    frame = pd.DataFrame({"unique_id": "AAA", "ds": pd.to_datetime(days), "y": h.close})
    with pytest.warns(UserWarning, match="none is on a Friday") as told:
        series_in(frame)
    assert "ReadOptions(exchange=" in str(told[0].message)
