"""The work of a command on several cores: the same answer, failures of their own, one Ctrl-C for all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import synthetic
from tests.processes import Completed, cold, environment, forked

SMALL = ["--lookback", "20", "--seeds", "1", "--baseline", "har-t", "--baseline", "random-walk", "--refit-every", "40"]
QUICK = [*SMALL, "--steps", "5"]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two good files with a bad one between them."""
    found = [
        synthetic.write_csv(tmp_path / f"{name}.csv", synthetic.history(600, seed)) for seed, name in enumerate("AC")
    ]
    short = synthetic.write_csv(tmp_path / "B.csv", synthetic.history(100))
    return [found[0], short, found[1]]


def done(jobs: int, *words: str | Path) -> Completed:
    """How a command line ended that had so many jobs; a forked process may have no workers."""
    run, now = (cold if jobs > 1 else forked), environment(STOCKCAST_NOW="2026-03-01T22:00:00Z")
    return run(*words, "--jobs", str(jobs), env=now)


def backtest(files: list[Path], home: Path, jobs: int, *words: str) -> Completed:
    return done(jobs, "backtest", *files, *QUICK, "--home", home, *words)


def folds_of(home: Path) -> dict[Path, bytes]:
    return {path.relative_to(home): path.read_bytes() for path in home.glob("backtests/*/*")}


def test_two_jobs_give_the_bytes_of_one_and_take_up_its_folds(files: list[Path], tmp_path: Path) -> None:
    tables = [tmp_path / "one.csv", tmp_path / "two.csv", tmp_path / "again.csv"]
    one = backtest(files, tmp_path / "1", 1, "--json", "--output", str(tables[0]))
    two = backtest(files, tmp_path / "2", 2, "--json", "--output", str(tables[1]))
    assert one.code == two.code == 4  # of the file that is too short
    assert one.out == two.out
    assert [error["source"] for error in two.errors] == [str(files[1])]
    assert folds_of(tmp_path / "1") == folds_of(tmp_path / "2") != {}
    again = backtest(files, tmp_path / "1", 2, "--json", "--output", str(tables[2]))
    assert all(fold["resumed"] for entry in again.data[:2] for fold in entry["folds"])
    assert len({table.read_bytes() for table in tables}) == 1
    assert "backtest: 3 sources, 2 jobs done" in two.err


def test_two_jobs_train_the_models_of_one(files: list[Path], tmp_path: Path) -> None:
    quick = ["--lookback", "20", "--seeds", "1", "--steps", "5", "--json"]
    # The second of two files with one ticker makes the model that stays.
    (tmp_path / "later").mkdir()
    again = synthetic.write_csv(tmp_path / "later" / "A.csv", synthetic.history(620, 9))
    homes = {jobs: tmp_path / str(jobs) for jobs in (1, 2)}
    trained = {jobs: done(jobs, "train", *files, again, *quick, "--home", home) for jobs, home in homes.items()}
    for jobs, found in trained.items():
        assert found.code == 4  # of the file that is too short
        assert [error["source"] for error in found.errors] == [str(files[1])]
        assert found.out.count(str(homes[jobs])) == 3
    one, two = (found.out.replace(str(homes[jobs]), "HOME") for jobs, found in trained.items())
    assert one == two
    models = [
        {path.relative_to(home): path.read_bytes() for path in home.rglob("models/*/*")} for home in homes.values()
    ]
    assert models[0] == models[1]
    assert {path.parent.name for path in models[0]} == {"A", "C"}
    assert "train: 4 sources, 2 jobs done" in trained[2].err


def test_two_jobs_audit_one_file_as_one_does(files: list[Path], tmp_path: Path) -> None:
    quick = ["--lookback", "20", "--seeds", "1", "--steps", "5", "--json", "--home", tmp_path / "home"]
    one, two = (done(jobs, "audit", files[0], *quick) for jobs in (1, 2))
    assert one.code == two.code == 0
    assert one.out == two.out
    assert "audit: A, 2 jobs done" in two.err


def test_ctrl_c_ends_all_jobs_at_once_and_keeps_the_folds_that_are_done(files: list[Path], tmp_path: Path) -> None:
    words = ["backtest", *map(str, files), *SMALL, "--steps", "100000", "--init", "scratch", "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "stockcast", *words, "--home", str(tmp_path / "home")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True,
    )  # fmt: skip
    group = process.pid
    assert process.stderr is not None
    while "2 jobs ..." not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(1)  # somewhere in a worker's imports or its training; wherever it is, this must do
    os.killpg(group, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert "interrupted; finished folds are kept" in err
    last = time.monotonic() + 60
    while _lives(group):  # what was begun ends with the command, but the system may need a moment
        assert time.monotonic() < last
        time.sleep(0.05)


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
