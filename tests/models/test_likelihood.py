"""Maximum likelihood: slopes, maxima against other implementations, halts, and what rounding may not decide."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockcast.errors import DataError
from stockcast.models.baselines import ALL_BASELINES
from stockcast.models.baselines.garch import GarchFilter, GarchLikelihood, fit_garch
from stockcast.models.likelihood import NU_LEAST, NU_MOST, Regressors, fit_student, maximum, student_loss, trading
from stockcast.windows.features import BURN_IN, Features, features
from tests import synthetic

F = features(synthetic.history(1500, seed=3))
R = F.session_returns.r_T[:1201]
START, STOP = BURN_IN, 1200
LIKELIHOODS = ("random-walk-t", "mean", "ar1", "ewma-t", "har-t", "garch-t", "gjr-garch-t", "fhs-garch")
KINDS = pytest.mark.parametrize(("asymmetric", "student"), [(False, True), (True, True), (False, False)])


def garch_likelihood(r_T: np.ndarray, asymmetric: bool, student: bool) -> GarchLikelihood:
    return GarchLikelihood(100 * r_T, trading(r_T), asymmetric, student)


def numbers(name: str, f: Features) -> np.ndarray:
    """Every parameter of a baseline's fit, in a row."""
    fitted = asdict(ALL_BASELINES[name].fit(f, START, STOP))  # type: ignore[call-overload]
    return np.concatenate([np.atleast_1d(value) for value in fitted.values()])


def with_returns(r_T: np.ndarray) -> Features:
    return replace(F, session_returns=replace(F.session_returns, r_T=r_T))


@KINDS
@settings(max_examples=20, deadline=None)
@given(at=st.lists(st.floats(0.05, 0.95), min_size=6, max_size=6))
def test_the_slopes_of_garch_are_those_of_its_loss(asymmetric: bool, student: bool, at: list[float]) -> None:
    loss = garch_likelihood(R[:300], asymmetric, student)
    low_P, high_P = loss.bounds_P2.T
    x_P = low_P + np.array(at)[: len(low_P)] * (high_P - low_P)
    slopes = [(loss(x_P + step)[0] - loss(x_P - step)[0]) / 2e-6 for step in 1e-6 * np.eye(len(x_P))]
    np.testing.assert_allclose(loss(x_P)[1], slopes, rtol=1e-5, atol=1e-6 * (1 + abs(loss(x_P)[0])))


@given(
    loc=st.floats(-3, 3), ln_scale=st.floats(-3, 3), nu=st.floats(NU_LEAST, NU_MOST)
)  # fmt: skip
def test_the_student_loss_is_the_density_of_scipy(loc: float, ln_scale: float, nu: float) -> None:
    y_N = np.array([-1.5, 0.0, 0.3, 4.0])
    found = student_loss(y_N - loc, np.full(4, ln_scale), nu)[0]
    assert found == pytest.approx(-stats.t.logpdf(y_N, nu, loc, math.exp(ln_scale)).mean(), rel=1e-9, abs=1e-9)


@KINDS
def test_the_likelihood_of_garch_is_that_of_arch(asymmetric: bool, student: bool) -> None:
    from arch import arch_model

    loss = garch_likelihood(R, asymmetric, student)
    for x_P in loss.starts()[1][:3]:
        known, nu = loss.read(x_P)
        backcast = float(np.average((100 * R[:75] - known.mu) ** 2, weights=0.94 ** np.arange(75)))
        model = arch_model(
            100 * R, vol="GARCH", p=1, o=int(asymmetric), q=1, dist="t" if student else "normal", rescale=False
        )
        parameters = [known.mu, known.omega, known.alpha, *[known.gamma] * asymmetric, known.beta, *[nu] * student]
        # A search that may not take a step: what is left is the likelihood where it begins.
        result = model.fit(
            disp="off", show_warning=False, backcast=backcast, starting_values=np.array(parameters),
            options={"maxiter": 0},
        )  # fmt: skip
        np.testing.assert_allclose(result.params, parameters, rtol=1e-9)
        assert loss(x_P)[0] + math.log(loss.spread) == pytest.approx(-result.loglikelihood / len(R), rel=1e-9)


@KINDS
def test_no_random_start_leads_higher(asymmetric: bool, student: bool) -> None:
    loss = garch_likelihood(R, asymmetric, student)
    found = maximum(loss, loss.starts(), loss.bounds_P2, "GARCH")
    draw = np.random.default_rng(0)
    again = [draw.uniform(loss.bounds_P2[:, 0], loss.bounds_P2[:, 1]) for _ in range(4)]
    assert found.loss <= maximum(loss, [[start] for start in again], loss.bounds_P2, "GARCH").loss + 1e-9


@pytest.mark.parametrize("nu", [3.0, 200.0])
def test_a_student_fit_is_that_of_scipy(nu: float) -> None:
    y_N = 0.002 + 0.01 * np.random.default_rng(5).standard_t(nu, 2000)
    found = fit_student(y_N, Regressors.of_mean(y_N), [], "the mean")
    expected = stats.t.fit(y_N)
    assert -found.loss * len(y_N) >= float(stats.t.logpdf(y_N, *expected).sum()) - 1e-6
    assert found.mean == pytest.approx(expected[1], abs=1e-5)
    assert math.exp(found.scale_K[0]) == pytest.approx(expected[2], rel=5e-3)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_rounding_in_the_last_digits_decides_nothing(name: str) -> None:
    # What another processor does to sums, done to the returns.
    noise_T = 1 + 4e-16 * np.random.default_rng(1).choice([-1.0, 1.0], len(F))
    np.testing.assert_allclose(
        numbers(name, with_returns(F.session_returns.r_T * noise_T)), numbers(name, F), rtol=1e-7, atol=1e-9
    )


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("still", [slice(0, 60), slice(500, 700), slice(1100, 1201)])
def test_a_halt_teaches_nothing_about_the_scale_of_trading(name: str, still: slice) -> None:
    r_T = F.session_returns.r_T.copy()
    r_T[still] = 0.0
    halted, usual = with_returns(r_T), F
    halt_levels, levels = (
        ALL_BASELINES[name].fit(f, START, STOP).forecast(F, 300, 480).quantile(np.array([0.05, 0.95]))
        for f in (halted, usual)
    )
    # As wide as without the halt but for what its sessions would have told; a scale of zero would be far narrower.
    ratio_N = (halt_levels[:, 1] - halt_levels[:, 0]) / (levels[:, 1] - levels[:, 0])
    assert 0.85 < np.median(ratio_N) < 1.15


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize(
    "r_T",
    [
        0.01 * np.random.default_rng(2).standard_normal(400),
        np.concatenate([np.zeros(60), 0.01 * np.random.default_rng(3).standard_t(4, 340)]),
        np.round(0.004 * np.random.default_rng(4).standard_normal(400), 2),
        np.repeat([0.001, 0.05], 200) * np.random.default_rng(5).standard_normal(400),
        np.where(np.arange(400) == 200, -2.0, 0.01) * np.random.default_rng(6).standard_normal(400),
    ],
    ids=["constant variance", "unmoved at first", "coarse ticks", "a break", "one crash"],
)
def test_garch_is_never_less_likely_than_a_constant_variance(asymmetric: bool, r_T: np.ndarray) -> None:
    found = fit_garch(r_T, "GARCH", asymmetric=asymmetric, student=True)
    y_N = 100 * r_T[trading(r_T)]
    assert found.loss <= fit_student(y_N, Regressors.of_mean(y_N), [], "constant").loss + 1e-9
    known = found.filter
    assert 100 * r_T.min() <= known.mu <= 100 * r_T.max()
    assert known.omega > 0
    assert known.alpha + known.gamma / 2 + known.beta <= 1 + 1e-12
    assert min(known.alpha, known.alpha + known.gamma, known.beta) >= 0


def test_the_filter_of_a_simulated_garch_is_found() -> None:
    draw, true = np.random.default_rng(7), GarchFilter(0.05, 0.04, 0.08, 0.0, 0.9)
    variance, r_T = 2.0, np.empty(8000)
    for t in range(len(r_T)):
        r_T[t] = true.mu + math.sqrt(variance * 4 / 6) * draw.standard_t(6)
        variance = true.omega + true.alpha * (r_T[t] - true.mu) ** 2 + true.beta * variance
    found = fit_garch(r_T / 100, "GARCH", asymmetric=False, student=True)
    assert found.filter.alpha == pytest.approx(true.alpha, abs=0.03)
    assert found.filter.beta == pytest.approx(true.beta, abs=0.04)
    assert found.nu == pytest.approx(6, abs=1.5)
    assert found.on_bound == ()


def test_what_ends_on_a_bound_is_named() -> None:
    calm = fit_garch(0.01 * np.random.default_rng(0).uniform(-1, 1, 1500), "GARCH", asymmetric=False, student=True)
    assert "nu" in calm.on_bound


@pytest.mark.parametrize(
    "loss",
    [
        lambda x_P: (float("nan"), np.nan * x_P),
        lambda x_P: (float("inf"), 0 * x_P),
        # No slope tells where this one is lower: no descent ends where the gradient vanishes.
        lambda x_P: (float(np.abs(x_P[0] - 0.3)), np.array([math.copysign(1.0, x_P[0] - 0.3)])),
    ],
    ids=["no number", "infinite", "a kink"],
)
def test_what_has_no_maximum_is_refused(loss) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match="GARCH could not be fitted to the training part: its likelihood has no max"):
        maximum(loss, [[np.array([0.9])]], np.array([[0.0, 1.0]]), "GARCH")


def test_pauses_of_five_sessions_are_halts_and_shorter_ones_are_not() -> None:
    r_T = np.array([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0], dtype=float)
    assert trading(r_T).tolist() == [True] * 5 + [False] * 5 + [True] * 2 + [False] * 6
    assert trading(np.zeros(0)).tolist() == []
