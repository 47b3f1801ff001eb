"""The event layer and HAR-t with dates: planted coefficients, closed forms, and nothing at all without dates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.errors import DataError, ModelError
from stockcast.forecasting import Fit, TrainedModel
from stockcast.models import eventlayer
from stockcast.models.baselines.events import HarTEvents
from stockcast.models.baselines.simple import HarT
from stockcast.models.distribution import StudentT
from stockcast.models.ensemble import Ensemble
from stockcast.models.eventlayer import USUAL, USUAL_OF_CLOSES, EventLayer, fit_layer
from stockcast.models.simulation import PathPlan, Shocks
from stockcast.prices.events import BEFORE, UNKNOWN
from stockcast.prices.history import Floats
from stockcast.prices.sessions import load_calendar
from stockcast.progress import Silent
from stockcast.storage.modelfile import model_id
from stockcast.storage.trainedmodel import from_file, to_file
from stockcast.windows.events import EventRows, features_with_events
from stockcast.windows.splits import split_by_date
from tests import synthetic
from tests.learning import learn

H = synthetic.reporting(synthetic.history(1200, seed=3), whens=(BEFORE,))
F = features_with_events(H)
WITHOUT = replace(F, events=None)
START, STOP = 60, 1000
REACTS = 912
"""Row of a session that carries a reaction, and lies after the training part."""
PLANTED = EventLayer(1.2, 0.08, -0.05)


def sample(rows: int, q: float, seed: int = 0) -> tuple[StudentT, EventRows]:
    """Distributions of a forecaster without dates, and rows of which one in ten may carry a reaction."""
    draw = np.random.default_rng(seed)
    scale_N = 0.01 * np.exp(0.4 * draw.standard_normal(rows))
    dist = StudentT(2e-4 * draw.standard_normal(rows), scale_N, draw.uniform(4, 9, rows))
    q_N = np.where(draw.uniform(size=rows) < 0.1, q, 0.0)
    ln_size_N = np.log(0.04) + 0.5 * draw.standard_normal(rows)
    return dist, EventRows(q_N, ln_size_N, draw.uniform(size=rows) < 0.9, draw.uniform(0, 3, rows))


def returns(dist: StudentT, rows: EventRows, layer: EventLayer, seed: int = 1) -> Floats:
    """What the distributions with that layer would give, by its formula."""
    draw = np.random.default_rng(seed)
    variance_N = dist.scale**2 + rows.q_N * (layer.kappa * np.exp(rows.ln_size_N)) ** 2
    known_N = np.exp(rows.known_N * (layer.shift + layer.echo * rows.echo_N))
    found: Floats = dist.loc + np.sqrt(variance_N) * known_N * draw.standard_t(dist.nu)
    return found


@pytest.mark.parametrize("q", [1.0, 0.5])
def test_a_fit_recovers_planted_coefficients(q: float) -> None:
    dist, rows = sample(60_000, q)
    found = EventLayer.fit(dist, rows, returns(dist, rows, PLANTED), USUAL)
    assert found.kappa == pytest.approx(PLANTED.kappa, abs=0.06)
    assert found.shift == pytest.approx(PLANTED.shift, abs=0.02)
    assert found.echo == pytest.approx(PLANTED.echo, abs=0.01)
    alone = EventLayer.fit(dist, rows, returns(dist, rows, EventLayer(1.2)), None)
    assert alone == EventLayer(alone.kappa)
    assert alone.kappa == pytest.approx(1.2, abs=0.06)


@pytest.mark.parametrize("usual", [USUAL, USUAL_OF_CLOSES])
@pytest.mark.parametrize("q", [1.0, 0.5])
def test_a_fit_is_the_most_likely_one_beside_what_is_usual(q: float, usual: EventLayer) -> None:
    """Found by a search without slopes, by SciPy's density: a series of its own is pulled to what many say."""
    dist, rows = sample(800, q)
    y_N = returns(dist, rows, PLANTED)
    known_N = rows.known_N | (rows.q_N > 0)
    usual_P = [usual.kappa, usual.shift, usual.echo]

    def loss(x_P: Floats) -> float:
        layer = EventLayer(*x_P.tolist())
        scale_N = layer.over(dist, rows).scale
        off_P = (x_P - np.array(usual_P)) / np.array([0.2, 0.05, 0.03])
        return 0.5 * float(off_P @ off_P) - float(stats.t.logpdf(y_N, dist.nu, dist.loc, scale_N)[known_N].sum())

    sought = optimize.minimize(loss, usual_P, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9})
    found = EventLayer.fit(dist, rows, y_N, usual)
    np.testing.assert_allclose([found.kappa, found.shift, found.echo], sought.x, atol=1e-5)


@pytest.mark.parametrize("usual", [USUAL, None])
def test_slopes_of_the_loss_are_its_finite_differences(
    usual: EventLayer | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: list[Callable[[Floats], tuple[float, Floats]]] = []
    maximum = eventlayer.maximum

    def watched(loss: Callable[[Floats], tuple[float, Floats]], *others: Any) -> Any:
        losses.append(loss)
        return maximum(loss, *others)

    monkeypatch.setattr(eventlayer, "maximum", watched)
    dist, rows = sample(500, 0.7)
    EventLayer.fit(dist, rows, returns(dist, rows, PLANTED), usual)
    (loss,), step = losses, 1e-6
    for x_P in np.array([[0.3, 0.2, -0.1], [1.5, -0.3, 0.2]])[:, : 1 if usual is None else 3]:
        _, gradient_P = loss(x_P)
        apart_PP = step * np.eye(len(x_P))
        differences = [(loss(x_P + e_P)[0] - loss(x_P - e_P)[0]) / (2 * step) for e_P in apart_PP]
        np.testing.assert_allclose(gradient_P, differences, rtol=1e-5, atol=1e-8)


def test_too_few_reactions_are_refused_and_a_series_with_none_has_no_layer() -> None:
    dist, rows = sample(60, 1.0)
    few = replace(rows, q_N=(np.arange(60) < 7).astype(float))
    y_N = returns(dist, rows, USUAL)
    with pytest.raises(DataError, match="fewer than 8 reports"):
        EventLayer.fit(dist, few, y_N, USUAL)
    assert fit_layer([(dist, few, y_N)], USUAL) == USUAL
    assert fit_layer([], USUAL) is None
    assert fit_layer([(dist, few, y_N), (dist, few, y_N)], USUAL) not in {None, USUAL}


def test_variances_add() -> None:
    dist, rows = sample(200, 0.3)
    rows = replace(rows, known_N=np.zeros(200, dtype=bool))
    widened = EventLayer(0.8, 0.5, 0.5).over(dist, rows)
    np.testing.assert_allclose(widened.scale**2, dist.scale**2 + rows.q_N * (0.8 * np.exp(rows.ln_size_N)) ** 2)
    assert widened.loc.tobytes() == dist.loc.tobytes()
    assert widened.nu.tobytes() == dist.nu.tobytes()


def test_where_nothing_is_known_a_scale_is_the_same_to_the_bit() -> None:
    dist, rows = sample(200, 0.0)
    nothing = replace(rows, known_N=np.zeros(200, dtype=bool))
    assert (PLANTED.factor(dist.scale, nothing) == 1.0).all()
    assert PLANTED.over(dist, nothing).scale.tobytes() == dist.scale.tobytes()
    assert PLANTED.over(dist, rows).scale.tobytes() != dist.scale.tobytes()


# Within a network.


@pytest.fixture(scope="module")
def network() -> Ensemble:
    """A network that has hardly learnt anything, without a layer."""
    config = TrainConfig(
        NetworkConfig(hidden_size=4, lookback=20), TrainingConfig(seeds=1, steps=5, chunk=40, warmup=10)
    )
    return learn(WITHOUT, split_by_date(F.session_returns.dates, SplitConfig(), lookback=20), config, Silent())[0]


def test_a_network_without_dates_or_without_a_layer_forecasts_the_same_bytes(network: Ensemble) -> None:
    layered = replace(network, layer=PLANTED)
    plain = network.forecast(WITHOUT, START, STOP)
    for ensemble, f in ((layered, WITHOUT), (network, F)):
        dist = ensemble.forecast(f, START, STOP)
        assert dist.scale.tobytes() == plain.scale.tobytes()
        assert dist.loc.tobytes() == plain.loc.tobytes()
        assert dist.nu.tobytes() == plain.nu.tobytes()
    assert layered.fingerprint() != network.fingerprint() != replace(layered, layer=USUAL).fingerprint()
    events = F.events
    assert events is not None
    expected = PLANTED.over(plain, events.rows(START, STOP))
    np.testing.assert_allclose(layered.forecast(F, START, STOP).scale, expected.scale)
    origin = REACTS - 1
    assert layered.forecast(F, origin, origin + 1).scale[0] > 2 * plain.scale[origin - START]
    plan = [PathPlan(5, 50, Shocks.of(F, network.base, START, STOP), np.random.default_rng(0)) for _ in range(3)]
    paths = network.simulate(WITHOUT, origin, plan[0])
    assert layered.simulate(WITHOUT, origin, plan[1]).tobytes() == paths.tobytes()
    assert layered.simulate(F, origin, plan[2]).tobytes() != paths.tobytes()


def test_one_row_with_dates_has_the_same_bytes_as_in_a_batch(network: Ensemble) -> None:
    layered = replace(network, layer=PLANTED)
    whole = layered.forecast(F, START, STOP)
    for origin in (START, REACTS - 1, REACTS, STOP - 1):
        row = origin - START
        assert layered.forecast(F, origin, origin + 1).scale.tobytes() == whole.scale[row : row + 1].tobytes()


def widths(total_HP: Floats) -> Floats:
    """Between the outer tenths of each step's returns, [H]."""
    step_HP = np.diff(total_HP, axis=0, prepend=0.0)
    low_H, high_H = np.quantile(step_HP, [0.1, 0.9], axis=1)
    found: Floats = high_H - low_H
    return found


def test_paths_widen_on_the_session_that_reacts_and_come_back(network: Ensemble) -> None:
    shocks = Shocks.of(F, network.base, START, STOP)
    fitted = HarTEvents.fit(F, START, STOP)
    for forecaster in (replace(network, layer=USUAL), fitted):
        origin = REACTS - 4
        total_HP = forecaster.simulate(F, origin, PathPlan(8, 4000, shocks, np.random.default_rng(0)))
        width_H = widths(total_HP)
        assert width_H.argmax() == 3
        assert width_H[3] > 2 * width_H[:3].max()
        assert width_H[4:].max() < 0.6 * width_H[3]
    # HAR-t with dates forgets the reaction altogether; a network is left with what its columns have seen of it.
    np.testing.assert_allclose(width_H[4:], width_H[:3].mean(), rtol=0.25)


def test_the_first_step_of_paths_is_the_forecast(network: Ensemble) -> None:
    shocks = Shocks.of(F, network.base, START, STOP)
    for forecaster in (replace(network, layer=USUAL), HarTEvents.fit(F, START, STOP)):
        for origin in (REACTS - 1, REACTS):
            total_HP = forecaster.simulate(F, origin, PathPlan(1, 20_000, shocks, np.random.default_rng(0)))
            low, high = forecaster.forecast(F, origin, origin + 1).quantile(np.array([0.1, 0.9]))[0]
            np.testing.assert_allclose(np.quantile(total_HP[0], [0.1, 0.9]), [low, high], atol=0.06 * (high - low))


# HAR-t with dates.


def test_har_t_with_dates_is_har_t_of_clean_bars_whose_variance_a_report_adds_to() -> None:
    events = F.events
    assert events is not None
    found = HarTEvents.fit(F, START, STOP)
    quiet = HarT.fit(events.clean(F), START, STOP)
    assert (found.weights, found.mu, found.nu) == (quiet.weights, quiet.mu, quiet.nu)
    rows = events.rows(START, STOP)
    scale_N = quiet.forecast(events.clean(F), START, STOP).scale
    expected_N = np.sqrt(scale_N**2 + rows.q_N * (found.kappa * np.exp(rows.ln_size_N)) ** 2)
    dist = found.forecast(F, START, STOP)
    np.testing.assert_allclose(dist.scale, expected_N, rtol=1e-12)
    assert set(dist.nu) == {quiet.nu}
    # kappa is the likeliest one.
    y_N = F.session_returns.r_T[START + 1 : STOP + 1]

    def log_likelihood(kappa: float) -> float:
        return float(replace(found, kappa=kappa).forecast(F, START, STOP).log_density(y_N).sum())

    assert log_likelihood(found.kappa) > max(log_likelihood(found.kappa * by) for by in (0.95, 1.05))
    assert found.forecast(WITHOUT, START, STOP).scale.tobytes() == quiet.forecast(WITHOUT, START, STOP).scale.tobytes()


def test_har_t_with_dates_needs_eight_reports() -> None:
    with pytest.raises(DataError, match="no dates of reports are known"):
        HarTEvents.fit(WITHOUT, START, STOP)
    with pytest.raises(DataError, match="fewer than 8 reports"):
        HarTEvents.fit(F, START, START + 63 * 7)


def test_reports_that_nobody_dated_are_missed_where_they_move_the_price() -> None:
    """Dates are worth something: on sessions that react the interval holds what it says."""
    for whens in ((BEFORE,), (UNKNOWN,)):
        f = features_with_events(synthetic.reporting(synthetic.history(3000, seed=5), whens=whens))
        y_N = f.session_returns.r_T[2001:2999]
        assert f.events is not None
        q_N = f.events.rows(2000, 2998).q_N
        with_dates, without = (kind.fit(f, START, 2000).forecast(f, 2000, 2998) for kind in (HarTEvents, HarT))
        assert with_dates.log_density(y_N).sum() > without.log_density(y_N).sum() + 5
        reacts_N = q_N >= 0.5
        held = [np.abs(dist.cdf(y_N) - 0.5)[reacts_N] < 0.45 for dist in (with_dates, without)]
        assert held[0].mean() > held[1].mean() + 0.1


# Kept.


def model(network: Ensemble) -> TrainedModel:
    calendar = load_calendar("weekdays", date(2012, 1, 1), date(2020, 1, 1))
    fit = Fit(network, {"har-t-events": HarTEvents.fit(F, START, STOP)}, Shocks.of(F, network.base, START, STOP))
    config = TrainConfig(network.config)
    return TrainedModel("FAKE", "FAKE", "", config, {"scored": fit}, network.config.cell, "", calendar)


def test_a_saved_model_keeps_its_layer_and_its_id(network: Ensemble) -> None:
    file = to_file(model(replace(network, layer=PLANTED)))
    again = from_file(file)
    assert again.scored.ensemble.layer == PLANTED
    assert again.model_id == file.manifest["model_id"] == to_file(again).manifest["model_id"]
    assert again.scored.baselines == {"har-t-events": HarTEvents.fit(F, START, STOP)}
    dists = [one.forecast(F, START, STOP) for one in (again.scored.ensemble, replace(network, layer=PLANTED))]
    assert dists[0].scale.tobytes() == dists[1].scale.tobytes()
    other = to_file(model(replace(network, layer=USUAL)))
    assert other.manifest["model_id"] != file.manifest["model_id"]
    file.manifest["scored"]["layer"]["kappa"] = 0.5
    with pytest.raises(ModelError, match="model_id"):
        from_file(file)
    file.manifest["scored"]["layer"]["kappa"] = 7.0
    with pytest.raises(ModelError, match="kappa"):
        from_file(file)


def test_a_model_without_a_layer_is_saved_as_before_there_were_any(network: Ensemble) -> None:
    file = to_file(model(network))
    assert "layer" not in file.manifest["scored"]
    before = {key: file.manifest[key] for key in ("config", "served_by", "features", "served")}
    scored = {key: file.manifest["scored"][key] for key in ("cutoff", "base_scale", "baselines")}
    assert file.manifest["model_id"] == model_id({**before, "scored": scored}, file.tensors)
    assert from_file(file).scored.ensemble.layer is None
