"""Model confidence set: which of several competitors the data cannot tell from the best.

Legend: N losses, in order of time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from stockcast.evaluation.significance.series import NO_SCORE, finite, indistinct
from stockcast.prices.history import Floats
from stockcast.results.significance import ConfidenceSet


def model_confidence_set(
    losses: Mapping[str, ArrayLike], size: float = 0.1, block: int = 10, reps: int = 1000, seed: int = 0
) -> ConfidenceSet:
    """The competitors that stay when the worst is taken out until equal mean losses are no longer rejected at `size`.

    With probability 1 - size or more, for many losses, the members hold the competitor of lowest expected loss. A
    competitor's p-value is the largest one met up to its removal; the last one's is 1.0. A wide set says that the
    losses tell little, not that its members are alike.

    losses: arrays [N] by competitor, of the same forecasts in order of time; of several tickers, pool them by date
    first (`pooled_by_date`). Statistic: the largest pairwise t (T_R of the paper). Stationary bootstrap: `block` is the
    mean length of its blocks and should span the horizon and the losses' memory; `reps` draws, the same for one `seed`.

    Competitors whose losses do not differ by anything that varies beyond rounding share a place and a p-value: such as
    a baseline and the model that it serves for. With fewer than two losses all are members, at p-value 1.0.
    Raises DataError on a loss that is not finite, ValueError on different lengths, no competitor, or a setting out of
    its range (size within 0 .. 1; block and reps 1 or more).
    Reference: Hansen, Lunde and Nason 2011, The model confidence set; computed by the package arch.
    """
    if not 0.0 < size < 1.0:
        raise ValueError(f"size {size} is not between 0 and 1")
    if block < 1 or reps < 1:
        raise ValueError(f"blocks of {block}, {reps} draws")
    columns = {name: finite(f"loss of {name}", values, NO_SCORE) for name, values in losses.items()}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"competitors with {sorted(lengths)} losses")
    n = lengths.pop()
    groups = _groups(columns) if n > 1 else [list(columns)]
    p_values: dict[str, float] = {}
    for place, p in _p_by_place([columns[group[0]] for group in groups], size, block, reps, seed):
        p_values |= dict.fromkeys(groups[place], p)
    members = tuple(name for name, p in p_values.items() if p > size)
    return ConfidenceSet(members, p_values, size, n)


def _groups(columns: Mapping[str, Floats]) -> list[list[str]]:
    """Names by what tells them apart; a bootstrap variance of zero within a group would divide by it."""
    groups: list[list[str]] = []
    for name, column in columns.items():
        same = next((group for group in groups if indistinct(columns[group[0]], column)), None)
        if same is None:
            groups.append([name])
        else:
            same.append(name)
    return groups


def _p_by_place(columns: Sequence[Floats], size: float, block: int, reps: int, seed: int) -> list[tuple[int, float]]:
    """Positions and p-values, from the one that stayed longest."""
    if len(columns) == 1:
        return [(0, 1.0)]
    from arch.bootstrap import MCS  # not at the top: imports pandas

    test = MCS(np.column_stack(columns), size, reps=reps, block_size=block, method="R", seed=seed)
    test.compute()
    places, p_values = test.pvalues.index.to_numpy(), test.pvalues["Pvalue"].to_numpy()
    return [(int(place), float(p)) for place, p in zip(places, p_values, strict=True)][::-1]
