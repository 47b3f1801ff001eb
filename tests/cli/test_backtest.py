"""`stockcast backtest`: options become a configuration, failures stay with their source, the file holds the scores."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.models import BacktestConfig, FoldConfig
from stockcast.config.sources import FetchConfig
from tests import synthetic
from tests.cli.conftest import Run
from tests.processes import forked

EVERYTHING = (
    "--start 2000-01-03 --end 2020-12-31 --ticker VOD --date-column Day --close-column Last --date-format %d.%m.%Y "
    "--validate-from 2013-01-02 --test-from 2015-01-02 --refit-every 63 --training sliding:2520 --embargo 5 "
    "--lookback 30 --horizon 3 --paths 200 --hidden-size 8 --layers 2 --dropout 0.1 --seeds 2 --seed 7 "
    "--learning-rate 0.02 --weight-decay 0.03 --batch-size 4 --steps 9 --supervision last-step --device auto "
    "--cost 2.5 --max-age 3 --timeout 9.5"
)


def test_every_option_arrives_in_the_configuration(run: Run, home: Path) -> None:
    several = "--cell gru --cell lstm --baseline har-t --baseline garch-t --no-final-fit --warm-start"
    assert run("backtest", "VOD.L", *EVERYTHING.split(), *several.split()).code == 0
    call = run.last("backtest")
    assert call.values("source", "home", "keep_rows") == ("VOD.L", home, True)
    read, config = call.values("read", "config")
    assert call["fetch_session"].config == FetchConfig(max_age=3, timeout=9.5)
    assert config == BacktestConfig(
        cells=("gru", "lstm"),
        network=NetworkConfig("lstm", 8, 2, 0.1, 30),
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
        folds=FoldConfig(date(2015, 1, 2), 63, 2520, 5, validate_from=date(2013, 1, 2)),
        baselines=("har-t", "garch-t"),
        horizon=3,
        paths=200,
        warm_start=True,
        cost=2.5,
    )
    assert (read.start, read.end, read.ticker) == (date(2000, 1, 3), date(2020, 12, 31), "VOD")
    assert (read.date_column, read.close_column, read.date_format) == ("Day", "Last", "%d.%m.%Y")


@pytest.mark.parametrize("init", ["scratch", "general", "sp500"])
def test_what_the_networks_begin_with_arrives(run: Run, init: str) -> None:
    assert run("backtest", "good", "--init", init).code == 0
    assert run.last("backtest")["config"] == BacktestConfig(init=init)


def test_without_options_the_defaults_decide(run: Run) -> None:
    assert run("backtest", "good").code == 0
    assert run.last("backtest")["config"] == BacktestConfig()
    assert run("backtest", "good", "--refit-every", "year", "--training", "expanding").code == 0
    assert [call["config"] for call in run.of("backtest")] == [BacktestConfig()] * 2


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--training", "rolling:5"], 2, "'rolling:5' is neither expanding nor sliding:N, such as sliding:2520"),
        (["--training", "sliding"], 2, "'' is no whole number"),
        (["--training", "sliding:x"], 2, "'x' is no whole number"),
        (["--training", "sliding:100"], 3, "a sliding window of 100 sessions is not within 310 .. 100000"),
        (["--refit-every", "month"], 2, "'month' is no whole number"),
        (["--refit-every", "0"], 3, "refit every 0 is neither a number of sessions nor 'year'"),
        (["--embargo", "-1"], 3, "an embargo of -1 sessions"),
        (["--cell", "transformer"], 2, "'transformer' is not one of lstm, gru, rnn"),
        (["--cell", "gru", "--cell", "gru"], 3, "a cell is named twice"),
        (["--test-from", "soon"], 2, "'soon' is no date"),
        (["--horizon", "251"], 3, "a horizon of 251 sessions is not within 1 .. 250"),
        (["--cost", "-1"], 3, "a cost of -1 basis points"),
        (["--steps", "3", "--epochs", "3"], 2, "--steps and --epochs"),
        (["--output", "rows.xlsx"], 3, "rows.xlsx"),
        (["--output", "/no/such/rows.csv"], 2, "folder /no/such of --output"),
        (["--table", "table.html"], 3, "table.html"),
        (["--table", "/no/such/table.md"], 2, "folder /no/such of --table"),
        (["--horizon", "0"], 3, "a horizon of 0 sessions is not within 1 .. 250"),
        (["--paths", "5"], 3, "5 simulated paths are not within 100 .. 100000"),
        (["--validate-from", "2015-01-02"], 3, "--validate-from 2015-01-02 is not before --test-from None"),
    ],
)
def test_wrong_words_are_refused_before_any_work(run: Run, words: list[str], code: int, says: str) -> None:
    outcome = run("backtest", "good", *words)
    assert (outcome.code, outcome.out) == (code, "")
    assert says in outcome.err.splitlines()[0]
    assert run.calls == []
    document = run("backtest", "good", *words, "--json").json
    assert (document["schema"], document["ok"]) == ("stockcast.backtest/1", False)


def test_a_dry_run_draws_the_folds_and_fits_nothing(run: Run) -> None:
    outcome = run("backtest", "good", "other", "--dry-run", "--refit-every", "9")
    assert outcome.code == 0
    assert [call.name for call in run.calls] == ["plan", "plan"]
    assert run.last("plan")["config"].folds.refit_every == 9
    assert outcome.out.startswith("good\n")
    assert "█ test" in outcome.out
    assert "2018-07-02" in outcome.out
    assert "\nother\n" in outcome.out
    assert outcome.out.endswith("\n2 pieces of work: about 9 s on a core.\n")
    two = run("backtest", "good", "other", "--dry-run", "--jobs", "2")
    assert "about 5 s with 2 jobs, each with up to 1.0 GiB of memory." in two.out


def test_a_dry_run_as_json_lists_the_folds_and_keeps_failures_apart(run: Run) -> None:
    outcome = run("backtest", "good", "bad", "--dry-run", "--json")
    assert outcome.code == 4
    document = outcome.json
    assert document["schema"] == "stockcast.backtest/1"
    (entry,) = document["data"]
    assert entry["ticker"] == "good"
    assert entry["folds"][0]["test"] == ["2018-07-02", "2018-12-31", 127]
    assert (entry["pieces"], entry["seconds"]) == (1, 4.2)
    assert [(error["source"], error["kind"]) for error in document["errors"]] == [("bad", "data")]


def test_the_report_is_on_stdout_and_the_story_on_stderr(run: Run) -> None:
    outcome = run("backtest", "good", "other")
    assert outcome.code == 0
    assert outcome.out.startswith("good: 2 folds")
    assert "All 2 tickers" in outcome.out
    assert "good: fold 1 of 2: lstm ..." in outcome.err
    assert "was there already" not in outcome.err
    assert "good: fold 2 of 2 was there already" in run("backtest", "good", "-v").err
    assert [result.ticker for result in run.of("pooled")[0]["results"]] == ["good", "other"]


def test_one_failure_does_not_stop_the_others_and_is_not_pooled(run: Run) -> None:
    outcome = run("backtest", "good", "bad", "other", "--json")
    assert outcome.code == 4
    assert [entry["ticker"] for entry in outcome.json["data"]] == ["good", "other", "all"]
    assert [result.ticker for result in run.last("pooled")["results"]] == ["good", "other"]


def test_where_nothing_succeeds_nothing_is_pooled_or_saved(run: Run, tmp_path: Path) -> None:
    outcome = run("backtest", "bad", "--json", "--output", str(tmp_path / "rows.csv"))
    assert outcome.code == 4
    assert outcome.json["data"] == []
    assert [call.name for call in run.calls] == ["backtest"]
    assert run("backtest", "bad").out == ""


def test_all_forecasts_are_saved_in_one_file(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "rows.parquet"
    outcome = run("backtest", "good", "other", "--output", str(target))
    assert outcome.code == 0
    assert run.last("save_forecasts")["path"] == target
    assert f"forecasts saved in {target}" in outcome.err


@pytest.mark.parametrize(("suffix", "says"), [("md", "| lstm |"), ("tex", "\\toprule"), ("csv", "model,kind,crps_bp")])
def test_the_table_of_all_competitors_is_written_for_a_paper(run: Run, tmp_path: Path, suffix: str, says: str) -> None:
    target = tmp_path / f"table.{suffix}"
    outcome = run("backtest", "good", "other", "--table", str(target))
    assert outcome.code == 0
    assert says in target.read_text()
    assert f"table saved in {target}" in outcome.err
    assert run("backtest", "good", "--table", str(tmp_path / f"full.{suffix}")).code == 1


def test_a_file_that_cannot_be_written_costs_the_exit_code_but_not_the_answer(run: Run, tmp_path: Path) -> None:
    outcome = run("backtest", "good", "--output", str(tmp_path / "full.csv"))
    assert outcome.code == 1
    assert "No space left on device" in outcome.err
    assert "Verdict" in outcome.out


def test_ctrl_c_says_that_finished_folds_are_kept_and_shows_what_is_done(run: Run) -> None:
    outcome = run("backtest", "good", "stop", "other", "--json")
    assert outcome.code == 130
    (error,) = outcome.json["errors"]
    assert error["message"] == "interrupted; finished folds are kept"
    assert error["hint"] == "the same command goes on from there"
    assert error["kind"] == "interrupted"
    assert "good" in [entry["ticker"] for entry in outcome.json["data"]]
    assert [call["source"] for call in run.of("backtest")] == ["good", "stop"]


def test_one_ticker_name_for_two_files_is_refused(run: Run) -> None:
    assert run("backtest", "A", "B", "--ticker", "X").code == 2


def test_a_saved_model_is_scored_with_the_options_that_are_no_training(run: Run, home: Path) -> None:
    words = "--model pool --test-from 2016-01-04 --refit-every 63 --training sliding:2520 --baseline har-t --horizon 2"
    outcome = run("backtest", "good", "other", *words.split(), "--json")
    assert [entry["ticker"] for entry in outcome.json["data"]] == ["good", "other", "all"]
    assert "good: the market of 3 of 9 origins is not known\n" in outcome.err
    tested = run.of("backtest_pretrained")
    (model,) = {call["pretrained"] for call in tested}
    assert (model.name, model.markets.sources, model.prices.home) == ("pool", ("good", "other"), home)
    expected = BacktestConfig(folds=FoldConfig(date(2016, 1, 4), 63, 2520), baselines=("har-t",), horizon=2)
    assert [call.values("source", "config", "keep_rows") for call in tested] == [
        (source, expected, True) for source in ("good", "other")
    ]


def test_a_dry_run_with_a_saved_model_draws_its_folds(run: Run) -> None:
    assert run("backtest", "good", "--model", "pool", "--dry-run").code == 0
    call = run.last("plan_pretrained")
    assert (call["source"], call["pretrained"].name, call["config"]) == ("good", "pool", BacktestConfig())


@pytest.mark.parametrize("words", ["", "--model general"])
def test_a_dry_run_says_how_the_file_is_read(words: str, tmp_path: Path) -> None:
    file = synthetic.write_csv(tmp_path / "FAKE.csv", synthetic.on_exchange("FAKE", date(2021, 4, 30), 700))
    file.write_text(file.read_text() + "Average,1,1,1,1,1,1\n")
    done = forked("backtest", file, "--dry-run", *words.split(), "--home", tmp_path, folder=tmp_path).succeeded()
    assert "FAKE: 1 row that is no bar was left out: 1 of summaries or remarks (row 702)." in done.err


def test_without_the_model_nothing_is_scored_and_the_exit_code_is_that_of_a_model(run: Run) -> None:
    outcome = run("backtest", "gone", "--model", "gone", "--json")
    assert (outcome.code, outcome.json["errors"][0]["kind"]) == (6, "model")


@pytest.mark.parametrize(
    "words",
    [
        "--cell lstm", "--lookback 60", "--hidden-size 16", "--layers 1", "--dropout 0.3", "--seeds 4", "--seed 0",
        "--learning-rate 0.005", "--weight-decay 0.3", "--batch-size 4", "--steps 9", "--epochs 2",
        "--supervision every-step", "--device cpu", "--final-fit", "--no-final-fit", "--warm-start", "--init scratch",
    ],
)  # fmt: skip
def test_an_option_of_a_training_contradicts_a_saved_model_even_with_its_default(run: Run, words: str) -> None:
    outcome = run("backtest", "good", "--model", "pool", *words.split())
    assert (outcome.code, run.calls) == (2, [])
    assert f"{words.split(maxsplit=1)[0].replace('--no-', '--')} and --model contradict each other" in outcome.err


def test_the_installed_command_saves_forecasts_from_which_its_scores_can_be_had_again(tmp_path: Path) -> None:
    h = synthetic.history(600)
    file, target = synthetic.write_csv(tmp_path / "FAKE.csv", h), tmp_path / "rows.csv"
    words = (
        "backtest", file, "--test-from", str(h.session(520)), "--refit-every", "50", "--training", "sliding:400",
        "--lookback", "20", "--seeds", "1", "--steps", "5", "--baseline", "har-t", "--baseline", "random-walk",
        "--horizon", "2", "--paths", "100", "--warm-start", "--validate-from", str(h.session(430)),
        "--json", "--output", target,
    )  # fmt: skip
    (entry,) = forked(*words, "--home", tmp_path, folder=tmp_path).succeeded().data
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    assert len(rows) == 3 * (80 + 79)
    assert len({(row["ticker"], row["origin"], row["horizon"], row["model"]) for row in rows}) == len(rows)
    levels = np.arange(1, 100) / 100
    for score in entry["scores"]:
        step = score["horizon"]
        own = [row for row in rows if (row["model"], row["horizon"]) == (score["model"], str(step))]
        assert [row["target_session"] for row in own] == [str(day) for day in h.dates[519 + step :]]
        assert score["n"] == len(own) == 81 - step
        assert np.mean([float(row["crps"]) for row in own]) == pytest.approx(score["crps"])
        # The CRPS is twice the pinball loss over all levels; 99 of them come close to it.
        y_N1 = np.array([[float(row["realised_return"])] for row in own])
        error_NQ = y_N1 - np.array([[float(row[f"q{percent:02d}"]) for percent in range(1, 100)] for row in own])
        pinball = np.maximum(levels * error_NQ, (levels - 1) * error_NQ).mean()
        assert 2 * pinball == pytest.approx(score["crps"], rel=0.03)
        assert float(np.mean((error_NQ[:, 4] >= 0) & (error_NQ[:, 94] <= 0))) == pytest.approx(score["coverage_90"])
    assert [score["horizon"] for score in entry["scores"]] == [1] * 3 + [2] * 3
    assert [fold["test"][2] for fold in entry["folds"]] == [50, 30]
    assert entry["splits"]["validation"]["first"] == str(h.session(430))
    assert [fold["validation"][2] for fold in entry["folds"]] == [90, 90]
    assert [fold["train"][2] + fold["validation"][2] for fold in entry["folds"]] == [400, 400]
