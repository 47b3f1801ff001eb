"""From a ticker to prices and a forecast, and what a provider that fails makes of it."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.live.command import (
    LATE,
    MONDAY,
    NOBODY,
    TUESDAY,
    WEDNESDAY,
    Live,
    asked,
    configure,
    copied,
    evening,
    lines,
    listings,
    live,
    rows,
    stored,
    tables,
)
from tests.live.conftest import FirstEvening
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
from tests.processes import LIMIT, Completed, Process


def test_a_ticker_becomes_prices_a_model_a_forecast_and_a_record(first_evening: FirstEvening) -> None:
    n = first_evening
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


def test_a_second_forecast_of_a_session_asks_the_network_for_nothing(here: Live, first_evening: FirstEvening) -> None:
    before = tables(here.home)
    again = here("predict", "AAA", "--json").succeeded()
    assert here.yahoo.requests == []
    assert again.data == first_evening.predicted.data
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


def troubled(first_evening: FirstEvening, folder: Path) -> dict[str, Completed]:
    """Each trouble met by a process of its own, all at once: most of their time is spent waiting."""
    with ExitStack() as stack:
        begun: dict[str, Process] = {}
        for name, trouble in TROUBLES.items():
            one = stack.enter_context(live(copied(first_evening.home, folder / name), listings(), evening(MONDAY)))
            one.yahoo.script("AAA", [trouble.fault], sticky=True)
            more = None if trouble.fault else NOBODY
            begun[name] = one.start("fetch", "AAA", "--timeout", trouble.timeout, more=more)
        return {name: process.completed() for name, process in begun.items()}


def test_a_failing_provider_has_its_code_message_and_hint_and_changes_nothing(
    first_evening: FirstEvening, tmp_path: Path
) -> None:
    before = tables(first_evening.home)
    done = troubled(first_evening, tmp_path)
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
