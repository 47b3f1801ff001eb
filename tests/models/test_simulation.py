"""Simulated paths: their columns are those of real bars, and their distribution is the model's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy import stats

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.models.eventlayer import EventLayer
from stockcast.models.har import fit_har_scale
from stockcast.models.simulation import PathBars, PathPlan, Shocks
from stockcast.prices.sessions import load_calendar
from stockcast.progress import Silent
from stockcast.windows.covariates import extended
from stockcast.windows.events import features_with_events
from stockcast.windows.features import features
from stockcast.windows.splits import split_by_date
from tests import synthetic
from tests.learning import learn

F = features(synthetic.history(900))
SPLIT = split_by_date(F.session_returns.dates, SplitConfig(), lookback=20)


def test_paths_fed_with_real_bars_have_the_columns_of_the_real_history() -> None:
    origin = 600
    bars = PathBars(F, origin, paths=2)
    m = F.session_returns
    assert m.gap_T is not None
    assert m.surprise_T is not None
    for t in range(origin + 1, origin + 30):
        bars.advance(*(np.full(2, column[t]) for column in (m.r_T, m.v_T, m.gap_T, m.surprise_T)))
        np.testing.assert_allclose(bars.x_PF[1], F.x_TF[t], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(bars.har_PK[0], F.har_TK[t], rtol=1e-9)
        np.testing.assert_allclose(bars.leverage_P[0], F.leverage_T[t], rtol=1e-9)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_networks_paths_have_its_distribution_at_the_first_step_and_widen_after(cell: str) -> None:
    config = TrainConfig(
        NetworkConfig(cell=cell, hidden_size=4, lookback=20), TrainingConfig(seeds=1, steps=20, chunk=40, warmup=10)
    )
    ensemble, _ = learn(F, SPLIT, config, Silent())
    shocks = Shocks.of(F, ensemble.base, SPLIT.train.start, SPLIT.train.stop)
    total_HP = ensemble.simulate(F, 800, PathPlan(4, 20_000, shocks, np.random.default_rng(0)))
    dist = ensemble.forecast(F, 800, 801).quantile(np.array([0.1, 0.5, 0.9]))[0]
    spread = dist[2] - dist[0]
    np.testing.assert_allclose(np.quantile(total_HP[0], [0.1, 0.5, 0.9]), dist, atol=0.06 * spread)
    widths = np.diff(np.quantile(total_HP, [0.1, 0.9], axis=1), axis=0)[0]
    assert (np.diff(widths) > 0).all()
    assert widths[3] / widths[0] == pytest.approx(2.0, rel=0.25)


def test_the_network_sees_its_own_paths() -> None:
    """A path's second step is forecast from a window that holds its first."""
    config = TrainConfig(
        NetworkConfig(hidden_size=4, lookback=20),
        TrainingConfig(seeds=1, steps=60, chunk=40, warmup=10, learning_rate=0.03),
    )
    ensemble, _ = learn(F, SPLIT, config, Silent())
    shocks = Shocks.of(F, ensemble.base, SPLIT.train.start, SPLIT.train.stop)
    total_HP = ensemble.simulate(F, 800, PathPlan(2, 20_000, shocks, np.random.default_rng(0)))
    first, second = total_HP[0], total_HP[1] - total_HP[0]
    violent = np.abs(first) > np.quantile(np.abs(first), 0.9)
    assert second[violent].std() > 1.05 * second[~violent].std()


def test_shocks_are_drawn_jointly() -> None:
    shocks = Shocks(np.array([[1.0, 10.0, 100.0, 1000.0], [2.0, 20.0, 200.0, 2000.0]]))
    drawn_4P = shocks.draw(np.random.default_rng(0), 50)
    np.testing.assert_array_equal(drawn_4P[1], 10 * drawn_4P[0])
    np.testing.assert_array_equal(drawn_4P[3], 1000 * drawn_4P[0])


def test_bars_in_units_of_another_scale_make_the_same_paths() -> None:
    config = TrainConfig(
        NetworkConfig(hidden_size=4, lookback=20), TrainingConfig(seeds=1, steps=5, chunk=40, warmup=10)
    )
    ensemble, _ = learn(F, SPLIT, config, Silent())
    shocks = Shocks.of(F, ensemble.base, SPLIT.train.start, SPLIT.train.stop)
    wider = Shocks(shocks.values_M4 * np.array([2.0, 4.0, 2.0, 1.0]))
    both = [ensemble.simulate(F, 800, PathPlan(3, 500, some, np.random.default_rng(0))) for some in (shocks, wider)]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-9)


@pytest.mark.parametrize("nu", [2.5, 6.0, 1e6])
def test_unit_bars_have_the_mean_size_of_the_distribution(nu: float) -> None:
    values = np.random.default_rng(0).normal(0, 3, (500, 4))
    unit = Shocks(values).unit(nu).values_M4
    expected = stats.t.expect(abs, args=(nu,)) if nu < 100 else np.sqrt(2 / np.pi)
    assert np.abs(unit[:, 0]).mean() == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(unit[:, 1] / unit[:, 0] ** 2, values[:, 1] / values[:, 0] ** 2)
    assert not Shocks(np.zeros((2, 4))).unit(nu).values_M4.any()


def test_on_its_way_a_path_meets_the_days_of_its_own_target_sessions() -> None:
    calendar = load_calendar("XNYS", date(2012, 1, 1), date(2016, 1, 1))
    f = extended(F, calendar, {"days"})
    friday = int(np.flatnonzero((F.session_returns.dates.astype(int) + 3) % 7 == 4)[100])
    bars = PathBars(f, friday, 2)
    monday = f.names.index("target_monday")
    assert bars.x_PF[0, monday] == f.x_TF[friday, monday]
    bars.advance(np.zeros(2), np.full(2, 1e-4), np.zeros(2), np.zeros(2))
    # What follows is the session after the target of the first step.
    session, target = calendar.next_sessions(F.session_returns.dates[friday].astype(object), 2)
    assert bars.x_PF[0, monday] == (target.weekday() == 0)
    assert session < target


def test_reactions_are_drawn_in_units_of_what_widens_them() -> None:
    f = features_with_events(synthetic.reporting(synthetic.history(900, seed=4)))
    base, layer = fit_har_scale(f, 30, 800), EventLayer(0.9, 0.1, -0.05)
    plain, widened = Shocks.of(f, base, 30, 800), Shocks.of(f, base, 30, 800, layer)
    s_M = np.exp(base.log_scale(f, 30, 800))
    assert f.events is not None
    factor_M = layer.factor(s_M, f.events.rows(30, 800))
    np.testing.assert_allclose(widened.values_M4[:, 0] * factor_M, plain.values_M4[:, 0], rtol=1e-5, atol=1e-6)
    assert Shocks.of(replace(f, events=None), base, 30, 800, layer).values_M4.tobytes() == plain.values_M4.tobytes()
