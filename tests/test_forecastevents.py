"""What a forecast says of a company's report: which session reacts, who told the date, how much wider it makes it."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import ExplainConfig
from stockcast.forecasting import TrainedModel, View, forecast
from stockcast.forecasts import Forecast
from stockcast.models.baselines.events import HarTEvents
from stockcast.models.eventlayer import EventLayer
from stockcast.pipeline.explaining import explanation
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.training import Candidate
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, EventCalendar, EventDates
from stockcast.prices.history import History
from stockcast.progress import Silent
from tests import synthetic

PLAIN = synthetic.history(900)
REPORTING = synthetic.reporting(PLAIN)
CONFIG = TrainConfig(
    NetworkConfig(cell="rnn", hidden_size=2, lookback=20),
    TrainingConfig(seeds=1, steps=2, final_fit=False),
    SplitConfig(PLAIN.session(600), PLAIN.session(750)),
)
NOW = datetime(2026, 1, 5, tzinfo=UTC)
ORIGIN = 850


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A small network with its layer, beside baselines of which one knows dates."""
    assert REPORTING.events is not None
    series = PriceSeries(REPORTING, known_calendar=REPORTING.events.calendar)
    with synthetic.only_baselines("har-t", "har-t-events"):
        found = Candidate.of(series, CONFIG, tmp_path_factory.mktemp("home"), "FAKE", Silent())
    return replace(found.model, served_by="rnn")


def due(rows: tuple[int, ...], *whens: str, taken: date | None = None, h: History = REPORTING) -> History:
    """The history up to ORIGIN, with its past reports and others in so many sessions from there."""
    assert h.events is not None
    known, calendar = h.events.newest, h.events.calendar
    past = known.days <= h.dates[ORIGIN - 10]
    days = np.concatenate([known.days[past], h.dates[[ORIGIN + row for row in rows]]])
    hours = (*(when for when, kept in zip(known.whens, past, strict=True) if kept), *whens)
    return replace(h.rows(0, ORIGIN + 1), events=EventCalendar((EventDates(days, hours, "yahoo", taken),), calendar))


def made(model: TrainedModel, h: History, horizon: int = 1) -> tuple[Forecast, ...]:
    return forecast(model, h, PredictConfig(horizon=horizon, paths=400), NOW)


def width_90(f: Forecast) -> float:
    return math.log(f.quantiles["0.95"] / f.quantiles["0.05"])


def bare(f: Forecast) -> dict[str, Any]:
    return {name: value for name, value in asdict(f).items() if name != "event"}


def test_the_width_factor_is_the_layers_and_the_ratio_of_scales_with_and_without_dates(model: TrainedModel) -> None:
    h = due((0,), AFTER, taken=date(2015, 1, 1))
    ((now,), (before,)) = made(model, h), made(model, replace(h, events=None))
    event, view = now.event, View.of(model, h, PredictConfig())
    assert event is not None
    assert event.width_factor == pytest.approx(now.scale / before.scale, rel=1e-12)
    layer = model.served.ensemble.layer
    assert layer is not None
    assert view.f.events is not None
    rows = view.f.events.rows(len(view.f) - 1, len(view.f))
    assert event.width_factor == pytest.approx(float(layer.factor(np.array([before.scale]), rows)[0]), rel=1e-12)
    assert event.width_factor > 1.2
    assert before.event is None


def test_har_with_dates_is_measured_against_its_own_quiet_sessions(model: TrainedModel) -> None:
    h = due((0,), AFTER)
    view = View.of(model, h, PredictConfig())
    (now,) = made(replace(model, served_by="har-t-events"), h)
    baseline = model.served.baselines["har-t-events"]
    assert isinstance(baseline, HarTEvents)
    assert now.event is not None
    assert view.f.events is not None
    rows, quiet = view.f.events.rows(len(view.f) - 1, len(view.f)), now.scale / now.event.width_factor
    assert now.event.width_factor == pytest.approx(float(EventLayer(baseline.kappa).factor(np.array([quiet]), rows)[0]))


def test_who_knows_no_dates_tells_of_the_report_and_forecasts_as_without(model: TrainedModel) -> None:
    plain, h = replace(model, served_by="har-t"), due((0, 2), AFTER, AFTER)
    for now, before in zip(made(plain, h, 3), made(plain, replace(h, events=None), 3), strict=True):
        assert bare(now) == bare(before)
        assert (now.event is None) == (now.horizon == 2)
        assert now.event is None or now.event.width_factor == 1.0


@pytest.mark.parametrize(
    ("row", "when", "step"),
    [(0, AFTER, 1), (1, BEFORE, 1), (1, AFTER, 2), (3, BEFORE, 3), (0, BEFORE, None), (9, AFTER, None)],
)
def test_the_event_stands_at_the_step_whose_session_reacts(
    model: TrainedModel, row: int, when: str, step: int | None
) -> None:
    steps = made(model, due((row,), when), 3)
    assert [f.horizon for f in steps if f.event] == ([] if step is None else [step])
    for found in (f.event for f in steps if f.event):
        day = REPORTING.session(ORIGIN + row)
        assert (found.kind, found.day, found.when, found.source, found.as_of) == ("earnings", day, when, "yahoo", None)
        assert (found.sessions, found.probability) == ((REPORTING.session(ORIGIN + (step or 0)),), 1.0)


def test_a_later_steps_factor_is_that_of_the_interval_up_to_it(model: TrainedModel) -> None:
    h = due((2,), AFTER)
    now, before = made(model, h, 4)[2], made(model, replace(h, events=None), 4)[2]
    assert now.event is not None
    assert now.event.width_factor == pytest.approx(width_90(now) / width_90(before), rel=1e-9)
    (alone,) = made(model, due((0,), AFTER))
    assert alone.event is not None
    # Two quiet sessions dilute what the third one does.
    assert 1.0 < now.event.width_factor < alone.event.width_factor


def test_of_an_unknown_hour_both_sessions_tell_and_the_likelier_comes_first(model: TrainedModel) -> None:
    first, second = made(model, due((1,), UNKNOWN), 2)
    assert first.event is not None
    assert second.event is not None
    assert first.event.sessions == second.event.sessions
    assert sorted(first.event.sessions) == [first.target_session, second.target_session]
    assert first.event.probability + second.event.probability == pytest.approx(1.0)
    likelier = max((first, second), key=lambda f: f.event.probability if f.event else 0.0)
    assert first.event.sessions[0] == likelier.target_session
    # The past reports of this company come after the close two times out of three.
    assert likelier is second


def test_a_report_on_a_day_without_session_moves_the_next(model: TrainedModel) -> None:
    h = due((), h=REPORTING)
    assert h.events is not None
    known, day = h.events.newest, h.last + timedelta(days=1)
    while day.weekday() < 5:
        day += timedelta(days=1)
    dates = EventDates(np.append(known.days, np.datetime64(day)), (*known.whens, AFTER), "dates.csv")
    found = [f.event for f in made(model, replace(h, events=replace(h.events, snapshots=(dates,))), 5) if f.event]
    assert [event.sessions for event in found] == [tuple(h.events.calendar.next_sessions(day, 1))]
    assert (found[0].day, found[0].source) == (day, "dates.csv")


def test_what_is_said_is_what_was_known_before_the_session(model: TrainedModel) -> None:
    old = due((0,), AFTER, taken=PLAIN.session(ORIGIN - 5))
    new = due((3,), AFTER, taken=PLAIN.session(ORIGIN + 1))
    assert old.events is not None
    assert new.events is not None
    both = replace(old, events=EventCalendar((old.events.newest, new.events.newest), old.events.calendar))
    ((now,), (then,)) = made(model, both), made(model, old)
    assert now == then
    assert now.event is not None
    assert now.event.as_of == PLAIN.session(ORIGIN - 5)


def test_an_explanation_sets_the_dates_apart_from_the_network(model: TrainedModel) -> None:
    config, calendar = ExplainConfig(), model.calendar
    h = due((0,), AFTER)
    found = explanation(View.of(model, h, PredictConfig(horizon=1)), config, calendar)
    quiet = explanation(View.of(model, replace(h, events=None), PredictConfig(horizon=1)), config, calendar)
    (now,) = made(model, h)
    assert found.event == now.event
    assert found.event is not None
    w, without = found.width, quiet.width
    assert w.event_effect == pytest.approx(math.log(found.event.width_factor))
    assert math.log(w.scale / w.usual) == pytest.approx(w.base_effect + w.network_effect + w.event_effect)
    assert w.base_share + w.network_share + w.event_share == pytest.approx(1.0)
    assert w.network_effect == pytest.approx(found.attribution.correction)
    assert (without.event_effect, without.event_share, quiet.event) == (0.0, 0.0, None)
    assert without.network_effect == w.network_effect
