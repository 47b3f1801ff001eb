"""Tests of corrections for several tests against statsmodels, a worked example and simulated rates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from stockcast.errors import DataError
from stockcast.evaluation.significance import benjamini_hochberg, holm


def test_adjusted_values_are_those_of_a_hand_worked_example_in_the_order_given() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.5: times 4/1, 4/2, 4/3, 4/4 = 0.04, 0.04, 0.04, 0.5.
    np.testing.assert_allclose(benjamini_hochberg([0.5, 0.03, 0.01, 0.02]), [0.5, 0.04, 0.04, 0.04])


def test_the_first_four_of_the_papers_fifteen_are_claimed_at_five_per_cent() -> None:
    # Benjamini and Hochberg 1995, section 3.2: their method rejects four, Bonferroni's three.
    p_K = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
        1.0,
    ]  # fmt: skip
    assert np.count_nonzero(benjamini_hochberg(p_K) <= 0.05) == 4
    assert np.count_nonzero(holm(p_K) <= 0.05) == 3


@settings(max_examples=60, deadline=None)
@given(p_K=st.lists(st.floats(0.0, 1.0, allow_subnormal=False), min_size=1, max_size=30))
def test_adjusted_values_are_those_of_statsmodels_and_never_above_holms(p_K: list[float]) -> None:
    q_K = benjamini_hochberg(p_K)
    np.testing.assert_allclose(q_K, multipletests(p_K, method="fdr_bh")[1], rtol=1e-12)
    assert (q_K >= np.array(p_K)).all()
    assert (q_K <= holm(p_K) * (1 + 1e-12)).all()


def test_the_share_of_false_claims_is_held() -> None:
    # 40 tests, 10 of them of something: at q <= 0.1 the expected share of false claims is 0.1 * 30 / 40 = 7.5 %.
    rng, effect = np.random.default_rng(3), np.repeat([3.0, 0.0], [10, 30])
    shares = []
    for _ in range(200):
        claimed = benjamini_hochberg(stats.norm.sf(rng.normal(effect))) <= 0.1
        shares.append(claimed[10:].sum() / max(1, claimed.sum()))
    assert 0.05 < np.mean(shares) < 0.1


def test_no_tests_are_no_values_and_one_test_is_itself() -> None:
    assert benjamini_hochberg([]).size == 0
    assert benjamini_hochberg([0.03]) == pytest.approx([0.03])


@pytest.mark.parametrize(("p", "said"), [(1.2, "1.2 at row 1 is not"), (-0.1, "-0.1 at row 1"), (np.nan, "nan")])
def test_a_value_that_is_no_probability_is_refused(p: float, said: str) -> None:
    with pytest.raises(DataError, match=said):
        benjamini_hochberg([0.5, p])


def test_a_larger_p_value_is_not_corrected_to_a_smaller_one() -> None:
    assert holm([0.012, 0.01]).tolist() == [0.02, 0.02]
