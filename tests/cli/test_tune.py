"""`stockcast tune`: what it hands on, what it writes, and that a killed study goes on where it was."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stockcast.config.models import POOL_NETWORK, POOL_TRAINING
from stockcast.config.runfile import load_run_config
from stockcast.errors import LockedError
from tests import synthetic
from tests.cli.conftest import Run
from tests.processes import Process
from tests.report import studies


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_is_given_is_not_searched(run: Run) -> None:
    run("tune", "good", "--cell", "gru", "--seeds", "2", "--trials", "7", "--minutes", "3").succeeded()
    space, config = run.last("tune").values("space", "config")
    searched = {axis.name for axis in space.axes}
    assert searched == {
        "hidden_size", "layers", "dropout", "lookback", "learning_rate", "weight_decay", "batch_size", "steps"
    }  # fmt: skip
    assert (space.fixed.network.cell, space.fixed.training.seeds) == ("gru", 2)
    assert (config.trials, config.minutes, config.folds) == (7, 3.0, 4)


def test_epochs_take_the_place_of_steps(run: Run) -> None:
    run("tune", "good", "--epochs", "3").succeeded()
    assert "steps" not in {axis.name for axis in run.last("tune")["space"].axes}


def test_the_answer_says_what_was_decided(run: Run) -> None:
    found = run("tune", "good", "other").succeeded()
    assert "Trial 3 is adopted" in found.out
    assert "--cell gru --hidden-size 12" in found.out
    data = run("tune", "good", "--json").succeeded().data
    assert data["adopted"] is True
    assert data["settings"]["hidden_size"] == 12
    run.pipeline.answers["tune"] = lambda **_: studies.STAYS
    assert "The default stays" in run("tune", "good").succeeded().out
    assert run("tune", "good", "--json").data["test"] is None


def test_a_source_that_fails_is_told_and_left_out(run: Run) -> None:
    found = run("tune", "good", "bad")
    assert found.code == 4
    assert "Trial 3 is adopted" in found.out
    assert "bad has 3 sessions" in found.err
    assert run("tune", "bad").failed(4, "bad has 3 sessions")
    assert len(run.of("tune")) == 1


def test_a_dry_run_shows_the_space_and_tunes_nothing(run: Run) -> None:
    found = run("tune", "good", "--dry-run", "--jobs", "2").succeeded()
    for words in ("hidden size", "4 .. 32", "486 pieces of work: about 11 minutes with 2 jobs"):
        assert words in found.out
    data = run("tune", "good", "--dry-run", "--json", "--jobs", "1").succeeded().data
    assert data["plan"] == {"pieces": 486, "seconds": 1234.5, "jobs": 1}
    assert not run.of("tune")


def test_ctrl_c_keeps_finished_trials(run: Run) -> None:
    def pressed(**_: Any) -> Any:
        raise KeyboardInterrupt

    run.pipeline.answers["tune"] = pressed
    found = run("tune", "good")
    assert found.code == 130
    assert "interrupted; finished trials are kept" in found.err


def test_a_study_that_somebody_works_on_is_told(run: Run) -> None:
    def locked(**_: Any) -> Any:
        raise LockedError("another process works on this study", "wait for it")

    run.pipeline.answers["tune"] = locked
    run("tune", "good").failed(7, "another process works on this study")


def test_the_study_is_written_as_a_page(run: Run) -> None:
    run("tune", "good", "--output", "study.html").succeeded()
    page = Path("study.html").read_text()
    assert "Trial 3 is adopted" in page
    assert page.count("<svg") == 6
    assert "http" not in page.replace("http-equiv", "")


def test_what_is_adopted_is_written_into_the_configuration(run: Run) -> None:
    run("tune", "AAPL", "--save-config").succeeded()
    made = load_run_config(Path("stockcast.toml"))
    assert (made.tickers, made.train.network.cell, made.train.network.hidden_size) == (("AAPL",), "gru", 12)
    assert made.train.init == "scratch"
    own = 'tickers = ["MSFT"]  # mine\n[model]\nhidden_size = 99  # large\nseed = 3\n'
    Path("own.toml").write_text(own)
    run("tune", "AAPL", "--save-config", "--config", "own.toml").succeeded()
    assert Path("own.toml").read_text().startswith('tickers = ["MSFT"]  # mine\n[model]\nhidden_size = 12  # large\n')
    assert load_run_config(Path("own.toml")).train.training.seed == 3


def test_nothing_is_written_where_the_default_stays(run: Run) -> None:
    run.pipeline.answers["tune"] = lambda **_: studies.STAYS
    found = run("tune", "good", "--save-config").succeeded()
    assert "stays as it is" in found.err
    assert not Path("stockcast.toml").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[model\n", "no TOML"),
        ('tickers = ["A"]\n[model]\nwith = ["^VIX"]\n', "nothing was tuned with them"),
    ],
)
def test_a_configuration_that_cannot_be_changed_is_refused_before_the_first_trial(
    run: Run, text: str, says: str
) -> None:
    Path("stockcast.toml").write_text(text)
    run("tune", "good", "--save-config").failed(3, says)
    assert not run.of("tune")


@pytest.mark.parametrize(
    "words", [["--config", "x.toml"], ["--output", "nowhere/x.html"], ["--save-config", "--config", "nowhere/x.toml"]]
)
def test_wrong_usage_is_refused(run: Run, words: list[str]) -> None:
    assert run("tune", "good", *words).code == 2
    assert not run.of("tune")


def test_a_pool_is_searched_around_its_own_defaults(run: Run) -> None:
    run("tune", "good", "other", "--pool", "--dropout", "0.25").succeeded()
    space = run.last("tune")["space"]
    assert {axis.name: axis.default for axis in space.axes}["hidden_size"] == POOL_NETWORK.hidden_size
    assert (space.fixed.network.dropout, space.fixed.training.weight_decay) == (0.25, POOL_TRAINING.weight_decay)
    assert not run.of("series_objective")
    assert "trains no pools" in run("tune", "good", "other", "--pool", "--save-config").err


# A real one.

WORDS = (
    "tune FAKE.csv --trials 5 --folds 2 --seeds 1 --steps 4 --hidden-size 4 --lookback 20 --layers 1 --batch-size 8 "
    "--jobs 1 --json"
)


def test_a_study_whose_process_is_killed_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    synthetic.write_csv(tmp_path / "FAKE.csv", synthetic.history(860))

    def begun(home: str) -> Process:
        return Process([*WORDS.split(), "--home", home], tmp_path, os.environ)

    killed = begun("killed")
    while _over(tmp_path / "killed") < 2:
        assert killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.communicate(60)
    before = _over(tmp_path / "killed")
    assert 2 <= before < 5
    again, whole = (begun(home).completed().succeeded().data for home in ("killed", "whole"))
    for data in (again, whole):
        for trial in data["trials"]:
            del trial["seconds"]
    assert again == whole
    assert [trial["number"] for trial in again["trials"]] == list(range(5))


def _over(home: Path) -> int:
    """Trials of a study that are over."""
    try:
        with closing(sqlite3.connect(f"file:{home / 'studies' / 'studies.db'}?mode=ro", uri=True)) as db:
            (count,) = db.execute("SELECT count(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED')").fetchone()
            return int(count)
    except sqlite3.Error:
        return 0
