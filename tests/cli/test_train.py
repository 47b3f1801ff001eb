from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.sources import FetchConfig
from tests.cli.conftest import Run

EVERYTHING = (
    "--start 2010-01-04 --end 2021-03-31 --validate-from 2017-01-03 --test-from 2019-01-02 --exchange XLON "
    "--ticker VOD --date-column Day --close-column Last --date-format %d.%m.%Y --init teacher --cell gru "
    "--lookback 30 --horizon 5 --hidden-size 8 --layers 2 --dropout 0.1 --seeds 2 --seed 7 --learning-rate 0.02 "
    "--weight-decay 0.03 --batch-size 4 --steps 9 --supervision last-step --device auto --name vodafone "
    "--max-age 3 --timeout 9.5"
)


def test_every_option_arrives_in_the_configuration(run: Run, home: Path) -> None:
    assert run("train", "VOD.L", *EVERYTHING.split(), "--no-final-fit").code == 0
    call = run.last("train")
    assert call.values("source", "home", "name", "keep_rows") == ("VOD.L", home, "vodafone", False)
    read, config = call.values("read", "config")
    assert call["fetch_session"].config == FetchConfig(max_age=3, timeout=9.5)
    assert config == TrainConfig(
        network=NetworkConfig("gru", 8, 2, 0.1, 30),
        training=TrainingConfig(
            seeds=2,
            seed=7,
            learning_rate=0.02,
            weight_decay=0.03,
            batch_size=4,
            steps=9,
            supervision="last-step",
            device="auto",
            final_fit=False,
        ),
        split=SplitConfig(date(2017, 1, 3), date(2019, 1, 2)),
        init="teacher",
        horizon=5,
    )
    assert read.exchange == "XLON"
    assert (read.start, read.end, read.ticker) == (date(2010, 1, 4), date(2021, 3, 31), "VOD")
    assert (read.date_column, read.close_column, read.date_format) == ("Day", "Last", "%d.%m.%Y")


def test_without_options_the_defaults_decide(run: Run) -> None:
    assert run("train", "good").code == 0
    assert run.last("train")["config"] == TrainConfig()


def test_the_report_is_on_stdout_and_the_story_on_stderr(run: Run) -> None:
    outcome = run("train", "good")
    assert outcome.out.startswith("good: lstm trained")
    assert "Verdict\n" in outcome.out
    assert "good: training lstm ..." in outcome.err
    assert "good: 2 rows are duplicates\n" in outcome.err
    assert "single precision" not in outcome.err


def test_json_is_one_object_with_an_entry_per_source(run: Run) -> None:
    outcome = run("train", "good", "other", "--json")
    assert outcome.code == 0
    document = outcome.json
    assert (document["schema"], document["ok"], document["errors"]) == ("stockcast.train/1", True, [])
    assert [entry["ticker"] for entry in document["data"]] == ["good", "other"]
    assert document["data"][0]["scores"][4]["crps"] is None


def test_the_home_can_be_named_on_the_command_line(run: Run, tmp_path: Path) -> None:
    run("train", "good", "--home", str(tmp_path / "else"))
    run("train", "good", "--home", "~/there")
    assert [call["home"] for call in run.calls] == [tmp_path / "else", Path.home() / "there"]


def test_test_forecasts_are_saved_for_the_sources_that_succeeded(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "rows.csv.gz"
    outcome = run("train", "good", "bad", "other", "--output", str(target))
    assert outcome.code == 4
    assert run.last("train")["keep_rows"] is True
    assert run.last("save_rows")["path"] == target
    assert [result.ticker for result in run.last("save_rows")["results"]] == ["good", "other"]
    assert f"test forecasts saved in {target}" in outcome.err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_was_saved_before_and_says_so(run: Run, tmp_path: Path, jobs: str) -> None:
    words = ["--json", "--output", str(tmp_path / "rows.csv"), "--jobs", jobs]
    outcome = run("train", "good", "stop", "other", *words)
    assert outcome.code == 130
    document = outcome.json
    assert [entry["ticker"] for entry in document["data"]] == ["good"]
    assert document["errors"][0]["message"] == "interrupted; saved before that: good"
    assert [call["source"] for call in run.of("train")] == ["good", "stop"]
    assert "Traceback" not in outcome.err


def test_ctrl_c_in_the_first_source_saved_nothing(run: Run) -> None:
    outcome = run("train", "stop", "-q")
    assert outcome.code == 130
    assert outcome.err == "interrupted; nothing was saved\n"
    assert outcome.out == ""
