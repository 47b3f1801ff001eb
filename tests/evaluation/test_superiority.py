"""Hansen's test of superior predictive ability, against its formula and against losses whose truth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from stockcast.errors import DataError
from stockcast.evaluation.significance import newey_west_variance
from stockcast.evaluation.superiority import clearly_worse, superior_ability

DATES, BLOCK, REPS = 400, 10, 300


def losses(seed: int, *gains: float, spread: float = 0.2) -> tuple[Any, dict[str, Any]]:
    """A benchmark, and candidates that are better by these gains on average."""
    draw = np.random.default_rng(seed)
    benchmark = draw.standard_gamma(2.0, DATES)
    return benchmark, {str(k): benchmark - gain + spread * draw.standard_normal(DATES) for k, gain in enumerate(gains)}


def by_hand(benchmark: Any, candidates: dict[str, Any], seed: int) -> float:
    """The consistent p-value as the paper writes it: studentised means, recentred unless they are far behind."""
    ahead_DK = benchmark[:, None] - np.column_stack(list(candidates.values()))
    omega_K = np.sqrt([DATES * newey_west_variance(column, BLOCK) for column in ahead_DK.T])
    mean_K = ahead_DK.mean(axis=0)
    statistic = np.max(np.sqrt(DATES) * mean_K / omega_K)
    # arch asks the kernel's variance which candidates are far behind; the bootstrap's stands for both.
    kept_K = np.where(mean_K * np.sqrt(DATES) / omega_K >= -np.sqrt(2 * np.log(np.log(DATES))), mean_K, 0.0)
    drawn = StationaryBootstrap(BLOCK, ahead_DK, seed=seed)
    found = [
        np.max(np.sqrt(DATES) * (sample.mean(axis=0) - kept_K) / omega_K) for ((sample,), _) in drawn.bootstrap(REPS)
    ]
    return float(np.mean(np.array(found) > statistic))


@pytest.mark.parametrize("seed", range(5))
def test_the_p_value_is_that_of_the_paper(seed: int) -> None:
    benchmark, candidates = losses(seed, 0.01, 0.0, -0.01, 0.015)
    found = superior_ability(benchmark, candidates, BLOCK, REPS, seed)
    assert found.p_value == pytest.approx(by_hand(benchmark, candidates, seed), abs=1 / REPS)
    assert found.lower <= found.p_value <= found.upper
    assert (found.candidates, found.n) == (4, DATES)


def test_what_is_better_is_found_and_what_is_not_is_not() -> None:
    assert superior_ability(*losses(0, 0.05, 0.0, 0.0)).p_value < 0.01
    assert superior_ability(*losses(0, -0.05, -0.02)).p_value > 0.5


def test_candidates_without_any_gain_are_seldom_claimed() -> None:
    claimed = [superior_ability(*losses(seed, *[0.0] * 10), reps=200).p_value < 0.05 for seed in range(60)]
    assert sum(claimed) <= 8


def test_a_candidate_whose_losses_vary_much_does_not_hide_a_good_one() -> None:
    benchmark, candidates = losses(0, 0.03)
    draw = np.random.default_rng(1)
    candidates["wild"] = benchmark + 20.0 * draw.standard_normal(DATES)
    assert superior_ability(benchmark, candidates).p_value < 0.05


def test_the_same_seed_gives_the_same_p_value() -> None:
    benchmark, candidates = losses(3, 0.01, 0.0)
    assert superior_ability(benchmark, candidates, seed=1) == superior_ability(benchmark, candidates, seed=1)


def test_what_cannot_be_told_from_the_benchmark_supports_no_claim() -> None:
    benchmark, _ = losses(0)
    for candidates in ({}, {"same": benchmark}, {"by rounding": benchmark * (1 + 1e-15)}):
        found = superior_ability(benchmark, candidates)
        assert (found.p_value, found.candidates) == (1.0, 0)


def test_losses_that_cannot_be_compared_are_refused() -> None:
    benchmark, candidates = losses(0, 0.0)
    with pytest.raises(DataError, match=r"loss of 0 is nan at row 3"):
        superior_ability(benchmark, {"0": np.where(np.arange(DATES) == 3, np.nan, candidates["0"])})
    with pytest.raises(ValueError, match="other losses"):
        superior_ability(benchmark[:-1], candidates)
    with pytest.raises(ValueError, match="blocks of 0"):
        superior_ability(benchmark, candidates, block=0)


def test_clearly_worse_is_what_is_worse_again_and_again() -> None:
    best = np.array([1.0, 0.9, 1.1, 1.0, 1.2, 0.8])
    assert clearly_worse(best + 0.01, best)
    assert not clearly_worse(best, best)
    assert not clearly_worse(best - 0.01, best)
    assert not clearly_worse(best + np.array([0.01, -0.02, 0.01, 0.01, -0.02, 0.01]), best)
    assert not clearly_worse((best + 0.01)[:4], best[:4])


def test_what_is_as_good_is_seldom_called_clearly_worse() -> None:
    draw = np.random.default_rng(0)
    called = [clearly_worse(*draw.standard_normal((2, 12))) for _ in range(500)]
    assert 10 <= sum(called) <= 40
