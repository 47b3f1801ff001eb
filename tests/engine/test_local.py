"""Pieces in processes of this machine: same results, threads, losses, interruptions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from stockcast.engine.local import Local, do, free_memory, usual_jobs
from stockcast.engine.pieces import Piece, Task, run_all
from stockcast.errors import PieceLost
from stockcast.progress import Silent
from tests.engine.pieces import Here, Squared, Waiting, answers, ended, lives, pid, squares, until, waiting
from tests.processes import environment


@pytest.fixture
def engine() -> Iterator[Local]:
    found = Local(2)
    yield found
    found.close()


def test_pieces_come_back_as_they_were_made_or_as_their_own_errors(
    engine: Local, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = answers(engine, tmp_path, "the process that did it was killed, twice")
    assert "--jobs" in found["killed"].error.hint  # type: ignore[union-attr]
    assert found["threads"].made["heard"] is False  # a Ctrl-C is the command's
    heard = capfd.readouterr()
    assert "a library speaks" in heard.err
    assert heard.out == ""  # stdout is the answer's


def test_a_piece_that_no_worker_can_read_says_why_and_the_others_are_done(engine: Local) -> None:
    found = ended(engine, Piece("it", Here(os.getpid()), 3), Piece("other", Squared(), 3))
    error = found["it"].error
    assert isinstance(error, PieceLost)
    assert error.message.startswith("it: what its process was sent")
    assert error.message.endswith("ModuleNotFoundError: No module named 'elsewhere'")
    assert "--jobs 1" in error.hint
    assert found["other"].made == 9


def test_the_next_piece_is_begun_while_the_command_is_busy_elsewhere(tmp_path: Path) -> None:
    engine = Local(1)
    engine.submit(Piece("first", Squared(), 3))
    engine.submit(Piece("second", Waiting(str(tmp_path)), 1))
    (pid,) = waiting(tmp_path, 1)  # nobody asked yet what the first one made
    assert engine.finished().made == 9
    engine.close()
    assert not lives(pid)


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_is_replaced(engine: Local) -> None:
    (before,) = ended(engine, Piece("before", pid)).values()
    os.kill(before.made, signal.SIGKILL)
    found = ended(engine, *(Piece(name, Squared(), 3) for name in ("first", "second", "third")))
    assert [done.made for done in found.values()] == [9, 9, 9]


def test_tasks_share_workers(engine: Local) -> None:
    tasks = [Task(partial(squares, [1, 2]), Silent()), Task(partial(squares, [3], rounds=2), Silent())]
    found = {one.place: one.result for one in run_all(tasks, engine, ahead=2)}
    assert found == {0: [1, 4], 1: [81]}


def test_closing_ends_at_once_what_is_being_done(engine: Local, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        engine.submit(Piece(str(number), Waiting(str(tmp_path)), number))
    pids = waiting(tmp_path, 2)
    engine.close()
    assert not any(map(lives, pids))


def test_workers_do_not_outlive_a_command_that_was_killed_nor_is_anything_said_of_what_they_leave(
    tmp_path: Path,
) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.pieces", str(tmp_path), "local"], env=environment(),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    pids = waiting(tmp_path, 2)
    files = [Path(f"/proc/{pid}/status") for pid in pids]
    status = [path.read_text(encoding="utf-8") for path in files if path.exists()]
    command.kill()
    _, err = command.communicate()
    until(lambda: not any(map(lives, pids)))
    # They heard of no Ctrl-C from their very beginning on.
    assert all(int(one.partition("SigBlk:")[2].split()[0], 16) >> (signal.SIGINT - 1) & 1 for one in status)
    assert "leaked" not in err


def test_there_is_a_job_for_every_core_that_may_be_used_if_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loky.cpu_count", lambda: 8)
    for gib, jobs in ((64, 8), (3, 3), (0, 1)):
        monkeypatch.setattr("stockcast.engine.local.free_memory", lambda gib=gib: gib << 30)
        assert usual_jobs() == jobs
    monkeypatch.undo()
    assert free_memory() > 0
    assert usual_jobs() <= max(1, len(os.sched_getaffinity(0)))


def test_what_a_worker_does_is_done_alike_here(capsys: pytest.CaptureFixture[str]) -> None:
    made, error, notes = do(Squared(), 4)
    assert (made, error, notes) == (16, None, (("squaring 4", True),))
    capsys.readouterr()
