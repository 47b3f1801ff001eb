"""Pooling: backtests of several tickers together, by date, with false discoveries held down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stockcast.evaluation.significance import (
    benjamini_hochberg,
    diebold_mariano,
    model_confidence_set,
    pooled_by_date,
)
from stockcast.prices.history import Dates, Floats
from stockcast.results.backtests import BacktestResult, BacktestSummary, PooledComparison

DISCOVERY_RATE = 0.1
"""Share of false ones tolerated among the tickers on which a network is said to be better."""

SET_SIZE, SET_BLOCK, SET_DRAWS = 0.1, 10, 1000


def pooled(results: Sequence[BacktestResult]) -> BacktestSummary:
    """All tickers together. The results must carry their rows (`keep_rows`)."""
    losses = _losses(results)
    cells = sorted({score.model for result in results for score in result.scores if score.kind == "network"})
    names = [name for name in losses if name not in cells]
    comparisons = tuple(_compared(cell, name, losses, results) for cell in cells for name in names if cell in losses)
    members = {name: by_date for name, (_, by_date) in losses.items()}
    chosen = model_confidence_set(members, SET_SIZE, SET_BLOCK, SET_DRAWS) if len(members) > 1 else None
    return BacktestSummary(
        results=tuple(results),
        pooled=comparisons,
        mean_crps={name: float(by_date.mean()) for name, by_date in members.items()},
        confidence_set={} if chosen is None else {name: chosen.p_values[name] for name in chosen.members},
    )


def _losses(results: Sequence[BacktestResult]) -> dict[str, tuple[Dates, Floats]]:
    """CRPS by competitor: mean over tickers for each target session; competitors that a ticker lacks are left out."""
    common = set.intersection(*({rows.model for rows in result.rows} for result in results))
    found: dict[str, tuple[Dates, Floats]] = {}
    for name in [rows.model for rows in results[0].rows if rows.model in common]:
        of_name = [rows for result in results for rows in result.rows if rows.model == name]
        dates = np.concatenate([rows.target_sessions for rows in of_name])
        found[name] = pooled_by_date(dates, np.concatenate([rows.crps for rows in of_name]))
    return found


def _compared(
    cell: str, baseline: str, losses: dict[str, tuple[Dates, Floats]], results: Sequence[BacktestResult]
) -> PooledComparison:
    ours, theirs = losses[cell][1], losses[baseline][1]
    test = diebold_mariano(ours, theirs)
    single = [c for result in results for c in result.comparisons if (c.model, c.baseline) == (cell, baseline)]
    found = benjamini_hochberg([c.dm_p for c in single]) <= DISCOVERY_RATE
    return PooledComparison(
        model=cell,
        baseline=baseline,
        crps_skill=float(np.mean([c.crps_skill for c in single])),
        dm_p=test.p_value,
        dates=test.n,
        tickers=len(single),
        better=sum(c.crps_skill > 0 for c in single),
        found=int(found.sum()),
    )
