"""What the ledger tells: rows, documents, misses, trainings and runs."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import replace as changed
from datetime import date

import pytest

from stockcast.errors import StorageError
from stockcast.forecasts import ForecastEvent, PolicyPosition
from stockcast.models.conformal import Miss
from stockcast.storage.codec import encode
from stockcast.storage.database import Database
from stockcast.storage.ledger import reading, recording
from stockcast.storage.ledger.recording import LedgerEntry, RunRecord, Training
from tests.storage.entries import BASELINES, FRI, LATER, MON, NOW, TUE, WED, entry, forecast, settle, student, wider


def test_rows_are_chosen_by_ticker_day_kind_and_model(db: Database) -> None:
    other = LedgerEntry(changed(forecast(TUE, WED), ticker="MSFT", model="MSFT"), "replay", student(), {})
    recording.record(db, [entry(WED, FRI), other, entry(), entry(model="second")], NOW)
    settle(db)
    assert [(row.forecast.ticker, row.forecast.model) for row in reading.rows(db)] == [
        ("AAPL", "AAPL"), ("AAPL", "second"), ("MSFT", "MSFT"), ("AAPL", "AAPL"),
    ]  # fmt: skip
    assert [row.id for row in reading.rows(db, ticker="MSFT")] == [2]
    assert [row.id for row in reading.rows(db, since=WED)] == [2, 1]
    assert [row.id for row in reading.rows(db, kind="replay")] == [2]
    assert [row.id for row in reading.rows(db, ticker="AAPL", model="AAPL", kind="live")] == [3, 1]
    assert reading.rows(db, ticker="' OR 1 = 1 --") == []
    (second,) = reading.rows(db, model="second")
    assert second.outcome is not None
    assert set(second.outcome.baselines) == {"har-t", "random-walk"}


def test_the_latest_are_the_newest_live_forecasts_of_each_step(db: Database) -> None:
    replayed = entry(WED, FRI, kind="replay")
    recording.record(db, [entry(TUE, WED), entry(), entry(MON, WED, 2), replayed, entry(model="second")], NOW)
    found = [(row["model"], row["horizon"], row["origin"]) for row in reading.latest(db)]
    assert found == [("AAPL", 1, "2024-07-02"), ("AAPL", 2, "2024-07-01"), ("second", 1, "2024-07-01")]
    assert json.loads(json.dumps(reading.latest(db)))[0]["target_session"] == "2024-07-03"


def test_documents_follow_the_order_of_recording(db: Database) -> None:
    assert reading.last_id(db) == 0
    recording.record(db, [entry(TUE, WED)], NOW)
    recording.record(db, [entry(TUE, WED), entry(kind="replay"), entry(WED, FRI)], NOW)
    (first, tuesday), (second, wednesday) = reading.documents_after(db, 0)
    assert (tuesday["origin"], wednesday["origin"]) == ("2024-07-02", "2024-07-03")
    assert 0 < first < second == reading.last_id(db)
    assert reading.documents_after(db, first) == [(second, wednesday)]
    assert reading.documents_after(db, 0, limit=1) == [(first, tuesday)]
    assert [row["origin"] for _, row in reading.documents_after(db, 0, "replay")] == ["2024-07-01"]


def test_forecasts_from_an_origin_come_by_horizon(db: Database) -> None:
    recording.record(db, [entry(MON, WED, 2), entry(), entry(TUE, WED)], NOW)
    assert reading.forecasts_from(db, "AAPL", MON, "AAPL") == (forecast(), forecast(MON, WED, 2))


def test_a_position_is_kept_with_its_sentence(db: Database) -> None:
    held = PolicyPosition(-0.25, "Policy: no evidence of skill over holding (it held nothing).")
    known = changed(forecast(), policy=held)
    recording.record(db, [LedgerEntry(known, "live", student(), BASELINES), entry(TUE, WED)], NOW)
    assert [row.forecast.policy for row in reading.rows(db)] == [held, None]
    assert reading.forecasts_from(db, "AAPL", MON, "AAPL") == (known,)


def test_what_was_known_of_a_report_is_kept_and_older_and_newer_records_are_read(db: Database) -> None:
    event = ForecastEvent("earnings", MON, "amc", (TUE,), 1.0, "yahoo", date(2024, 6, 28), 2.4)
    known = changed(forecast(), event=event)
    recording.record(db, [LedgerEntry(known, "live", student(), BASELINES), entry(TUE, WED), entry(WED, FRI)], NOW)
    db.execute("DROP TRIGGER forecasts_never_change")
    # A record of before there were events, and one of a version that knows more of them.
    db.execute("UPDATE forecasts SET document = json_remove(document, '$.event') WHERE id = 2")
    more = json.dumps({**encode(event), "fiscal_quarter": 2})
    db.execute("UPDATE forecasts SET document = json_set(document, '$.event', json(?)) WHERE id = 3", (more,))
    assert [row.forecast.event for row in reading.rows(db)] == [event, None, event]
    assert reading.latest(db)[0]["origin"] == WED.isoformat()
    assert reading.forecasts_from(db, "AAPL", MON, "AAPL") == (known,)
    db.execute("UPDATE forecasts SET document = json_set(document, '$.event.day', 'soon') WHERE id = 1")
    with pytest.raises(StorageError, match=r"event\.day"):
        reading.rows(db)


def test_open_forecasts_are_live_and_not_settled(db: Database) -> None:
    recording.record(db, [entry(FRI, date(2024, 7, 8)), entry(), entry(WED, FRI, kind="replay")], NOW)
    assert [f.origin for f in reading.open_forecasts(db, "AAPL")] == [MON, FRI]
    settle(db)
    assert [f.origin for f in reading.open_forecasts(db, "AAPL")] == [FRI]
    assert reading.open_forecasts(db, "MSFT") == ()


def test_the_origins_of_live_forecasts_of_the_next_session_are_known_in_their_order(db: Database) -> None:
    assert reading.live_origins(db, "AAPL", "AAPL") == []
    recording.record(db, [entry(WED, FRI), entry(), entry(TUE, WED, kind="replay"), entry(FRI, MON, 2)], NOW)
    assert reading.live_origins(db, "AAPL", "AAPL") == [MON, WED]
    assert reading.live_origins(db, "AAPL", "other") == []


def test_misses_are_those_of_the_shown_interval_of_settled_live_forecasts(db: Database) -> None:
    narrow = LedgerEntry(forecast(TUE, WED), "live", student(), {}, wider(0.01, alpha=0.2))
    gap = entry(date(2024, 6, 28), MON)
    recording.record(db, [entry(WED, FRI), narrow, entry(MON, TUE, kind="replay"), entry(MON, WED, 2), gap], NOW)
    assert reading.recorded_misses(db, "AAPL", "AAPL", 1, FRI) == []
    settle(db)
    assert reading.recorded_misses(db, "AAPL", "AAPL", 1, FRI) == [Miss(WED, True, 0.2), Miss(FRI, False, None)]
    assert reading.recorded_misses(db, "AAPL", "AAPL", 1, WED) == [Miss(WED, True, 0.2)]
    assert reading.recorded_misses(db, "AAPL", "AAPL", 2, FRI) == [Miss(WED, False, None)]


def test_a_document_that_somebody_edited_into_nonsense_is_told(db: Database) -> None:
    recording.record(db, [entry()], NOW)
    db.execute("DROP TRIGGER forecasts_never_change")
    infinite = reading.documents_after(db, 0)[0][1] | {"mean": math.inf}
    for nonsense in ("{", "[]", "{}", '{"origin": "2024-07-01", "target_session": 3}', json.dumps(infinite)):
        db.execute("UPDATE forecasts SET document = ?", (nonsense,))
        with pytest.raises(StorageError, match="forecast 1 "):
            reading.rows(db)


def test_a_score_without_bounds_is_told(db: Database) -> None:
    recording.record(db, [entry()], NOW)
    settle(db)
    for change in ("outcomes SET crps = 9e999", "baseline_scores SET pit = -9e999"):
        db.execute(f"UPDATE {change}")
        with pytest.raises(StorageError, match=r"forecast 1 .* not finite"):
            reading.rows(db)
        db.execute("UPDATE outcomes SET crps = 1")


# --- trainings and runs ---


def test_trainings_come_back_and_the_last_one_is_known(db: Database) -> None:
    first = Training("AAPL", "AAPL", MON, "2024-07-01T21:30:00+00:00", "first", "no model", None, None, 0, "aa")
    kept = changed(first, session=FRI, outcome="kept", reason="worse", old_crps=0.1, new_crps=0.2, sessions=60)
    other = changed(first, model="second")
    assert recording.last_training(db, "AAPL", "AAPL") is None
    for training in (first, kept, other):
        recording.note_training(db, training)
    assert recording.last_training(db, "AAPL", "AAPL") == kept
    assert recording.last_training(db, "AAPL", "second") == other
    assert recording.all_trainings(db) == [first, kept, other]
    with pytest.raises(sqlite3.IntegrityError):
        recording.note_training(db, changed(first, outcome="perhaps"))


def test_a_training_is_noted_once_for_each_session_and_model(db: Database) -> None:
    first = Training("AAPL", "AAPL", MON, "2024-07-01T21:30:00+00:00", "first", "no model", None, None, 0, "aa")
    again = changed(first, finished_at="2024-07-01T22:30:00+00:00", outcome="kept")
    other = changed(again, model_id="bb")
    for training in (first, again, other):
        recording.note_training(db, training)
    assert recording.all_trainings(db) == [first, other]


def test_a_run_that_was_not_finished_is_seen_as_such(db: Database) -> None:
    dead = recording.begin_run(db, NOW)
    idle = recording.begin_run(db, NOW)
    alive = recording.begin_run(db, NOW)
    recording.discard_run(db, idle)
    recording.finish_run(db, alive, LATER, {"new": 3, "failed": {"X": "why"}})
    started = "2024-07-01T21:30:00+00:00"
    summary = {"new": 3, "failed": {"X": "why"}}
    assert recording.last_runs(db) == [
        RunRecord(alive, started, "2024-07-09T21:30:00+00:00", summary),
        RunRecord(dead, started, None, None),
    ]
    assert [run.id for run in recording.last_runs(db, 1)] == [alive]
    with pytest.raises(ValueError, match="JSON"):
        recording.finish_run(db, dead, LATER, {"x": math.nan})
