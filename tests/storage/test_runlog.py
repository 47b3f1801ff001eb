"""The log of runs: a line an event, five old files, and never a reason to fail."""

from __future__ import annotations

import logging
import os
import re
import stat
from pathlib import Path

import pytest

from stockcast.storage import outputs
from stockcast.storage.outputs import RunLog


def handlers() -> int:
    return len([reference for reference in logging._handlerList if reference() is not None])  # type: ignore[attr-defined]


def test_a_line_has_time_level_and_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKCAST_NOW", "2021-04-01T22:00:00+02:00")
    with RunLog(tmp_path / "logs") as log:
        log.say("AAPL: 3 bars added")
        log.say("cache is warm", detail=True)
        log.info("run begins")
        log.warning("MSFT: stale")
        log.error("TSLA: no prices: 5 %s left")
    assert log.problem is None
    assert (tmp_path / "logs" / "run.log").read_text().splitlines() == [
        "2021-04-01T20:00:00Z INFO AAPL: 3 bars added",
        "2021-04-01T20:00:00Z DEBUG cache is warm",
        "2021-04-01T20:00:00Z INFO run begins",
        "2021-04-01T20:00:00Z WARNING MSFT: stale",
        "2021-04-01T20:00:00Z ERROR TSLA: no prices: 5 %s left",
    ]


def test_the_next_run_appends(tmp_path: Path) -> None:
    for number in range(3):
        with RunLog(tmp_path) as log:
            log.say(f"run {number}")
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert [line.split(" INFO ")[1] for line in lines] == ["run 0", "run 1", "run 2"]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line) for line in lines)


def test_an_event_is_one_line_without_control_characters(tmp_path: Path) -> None:
    with RunLog(tmp_path) as log:
        log.error("first\r\n  second\x1b[31m\tthird \ud800 Zürich")
    (line,) = (tmp_path / "run.log").read_text(encoding="utf-8").splitlines()
    assert line.endswith("ERROR first second?[31m third ? Zürich")


def test_a_full_file_is_put_aside_and_five_of_them_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "LARGEST_LOG", 200)
    with RunLog(tmp_path) as log:
        for number in range(200):
            log.say(f"line {number}")
    names = sorted(os.listdir(tmp_path))
    assert names == ["run.log", *(f"run.log.{number}" for number in range(1, 6))]
    assert all((tmp_path / name).stat().st_size <= 200 for name in names)
    assert "line 199\n" in (tmp_path / "run.log").read_text()


def test_a_log_that_cannot_be_written_is_told_of_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    told: list[str] = []
    with RunLog(tmp_path / "logs", told.append) as log:
        log.say("one")
        log.say("two")
    assert len(told) == 1
    assert str(tmp_path / "logs" / "run.log") in told[0]
    assert log.problem == told[0]


def test_a_folder_in_the_place_of_the_log_is_told_of(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.log").mkdir()
    told: list[str] = []
    with RunLog(tmp_path, told.append) as log:
        log.say("one")
        log.say("two")
    assert len(told) == 1
    assert "Is a directory" in told[0] or "Permission" in told[0]
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_of_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.log").symlink_to("/dev/full")
    told: list[str] = []
    with RunLog(tmp_path, told.append) as log:
        log.say("one")
        log.say("two")
    assert len(told) == 1
    assert "No space left" in told[0]
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such devices")
def test_a_device_that_the_log_leads_to_stays_open_to_everybody(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        os.fchmod(theirs, 0o622)
        (tmp_path / "run.log").symlink_to(os.ttyname(theirs))
        with RunLog(tmp_path) as log:
            log.say("one")
        assert log.problem is None
        assert os.read(ours, 100).endswith(b"INFO one\r\n")
        assert stat.S_IMODE(os.fstat(theirs).st_mode) == 0o622
    finally:
        os.close(ours)
        os.close(theirs)


def test_without_a_listener_a_problem_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.log").mkdir()
    with RunLog(tmp_path) as log:
        log.say("one")
    assert log.problem
    assert capfd.readouterr() == ("", "")


def test_no_logger_is_touched_and_what_is_said_afterwards_is_lost(tmp_path: Path) -> None:
    before, roots = handlers(), list(logging.getLogger().handlers)
    log = RunLog(tmp_path)
    try:
        with log:
            log.say("one")
            assert handlers() == before
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        log.say("lost")
    assert handlers() == before
    assert logging.getLogger().handlers == roots
    assert len((tmp_path / "run.log").read_text().splitlines()) == 1
