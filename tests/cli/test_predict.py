from __future__ import annotations

import csv
import json
from datetime import date
from io import StringIO
from pathlib import Path

import pytest

from stockcast.config import PredictConfig
from stockcast.config.sources import FetchConfig
from tests.cli.conftest import Run


def test_every_option_arrives_in_the_configuration(run: Run, home: Path) -> None:
    words = "--as-of 2021-03-31 --horizon 3 --model m --seed 9 --paths 500 --exchange XLON --ticker T --date-column D"
    live = "--offline --max-age 2 --allow-stale --timeout 7 --no-calibrate --no-record"
    columns = ["--close-column", "C", "--date-format", "%Y"]
    assert run("predict", "AAPL", *words.split(), *live.split(), *columns).code == 0
    call = run.last("predict_with")
    config, prices = call["config"], call["markets"].prices
    read = prices.read
    assert (call["source"], prices.home, read.exchange) == ("AAPL", home, "XLON")
    assert prices.fetch_session.config == FetchConfig(offline=True, max_age=2, allow_stale=True, timeout=7.0)
    assert config == PredictConfig(
        as_of=date(2021, 3, 31), model="m", horizon=3, paths=500, seed=9, calibrate=False, record=False
    )
    assert (read.ticker, read.date_column, read.close_column, read.date_format) == ("T", "D", "C", "%Y")
    assert read.start is None
    assert read.end is None


def test_the_table_is_on_stdout_and_notes_are_on_stderr(run: Run) -> None:
    outcome = run("predict", "good")
    assert outcome.code == 0
    assert "118.90 .. 125.80" in outcome.out
    assert outcome.err == "good: the model is old\n"


def test_several_sources_and_steps_are_one_list(run: Run) -> None:
    outcome = run("predict", "good", "other", "--horizon", "2", "--json")
    assert [(row["ticker"], row["horizon"]) for row in outcome.json["data"]] == [
        ("good", 1),
        ("good", 2),
        ("other", 1),
        ("other", 2),
    ]


def test_the_sources_of_a_call_are_passed_once_and_together(run: Run, home: Path) -> None:
    assert run("predict", "good", "bad", "other").code == 4
    (markets,) = {call["markets"] for call in run.of("predict_with")}
    assert (markets.sources, markets.prices.home) == (("good", "bad", "other"), home)


def test_one_failure_does_not_stop_the_others_and_the_highest_code_wins(run: Run) -> None:
    outcome = run("predict", "bad", "good", "gone", "broken", "other", "--json")
    assert outcome.code == 6
    document = outcome.json
    assert document["ok"] is False
    assert [row["ticker"] for row in document["data"]] == ["good", "other"]
    assert [(error["source"], error["kind"]) for error in document["errors"]] == [
        ("bad", "data"),
        ("gone", "model"),
        ("broken", "unexpected"),
    ]
    assert "error: bad has 3 sessions, 300 are needed\n  hint: use a longer history\n" in outcome.err


def test_without_a_success_the_data_is_an_empty_list_and_text_is_empty(run: Run) -> None:
    assert run("predict", "bad", "--json").json["data"] == []
    assert run("predict", "bad").out == ""


def test_csv_has_one_header_for_all_sources(run: Run) -> None:
    rows = list(csv.DictReader(StringIO(run("predict", "good", "other", "--csv").out)))
    assert [row["ticker"] for row in rows] == ["good", "other"]


@pytest.mark.parametrize(("name", "options"), [("f.json", []), ("f.txt", ["--json"])])
def test_a_json_file_holds_the_same_object(run: Run, tmp_path: Path, name: str, options: list[str]) -> None:
    outcome = run("predict", "good", "--output", str(tmp_path / name), *options)
    document = json.loads((tmp_path / name).read_text())
    assert document["data"][0]["ticker"] == "good"
    assert outcome.out == ("" if not options else (tmp_path / name).read_text())
    assert f"forecasts written to {tmp_path / name}" in outcome.err


@pytest.mark.parametrize(("name", "options"), [("f.csv", []), ("f.txt", ["--csv"])])
def test_a_csv_file_instead_of_stdout(run: Run, tmp_path: Path, name: str, options: list[str]) -> None:
    assert run("predict", "good", "--output", str(tmp_path / name), *options).out == ""
    assert (tmp_path / name).read_text().startswith("ticker,model,")


def test_any_other_suffix_is_a_text_file_without_colours(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    run("predict", "good", "--output", str(tmp_path / "f.txt"))
    text = (tmp_path / "f.txt").read_text()
    assert text.startswith("ticker")
    assert "\x1b" not in text
    assert "\x1b[" in run("predict", "good").out


@pytest.mark.parametrize("sources", [["bad"], ["good", "stop"]])
def test_without_a_success_or_after_ctrl_c_an_old_file_stays(run: Run, tmp_path: Path, sources: list[str]) -> None:
    target = tmp_path / "f.csv"
    target.write_text("old")
    assert run("predict", *sources, "--output", str(target)).code != 0
    assert target.read_text() == "old"


def test_what_libraries_print_does_not_reach_stdout(run: Run) -> None:
    outcome = run("predict", "chatty", "--json")
    assert outcome.json["ok"] is True
    assert "a library speaks" in outcome.err


def test_notes_are_silenced_by_quiet(run: Run) -> None:
    assert run("predict", "good", "-q").err == ""
