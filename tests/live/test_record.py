"""What becomes of forecasts: settled, through restated histories too, scored, missed and exported."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast.storage.database import Database
from stockcast.storage.ledger import recording, settling
from tests.live.command import MONDAY, THURSDAY, Live, evening, lines, rows, stored, table_of
from tests.processes import Completed
from tests.storage.entries import entry as recordable
from tests.storage.entries import student


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
