"""Price files in Parquet, as pandas and others write them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stockcast.errors import DataError
from stockcast.prices.csvfile import ReadOptions, read
from stockcast.prices.history import History
from tests.processes import packages_loaded

DAYS = [date(2021, 4, 13), date(2021, 4, 14)]


def saved(folder: Path, table: pa.Table) -> History:
    path = folder / "AAPL.parquet"
    pq.write_table(table, path)
    return read(str(path))


@pytest.mark.parametrize(
    "days",
    [
        pa.array(DAYS),
        pa.array([datetime(2021, 4, 13), datetime(2021, 4, 14)], pa.timestamp("ns")),  # noqa: DTZ001
        pa.array(["2021-04-13", "2021-04-14"]),
        pa.array([20210413, 20210414]),
        # Midnight in Tokyo is the day before in UTC.
        pa.array([1618239600, 1618326000], pa.timestamp("s", "Asia/Tokyo")),
    ],
)
def test_dates_of_every_type_are_days_at_the_exchange(tmp_path: Path, days: pa.Array) -> None:
    history = saved(tmp_path, pa.table({"date": days, "close": [1.0, 1.2], "volume": pa.array([5, None])}))
    assert [history.first, history.last] == DAYS
    assert history.ticker == "AAPL"
    assert history.close.tolist() == [1.0, 1.2]
    assert history.volume is not None
    assert history.volume.tolist() == pytest.approx([5.0, float("nan")], nan_ok=True)


def test_an_index_is_a_date_column(tmp_path: Path) -> None:
    path = tmp_path / "AAPL.parquet"
    for name in ("Date", None):
        index = pd.DatetimeIndex(DAYS, name=name)
        pd.DataFrame({"Close": [1.0, 1.2], "Adj Close": [0.5, 0.6]}, index).to_parquet(path)
        history = read(str(path))
        assert history.first == DAYS[0]
        assert history.adjusted_close.tolist() == [0.5, 0.6]


def test_columns_of_two_levels_are_chosen_by_ticker(tmp_path: Path) -> None:
    path = tmp_path / "both.parquet"
    frame = pd.DataFrame([[1.0, 5.0], [2.0, 6.0]], pd.DatetimeIndex(DAYS, name="Date"))
    frame.columns = pd.MultiIndex.from_tuples([("Close", "AAPL"), ("Close", "MSFT")])
    frame.to_parquet(path)
    assert read(str(path), ReadOptions(ticker="MSFT")).close.tolist() == [5.0, 6.0]
    with pytest.raises(DataError, match="2 tickers"):
        read(str(path))


def test_start_and_end_cut_typed_columns(tmp_path: Path) -> None:
    path = tmp_path / "AAPL.parquet"
    days = [date(2021, 4, day) for day in (12, 13, 14, 15)]
    pq.write_table(pa.table({"date": days, "close": [-1.0, 1.0, 1.2, 3.0]}), path)
    assert read(str(path), ReadOptions(start=DAYS[0], end=DAYS[1])).close.tolist() == [1.0, 1.2]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"date": DAYS, "close": [1.0, -2.0]}), r"row 2 \(2021-04-14\): the close is -2"),
        (pa.table({"date": [DAYS[0], None], "close": [1.0, 1.2]}), "row 2: date NaT is not a date"),
        (pa.table({"date": DAYS, "close": ["1.5", "1y"]}), "row 2: close '1y' is not a number"),
        (pa.table({"date": DAYS, "close": [[1.0], [2.0]]}), "row 1: close .* is not a number"),
        (pa.table({"date": pa.array([], pa.date32()), "close": pa.array([], pa.float64())}), "has no rows"),
        (pa.table({"close": [1.0, 1.2]}), "no column that is a date"),
        (pa.table({"a": [None, None], "b": [1.0, 1.2]}), "no column that is a date; its columns: a, b"),
    ],
)
def test_a_damaged_table_is_refused_with_its_row(tmp_path: Path, table: pa.Table, message: str) -> None:
    with pytest.raises(DataError, match=message):
        saved(tmp_path, table)


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "AAPL.parquet"
    path.write_text("Date,Close\n")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read(str(path))


def test_a_page_that_names_a_word_that_its_dictionary_lacks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "AAPL.parquet"
    words = pa.array(["2021-04-13", "2021-04-14", "2021-04-15"] * 8)
    pq.write_table(pa.table({"date": words, "close": [1.0] * 24}), path, compression="none")
    places = bytes([0b00100100, 0b01001001, 0b10010010])  # 0, 1, 2, 0, 1, 2, ... of two bits each
    assert places in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(places, b"\xff" * 3))
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read(str(path))


def test_parquet_is_read_without_pandas(tmp_path: Path) -> None:
    path = tmp_path / "AAPL.parquet"
    pq.write_table(pa.table({"date": DAYS, "close": [1.0, 1.2]}), path)
    assert "pandas" not in packages_loaded(code=f"from stockcast.prices.csvfile import read; read({str(path)!r})")
