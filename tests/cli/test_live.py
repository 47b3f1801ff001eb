"""From a ticker to a settled forecast: the installed command against a Yahoo on the loopback interface.

Prices are AAA's and BBB's, made up, on the sessions of New York; Friday 2021-04-02 is a holiday. Every test has a copy
of a home in which, on the evening of 2021-04-01, both were fetched, a model of AAA was trained and its forecast made.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from datetime import time as at
from pathlib import Path

import numpy as np
import pytest

from stockcast.storage.database import Database
from stockcast.storage.ledger import recording, settling
from tests.cli.live import CONFIG, Live, copied, lines, listing, live, rows, stored, tables, utc
from tests.loopback.faults import (
    Dropped,
    Empty,
    Fault,
    Html,
    Nonsense,
    NotFound,
    RateLimited,
    ServerError,
    Slow,
    Truncated,
)
from tests.loopback.market import Listing
from tests.processes import LIMIT, Completed, Process
from tests.storage.entries import entry as recordable
from tests.storage.entries import student

LAST = date(2021, 4, 30)
THURSDAY, MONDAY, TUESDAY, WEDNESDAY, NEXT_THURSDAY = (
    date(2021, 4, 1), date(2021, 4, 5), date(2021, 4, 6), date(2021, 4, 7), date(2021, 4, 8)
)  # fmt: skip
LATE = 600  # s, of an answer that nobody waits for
NOBODY = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}  # the discard port: it is closed


def evening(day: date) -> datetime:
    """An hour after New York's close."""
    return datetime(day.year, day.month, day.day, 21, tzinfo=UTC)


def listings() -> list[Listing]:
    return [listing("AAA", LAST, seed=1), listing("BBB", LAST, seed=2)]


@dataclass(frozen=True)
class Newcomer:
    """The first evening: how the commands ended, and the home they left."""

    home: Path
    fetched: Completed
    trained: Completed
    predicted: Completed
    listed: Completed
    asked: list[str]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    with live(tmp_path_factory.mktemp("live") / "home", listings(), evening(THURSDAY)) as here:
        fetched = here("fetch", "aaa", "BBB")
        trained = here("train", "AAA", "--seeds", "1", "--steps", "20", "--quiet", "--json")
        predicted = here("predict", "AAA", "--json")
        listed = here("ledger", "list", "--json")
        (here.home / "stockcast.toml").write_text(CONFIG)
        return Newcomer(here.home, fetched, trained, predicted, listed, [ticker for ticker, _ in here.asked])


@pytest.fixture
def here(newcomer: Newcomer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A copy of the newcomer's home, on the same evening."""
    with live(copied(newcomer.home, tmp_path_factory.mktemp("here") / "home"), listings(), evening(THURSDAY)) as one:
        yield one


@pytest.fixture(scope="module")
def ran(newcomer: Newcomer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    """The home after Monday evening, whose first run was killed while it trained, and what the second one said."""
    with live(copied(newcomer.home, tmp_path_factory.mktemp("ran") / "home"), listings(), evening(MONDAY)) as one:
        process = one.start("run")
        for line in process.stderr:
            if "BBB: training" in line:
                break
        process.kill()
        process.completed()
        tables(one.home)
        return one.home, one("run", "--json").succeeded()


@pytest.fixture
def after_run(ran: tuple[Path, Completed], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A copy of that home, on the same evening."""
    with live(copied(ran[0], tmp_path_factory.mktemp("after") / "home"), listings(), evening(MONDAY)) as one:
        yield one


def table_of(content: Path | str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    text = content.read_bytes().decode() if isinstance(content, Path) else content
    return list(csv.DictReader(io.StringIO(text, newline="")))


def configure(here: Live, tickers: Sequence[str]) -> None:
    (here.home / "stockcast.toml").write_text(CONFIG.replace('["AAA", "BBB"]', json.dumps(list(tickers))))


# The happy path.


def test_a_ticker_becomes_prices_a_model_a_forecast_and_a_record(newcomer: Newcomer) -> None:
    n = newcomer
    assert [done.code for done in (n.fetched, n.trained, n.predicted, n.listed)] == [0, 0, 0, 0]
    assert "AAA      XNYS" in n.fetched.out
    assert "fetched" in n.fetched.out
    (forecast,) = n.predicted.data
    assert (forecast["origin"], forecast["target_session"]) == ("2021-04-01", "2021-04-05")
    assert (forecast["data_source"], forecast["data_age_sessions"], forecast["currency"]) == ("yahoo", 0, "USD")
    assert n.listed.json["schema"] == "stockcast.ledger.list/1"
    (record,) = n.listed.data["forecasts"]
    assert (record["kind"], record["status"]) == ("live", "open")
    assert record["quantiles"] == forecast["quantiles"]
    # Training and forecasting found what `fetch` had stored.
    assert n.asked == ["AAA", "BBB"]


def test_a_second_forecast_of_a_session_asks_the_network_for_nothing(here: Live, newcomer: Newcomer) -> None:
    before = tables(here.home)
    again = here("predict", "AAA", "--json").succeeded()
    assert here.yahoo.requests == []
    assert again.data == newcomer.predicted.data
    assert tables(here.home) == before


def test_only_the_missing_sessions_and_an_overlap_are_asked_for(here: Live) -> None:
    before = stored(here.home, "AAA")
    here.market.now = evening(WEDNESDAY)
    (result,) = here("fetch", "AAA", "--json").succeeded().data
    assert (result["added"], result["corrected"], result["restated"]) == (3, 0, None)
    assert (result["last"], result["age_sessions"]) == ("2021-04-07", 0)
    ((ticker, query),) = here.asked
    assert ticker == "AAA"
    assert datetime.fromtimestamp(int(query["period1"]), UTC).date().isoformat() == list(before)[-10]
    now = stored(here.home, "AAA")
    assert {day: now[day] for day in before} == before
    assert list(now)[-3:] == ["2021-04-05", "2021-04-06", "2021-04-07"]


# Where the provider fails.


@dataclass(frozen=True)
class Trouble:
    """A fault that lasts, what comes of it, and the time that the command has."""

    fault: Fault | None
    code: int
    words: tuple[str, ...]
    timeout: str = "30"


TROUBLES = {
    "a rate limit": Trouble(RateLimited(), 5, ("limits how often", "429", "wait some minutes"), "8"),
    "an unknown ticker": Trouble(NotFound(), 4, ("AAA", "unknown or delisted, or the provider is failing", "spells")),
    "an error of the server": Trouble(ServerError(), 5, ("is down", "HTTP 500", "try again later")),
    "a page for people": Trouble(Html(), 5, ("is down", "a page that is no data", "try again later")),
    "JSON of another shape": Trouble(Nonsense(), 5, ("is down", "data that are no chart", "try again later")),
    "half an answer": Trouble(Truncated(), 5, ("Yahoo Finance", "try again later")),
    "a dropped connection": Trouble(Dropped(), 5, ("connection to Yahoo Finance broke", "try again later")),
    "a slow server": Trouble(Slow(LATE), 5, ("did not answer in time", "--timeout"), "2"),
    "no network": Trouble(None, 5, ("no network", "HTTPS_PROXY")),
}


def troubled(newcomer: Newcomer, folder: Path) -> dict[str, Completed]:
    """Each trouble met by a process of its own, all at once: most of their time is spent waiting."""
    with ExitStack() as stack:
        begun: dict[str, Process] = {}
        for name, trouble in TROUBLES.items():
            one = stack.enter_context(live(copied(newcomer.home, folder / name), listings(), evening(MONDAY)))
            one.yahoo.script("AAA", [trouble.fault], sticky=True)
            more = None if trouble.fault else NOBODY
            begun[name] = one.start("fetch", "AAA", "--timeout", trouble.timeout, more=more)
        return {name: process.completed() for name, process in begun.items()}


def test_a_failing_provider_has_its_code_message_and_hint_and_changes_nothing(
    newcomer: Newcomer, tmp_path: Path
) -> None:
    before = tables(newcomer.home)
    done = troubled(newcomer, tmp_path)
    for name, trouble in TROUBLES.items():
        done[name].failed(trouble.code, *trouble.words)
        if trouble.code == 5:
            assert "stored prices end on 2021-04-01" in done[name].err
        assert tables(tmp_path / name) == before, name


def test_a_rate_limit_that_passes_is_waited_out(here: Live) -> None:
    here.market.now = evening(MONDAY)
    here.yahoo.script("AAA", [RateLimited()] * 2)  # yfinance itself asks twice
    (result,) = here("fetch", "AAA", "--json").succeeded().data
    assert (result["last"], result["added"]) == ("2021-04-05", 1)


def test_without_a_network_stored_prices_serve_those_who_allow_it(here: Live) -> None:
    here.market.now = evening(MONDAY)
    before = tables(here.home)
    served = here("predict", "AAA", "--allow-stale", "--timeout", "1", "--json", more=NOBODY).succeeded()
    assert "stored prices up to 2021-04-01 serve" in served.err
    assert (served.data[0]["origin"], served.data[0]["data_age_sessions"]) == ("2021-04-01", 1)
    assert tables(here.home) == before


def test_offline_never_asks(here: Live) -> None:
    here.market.now = evening(MONDAY)
    stale = here("predict", "AAA", "--offline", "--json")
    assert (stale.code, stale.data) == (4, [])
    assert "1 session behind 2021-04-05" in str(stale.errors[0]["message"])
    served = here("predict", "AAA", "--offline", "--allow-stale").succeeded()
    assert "2021-04-01" in served.out
    here("fetch", "CCC", "--offline").failed(4, "no prices of CCC are stored", "without --offline")
    assert here.yahoo.requests == []


def test_a_newest_bar_without_a_close_is_named_and_is_no_origin(here: Live) -> None:
    here.market.blank("AAA", TUESDAY)
    here.market.now = evening(TUESDAY)
    fetched = here("fetch", "AAA").succeeded()
    assert "the bar of 2021-04-06 has no close yet and is left out" in fetched.err
    assert list(stored(here.home, "AAA"))[-1] == "2021-04-05"
    here("predict", "AAA", "--offline").failed(4, "end on 2021-04-05, 1 session behind 2021-04-06", "--allow-stale")
    assert len(rows(here.home, "SELECT id FROM forecasts")) == 1
    served = here("predict", "AAA", "--offline", "--allow-stale", "--json").succeeded().data[0]
    assert (served["origin"], served["target_session"], served["data_age_sessions"]) == ("2021-04-05", "2021-04-06", 1)
    # Its target session was over when it was made.
    assert rows(here.home, "SELECT kind FROM forecasts WHERE origin = '2021-04-05'") == [("replay",)]


def test_the_bar_of_a_running_session_is_neither_stored_nor_used(here: Live) -> None:
    here.at(2021, 4, 6, 15)
    (forecast,) = here("predict", "AAA", "--json").succeeded().data
    assert (forecast["origin"], forecast["target_session"]) == ("2021-04-05", "2021-04-06")
    assert list(stored(here.home, "AAA"))[-1] == "2021-04-05"
    assert rows(here.home, "SELECT kind FROM forecasts WHERE origin = '2021-04-05'") == [("live",)]


def test_no_new_bars_leave_the_store_as_it_is(here: Live) -> None:
    before = tables(here.home)
    here.market.now = evening(MONDAY)
    here.yahoo.script("AAA", [Empty()], sticky=True, kind="prices")
    (result,) = here("fetch", "AAA", "--json").succeeded().data
    assert (result["added"], result["last"], result["age_sessions"]) == (0, "2021-04-01", 1)
    after = tables(here.home)
    assert {name: after[name] for name in after if name != "instruments"} == {
        name: before[name] for name in before if name != "instruments"
    }


def test_two_processes_that_begin_with_nothing_both_succeed(here: Live, tmp_path: Path) -> None:
    cold = tmp_path / "cold"
    both = [here.start("fetch", ticker, home=cold) for ticker in ("AAA", "BBB")]
    for process in both:
        process.completed().succeeded()
    assert stored(cold, "AAA") == stored(here.home, "AAA")
    assert stored(cold, "BBB") == stored(here.home, "BBB")


def test_an_interruption_ends_a_slow_fetch_at_once(here: Live) -> None:
    before = tables(here.home)
    here.market.now = evening(MONDAY)
    here.yahoo.script("AAA", [Slow(LATE)], sticky=True)
    process = here.start("fetch", "AAA")
    asked(here)
    process.send_signal(signal.SIGINT)
    # Its waiting is limited far below what the answer takes.
    assert LIMIT < LATE
    done = process.completed()
    assert (done.code, done.out) == (130, "")
    assert "interrupted; nothing was saved" in done.err
    assert tables(here.home) == before


def asked(here: Live) -> None:
    """Wait until somebody asks for a chart."""
    until(lambda: any(path.startswith("/v8/") for path, _ in here.yahoo.requests))


def until(happened: Callable[[], bool]) -> None:
    last = time.monotonic() + LIMIT
    while not happened():
        assert time.monotonic() < last
        time.sleep(0.01)


# Restatements.


@pytest.fixture
def settled_return(after_run: Live) -> float:
    """What came of the forecast of Thursday evening, without a restatement."""
    return _settled_return(after_run.home)


def _settled_return(home: Path) -> float:
    ((realised,),) = rows(
        home, "SELECT realised_return FROM outcomes JOIN forecasts ON id = forecast_id WHERE origin = '2021-04-01'"
    )
    return float(realised)


def test_a_split_replaces_the_history_and_the_open_forecast_settles_as_without_it(
    here: Live, settled_return: float
) -> None:
    before = stored(here.home, "AAA")
    here.market.split("AAA", MONDAY, 4, later_too=True)
    here.market.now = evening(MONDAY)
    done = here("run", "AAA", "--json").succeeded()
    (row,) = done.data["tickers"]
    assert (row["fetched"], row["settled"], row["new"], row["origin"]) == (1, 1, 1, "2021-04-05")
    assert "history restated by the split of 2021-04-05 (4 new shares for one)" in done.err
    assert f"{len(before)} stored bars were replaced" in done.err
    assert row["restated"]
    now = stored(here.home, "AAA")
    assert {day: now[day] * 4 for day in before} == pytest.approx(before, rel=1e-12)
    assert "2021-04-05" in now
    assert _settled_return(here.home) == pytest.approx(settled_return, abs=1e-12)


def test_a_dividend_replaces_the_history_and_counts_in_the_return(here: Live, settled_return: float) -> None:
    before = stored(here.home, "AAA")
    here.market.dividend("AAA", MONDAY, 0.5)
    here.market.now = evening(MONDAY)
    done = here("run", "AAA").succeeded()
    assert "history restated by the dividend of 2021-04-05 (0.5 a share)" in done.err
    now = stored(here.home, "AAA")
    assert {day: now[day] for day in before} == before
    adjusted = dict(rows(here.home, "SELECT session, adjusted_close FROM prices WHERE ticker = 'AAA'"))
    factor = 1 - 0.5 / before["2021-04-01"]
    assert {day: adjusted[day] for day in before} == pytest.approx({day: before[day] * factor for day in before})
    assert _settled_return(here.home) == pytest.approx(settled_return - math.log(factor), abs=1e-9)


def test_what_yfinance_warns_of_is_not_told_to_the_user(here: Live) -> None:
    here.market.split("AAA", MONDAY, 4, later_too=True)
    here.market.now = evening(MONDAY)
    assert "warning" not in here("fetch", "AAA").succeeded().err.lower()


# Many tickers.


def test_a_ticker_that_fails_does_not_stop_the_others(here: Live) -> None:
    here.market.now = evening(MONDAY)
    (here.home / "list.txt").write_text("aaa  # the first\nNOPE, BBB\n")
    done = here("fetch", "@list.txt", "--pause", "0", "--json")
    assert done.code == 4
    assert [row["ticker"] for row in done.data] == ["AAA", "BBB"]
    assert [(f["source"], f["kind"]) for f in done.errors] == [("NOPE", "data")]
    assert "error: Yahoo Finance has no prices of NOPE" in done.err
    configure(here, ["NOPE", "AAA"])
    run = here("run", "--json")
    assert run.code == 4
    assert [row["ticker"] for row in run.data["tickers"]] == ["AAA"]
    assert [(f["source"], f["kind"]) for f in run.errors] == [("NOPE", "data")]
    assert [document["origin"] for document in lines(here.home / "forecasts" / "forecasts.jsonl")] == [
        "2021-04-01", "2021-04-05"
    ]  # fmt: skip


# Runs.


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


# The record.


@pytest.fixture(scope="module")
def returned(ran: tuple[Path, Completed], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Completed]:
    """The home after a run on Thursday that follows the one of Monday, and what it said."""
    with live(copied(ran[0], tmp_path_factory.mktemp("returned") / "home"), listings(), evening(NEXT_THURSDAY)) as one:
        return one.home, one("run").succeeded()


@pytest.fixture
def back(returned: tuple[Path, Completed], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(copied(returned[0], tmp_path_factory.mktemp("back") / "home"), listings(), evening(NEXT_THURSDAY)) as one:
        yield one


MISSED = "AAA: 2 sessions without a live forecast: 2021-04-06, 2021-04-07"


def test_missed_sessions_are_listed(back: Live, returned: tuple[Path, Completed]) -> None:
    assert MISSED in returned[1].out
    assert MISSED in back("ledger", "list").succeeded().out
    assert MISSED in back("score").succeeded().out
    expected = {"AAA": ["2021-04-06", "2021-04-07"], "BBB": ["2021-04-06", "2021-04-07"]}
    assert back("ledger", "list", "--json").data["missed"] == expected
    assert "2021-04-06, 2021-04-07" in (back.home / "logs" / "run.log").read_text()


def test_scores_are_those_of_settled_forecasts(here: Live, back: Live) -> None:
    nothing = here("score", "--json").succeeded()
    assert (nothing.json["schema"], nothing.data["scores"]) == ("stockcast.score/1", [])
    assert nothing.data["sentence"]
    here.market.now = evening(MONDAY)
    assert here("score", "--json").succeeded().data["waiting"] == 1
    result = back("score", "--json").succeeded().data
    assert [(score["ticker"], score["n"]) for score in result["scores"]] == [("AAA", 2), ("BBB", 1)]
    assert {"crps", "log_score", "coverage_90", "comparisons", "decayed", "alarm", "sentence"} <= set(
        result["scores"][0]
    )
    assert (result["waiting"], result["void"], result["decayed"]) == (0, 0, False)
    assert back("score", "--fail-on-decay").code == 0
    assert back.yahoo.requests == []


def test_a_record_that_has_decayed_is_exit_9_for_those_who_ask(here: Live) -> None:
    spoil(here.home)
    told = here("score").succeeded()
    assert "AAA" in told.out
    failed = here("score", "--fail-on-decay", "--json")
    assert failed.code == 9
    assert failed.json["ok"] is False
    assert [failure["kind"] for failure in failed.errors] == ["decayed"]
    assert failed.data["decayed"] is True
    assert "stockcast train" in str(failed.errors[0]["hint"])


def spoil(home: Path) -> None:
    """Sixty settled forecasts that were far too sure of the wrong thing."""
    history = rows(home, "SELECT session, adjusted_close FROM prices WHERE ticker = 'AAA' ORDER BY session")
    days = [date.fromisoformat(session) for session, _ in history]
    entries = []
    for origin, target in zip(days[-62:-2], days[-61:-1], strict=True):
        good = recordable(origin, target)
        told = replace(good.forecast, ticker="AAA", model="AAA")
        entries.append(replace(good, forecast=told, dist=student(loc=0.2, scale=0.001)))
    with Database.open(home) as db:
        recording.record(db, entries, evening(THURSDAY))
        closes = np.array([close for _, close in history])
        settling.settle(db, "AAA", np.array(days, dtype="datetime64[D]"), closes, evening(THURSDAY), days[-1])


def test_the_ledger_is_exported_as_csv_and_as_json_lines(back: Live) -> None:
    table = back.home / "ledger.csv"
    assert "5 forecasts written" in back("ledger", "export", "--output", table).succeeded().err
    found = table_of(table)
    assert table_of(back("ledger", "export").succeeded().out) == found
    assert [row["status"] for row in found] == ["settled"] * 3 + ["open"] * 2
    target = back.home / "ledger.jsonl"
    assert back("ledger", "export", "--output", target, "--json").succeeded().data == {
        "written": str(target),
        "forecasts": 5,
    }
    documents = lines(target)
    assert [document["id"] for document in documents] == [int(row["id"]) for row in found]
    for document, row in zip(documents, found, strict=True):
        if document["outcome"]:
            assert float(row["outcome.crps"]) == document["outcome"]["crps"]
            assert set(document["outcome"]["baselines"]) == {"random-walk", "drift", "ewma-t", "har-t", "garch-t"}


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


# The check-up.


def states(done: Completed) -> dict[str, str]:
    assert done.json["schema"] == "stockcast.doctor/1"
    return {check["name"]: check["state"] for check in done.data}


def test_a_healthy_home_is_found_healthy(here: Live) -> None:
    before = tables(here.home)
    found = states(here("doctor", "--json").succeeded())
    # A clock that is set by hand is worth a word.
    assert found.pop("clock") == "warning"
    assert set(found.values()) == {"ok"}
    assert set(found) == {
        "folder",
        "access",
        "disk",
        "store",
        "models",
        "calendar",
        "lock",
        "configuration",
        "provider",
    }
    assert tables(here.home) == before


def test_a_broken_store_is_found(here: Live) -> None:
    store = here.home / "stockcast.db"
    store.write_bytes(b"garbage" * 5000)
    done = here("doctor", "--offline", "--json")
    assert done.code == 1
    assert [name for name, state in states(done).items() if state == "broken"] == ["store"]
    assert store.read_bytes() == b"garbage" * 5000
    predicted = here("predict", "AAA", "--offline", "--json")
    assert [failure["kind"] for failure in predicted.errors] == ["storage"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written_is_found(here: Live) -> None:
    here.home.chmod(0o500)
    try:
        done = here("doctor", "--offline", "--json")
    finally:
        here.home.chmod(0o700)
    assert done.code == 1
    assert states(done)["folder"] == "broken"


def test_a_missing_network_is_found(here: Live) -> None:
    done = here("doctor", "--json", more=NOBODY)
    assert done.code == 1
    assert [name for name, state in states(done).items() if state == "broken"] == ["provider"]
    assert "no network" in str(done.errors[0]["message"])


# Time zones and exchanges.


def test_the_time_zone_of_the_machine_changes_nothing(here: Live, tmp_path: Path) -> None:
    here.market.now = evening(MONDAY)
    begun = [
        here.start(
            "predict", "AAA", "--json", home=copied(here.home, tmp_path / zone.replace("/", "-")), more={"TZ": zone}
        )
        for zone in ("Asia/Tokyo", "UTC", "America/Los_Angeles")
    ]
    tokyo, utc_, los_angeles = (process.completed().succeeded().data for process in begun)
    assert (tokyo[0]["origin"], tokyo[0]["target_session"]) == ("2021-04-05", "2021-04-06")
    assert tokyo == utc_ == los_angeles
    assert tables(tmp_path / "Asia-Tokyo") == tables(tmp_path / "UTC") == tables(tmp_path / "America-Los_Angeles")


def abroad() -> list[Listing]:
    """Tickers of Tokyo, London and New York, one that trades day and night, and one of an exchange nobody knows."""
    last = date(2025, 5, 30)
    return [
        listing(
            "7203.T", last, calendar="XTKS", exchange="JPX", zone="Asia/Tokyo", currency="JPY",
            opens=at(9), closes=at(15, 30),
        ),
        listing(
            "VOD.L", last, calendar="XLON", exchange="LSE", zone="Europe/London", currency="GBp",
            opens=at(8), closes=at(16, 30),
        ),
        listing(
            "BTC-USD", last, calendar="24/7", exchange="CCC", zone="UTC", kind="CRYPTOCURRENCY",
            opens=at(0), closes=at(23, 59, 59),
        ),
        listing("AAA", last),
        listing("ODD", last, exchange="XXX", zone="Antarctica/Troll", opens=at(9), closes=at(17)),
    ]  # fmt: skip


def test_every_exchange_has_its_own_sessions_and_holidays(newcomer: Newcomer, tmp_path: Path) -> None:
    tickers = ("7203.T", "VOD.L", "BTC-USD", "AAA", "ODD")
    home = tmp_path / "home"
    copied(newcomer.home / "models", home / "models")
    # A quarter past three in Tokyo, which closes at half past since November 2024; London is about to open.
    with live(home, abroad(), utc(2025, 5, 2, 6, 15)) as here:
        done = here("fetch", *tickers, "--pause", "0", "--json").succeeded()
        assert {row["ticker"]: (row["exchange"], row["last"]) for row in done.data} == {
            "7203.T": ("XTKS", "2025-05-01"),
            "VOD.L": ("XLON", "2025-05-01"),
            "BTC-USD": ("24/7", "2025-05-01"),
            "AAA": ("XNYS", "2025-05-01"),
            "ODD": ("weekdays", "2025-05-01"),
        }
        assert all(row["age_sessions"] == 0 for row in done.data)
        (warning,) = (line for line in done.err.splitlines() if "not known" in line)
        assert all(word in warning for word in ("ODD", "XXX", "weekdays"))
        # Friday evening in London, before New York's close; Monday is a holiday there, Monday and Tuesday in Tokyo.
        here.at(2025, 5, 2, 16)
        told = here("predict", *tickers, "--model", "AAA", "--json").succeeded()
        assert {row["ticker"]: (row["origin"], row["target_session"]) for row in told.data} == {
            "7203.T": ("2025-05-02", "2025-05-07"),
            "VOD.L": ("2025-05-02", "2025-05-06"),
            "BTC-USD": ("2025-05-01", "2025-05-02"),
            "AAA": ("2025-05-01", "2025-05-02"),
            "ODD": ("2025-05-02", "2025-05-05"),
        }
        assert {row["ticker"]: row["currency"] for row in told.data}["7203.T"] == "JPY"
        assert rows(home, "SELECT DISTINCT kind FROM forecasts") == [("live",)]
        # The coin trades at weekends: on Sunday evening Saturday is its last session, the shares' is Friday.
        here.at(2025, 5, 4, 21)
        weekend = here("predict", "BTC-USD", "VOD.L", "--model", "AAA", "--json").succeeded().data
        assert [(row["origin"], row["target_session"]) for row in weekend] == [
            ("2025-05-03", "2025-05-04"), ("2025-05-02", "2025-05-06")
        ]  # fmt: skip
