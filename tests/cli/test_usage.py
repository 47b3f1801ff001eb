"""Wrong usage: exit code 2, a line and a hint on stderr, and one JSON object where JSON was asked for."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run

WRONG = {
    "no such command": (["predikt", "AAPL"], "no such command 'predikt'. Did you mean 'predict'?", "stockcast/1"),
    "no such subcommand": (["models", "lst"], "Did you mean 'list'?", "stockcast.models/1"),
    "no such option": (["predict", "AAPL", "--jsn"], "no such option: --jsn", "stockcast.predict/1"),
    "no source": (["train"], "missing argument 'SOURCE'", "stockcast.train/1"),
    "no name": (["models", "show"], "missing argument 'NAME'", "stockcast.models.show/1"),
    "no value": (["train", "AAPL", "--lookback"], "requires an argument", "stockcast.train/1"),
    "no number": (["train", "AAPL", "--lookback", "x"], "'x' is no whole number", "stockcast.train/1"),
    "no decimal": (["train", "AAPL", "--dropout", "x"], "'x' is no number", "stockcast.train/1"),
    "not finite": (["train", "AAPL", "--learning-rate", "nan"], "'nan' is not finite", "stockcast.train/1"),
    "no date": (
        ["train", "AAPL", "--start", "1/2/2021"],
        "'1/2/2021' is no date; write YYYY-MM-DD",
        "stockcast.train/1",
    ),
    "no such day": (["predict", "A", "--as-of", "2021-02-30"], "day is out of range for month", "stockcast.predict/1"),
    "no such cell": (["train", "A", "--cell", "LSTN"], "'LSTN' is not one of lstm, gru, rnn", "stockcast.train/1"),
    "no such user": (["predict", "A", "--home", "~nobody7/x"], "folder ~nobody7 is not known", "stockcast.predict/1"),
    "empty source": (["predict", ""], "invalid value for 'SOURCE': it is empty", "stockcast.predict/1"),
    "two lengths": (["train", "A", "--steps", "3", "--epochs", "3"], "--steps and --epochs", "stockcast.train/1"),
    "two moods": (["predict", "A", "-q", "-v"], "--quiet and --verbose contradict", "stockcast.predict/1"),
    "one name for two": (["train", "A", "B", "--name", "X"], "--name X with 2 sources", "stockcast.train/1"),
    "one ticker for two": (["predict", "A", "B", "--ticker", "X"], "--ticker X with 2", "stockcast.predict/1"),
    "a policy's option": (["train", "A", "--utility", "sharpe"], "--utility without --policy", "stockcast.train/1"),
    "a fold's policy": (
        ["backtest", "A", "--gradient", "score"],
        "--gradient without --policy",
        "stockcast.backtest/1",
    ),
    "no such utility": (
        ["train", "A", "--policy", "--utility", "x"],
        "'x' is not one of mean-variance, sharpe",
        "stockcast.train/1",
    ),
    "a pool's policy": (
        ["train", "A", "B", "--pool", "--name", "X", "--policy"],
        "--policy and --pool contradict",
        "stockcast.train/1",
    ),
    "a saved model's policy": (
        ["backtest", "A", "--model", "X", "--policy"],
        "--policy and --model contradict",
        "stockcast.backtest/1",
    ),
    "no folder": (["predict", "A", "--output", "/no/such/f.csv"], "folder /no/such of --output", "stockcast.predict/1"),
    "a folder": (["predict", "A", "--output", "/"], "--output / is a folder", "stockcast.predict/1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_error_with_a_hint_on_stderr(run: Run, case: str) -> None:
    words, message, _ = WRONG[case]
    outcome = run(*words)
    assert outcome.code == 2
    assert outcome.out == ""
    lines = outcome.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert lines[1].startswith("  hint: ")


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_object_where_json_is_asked_for(run: Run, case: str) -> None:
    words, message, schema = WRONG[case]
    outcome = run(*words, "--json") if case != "no value" else run("train", "AAPL", "--json", "--lookback")
    assert outcome.code == 2
    document = outcome.json
    assert document["schema"] == schema
    assert document["ok"] is False
    assert document["data"] is None
    assert [error["kind"] for error in document["errors"]] == ["usage"]
    assert message in document["errors"][0]["message"]


def test_json_and_csv_contradict_each_other(run: Run) -> None:
    outcome = run("predict", "A", "--csv", "--json")
    assert outcome.code == 2
    assert "--json and --csv contradict" in outcome.json["errors"][0]["message"]


def test_a_value_that_the_configuration_refuses_is_a_configuration_error(run: Run) -> None:
    outcome = run("train", "A", "--horizon", "0", "--json")
    assert outcome.code == 3
    assert outcome.json["errors"][0]["kind"] == "config"


def test_a_suffix_without_a_format_is_refused_before_training(run: Run) -> None:
    outcome = run("train", "good", "--output", "rows.xlsx", "--json")
    assert outcome.code == 3
    assert "rows.xlsx" in outcome.json["errors"][0]["message"]


def test_a_word_after_two_dashes_does_not_ask_for_json(run: Run) -> None:
    outcome = run("predict", "--cvs", "--", "--json")
    assert outcome.code == 2
    assert outcome.out == ""


@pytest.mark.parametrize("words", [[], ["models"]])
def test_a_group_without_a_command_shows_its_help_and_fails(run: Run, words: list[str]) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert "Usage: stockcast" in outcome.out
    assert "Commands" in outcome.out
