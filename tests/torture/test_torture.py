"""A handful of each kind of torture, and that a violation is seen. `make torture` plays them by the thousand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stockcast.errors import DataError
from tests.torture import crowds, environments, fuzzing, kills, life
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


@pytest.mark.parametrize("seed", [0, 6, 11], ids=lambda seed: kills.COMMANDS[seed % len(kills.COMMANDS)][0])
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
    assert life.play(0, tmp_path, sessions=3) == []
