"""Scoring: many laws of one row at their outcomes, the laws of one family at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stockcast.evaluation.backtest import crps
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.prices.history import Floats


@dataclass(frozen=True)
class LawScore:
    """One law at its outcome, in log return; log_score is None where the law has no density."""

    crps: float
    log_score: float | None
    pit: float
    median: float


def scored(laws: Sequence[Distribution], returns: Sequence[float]) -> list[LawScore]:
    """Scores of laws of one row at one return each, in the same order. Raises TypeError for an unknown family."""
    groups: defaultdict[tuple[type, int], list[int]] = defaultdict(list)
    for i, law in enumerate(laws):
        groups[type(law), law.values_NK.shape[1] if isinstance(law, Empirical) else 0].append(i)
    found: dict[int, LawScore] = {}
    for members in groups.values():
        y_N = np.array([returns[i] for i in members])
        found.update(zip(members, _scores(_stacked([laws[i] for i in members]), y_N), strict=True))
    return [found[i] for i in range(len(laws))]


def _scores(law: Distribution, y_N: Floats) -> list[LawScore]:
    density_N = law.log_density(y_N)
    log_scores: list[float] | list[None] = [None] * len(y_N) if density_N is None else density_N.tolist()
    columns = (crps(law, y_N).tolist(), log_scores, law.cdf(y_N).tolist(), law.quantile([0.5])[:, 0].tolist())
    return [LawScore(*row) for row in zip(*columns, strict=True)]


def _stacked(laws: Sequence[Distribution]) -> Distribution:
    """Laws of one family and size as one distribution of many rows."""
    students = [law for law in laws if isinstance(law, StudentT)]
    if students:
        parts = ([law.loc for law in students], [law.scale for law in students], [law.nu for law in students])
        return StudentT(*(np.concatenate(part) for part in parts))
    samples = [law.values_NK for law in laws if isinstance(law, Empirical)]
    if samples:
        return Empirical(np.concatenate(samples))
    raise TypeError(f"no scores for {type(laws[0]).__name__}")
