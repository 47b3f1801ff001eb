"""Recalibration: wrong distributions get mended, the future moves nothing, quantiles keep their order."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockcast.errors import ConfigError, DataError
from stockcast.models.conformal import ALPHA_RANGE, AdaptiveConformal
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.models.recalibration import (
    PitRecalibration,
    PitRecord,
    PooledConformal,
    causal_deciles,
    central_levels,
    quantiles_at,
)
from stockcast.prices.history import ONE_DAY
from tests.processes import packages_loaded

LEVELS = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
FIRST = np.datetime64("2020-01-01")


def days(n: int) -> np.ndarray:
    return FIRST + np.arange(n)


def record_of(pit: np.ndarray, scale: np.ndarray) -> PitRecord:
    """One ticker: each origin is the target session of the row before."""
    return PitRecord(pit, scale, days(len(pit)), days(len(pit)) + ONE_DAY)


def volatile(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scales that wander, and PITs of Gaussian distributions too narrow for high scales and too wide for low ones."""
    rng = np.random.default_rng(seed)
    log_scale = np.empty(n)
    log_scale[0] = 0.0
    for t in range(1, n):
        log_scale[t] = 0.97 * log_scale[t - 1] + 0.1 * rng.normal()
    truth = np.exp(0.5 * log_scale)
    return stats.norm.cdf(truth * rng.normal(size=n)), np.exp(log_scale)


def error(pit: np.ndarray, rows: np.ndarray) -> float:
    """Of the coverage of the central 90 % interval."""
    return abs(float(np.mean(np.abs(pit[rows] - 0.5) <= 0.45)) - 0.9)


def test_the_decile_is_the_rank_among_the_scales_before() -> None:
    assert causal_deciles([5.0, 1.0, 9.0, 3.0, 9.0], window=4, minimum=1).tolist() == [-1, 2, 8, 3, 8]
    # 1 among 5: (0 + 1/2) / 2; 9 among two: 2.5 / 3; 3 among 1, 5, 9: 1.5 / 4; 9 among 1, 3, 5, 9: (3 + 1/2 + 1/2) / 5.


@settings(max_examples=60, deadline=None)
@given(
    scale=st.lists(st.integers(1, 12).map(float), min_size=1, max_size=60),
    window=st.integers(1, 30),
    minimum=st.integers(1, 30),
)
def test_deciles_are_midranks_of_a_rolling_window(scale: list[float], window: int, minimum: int) -> None:
    if minimum > window:
        with pytest.raises(ConfigError, match="minimum"):
            causal_deciles(scale, window, minimum)
        return
    found = causal_deciles(scale, window, minimum)
    for row, decile in enumerate(found.tolist()):
        seen = scale[max(0, row - window) : row + 1]
        if len(seen) - 1 < minimum:
            assert decile == -1
        else:
            rank = float(stats.rankdata(seen)[-1])
            # Its midrank r among itself and the scales before: r - 1/2 is the mass below and half its own.
            assert decile == int(10 * (2 * rank - 1)) // (2 * len(seen))


def test_deciles_of_like_scales_are_like_in_number() -> None:
    counts = np.bincount(causal_deciles(np.random.default_rng(0).normal(size=5600) ** 2, minimum=500)[500:])
    assert len(counts) == 10
    assert counts.min() > 420
    assert counts.max() < 600


def test_a_scale_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="scale is nan at row 1"):
        causal_deciles([1.0, np.nan])


@cache
def of_three_years() -> tuple[PitRecord, np.ndarray]:
    """A record of more sessions than deciles look back on, and its levels."""
    record = record_of(*volatile(1, 720))
    return record, PitRecalibration().levels(record, LEVELS)


@pytest.mark.parametrize("cut", [1, 150, 480, 700])
def test_nothing_that_happens_after_an_origin_moves_its_row(cut: int) -> None:
    before, levels = of_three_years()
    pit, scale = before.pit_N, before.scale_N
    after_pit, after_scale = pit.copy(), scale.copy()
    after_pit[cut:] = np.random.default_rng(2).uniform(size=len(pit) - cut) ** 3
    after_scale[cut + 1 :] *= 7.0
    after = record_of(after_pit, after_scale)
    recalibration, conformal = PitRecalibration(), PooledConformal(gamma=0.05)
    # The row at the cut is made when the outcome of the row before is known, and its own is not.
    known = slice(0, cut + 1)
    after_levels = recalibration.levels(after, LEVELS)
    assert levels[known].tobytes() == after_levels[known].tobytes()
    alphas = [conformal.alpha(r.pit_N, r.origins_N, r.targets_N) for r in (before, after)]
    assert alphas[0][known].tobytes() == alphas[1][known].tobytes()
    assert alphas[0][cut + 1 :].tobytes() != alphas[1][cut + 1 :].tobytes()
    short = PitRecord(before.pit_N[known], scale[known], before.origins_N[known], before.targets_N[known])
    assert recalibration.levels(short, LEVELS).tobytes() == levels[known].tobytes()
    assert (levels[cut + 1 :] != after_levels[cut + 1 :]).any()


def test_the_outcome_just_before_the_origin_is_used() -> None:
    record = record_of(np.array([0.3, 0.5]), np.ones(2))
    levels = PitRecalibration().levels(record, LEVELS)
    assert levels[0].tobytes() == LEVELS.tobytes()
    assert (levels[1] != LEVELS).any()
    alpha = PooledConformal().alpha(np.array([0.999, 0.5]), record.origins_N, record.targets_N)
    assert alpha.tolist() == pytest.approx([0.1, 0.1 - 0.005 * 0.9])


def test_several_sessions_ahead_an_outcome_counts_from_its_own_session_on() -> None:
    pit, scale = volatile(3, 400)
    record = PitRecord(pit, scale, days(400), days(400) + 5 * ONE_DAY)
    later = pit.copy()
    later[196:] = 0.5  # the targets of these rows are after the origin of row 200
    changed = PitRecord(later, scale, days(400), days(400) + 5 * ONE_DAY)
    recalibration, conformal = PitRecalibration(), PooledConformal(0.05)
    same = recalibration.levels(record, LEVELS) == recalibration.levels(changed, LEVELS)
    assert same[:201].all()
    assert not same[201].all()
    alphas = [conformal.alpha(r.pit_N, r.origins_N, r.targets_N) for r in (record, changed)]
    assert (alphas[0][:201] == alphas[1][:201]).all()


def test_distributions_wrong_by_volatility_are_mended_in_calm_and_in_storm() -> None:
    pit, scale = volatile(4, 6000)
    record = record_of(pit, scale)
    cautious, bold = PitRecalibration().pit(record), PitRecalibration(local_prior=1.0, pooled_prior=1.0).pit(record)
    decile = record.decile_N
    for low, high in ((0, 2), (7, 9)):
        rows = (decile >= low) & (decile <= high)
        assert error(pit, rows) > 0.025
        assert error(cautious, rows) < 0.9 * error(pit, rows)
        assert error(bold, rows) < 0.4 * error(pit, rows)


def test_distributions_that_are_too_narrow_and_shifted_get_mended_level_by_level() -> None:
    rng = np.random.default_rng(5)
    pit = stats.norm.cdf(0.3 + 1.4 * rng.normal(size=2000))
    record = record_of(pit, np.exp(rng.normal(size=2000)))
    mended = PitRecalibration().pit(record)[500:]
    for level in LEVELS:
        raw, new = abs(np.mean(pit[500:] <= level) - level), abs(np.mean(mended <= level) - level)
        assert new < 0.5 * raw + 0.003
    # The level to ask for is the quantile of the PITs, since that is what a PIT stays below so often.
    asked = PitRecalibration(pooled_prior=1.0).levels(record, LEVELS)[500:].mean(axis=0)
    assert asked == pytest.approx(np.quantile(pit, LEVELS), abs=0.02)


def test_right_distributions_are_left_about_right() -> None:
    rng = np.random.default_rng(6)
    record = record_of(rng.uniform(size=2500), np.exp(rng.normal(size=2500)))
    mended = PitRecalibration().pit(record)[500:]
    assert stats.kstest(mended, "uniform").statistic < 0.025
    assert np.abs(PitRecalibration().levels(record, LEVELS) - LEVELS).mean() < 0.012


def test_few_data_fall_back_to_all_deciles_and_then_to_the_distribution_itself() -> None:
    pit = np.full(301, 0.9)
    record = record_of(pit, np.ones(301))
    levels = PitRecalibration().levels(record, [0.5])[:, 0]
    assert levels[0] == 0.5
    assert 0.5 < levels[1] < 0.51
    assert (np.diff(levels[:100]) > 0).all()
    # Of n PITs of 0.9 and 200 of a perfect distribution, half lie below q with 200 q = (n + 200) / 2, but for the half
    # count.
    assert levels[20] == pytest.approx(110 / 200, abs=0.01)
    # Another decile has no PITs of its own: it is drawn to what all deciles say.
    alone = PitRecalibration(reach=0, local_prior=1e6).levels(record, [0.5])[-1, 0]
    pooled = PitRecalibration(reach=9).levels(record, [0.5])[-1, 0]
    assert alone == pytest.approx(0.9, abs=0.006)
    assert pooled == pytest.approx(alone, abs=0.006)


def test_one_row_estimate_by_hand() -> None:
    # PITs 0.2 and 0.7 of two sessions, then a row too early for a decile. At 0.5: (1 + 1/2) / 3 = 0.5 of the sample,
    # at 0.25 too, where a perfect distribution has 0.25: (2 * 0.5 + 2 * 0.25) / 4 = 0.375 is asked for by 0.25.
    record = record_of(np.array([0.2, 0.7, np.nan]), np.ones(3))
    assert PitRecalibration(pooled_prior=2.0).levels(record, [0.375])[2, 0] == pytest.approx(0.25)


def test_only_the_last_sessions_count() -> None:
    pit = np.concatenate([np.full(300, 0.99), np.random.default_rng(7).uniform(size=201)])
    scale = np.ones(501)
    changed = pit.copy()
    changed[:300] = 0.01
    levels = [PitRecalibration(window=200).levels(record_of(p, scale), LEVELS)[-1] for p in (pit, changed)]
    assert levels[0].tobytes() == levels[1].tobytes()


def test_a_forecast_whose_outcome_is_not_known_yet_counts_for_nothing() -> None:
    pit, scale = volatile(8, 300)
    waiting = pit.copy()
    waiting[[50, 299]] = np.nan
    record, without = record_of(waiting, scale), np.delete(np.arange(300), 50)
    full = record_of(pit, scale)
    found = PitRecalibration().levels(record, LEVELS)
    assert np.isfinite(found).all()
    assert found[299].tobytes() != PitRecalibration().levels(full, LEVELS)[299].tobytes()
    assert np.isnan(PitRecalibration().pit(record)[[50, 299]]).all()
    alpha = PooledConformal(0.05).alpha(waiting, record.origins_N, record.targets_N)
    expected = PooledConformal(0.05).alpha(waiting[without], record.origins_N[without], record.targets_N[without])
    assert alpha[without].tobytes() == expected.tobytes()


def test_tickers_share_their_pits_but_rank_their_own_scales() -> None:
    pit, scale = volatile(9, 600)
    other_pit, other_scale = volatile(10, 600)
    both = PitRecord(
        np.concatenate([pit, other_pit]),
        np.concatenate([scale, 1000 * other_scale]),
        np.tile(days(600), 2),
        np.tile(days(600) + ONE_DAY, 2),
        np.repeat(["KO", "GE"], 600),
    )
    assert both.decile_N[:600].tolist() == causal_deciles(scale).tolist()
    assert both.decile_N[600:].tolist() == causal_deciles(other_scale).tolist()
    shuffled = np.random.default_rng(11).permutation(1200)
    mixed = PitRecord(
        both.pit_N[shuffled], both.scale_N[shuffled], both.origins_N[shuffled], both.targets_N[shuffled],
        both.ticker_N[shuffled],
    )  # fmt: skip
    levels = PitRecalibration().levels(both, LEVELS)
    assert PitRecalibration().levels(mixed, LEVELS).tobytes() == levels[shuffled].tobytes()
    alone = PitRecalibration().levels(record_of(pit, scale), LEVELS)
    assert (levels[:600] != alone).any()


@settings(max_examples=80, deadline=None)
@given(
    pit=st.lists(st.one_of(st.floats(0.0, 1.0), st.sampled_from([0.0, 1.0, 0.5])), min_size=1, max_size=200),
    local=st.floats(1.0, 500.0),
    pooled=st.floats(1.0, 500.0),
    reach=st.integers(0, 9),
)
def test_levels_strictly_increase_within_0_and_1_whatever_the_pits(
    pit: list[float], local: float, pooled: float, reach: int
) -> None:
    wanted = np.arange(1, 1000) / 1000
    scale = 1.0 + np.arange(len(pit)) % 7
    origins = days(len(pit))
    record = PitRecord(np.array(pit), scale, origins, origins + ONE_DAY, decile_minimum=5)
    levels = PitRecalibration(reach=reach, local_prior=local, pooled_prior=pooled).levels(record, wanted)
    assert (np.diff(levels, axis=1) > 0).all()
    assert levels.min() > 0
    assert levels.max() < 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), level=st.floats(0.001, 0.999))
def test_the_recalibrated_pit_undoes_the_levels(seed: int, level: float) -> None:
    pit, scale = volatile(seed, 160)
    asked = PitRecalibration().levels(record_of(pit, scale), [level])[:, 0]
    pit[-1] = asked[-1]
    assert PitRecalibration().pit(record_of(pit, scale))[-1] == pytest.approx(level, abs=1e-9)


def test_each_row_may_want_levels_of_its_own() -> None:
    pit, scale = volatile(12, 150)
    record = record_of(pit, scale)
    wanted = central_levels(np.linspace(0.05, 0.2, 150))
    found = PitRecalibration().levels(record, wanted)
    assert found[140].tobytes() == PitRecalibration().levels(record, wanted[140])[140].tobytes()


def test_pooled_alpha_moves_with_the_share_of_misses_of_each_session() -> None:
    # Four tickers: one miss of four, then none, then all.
    pit = np.array([0.5, 0.01, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 1.0, 0.001, 0.99, 0.5, 0.5, 0.5, 0.5])
    origins = np.repeat(days(4), 4)
    alpha = PooledConformal(gamma=0.02).alpha(pit, origins, origins + ONE_DAY)
    second = 0.1 + 0.02 * (0.1 - 0.25)
    third = second + 0.02 * 0.1
    assert alpha.reshape(4, 4)[:, 0] == pytest.approx([0.1, second, third, third - 0.02 * 0.9])
    assert (alpha.reshape(4, 4) == alpha.reshape(4, 4)[:, :1]).all()


def test_a_miss_is_one_of_the_alpha_that_the_forecast_was_made_with() -> None:
    # The first forecast looks two sessions ahead; the second misses meanwhile, and leads alpha to its least.
    pit, origins = np.array([0.03, 0.0, 0.5]), days(3)[[0, 0, 2]]
    targets = origins + np.array([2, 1, 1]) * ONE_DAY
    alpha = PooledConformal(gamma=1.0).alpha(pit, origins, targets)
    assert 0.5 * ALPHA_RANGE[0] < pit[0] < 0.5 * alpha[0]
    assert alpha.tolist() == [0.1, 0.1, ALPHA_RANGE[0]]


def test_each_decile_has_an_alpha_of_its_own_beside_the_common_one() -> None:
    # Two sessions of four forecasts: deciles 0, 0, 9 and too early, of which the first and the last miss.
    pit, decile = np.tile([0.01, 0.5, 0.5, 0.99], 2), np.tile([0, 0, 9, -1], 2)
    origins = np.repeat(days(2), 4)
    alpha = PooledConformal(0.02, decile_gamma=0.04).alpha(pit, origins, origins + ONE_DAY, decile)
    common = 0.1 + 0.02 * (0.1 - 0.5)
    calm, wild = 0.04 * (0.1 - 0.5) * 2 / 4, 0.04 * 0.1 * 1 / 4
    assert alpha[:4].tolist() == [0.1] * 4
    assert alpha[4:] == pytest.approx([common + calm, common + calm, common + wild, common])


def test_a_session_of_few_forecasts_moves_alpha_less() -> None:
    one, four = days(2), np.repeat(days(2), 4)
    conformal = PooledConformal(0.04, decile_gamma=0.03, few=4.0)
    alone = conformal.alpha(np.full(2, 0.999), one, one + ONE_DAY, np.zeros(2))
    together = conformal.alpha(np.full(8, 0.999), four, four + ONE_DAY, np.zeros(8))
    assert alone[1] == pytest.approx(0.1 - 0.07 * 0.9 / 5)
    assert together[4:] == pytest.approx(np.full(4, 0.1 - 0.07 * 0.9 / 2))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), gamma=st.floats(0.0, 1.0), decile_gamma=st.floats(0.0, 1.0), cut=st.integers(0, 60))
def test_alphas_by_decile_know_no_future_no_order_and_no_bounds_but_their_own(
    seed: int, gamma: float, decile_gamma: float, cut: int
) -> None:
    rng = np.random.default_rng(seed)
    origins, decile, pit = np.repeat(days(61), 3), rng.integers(-1, 10, 183), rng.uniform(size=183)
    targets = origins + rng.integers(1, 4, 183)
    conformal = PooledConformal(gamma, decile_gamma=decile_gamma, few=1.0)
    alpha = conformal.alpha(pit, origins, targets, decile)
    assert ((alpha >= ALPHA_RANGE[0]) & (alpha <= ALPHA_RANGE[1])).all()
    order = rng.permutation(183)
    mixed = conformal.alpha(pit[order], origins[order], targets[order], decile[order])
    assert mixed.tobytes() == alpha[order].tobytes()
    later = targets > FIRST + cut * ONE_DAY
    other = conformal.alpha(np.where(later, rng.uniform(size=183) ** 4, pit), origins, targets, decile)
    known = origins <= FIRST + cut * ONE_DAY
    assert other[known].tobytes() == alpha[known].tobytes()


def test_a_decile_that_always_misses_goes_to_the_widest_and_comes_back_at_once() -> None:
    # An offset that went on below what can be shown would have to come all the way back.
    pit, decile = np.concatenate([np.zeros(500), np.full(20, 0.5)]), np.zeros(520, dtype=np.int64)
    alpha = PooledConformal(0.0, decile_gamma=0.1).alpha(pit, days(520), days(520) + ONE_DAY, decile)
    assert alpha[500] == pytest.approx(ALPHA_RANGE[0])
    assert alpha[501:505] == pytest.approx(ALPHA_RANGE[0] + 0.01 * np.arange(1, 5))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), max_size=80), st.floats(0.0, 1.0))
def test_one_ticker_alone_learns_as_the_live_record_does(pit: list[float], gamma: float) -> None:
    alpha = PooledConformal(gamma).alpha(pit, days(len(pit)), days(len(pit)) + ONE_DAY)
    misses: list[bool] = []
    for row, value in enumerate(pit):
        assert alpha[row] == AdaptiveConformal(gamma).alpha_after(misses)
        misses.append(not alpha[row] / 2 <= value <= 1 - alpha[row] / 2)
    assert ((alpha >= ALPHA_RANGE[0]) & (alpha <= ALPHA_RANGE[1])).all()


def test_intervals_that_miss_too_often_are_widened_until_they_do_not() -> None:
    rng = np.random.default_rng(13)
    origins = np.repeat(days(1500), 10)
    pit = stats.norm.cdf(1.25 * rng.normal(size=15000))
    levels = central_levels(PooledConformal().alpha(pit, origins, origins + ONE_DAY))
    held = ((levels[:, 0] <= pit) & (pit <= levels[:, 1]))[5000:].mean()
    assert error(pit, np.arange(5000, 15000)) > 0.05
    assert abs(held - 0.9) < 0.005


DISTS = [
    StudentT(np.linspace(-0.01, 0.01, 45), np.linspace(0.005, 0.05, 45), np.linspace(2.5, 300.0, 45)),
    Empirical(np.random.default_rng(14).standard_t(4, (45, 60))),
]


@pytest.mark.parametrize("dist", DISTS)
@pytest.mark.parametrize("width", [1, 2, 7, 120])
def test_quantiles_at_own_levels_are_those_of_row_by_row(dist: Distribution, width: int) -> None:
    levels = np.sort(np.random.default_rng(width).uniform(0.001, 0.999, (45, width)), axis=1)
    levels[10:30] = levels[10]
    found = quantiles_at(dist, levels)
    for row in range(45):
        assert found[row].tobytes() == dist.rows(row, row + 1).quantile(levels[row])[0].tobytes()


def test_calibrated_bounds_hold_the_outcomes_that_their_pits_say() -> None:
    pit, scale = volatile(15, 300)
    dist = StudentT(np.zeros(300), scale, np.full(300, 6.0))
    y = np.array([dist.rows(row, row + 1).quantile([pit[row]])[0, 0] for row in range(300)])
    record = record_of(dist.cdf(y), scale)
    recalibrated = PitRecalibration().pit(record)
    alpha = PooledConformal().alpha(recalibrated, record.origins_N, record.targets_N)
    bounds = quantiles_at(dist, PitRecalibration().levels(record, central_levels(alpha)))
    held = (bounds[:, 0] <= y) & (y <= bounds[:, 1])
    levels = central_levels(alpha)
    assert (held == ((levels[:, 0] <= recalibrated) & (recalibrated <= levels[:, 1]))).all()
    assert (bounds[:, 0] < bounds[:, 1]).all()


def test_no_rows_are_no_trouble() -> None:
    record = record_of(np.empty(0), np.empty(0))
    assert PitRecalibration().levels(record, LEVELS).shape == (0, 7)
    assert PitRecalibration().pit(record).shape == (0,)
    assert PooledConformal().alpha([], record.origins_N, record.targets_N).shape == (0,)
    assert quantiles_at(DISTS[0].rows(0, 0), np.empty((0, 2))).shape == (0, 2)


def test_records_that_cannot_be_are_refused() -> None:
    one = np.ones(1)
    with pytest.raises(DataError, match=r"PIT is 1\.2 at row 0"):
        PitRecord(np.array([1.2]), one, days(1), days(1) + ONE_DAY)
    with pytest.raises(DataError, match="scale is 0"):
        PitRecord(one, 0 * one, days(1), days(1) + ONE_DAY)
    with pytest.raises(DataError, match="2020-01-01 at row 0 is not after its origin"):
        PitRecord(one, one, days(1), days(1))
    with pytest.raises(DataError, match="is not after its origin"):
        PooledConformal().alpha(one, days(1), np.array(["NaT"], "M8[D]"))
    with pytest.raises(DataError, match="two forecasts of one ticker have the origin 2020-01-01"):
        PitRecord(np.ones(2), np.ones(2), days(2)[[0, 0]], days(2) + ONE_DAY)
    with pytest.raises(ValueError, match="another number"):
        PitRecord(one, np.ones(2), days(1), days(1) + ONE_DAY)
    with pytest.raises(ValueError, match="origins"):
        PitRecord(one, one, days(2), days(2) + ONE_DAY)


def test_settings_and_levels_out_of_range_are_refused() -> None:
    record = record_of(np.ones(1), np.ones(1))
    with pytest.raises(ConfigError, match="level 1"):
        PitRecalibration().levels(record, [0.5, 1.0])
    with pytest.raises(ValueError, match="rows"):
        PitRecalibration().levels(record, np.full((2, 1), 0.5))
    with pytest.raises(ConfigError, match="window"):
        PitRecalibration(window=0)
    with pytest.raises(ConfigError, match="reach"):
        PitRecalibration(reach=10)
    with pytest.raises(ConfigError, match="pooled prior"):
        PitRecalibration(pooled_prior=0.0)
    with pytest.raises(ConfigError, match="gamma"):
        PooledConformal(gamma=-1.0)
    with pytest.raises(ConfigError, match="gamma of deciles 2"):
        PooledConformal(decile_gamma=2.0)
    with pytest.raises(ConfigError, match="-1 forecasts a session"):
        PooledConformal(few=-1)
    with pytest.raises(ValueError, match="1 PITs with 2 deciles"):
        PooledConformal().alpha(np.ones(1), days(1), days(1) + ONE_DAY, np.zeros(2))
    with pytest.raises(ConfigError, match="misses"):
        PooledConformal(target=0.5)
    with pytest.raises(ValueError, match="distributions"):
        quantiles_at(DISTS[0], np.full((2, 2), 0.5))


def test_recalibration_starts_without_heavy_packages() -> None:
    found = packages_loaded(code="import stockcast.models.recalibration")
    assert found.isdisjoint({"scipy", "pandas", "torch"})
