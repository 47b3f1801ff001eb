"""Policies judged: what learnt positions earned after costs, and whether that shows skill over holding.

Legend: N consecutive sessions of one instrument, oldest first; element i belongs to the session after origin i.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from stockcast.evaluation.economics import Economics, PolicyVerdict, TradingRules, assess, economics, traded
from stockcast.evaluation.sharpe import SharpeDifference, Trials, sharpe_difference
from stockcast.evaluation.verdict import LEVEL, p_text
from stockcast.prices.history import Floats


def judged_policies(
    y_N: ArrayLike, positions: Mapping[str, Floats], tried: Mapping[str, tuple[Floats, Floats]], rules: TradingRules
) -> tuple[tuple[Economics, ...], tuple[PolicyVerdict, ...]]:
    """What policies earned, deflated by all that was tried, and whether the Sharpe ratio of holding was lower.

    Args:
        y_N: Realised log returns, shape (N,), oldest first.
        positions: Shares of the capital, shape (N,), by policy.
        tried: Signal and volatility by network, as of `chosen_economics`: rules that trade on them count as tried.
        rules: Costs and sessions per year.

    Returns:
        Figures and a verdict for each policy, in their order.

    Raises:
        DataError, ValueError: As `economics` and `traded` do.
    """
    tracks = {name: traded(y_N, position_N) for name, position_N in positions.items()}
    others = [one for forecast in tried.values() for one in economics(y_N, *forecast, rules)[1:]]
    every = [*others, *(assess(name, track, rules) for name, track in tracks.items())]
    ratios = [one.sharpe for one in every if math.isfinite(one.sharpe)]
    trials = Trials.of(ratios) if ratios else None
    rows = tuple(assess(name, track, rules, trials) for name, track in tracks.items())
    holding_N = traded(y_N, np.ones_like(y_N)).net(rules.cost_bp)
    tests = [sharpe_difference(track.net(rules.cost_bp), holding_N) for track in tracks.values()]
    return rows, tuple(_verdict(row, test, rules) for row, test in zip(rows, tests, strict=True))


def _verdict(row: Economics, test: SharpeDifference, rules: TradingRules) -> PolicyVerdict:
    difference = test.value * math.sqrt(rules.sessions_per_year)
    figures = f"Sharpe {difference:+z.2f}, {p_text(test.p_value)}, after {rules.cost_bp:g} bp"
    if math.isnan(difference):
        figures = "its returns do not vary" if row.turnover else "it held nothing"
    claim = "evidence" if test.p_value < LEVEL else "no evidence"
    sentence = f"{row.strategy.capitalize()}: {claim} of skill over holding ({figures})."
    return PolicyVerdict(row.strategy, difference, test.p_value, rules.cost_bp, sentence)
