"""What is told of report dates that moved after a forecast was recorded, or that were known only later."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.models import BacktestConfig, FoldConfig
from stockcast.engine.pieces import run_here
from stockcast.forecasts import Forecast, ForecastEvent
from stockcast.pipeline.backtesting import walk_of, walked
from stockcast.pipeline.reportdates import changed_dates, hindsight
from stockcast.pipeline.series import PriceSeries
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, EventCalendar, EventDates
from stockcast.windows.events import features_with_events
from tests import synthetic
from tests.pipeline.records import calendar
from tests.progress import ProgressLog
from tests.storage.entries import forecast

MON, TUE, WED, FRI = date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3), date(2024, 7, 5)
NOW = date(2024, 7, 1)
BY_YAHOO = "(Yahoo, as of 2024-07-01)"
RECORDED = ForecastEvent("earnings", TUE, AFTER, (WED,), 1.0, "yahoo", date(2024, 6, 28), 2.4)
NETWORK = NetworkConfig(cell="rnn", hidden_size=2, lookback=20)
TRAINING = TrainingConfig(seeds=1, steps=2, final_fit=False)
WITH, WITHOUT = replace(forecast(MON, WED, 2), event=RECORDED), forecast(MON, WED, 2)


def told(*events: tuple[date, str]) -> EventCalendar | None:
    """What is told now; before it was the recorded date alone."""
    old = EventDates(np.array([TUE], dtype="datetime64[D]"), (AFTER,), "yahoo", date(2024, 6, 28))
    days = np.array([day for day, _ in events], dtype="datetime64[D]")
    return EventCalendar.of((old, EventDates(days, tuple(when for _, when in events), "yahoo", NOW)), calendar())


def undated() -> EventCalendar | None:
    """What a file tells."""
    return EventCalendar.of((EventDates(np.array([TUE], dtype="datetime64[D]"), (AFTER,), "dates.csv"),), calendar())


@pytest.mark.parametrize(
    ("recorded", "now", "says"),
    [
        (WITH, [(TUE, AFTER)], None),
        (WITH, [(WED, BEFORE)], None),
        (WITH, [(TUE, UNKNOWN)], None),
        (
            WITH,
            [(date(2024, 4, 2), AFTER), (date(2024, 7, 9), AFTER)],
            (
                f"the report of 2024-07-02 is now on 2024-07-09 after the close {BY_YAHOO}; the forecast for "
                "2024-07-03 was recorded with the earlier date"
            ),
        ),
        (
            WITH,
            [(TUE, BEFORE)],
            (
                f"the report of 2024-07-02 is now on 2024-07-02 before the open {BY_YAHOO}; the forecast for "
                "2024-07-03 was recorded with another hour"
            ),
        ),
        (
            WITH,
            [(date(2024, 4, 2), AFTER)],
            (
                f"the report of 2024-07-02 is no longer among the dates {BY_YAHOO}; the forecast for 2024-07-03 was "
                "recorded with it"
            ),
        ),
        (
            WITHOUT,
            [(TUE, AFTER)],
            (
                f"a report on 2024-07-02 after the close is due now {BY_YAHOO}; the forecast for 2024-07-03 was "
                "recorded without it"
            ),
        ),
        (WITHOUT, [(FRI, AFTER)], None),
    ],
)
def test_what_has_become_of_the_date_of_an_open_forecast(
    recorded: Forecast, now: list[tuple[date, str]], says: str | None
) -> None:
    assert changed_dates((recorded,), told(*now)) == (() if says is None else (says,))


def test_each_forecast_is_told_of_once_and_nobody_where_no_dates_are_told() -> None:
    other = replace(WITH, model="second")
    assert len(changed_dates((WITH, other), told((FRI, AFTER)))) == 1
    assert changed_dates((WITH,), None) == ()
    assert changed_dates((), told((FRI, AFTER))) == ()


def test_dates_known_only_later_are_said_to_be() -> None:
    known = told((FRI, AFTER))
    assert hindsight(None, (WED,)) == ()
    assert hindsight(known, ()) == ()
    assert hindsight(known, (date(2024, 7, 1), FRI)) == ()
    (one,) = hindsight(known, (date(2024, 6, 28),))
    assert one == (
        "the dates of reports are those that were told later (Yahoo, as of 2024-06-28): how they stood before "
        "2024-06-28 is not known"
    )
    (some,) = hindsight(known, (date(2024, 6, 27), date(2024, 6, 28), MON))
    assert "before 2 of 3 target sessions is not known" in some


def test_of_a_file_nobody_knows_since_when_it_told_them() -> None:
    (one,) = hindsight(undated(), (FRI,))
    assert one == (
        "nobody says when the dates of reports were told (dates.csv): how they stood before 2024-07-05 is not known"
    )


@pytest.mark.parametrize("taken", [None, date(2012, 1, 2)])
def test_a_backtest_says_once_that_dates_were_known_only_later(taken: date | None, tmp_path: Path) -> None:
    h = synthetic.reporting(synthetic.history(700))
    assert h.events is not None
    known = replace(h.events, snapshots=(replace(h.events.newest, taken=taken),))
    h = replace(h, events=known)
    config = BacktestConfig(
        cells=("rnn",), network=NETWORK, training=TRAINING, folds=FoldConfig(test_from=h.session(640)),
        baselines=("har-t", "har-t-events"), init="scratch",
    )  # fmt: skip
    series, log = PriceSeries(h, known_calendar=known.calendar), ProgressLog()
    walk = walk_of(series, features_with_events(h), config, tmp_path, log)
    found = run_here(walked(walk, keep_rows=False), log)
    notes = [note for note in found.notes if "dates of reports" in note]
    assert len(notes) == (1 if taken is None else 0)
    assert [note for note in log.notes if "dates of reports" in note] == [f"FAKE: {note}" for note in notes]
