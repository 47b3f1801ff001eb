"""A setting has one definition: what is made of it, and what is said where a value is none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from stockcast.cli.commands import COMMANDS, application
from stockcast.config import FetchConfig, NetworkConfig, TrainingConfig, now
from stockcast.config.models import BacktestConfig
from stockcast.config.settings import Bounds
from stockcast.errors import ConfigError
from tests.processes import ROOT

FIELD = '    lookback: int = setting(60, "Sessions in one input window"'
MADE_UP = '    whimsy: int = setting(7, "A setting that a test made up", NETWORK, bounds=Bounds(1, 9, "whims"))\n'


@pytest.mark.parametrize("year", ["0001-01-01", "1700-01-01", "9999-12-31T23:59:59-12:00"])
def test_a_clock_of_a_year_without_calendars_is_refused(year: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKCAST_NOW", year)
    with pytest.raises(ConfigError, match=f"STOCKCAST_NOW is '{year}'"):
        now()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source with one line more: a setting of the network."""
    folder = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "stockcast", folder / "stockcast", ignore=shutil.ignore_patterns("__pycache__"))
    models = folder / "stockcast/config/models.py"
    text = models.read_text()
    assert text.count(FIELD) == 1
    models.write_text(text.replace(FIELD, MADE_UP + FIELD))
    return folder


def played(tree: Path, *words: str, code: str | None = None) -> str:
    """What a command line, or Python code, of that source prints."""
    begun = [sys.executable, "-P", *(["-c", code] if code else ["-m", "stockcast", *words])]
    environment = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "120", "STOCKCAST_HOME": str(tree / "home")}
    done = subprocess.run(begun, cwd=tree, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_setting_is_an_option_with_help_panel_and_default(tree: Path) -> None:
    for command in ("train", "backtest", "report", "audit"):
        shown = played(tree, command, "--help")
        assert "whimsy" not in shown.partition("─ Network ─")[0]
        line = next(line for line in shown.splitlines() if "--whimsy" in line)
        assert "A setting that a test made up [default: 7]" in line
    assert "whimsy" not in played(tree, "predict", "--help")


def test_a_new_setting_is_a_key_with_its_comment(tree: Path) -> None:
    played(tree, "run", "--write-config")
    text = (tree / "stockcast.toml").read_text()
    assert "# whimsy = 7  # a setting that a test made up\n" in text.partition("[model]")[2].partition("[output]")[0]
    (tree / "mine.toml").write_text('tickers = ["AAA"]\n[model]\nwhimsy = 3\n')
    code = (
        "from pathlib import Path; from stockcast.config.runfile import load_run_config;"
        "print(load_run_config(Path('mine.toml')).train.network.whimsy)"
    )
    assert played(tree, code=code) == "3\n"


def test_a_new_setting_is_in_the_documentations_tables(tree: Path) -> None:
    code = f"import sys; sys.path.append({str(ROOT / 'docs/tools')!r}); import reference; print(reference.%s())"
    sections = played(tree, code=code % "command_reference").split("## stockcast ")
    found = {section.split("\n")[0]: line for section in sections for line in section.split("\n") if "--whimsy" in line}
    assert list(found) == ["train", "backtest", "tune", "report", "audit"]
    assert all("A setting that a test made up" in line and "7" in line for line in found.values())
    assert "# whimsy = 7  # a setting that a test made up" in played(tree, code=code % "settings")


def test_a_new_setting_is_kept_in_the_manifest(tree: Path) -> None:
    words = ["--seeds", "1", "--steps", "1", "--hidden-size", "2", "--start", "2009-01-02", "--no-final-fit"]
    played(tree, "train", str(ROOT / "data/GOOG.csv"), *words, "--whimsy", "5", "--quiet")
    manifest = json.loads((tree / "home/models/GOOG/manifest.json").read_text())
    assert manifest["config"]["network"]["whimsy"] == 5
    assert manifest["config"]["network"]["hidden_size"] == 2


# What is there.


def options(command: Any) -> dict[str, Any]:
    """The options of a command by name."""
    return {parameter.name: parameter for parameter in command.params if parameter.param_type_name == "option"}


def test_a_command_shares_its_help_with_the_others() -> None:
    root: Any = get_command(application())
    train, backtest = options(root.commands["train"]), options(root.commands["backtest"])
    for name in ("lookback", "learning_rate", "with_", "known_ahead", "offline", "home", "date_format", "start"):
        assert (train[name].help, train[name].metavar) == (backtest[name].help, backtest[name].metavar)
    assert train["final_fit"].help != backtest["final_fit"].help


def test_panels_stand_in_one_order_in_every_command() -> None:
    from stockcast.config.settings import PANELS

    root: Any = get_command(application())
    assert root.commands.keys() == COMMANDS.keys()
    for command in root.commands.values():
        for leaf in getattr(command, "commands", {"": command}).values():
            seen = dict.fromkeys(option.rich_help_panel for option in options(leaf).values())
            assert list(seen) == [panel for panel in PANELS if panel in seen]


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (lambda: NetworkConfig(cell="lstn"), "unknown cell 'lstn'", "choose one of lstm, gru, rnn"),
        (lambda: BacktestConfig(cells=("gru", "x")), "unknown cell 'x'", "choose some of lstm, gru, rnn"),
        (lambda: NetworkConfig(dropout=1.0), "dropout 1.0 is not within 0 .. 1", ""),
        (lambda: NetworkConfig(lookback=1), "lookback 1 is not within 2 .. 1000 sessions", ""),
        (lambda: TrainingConfig(learning_rate=0.0), "learning rate 0.0 is not within 0 .. 1", ""),
        (lambda: TrainingConfig(seed=2**31), "seed 2147483648 is not within 0 .. 2147483647", ""),
        (lambda: TrainingConfig(steps=3, epochs=3), "steps and epochs are two ways to say one thing", "give one"),
        (lambda: FetchConfig(timeout=0.0), "a time limit of 0 s is not within 0 .. 86400 s", ""),
    ],
)
def test_a_value_that_is_none_is_refused_with_what_is_allowed(wrong: Any, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        wrong()
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_bounds_hold_their_ends_unless_these_are_left_out() -> None:
    assert [Bounds(1, 3).hold(value) for value in (0, 1, 3, 4)] == [False, True, True, False]
    assert [Bounds(0, 1, inner="most").hold(value) for value in (0.0, 0.5, 1.0)] == [True, True, False]
    assert [Bounds(0, 1, inner="least").hold(value) for value in (0.0, 0.5, 1.0)] == [False, True, True]
    assert not Bounds(0, 1).hold(float("nan"))
