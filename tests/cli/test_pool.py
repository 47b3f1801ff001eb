"""`train --pool`, and folders as sources: what arrives in the pipeline, what is told, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import POOL_NETWORK, POOL_TRAINING
from stockcast.config.sources import FetchConfig
from tests.cli.conftest import Run
from tests.cli.fakes import Call
from tests.cli.test_train import EVERYTHING

POOL = ("--pool", "--name", "two")


def arrived(run: Run) -> TrainConfig:
    """The configuration that a pool was trained with."""
    config: TrainConfig = run.last("train_pool_from")["config"]
    return config


def test_without_options_a_pool_has_defaults_of_its_own(run: Run) -> None:
    assert run("train", "good", "other", *POOL).code == 0
    assert arrived(run) == TrainConfig(POOL_NETWORK, POOL_TRAINING)
    assert NetworkConfig() != POOL_NETWORK
    assert TrainingConfig() != POOL_TRAINING


def test_an_option_that_is_given_holds_even_where_it_is_the_default_of_a_single_ticker(run: Run) -> None:
    words = ("--hidden-size", str(NetworkConfig.hidden_size), "--weight-decay", str(TrainingConfig.weight_decay))
    run("train", "good", "other", *POOL, *words, "--dropout", "0.25")
    assert arrived(run).network == replace(POOL_NETWORK, hidden_size=NetworkConfig.hidden_size, dropout=0.25)
    assert arrived(run).training == replace(POOL_TRAINING, weight_decay=TrainingConfig.weight_decay)


def test_passes_over_the_training_part_take_the_place_of_a_pools_steps(run: Run) -> None:
    run("train", "good", "other", *POOL, "--epochs", "3")
    assert arrived(run).training == replace(POOL_TRAINING, steps=None, epochs=3)


def test_the_steps_of_chunks_are_not_those_of_windows(run: Run) -> None:
    run("train", "good", "other", *POOL, "--supervision", "last-step")
    assert arrived(run).training == replace(POOL_TRAINING, steps=None, supervision="last-step")


def test_every_option_arrives(run: Run, home: Path) -> None:
    given = EVERYTHING.split()
    pairs = zip(given[::2], given[1::2], strict=True)
    words = [word for pair in pairs if pair[0] not in ("--name", "--ticker") for word in pair]
    assert run("train", "good", "other", *POOL, *words, "--no-final-fit").code == 0
    gathered, trained = run.last("gather"), run.last("train_pool_from")
    assert (tuple(gathered["sources"]), gathered["exchange"]) == (("good", "other"), "XLON")
    assert (trained["home"], trained["name"], trained["keep_rows"]) == (home, "two", False)
    read = gathered["prices"].read
    assert gathered["prices"].fetch_session.config == FetchConfig(max_age=3, timeout=9.5)
    assert (read.start, read.end) == (date(2010, 1, 4), date(2021, 3, 31))
    assert read.date_column == "Day"
    assert arrived(run) == TrainConfig(
        network=NetworkConfig("gru", 8, 2, 0.1, 30),
        training=TrainingConfig(
            seeds=2, seed=7, learning_rate=0.02, weight_decay=0.03, batch_size=4, steps=9, supervision="last-step",
            device="auto", final_fit=False,
        ),
        split=SplitConfig(date(2017, 1, 3), date(2019, 1, 2)),
        init="teacher",
        horizon=5,
    )  # fmt: skip


def test_the_report_is_on_stdout_and_the_story_on_stderr(run: Run) -> None:
    outcome = run("train", "good", "other", *POOL)
    assert outcome.out.startswith("two: one lstm trained on 2 tickers")
    assert "two: training lstm on 2 series ..." in outcome.err


def test_json_is_one_object_with_one_entry(run: Run) -> None:
    document = run("train", "good", "other", *POOL, "--json").json
    assert (document["schema"], document["ok"]) == ("stockcast.train/1", True)
    (entry,) = document["data"]
    assert (entry["model"], entry["members"]) == ("two", ["AAPL", "MSFT"])


def test_a_source_that_fails_does_not_stop_the_others_and_decides_the_exit_code(run: Run) -> None:
    outcome = run("train", "good", "bad", "gone", "other", *POOL, "--json")
    assert outcome.code == 6
    document = outcome.json
    assert [error["source"] for error in document["errors"]] == ["bad", "gone"]
    assert document["data"][0]["model"] == "two"


def test_a_pool_that_cannot_be_trained_is_told_after_what_is_wrong_with_its_sources(run: Run) -> None:
    outcome = run("train", "good", "gone", "--pool", "--name", "bad", "--json")
    assert outcome.code == 6
    assert [(error["source"], error["kind"]) for error in outcome.json["errors"]] == [
        ("gone", "model"), ("bad", "data"),
    ]  # fmt: skip
    assert outcome.json["data"] == []


def test_ctrl_c_says_that_nothing_was_saved(run: Run) -> None:
    outcome = run("train", "good", "other", "--pool", "--name", "stop", "-q")
    assert (outcome.code, outcome.err, outcome.out) == (130, "interrupted; nothing was saved\n", "")


def test_the_test_forecasts_of_all_tickers_are_saved(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "rows.parquet"
    outcome = run("train", "good", "other", *POOL, "--output", str(target))
    assert outcome.code == 0
    assert run.last("train_pool_from")["keep_rows"] is True
    assert run.calls[-1] == Call("save_forecasts", {"path": target, "rows": [], "threads": 1})
    assert f"test forecasts saved in {target}" in outcome.err
    assert run("train", "good", "other", *POOL, "--output", str(tmp_path / "full.csv")).code == 1


def test_groups_of_columns_are_left_out_of_a_pool(run: Run) -> None:
    run("train", "good", "other", *POOL, "--without", "echo", "--without", "market").succeeded()
    assert run.last("train_pool_from")["gathered"].without == {"echo", "market"}
    assert "about the columns of pools" in run("train", "good", "--without", "echo").err
    assert "not one of market, echo, days, bars" in run("train", "good", *POOL, "--without", "own").err


def test_a_pool_without_a_name_is_wrong_usage(run: Run) -> None:
    outcome = run("train", "good", "other", "--pool")
    assert outcome.code == 2
    assert "--pool without --name" in outcome.err
    assert run.calls == []


def test_a_name_that_no_model_can_have_is_refused_before_anything_is_read(run: Run) -> None:
    outcome = run("train", "good", "other", "--pool", "--name", "a/b")
    assert outcome.code == 3
    assert "path separator" in outcome.err
    assert run.calls == []


def test_one_name_for_several_models_is_refused_with_a_word_about_pools(run: Run) -> None:
    assert "--pool makes one model of all" in run("train", "good", "other", "--name", "two").err


def test_help_tells_both_defaults(run: Run) -> None:
    shown = " ".join(run("train", "--help").out.replace("│", " ").split())
    for config in (POOL_NETWORK.hidden_size, POOL_NETWORK.dropout, POOL_TRAINING.weight_decay, POOL_TRAINING.steps):
        assert f"with --pool {config}" in shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three price files, and what else lies in a folder."""
    place = tmp_path / "prices"
    (place / "older.csv").mkdir(parents=True)
    for name in ("b.CSV", "a.csv.gz", "c.parquet", "notes.txt", ".hidden.csv", "d.csv.bak"):
        (place / name).touch()
    return place


def sources_of(run: Run) -> list[str]:
    """The sources of the last command line."""
    names = [call["source"] for call in run.calls if "source" in call.arguments]
    run.calls.clear()
    return names


@pytest.mark.parametrize("command", ["train", "predict", "backtest"])
def test_a_folder_stands_for_its_price_files_sorted(run: Run, folder: Path, command: str) -> None:
    assert run(command, "first", str(folder), f"{folder}/", "last").code == 0
    files = [str(folder / name) for name in ("a.csv.gz", "b.CSV", "c.parquet")]
    assert sources_of(run) == ["first", *files, "last"]


def test_a_pool_takes_a_folder_and_a_watch_list(run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "watch.txt").write_text("good\nother\n")
    run("train", f"@{tmp_path}/watch.txt", str(folder), *POOL)
    files = [str(folder / name) for name in ("a.csv.gz", "b.CSV", "c.parquet")]
    assert list(run.last("gather")["sources"]) == ["GOOD", "OTHER", *files]


def test_a_folder_without_price_files_is_a_data_error_that_names_it(run: Run, folder: Path) -> None:
    empty = folder / "older.csv"
    outcome = run("train", "good", str(empty), *POOL)
    assert outcome.code == 4
    assert f"the folder {empty} has no price files" in outcome.err


def test_a_word_without_a_separator_is_a_ticker_whatever_lies_beside_it(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    run("predict", "prices")
    assert sources_of(run) == ["prices"]
    run("predict", "./prices")
    assert len(sources_of(run)) == 3


def test_the_folder_one_is_in_and_the_users_own_are_folders(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    run("predict", ".")
    assert [Path(source).name for source in sources_of(run)] == ["a.csv.gz", "b.CSV", "c.parquet"]
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    run("predict", "~")
    assert sources_of(run) == [str(folder / name) for name in ("a.csv.gz", "b.CSV", "c.parquet")]


def test_standard_input_is_no_folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").mkdir()
    monkeypatch.chdir(tmp_path)
    run("predict", "-")
    assert sources_of(run) == ["-"]
