"""A short piece of the simulated year: runs are killed, fetches fail, and the ledger keeps its promises."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.year import Plan, examine, simulate
from tests import synthetic


def test_a_ledger_survives_killed_runs_and_failed_fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKCAST_NOW", "")  # examining sets it; what was there before comes back
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
