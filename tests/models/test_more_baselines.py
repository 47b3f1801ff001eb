"""The other baselines: fits and filters against `arch` and SciPy, distributions against closed forms, no look ahead."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from stockcast.errors import DataError
from stockcast.evaluation.verdict import display
from stockcast.models.baselines import ALL_BASELINES, BASELINES, Baseline
from stockcast.models.baselines.garch import MOST_RESIDUALS, FhsGarch, GarchFilter, GarchT, GjrGarchT
from stockcast.models.baselines.simple import Ar1, EwmaGaussian, Mean, RandomWalkGaussian, RandomWalkT
from stockcast.models.distribution import Distribution, StudentT
from stockcast.models.simulation import PathPlan, Shocks
from stockcast.storage.codec import decode, encode
from stockcast.windows.features import BURN_IN, Features, features
from tests import synthetic

F = features(synthetic.history(1500, seed=3))
START, STOP = BURN_IN, 1200
NEW = [name for name in ALL_BASELINES if name not in BASELINES]
FITTED: dict[str, Baseline] = {name: ALL_BASELINES[name].fit(F, START, STOP) for name in NEW}
LEVELS = np.array([0.01, 0.05, 0.5, 0.95])
NO_SHOCKS = Shocks(np.zeros((1, 4)))


def with_returns(r_T: np.ndarray) -> Features:
    """F with other returns in place of its own: the baselines tested here look at nothing else."""
    session_returns = F.session_returns
    return replace(
        F,
        session_returns=replace(
            session_returns,
            r_T=r_T,
            dates=session_returns.dates[: len(r_T)],
            v_T=session_returns.v_T[: len(r_T)],
            tick_T=None,
        ),
    )


def quantiles(dist: Distribution) -> np.ndarray:
    return dist.quantile(LEVELS)


def student(dist: Distribution) -> StudentT:
    assert isinstance(dist, StudentT)
    return dist


def log_likelihood(dist: Distribution, r_T: np.ndarray) -> float:
    found = dist.log_density(r_T)
    assert found is not None
    return float(found.mean())


def test_a_training_fits_the_usual_ones_and_all_are_known_by_name() -> None:
    assert list(BASELINES) == ["random-walk", "drift", "ewma-t", "har-t", "har-t-events", "garch-t"]
    assert {name: ALL_BASELINES[name] for name in BASELINES} == BASELINES
    assert len(set(ALL_BASELINES.values())) == len(ALL_BASELINES) == 13


@pytest.mark.parametrize("name", list(ALL_BASELINES))
def test_every_baseline_names_its_literature_and_has_a_name_for_sentences(name: str) -> None:
    docstring = ALL_BASELINES[name].__doc__ or ""
    assert any(str(year) in docstring for year in range(1900, 2026)), "no year of a publication"
    assert display(name) == "drift" or display(name) != name


@pytest.mark.parametrize("name", NEW)
def test_one_row_alone_has_the_same_bytes_as_in_a_batch(name: str) -> None:
    whole = quantiles(FITTED[name].forecast(F, START, 1400))
    for origin in (START, 60, 73, 74, 75, 777, 1399):
        alone = quantiles(FITTED[name].forecast(F, origin, origin + 1))
        assert alone.tobytes() == whole[origin - START : origin - START + 1].tobytes(), origin


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("last", [BURN_IN, 50, 74, 75, 700])
def test_what_follows_an_origin_changes_no_byte_of_its_forecast(name: str, last: int) -> None:
    known, before = FITTED[name], quantiles(FITTED[name].forecast(F, START, last + 1)).tobytes()
    shocked = with_returns(np.where(np.arange(len(F)) > last, 7 * F.session_returns.r_T + 0.01, F.session_returns.r_T))
    assert quantiles(known.forecast(shocked, START, 1400))[: last + 1 - START].tobytes() == before
    assert (
        quantiles(known.forecast(with_returns(F.session_returns.r_T[: last + 1]), START, last + 1)).tobytes() == before
    )


@pytest.mark.parametrize("name", NEW)
def test_a_forecast_sees_the_return_of_its_own_origin(name: str) -> None:
    moved_T = F.session_returns.r_T.copy()
    moved_T[700] -= 0.2
    after = quantiles(FITTED[name].forecast(with_returns(moved_T), 700, 701))
    assert not np.array_equal(after, quantiles(FITTED[name].forecast(F, 700, 701)))


@pytest.mark.parametrize("name", NEW)
def test_a_fit_sees_nothing_after_the_last_target(name: str) -> None:
    cut = with_returns(F.session_returns.r_T[: STOP + 1])
    assert ALL_BASELINES[name].fit(cut, START, STOP) == FITTED[name]


@pytest.mark.parametrize("name", NEW)
def test_parameters_survive_json(name: str) -> None:
    again = decode(ALL_BASELINES[name], json.loads(json.dumps(encode(FITTED[name]))))
    assert type(again) is type(FITTED[name])
    assert quantiles(again.forecast(F, 700, 710)).tobytes() == quantiles(FITTED[name].forecast(F, 700, 710)).tobytes()
    plan, other = (PathPlan(2, 5, NO_SHOCKS, np.random.default_rng(0)) for _ in range(2))
    assert again.simulate(F, 700, plan).tobytes() == FITTED[name].simulate(F, 700, other).tobytes()


@pytest.mark.parametrize("name", NEW)
def test_the_first_simulated_step_has_the_distribution_of_the_forecast(name: str) -> None:
    paths = 40_000
    total_HP = FITTED[name].simulate(F, 1300, PathPlan(3, paths, NO_SHOCKS, np.random.default_rng(0)))
    dist = FITTED[name].forecast(F, 1300, 1301)
    mean, std = dist.mean[0], dist.std[0]
    assert total_HP.shape == (3, paths)
    assert total_HP[0].mean() == pytest.approx(mean, abs=5 * std / math.sqrt(paths))
    # Kurtosis makes the spread of simulated tails itself uncertain; the middle of the distribution is not.
    assert total_HP[0].std() == pytest.approx(std, rel=0.1)
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    np.testing.assert_allclose(np.quantile(total_HP[0], levels), dist.quantile(levels)[0], atol=0.06 * std)
    first, third = (float(np.ptp(np.quantile(total_HP[h], [0.1, 0.9]))) for h in (0, 2))
    # Three sessions of about one variance each; tails make the first narrower in the middle than the sum is.
    assert third == pytest.approx(math.sqrt(3) * first, rel=0.2)


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("value", [0.0, 2e-4])
def test_returns_of_one_value_are_refused(name: str, value: float) -> None:
    # Prices that grow by one rate have returns that differ in their last digits.
    rounding_T = np.where(np.arange(len(F)) % 2 == 0, value, value * (1 + 1e-12))
    with pytest.raises(
        DataError, match=f"could not be fitted: every return up to {F.session_returns.dates[STOP]} is {value:g}$"
    ):
        ALL_BASELINES[name].fit(with_returns(rounding_T), START, STOP)


def test_returns_that_vary_only_after_the_training_part_are_refused() -> None:
    r_T = np.where(np.arange(len(F)) <= STOP, 0.0, F.session_returns.r_T)
    with pytest.raises(DataError, match="every return"):
        RandomWalkGaussian.fit(with_returns(r_T), START, STOP)


def test_a_first_month_without_a_move_still_gives_a_distribution() -> None:
    quiet = with_returns(np.where(np.arange(len(F)) < 40, 0.0, F.session_returns.r_T))
    for name in NEW:
        dist = ALL_BASELINES[name].fit(quiet, START, STOP).forecast(quiet, START, 1400)
        assert np.isfinite(quantiles(dist)).all(), name


@pytest.mark.parametrize("name", NEW)
def test_a_share_that_hardly_trades_has_a_distribution_among_its_returns_or_is_refused(name: str) -> None:
    # Without a move in 95 % of the sessions a GARCH likelihood has no maximum: arch may end with a mean of 656 %.
    rare = with_returns(np.where(np.random.default_rng(0).random(len(F)) < 0.95, 0.0, F.session_returns.r_T))
    try:
        known = ALL_BASELINES[name].fit(rare, START, STOP)
    except DataError:
        assert "garch" in name or name == "ar1"
        return
    dist = known.forecast(rare, START, 1400)
    assert (np.abs(dist.quantile(np.array([0.5]))) < np.abs(F.session_returns.r_T).max()).all()
    assert (dist.std > 0).all()
    assert np.isfinite(known.simulate(rare, 1300, PathPlan(5, 500, NO_SHOCKS, np.random.default_rng(0)))).all()


def test_the_gaussian_random_walk_is_the_root_mean_square_about_the_last_close() -> None:
    dist = student(FITTED["random-walk-gaussian"].forecast(F, 500, 501))
    assert (dist.loc[0], dist.nu[0]) == (0.0, math.inf)
    assert dist.scale[0] == pytest.approx(math.sqrt(np.mean(F.session_returns.r_T[:501] ** 2)), rel=1e-12)


def test_the_t_random_walk_has_the_mean_absolute_return_of_the_past() -> None:
    dist = student(FITTED["random-walk-t"].forecast(F, 500, 501))
    spread = stats.t.expect(abs, args=(dist.nu[0],), scale=dist.scale[0])
    assert dist.loc[0] == 0.0
    assert spread == pytest.approx(np.abs(F.session_returns.r_T[:501]).mean(), rel=1e-6)


def test_the_historical_mean_is_centred_on_it_and_as_wide_as_it_has_erred() -> None:
    dist = student(FITTED["mean"].forecast(F, 500, 501))
    errors = [
        abs(r - (F.session_returns.r_T[:t].mean() if t else 0.0)) for t, r in enumerate(F.session_returns.r_T[:501])
    ]
    assert dist.loc[0] == pytest.approx(F.session_returns.r_T[:501].mean(), rel=1e-12)
    assert stats.t.expect(abs, args=(dist.nu[0],), scale=dist.scale[0]) == pytest.approx(np.mean(errors), rel=1e-6)


@pytest.mark.parametrize(("kind", "fixed"), [(RandomWalkT, {"floc": 0}), (Mean, {})])
def test_the_degrees_of_freedom_are_those_of_scipy(kind: type[RandomWalkT] | type[Mean], fixed: dict[str, int]) -> None:
    expected = stats.t.fit(100 * F.session_returns.r_T[: STOP + 1], **fixed)[0]
    assert kind.fit(F, START, STOP).nu == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("kind", [RandomWalkT, Mean])
@pytest.mark.parametrize("nu", [3.0, 8.0])
def test_the_distribution_of_a_simulated_t_walk_is_found(kind: type[RandomWalkT] | type[Mean], nu: float) -> None:
    r_T = 0.01 * np.random.default_rng(4).standard_t(nu, len(F))
    walk = with_returns(r_T)
    known = kind.fit(walk, START, 1400)
    dist = student(known.forecast(walk, 1400, 1401))
    # Standard errors at 1400 returns: of ln scale about 0.03, of 1 / nu about 0.025.
    assert dist.scale[0] == pytest.approx(0.01, rel=0.12)
    assert 1 / known.nu == pytest.approx(1 / nu, abs=0.08)


@pytest.mark.parametrize("name", ["random-walk-gaussian", "random-walk-t"])
def test_no_other_baseline_beats_the_true_model_of_a_simulated_walk(name: str) -> None:
    gaps = []
    for seed in range(4):
        draw = np.random.default_rng(seed)
        r_T = 0.01 * (draw.standard_normal(len(F)) if name.endswith("gaussian") else draw.standard_t(4, len(F)))
        walk = with_returns(r_T)
        dists = {
            rival: ALL_BASELINES[rival].fit(walk, START, 700).forecast(walk, 700, 1400)
            for rival in (name, "mean", "drift", "ewma-t", "gjr-garch-t", "ar1")
        }
        scores = {rival: log_likelihood(dist, r_T[701:1401]) for rival, dist in dists.items()}
        gaps.append([scores[name] - score for rival, score in scores.items() if rival != name])
    assert (np.mean(gaps, axis=0) > 0).all()


def test_riskmetrics_is_the_recursion_of_the_technical_document() -> None:
    dist = student(FITTED["ewma-gaussian"].forecast(F, START, 1400))
    assert EwmaGaussian() == FITTED["ewma-gaussian"]
    assert (dist.loc == 0).all()
    assert np.isinf(dist.nu).all()
    variance, r_T = dist.scale**2, F.session_returns.r_T
    np.testing.assert_allclose(variance[1:], 0.94 * variance[:-1] + 0.06 * r_T[START + 1 : 1400] ** 2, rtol=1e-12)
    start = np.mean(r_T[:BURN_IN] ** 2)
    assert variance[0] == pytest.approx(0.94 * start + 0.06 * r_T[BURN_IN] ** 2, rel=1e-12)


def arch_variances(known: GarchFilter, r_T: np.ndarray) -> np.ndarray:
    """What arch's own recursion makes of the returns, one session past the last, in squared percent."""
    from arch.univariate import GARCH

    process = GARCH(p=1, o=1, q=1)
    # A return more, so that the recursion gives the variance after the last; its value plays no part.
    residuals = np.append(100 * r_T - known.mu, 0.0)
    parameters = np.array([known.omega, known.alpha, known.gamma, known.beta])
    loose = np.tile([1e-12, 1e12], (len(residuals), 1))
    variance = np.zeros(len(residuals))
    process.compute_variance(parameters, residuals, variance, process.backcast(residuals[:-1]), loose)
    return variance[1:]


@pytest.mark.parametrize(
    "known",
    [GarchFilter(0.05, 0.03, 0.04, 0.11, 0.88), GarchFilter(0.0, 0.1, 0.08, 0.0, 0.9)],
    ids=["asymmetric", "symmetric"],
)
def test_the_filter_is_that_of_arch_to_ten_digits(known: GarchFilter) -> None:
    found = known.variances(F.session_returns.r_T)
    np.testing.assert_allclose(found[74:], arch_variances(known, F.session_returns.r_T)[74:], rtol=1e-10)
    for t in (0, 1, 30, 73):
        assert found[t] == pytest.approx(arch_variances(known, F.session_returns.r_T[: t + 1])[-1], rel=1e-10)


def test_without_asymmetry_the_filter_is_that_of_the_garch_baseline() -> None:
    garch = GarchT.fit(F, START, STOP)
    gjr = GjrGarchT(garch.mu, garch.omega, garch.alpha, 0.0, garch.beta, garch.nu)
    assert quantiles(gjr.forecast(F, 75, 1400)).tobytes() == quantiles(garch.forecast(F, 75, 1400)).tobytes()


def backcast(mu: float) -> float:
    """Variance before the first return, in squared percent: `arch` counts it from the sample's mean, we from mu."""
    square = (100 * F.session_returns.r_T[:75] - mu) ** 2
    return float(np.average(square, weights=0.94 ** np.arange(75)))


def test_gjr_garch_has_the_parameters_and_the_forecast_of_arch() -> None:
    from arch import arch_model

    known = FITTED["gjr-garch-t"]
    assert isinstance(known, GjrGarchT)
    parameters = [known.mu, known.omega, known.alpha, known.gamma, known.beta, known.nu]
    options = {"mean": "Constant", "vol": "GARCH", "p": 1, "o": 1, "q": 1, "dist": "t", "rescale": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = arch_model(100 * F.session_returns.r_T[: STOP + 1], **options).fit(
            disp="off", backcast=backcast(known.mu)
        )
    np.testing.assert_allclose(parameters, result.params, rtol=1e-3, atol=1e-3)
    # arch starts from the residuals about the sample mean, not mu: a thousand sessions on, nothing is left of that.
    forecast = (
        arch_model(100 * F.session_returns.r_T[: STOP + 1], **options)
        .fix(parameters)
        .forecast(horizon=1, reindex=False)
    )
    dist = student(known.forecast(F, STOP, STOP + 1))
    assert (100 * dist.std[0]) ** 2 == pytest.approx(forecast.variance.iloc[-1, 0], rel=1e-10)
    assert 100 * dist.mean[0] == pytest.approx(forecast.mean.iloc[-1, 0], rel=1e-10)


def test_a_fall_widens_gjr_garch_more_than_a_rise_of_the_same_size() -> None:
    known = GjrGarchT(0.0, 0.03, 0.04, 0.11, 0.88, 6.0)
    widths = []
    for move in (-0.05, 0.05):
        r_T = F.session_returns.r_T.copy()
        r_T[700] = move
        widths.append((100 * known.forecast(with_returns(r_T), 700, 701).std[0]) ** 2)
    assert widths[0] - widths[1] == pytest.approx(0.11 * 25, rel=1e-9)


def test_filtered_historical_simulation_by_hand() -> None:
    known = FhsGarch(0.1, 0.05, 0.07, 0.9, (-2.0, -0.5, 0.25, 3.0))
    r = 100 * F.session_returns.r_T[:101] - 0.1
    weights = 0.94 ** np.arange(75)
    variance = float(np.sum(weights * r[:75] ** 2) / weights.sum())
    for lagged in (math.sqrt(variance), *r):
        variance = 0.05 + 0.07 * lagged**2 + 0.9 * variance
    dist = known.forecast(F, 100, 101)
    np.testing.assert_allclose(
        dist.values_NK[0], (0.1 + math.sqrt(variance) * np.array([-2.0, -0.5, 0.25, 3.0])) / 100, rtol=1e-10
    )
    first_P = known.simulate(F, 100, PathPlan(1, 1000, NO_SHOCKS, np.random.default_rng(0)))[0]
    np.testing.assert_allclose(np.unique(first_P), dist.values_NK[0], rtol=1e-10)


def residuals_of_arch() -> np.ndarray:
    from arch import arch_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = FITTED["fhs-garch"]
        assert isinstance(known, FhsGarch)
        model = arch_model(100 * F.session_returns.r_T[: STOP + 1], mean="Constant", vol="GARCH", rescale=False)
        result = model.fit(disp="off", backcast=backcast(known.mu))
    return np.asarray(result.std_resid)


def test_the_shocks_are_the_residuals_of_arch() -> None:
    # Fewer origins than the cap: none is thinned away.
    known = FhsGarch.fit(F, 800, STOP)
    np.testing.assert_allclose(known.shocks, np.sort(residuals_of_arch()[801 : STOP + 1]), rtol=1e-3, atol=5e-3)


def test_more_shocks_than_the_cap_keep_their_distribution() -> None:
    known, every = FITTED["fhs-garch"], residuals_of_arch()[START + 1 : STOP + 1]
    assert isinstance(known, FhsGarch)
    assert len(known.shocks) == MOST_RESIDUALS < len(every)
    assert all(a < b for a, b in pairwise(known.shocks))
    np.testing.assert_allclose(np.quantile(known.shocks, LEVELS), np.quantile(every, LEVELS), atol=0.06)
    assert np.mean(known.shocks) == pytest.approx(every.mean(), abs=0.01)
    assert np.std(known.shocks) == pytest.approx(every.std(), rel=0.02)


def test_ar1_is_a_maximum_that_no_coordinate_step_improves() -> None:
    known, r_T = FITTED["ar1"], F.session_returns.r_T
    assert isinstance(known, Ar1)
    best = log_likelihood(known.forecast(F, 0, STOP), r_T[1 : STOP + 1])
    for step in (-1, 1):
        for moved in (
            replace(known, constant=known.constant + 2e-4 * step),
            replace(known, phi=known.phi + 0.02 * step),
            replace(known, scale=known.scale * (1 + 0.03 * step)),
            replace(known, nu=2 + (known.nu - 2) * (1 + 0.2 * step)),
        ):
            assert log_likelihood(moved.forecast(F, 0, STOP), r_T[1 : STOP + 1]) < best


def test_ar1_leans_on_the_last_return_alone() -> None:
    known = Ar1(constant=1e-4, phi=-0.3, scale=0.01, nu=5.0)
    dist = known.forecast(F, 100, 103)
    np.testing.assert_allclose(dist.mean, 1e-4 - 0.3 * F.session_returns.r_T[100:103], rtol=1e-12)
    total_HP = known.simulate(F, 100, PathPlan(40, 20_000, NO_SHOCKS, np.random.default_rng(0)))
    # Steps of an AR(1): mean a / (1 - phi), variance s^2 / (1 - phi^2), lag-one correlation phi.
    steps_HP = np.diff(total_HP, axis=0)[20:]
    variance = 0.01**2 * 5 / 3 / (1 - 0.09)
    assert steps_HP.mean() == pytest.approx(1e-4 / 1.3, abs=1e-4)
    assert steps_HP.var() == pytest.approx(variance, rel=0.03)
    assert np.mean(steps_HP[1:] * steps_HP[:-1]) / variance == pytest.approx(-0.3, abs=0.01)


def test_an_autoregression_of_simulated_returns_is_found() -> None:
    draw = np.random.default_rng(8)
    r_T = np.zeros(len(F))
    for t in range(1, len(r_T)):
        r_T[t] = 2e-4 + 0.25 * r_T[t - 1] + 0.01 * draw.standard_t(5)
    known = Ar1.fit(with_returns(r_T), START, 1400)
    assert known.phi == pytest.approx(0.25, abs=0.08)
    assert known.scale == pytest.approx(0.01, rel=0.1)
    assert 1 / known.nu == pytest.approx(0.2, abs=0.08)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_series_without_a_steady_state_is_held_within_the_bound(sign: int) -> None:
    r_T = 0.01 * float(sign) ** np.arange(len(F)) + 1e-9 * F.session_returns.r_T
    known = Ar1.fit(with_returns(r_T), START, STOP)
    assert abs(known.phi) <= 0.99
