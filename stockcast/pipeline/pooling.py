"""Pooling: backtests of several tickers together, by date, with false discoveries held down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stockcast.evaluation.calibration import pooled_effects
from stockcast.evaluation.significance import (
    benjamini_hochberg,
    diebold_mariano,
    model_confidence_set,
    pooled_by_date,
)
from stockcast.evaluation.verdict import BacktestResult, BacktestSummary, PooledComparison
from stockcast.prices.history import Dates, Floats

DISCOVERY_RATE = 0.1
"""Share of false ones tolerated among the tickers on which a network is said to be better."""

SET_SIZE, SET_BLOCK, SET_DRAWS = 0.1, 10, 1000


Losses = dict[str, tuple[Dates, Floats]]
"""CRPS by competitor: target sessions, and the mean over tickers for each."""


def pooled(results: Sequence[BacktestResult]) -> BacktestSummary:
    """The backtests of all tickers together.

    Args:
        results: One for each ticker, with their rows (`keep_rows`).

    Returns:
        Comparisons by date over tickers, the model confidence set, and what a calibration that adapts to all tickers
        does.
    """
    by_step = [_losses(results, step) for step in range(1, max(result.horizon for result in results) + 1)]
    cells = sorted({score.model for result in results for score in result.scores if score.kind == "network"})
    comparisons = tuple(
        _compared(cell, name, step, losses, results)
        for step, losses in enumerate(by_step, start=1)
        for cell in cells
        if cell in losses
        for name in losses
        if name not in cells
    )
    members = {name: by_date for name, (_, by_date) in by_step[0].items()}
    chosen = model_confidence_set(members, SET_SIZE, SET_BLOCK, SET_DRAWS) if len(members) > 1 else None
    records = [result.record for result in results if result.record is not None]
    return BacktestSummary(
        results=tuple(results),
        pooled=comparisons,
        mean_crps={name: float(by_date.mean()) for name, by_date in members.items()},
        confidence_set={} if chosen is None else {name: chosen.p_values[name] for name in chosen.members},
        calibrated=pooled_effects(records) if len(records) > 1 else (),
    )


def _losses(results: Sequence[BacktestResult], horizon: int) -> Losses:
    """The losses of one step; competitors that a ticker lacks are left out."""
    of_step = [[rows for rows in result.rows if rows.horizon == horizon] for result in results]
    common = set.intersection(*({rows.model for rows in of_ticker} for of_ticker in of_step))
    found: Losses = {}
    for name in [rows.model for rows in of_step[0] if rows.model in common]:
        of_name = [rows for of_ticker in of_step for rows in of_ticker if rows.model == name]
        dates = np.concatenate([rows.target_sessions for rows in of_name])
        found[name] = pooled_by_date(dates, np.concatenate([rows.crps for rows in of_name]))
    return found


def _compared(
    cell: str, baseline: str, horizon: int, losses: Losses, results: Sequence[BacktestResult]
) -> PooledComparison:
    ours, theirs = losses[cell][1], losses[baseline][1]
    test = diebold_mariano(ours, theirs, max(10, 2 * horizon), horizon)
    pair = (cell, baseline)
    single = [c for result in results for c in result.comparisons_at(horizon) if (c.model, c.baseline) == pair]
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
        horizon=horizon,
    )
