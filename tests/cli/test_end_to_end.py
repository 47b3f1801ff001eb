"""The installed command on real and made-up prices, nothing faked: from a price file to a forecast with a verdict."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import synthetic
from tests.cli.test_coldstart import HEAVY
from tests.processes import COMMAND, Completed, Process, cold, forked, packages_loaded

DATA = Path(__file__).parents[2] / "data"
QUICK = ("--seeds", "2", "--steps", "20", "--quiet")


def stockcast(*arguments: str | Path, home: Path) -> Completed:
    """Run the command line in a process of its own."""
    return forked(*arguments, "--home", home)


def installed(*arguments: str | Path, home: Path, stdin: str | None = None) -> Completed:
    """The same in a process that begins from nothing, as a user's does."""
    return cold(*arguments, "--home", home, stdin=stdin)


@dataclass(frozen=True)
class Trained:
    """A home with one trained model, the file that it was trained on, and the one with its test forecasts."""

    home: Path
    file: Path
    report: Any
    rows: Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    home = tmp_path_factory.mktemp("home")
    last = np.datetime64("2021-04-01")
    first = np.busday_offset(last, -899).astype(str)
    file = synthetic.write_csv(home / "FAKE.csv", synthetic.history(900, first=str(first)))
    return train(file, home, home / "rows.csv")


@pytest.fixture(scope="module")
def again(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The same training in another home."""
    home = tmp_path_factory.mktemp("again")
    return train(trained.file, home, home / "rows.parquet")


def train(file: Path, home: Path, rows: Path) -> Trained:
    done = stockcast("train", file, *QUICK, "--json", "--output", rows, home=home)
    assert done.code == 0, done.err
    return Trained(home, file, done.data[0], rows)


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    """A home with a model of closes alone that was given a name, and what was said of it."""
    home = tmp_path_factory.mktemp("mine")
    h = replace(synthetic.history(900), open=None, high=None, low=None, volume=None)
    file = synthetic.write_csv(home / "BARE.csv", h)
    return home, stockcast("train", file, "--seeds", "1", "--steps", "10", "--name", "mine", home=home)


def test_a_newcomer_trains_on_shipped_prices_and_reads_verdict_and_forecast(tmp_path: Path) -> None:
    done = installed("train", DATA / "GOOG.csv", "--seeds", "1", "--steps", "10", home=tmp_path)
    assert done.code == 0
    for part in ("train", "validation", "test", "har-t", "garch-t", "random-walk", "Verdict", "Intervals:", "P(up)"):
        assert part in done.out
    assert "scored" in done.out
    assert "training lstm" in done.err
    again = installed("predict", DATA / "GOOG.csv", home=tmp_path)
    assert again.code == 0
    assert "90 % interval" in again.out
    assert "Intervals:" in again.out


def test_the_report_holds_what_the_design_promises(trained: Trained) -> None:
    report = trained.report
    assert set(report["splits"]) == {"train", "validation", "test"}
    scores = {row["model"]: row for row in report["scores"]}
    assert set(scores) == {"lstm", "random-walk", "drift", "ewma-t", "har-t", "garch-t"}
    assert scores["random-walk"]["log_score"] is None
    assert scores["lstm"]["kind"] == "network"
    for row in report["scores"]:
        assert row["n"] == report["splits"]["test"]["count"]
        assert 0.8 < row["mae_ratio"] < 1.2
        assert 0.6 < row["coverage_90"] <= 1.0
    assert {c["baseline"] for c in report["comparisons"]} == set(scores) - {"lstm"}
    for comparison in report["comparisons"]:
        baseline = scores[comparison["baseline"]]
        assert comparison["crps_skill"] == pytest.approx(1 - scores["lstm"]["crps"] / baseline["crps"])
    assert report["verdict"]["served_by"] == min(report["validation_crps"], key=report["validation_crps"].get)
    assert report["scored_cutoff"] == report["splits"]["validation"]["last"]
    assert report["served_cutoff"] == "2021-04-01"


def test_the_forecast_is_of_the_next_session_of_the_exchange(trained: Trained) -> None:
    """Friday 2021-04-02 was Good Friday."""
    (forecast,) = stockcast("predict", trained.file, "--json", home=trained.home).data
    assert (forecast["origin"], forecast["target_session"]) == ("2021-04-01", "2021-04-05")
    (london,) = stockcast("predict", trained.file, "--json", "--exchange", "XLON", home=trained.home).data
    assert london["target_session"] == "2021-04-06"


def test_quantiles_are_finite_and_strictly_increase_at_every_step(trained: Trained) -> None:
    steps = stockcast("predict", trained.file, "--json", "--horizon", "5", home=trained.home).data
    assert [step["horizon"] for step in steps] == [1, 2, 3, 4, 5]
    assert steps[4]["target_session"] == "2021-04-09"
    (alone,) = stockcast("predict", trained.file, "--json", home=trained.home).data
    assert without_time([alone]) == without_time(steps[:1])
    for step in steps:
        prices = list(step["quantiles"].values())
        assert {"0.05", "0.25", "0.5", "0.75", "0.95"} <= set(step["quantiles"])
        assert all(math.isfinite(price) for price in prices)
        assert prices == sorted(set(prices))
        assert step["median"] == step["quantiles"]["0.5"]
        assert 0 < step["p_up"] < 1


def without_time(forecasts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {k: v for k, v in forecast.items() if k not in ("created_at", "data_age_sessions")} for forecast in forecasts
    ]


def test_training_and_forecasting_twice_give_the_same_bytes(trained: Trained, again: Trained) -> None:
    assert again.report["model_id"] == trained.report["model_id"]
    for extra in ((), ("--horizon", "3", "--seed", "5")):
        first = stockcast("predict", trained.file, "--json", *extra, home=trained.home).data
        second = stockcast("predict", trained.file, "--json", *extra, home=again.home).data
        assert without_time(first) == without_time(second)
        if not extra:
            assert without_time([trained.report["forecast"]]) == without_time(second)


def test_an_earlier_origin_uses_the_scored_model_or_is_refused(trained: Trained, tmp_path: Path) -> None:
    cutoff = trained.report["scored_cutoff"]
    done = stockcast("predict", trained.file, "--json", "--as-of", cutoff, home=trained.home)
    assert done.data[0]["origin"] == cutoff
    before = stockcast("predict", trained.file, "--json", "--as-of", "2019-01-02", home=trained.home)
    assert before.code == 6
    assert "without looking ahead" in before.err
    # The scored model is the one that `--no-final-fit` keeps: its forecast is the same.
    kept = stockcast("train", trained.file, *QUICK, "--no-final-fit", "--json", home=tmp_path)
    assert kept.data[0]["served_cutoff"] == cutoff
    scored = stockcast("predict", trained.file, "--json", "--as-of", cutoff, home=tmp_path)
    assert scored.data[0]["quantiles"] == done.data[0]["quantiles"]


def test_a_forecast_does_not_depend_on_bars_after_its_origin(trained: Trained, tmp_path: Path) -> None:
    cutoff = trained.report["scored_cutoff"]
    lines = trained.file.read_text().splitlines(keepends=True)
    cut = tmp_path / "FAKE.csv"
    cut.write_text("".join(line for line in lines if line[:10] <= cutoff or line.startswith("Date")))
    whole = stockcast("predict", trained.file, "--json", "--as-of", cutoff, home=trained.home).data
    alone = stockcast("predict", cut, "--json", "--as-of", cutoff, home=trained.home).data
    for forecast in (*whole, *alone):
        forecast.pop("data_source")
    assert without_time(whole) == without_time(alone)


def test_every_test_forecast_is_saved_and_reproduces_the_scores(trained: Trained, again: Trained) -> None:
    rows = list(csv.DictReader(io.StringIO(trained.rows.read_text())))
    for score in trained.report["scores"]:
        own = [row for row in rows if row["model"] == score["model"]]
        assert len(own) == score["n"]
        assert np.mean([float(row["crps"]) for row in own]) == pytest.approx(score["crps"])
        covered = [float(row["q05"]) <= float(row["realised_return"]) <= float(row["q95"]) for row in own]
        assert np.mean(covered) == pytest.approx(score["coverage_90"])
        assert all(row["origin"] < row["target_session"] for row in own)
    import pyarrow.parquet

    assert pyarrow.parquet.read_table(again.rows).num_rows == len(rows)


def test_a_closes_only_file_narrows_the_features_and_says_so(mine: tuple[Path, Completed]) -> None:
    _, done = mine
    assert done.code == 0
    assert "volatility is measured from closes only" in done.err
    assert "No volume" in done.err


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_the_other_cells_and_the_textbook_supervision_work(cell: str, tmp_path: Path) -> None:
    file = synthetic.write_csv(tmp_path / "FAKE.csv", synthetic.history(900))
    done = stockcast(
        "train", file, "--seeds", "1", "--quiet", "--cell", cell, "--supervision", "last-step", "--epochs", "1",
        "--layers", "2", "--lookback", "30", "--horizon", "2", "--json", home=tmp_path,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert [f["horizon"] for f in done.data[0]["forecasts"]] == [1, 2]
    assert {row["model"] for row in done.data[0]["scores"]} >= {cell, "har-t"}


def test_standard_input_is_a_source(trained: Trained) -> None:
    done = installed("predict", "-", "--model", "FAKE", "--json", home=trained.home, stdin=trained.file.read_text())
    assert done.data[0]["ticker"] == "stdin"
    assert done.data[0]["model"] == "FAKE"


def test_csv_and_output_file_hold_the_same_forecast(trained: Trained, tmp_path: Path) -> None:
    shown = stockcast("predict", trained.file, "--csv", home=trained.home)
    (row,) = csv.DictReader(io.StringIO(shown.out))
    target = tmp_path / "forecast.json"
    assert stockcast("predict", trained.file, "--output", target, home=trained.home).code == 0
    saved = json.loads(target.read_text())["data"][0]
    assert float(row["q0.05"]) == saved["quantiles"]["0.05"]


def test_models_are_listed_shown_and_removed(mine: tuple[Path, Completed], tmp_path: Path) -> None:
    home = shutil.copytree(mine[0], tmp_path / "home")
    assert "mine" in stockcast("models", "list", home=home).out
    assert "har-t" in stockcast("models", "show", "mine", home=home).out
    assert stockcast("predict", home / "BARE.csv", "--model", "mine", home=home).code == 0
    assert stockcast("models", "remove", "mine", home=home).code == 0
    assert stockcast("predict", home / "BARE.csv", "--model", "mine", home=home).code == 6


def _missing(folder: Path) -> Path:
    return folder / "nowhere" / "AAPL.csv"


def _error_page(folder: Path) -> Path:
    path = folder / "ERR.csv"
    path.write_text('{\n"Error Message": "limit"\n}\n')
    return path


def _thirty_rows(folder: Path) -> Path:
    return synthetic.write_csv(folder / "SHORT.csv", synthetic.history(30))


def _standing_still(folder: Path) -> Path:
    h = synthetic.history(900)
    still = np.full(900, 10.0)
    return synthetic.write_csv(
        folder / "STILL.csv", replace(h, open=still, high=still, low=still, close=still, adjusted_close=still)
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_missing, "AAPL.csv"),
        (_error_page, "not a price file"),
        (_thirty_rows, "30 sessions are too few"),
        (_standing_still, "has not moved for 899 sessions"),
    ],
)
def test_unusable_prices_are_exit_4_with_one_line_that_is_right(make: Any, says: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    for command in ("train", "predict") if make is not _thirty_rows and make is not _standing_still else ("train",):
        done = stockcast(command, path, "--quiet", home=tmp_path)
        assert done.code == 4
        assert says in done.err.splitlines()[0]
        assert done.out == ""
    assert not (tmp_path / "models").exists()


def test_a_name_that_is_no_path_is_never_read_as_one(tmp_path: Path) -> None:
    done = stockcast("train", "NOSUCH", "--offline", home=tmp_path)
    assert done.code == 4
    assert "no prices of NOSUCH are stored" in done.err


def test_a_damaged_model_is_exit_6_and_stays_where_it_is(trained: Trained, tmp_path: Path) -> None:
    home = shutil.copytree(trained.home, tmp_path / "home")
    weights = home / "models" / "FAKE" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    done = stockcast("predict", trained.file, home=home)
    assert done.code == 6
    assert "FAKE" in done.err
    assert weights.exists()


def test_an_interrupted_training_leaves_the_old_model_and_nothing_half_written(
    trained: Trained, tmp_path: Path
) -> None:
    home = shutil.copytree(trained.home, tmp_path / "home")
    before = (home / "models" / "FAKE" / "manifest.json").read_bytes()
    process = Process(["train", trained.file, "--steps", "100000", "--home", home], tmp_path, os.environ)
    for line in process.stderr:
        if "training lstm" in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    done = process.completed()
    assert (done.code, done.out) == (130, "")
    assert (home / "models" / "FAKE" / "manifest.json").read_bytes() == before
    assert [name for name in os.listdir(home / "models") if ".new-" in name or ".old" in name] == []


def heavy(trained: Trained, code: str = COMMAND) -> set[str]:
    """Which heavy packages a forecast of a CSV from a saved model leaves behind in its process."""
    return packages_loaded("predict", trained.file, "--home", trained.home, code=code) & set(HEAVY)


def test_a_forecast_from_a_saved_model_imports_nothing_heavy(trained: Trained) -> None:
    assert heavy(trained) == set()


def test_the_check_of_imports_can_fail(trained: Trained) -> None:
    assert heavy(trained, code=f"import scipy; {COMMAND}") == {"scipy"}
