"""`stockcast run --jobs 2` in processes that begin from nothing: the store of one job, whatever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.test_raycluster import with_ray
from tests.live.command import CONFIG, MONDAY, Live, copied, evening, listings, live, rows, tables, until
from tests.live.conftest import FirstEvening
from tests.processes import LIMIT

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="workers are found in /proc")

TABLES_BUT_RUNS = ("forecasts", "laws", "outcomes", "baseline_scores", "trainings", "prices", "instruments")


DUE = CONFIG.replace("every = 0", "every = 1") + "[jobs]\njobs = 2\n"
"""On Monday evening the model of AAA is due, and BBB has none."""


@pytest.fixture
def due(here: Live) -> Live:
    """That evening."""
    (here.home / "stockcast.toml").write_text(DUE)
    here.market.now = evening(MONDAY)
    return here


@pytest.fixture(scope="module")
def one_job(first_evening: FirstEvening, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home after a run of one job on that evening."""
    home = copied(first_evening.home, tmp_path_factory.mktemp("one") / "home")
    (home / "stockcast.toml").write_text(DUE)
    with live(home, listings(), evening(MONDAY)) as other:
        other("run", "--jobs", "1").succeeded()
    return home


def started(here: Live, *words: str) -> subprocess.Popen[str]:
    """A run that has workers: the suite's own processes may have none."""
    environment = here.environment(here.home)
    environment.pop("STOCKCAST_JOBS", None)  # what the file says holds
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "stockcast", "run", *words], cwd=here.home, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def workers(process: subprocess.Popen[str]) -> list[int]:
    """The workers of a run that are alive."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_text()
        except OSError:
            continue
        if parent == process.pid and "popen_loky" in command:
            found.append(int(folder.name))
    return found


def in_order(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """The tables in the order of their rows."""
    tables(home)
    return {name: rows(home, f"SELECT * FROM {name}") for name in TABLES_BUT_RUNS}  # noqa: S608


@pytest.mark.parametrize("words", [(), pytest.param(("--engine", "ray"), marks=with_ray)], ids=["local", "ray"])
def test_two_jobs_leave_the_store_of_one(words: tuple[str, ...], due: Live, one_job: Path) -> None:
    process = started(due, "--json", *words)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, err
    assert json.loads(out)["errors"] == []
    assert "ray" not in err.lower()
    assert not (due.home / ".ray").exists()  # no secret is left behind
    assert in_order(due.home) == in_order(one_job)
    assert rows(due.home, "SELECT summary FROM runs") == rows(one_job, "SELECT summary FROM runs")
    assert "run: tickers done" in err
    logged = (due.home / "logs" / "run.log").read_text()
    for ticker in ("AAA", "BBB"):
        assert f"{ticker}: training: " in logged
        assert f"{ticker}: forecast for 2021-04-06 recorded" in logged


@pytest.mark.parametrize("times", [1, 2])
def test_a_training_whose_worker_is_killed_is_tried_once_more(times: int, due: Live) -> None:
    process = started(due, "BBB")
    seen: set[int] = set()
    for _ in range(times):
        (worker,) = new_workers(process, seen)
        os.kill(worker, signal.SIGKILL)
        seen.add(worker)
    _, err = process.communicate(timeout=LIMIT)
    trained = [ticker for (ticker,) in rows(due.home, "SELECT ticker FROM trainings ORDER BY id")]
    if times == 1:
        assert (process.returncode, trained) == (0, ["BBB"]), err
    else:
        assert (process.returncode, trained) == (1, []), err
        assert "BBB: training: the process that did it was killed, twice" in err


def new_workers(process: subprocess.Popen[str], seen: set[int]) -> set[int]:
    """Wait for workers that have not been seen yet."""
    until(lambda: bool(set(workers(process)) - seen))
    return set(workers(process)) - seen


def test_runs_that_are_killed_are_completed_by_the_next_one(due: Live, one_job: Path) -> None:
    moments: list[Callable[[subprocess.Popen[str]], bool]] = [
        lambda process: bool(workers(process)),
        lambda _: len(rows(due.home, "SELECT id FROM trainings")) == 1,
        lambda _: len(rows(due.home, "SELECT id FROM forecasts")) == 2,
    ]
    for moment in moments:
        process = started(due)
        until(lambda moment=moment, process=process: moment(process) or process.poll() is not None)  # type: ignore[misc]
        left = workers(process)
        process.kill()
        process.communicate(timeout=LIMIT)
        tables(due.home)
        until(lambda left=left: not any(map(_lives, left)))  # type: ignore[misc]
    process = started(due)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, err
    assert in_order(due.home) == in_order(one_job)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
