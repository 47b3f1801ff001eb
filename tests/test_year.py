"""A short piece of the simulated year: runs are killed, fetches fail, and the ledger keeps its promises."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from benchmarks import year as benchmark
from benchmarks.year import Plan, examine, simulate
from tests import synthetic
from tests.processes import Process


def begun(environment: dict[str, str]) -> Process:
    return Process(["run", "-q"], Path(environment["STOCKCAST_HOME"]), environment)


def run(environment: dict[str, str], expected_code: set[int]) -> None:
    done = begun(environment).completed()
    assert done.code in expected_code, done.err


def killed(environment: dict[str, str], after: float) -> None:
    with suppress(TimeoutError):
        begun(environment).communicate(timeout=after)


def test_a_ledger_survives_killed_runs_and_failed_fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKCAST_NOW", "")  # examining sets it; what was there before comes back
    monkeypatch.setattr(benchmark, "_run", run)
    monkeypatch.setattr(benchmark, "_killed", killed)
    histories = {name: synthetic.history(620, seed=seed) for seed, name in enumerate(("ONE", "TWO"))}
    until: date = histories["ONE"].last
    plan = Plan(sessions=5, until=until, kill=0.6, fail=0.25, seed=396, model="seeds = 1\nsteps = 10")
    year = simulate(histories, plan, tmp_path / "home")
    assert year.kills >= 2
    assert sum(map(len, year.failed.values())) >= 1
    found = examine(year)
    assert found.problems == []
    assert found.settled >= 6
    assert (found.compared, found.unequal) == (found.settled, 0)
