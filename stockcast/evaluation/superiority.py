"""Superiority: whether the best of many candidates is better than a benchmark, or the luckiest of many.

Legend: D dates; N pairs of losses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from stockcast.evaluation.significance import finite, indistinct, newey_west_variance
from stockcast.quiet import without_words_of

CLEARLY = 0.05
"""One-sided p-value below which a loss is clearly higher than another one."""


@dataclass(frozen=True)
class SuperiorityTest:
    """Hansen's test of superior predictive ability.

    Attributes:
        p_value: The consistent one.
        lower: Of the liberal version, which leaves out what is worse than the benchmark.
        upper: Of White's reality check, which takes all of them to be as good as it.
        candidates: Those that can be told from the benchmark at all.
        n: Losses of each.
    """

    p_value: float
    lower: float
    upper: float
    candidates: int
    n: int


def superior_ability(
    benchmark_D: ArrayLike, losses: Mapping[str, ArrayLike], block: int = 10, reps: int = 2000, seed: int = 0
) -> SuperiorityTest:
    """Test of "no candidate has a lower expected loss than the benchmark" against "one of them has".

    However many candidates were tried, the p-value takes that they were into account. Statistic: the largest
    studentised mean difference; its distribution by the stationary bootstrap.

    Args:
        benchmark_D: Losses of the benchmark, shape (D,), in order of time; of several tickers, pool them by date first.
        losses: Losses by candidate, shape (D,) each, of the same forecasts.
        block: Mean length of the bootstrap's blocks, 1 or more.
        reps: Draws of the bootstrap, 1 or more.
        seed: Of the draws, which are the same for one seed.

    Returns:
        The p-values; 1.0 each where no candidate can be told from the benchmark.

    Raises:
        DataError: A loss is not finite.
        ValueError: The lengths differ, or a setting is out of its range.

    Reference: Hansen 2005, A test for superior predictive ability; computed by the package arch.
    """
    if block < 1 or reps < 1:
        raise ValueError(f"blocks of {block}, {reps} draws")
    benchmark = finite("loss of the benchmark", benchmark_D)
    columns = {name: finite(f"loss of {name}", values) for name, values in losses.items()}
    if any(column.shape != benchmark.shape for column in columns.values()):
        raise ValueError("candidates with other losses than the benchmark")
    # A difference that does not vary has no spread to be studentised by.
    ahead = [benchmark - column for column in columns.values() if not indistinct(column, benchmark)]
    spreads = [math.sqrt(newey_west_variance(ahead_D, block)) for ahead_D in ahead]
    scaled = [ahead_D / spread for ahead_D, spread in zip(ahead, spreads, strict=True) if spread > 0.0]
    if not scaled:
        return SuperiorityTest(1.0, 1.0, 1.0, 0, len(benchmark))
    with without_words_of("matplotlib"):  # which arch imports
        from arch.bootstrap import SPA  # not at the top: imports pandas

    # Of arch, `studentize` changes nothing but which candidates count as far behind: the statistic is studentised here,
    # or the candidates whose losses vary most would rule its distribution.
    test = SPA(np.zeros(len(benchmark)), -np.column_stack(scaled), block_size=block, reps=reps, seed=seed)
    test.compute()
    p = test.pvalues
    return SuperiorityTest(float(p["consistent"]), float(p["lower"]), float(p["upper"]), len(scaled), len(benchmark))


def clearly_worse(losses_N: ArrayLike, best_N: ArrayLike) -> bool:
    """Whether losses are higher than those of another candidate by more than luck (Wilcoxon's signed ranks).

    Args:
        losses_N: Means of stretches of time, shape (N,).
        best_N: The other one's, of the same stretches.

    Returns:
        Whether the one-sided p-value is below `CLEARLY`. Of five pairs or more that can be; of fewer never.
    """
    from scipy.stats import wilcoxon  # not at the top: scoring starts without SciPy

    ahead_N = np.asarray(losses_N, dtype=np.float64) - np.asarray(best_N, dtype=np.float64)
    return bool(ahead_N.any()) and bool(wilcoxon(ahead_N, alternative="greater", zero_method="zsplit").pvalue < CLEARLY)
