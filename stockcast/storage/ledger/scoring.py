"""Scoring: many distributions of one row at their outcomes, the distributions of one family at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stockcast.evaluation.backtest import crps
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.prices.history import Floats


@dataclass(frozen=True)
class DistributionScore:
    """One distribution at its outcome, in log return; log_score is None where the distribution has no density."""

    crps: float
    log_score: float | None
    pit: float
    median: float


def scored(dists: Sequence[Distribution], returns: Sequence[float]) -> list[DistributionScore]:
    """Scores of single rows at one return each, in the same order. Raises TypeError for an unknown family."""
    groups: defaultdict[tuple[type, int], list[int]] = defaultdict(list)
    for i, dist in enumerate(dists):
        groups[type(dist), dist.values_NK.shape[1] if isinstance(dist, Empirical) else 0].append(i)
    found: dict[int, DistributionScore] = {}
    for members in groups.values():
        y_N = np.array([returns[i] for i in members])
        found.update(zip(members, _scores(_stacked([dists[i] for i in members]), y_N), strict=True))
    return [found[i] for i in range(len(dists))]


def _scores(dist: Distribution, y_N: Floats) -> list[DistributionScore]:
    density_N = dist.log_density(y_N)
    log_scores: list[float] | list[None] = [None] * len(y_N) if density_N is None else density_N.tolist()
    columns = (crps(dist, y_N).tolist(), log_scores, dist.cdf(y_N).tolist(), dist.quantile([0.5])[:, 0].tolist())
    return [DistributionScore(*row) for row in zip(*columns, strict=True)]


def _stacked(dists: Sequence[Distribution]) -> Distribution:
    """Distributions of one family and size as one distribution of many rows."""
    students = [dist for dist in dists if isinstance(dist, StudentT)]
    if students:
        parts = ([dist.loc for dist in students], [dist.scale for dist in students], [dist.nu for dist in students])
        return StudentT(*(np.concatenate(part) for part in parts))
    samples = [dist.values_NK for dist in dists if isinstance(dist, Empirical)]
    if samples:
        return Empirical(np.concatenate(samples))
    raise TypeError(f"no scores for {type(dists[0]).__name__}")
