"""Economics: what a rule of trading on the forecasts would have earned in the past, after stated costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Economics:
    """One strategy over n sessions of the past; it says nothing of returns to come.

    From simple returns on the capital, a cost of cost_bp taken off. annual_return: compounded, per year, as a share;
    -1.0 where the capital was lost. annual_volatility: standard deviation, as a share per root year. sharpe: mean over
    standard deviation, both per year, nothing taken off for the return of cash; sharpe_se: its standard error.
    max_drawdown: largest fall below an earlier height, as a share of that, 0 .. 1. turnover: capital bought and sold
    per year, in units of the capital. break_even_cost_bp: cost, in basis points of what is traded, at which the mean
    return is zero; negative where it is below zero at no cost, None where nothing was traded.

    deflated_sharpe_p: one-sided p-value of a Sharpe ratio above what the best of all tried settings shows by luck;
    None where a single setting was tried. NaN: too few sessions, or returns that do not vary.
    """

    strategy: str
    n: int
    cost_bp: float
    annual_return: float
    annual_volatility: float
    sharpe: float
    sharpe_se: float
    max_drawdown: float
    turnover: float
    break_even_cost_bp: float | None
    deflated_sharpe_p: float | None
