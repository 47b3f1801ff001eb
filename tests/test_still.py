"""Prices that stand still: a forecast is finite, ordered and plausible, or it is refused in words."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast import config as clock
from stockcast.config import PredictConfig
from stockcast.errors import DataError, ModelError
from stockcast.forecasting import Clock, TrainedModel, View, require_plausible
from stockcast.forecasts import Forecast
from stockcast.models.baselines import ALL_BASELINES
from stockcast.models.baselines.garch import FhsGarch
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.models.har import HarScale
from stockcast.models.simulation import PathPlan, Shocks
from stockcast.prices.checks import validated
from stockcast.prices.history import Floats, History, RawBars
from stockcast.storage.trainedmodel import general_model
from stockcast.windows.features import features, session_returns
from tests import synthetic
from tests.processes import forked

LIVELY = synthetic.history(700, seed=4)
PARAMETERS: dict[str, dict[str, object]] = {
    "random-walk": {}, "random-walk-gaussian": {}, "drift": {}, "ewma-gaussian": {},
    "random-walk-t": {"nu": 3.0},
    "mean": {"nu": 3.0},
    "ar1": {"constant": 3e-4, "phi": 0.1, "scale": 0.008, "nu": 4.0},
    "ewma-t": {"mu": 3e-4, "ratio": 0.4, "nu": 2.05},
    "har-t": {"weights": (0.2, 1.36, 2.25, 2.41, -5.61, -1.28), "mu": 3e-4, "nu": 3.7},
    "har-t-events": {"weights": (0.2, 1.36, 2.25, 2.41, -5.61, -1.28), "mu": 3e-4, "nu": 3.7, "kappa": 0.9},
    "garch-t": {"mu": 0.03, "omega": 0.0, "alpha": 0.05, "beta": 0.9, "nu": 2.4},
    "gjr-garch-t": {"mu": 0.03, "omega": 0.0, "alpha": 0.05, "gamma": 0.02, "beta": 0.9, "nu": 2.4},
    "fhs-garch": {"mu": 0.03, "omega": 0.0, "alpha": 0.05, "beta": 0.9, "shocks": (*[0.0] * 90, 1.0, 2.0)},
}  # fmt: skip


def of_closes(close: Floats) -> History:
    """A history of closes alone."""
    return History(
        "STILL", LIVELY.dates[: len(close)], close, close.copy(), source="made up", splits=None, volume=None
    )  # fmt: skip


def still_from(at: int, sessions: int, stop: int = 700) -> History:
    """The lively prices, in ticks of a cent, standing still for some sessions."""
    close = np.round(LIVELY.close, 2)[:stop]
    steps = np.diff(close)
    steps[at : at + sessions] = 0.0
    return of_closes(np.concatenate(([close[0]], close[0] + np.cumsum(steps))))


def forecasts_of(history: History, horizon: int = 3) -> tuple[Forecast, ...]:
    """What the general model forecasts."""
    model: TrainedModel = general_model(history.last, history)
    view = View.of(model, history, PredictConfig(horizon=horizon, paths=200))
    return view.forecasts(view.dists(model.served_by), Clock(model.calendar, history.last, clock.now()))


def check(made: Forecast) -> None:
    """Whether a forecast may be shown, said another way than the check in the code says it."""
    prices = list(made.quantiles.values())
    assert all(map(math.isfinite, [*prices, made.mean, made.median, made.scale, made.p_up]))
    assert all(low < high for low, high in pairwise(prices))
    assert 0.5 * made.last_close < made.median < 2 * made.last_close
    assert prices[0] > 0
    assert 0 <= made.p_up <= 1


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000), at=st.integers(0, 380), length=st.integers(0, 300),
    price=st.sampled_from([1e-6, 0.5, 77, 1e6]), every=st.integers(1, 60),
)  # fmt: skip
def test_a_walk_in_ticks_with_flat_stretches_has_plausible_forecasts_or_is_refused(
    seed: int, at: int, length: int, price: float, every: int
) -> None:
    draw = np.random.default_rng(seed)
    steps = draw.choice([-1.0, 0.0, 1.0], 399) * (np.arange(399) % every == 0)
    steps[at : at + length] = 0.0
    history = of_closes(price * (1.0 + 1e-3 * np.concatenate(([0.0], np.cumsum(steps)))))
    try:
        made = forecasts_of(history)
    except DataError as error:
        assert "has not moved for" in error.message  # noqa: PT017 - either outcome is right, and this is one
        return
    for one in made:
        check(one)
        assert one.quantiles["0.05"] <= one.last_close * 1.01
        assert one.quantiles["0.95"] >= one.last_close * 0.99


def test_a_price_that_has_not_moved_for_a_year_is_refused_with_the_day_of_its_last_move() -> None:
    history = still_from(at=400, sessions=299)
    with pytest.raises(DataError, match=f"not moved for 299 sessions, since {history.session(400)}") as refused:
        forecasts_of(history)
    assert f"--as-of {history.session(400)}" in refused.value.hint
    for made in forecasts_of(history.between(None, history.session(400))):
        check(made)


def test_every_command_ends_well_where_the_whole_test_part_stands_still(tmp_path: Path) -> None:
    synthetic.write_csv(tmp_path / "STILL.csv", still_from(at=577, sessions=122))

    def run(command: str, *words: str | Path) -> Any:
        return forked(command, "STILL.csv", *words, "--json", folder=tmp_path).succeeded().data

    home, quick = ("--home", tmp_path / "home"), ("--seeds", "1", "--steps", "2")
    run("train", *home, *quick)
    for words in ((), ("--model", "general")):
        steps = run("predict", *home, "--horizon", "3", *words)
        assert all(step["quantiles"]["0.05"] < step["last_close"] < step["quantiles"]["0.95"] for step in steps)
    run("backtest", *home, *quick, "--baseline", "har-t")
    run("report", *home, *quick, "--baseline", "har-t", "--output", "page.html")


def test_an_interval_of_a_price_that_hardly_moves_holds_the_last_close() -> None:
    close = np.full(700, 806.19) + 0.01 * (np.arange(700) // 50 % 2)
    for made in forecasts_of(of_closes(close)):
        assert made.quantiles["0.05"] < made.last_close < made.quantiles["0.95"]


@pytest.mark.parametrize("name", sorted(ALL_BASELINES))
@pytest.mark.parametrize("sessions", [60, 249, 330])
def test_every_baseline_keeps_a_still_price_where_it_is(name: str, sessions: int) -> None:
    f = features(still_from(at=699 - sessions, sessions=sessions))
    known = ALL_BASELINES[name](**PARAMETERS[name])  # type: ignore[arg-type]  # one table for all of them
    origin = len(f) - 1
    base = HarScale((-0.3, 0.05, 0.15, 0.2, 0.1, -0.05), 3e-4, 5.0)
    plan = PathPlan(10, 400, Shocks.of(f, base, 100, 600), np.random.default_rng(0))
    with np.errstate(all="raise", under="ignore"):
        dists: list[Distribution] = [known.forecast(f, origin, origin + 1)]
        dists += [Empirical(total_P[None]) for total_P in known.simulate(f, origin, plan)]
    for dist in dists:
        low, middle, high = dist.quantile([0.05, 0.5, 0.95])[0]
        assert low < 0 < high
        assert abs(middle) < 0.05
        assert high - low < 3


@pytest.mark.parametrize("name", sorted(ALL_BASELINES))
def test_a_later_bar_changes_no_byte_of_the_floor(name: str) -> None:
    whole, cut = features(still_from(at=300, sessions=200)), features(still_from(at=300, sessions=200, stop=500))
    known = ALL_BASELINES[name](**PARAMETERS[name])  # type: ignore[arg-type]  # one table for all of them
    row = len(cut) - 1
    levels = np.array([0.01, 0.5, 0.99])
    earlier, later = (known.forecast(f, row, row + 1).quantile(levels) for f in (cut, whole))
    assert earlier.tobytes() == later.tobytes()


def test_a_lively_price_is_left_alone() -> None:
    m = session_returns(LIVELY)
    scale_N, loc_N = np.full(len(m), 0.003), np.full(len(m), 5e-4)
    assert (m.least_T[22:] < scale_N[22:]).all()
    assert (m.pace_T[22:] > loc_N[22:]).all()
    shocks = tuple(sorted(np.random.default_rng(0).standard_t(4, 400).tolist()))
    fhs = FhsGarch(0.03, 0.01, 0.05, 0.9, shocks)
    assert tuple(fhs._spread_shocks) == shocks


@pytest.mark.parametrize(
    "change",
    [
        {"median": 1.7e136}, {"mean": math.inf}, {"p_up": 1.2}, {"scale": 0.0}, {"scale": 1e3},
        {"quantiles": {"0.05": 2.0, "0.5": 1.0, "0.95": 3.0}}, {"mean": math.nan},
        {"quantiles": {"0.05": 90.0, "0.5": 91.0, "0.95": 92.0}},
        {"quantiles": {"0.05": -1.0, "0.5": 50.0, "0.95": 51.0}},
    ],
)  # fmt: skip
def test_a_forecast_that_cannot_be_is_never_made(change: dict[str, object]) -> None:
    good = forecasts_of(LIVELY, horizon=1)[0]
    require_plausible(good, session_returns(LIVELY))
    with pytest.raises(ModelError, match="is not shown") as refused:
        require_plausible(replace(good, **change), session_returns(LIVELY))  # type: ignore[arg-type]  # one change at a time
    assert refused.value.hint


def test_an_adjusted_close_that_vanishes_leaves_a_history_of_prices() -> None:
    adjusted = LIVELY.close.copy()
    adjusted[300] = 1e-308
    made = validated(RawBars("TINY", LIVELY.dates, LIVELY.close, adjusted, label="tiny.csv"))
    assert len(made) == len(LIVELY) - 1
    assert np.isfinite(made.adjusted_close).all()
    assert (made.adjusted_close > 0).all()
    assert any(str(LIVELY.dates[300]) in note and "left out" in note for note in made.notes)


@pytest.mark.parametrize("value", [1e-308, 1e308, 5e-324])
def test_a_close_that_no_price_can_be_is_refused_with_its_row_or_left_out(value: float) -> None:
    close = LIVELY.close.copy()
    close[300] = value
    try:
        made = validated(RawBars("TINY", LIVELY.dates, close, None, label="tiny.csv"))
    except DataError as error:
        assert str(LIVELY.dates[300]) in error.message  # noqa: PT017 - either outcome is right, and this is one
        return
    assert np.isfinite(np.diff(np.log(made.adjusted_close))).all()
    assert date(2000, 1, 1) < made.first
    assert isinstance(session_returns(made).r_T, np.ndarray)


def test_a_scale_from_a_still_price_is_no_scale_elsewhere() -> None:
    f = features(LIVELY)
    ln_s_T = HarScale((0.2, 1.36, 2.25, 2.41, -5.61, -1.28), 0.0, 3.7).log_scale(f)
    assert np.exp(ln_s_T.max()) <= 3 * session_returns(LIVELY).largest_T[-1] * (1 + 1e-12)
    assert isinstance(StudentT(np.zeros(len(f)), np.exp(ln_s_T), np.full(len(f), 3.7)), StudentT)
