"""Tests of calibration tests: the likelihood ratios by hand, SciPy and statsmodels, and how often they cry wolf."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.tsa.ar_model import AutoReg

from stockcast.errors import DataError
from stockcast.evaluation.calibration import (
    calibration,
    coverage_by_decile,
    coverage_by_group,
    coverage_by_year,
    coverage_tests,
    inside,
    uniformity,
)
from stockcast.models.recalibration import causal_deciles


def pits(seed: int, n: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=n)


def test_the_histogram_counts_every_pit_once_the_last_bin_with_its_end() -> None:
    found = uniformity([0.0, 0.05, 0.1, 0.55, 0.99, 1.0])
    assert found.counts == (2, 1, 0, 0, 0, 1, 0, 0, 0, 2)
    assert found.n == 6


@pytest.mark.parametrize("bins", [4, 10, 20])
def test_the_chi_square_is_that_of_scipy(bins: int) -> None:
    found = uniformity(pits(1) ** 1.2, bins)
    expected = stats.chisquare(found.counts)
    assert found.chi2 == pytest.approx(expected.statistic, rel=1e-12)
    assert found.chi2_p == pytest.approx(expected.pvalue, rel=1e-10)


def test_the_kolmogorov_smirnov_distance_has_a_closed_form() -> None:
    # Sorted PITs 0.1, 0.2, 0.6: steps to 1/3, 2/3, 1; the largest gap is 2/3 - 0.2.
    found = uniformity([0.6, 0.1, 0.2])
    assert found.ks == pytest.approx(2 / 3 - 0.2)
    assert found.ks_p == pytest.approx(stats.kstwo.sf(2 / 3 - 0.2, 3), rel=1e-10)


@pytest.mark.parametrize("power", [0.8, 1.0, 1.5])
def test_the_berkowitz_ratio_is_built_from_the_likelihoods_of_statsmodels(power: float) -> None:
    pit = pits(2, 150) ** power
    z = stats.norm.ppf(pit)
    free, alone = AutoReg(z, 1).fit().llf, AutoReg(z[1:], 0).fit().llf
    found = uniformity(pit)
    assert found.berkowitz == pytest.approx(2 * (free - stats.norm.logpdf(z[1:]).sum()), rel=1e-9)
    assert found.berkowitz_p == pytest.approx(stats.chi2.sf(found.berkowitz, 3), rel=1e-9)
    assert found.dependence == pytest.approx(2 * (free - alone), rel=1e-9, abs=1e-9)
    assert found.dependence_p == pytest.approx(stats.chi2.sf(found.dependence, 1), rel=1e-9)


def test_pits_that_hang_together_are_found_out_by_berkowitz_alone() -> None:
    rng = np.random.default_rng(3)
    z = np.empty(1000)
    z[0] = rng.normal()
    for t in range(1, 1000):
        z[t] = 0.3 * z[t - 1] + math.sqrt(1 - 0.09) * rng.normal()
    found = uniformity(stats.norm.cdf(z))
    assert found.berkowitz_p < 1e-6
    assert found.dependence_p < 1e-6
    assert found.chi2_p > 0.01


def test_a_pit_of_exactly_zero_or_one_is_no_infinity() -> None:
    found = uniformity(np.concatenate([pits(4, 100), [0.0, 1.0]]))
    assert math.isfinite(found.berkowitz)


def test_a_test_that_cannot_be_made_supports_no_claim() -> None:
    nothing = uniformity([])
    for statistic in (nothing.ks, nothing.chi2, nothing.berkowitz, nothing.dependence):
        assert math.isnan(statistic)
    assert {nothing.ks_p, nothing.chi2_p, nothing.berkowitz_p, nothing.dependence_p} == {1.0}
    assert math.isnan(uniformity([0.3] * 40).berkowitz)
    assert math.isnan(uniformity(pits(5, 49)).chi2)


def test_what_is_no_probability_is_refused_with_its_row() -> None:
    with pytest.raises(DataError, match=r"1\.5 at row 1"):
        uniformity([0.5, 1.5])
    with pytest.raises(DataError, match="nan at row 0"):
        inside([math.nan])
    with pytest.raises(ValueError, match="bins"):
        uniformity([0.5], 1)


def test_tests_of_uniformity_reject_right_distributions_as_often_as_they_say() -> None:
    found = [uniformity(pits(100 + i, 200)) for i in range(400)]
    for name in ("ks_p", "chi2_p", "berkowitz_p", "dependence_p"):
        share = np.mean([getattr(one, name) < 0.05 for one in found])
        assert 0.02 < share < 0.085, name  # three standard errors round 5 %


def test_the_ratio_of_kupiec_has_a_closed_form() -> None:
    # 4 misses of 20 where 2 are promised: 2 (4 ln(0.2 / 0.1) + 16 ln(0.8 / 0.9)).
    hits = np.ones(20, dtype=bool)
    hits[[2, 7, 8, 15]] = False
    expected = 2 * (4 * math.log(2) + 16 * math.log(8 / 9))
    found = coverage_tests(hits)
    assert found.coverage == pytest.approx(0.8)
    assert found.kupiec == pytest.approx(expected, rel=1e-12)
    assert found.kupiec_p == pytest.approx(stats.chi2.sf(expected, 1), rel=1e-10)


def test_the_ratio_of_christoffersen_has_a_closed_form() -> None:
    # Misses 0 0 1 1 0 0 1 0 0 0: pairs 00 4, 01 2, 10 2, 11 1; P_0 = 2/6, P_1 = 1/3 and P' = 3/9: nothing to see.
    assert coverage_tests(1 - np.array([0, 0, 1, 1, 0, 0, 1, 0, 0, 0])).independence == pytest.approx(0.0, abs=1e-12)
    # Misses 1 1 1 0 0 0 0 1 1 0: pairs 11 3, 10 2, 00 3, 01 1; P_1 = 3/5, P_0 = 1/4, P' = 4/9.
    found = coverage_tests(1 - np.array([1, 1, 1, 0, 0, 0, 0, 1, 1, 0]))
    free = 3 * math.log(3 / 5) + 2 * math.log(2 / 5) + 3 * math.log(3 / 4) + math.log(1 / 4)
    expected = 2 * (free - 4 * math.log(4 / 9) - 5 * math.log(5 / 9))
    assert found.independence == pytest.approx(expected, rel=1e-12)
    assert found.independence_p == pytest.approx(stats.chi2.sf(expected, 1), rel=1e-10)
    assert found.conditional == pytest.approx(expected + found.kupiec, rel=1e-12)
    assert found.conditional_p == pytest.approx(stats.chi2.sf(found.conditional, 2), rel=1e-10)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_independence_is_the_likelihood_ratio_of_the_table_of_pairs(hits: list[bool]) -> None:
    table = np.zeros((2, 2))
    np.add.at(table, (np.array(hits[:-1], dtype=int), np.array(hits[1:], dtype=int)), 1)
    found = coverage_tests(hits)
    if 0 in table.sum(axis=0) or 0 in table.sum(axis=1):
        assert math.isnan(found.independence)
        assert found.independence_p == found.conditional_p == 1.0
    else:
        expected = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
        assert found.independence == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)


def test_intervals_that_never_miss_are_told_by_kupiec() -> None:
    found = coverage_tests([True] * 100)
    assert found.kupiec == pytest.approx(-200 * math.log(0.9))
    assert found.kupiec_p < 1e-4
    assert math.isnan(found.conditional)
    assert coverage_tests([False] * 3).kupiec == pytest.approx(-6 * math.log(0.1))
    assert coverage_tests([]).kupiec_p == 1.0


def test_misses_in_clusters_are_rejected_though_their_share_is_right() -> None:
    hits = np.ones(500, dtype=bool)
    hits[200:250] = False
    found = coverage_tests(hits)
    assert found.kupiec == pytest.approx(0.0, abs=1e-9)
    assert found.independence_p < 1e-6
    assert found.conditional_p < 1e-6


def test_tests_of_coverage_reject_right_intervals_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    found = [coverage_tests(rng.uniform(size=1000) < 0.9) for _ in range(600)]
    for name in ("kupiec_p", "independence_p", "conditional_p"):
        assert 0.025 < np.mean([getattr(one, name) < 0.05 for one in found]) < 0.085, name


@pytest.mark.parametrize("flags", [[1.0, math.nan], [0.0, 2.0]])
def test_a_flag_that_is_neither_is_refused(flags: list[float]) -> None:
    with pytest.raises(DataError, match="row 1"):
        coverage_tests(flags)


def test_a_nominal_coverage_is_a_share() -> None:
    with pytest.raises(ValueError, match="nominal"):
        coverage_tests([True], 90)


def test_the_central_interval_holds_its_bounds() -> None:
    assert inside([0.0, 0.25, 0.5, 0.75, 0.76], 0.5).tolist() == [False, True, True, True, False]


def test_coverage_by_year_names_the_worst_year() -> None:
    days = np.array(["2019-12-30", "2019-12-31", "2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"], "M8[D]")
    table = coverage_by_year([1, 1, 1, 0, 0, 0], days)
    assert [(row.group, row.n, row.coverage) for row in table.groups] == [("2019", 2, 1.0), ("2020", 4, 0.25)]
    assert [row.error for row in table.groups] == pytest.approx([0.1, -0.65])
    assert table.mean_error == pytest.approx((0.1 + 0.65) / 2)
    assert table.worst == table.groups[1]


def test_coverage_by_decile_leaves_out_what_came_too_early() -> None:
    table = coverage_by_decile([0, 0, 1, 1, 0], np.array([-1, -1, 0, 9, 9]))
    assert [(row.group, row.n, row.coverage) for row in table.groups] == [("0", 1, 1.0), ("9", 2, 0.5)]


def test_groups_may_be_tickers_and_no_group_has_no_worst() -> None:
    table = coverage_by_group([1, 0, 1], ["KO", "GE", "KO"])
    assert [row.group for row in table.groups] == ["GE", "KO"]
    empty = coverage_by_group([], [])
    assert empty.groups == ()
    assert empty.worst is None
    assert math.isnan(empty.mean_error)


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="groups"):
        coverage_by_group([1, 0], ["KO"])
    with pytest.raises(ValueError, match="deciles"):
        coverage_by_decile([1, 0], np.array([1]))


def test_a_record_is_tested_as_a_whole() -> None:
    pit = pits(8, 700)
    scale = np.exp(np.random.default_rng(9).normal(size=700))
    dates = np.datetime64("2020-01-01") + np.arange(700)
    found = calibration(pit, inside(pit), causal_deciles(scale), dates)
    assert found.uniformity == uniformity(pit)
    assert found.coverage == coverage_tests(inside(pit))
    assert [row.group for row in found.by_year.groups] == ["2020", "2021"]
    assert sum(row.n for row in found.by_decile.groups) == 600


def test_five_expected_in_a_bin_are_enough_for_the_chi_square() -> None:
    assert uniformity(np.linspace(0.01, 0.99, 50)).chi2_p == pytest.approx(1.0)
    assert np.isnan(uniformity(np.linspace(0.01, 0.99, 49)).chi2)
    assert not np.isnan(uniformity(np.linspace(0.01, 0.99, 50)).chi2)
