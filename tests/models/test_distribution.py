"""The Student-t and the sample as forecasts, against SciPy, NumPy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from stockcast.errors import ConfigError, ModelError
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.models.student_t import log_gamma_ratio

LEVELS = np.array([0.001, 0.01, 0.05, 0.1, 0.25, 0.4, 0.499, 0.5, 0.501, 0.6, 0.75, 0.9, 0.95, 0.99, 0.999])
NUS = [2.05, 2.5, 3.0, 4.0, 5.0, 7.3, 12.0, 30.0, 75.0, 99.99, 100.0, 150.0, 400.0, 1000.0]
POINTS = np.concatenate([-np.geomspace(1e-9, 1e4, 60), [0.0], np.geomspace(1e-9, 1e4, 60), np.linspace(-6, 6, 121)])


def unit(nu: float) -> StudentT:
    return StudentT(np.zeros(1), np.ones(1), np.array([nu]))


def random_dists(seed: int, n: int) -> StudentT:
    rng = np.random.default_rng(seed)
    nu_N = np.where(rng.random(n) < 0.2, np.inf, 2.05 + np.exp(rng.normal(2.0, 2.0, n)))
    return StudentT(rng.normal(0.0, 1e-3, n), np.exp(rng.normal(-4.5, 0.7, n)), nu_N)


@pytest.mark.parametrize("nu", NUS)
def test_the_cdf_agrees_with_scipy(nu: float) -> None:
    assert np.abs(unit(nu).cdf(POINTS[None])[0] - special.stdtr(nu, POINTS)).max() < 1e-12


@pytest.mark.parametrize("nu", NUS)
def test_quantiles_agree_with_scipy(nu: float) -> None:
    ours, theirs = unit(nu).quantile(LEVELS)[0], stats.t.ppf(LEVELS, nu)
    assert np.all(np.abs(ours - theirs) <= 1e-10 * np.abs(theirs) + 1e-15)


@pytest.mark.parametrize("nu", NUS)
def test_the_log_density_agrees_with_scipy(nu: float) -> None:
    np.testing.assert_allclose(
        unit(nu).log_density(POINTS[None])[0], stats.t.logpdf(POINTS, nu), rtol=1e-11, atol=1e-11
    )


def test_infinite_degrees_of_freedom_are_the_gaussian() -> None:
    dist = StudentT(np.array([0.01]), np.array([0.02]), np.array([np.inf]))
    x = np.linspace(-0.2, 0.2, 81)
    np.testing.assert_allclose(dist.cdf(x[None])[0], stats.norm.cdf(x, 0.01, 0.02), atol=1e-15)
    np.testing.assert_allclose(dist.quantile(LEVELS)[0], stats.norm.ppf(LEVELS, 0.01, 0.02), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(dist.log_density(x[None])[0], stats.norm.logpdf(x, 0.01, 0.02), rtol=1e-12)
    assert dist.std[0] == pytest.approx(0.02, rel=1e-15)


def test_the_largest_degrees_of_freedom_join_the_gaussian_without_a_step() -> None:
    gaussian = unit(np.inf).cdf(POINTS[None])
    for nu in (1e5, 1e8, 1e12, 1e20, 1e300):
        # The leading difference is phi(t) (t^3 + t) / (4 nu), at most 0.19 / nu.
        assert np.abs(unit(nu).cdf(POINTS[None]) - gaussian).max() < 0.2 / nu + 1e-15


def test_nu_three_has_a_closed_form() -> None:
    # F(t) = 1/2 + (u / (1 + u^2) + arctan u) / pi with u = t / sqrt(3).
    u = POINTS / math.sqrt(3.0)
    expected = 0.5 + (u / (1.0 + u * u) + np.arctan(u)) / math.pi
    np.testing.assert_allclose(unit(3.0).cdf(POINTS[None])[0], expected, atol=1e-14)


def test_the_far_tail_keeps_its_relative_accuracy() -> None:
    t = -np.geomspace(10.0, 1e6, 20)
    np.testing.assert_allclose(unit(3.0).cdf(t[None])[0], special.stdtr(3.0, t), rtol=1e-12)


@pytest.mark.parametrize("nu", [2.05, 3.0, 20.0, 1e3])
def test_extreme_levels_come_back_from_the_cdf(nu: float) -> None:
    levels = np.array([1e-12, 1e-9, 1e-6, 1e-4])
    np.testing.assert_allclose(unit(nu).cdf(unit(nu).quantile(levels))[0], levels, rtol=1e-8)


def test_returns_beyond_everything_have_probability_zero_and_one() -> None:
    dist = StudentT(np.zeros(2), np.ones(2), np.array([2.05, np.inf]))
    points = np.array([[-np.inf, -1e300, 1e300, np.inf]] * 2)
    np.testing.assert_allclose(dist.cdf(points), [[0.0, 0.0, 1.0, 1.0]] * 2, rtol=0, atol=1e-200)


def test_a_missing_outcome_has_a_missing_probability() -> None:
    dist = StudentT(np.zeros(2), np.ones(2), np.array([4.0, np.inf]))
    assert np.isnan(dist.cdf([np.nan, np.nan])).all()


def test_mean_and_std_are_those_of_the_distribution() -> None:
    dist = StudentT(np.array([0.1, -0.2]), np.array([0.5, 2.0]), np.array([4.0, 2.5]))
    # Variance of t(nu) is nu / (nu - 2): 2 and 5.
    np.testing.assert_allclose(dist.mean, [0.1, -0.2])
    np.testing.assert_allclose(dist.std, [0.5 * math.sqrt(2.0), 2.0 * math.sqrt(5.0)])


def test_the_median_is_loc_to_the_last_digit() -> None:
    dist = random_dists(1, 50)
    assert dist.quantile([0.5])[:, 0].tobytes() == dist.loc.tobytes()


def test_the_log_gamma_ratio_agrees_with_scipy() -> None:
    z = np.array([0.5, 1.025, 2.0, 7.5, 30.0, 60.0])
    expected = special.gammaln(z + 0.5) - special.gammaln(z) - 0.5 * np.log(z)
    np.testing.assert_allclose(log_gamma_ratio(z), expected, atol=5e-14)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 70), q=st.integers(1, 100), data=st.data())
def test_a_row_has_the_same_bytes_whatever_rows_are_beside_it(seed: int, n: int, q: int, data: st.DataObject) -> None:
    dist = random_dists(seed, n)
    levels = np.sort(np.random.default_rng(seed).uniform(1e-3, 1.0 - 1e-3, q))
    start = data.draw(st.integers(0, n - 1))
    stop = data.draw(st.integers(start + 1, n))
    part = dist.rows(start, stop)
    x_NQ = dist.quantile(levels)
    assert part.quantile(levels).tobytes() == x_NQ[start:stop].tobytes()
    assert part.cdf(x_NQ[start:stop]).tobytes() == dist.cdf(x_NQ)[start:stop].tobytes()
    assert part.cdf(x_NQ[start:stop, 0]).tobytes() == dist.cdf(x_NQ[:, 0])[start:stop].tobytes()
    assert part.log_density(x_NQ[start:stop]).tobytes() == dist.log_density(x_NQ)[start:stop].tobytes()
    assert part.std.tobytes() == dist.std[start:stop].tobytes()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 20))
def test_parameters_and_points_may_lie_anywhere_in_memory(seed: int, n: int) -> None:
    dist = random_dists(seed, n)
    heads_N3 = np.column_stack([dist.loc, dist.scale, dist.nu])
    strided = StudentT(heads_N3[:, 0], heads_N3[:, 1], heads_N3[:, 2])
    x_NQ = dist.quantile(LEVELS)
    assert strided.quantile(LEVELS).tobytes() == x_NQ.tobytes()
    assert strided.cdf(np.asfortranarray(x_NQ)).tobytes() == dist.cdf(x_NQ).tobytes()
    assert strided.log_density(np.asfortranarray(x_NQ)).tobytes() == dist.log_density(x_NQ).tobytes()


@settings(max_examples=100, deadline=None)
@given(nu=st.floats(2.01, 1e4), loc=st.floats(-1, 1), scale=st.floats(1e-6, 10.0))
def test_quantiles_increase_and_the_cdf_returns_their_levels(nu: float, loc: float, scale: float) -> None:
    dist = StudentT(np.array([loc]), np.array([scale]), np.array([nu]))
    q_1Q = dist.quantile(LEVELS)
    assert (np.diff(q_1Q[0]) > 0).all()
    np.testing.assert_allclose(dist.cdf(q_1Q)[0], LEVELS, atol=1e-9)


def test_rows_of_every_kind_of_index_agree() -> None:
    dist = random_dists(3, 9)
    mask = dist.scale > np.median(dist.scale)
    np.testing.assert_array_equal(dist[mask].loc, dist[np.flatnonzero(mask)].loc)
    assert len(dist.rows(2, 5)) == 3
    np.testing.assert_array_equal(dist.rows(2, 5).nu, dist.nu[2:5])


@pytest.mark.parametrize(
    ("loc", "scale", "nu", "message"),
    [
        ([0.0, math.nan], [1.0, 1.0], [4.0, 4.0], "loc nan at row 1"),
        ([0.0, 0.0], [1.0, 0.0], [4.0, 4.0], "scale 0.0 at row 1"),
        ([0.0, 0.0], [math.inf, 1.0], [4.0, 4.0], "scale inf at row 0"),
        ([0.0, 0.0], [1.0, 1.0], [4.0, 2.0], "nu 2.0 at row 1"),
        ([0.0], [1.0, 1.0], [4.0, 4.0], "shapes"),
    ],
)
def test_values_that_are_no_distribution_are_refused(
    loc: list[float], scale: list[float], nu: list[float], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        StudentT(np.array(loc), np.array(scale), np.array(nu))


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 1.5, math.nan])
@pytest.mark.parametrize("dist", [unit(4.0), Empirical(np.array([[0.0, 1.0]]))])
def test_a_level_that_is_no_probability_is_refused(dist: Distribution, level: float) -> None:
    with pytest.raises(ConfigError, match="quantile level"):
        dist.quantile([0.5, level])


def test_the_density_integrates_to_the_cdf() -> None:
    dist = StudentT(np.array([0.3]), np.array([0.7]), np.array([2.6]))

    def density(x: float) -> float:
        return math.exp(dist.log_density(np.array([x]))[0])

    area, _ = integrate.quad(density, -np.inf, 1.1, epsabs=1e-12)
    assert dist.cdf([1.1])[0] == pytest.approx(area, abs=1e-9)


def sample(seed: int, n: int, k: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(4.0, (n, k)) * 0.01


def test_quantiles_of_a_sample_are_those_of_numpy() -> None:
    values_NK = sample(0, 7, 60)
    expected = np.quantile(values_NK, LEVELS, axis=1, method="linear").T
    np.testing.assert_allclose(Empirical(values_NK).quantile(LEVELS), expected, rtol=1e-13, atol=1e-17)


def test_the_cdf_of_a_sample_inverts_its_quantiles() -> None:
    dist = Empirical(sample(1, 7, 60))
    np.testing.assert_allclose(dist.cdf(dist.quantile(LEVELS)), np.tile(LEVELS, (7, 1)), atol=1e-12)


def test_the_cdf_of_a_sample_is_zero_below_and_one_above_it() -> None:
    dist = Empirical(np.array([[3.0, 1.0, 2.0]]))
    assert dist.cdf(np.array([[0.9, 1.0, 1.5, 3.0, 3.1]])).tolist() == [[0.0, 0.0, 0.25, 1.0, 1.0]]
    assert dist.cdf([1.5]).tolist() == [0.25]


def test_mean_and_std_of_a_sample_are_those_of_its_values() -> None:
    values_NK = sample(2, 5, 33)
    np.testing.assert_allclose(Empirical(values_NK).mean, values_NK.mean(axis=1), rtol=1e-13)
    np.testing.assert_allclose(Empirical(values_NK).std, values_NK.std(axis=1), rtol=1e-13)


def test_a_sample_has_no_density() -> None:
    assert Empirical(np.array([[1.0, 2.0]])).log_density([1.5]) is None


@pytest.mark.parametrize(
    "row",
    [
        [0.0] * 60,
        [0.01] * 60,
        [0.0] * 59 + [0.02],
        [1.0, 1.0, 1.0 + 3e-16],
        [1e9] * 5,
        [-0.3, -0.3, 0.1, 0.1],
        [5e-324] * 9,
    ],
)
def test_ties_are_spread_until_quantiles_strictly_increase(row: list[float]) -> None:
    dist = Empirical(np.array([row]))
    levels = np.arange(1, 100) / 100
    assert (np.diff(dist.quantile(levels)[0]) > 0).all()
    scale = max(1.0, *np.abs(row))
    np.testing.assert_allclose(dist.values_NK[0], np.sort(row), atol=1e-7 * scale)


def test_a_slice_of_a_sample_with_ties_is_not_spread_again() -> None:
    dist = Empirical(np.round(sample(3, 6, 60), 2))
    assert dist.rows(1, 4).values_NK.tobytes() == dist.values_NK[1:4].tobytes()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), k=st.integers(2, 80), data=st.data())
def test_a_row_of_samples_has_the_same_bytes_whatever_rows_are_beside_it(
    seed: int, n: int, k: int, data: st.DataObject
) -> None:
    values_NK = np.round(sample(seed, n, k), data.draw(st.sampled_from([2, 3, 12])))
    dist = Empirical(values_NK)
    start = data.draw(st.integers(0, n - 1))
    stop = data.draw(st.integers(start + 1, n))
    alone = Empirical(values_NK[start:stop])
    q_NQ = dist.quantile(LEVELS)
    assert alone.quantile(LEVELS).tobytes() == q_NQ[start:stop].tobytes()
    assert alone.cdf(q_NQ[start:stop]).tobytes() == dist.cdf(q_NQ)[start:stop].tobytes()
    assert alone.mean.tobytes() == dist.mean[start:stop].tobytes()
    assert alone.std.tobytes() == dist.std[start:stop].tobytes()


@pytest.mark.parametrize("values", [[[1.0]], [[1.0, math.nan]], [[-math.inf, math.inf]]])
def test_values_that_are_no_sample_are_refused(values: list[list[float]]) -> None:
    with pytest.raises(ModelError, match="sample"):
        Empirical(np.array(values))


@pytest.mark.parametrize("dist", [unit(4.0), Empirical(np.array([[0.0, 1.0]]))])
def test_points_for_another_number_of_rows_are_refused(dist: Distribution) -> None:
    with pytest.raises(ValueError, match="1 distributions"):
        dist.cdf([0.1, 0.2])
