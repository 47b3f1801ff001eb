"""A clock that is wrong: set back, what is settled is not forecast as if it were to come; ahead, nothing is made up."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from stockcast.storage.database import Database
from tests.live.command import NOBODY, TUESDAY, WEDNESDAY, Live, evening, listing, rows, tables, utc

MACHINE = {"STOCKCAST_NOW": ""}  # the machine's own clock
RIGHT = "set the clock, or let NTP do it"


def kinds(here: Live) -> list[tuple[str, str]]:
    return rows(here.home, "SELECT origin, kind FROM forecasts WHERE ticker = 'AAA' ORDER BY origin")


def clock_of(here: Live, *words: str, more: dict[str, str] | None = None) -> dict[str, str]:
    (found,) = [check for check in here("doctor", "--json", *words, more=more).data if check["name"] == "clock"]
    return dict(found)


# Set back: `back` has prices and forecasts up to Thursday evening, and none from the Tuesday and Wednesday before.

WRONG = (
    "the clock is wrong: by it, it is 2021-04-06 21:00 UTC, and the store has {} up to the session of 2021-04-08, "
    "which ended at 2021-04-08 20:00 UTC"
)


@pytest.mark.parametrize("ticker", ["AAA", "CCC"], ids=["known", "new"])
def test_a_run_by_a_clock_that_was_set_back_is_refused_and_changes_nothing(back: Live, ticker: str) -> None:
    before = tables(back.home)
    back.market.add(listing("CCC", back.market.listings["AAA"].sessions[-1], seed=3))
    back.market.now = evening(TUESDAY)
    told = back("run", ticker).failed(4, WRONG.format("AAA"), "unset STOCKCAST_NOW, or replay the past", "--home DIR")
    assert len(told.err.splitlines()) == 2
    done = back("run", ticker, "--json")
    assert (done.code, done.data) == (4, None)
    assert [(failure["kind"], failure["message"]) for failure in done.errors] == [("data", WRONG.format("AAA"))]
    assert "the clock is wrong" in (back.home / "logs" / "run.log").read_text()
    assert tables(back.home) == before
    assert back.yahoo.requests == []
    back.market.now = evening(WEDNESDAY)
    assert "the clock is wrong" in back("run", "--dry-run", "AAA").failed(4).err


def test_a_forecast_by_a_clock_that_was_set_back_is_a_replay(back: Live) -> None:
    back.market.now = evening(TUESDAY)
    done = back("predict", "AAA", "--json").succeeded()
    assert [(made["origin"], made["target_session"]) for made in done.data] == [("2021-04-06", "2021-04-07")]
    assert f"AAA: a replay, since {WRONG.format('AAA')}; unset STOCKCAST_NOW" in done.err
    expected = [("2021-04-01", "live"), ("2021-04-05", "live"), ("2021-04-06", "replay"), ("2021-04-08", "live")]
    assert kinds(back) == expected


@pytest.mark.parametrize("more", [{}, NOBODY], ids=["online", "without a network"])
def test_the_check_up_holds_the_clock_against_the_store(back: Live, more: dict[str, str]) -> None:
    back.market.now = evening(TUESDAY)
    found = clock_of(back, more=more)
    assert (found["state"], found["message"].startswith("the clock is wrong: by it")) == ("broken", True)
    assert "2021-04-08" in found["message"]
    assert back("doctor", "--offline").code == 1


def test_the_check_up_says_that_the_store_was_written_later(back: Live) -> None:
    """By so little that every stored session is over by this clock, too."""
    back.market.now -= timedelta(minutes=30)
    found = clock_of(back)
    assert found["state"] == "warning"
    assert "the store was written at 2021-04-08 21:00 UTC: it is behind now, or was ahead then" in found["message"]


def test_by_a_machines_clock_that_was_set_back_nothing_is_fetched_trained_or_forecast(here: Live) -> None:
    with Database.open(here.home) as db:
        db.execute("UPDATE prices SET session = '2099-01-02' WHERE ticker = 'AAA' AND session = '2021-04-01'")
    before = tables(here.home)
    for words in (("fetch", "AAA"), ("predict", "AAA"), ("train", "AAA"), ("run",)):
        here(*words, more=MACHINE).failed(4, "the clock is wrong: by it, it is", "session of 2099-01-02", RIGHT)
    assert tables(here.home) == before
    assert here.yahoo.requests == []


# The provider's clock.


@pytest.mark.parametrize(
    ("year", "way"), [(2021, "days, \\S+ ahead of"), (2099, "days, \\S+ behind")], ids=["ahead", "behind"]
)
def test_by_a_clock_that_is_not_the_providers_nothing_is_fetched_or_recorded(here: Live, year: int, way: str) -> None:
    before = tables(here.home)
    here.yahoo.dated = utc(year, 4, 5, 21)
    for words in (("run",), ("fetch", "AAA"), ("predict", "AAA"), ("train", "BBB")):
        done = here(*words, "--json", more=MACHINE)
        assert done.code == 4
        assert {failure["kind"] for failure in done.errors} == {"data"}
        for failure in done.errors:
            said = str(failure["message"])
            assert re.fullmatch(
                f"the clock is wrong: it is .* {way} the provider's, by which it is {year}-04-05 21:00 UTC", said
            )
            assert str(failure["hint"]).startswith(RIGHT)
    after = tables(here.home)
    assert {name: after[name] for name in before if name != "runs"} == {
        name: before[name] for name in before if name != "runs"
    }
    found = clock_of(here, more=MACHINE)
    assert (found["state"], found["hint"].startswith(RIGHT)) == ("broken", True)


def test_a_clock_that_is_the_providers_is_well_and_fetches(here: Live) -> None:
    here("fetch", "AAA", more=MACHINE).succeeded()
    found = clock_of(here, more=MACHINE)
    assert (found["state"], "within 120 s of the provider's" in found["message"]) == ("ok", True)
    found = clock_of(here, "--offline", more=MACHINE)
    assert (found["state"], "no provider's to compare with" in found["message"]) == ("warning", True)


# Ahead.


@pytest.mark.parametrize("year", [2031, 2199])
def test_a_clock_that_is_years_ahead_trains_and_records_nothing_and_leaves_nothing_behind(
    here: Live, year: int
) -> None:
    here.market.now = evening(TUESDAY)
    ahead = {"STOCKCAST_NOW": f"{year}-04-01T21:00:00Z"}
    (here.home / "stockcast.toml").write_text(
        (here.home / "stockcast.toml").read_text().replace("every = 0", "every = 63")
    )
    said = here("run", "AAA", more=ahead).failed(4, "AAA end on 2021-04-06", f"behind {year}-0").err
    assert f"look whether the clock is right, by which it is {year}-04-01 21:00 UTC" in said
    assert "or forecast from what is there with allow_stale in [forecast]" in said
    assert "training" not in said
    here("predict", "AAA", more=ahead).failed(4, "look whether the clock is right", "--allow-stale")
    assert kinds(here) == [("2021-04-01", "live")]
    (row,) = here("run", "AAA", "--json").succeeded().data["tickers"]
    assert (row["origin"], row["training"], row["new"]) == ("2021-04-06", None, 1)
    assert kinds(here) == [("2021-04-01", "live"), ("2021-04-06", "live")]
