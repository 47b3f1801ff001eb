"""The ledger: a forecast enters once, is scored by what came, and is never changed."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import fields
from dataclasses import replace as changed
from datetime import date, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from stockcast.errors import ModelError, StorageError
from stockcast.evaluation import metrics
from stockcast.models.distribution import StudentT
from stockcast.storage.database import Database
from stockcast.storage.ledger import reading, recording, settling
from stockcast.storage.ledger.recording import LedgerEntry
from stockcast.storage.ledger.settling import Settlement
from stockcast.windows.features import session_returns
from tests import synthetic
from tests.storage.entries import (
    BASELINES,
    CLOSES,
    DATES,
    FRI,
    LATER,
    MON,
    NOW,
    TUE,
    WED,
    entry,
    forecast,
    sample,
    settle,
    student,
    wider,
)

# --- recording ---


def test_a_forecast_comes_back_as_it_was_recorded(db: Database) -> None:
    calibration: dict[str, float | int | str] = {"method": "aci", "alpha": 0.08, "factor": 1.25, "settled": 40}
    shown = changed(forecast(), calibration=calibration, currency=None)
    wide = LedgerEntry(shown, "live", student(), BASELINES, wider(1.25))
    assert recording.record(db, [wide], NOW.astimezone(timezone(timedelta(hours=9)))) == 1
    (row,) = reading.rows(db)
    assert row.forecast == shown
    assert (row.kind, row.recorded_at, row.status) == ("live", "2024-07-01T21:30:00+00:00", "open")
    assert (row.outcome, row.void, row.realised_close) == (None, None, None)
    low, quarter, three, high = student().quantile([0.05, 0.25, 0.75, 0.95])[0].tolist()
    assert (row.raw_interval_90, row.raw_interval_50) == ((low, high), (quarter, three))
    # Round the median 0.001, wider by a quarter.
    assert row.interval_90 == pytest.approx((0.001 + 1.25 * (low - 0.001), 0.001 + 1.25 * (high - 0.001)), rel=1e-12)
    assert row.interval_50 == pytest.approx((0.001 + 1.25 * (quarter - 0.001), 0.001 + 1.25 * (three - 0.001)))


def test_the_closes_that_a_forecast_is_drawn_beside_are_not_recorded(db: Database) -> None:
    drawn = changed(forecast(), recent_closes=(99.0, 100.1))
    recording.record(db, [changed(entry(), forecast=drawn)], NOW)
    (document,) = reading.latest(db)
    assert list(document) == [field.name for field in fields(drawn) if field.name != "policy"]
    assert "recent_closes" not in document
    (back,) = reading.forecasts_from(db, "AAPL", MON, "AAPL")
    assert back == drawn
    assert back.recent_closes == ()


def test_without_a_calibration_the_intervals_are_those_of_the_distribution(db: Database) -> None:
    recording.record(db, [entry()], NOW)
    (row,) = reading.rows(db)
    assert (row.interval_50, row.interval_90) == (row.raw_interval_50, row.raw_interval_90)


def test_what_is_recorded_already_is_never_changed(db: Database) -> None:
    recording.record(db, [entry(kind="replay")], NOW)
    before = [tuple(db.rows(f"SELECT * FROM {table}")) for table in ("forecasts", "laws")]  # noqa: S608
    other = LedgerEntry(changed(forecast(), median=1.0), "live", student(0.5), {})
    assert recording.record(db, [other, entry(WED, FRI), entry(WED, FRI)], LATER) == 1
    after = [db.rows(f"SELECT * FROM {table}") for table in ("forecasts", "laws")]  # noqa: S608
    assert [tuple(rows[: len(old)]) for rows, old in zip(after, before, strict=True)] == before
    assert [row.kind for row in reading.rows(db)] == ["replay", "live"]
    for statement in ("UPDATE forecasts SET kind = 'live'", "UPDATE laws SET family = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="never changes"):
            db.execute(statement)


def test_horizons_models_and_origins_are_told_apart(db: Database) -> None:
    entries = [entry(), entry(target=WED, horizon=2), entry(model="other"), entry(TUE, WED)]
    assert recording.record(db, entries, NOW) == 4
    assert recording.recorded(db, "AAPL", MON, "AAPL") == {1, 2}
    assert recording.recorded(db, "AAPL", MON, "other") == {1}
    assert recording.recorded(db, "AAPL", WED, "AAPL") == set()
    assert recording.recorded(db, "MSFT", MON, "AAPL") == set()
    assert recording.record(db, [], NOW) == 0


def test_a_failure_half_way_records_nothing(db: Database) -> None:
    db.execute(
        "CREATE TEMP TRIGGER refuse BEFORE INSERT ON laws WHEN new.forecast_id = 2 BEGIN SELECT RAISE (FAIL, 'no'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="no"):
        recording.record(db, [entry(), entry(TUE, WED)], NOW)
    db.execute("DROP TRIGGER refuse")
    assert reading.rows(db) == []
    assert recording.record(db, [entry(), entry(TUE, WED)], NOW) == 2


def test_a_figure_that_json_has_no_word_for_is_null(db: Database) -> None:
    recording.record(db, [LedgerEntry(changed(forecast(), mean=math.inf), "live", student(), {})], NOW)
    assert reading.latest(db)[0]["mean"] is None


def test_entries_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="kind 'dead'"):
        entry(kind="dead")
    pair = StudentT(np.zeros(2), np.ones(2), np.full(2, 5.0))
    with pytest.raises(ValueError, match="2 rows in the distribution 'har-t'"):
        LedgerEntry(forecast(), "live", student(), {"har-t": pair})
    with pytest.raises(ModelError, match="interval"):
        LedgerEntry(forecast(), "live", student(), {}, wider(math.nan))
    with pytest.raises(ModelError, match="interval"):
        LedgerEntry(forecast(), "live", student(), {}, wider(-1.0))


# --- settling ---


def test_a_settled_forecast_has_the_scores_of_the_closed_forms(db: Database) -> None:
    wide = LedgerEntry(forecast(), "live", student(), BASELINES, wider(2.0))
    recording.record(db, [wide], NOW)
    assert settle(db) == Settlement(1, 0)
    (row,) = reading.rows(db)
    outcome = row.outcome
    assert outcome is not None
    y = math.log(102.0) - math.log(100.0)
    assert outcome.realised_return == pytest.approx(y, abs=1e-15)
    assert outcome.settled_at == "2024-07-09T21:30:00+00:00"
    assert outcome.crps == metrics.crps_student_t([y], 0.001, 0.02, 5.0)[0]
    assert outcome.log_score == metrics.log_score_student_t([y], 0.001, 0.02, 5.0)[0]
    assert outcome.pit == student().cdf([y])[0]
    assert outcome.error == pytest.approx(y - 0.001, abs=1e-15)
    # t = 0.94: beyond the 75 % quantile (0.73), within twice it; within the 95 % quantile (2.02).
    assert (outcome.hit_50, outcome.raw_hit_50, outcome.hit_90, outcome.raw_hit_90) == (True, False, True, True)
    half = 2.015048373333024 * 0.02  # scipy.stats.t(5).ppf(0.95)
    assert outcome.raw_interval_score_90 == pytest.approx(2 * half, rel=1e-12)
    assert outcome.interval_score_90 == pytest.approx(4 * half, rel=1e-12)
    assert row.status == "settled"
    assert row.realised_close == pytest.approx(100.1 * 1.02)
    gauss, walk = outcome.baselines["har-t"], outcome.baselines["random-walk"]
    assert gauss.crps == metrics.crps_student_t([y], 0.0, 0.018, math.inf)[0]
    assert gauss.log_score == pytest.approx(-0.5 * math.log(2 * math.pi) - math.log(0.018) - 0.5 * (y / 0.018) ** 2)
    assert gauss.pit == pytest.approx(0.5 * math.erfc(-y / 0.018 / math.sqrt(2)))
    assert walk.crps == pytest.approx(metrics.crps_empirical([y], sample().values_NK)[0], rel=1e-12)
    assert walk.log_score is None
    assert walk.pit == sample().cdf([y])[0]


def test_a_miss_costs_twenty_times_the_distance(db: Database) -> None:
    recording.record(db, [entry()], NOW)
    settle(db, closes=np.array([100.0, 110.0, 101.0, 104.0]))
    outcome = reading.rows(db)[0].outcome
    assert outcome is not None
    half = 2.015048373333024 * 0.02
    beyond = math.log(1.1) - (0.001 + half)
    assert (outcome.hit_50, outcome.hit_90) == (False, False)
    assert outcome.interval_score_90 == pytest.approx(2 * half + 20 * beyond, rel=1e-10)


def test_returns_are_those_of_the_backtest_to_the_last_bit(db: Database) -> None:
    history = synthetic.history(60, ticker="AAPL")
    days: list[date] = history.dates.astype(object).tolist()
    recording.record(db, [entry(*pair) for pair in pairwise(days)], NOW)
    assert settle(db, days[-1], history.adjusted_close, history.dates) == Settlement(59, 0)
    realised = [row.outcome.realised_return for row in reading.rows(db) if row.outcome is not None]
    assert realised == session_returns(history).r_T.tolist()


def test_a_split_between_origin_and_target_leaves_the_score_as_it_is(home: Path) -> None:
    found = []
    for folder, factor in (("before", 1.0), ("after", 1 / 7)):
        with Database.open(home / folder) as db:
            recording.record(db, [entry()], NOW)
            settle(db, closes=CLOSES * factor)
            found.append(reading.rows(db)[0].outcome)
    before, after = found
    assert before is not None
    assert after is not None
    for name in ("realised_return", "crps", "log_score", "pit", "error", "interval_score_90"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), abs=1e-12)
    assert after.baselines["har-t"].crps == pytest.approx(before.baselines["har-t"].crps, abs=1e-12)


def test_settling_twice_changes_nothing(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "VOID_AFTER", 1)
    recording.record(db, [entry(), entry(TUE, WED, kind="replay"), entry(MON, date(2024, 7, 4), 3)], NOW)
    assert settle(db) == Settlement(2, 1)
    before = reading.rows(db)
    assert settling.due_forecasts(db, "AAPL", FRI) == []
    assert settle(db, closes=2 * CLOSES[::-1].copy()) == Settlement(0, 0)
    assert reading.rows(db) == before


def test_a_forecast_whose_distribution_is_gone_is_not_settled(db: Database) -> None:
    recording.record(db, [entry()], NOW)
    db.execute("DELETE FROM laws WHERE competitor = ''")
    with pytest.raises(StorageError, match=r"distribution of forecast 1 .* is gone"):
        settle(db)


def test_a_score_that_somebody_put_before_its_outcome_gives_way(db: Database) -> None:
    recording.record(db, [entry()], NOW)
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("INSERT INTO baseline_scores VALUES (1, 'har-t', 9, 9, 9)")
    settle(db)
    assert reading.rows(db)[0].outcome.baselines["har-t"].crps < 1


def test_only_what_is_over_is_due(db: Database) -> None:
    recording.record(db, [entry(WED, FRI), entry(), entry(MON, WED, 2), entry(TUE, WED, model="other")], NOW)
    found = settling.due_forecasts(db, "AAPL", WED)
    assert [(due.origin, due.target_session, due.horizon, due.model) for due in found] == [
        (MON, TUE, 1, "AAPL"), (MON, WED, 2, "AAPL"), (TUE, WED, 1, "other"),
    ]  # fmt: skip
    assert settling.due_forecasts(db, "MSFT", WED) == []
    assert settle(db, WED) == Settlement(3, 0)
    assert [row.status for row in reading.rows(db)] == ["settled", "settled", "settled", "open"]
    two = reading.rows(db)[1].outcome
    assert two is not None
    assert two.realised_return == pytest.approx(math.log(1.01), abs=1e-15)


def test_a_target_session_without_a_bar_waits_for_later_ones_and_is_void_then(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    thursday = date(2024, 7, 4)
    recording.record(db, [entry(WED, thursday)], NOW)
    assert settle(db, thursday, CLOSES[:3], DATES[:3]) == Settlement(0, 0)
    assert settle(db, thursday, CLOSES[:0], DATES[:0]) == Settlement(0, 0)
    assert len(settling.due_forecasts(db, "AAPL", thursday)) == 1
    assert settle(db) == Settlement(0, 0)
    monkeypatch.setattr(settling, "VOID_AFTER", 1)
    assert settle(db) == Settlement(0, 1)
    (row,) = reading.rows(db)
    assert (row.status, row.outcome) == ("void", None)
    assert row.void == "no bar on the target session 2024-07-04: the exchange did not trade, or the provider lost it"


@pytest.mark.parametrize("lost", [math.nan, 0.0, -1.0, math.inf])
def test_a_bar_without_a_price_is_no_bar(db: Database, lost: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "VOID_AFTER", 1)
    recording.record(db, [entry(), entry(TUE, WED)], NOW)
    assert settle(db, closes=np.array([100.0, lost, 101.0, 104.0])) == Settlement(0, 2)
    assert [row.void for row in reading.rows(db)] == [
        "no bar on the target session 2024-07-02: the exchange did not trade, or the provider lost it",
        "the bar of the origin 2024-07-02 is gone from the prices",
    ]


def test_a_failure_half_way_settles_nothing(db: Database) -> None:
    recording.record(db, [entry(), entry(TUE, WED)], NOW)
    db.execute(
        "CREATE TEMP TRIGGER refuse BEFORE INSERT ON baseline_scores WHEN new.forecast_id = 2 "
        "BEGIN SELECT RAISE (FAIL, 'no'); END"
    )
    with pytest.raises(sqlite3.IntegrityError, match="no"):
        settle(db)
    assert [row.status for row in reading.rows(db)] == ["open", "open"]
    db.execute("DROP TRIGGER refuse")
    assert settle(db) == Settlement(2, 0)
