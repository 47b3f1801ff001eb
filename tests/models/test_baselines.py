"""Baselines: fits and filters against independent implementations, paths against closed forms."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pytest
from scipy import stats

from stockcast.errors import DataError
from stockcast.models.baselines import BASELINES
from stockcast.models.baselines.garch import GarchT
from stockcast.models.baselines.simple import Drift, EwmaT, HarT, RandomWalk
from stockcast.models.har import fit_har_scale
from stockcast.models.simulation import PathPlan, Shocks
from stockcast.storage.codec import MisfitError, decode, encode
from stockcast.windows.events import features_with_events
from stockcast.windows.features import BURN_IN, Features
from tests import synthetic

F = features_with_events(synthetic.reporting(synthetic.history(1500, seed=3)))
START, STOP = BURN_IN, 1200


def negative_log_likelihood(distribution, f: Features, start: int, stop: int) -> float:  # type: ignore[no-untyped-def]
    return -float(
        stats.t.logpdf(
            f.session_returns.r_T[start + 1 : stop + 1], distribution.nu, distribution.loc, distribution.scale
        ).mean()
    )


@pytest.mark.parametrize("name", list(BASELINES))
def test_one_row_alone_has_the_same_bytes_as_in_a_batch(name: str) -> None:
    known = BASELINES[name].fit(F, START, STOP)
    levels = np.array([0.05, 0.5, 0.95])
    whole = known.forecast(F, 100, 1400).quantile(levels)
    for origin in (100, 777, 1399):
        assert known.forecast(F, origin, origin + 1).quantile(levels).tobytes() == whole[origin - 100].tobytes()


@pytest.mark.parametrize("name", list(BASELINES))
def test_parameters_survive_json(name: str) -> None:
    known = BASELINES[name].fit(F, START, STOP)
    again = decode(BASELINES[name], json.loads(json.dumps(encode(known))))
    levels = np.array([0.05, 0.5, 0.95])
    assert (
        again.forecast(F, 700, 710).quantile(levels).tobytes() == known.forecast(F, 700, 710).quantile(levels).tobytes()
    )


def test_unknown_and_missing_parameters_are_named() -> None:
    with pytest.raises(MisfitError, match=r"known.drift.speed is not known"):
        decode(Drift, {"speed": 1}, "known.drift")
    with pytest.raises(MisfitError, match=r"known.ewma-t.nu is missing"):
        decode(EwmaT, {"mu": 0.0, "ratio": 1.0}, "known.ewma-t")


def test_the_garch_filter_is_that_of_arch() -> None:
    from arch import arch_model

    known = GarchT.fit(F, START, STOP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        r = 100 * F.session_returns.r_T[: STOP + 1]
        # arch counts the variance before the first return from the sample's mean, we from mu.
        backcast = float(np.average((r[:75] - known.mu) ** 2, weights=0.94 ** np.arange(75)))
        model = arch_model(r, mean="Constant", vol="GARCH", dist="t", rescale=False)
        result = model.fit(disp="off", backcast=backcast)
    found = [known.mu, known.omega, known.alpha, known.beta, known.nu]
    np.testing.assert_allclose(found, result.params, rtol=1e-3, atol=1e-3)
    distribution = known.forecast(F, 0, STOP)
    volatility = distribution.scale * math.sqrt(known.nu / (known.nu - 2)) * 100
    # arch starts from residuals about the sample mean, we from those about mu: the difference dies out.
    np.testing.assert_allclose(volatility[199:-1], result.conditional_volatility[200:STOP], rtol=1e-3)


def test_har_fit_is_a_maximum_that_no_coordinate_step_improves() -> None:
    found = HarT.fit(F, START, STOP)
    best = negative_log_likelihood(found.forecast(F, START, STOP), F, START, STOP)
    for k in range(len(found.weights)):
        for step in (-0.01, 0.01):
            moved = HarT(tuple(w + step * (i == k) for i, w in enumerate(found.weights)), found.mu, found.nu)
            assert negative_log_likelihood(moved.forecast(F, START, STOP), F, START, STOP) > best
    for mu, nu in ((found.mu + 2e-4, found.nu), (found.mu - 2e-4, found.nu), (found.mu, found.nu * 1.2)):
        moved = HarT(found.weights, mu, nu)
        assert negative_log_likelihood(moved.forecast(F, START, STOP), F, START, STOP) > best


def test_ewma_fit_is_a_maximum_that_no_coordinate_step_improves() -> None:
    found = EwmaT.fit(F, START, STOP)
    best = negative_log_likelihood(found.forecast(F, START, STOP), F, START, STOP)
    for mu, ratio, nu in ((2e-4, 1, 1), (-2e-4, 1, 1), (0, 1.03, 1), (0, 0.97, 1), (0, 1, 1.2), (0, 1, 0.8)):
        moved = EwmaT(found.mu + mu, found.ratio * ratio, found.nu * nu)
        assert negative_log_likelihood(moved.forecast(F, START, STOP), F, START, STOP) > best


def test_a_price_that_never_moves_is_refused_by_every_fit() -> None:
    from dataclasses import replace

    still = replace(F, session_returns=replace(F.session_returns, r_T=np.zeros(len(F))))
    with pytest.raises(DataError, match="never moves"):
        fit_har_scale(still, START, STOP)
    with pytest.raises(DataError, match="never moves"):
        GarchT.fit(still, START, STOP)


def test_the_random_walk_is_the_last_sixty_returns() -> None:
    distribution = RandomWalk().forecast(F, 500, 501)
    assert distribution.quantile(np.array([0.5]))[0, 0] == pytest.approx(np.median(F.session_returns.r_T[441:501]))


def test_drift_is_mean_and_spread_of_all_returns_so_far() -> None:
    distribution = Drift().forecast(F, 500, 501)
    assert distribution.mean[0] == pytest.approx(F.session_returns.r_T[:501].mean())
    assert distribution.std[0] == pytest.approx(F.session_returns.r_T[:501].std(), rel=1e-9)


@pytest.mark.parametrize("name", list(BASELINES))
def test_the_first_simulated_step_has_the_spread_of_the_closed_form(name: str) -> None:
    known = BASELINES[name].fit(F, START, STOP)
    shocks = Shocks.of(F, fit_har_scale(F, START, STOP), START, STOP)
    total_HP = known.simulate(F, 1300, PathPlan(3, 20_000, shocks, np.random.default_rng(0)))
    assert total_HP.shape == (3, 20_000)
    distribution = known.forecast(F, 1300, 1301).quantile(np.array([0.1, 0.5, 0.9]))[0]
    spread = distribution[2] - distribution[0]
    np.testing.assert_allclose(np.quantile(total_HP[0], [0.1, 0.5, 0.9]), distribution, atol=0.06 * spread)
    assert np.quantile(total_HP[2], 0.9) - np.quantile(total_HP[2], 0.1) > 1.4 * spread
