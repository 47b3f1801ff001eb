"""Clark-West test against statsmodels, the paper's formula and simulated size and power."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from stockcast.errors import DataError
from stockcast.evaluation.significance import clark_west, diebold_mariano


def forecasts(seed: int, n: int = 300, drift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, forecasts of zero, and the mean of the 60 outcomes before: nested, and estimated anew each time."""
    y = np.random.default_rng(seed).normal(drift, 1.0, n + 60)
    total = np.concatenate([[0.0], np.cumsum(y)])
    return y[60:], np.zeros(n), (total[60:-1] - total[:-61]) / 60


@pytest.mark.parametrize("lags", [0, 4, 10])
def test_the_statistic_is_the_papers_with_the_statsmodels_variance(lags: int) -> None:
    y, small, large = forecasts(1, drift=0.1)
    small = small + 0.02
    f = (y - small) ** 2 - ((y - large) ** 2 - (small - large) ** 2)
    model = sm.OLS(f, np.ones_like(f)).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    result = clark_west(y, small, large, lags)
    assert result.n == 300
    assert result.adjusted_gain == pytest.approx(f.mean(), rel=1e-9)
    assert result.statistic == pytest.approx(model.tvalues[0], rel=1e-9)
    assert result.p_value == pytest.approx(stats.norm.sf(model.tvalues[0]), rel=1e-9)


def test_a_true_null_is_rejected_no_more_often_than_said_where_diebold_mariano_hardly_ever_rejects() -> None:
    # 600 runs at 10 %, standard error 1.2 points; the paper's simulations are somewhat below 10 % too.
    ours, plain = np.empty(600), np.empty(600)
    for seed in range(600):
        y, small, large = forecasts(seed)
        ours[seed] = clark_west(y, small, large, 0).p_value
        plain[seed] = diebold_mariano((y - large) ** 2, (y - small) ** 2, 0).p_value
    assert 0.035 < np.mean(ours < 0.1) < 0.125
    assert np.mean(plain < 0.1) < 0.01


def test_a_planted_drift_is_found() -> None:
    p_values = [clark_west(*forecasts(seed, drift=0.4)).p_value for seed in range(50)]
    assert np.mean(np.array(p_values) < 0.05) > 0.9


def test_swapped_signs_of_the_extra_term_swap_the_verdict() -> None:
    y, small, large = forecasts(2, drift=0.3)
    result, opposite = clark_west(y, small, large), clark_west(y, small, -large)
    assert opposite.statistic == pytest.approx(-result.statistic)
    assert opposite.p_value == pytest.approx(1.0 - result.p_value)


@pytest.mark.parametrize(
    ("y", "small", "large"),
    [
        ([], [], []),
        ([1.0], [0.0], [0.5]),
        ([1.0, 2.0, 3.0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
        ([1.0, 2.0, 3.0], [0.5, 0.5, 0.5], [0.5 + 1e-16, 0.5, 0.5 - 1e-16]),
        ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.5, 0.5, 0.5]),
    ],
)
def test_points_without_a_varying_difference_support_no_claim(
    y: list[float], small: list[float], large: list[float]
) -> None:
    result = clark_west(y, small, large)
    assert math.isnan(result.statistic)
    assert result.p_value == 1.0
    assert result.n == len(y)


def test_values_that_are_no_numbers_and_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="large model's point is nan at row 1"):
        clark_west([1.0, 2.0], [0.0, 0.0], [0.1, math.nan])
    with pytest.raises(ValueError, match="2 outcomes against 2 and 1 points"):
        clark_west([1.0, 2.0], [0.0, 0.0], [0.1])
    with pytest.raises(ValueError, match="-1 lags"):
        clark_west([1.0, 2.0], [0.0, 0.0], [0.1, 0.2], -1)
