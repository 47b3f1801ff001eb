"""Frames of pandas: what is taken, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast import History, ReadOptions, load, to_frame, to_histories
from stockcast.api.prices import door_of, series_in
from stockcast.errors import DataError, StockcastError
from stockcast.pipeline.markets import MarketSource
from stockcast.prices.csvfile import read
from stockcast.progress import Silent
from tests import synthetic

DATA = Path(__file__).parents[1] / "data"
HISTORY = synthetic.history(60)
DAYS = pd.bdate_range("2024-01-01", periods=5)


def long(**columns: object) -> pd.DataFrame:
    """Five sessions of one series; columns replace and add."""
    return pd.DataFrame({"unique_id": "ABC", "ds": DAYS, "y": [10.0, 10.1, 10.2, 10.1, 10.3], **columns})


@pytest.mark.parametrize("name", ["GSPC", "IXIC", "GOOG"])
def test_a_files_bars_survive_the_way_through_a_frame(name: str) -> None:
    there = read(str(DATA / f"{name}.csv"))
    [back] = to_histories(to_frame([there]))
    assert back.ticker == name
    assert back.sha256() == there.sha256()
    np.testing.assert_array_equal(back.adjusted_close, there.adjusted_close)


def test_series_of_different_columns_share_a_frame_and_keep_what_they_had() -> None:
    closes = History("CLOSES", HISTORY.dates[:50], HISTORY.close[:50], HISTORY.adjusted_close[:50])
    frame = to_frame([HISTORY, closes])
    assert frame.columns.tolist() == [
        "unique_id", "ds", "y", "adjusted_close", "open", "high", "low", "volume",
    ]  # fmt: skip
    whole, bare = to_histories(frame)
    assert (whole.ticker, bare.ticker) == ("FAKE", "CLOSES")
    assert (whole.sha256(), bare.sha256()) == (HISTORY.sha256(), closes.sha256())
    assert bare.open is None
    assert bare.volume is None


@pytest.mark.parametrize("form", ["{t}.{f}", "{f}_{t}", "('{f}', '{t}')"])
@pytest.mark.parametrize("date_name", ["Date", None])
def test_tickers_in_the_names_of_columns_are_series(form: str, date_name: str | None) -> None:
    fields = {"Close": HISTORY.close, "High": HISTORY.high, "Low": HISTORY.low, "Open": HISTORY.open}
    columns = {form.format(f=field, t=t): values for t in ("ABC", "XYZ") for field, values in fields.items()}
    frame = pd.DataFrame(columns, pd.DatetimeIndex(HISTORY.dates.astype("datetime64[s]")))
    if date_name is not None:
        frame = frame.rename_axis(date_name).reset_index()
    for found, ticker in zip(to_histories(frame), ("ABC", "XYZ"), strict=True):
        assert found.ticker == ticker
        np.testing.assert_array_equal(found.close, HISTORY.close)
        np.testing.assert_array_equal(found.open, HISTORY.open)


def test_splits_of_closes_as_traded_come_along() -> None:
    close = np.array([100.0, 101.0, 50.5, 50.0, 51.0])
    splits = np.array([1.0, 1.0, 2.0, 1.0, 1.0])
    [there] = to_histories(long(y=close, split_factor=splits))
    assert there.splits is not None
    np.testing.assert_allclose(there.adjusted_close, close * np.cumprod(splits))
    [back] = to_histories(to_frame([there]))
    assert back.sha256() == there.sha256()
    np.testing.assert_array_equal(back.splits, there.splits)


def test_an_empty_list_is_an_empty_frame() -> None:
    assert to_frame([]).columns.tolist() == ["unique_id", "ds", "y"]


def test_names_of_other_providers_are_known_whatever_their_case() -> None:
    frame = pd.DataFrame({"Date": DAYS, "Symbol": "ABC", "Close": np.arange(10.0, 15), "Adj Close": np.arange(5.0, 10)})
    [history] = to_histories(frame)
    assert (history.ticker, history.close[0], history.adjusted_close[0]) == ("ABC", 10.0, 5.0)


def test_dates_and_ids_may_stand_in_the_index() -> None:
    indexed = long().set_index(["unique_id", "ds"])
    by_day = long().set_index("ds").drop(columns="unique_id")
    unnamed = by_day.rename_axis(None)
    for frame, ticker in ((indexed, "ABC"), (by_day, "series"), (unnamed, "series")):
        [history] = to_histories(frame)
        assert (history.ticker, history.first) == (ticker, date(2024, 1, 1))


def test_tickers_over_the_columns_become_series_and_sessions_without_bars_go() -> None:
    close = pd.DataFrame({"AAA": np.arange(10.0, 15), "BBB": [np.nan, np.nan, 20.0, 21.0, 22.0]}, index=DAYS)
    wide = pd.concat({"Close": close, "Open": close}, axis=1)
    for frame in (wide.rename_axis("Date"), wide, wide.swaplevel(axis=1)):
        first, second = to_histories(frame)
        assert (first.ticker, len(first), second.ticker, len(second)) == ("AAA", 5, "BBB", 3)
        assert second.close.tolist() == [20.0, 21.0, 22.0]
        assert second.open is not None


@pytest.mark.parametrize("kind", ["object", "category", "string", "string[pyarrow]"])
@pytest.mark.parametrize(
    "days",
    ["datetime64[s]", "datetime64[us]", "datetime64[ns]", "date", "text", "category", "zone", "timestamp[ns][pyarrow]"],
)
def test_the_types_in_which_others_keep_names_and_dates_say_the_same(kind: str, days: str) -> None:
    frame = pd.concat([long(), long(unique_id="DEF")], ignore_index=True)
    written = {
        "date": lambda ds: ds.dt.date,
        "text": lambda ds: ds.dt.strftime("%Y-%m-%d"),
        "category": lambda ds: ds.astype("category"),
        "zone": lambda ds: (ds + pd.Timedelta(hours=16)).dt.tz_localize("America/New_York"),
    }.get(days, lambda ds: ds.astype(days))
    for y in (
        frame["y"],
        frame["y"].astype("float32"),
        frame["y"].astype("Float64"),
        frame["y"].astype("double[pyarrow]"),
    ):
        other = frame.assign(unique_id=frame["unique_id"].astype(kind), ds=written(frame["ds"]), y=y)
        found = to_histories(other)
        assert [history.ticker for history in found] == ["ABC", "DEF"]
        for history in found:
            assert history.dates.astype(str).tolist() == [str(day.date()) for day in DAYS]
            np.testing.assert_allclose(history.close, frame["y"][:5], rtol=1e-6)


def test_series_that_take_turns_are_told_apart_in_the_order_in_which_they_begin() -> None:
    rows = [long(unique_id=name).iloc[[day]] for day in range(5) for name in ("B", "A", "C")]
    found = to_histories(pd.concat(rows, ignore_index=True))
    assert [history.ticker for history in found] == ["B", "A", "C"]
    assert {len(history) for history in found} == {5}


TOKYO = synthetic.on_exchange("ABC", date(2024, 12, 30), 300, calendar="XTKS")
HOME = synthetic.on_exchange("ABC", date(2024, 12, 31), 300)


def at(history: History, time: str, zone: str, written: str) -> pd.DataFrame:
    """A frame whose stamps are of a time of day in a zone, written in another one."""
    ds = pd.DatetimeIndex([f"{day} {time}" for day in history.dates]).tz_localize(zone).tz_convert(written)
    return pd.DataFrame({"unique_id": "ABC", "ds": ds, "y": history.close})


@pytest.mark.parametrize("written", ["UTC", "Asia/Tokyo", "+09:00"])
@pytest.mark.parametrize("time", ["00:00", "15:00"])
def test_moments_are_of_the_day_at_the_exchange_that_they_tell_and_that_is_told(time: str, written: str) -> None:
    frame = at(TOKYO, time, "Asia/Tokyo", written)
    gap = pd.DataFrame({"unique_id": "ABC", "ds": frame["ds"].iloc[[-1]] + pd.Timedelta(days=5), "y": np.nan})
    with pytest.warns(UserWarning, match=r"ABC: it is taken to trade on XTKS, as stamps .* say; for another one"):
        [history] = to_histories(pd.concat([frame, gap], ignore_index=True))
    np.testing.assert_array_equal(history.dates, TOKYO.dates)
    with pytest.warns(UserWarning, match="XTKS"):
        [cut] = to_histories(frame, TOKYO.session(200))
    assert cut.last == TOKYO.session(200)
    with pytest.warns(UserWarning, match=r'XTKS.*; read=ReadOptions\(exchange="CODE"\) names another'):
        [series] = series_in(frame)
    np.testing.assert_array_equal(series.history.dates, TOKYO.dates)
    assert series.exchange == "XTKS"
    [said] = series_in(frame, read=ReadOptions(exchange="XTKS"))
    np.testing.assert_array_equal(said.history.dates, TOKYO.dates)


@pytest.mark.parametrize("written", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_an_evening_in_new_york_is_of_that_day_wherever_it_is_written(written: str) -> None:
    frame = at(HOME, "20:30", "America/New_York", written)
    for [history] in (to_histories(frame), [series_in(frame)[0].history]):
        np.testing.assert_array_equal(history.dates, HOME.dates)


def test_midnights_in_utc_are_days() -> None:
    frame = at(TOKYO, "00:00", "UTC", "UTC")
    np.testing.assert_array_equal(to_histories(frame)[0].dates, TOKYO.dates)


def test_a_close_beside_y_has_to_be_the_same() -> None:
    [history] = to_histories(long(close=long()["y"]))
    assert history.close[0] == 10.0
    with pytest.raises(DataError, match=r"row 0: y is 10 and close is 9, and y is the close"):
        to_histories(long(close=[9.0] * 5))


def test_bars_after_the_end_are_not_even_checked() -> None:
    frame = long()
    frame.loc[4, "y"] = -1.0
    [history] = to_histories(frame, date(2024, 1, 4))
    assert len(history) == 4
    with pytest.raises(DataError, match="ABC in the frame, row 4"):
        to_histories(frame)
    with pytest.raises(DataError, match="ABC has no bar up to 2023-01-01: its first is of 2024-01-01"):
        to_histories(frame, date(2023, 1, 1))


def test_series_that_begin_later_or_cannot_be_used_are_left_out_where_others_do() -> None:
    later = long(unique_id="LATER", ds=DAYS + pd.Timedelta(days=70))
    bad = long(unique_id="BAD", y=-1.0)
    door, names = door_of(pd.concat([later, bad, long()], ignore_index=True), ReadOptions(), None)
    found = list(MarketSource(door, names)._read(names, door.until(date(2024, 1, 5)), Silent()))
    assert [series.history.ticker for series in found] == ["ABC"]


def test_bars_of_a_frame_after_a_day_are_cut_before_anything_is_checked() -> None:
    door, _ = door_of(long(y=[10.0, 10.1, 10.2, -1.0, 10.3]), ReadOptions(), None)
    assert door.until(date(2024, 1, 3)).load("ABC").history.close.tolist() == [10.0, 10.1, 10.2]
    with pytest.raises(DataError, match="row 3"):
        door.load("ABC")


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (long().drop(columns="y"), "no column of closes, such as y; its columns: unique_id, ds"),
        (long().drop(columns="ds"), "no column of sessions, such as ds; its columns: unique_id, y"),
        (long().head(0), "has no rows"),
        (pd.DataFrame(), "no column of sessions, such as ds"),
        (None, "None is no pandas frame"),
        ([1.0], "a list is no pandas frame"),
        (long(unique_id=["ABC", " ", "ABC", "ABC", "ABC"]), "row 1: unique_id is missing"),
        (long(y=True), "y does not hold numbers; its first is True"),
        (long(y=DAYS), "y does not hold numbers; its first is 2024-01-01"),
        (long(y=np.nan), "ABC in the frame has no close in 5 of 5 rows"),
        (long(y=np.inf), "the close is inf, and prices are positive"),
        (long(ds=DAYS[[0, 0, 1, 2, 3]]), r"different bars for 2024-01-01 \(rows 0 and 1\)"),
        (long(ds=range(5)), "ds does not hold dates; its first is 0"),
        (long(ds=["1/2/2024"] * 5), "row 0: ds '1/2/2024' is not a date between 1800 and 2200"),
        (long(ds=["2024-01-01T00:00+01:00", "2024-01-02T00:00-05:00", *map(str, DAYS[2:])]), "cannot be read as dates"),
        (long(ds=[*map(str, DAYS[:4]), "soon"]), "row 4: ds 'soon' is not a date"),
        (long(y=["10", "10.1", "?", "10", "10"]), r"row 2: y '\?' is not a number"),
        (long(unique_id=["ABC", None, "ABC", "ABC", "ABC"]), "row 1: unique_id is missing"),
        (long(y=[10.0, 10.1, -3.0, 10.1, 10.3]), r"ABC in the frame, row 2 \(2024-01-03\): the close is -3"),
        (long().assign(Open=1.0, open=1.0), "2 columns named Open"),
        (pd.DataFrame({("a", "x"): [1.0], ("b", "x"): [2.0]}), "neither level"),
        (pd.DataFrame({("Close", "x", "u"): [1.0]}), "3 levels of columns"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_row(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message) as refused:
        to_histories(frame)
    assert "--" not in refused.value.hint


def test_files_are_loaded_into_one_frame_cut_as_asked() -> None:
    frame = load(
        [DATA / "GOOG.csv", str(DATA / "GSPC.csv")], start=date(2012, 1, 3), end=date(2012, 1, 5), read=ReadOptions()
    )
    assert frame["unique_id"].tolist() == ["GOOG"] * 3 + ["GSPC"] * 3
    assert frame["ds"].dt.date.tolist() == [date(2012, 1, day) for day in (3, 4, 5)] * 2


def test_a_path_is_a_file_even_without_a_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthetic.write_csv(tmp_path / "ABC", HISTORY)
    monkeypatch.chdir(tmp_path)
    assert load(Path("ABC"))["unique_id"].unique().tolist() == ["ABC"]


CELLS = st.one_of(st.none(), st.floats(), st.text(max_size=3), st.dates(), st.booleans())


@settings(max_examples=60)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6), st.permutations(["unique_id", "ds", "y"]))
def test_whatever_the_cells_the_answer_is_histories_or_an_error_of_ours(
    rows: list[tuple[object, ...]], names: list[str]
) -> None:
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    try:
        histories = to_histories(frame)
    except StockcastError:
        return
    assert all(np.isfinite(history.close).all() for history in histories)
