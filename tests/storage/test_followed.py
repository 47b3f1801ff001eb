"""What a run writes after the ledger: files that follow it whatever happened to the run before."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stockcast.config.runs import OutputConfig
from stockcast.errors import StorageError
from stockcast.forecasts import ForecastEvent
from stockcast.progress import Silent
from stockcast.storage import outputs
from stockcast.storage.database import Database
from stockcast.storage.ledger import recording
from tests.pipeline.records import FRI, MON, TUE, WED, evening, record
from tests.progress import ProgressLog
from tests.storage.entries import entry

TICKERS = ("AAPL",)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(db: Database, config: OutputConfig, log: ProgressLog | None = None) -> tuple[str, ...]:
    return outputs.follow_ledger(db, config, TICKERS, log or Silent())


@pytest.fixture
def config(tmp_path: Path) -> OutputConfig:
    return OutputConfig(folder=tmp_path / "out")


def test_files_follow_the_ledger(db: Database, config: OutputConfig) -> None:
    assert config.jsonl_path is not None
    assert config.csv_path is not None
    record(db, MON)
    assert len(write(db, config)) == 3
    record(db, TUE, kind="replay")
    record(db, WED)
    assert write(db, config) == tuple(map(str, (config.jsonl_path, config.csv_path, config.latest_path)))
    assert [line["origin"] for line in lines(config.jsonl_path)] == [MON.isoformat(), WED.isoformat()]
    with config.csv_path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["origin"], row["q0.95"]) for row in rows] == [
        (str(line["id"]), line["origin"], str(line["quantiles"]["0.95"])) for line in lines(config.jsonl_path)
    ]


def test_what_is_up_to_date_is_not_touched(db: Database, config: OutputConfig) -> None:
    record(db, MON)
    files = [Path(name) for name in write(db, config)]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert write(db, config) == ()
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


def test_what_a_killed_run_did_not_write_the_next_one_does(db: Database, config: OutputConfig) -> None:
    assert config.jsonl_path is not None
    assert config.csv_path is not None
    record(db, MON, TUE, WED)
    write(db, config)
    whole = [config.jsonl_path.read_bytes(), config.csv_path.read_bytes()]
    config.jsonl_path.write_bytes(whole[0][: len(whole[0]) // 2])
    config.csv_path.unlink()
    assert write(db, config) == (str(config.jsonl_path), str(config.csv_path))
    assert [config.jsonl_path.read_bytes(), config.csv_path.read_bytes()] == whole


def test_a_report_is_told_in_json_and_the_table_keeps_its_columns(db: Database, config: OutputConfig) -> None:
    assert config.jsonl_path is not None
    assert config.csv_path is not None
    assert config.latest_path is not None
    record(db, MON)
    write(db, config)
    header = config.csv_path.read_text().splitlines()[0]
    event = ForecastEvent("earnings", TUE, "amc", (WED,), 1.0, "yahoo", MON, 2.4)
    known = replace(entry(TUE, WED), forecast=replace(entry(TUE, WED).forecast, event=event))
    recording.record(db, [known], evening(TUE))
    write(db, config)
    before, after = lines(config.jsonl_path)
    assert (before["event"], after["event"]["day"], after["event"]["as_of"]) == (None, "2024-07-02", "2024-07-01")
    assert json.loads(config.latest_path.read_bytes())["data"][0]["event"] == after["event"]
    assert len(config.csv_path.read_text().splitlines()) == 3
    assert config.csv_path.read_text().splitlines()[0] == header
    assert "event" not in header


def test_many_forecasts_are_written_in_batches(
    db: Database, config: OutputConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert config.jsonl_path is not None
    monkeypatch.setattr(outputs, "_BATCH", 2)
    record(db, MON, TUE, WED, FRI)
    record(db, MON, model="mine")
    write(db, config)
    assert [line["id"] for line in lines(config.jsonl_path)] == [1, 2, 3, 4, 5]


def test_a_file_of_another_ledger_is_left_alone_and_said(db: Database, config: OutputConfig, tmp_path: Path) -> None:
    assert config.jsonl_path is not None
    record(db, MON, TUE, WED)
    write(db, replace(config, csv=None, latest=None))
    before = config.jsonl_path.read_bytes()
    with Database.open(tmp_path / "another") as other:
        record(other, FRI)
        log = ProgressLog()
        changed = write(other, config, log)
    assert config.jsonl_path.read_bytes() == before
    assert changed == (str(config.csv_path), str(config.latest_path))
    assert len(log.notes) == 1
    assert "forecast 3" in log.notes[0]
    assert "move it away" in log.notes[0]


def test_a_file_of_another_kind_is_refused_and_kept(db: Database, config: OutputConfig) -> None:
    assert config.jsonl_path is not None
    record(db, MON)
    config.folder.mkdir()
    config.jsonl_path.write_text("dear diary\n")
    with pytest.raises(StorageError, match=r"forecasts\.jsonl"):
        write(db, config)
    assert config.jsonl_path.read_text() == "dear diary\n"


def test_files_that_are_switched_off_are_not_written(db: Database, config: OutputConfig) -> None:
    record(db, MON)
    assert write(db, replace(config, jsonl=None, csv=None, latest=None)) == ()
    assert not config.folder.exists()


def test_the_latest_forecasts_are_those_of_the_run_and_live(db: Database, config: OutputConfig) -> None:
    assert config.latest_path is not None
    record(db, MON, TUE)
    record(db, WED, kind="replay")
    write(db, config)
    document = json.loads(config.latest_path.read_bytes())
    assert document["schema"] == "stockcast.latest/1"
    assert [(f["ticker"], f["origin"]) for f in document["data"]] == [("AAPL", TUE.isoformat())]
    outputs.follow_ledger(db, config, ("MSFT",), Silent())
    assert json.loads(config.latest_path.read_bytes())["data"] == []


@pytest.mark.parametrize("torn", [b"", b'{"schema": "stockcast.la', b"\xff\xfe", b"[" * 200_000])
def test_a_torn_file_of_the_latest_forecasts_is_written_anew(db: Database, config: OutputConfig, torn: bytes) -> None:
    assert config.latest_path is not None
    record(db, MON)
    write(db, config)
    whole = config.latest_path.read_bytes()
    config.latest_path.write_bytes(torn)
    assert write(db, config) == (str(config.latest_path),)
    assert config.latest_path.read_bytes() == whole
