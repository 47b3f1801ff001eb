"""The runs of cron: repeated, refused while another one is at work, killed and completed, and their file."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path

from tests.live.command import (
    CONFIG,
    TUESDAY,
    WEDNESDAY,
    Live,
    asked,
    evening,
    lines,
    rows,
    stored,
    table_of,
    tables,
    until,
)
from tests.loopback.faults import Slow
from tests.processes import LIMIT, Completed


def test_a_run_that_was_killed_in_training_is_completed_by_the_next_one(ran: tuple[Path, Completed]) -> None:
    home, done = ran
    assert done.json["schema"] == "stockcast.run/1"
    first, second = done.data["tickers"]
    # The ticker before was done with.
    assert (first["fetched"], first["settled"], first["training"], first["new"]) == (0, 0, None, 0)
    assert (second["training"]["outcome"], second["new"]) == ("first", 1)
    assert len(tables(home)["outcomes"]) == 1
    documents = lines(home / "forecasts" / "forecasts.jsonl")
    assert [(d["ticker"], d["origin"]) for d in documents] == [
        ("AAA", "2021-04-01"), ("AAA", "2021-04-05"), ("BBB", "2021-04-05")
    ]  # fmt: skip
    table = table_of(home / "forecasts" / "forecasts.csv")
    assert [(row["ticker"], row["origin"]) for row in table] == [(d["ticker"], d["origin"]) for d in documents]
    latest = json.loads((home / "forecasts" / "latest.json").read_text())
    assert [(d["ticker"], d["target_session"]) for d in latest["data"]] == [
        ("AAA", "2021-04-06"),
        ("BBB", "2021-04-06"),
    ]


def files(home: Path) -> dict[str, bytes]:
    """The files that a run writes, and the models it may replace."""
    found = [*(home / "forecasts").rglob("*"), *(home / "models").rglob("*")]
    return {str(path): path.read_bytes() for path in found if path.is_file()}


def test_a_second_run_of_an_evening_changes_nothing(after_run: Live) -> None:
    before, written = tables(after_run.home), files(after_run.home)
    done = after_run("run", "--json").succeeded()
    assert [(row["new"], row["settled"], row["fetched"]) for row in done.data["tickers"]] == [(0, 0, 0)] * 2
    assert done.data["written"] == []
    assert tables(after_run.home) == before
    assert files(after_run.home) == written
    assert after_run.yahoo.requests == []


def test_a_second_run_is_refused_while_one_is_at_work_or_waits_for_it(after_run: Live) -> None:
    after_run.market.now = evening(TUESDAY)
    after_run.yahoo.script("AAA", [Slow(2)])
    first = after_run.start("run", "--json")
    asked(after_run)
    first.send_signal(signal.SIGSTOP)
    try:
        after_run("run").failed(7, "another run holds", "run.lock", "--wait")
        third = after_run.start("run", "--wait", str(LIMIT), "--json")
    finally:
        first.send_signal(signal.SIGCONT)
    assert [row["new"] for row in first.completed().succeeded().data["tickers"]] == [1, 1]
    assert [row["new"] for row in third.completed().succeeded().data["tickers"]] == [0, 0]


def test_the_lock_of_a_waiting_run_is_said_under_json_too(after_run: Live) -> None:
    from filelock import FileLock

    with FileLock(after_run.home / "run.lock"):
        done = after_run("run", "--wait", "0.2", "--json")
    assert done.code == 7
    assert [failure["kind"] for failure in done.errors] == ["locked"]


def _recorded(here: Live, day: date) -> Callable[[], bool]:
    return lambda: bool(rows(here.home, "SELECT id FROM forecasts WHERE origin = ?", day.isoformat()))


def _written(here: Live, day: date) -> Callable[[], bool]:
    path = here.home / "forecasts" / "forecasts.jsonl"
    return lambda: f'"origin": "{day}"' in path.read_text()


def test_runs_that_are_killed_are_completed_by_the_next_one(after_run: Live) -> None:
    here = after_run
    days = [date(2021, 4, day) for day in (6, 7, 8, 9, 12, 13)]
    moments: list[Callable[[date], Callable[[], bool]]] = [
        lambda _: lambda: True,  # at birth
        lambda _: lambda: bool(here.yahoo.requests),
        lambda day: lambda: f"{day}" in stored(here.home, "AAA"),
        lambda day: _recorded(here, day),
        lambda day: _written(here, day),
    ]
    for day, moment in zip(days, moments, strict=False):
        here.market.now = evening(day)
        here.yahoo.requests.clear()
        process = here.start("run")
        happened = moment(day)
        until(lambda happened=happened, process=process: happened() or process.poll() is not None)  # type: ignore[misc]
        process.kill()
        process.completed()
        tables(here.home)
    here.market.now = evening(days[-1])
    done = here("run", "--json").succeeded()
    assert [(row["ticker"], row["new"], row["origin"]) for row in done.data["tickers"]] == [
        ("AAA", 1, "2021-04-13"), ("BBB", 1, "2021-04-13")
    ]  # fmt: skip
    ledger = rows(here.home, "SELECT id, ticker, origin FROM forecasts ORDER BY id")
    assert len({(ticker, origin) for _, ticker, origin in ledger}) == len(ledger)
    documents = lines(here.home / "forecasts" / "forecasts.jsonl")
    assert [(d["id"], d["ticker"], d["origin"]) for d in documents] == ledger
    table = table_of(here.home / "forecasts" / "forecasts.csv")
    assert [(int(row["id"]), row["ticker"], row["origin"]) for row in table] == ledger
    # All but the last are settled, each once.
    assert len(tables(here.home)["outcomes"]) == len(ledger) - 2


# What is due, before it is done.


def test_a_dry_run_says_what_is_due_and_leaves_everything_as_it_is(after_run: Live) -> None:
    here = after_run
    (here.home / "stockcast.toml").write_text(CONFIG.replace("every = 0", "every = 3"))
    here.market.now = evening(WEDNESDAY)
    before, written = tables(here.home), files(here.home)
    done = here("run", "--dry-run", "--json", "AAA", "CCC").succeeded()
    (first, other) = done.data["planned"]
    assert (first["last"], first["behind"]) == ("2021-04-05", 2)
    assert first["training"].startswith("3 sessions since the last training")
    assert first["seconds"] > 0
    assert (other["last"], other["seconds"]) == (None, None)
    assert "there is no model named CCC" in other["training"]
    shown = here("run", "--dry-run", "--jobs", "2", "AAA", "CCC").succeeded().out
    assert "2 pieces of work: about" in shown
    assert "The time of 1 is not in it, whose prices are still to be fetched." in shown
    assert "No training is due." in here("run", "--dry-run", "BBB").succeeded().out
    assert (tables(here.home), files(here.home)) == (before, written)
    assert here.yahoo.requests == []


# Configuration.


def test_the_configuration_that_is_written_runs_and_is_never_overwritten(here: Live) -> None:
    (here.home / "stockcast.toml").unlink()
    assert "stockcast.toml written" in here("run", "--write-config", "AAA").succeeded().err
    written = (here.home / "stockcast.toml").read_bytes()
    here("run", "--write-config").failed(3, "stockcast.toml exists already", "--config")
    assert (here.home / "stockcast.toml").read_bytes() == written
    done = here("run", "--json").succeeded()
    assert [(row["ticker"], row["new"]) for row in done.data["tickers"]] == [("AAA", 0)]
    assert (here.home / "forecasts" / "forecasts.csv").exists()


def test_an_unknown_key_is_named_with_the_nearest_known_one(here: Live) -> None:
    before = tables(here.home)
    (here.home / "stockcast.toml").write_text('tickers = ["AAA"]\n[retrain]\nevry = 5\n')
    here("run").failed(3, "stockcast.toml, line 3: unknown key retrain.evry", "did you mean every?")
    done = here("run", "--json")
    assert [failure["kind"] for failure in done.errors] == ["config"]
    assert tables(here.home) == before
