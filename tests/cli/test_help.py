"""Help, version, and that what help says about defaults is what the configuration does."""

from __future__ import annotations

import pytest
from typer.main import get_command

from stockcast.cli.commands import COMMANDS, application
from stockcast.config import NetworkConfig, PredictConfig, TrainConfig, TrainingConfig
from stockcast.config.settings import options_of
from tests.cli.conftest import Run


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize(
    "command",
    [["train"], ["predict"], ["reproduce"], *(["models", name] for name in ("list", "show", "export", "remove"))],
)
def test_every_command_has_help_with_the_shared_options(run: Run, command: list[str], flag: str) -> None:
    outcome = run(*command, flag)
    assert outcome.code == 0
    for option in ("--home", "STOCKCAST_HOME", "--json", "--quiet", "-q", "--verbose", "-v"):
        assert option in outcome.out


def test_options_are_grouped_in_panels(run: Run) -> None:
    shown = run("train", "--help").out
    places = [shown.index(f"─ {panel} ─") for panel in ("Data", "Split", "Network", "Training", "Output")]
    assert places == sorted(places)


def test_defaults_in_help_are_those_of_the_configuration() -> None:
    train = get_command(application()).commands["train"]  # type: ignore[attr-defined]
    defaults = {parameter.name: parameter.default for parameter in train.params}
    for config in (NetworkConfig(), TrainingConfig(), TrainConfig()):
        known = {option.name: option.default for option in options_of(type(config)) if option.name in defaults}
        assert known == {name: getattr(config, name) for name in known}
        assert known == {name: defaults[name] for name in known}
        assert known
    predict = get_command(application()).commands["predict"]  # type: ignore[attr-defined]
    settings = {parameter.name: parameter.default for parameter in predict.params}
    assert vars(PredictConfig()) == {name: settings[name] for name in vars(PredictConfig())}


def test_the_names_that_error_reports_know_are_those_of_the_app() -> None:
    root = get_command(application())
    found = {name: tuple(getattr(command, "commands", ())) for name, command in root.commands.items()}  # type: ignore[attr-defined]
    assert found == {name: tuple(known.commands or ()) for name, known in COMMANDS.items()}


def test_the_version_is_one_line(run: Run) -> None:
    outcome = run("--version")
    assert outcome.code == 0
    assert outcome.out.startswith("stockcast ")
    assert outcome.out.count("\n") == 1


@pytest.mark.parametrize("words", [["--version", "-v"], ["-v", "--version"], ["--version", "--verbose"]])
def test_the_version_with_those_of_what_forecasts_depend_on(run: Run, words: list[str]) -> None:
    lines = run(*words).succeeded().out.splitlines()
    names = ["stockcast", "Python", "numpy", "scipy", "pandas", "torch", "yfinance", "arch", "exchange_calendars"]
    assert [line.split()[0] for line in lines] == names
    assert all(len(line.split()) == 2 for line in lines)


def test_verbose_before_a_command_is_wrong_usage(run: Run) -> None:
    outcome = run("-v", "predict", "AAPL")
    assert outcome.code == 2
    assert "no such option: -v" in outcome.err
    assert "stockcast predict -v" in outcome.err


def shown(arguments: list[str] | None) -> dict[str, str]:
    """The commands and what the root's help says of them."""
    commands = get_command(application(arguments)).commands  # type: ignore[attr-defined]
    return {name: " ".join(command.get_short_help_str(1000).split()) for name, command in commands.items()}


def test_help_says_of_each_command_what_the_command_says_of_itself() -> None:
    assert shown([]) == shown(None)
    assert list(shown([])) != []
    assert set(shown([])) == set(COMMANDS)


@pytest.mark.parametrize("words", [["predict"], ["-x", "predict", "A"], ["predict", "--help"]])
def test_only_the_command_that_is_called_has_its_options(words: list[str]) -> None:
    commands = get_command(application(words)).commands  # type: ignore[attr-defined]
    assert [name for name, command in commands.items() if len(getattr(command, "params", ())) > 1] == ["predict"]


def test_an_unknown_word_meets_every_command_in_full() -> None:
    commands = get_command(application(["--", "predict"])).commands  # type: ignore[attr-defined]
    assert len(commands["predict"].params) > 1
    unknown = get_command(application(["predit"])).commands  # type: ignore[attr-defined]
    assert all(len(unknown[name].params) > 1 for name in ("train", "predict"))
