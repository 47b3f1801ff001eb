"""Dates of reports in Python: a frame, what yfinance returns, or a file that the model remembers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stockcast import fit, predict, to_frame
from stockcast.api.frames import to_event_table
from stockcast.api.prices import events_said, series_in
from stockcast.config.sources import ReadOptions
from stockcast.errors import ConfigError, DataError
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN
from tests import synthetic
from tests.pipeline.indexed import CONFIG, HISTORY

DAYS = HISTORY.dates[[100, 163, 226]].astype("datetime64[s]")
PRICES = to_frame([HISTORY])


def told(frame: pd.DataFrame, ticker: str = "FAKE") -> list[tuple[str, str]]:
    found = to_event_table(frame).of_ticker(ticker, "XNYS")
    assert found is not None
    assert (found.source, found.taken) == ("frame", None)
    return list(zip(found.days.astype(str).tolist(), found.whens, strict=True))


def test_a_frame_has_days_hours_and_whose_they_are() -> None:
    frame = pd.DataFrame({"unique_id": ["FAKE", "FAKE", "OTHER"], "ds": DAYS, "when": ["amc", None, "bmo"]})
    days = np.datetime_as_string(DAYS, unit="D").tolist()
    assert told(frame) == [(days[0], AFTER), (days[1], UNKNOWN)]
    assert told(frame, "OTHER") == [(days[2], BEFORE)]


def test_what_yfinance_returns_is_read_as_it_is() -> None:
    index = pd.DatetimeIndex(["2021-04-28 16:00", "2021-01-27 07:00"], tz="America/New_York", name="Earnings Date")
    frame = pd.DataFrame({"EPS Estimate": [1.0, 1.1], "Reported EPS": [np.nan, 1.2]}, index=index)
    assert told(frame) == [("2021-01-27", BEFORE), ("2021-04-28", AFTER)]


def test_what_is_no_frame_of_dates_is_refused() -> None:
    with pytest.raises(DataError, match="no column of dates"):
        to_event_table(pd.DataFrame({"a": ["x"]}))
    with pytest.raises(DataError, match="row 1: 'soon' is no hour"):
        to_event_table(pd.DataFrame({"date": ["2021-01-27"], "when": ["soon"]}))
    with pytest.raises(ConfigError, match="events is 3"):
        to_event_table(3)  # type: ignore[arg-type]


def test_dates_go_with_a_frame_of_prices_and_a_file_is_remembered(tmp_path: Path) -> None:
    frame = pd.DataFrame({"date": DAYS, "when": "amc"})
    read, table = events_said(ReadOptions(), frame)
    (series,) = series_in(PRICES, read=read, table=table)
    assert series.history.events is not None
    assert series.history.events.newest.days.tolist() == DAYS.astype("datetime64[D]").tolist()
    frame.to_csv(tmp_path / "events.csv", index=False)
    with synthetic.only_baselines("random-walk", "har-t"):
        by_frame = fit(PRICES, CONFIG, events=frame)
        by_file = fit(PRICES, CONFIG, events=tmp_path / "events.csv")
    assert by_file.file.manifest["reading"]["events"] == str(tmp_path / "events.csv")
    assert "reading" not in by_frame.file.manifest
    assert by_frame.model_id == by_file.model_id
    given = predict(by_frame, PRICES, events=frame)
    pd.testing.assert_frame_equal(given, predict(by_frame, PRICES, events=tmp_path / "events.csv"))
