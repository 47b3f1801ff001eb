"""A handful of each kind of torture, and that a violation is seen. `make torture` plays them by the thousand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stockcast.errors import DataError
from tests.processes import LIMIT, environment
from tests.torture import crowds, environments, fuzzing, kills, life, playing
from tests.torture.kinds import Kind
from tests.torture.readers import READERS


def _refuse(message: str, hint: str = "do this") -> None:
    raise DataError(message, hint)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (lambda: np.zeros(2)[2], "IndexError at"),
        (lambda: np.array([1.0, np.inf]), "not finite was taken: ndarray"),
        (lambda: _refuse("one\ntwo"), "not one line"),
        (lambda: _refuse("one", ""), "no hint"),
    ],
)
def test_a_violation_is_told_once(case: fuzzing.Case, said: str, tmp_path: Path) -> None:
    (found,) = fuzzing.cases("made up", lambda _draw, _folder: lambda: case, 0, tmp_path, 3)
    assert said in found
    assert fuzzing.cases("made up", lambda _draw, _folder: lambda: lambda: _refuse("one"), 0, tmp_path, 3) == []


@pytest.mark.parametrize(("name", "reader"), dict(READERS).items())
def test_what_is_read_is_taken_or_refused_in_words(name: str, reader: fuzzing.Reader, tmp_path: Path) -> None:
    assert fuzzing.cases(name, reader, 0, tmp_path, 25) == []


@pytest.mark.parametrize("seed", [0, 6, 8, 11, 15], ids=lambda seed: kills.COMMANDS[seed % len(kills.COMMANDS)][0])
def test_what_was_killed_is_completed(seed: int, tmp_path: Path) -> None:
    assert kills.play(seed, tmp_path) == []


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_wrong_around_it_a_command_answers(seed: int, tmp_path: Path) -> None:
    for kind in (environments.environment, environments.damage):
        folder = tmp_path / kind.__name__
        folder.mkdir()
        assert kind(seed, folder) == []


def test_evenings_on_which_the_clock_jumps(tmp_path: Path) -> None:
    assert environments.clock(0, tmp_path, evenings=3) == []


def test_four_at_once_do_everything_once(tmp_path: Path) -> None:
    assert crowds.play(0, tmp_path, crowd=4) == []


def test_evenings_follow_one_another(tmp_path: Path) -> None:
    assert life.play(0, tmp_path, sessions=3, largest=100) == []


def _dies(seed: int, _folder: Path) -> list[str]:
    if seed == 1:
        os.abort()
    return []


def test_a_case_that_kills_its_process_is_a_violation_and_the_others_are_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "TALLY", tmp_path / "build" / "tally")
    assert playing.play_all([Kind("deaths", 40, _dies)], 1.0) == 1
    played = [json.loads(line) for line in playing.TALLY.read_text().splitlines()]
    assert {it["seed"]: it["violations"] for it in played} == {
        0: [], 1: ["the process that played it died"], 2: [], 3: []
    }  # fmt: skip


def _sleeps(_seed: int, folder: Path) -> list[str]:
    Path(os.environ["TOLD"]).write_text(str(os.getpid()))
    time.sleep(LIMIT)
    return [str(folder)]


@pytest.mark.skipif(os.name == "nt", reason="processes are killed otherwise there")
def test_no_worker_outlives_a_runner_that_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = (
        "from pathlib import Path\n"
        "from tests.torture import playing, test_torture\n"
        "from tests.torture.kinds import Kind\n"
        f"playing.TALLY = Path({str(tmp_path / 'tally')!r})\n"
        "playing.play_all([Kind('sleeps', 10, test_torture._sleeps)], 1.0)\n"
    )
    runner = subprocess.Popen([sys.executable, "-c", code], env=environment(TOLD=str(told)))
    try:
        worker = _soon(lambda: int(told.read_text()) if told.exists() and told.read_text() else None)
    finally:
        runner.kill()
        runner.wait()
    assert _soon(lambda: not _lives(worker))


def _soon(find: Callable[[], Any]) -> Any:
    """What is found within a minute; None after it."""
    for _ in range(600):
        if found := find():
            return found
        time.sleep(0.1)
    return None


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text() if Path("/proc").exists() else True
