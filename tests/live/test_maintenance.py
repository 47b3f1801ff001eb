"""The record kept: backed up while a run is at work, put back while none is, and made smaller."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.live.command import TUESDAY, Live, asked, evening, rows, tables
from tests.loopback.faults import Slow


def told(here: Live) -> list[str]:
    """All that the commands say of the record."""
    return [here(*line.split()).succeeded().out for line in ("score --json", "ledger list --json", "ledger export")]


def test_a_backup_is_made_and_not_put_back_while_a_run_is_at_work(after_run: Live, tmp_path: Path) -> None:
    after_run.market.now = evening(TUESDAY)
    after_run.yahoo.script("AAA", [Slow(2)])
    run = after_run.start("run")
    asked(after_run)
    run.send_signal(signal.SIGSTOP)
    try:
        made = after_run("ledger", "backup", tmp_path / "record.db", "--json").succeeded().data
        after_run("ledger", "restore", tmp_path / "record.db").failed(7, "another run holds", "--wait")
        after_run("ledger", "prune").failed(7, "another run holds", "--wait")
    finally:
        run.send_signal(signal.SIGCONT)
    run.completed().succeeded()
    assert (made["forecasts"], made["settled"], made["tickers"]) == (3, 1, 2)
    assert len(tables(after_run.home)["forecasts"]) == 5


def test_a_home_that_was_lost_is_back_with_its_backup(back: Live, tmp_path: Path) -> None:
    said, before = told(back), tables(back.home)
    done = back("ledger", "backup", tmp_path / "record.db").succeeded()
    assert "forecasts" in done.err
    assert done.out == ""
    (back.home / "stockcast.db").unlink()
    restored = back("ledger", "restore", tmp_path / "record.db", "--json").succeeded().data
    assert (restored["replaced"], restored["aside"]) == ({}, None)
    assert tables(back.home) == before
    assert told(back) == said
    assert back("run", "--json").succeeded().data["written"] == []  # the files go on where they were


def test_newer_records_are_given_up_with_force_alone(after_run: Live, tmp_path: Path) -> None:
    file = tmp_path / "record.db"
    after_run("ledger", "backup", file).succeeded()
    after_run.market.now = evening(TUESDAY)
    after_run("run").succeeded()
    before = tables(after_run.home)
    after_run("ledger", "restore", file).failed(1, "has 2 forecasts, 2 outcomes that", "--force")
    assert tables(after_run.home) == before
    restored = after_run("ledger", "restore", file, "--force", "--json").succeeded().data
    assert restored["replaced"] == {"forecasts": 2, "outcomes": 2}
    # The evening is done once more; its lines are in the files already, under their own numbers.
    after_run("run").succeeded()
    assert [key for (key,) in rows(after_run.home, "SELECT id FROM forecasts ORDER BY id")] == [1, 2, 3, 6, 7]


def test_what_is_said_of_the_record_is_the_same_once_it_is_pruned(back: Live) -> None:
    said = told(back)
    done = back("ledger", "prune", "--json").succeeded().data
    assert done["distributions"] > 0
    assert done["bytes"] < done["bytes_before"]
    assert (back.home / "stockcast.db").stat().st_size == done["bytes"]
    assert told(back) == said
    assert rows(back.home, "SELECT count(*) FROM laws WHERE forecast_id IN (SELECT forecast_id FROM outcomes)") == [
        (0,)
    ]
    assert back("ledger", "prune", "--json").succeeded().data["distributions"] == 0
