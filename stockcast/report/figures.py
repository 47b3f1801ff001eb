"""Numbers as words: every figure of a text report is written here, so that it reads the same everywhere."""

from __future__ import annotations

from math import isfinite

UNKNOWN = "-"


def price(value: float) -> str:
    """A price in its currency: two decimals from 10 upwards, five significant digits below."""
    if not isfinite(value):
        return UNKNOWN
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.5g}"


def price_range(low: float, high: float) -> str:
    """Both ends of an interval of prices."""
    return f"{price(low)} .. {price(high)}"


def percent(share: float | None, digits: int = 1, signed: bool = False) -> str:
    """A share as a percentage: 0.051 is 5.1 %."""
    if share is None or not isfinite(share):
        return UNKNOWN
    return f"{100.0 * share:{'+' if signed else ''}.{digits}f} %"


def basis_points(log_return: float, digits: int = 2) -> str:
    """A log return, or a score in its unit, times 10,000."""
    return f"{1e4 * log_return:.{digits}f}" if isfinite(log_return) else UNKNOWN


def number(value: float | None, digits: int = 3) -> str:
    """A plain number of that many decimals."""
    return UNKNOWN if value is None or not isfinite(value) else f"{value:.{digits}f}"


def p_value(value: float | None) -> str:
    """A probability under the null hypothesis; small ones as a bound."""
    if value is None or not isfinite(value):
        return UNKNOWN
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def count(amount: int, noun: str) -> str:
    """An amount with its noun in the right number: 1 session, 2 sessions."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"
