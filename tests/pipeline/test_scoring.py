from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from stockcast.forecasts import EARNINGS, ForecastEvent
from stockcast.pipeline.scoring import alarm_of, ledger, missed_sessions, rivals, score
from stockcast.prices.events import BEFORE
from stockcast.storage import modelfile
from stockcast.storage.database import Database
from stockcast.storage.ledger import recording, settling
from stockcast.storage.modelfile import ModelFile
from tests.pipeline.conftest import SetClock
from tests.pipeline.records import FRI, MON, NEXT, TUE, WED, calendar, days, evening, record, store
from tests.storage.entries import NOW, entry, settle


def missed(db: Database, bars: tuple[date, ...], completed: date) -> tuple[date, ...]:
    return missed_sessions(db, "AAPL", "AAPL", days(*bars), calendar(), completed)


# Missed sessions.


def test_sessions_without_a_live_forecast_are_missed(db: Database) -> None:
    record(db, MON, FRI)
    assert missed(db, (MON, TUE, WED, FRI), NEXT[0]) == (TUE, WED)


def test_nothing_is_missed_before_the_first_forecast_or_from_the_newest_session(db: Database) -> None:
    assert missed(db, (MON, TUE), TUE) == ()
    record(db, TUE)
    assert missed(db, (MON, TUE, WED), WED) == ()
    assert missed(db, (MON, TUE, WED), TUE) == ()


def test_a_replay_is_no_live_forecast(db: Database) -> None:
    record(db, MON, WED)
    record(db, TUE, kind="replay")
    assert missed(db, (MON, TUE, WED, FRI), FRI) == (TUE,)


def test_a_closure_that_nobody_had_announced_is_not_missed_once_a_later_bar_is_there(db: Database) -> None:
    record(db, MON)
    assert missed(db, (MON, WED), FRI) == (WED,)


def test_after_the_newest_bar_the_calendar_says_what_was_missed(db: Database) -> None:
    record(db, MON)
    # Neither the fourth of July nor the weekend.
    assert missed(db, (MON, TUE), NEXT[1]) == (TUE, WED, FRI, NEXT[0])


def test_bars_after_the_newest_session_do_not_count(db: Database) -> None:
    record(db, MON)
    assert missed(db, (MON, TUE, WED, FRI), WED) == (TUE,)


# The ledger.


def test_the_ledger_names_what_was_missed_whatever_is_listed(db: Database, home: Path, clock: SetClock) -> None:
    clock(evening(FRI))
    store(db, (MON, TUE, WED, FRI))
    record(db, MON)
    rows, gaps = ledger(home, "aapl ")
    assert [row.forecast.origin for row in rows] == [MON]
    assert gaps == {"AAPL": (TUE, WED)}
    rows, gaps = ledger(home, since=WED, kind="replay")
    assert (rows, gaps) == ([], {"AAPL": (WED,)})
    assert ledger(home, model="another") == ([], {})


def test_another_model_is_named_with_what_it_missed(db: Database, home: Path, clock: SetClock) -> None:
    clock(evening(FRI))
    store(db, (MON, TUE, WED, FRI))
    record(db, MON, TUE, WED)
    record(db, TUE, model="mine")
    assert ledger(home)[1] == {"AAPL (mine)": (WED,)}


def test_a_ledger_without_prices_is_listed_and_scored(db: Database, home: Path, clock: SetClock) -> None:
    clock(evening(FRI))
    record(db, MON)
    rows, gaps = ledger(home)
    assert (len(rows), gaps) == (1, {})
    found = score(home)
    assert (found.waiting, found.void, found.scores) == (0, 0, ())


def test_an_earlier_clock_knows_of_no_later_miss(db: Database, home: Path, clock: SetClock) -> None:
    store(db, (MON, TUE, WED, FRI))
    record(db, MON)
    clock(evening(TUE))
    assert ledger(home)[1] == {}


# Scores.


def test_forecasts_wait_from_the_close_of_their_target_session(db: Database, home: Path, clock: SetClock) -> None:
    store(db, (MON,))
    record(db, MON)
    for hour, minute, waiting in ((19, 59, 0), (20, 0, 1)):
        clock(datetime(2024, 7, 2, hour, minute, tzinfo=evening(TUE).tzinfo))
        assert score(home).waiting == waiting
    assert score(home, "MSFT").waiting == 0


def test_settled_and_void_forecasts_wait_no_more(
    db: Database, home: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "VOID_AFTER", 1)
    clock(evening(FRI))
    store(db, (MON, TUE, FRI))
    record(db, MON, TUE)
    settle(db, dates=days(MON, TUE, FRI), closes=np.array([100.0, 102.0, 104.0]))
    found = score(home, "aapl")
    assert (found.waiting, found.void) == (0, 1)
    assert [(s.ticker, s.n, s.rival) for s in found.scores] == [("AAPL", 1, "har-t")]
    assert not found.decayed
    assert alarm_of(db, home, "AAPL", "AAPL") is None


def test_replays_are_not_scored(db: Database, home: Path, clock: SetClock) -> None:
    clock(evening(FRI))
    record(db, MON, kind="replay")
    settle(db)
    assert score(home).scores == ()


def test_the_rival_is_what_validation_called_the_strongest_while_the_model_says_so(home: Path) -> None:
    def save(name: str, manifest: dict[str, object]) -> None:
        modelfile.save_model(home / "models", ModelFile(name, manifest, {"x": np.zeros(1)}))

    save("AAPL", {"verdict_figures": {"strongest_baseline": "garch-t"}})
    save("MSFT", {"verdict_figures": None})
    save("OLD", {})
    assert rivals(home, ["AAPL", "MSFT", "OLD", "removed"]) == {"AAPL": "garch-t"}


@pytest.mark.parametrize("damage", ["manifest.json", "weights.safetensors"])
def test_a_damaged_model_has_no_say_in_its_rival(home: Path, damage: str) -> None:
    folder = modelfile.save_model(
        home / "models", ModelFile("AAPL", {"verdict_figures": {"strongest_baseline": "ewma-t"}}, {"x": np.zeros(1)})
    )
    (folder / damage).write_bytes(b"")
    assert rivals(home, ["AAPL"]) == {}


def test_reaction_days_of_the_record_are_those_that_its_forecasts_named(db: Database, home: Path) -> None:
    known = [entry(MON, TUE), entry(TUE, WED), entry(WED, FRI)]
    report = ForecastEvent(EARNINGS, WED, BEFORE, (WED,), 1.0, "yahoo", MON)
    known[1] = replace(known[1], forecast=replace(known[1].forecast, event=report))
    recording.record(db, known, NOW)
    settle(db)
    found = score(home).event_scores
    assert [(one.ticker, one.model, one.reaction.n, one.other.n) for one in found] == [
        ("AAPL", name, 1, 2) for name in ("AAPL", "har-t", "random-walk")
    ]
    assert score(home, since=FRI).event_scores == ()
