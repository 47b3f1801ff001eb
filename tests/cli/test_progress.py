from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest

from stockcast.cli.console import DETAIL, ERRORS, STORY, Console
from stockcast.cli.progress import Bar, Lines, Notes, watch
from stockcast.cli.sources import label
from tests.cli.conftest import Run


def test_a_stage_in_a_log_file_is_a_few_lines_with_the_loss(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(Console(), "AAPL") as progress:
        progress.stage("training", 400)
        for step in range(400):
            progress.advance(1, loss=2.0 - step / 400)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "AAPL: training ..."
    assert lines[1] == "AAPL: training 10 %, loss 1.9025"
    assert lines[-1] == "AAPL: training done, loss 1.0025"
    assert len(lines) == 11


def test_a_stage_that_teaches_ends_with_the_targets_per_second(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter((100.0, 104.0))
    monkeypatch.setattr("stockcast.cli.progress.time.monotonic", lambda: next(clock))
    with Lines(Console(), "A") as progress:
        progress.stage("training", 10, targets=4938)
        progress.advance(10, loss=1.5)
    assert capsys.readouterr().err.splitlines()[-1] == "A: training done, loss 1.5000, 12,300 targets/s"


def test_each_stage_ends_before_the_next_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(Console(), "A") as progress:
        progress.advance(1)
        progress.stage("one", 0)
        progress.stage("two", 5)
        for _ in range(5):
            progress.advance(1)
        progress.stage("three", 5)
    assert capsys.readouterr().err.splitlines() == [
        "A: one ...", "A: one done", "A: two ...", "A: two done", "A: three ...", "A: three done",
    ]  # fmt: skip


def test_a_stage_that_is_broken_off_is_not_called_done(capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(ValueError), Lines(Console(), "A") as progress:
        progress.stage("one", 3)
        raise ValueError("lost")
    assert capsys.readouterr().err == "A: one ...\n"


@pytest.mark.parametrize(("level", "told"), [(ERRORS, 0), (STORY, 1), (DETAIL, 2)])
def test_verbosity_decides_which_notes_are_told(level: int, told: int, capsys: pytest.CaptureFixture[str]) -> None:
    with watch(Console(level), "A") as progress:
        progress.note("plain")
        progress.note("fine", detail=True)
    assert len(capsys.readouterr().err.splitlines()) == told


def test_a_note_is_told_once_and_names_its_source_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Notes(Console(), "AAPL")
    for message in ("odd", "odd", "AAPL: odd as well"):
        progress.note(message)
    assert capsys.readouterr().err == "AAPL: odd\nAAPL: odd as well\n"


def test_a_bar_draws_stage_loss_and_notes_on_stderr_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Bar(Console(), "AAPL") as progress:
        progress.advance(1)
        progress.stage("fitting", 2)
        progress.stage("training", 4)
        progress.advance(3, loss=1.5)
        progress.advance(1)
        progress.note("odd")
    out, err = capsys.readouterr()
    assert out == ""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err)
    assert "AAPL: training" in plain
    assert "loss 1.5000" in plain
    assert "AAPL: odd\n" in plain


def test_training_tells_details_only_if_asked(run: Run) -> None:
    assert "single precision" in run("train", "good", "-v").err
    assert run("train", "good", "-q").err == ""


@pytest.mark.parametrize(
    ("source", "ticker", "expected"),
    [("AAPL", None, "AAPL"), ("data/AAPL.csv.gz", None, "AAPL"), ("x.csv", "T", "T"), ("-", None, "stdin"),
     ("BRK.B", None, "BRK.B"), (str(Path("a") / "b.PARQUET"), None, "b")],
)  # fmt: skip
def test_lines_begin_with_the_ticker(source: str, ticker: str | None, expected: str) -> None:
    assert label(source, ticker) == expected
