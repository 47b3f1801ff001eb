"""Skill over time: the ratio of means, its bounds against statsmodels and against many simulated records."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from stockcast.errors import DataError
from stockcast.evaluation.significance import diebold_mariano
from stockcast.evaluation.skillpath import skill, skill_path

Z90 = 1.6448536269514722  # standard normal quantile at 0.95


def losses(rows: int, seed: int, ahead: float = 0.02) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Losses of a competitor whose long-run skill is `ahead`, and of its baseline; both move together, slowly."""
    rng = np.random.default_rng(seed)
    shock = rng.normal(size=rows + 50)
    slow = np.convolve(shock, 0.9 ** np.arange(50), "full")[50 : 50 + rows]
    baseline = np.exp(0.2 * slow)
    noise = rng.normal(size=rows)
    return (1.0 - ahead) * baseline + 0.1 * noise * baseline, baseline


def oracle(loss: NDArray[np.float64], baseline: NDArray[np.float64], lags: int) -> tuple[float, float]:
    """Skill and its standard error: the slope's HAC error in a regression of the ratio's linearised terms."""
    ratio = loss.mean() / baseline.mean()
    term = loss / baseline.mean() - ratio * baseline / baseline.mean()
    fit = sm.OLS(term, np.ones(len(term))).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    return 1.0 - ratio, float(fit.bse[0])


def test_losses_a_tenth_lower_everywhere_are_a_skill_of_a_tenth_beyond_doubt() -> None:
    baseline = np.array([1.0, 3.0, 2.0, 8.0])
    found = skill(0.9 * baseline, baseline)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert found.n == 4


def test_two_rows_in_closed_form() -> None:
    # R = 3 / 4, mean of the baseline 2: e = (1 - 0.75) / 2 and (2 - 2.25) / 2, so g_0 = 1 / 64 and V = 1 / 128.
    found = skill([1.0, 2.0], [1.0, 3.0], lags=0)
    assert found.value == pytest.approx(0.25)
    assert found.high - found.value == pytest.approx(Z90 / math.sqrt(128.0))
    assert found.value - found.low == pytest.approx(found.high - found.value)


@pytest.mark.parametrize("lags", [0, 4, 10])
def test_the_bounds_are_those_of_statsmodels(lags: int) -> None:
    loss, baseline = losses(400, seed=1)
    value, error = oracle(loss, baseline, lags)
    found = skill(loss, baseline, lags)
    assert found.value == pytest.approx(value)
    assert (found.low, found.high) == pytest.approx((value - Z90 * error, value + Z90 * error))


def test_nine_of_ten_intervals_hold_the_true_skill() -> None:
    held = 0
    for seed in range(400):
        found = skill(*losses(500, seed), lags=5)
        held += found.low <= 0.02 <= found.high
    assert 0.86 <= held / 400 <= 0.94


def test_a_lower_bound_above_zero_and_the_diebold_mariano_test_say_the_same() -> None:
    for seed in range(60):
        loss, baseline = losses(600, seed, ahead=0.007)
        found, p = skill(loss, baseline), diebold_mariano(loss, baseline).p_value
        if not 0.03 < p < 0.07:  # at the border the two differ by the uncertainty of the baseline's mean
            assert (found.low > 0.0) == (p < 0.05)


def test_a_rolling_path_is_the_skill_of_each_window() -> None:
    loss, baseline = losses(120, seed=3)
    path = skill_path(loss, baseline, window=50)
    assert path.rows_P.tolist() == list(range(49, 120))
    for place, row in enumerate(path.rows_P):
        whole = skill(loss[row - 49 : row + 1], baseline[row - 49 : row + 1])
        assert (path.skill_P[place], path.low_P[place], path.high_P[place]) == (whole.value, whole.low, whole.high)


def test_an_expanding_path_ends_with_the_skill_of_the_whole_record() -> None:
    loss, baseline = losses(90, seed=4)
    path, whole = skill_path(loss, baseline, window=None, first=30), skill(loss, baseline)
    assert path.rows_P.tolist() == list(range(29, 90))
    assert (path.skill_P[-1], path.low_P[-1], path.high_P[-1]) == (whole.value, whole.low, whole.high)


def test_a_thinned_path_keeps_the_newest_row_and_changes_no_point() -> None:
    loss, baseline = losses(100, seed=5)
    whole, thin = skill_path(loss, baseline, window=40), skill_path(loss, baseline, window=40, every=7)
    assert thin.rows_P[-1] == 99
    assert set(np.diff(thin.rows_P)) == {7}
    assert np.array_equal(thin.skill_P, whole.skill_P[thin.rows_P - 39])


def test_what_comes_later_moves_no_earlier_point() -> None:
    loss, baseline = losses(100, seed=6)
    early = skill_path(loss[:80], baseline[:80], window=40)
    late = skill_path(np.concatenate([loss[:80], 9.0 * loss[80:]]), baseline, window=40)
    assert np.array_equal(early.skill_P, late.skill_P[:41])
    assert np.array_equal(early.high_P, late.high_P[:41])


def test_too_few_rows_make_an_empty_path_and_no_skill() -> None:
    path = skill_path([1.0, 2.0], [1.0, 2.0], window=3)
    assert len(path.rows_P) == len(path.skill_P) == len(path.low_P) == len(path.high_P) == 0
    assert math.isnan(skill([], []).value)
    assert math.isnan(skill([1.0], [0.0]).value)


def test_losses_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(DataError, match="loss of the baseline is nan at row 1"):
        skill_path([1.0, 2.0], [1.0, math.nan], window=1)
    with pytest.raises(ValueError, match="2 losses against 1"):
        skill([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="confidence of 1"):
        skill([1.0], [1.0], confidence=1.0)
    for name in ("window", "first", "every"):
        with pytest.raises(ValueError, match=f"{name} 0"):
            skill_path([1.0], [1.0], **{name: 0})
