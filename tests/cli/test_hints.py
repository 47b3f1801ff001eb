"""What the program advises can be done: each option that it names is given to the command that names it, and helps."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn

import pytest
from typer.main import get_command

from docs.tools import reference
from stockcast.cli.commands import application
from stockcast.config.settings import options_of
from stockcast.config.sources import ReadOptions
from stockcast.errors import StockcastError
from tests import synthetic
from tests.cli.hintcases import CASES, NO_ADVICE, PROVIDER, prepare
from tests.cli.hints import REACHED, Case, is_covered, said
from tests.pipeline.provider import LAST, evening
from tests.processes import Completed

OF_FILES = ("train", "predict", "explain", "backtest", "report", "check", "audit")


class Reached(StockcastError):  # noqa: N818 - no error: a training that is not done
    """A training that would begin."""

    exit_code = REACHED


def _not_done(*_: object, **__: object) -> NoReturn:
    raise Reached("a training would begin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the cases, and a home with models of an earlier version."""
    folder = tmp_path_factory.mktemp("hints")
    prepare(folder)
    return folder


@pytest.fixture
def play(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], Completed]]:
    """Runs a command line of the real program in this process."""
    shutil.copytree(folder, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("STOCKCAST_HOME", "home")
    monkeypatch.setenv("STOCKCAST_NOW", evening(LAST).isoformat())
    monkeypatch.setenv("COLUMNS", "400")
    PROVIDER.install(monkeypatch)
    handler = signal.getsignal(signal.SIGINT)

    def run(line: str) -> Completed:
        capsys.readouterr()
        words = shlex.split(line)
        code = get_command(application(words)).main(words, standalone_mode=False)
        return Completed(code or 0, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGINT, handler)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_advice_that_names_an_option_helps(
    case: Case, play: Callable[[str], Completed], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not case.trains:
        monkeypatch.setattr("stockcast.pipeline.trainer.Trainer.learn", _not_done)
        monkeypatch.setattr("stockcast.pipeline.walking.Walk.steps", _not_done)
    if case.patch is not None:
        case.patch(monkeypatch)
    with synthetic.only_baselines("random-walk", "har-t", "garch-t") if case.trains else nullcontext():
        before = play(case.line)
        told = before.out + before.err
        found = re.search(case.pattern, told, re.DOTALL)
        assert found, told
        after = play(case.follow.format(*found.groups()))
    assert after.code == case.then, after.err
    assert not re.search(case.pattern, after.out + after.err, re.DOTALL)


def test_every_option_that_is_advised_has_a_case() -> None:
    hints = {hint for case in CASES for hint in case.hints} | NO_ADVICE.keys()
    literals = list(said())
    without = [one for one in literals if not any(is_covered(*one, hint) for hint in hints)]
    assert not without
    stale = [hint for hint in hints if not any(is_covered(*one, hint) for one in literals)]
    assert not stale


def test_what_is_wrong_with_a_covariate_is_not_for_options_about_the_prices(play: Callable[[str], Completed]) -> None:
    told = play("train GOOD.csv --with columns.csv").failed(4, "the covariate columns: columns.csv has no column")
    assert "hint: write it as Date,Close" in told.err
    assert not any(flag in told.err for option in options_of(ReadOptions) for flag in option.flags)


@pytest.mark.parametrize("name", OF_FILES)
def test_whatever_reads_files_takes_every_reading_option(name: str) -> None:
    (command,) = (one for one in reference.commands() if one.words == name)
    taken = {flag for option in command.options for flag in option.names}
    wanted = {flag for option in options_of(ReadOptions) for flag in option.flags}
    assert wanted <= taken
