"""Dates of reports on their way into a history: from a file, for files and frames."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import PredictConfig
from stockcast.errors import ConfigError, DataError
from stockcast.pipeline.series import GivenSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.events import AFTER
from stockcast.progress import Silent
from tests import synthetic
from tests.pipeline.indexed import CONFIG, HISTORY
from tests.progress import ProgressLog

DAYS = [str(HISTORY.dates[row]) for row in (100, 163, 226)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """FAKE.csv, and the dates of its reports."""
    synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY)
    (tmp_path / "events.csv").write_text("".join(["ticker,date,when\n", *(f"FAKE,{day},amc\n" for day in DAYS)]))
    return tmp_path


def read(folder: Path, **said: str | bool) -> ReadOptions:
    return ReadOptions(events=str(folder / "events.csv"), **said)  # type: ignore[arg-type]


def test_a_file_of_dates_goes_with_a_file_of_prices(folder: Path) -> None:
    series = PriceSource(read=read(folder)).load(str(folder / "FAKE.csv"))
    known = series.history.events
    assert known is not None
    assert known.newest.days.astype(str).tolist() == DAYS
    assert set(known.newest.whens) == {AFTER}
    assert known.newest.source == str(folder / "events.csv")
    assert known.newest.taken is None
    assert known.calendar.exchange == series.exchange
    assert PriceSource().load(str(folder / "FAKE.csv")).history.events is None


def test_dates_are_at_the_exchange_that_the_prices_are_taken_for(folder: Path) -> None:
    series = PriceSource(read=read(folder)).load(str(folder / "FAKE.csv")).at("XLON")
    assert series.history.events is not None
    assert series.history.events.calendar.exchange == "XLON"


def test_a_file_without_the_ticker_is_told_and_the_prices_go_without(folder: Path) -> None:
    (folder / "events.csv").write_text("ticker,date\nOTHER,2014-01-02\n")
    log = ProgressLog()
    assert PriceSource(read=read(folder)).load(str(folder / "FAKE.csv"), log).history.events is None
    (note,) = [note for note in log.notes if "no date of it" in note]
    assert note.startswith("FAKE: ")
    assert "its tickers: OTHER" in note


@pytest.mark.parametrize(
    ("content", "words", "advice"),
    [
        (b"", "events.csv is empty", ""),
        (bytes(range(256)) * 9, "its bytes are not text", ""),
        (b"date,when\n2014-01-02,soon\n", "row 2: 'soon' is no hour of a report", "or a time such as 16:30; "),
    ],
)
def test_what_is_wrong_with_the_file_is_said_with_what_to_do(
    folder: Path, content: bytes, words: str, advice: str
) -> None:  # fmt: skip
    (folder / "events.csv").write_bytes(content)
    with pytest.raises(DataError) as refused:
        PriceSource(read=read(folder)).load(str(folder / "FAKE.csv"))
    assert refused.value.message.startswith("the dates of reports: ")
    assert words in refused.value.message
    assert refused.value.hint.endswith(f"{advice}--events names another file, and --no-events goes without")
    assert "price" not in refused.value.hint


def test_the_hash_of_the_bars_is_the_same_with_dates(folder: Path) -> None:
    with_dates = PriceSource(read=read(folder)).load(str(folder / "FAKE.csv")).history
    assert with_dates.sha256() == PriceSource().load(str(folder / "FAKE.csv")).history.sha256()


def test_a_series_that_is_given_brings_its_dates_or_none(folder: Path) -> None:
    reporting = synthetic.reporting(HISTORY)
    door = PriceSource(given={"FAKE": GivenSeries.of(reporting)})
    assert door.load("FAKE").history.events is not None
    assert replace(door, read=ReadOptions(no_events=True)).load("FAKE").history.events is None
    named = replace(door, read=read(folder)).load("FAKE").history.events
    assert named is not None
    assert named.newest.days.astype(str).tolist() == DAYS


def test_a_file_and_no_dates_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="two ways"):
        ReadOptions(events="a.csv", no_events=True)


def test_what_is_said_goes_before_what_is_remembered() -> None:
    kept = ReadOptions(events="/a.csv", decimal="comma")
    assert ReadOptions().over(kept) == kept
    assert ReadOptions(events="b.csv").over(kept).events == "b.csv"
    assert ReadOptions(no_events=True).over(kept) == ReadOptions(no_events=True, decimal="comma")
    assert ReadOptions(events="b.csv").over(ReadOptions(no_events=True)) == ReadOptions(events="b.csv")
    assert ReadOptions(no_events=True).lasting == ReadOptions(no_events=True)


def test_a_model_remembers_the_file_and_says_where_it_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    with synthetic.only_baselines("random-walk", "har-t"):
        relative = ReadOptions(events="events.csv")
        pipeline.train("FAKE.csv", relative, CONFIG, folder / "home", None, Silent())
    manifest = json.loads((folder / "home/models/FAKE/manifest.json").read_text())
    assert manifest["reading"] == {"events": str(folder / "events.csv")}

    def predict(said: ReadOptions) -> float:
        return pipeline.predict("FAKE.csv", said, PredictConfig(), folder / "home", Silent())[-1].scale

    known = predict(ReadOptions())
    assert predict(relative) == known
    (folder / "events.csv").rename(folder / "moved.csv")
    with pytest.raises(DataError, match="there is no file") as missing:
        predict(ReadOptions())
    assert "--events names another file" in missing.value.hint
    assert predict(ReadOptions(events="moved.csv")) == known
    predict(ReadOptions(no_events=True))


def test_members_of_a_pool_have_their_own_dates(tmp_path: Path) -> None:
    names = ["AAA", "BBB", "CCC"]
    for seed, name in enumerate(names):
        synthetic.write_csv(tmp_path / f"{name}.csv", synthetic.history(300, seed=seed, ticker=name))
    (tmp_path / "events.csv").write_text("ticker,date\nAAA,2012-05-02\nBBB,2012-05-03\n")
    gathered = pipeline.gather(
        PriceSource(read=read(tmp_path)), [str(tmp_path / f"{name}.csv") for name in names], Silent()
    )
    pool = gathered.pool()
    found = {member.ticker: member.history.events for member in pool.members}
    assert found["CCC"] is None
    assert found["AAA"] is not None
    assert found["BBB"] is not None
    assert found["AAA"].newest.days.tolist() == [date(2012, 5, 2)]
    assert found["BBB"].newest.days.tolist() == [date(2012, 5, 3)]
    assert found["AAA"].calendar is pool.calendar
    assert np.isin(pool.members[0].own.names, pool.members[2].own.names).all()
