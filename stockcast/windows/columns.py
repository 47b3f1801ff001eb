"""Columns: what a network sees beside a ticker's own bars, appended under stable names."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace

import numpy as np

from stockcast.prices.history import Floats
from stockcast.prices.sessions import SessionCalendar
from stockcast.windows.covariates import KNOWN_NAMES, Covariates, Schedule
from stockcast.windows.features import COMPONENT_NAMES, TREND_NAMES, Features, component_columns, trend_columns
from stockcast.windows.market import MARKET_NAMES, Market
from stockcast.windows.seasonality import (
    DAY_NAMES,
    SEASONALITY_NAMES,
    day_columns,
    seasonality_columns,
    target_sessions,
)

MARKET = "market"
GROUPS = {
    MARKET: MARKET_NAMES,
    "echo": SEASONALITY_NAMES,
    "days": DAY_NAMES,
    "bars": (*COMPONENT_NAMES, *TREND_NAMES),
}
"""Names of the columns of a pool that `extended` can append, by group and in their order."""
OWN, COVARIATES, KNOWN = "own", "covariates", "known"
OF_POOLS = frozenset({"echo", "days", "bars"})
"""Groups that a network of many series looks at, whatever else there is."""

_GROUP_OF = {name: group for group, names in {**GROUPS, KNOWN: KNOWN_NAMES}.items() for name in names}


def extended(
    f: Features, calendar: SessionCalendar, groups: Container[str], market: Market | None = None,
    covariates: Covariates | None = None,
) -> Features:  # fmt: skip
    """The features with further columns after their own.

    A model has to be given the same groups in training and in use: `groups_of` says which.

    Args:
        f: Features of one ticker.
        calendar: Sessions of its exchange.
        groups: Which of "echo" (earnings seasonality), "days" (of the target session) and "bars" (further ways to look
            at its own); they come in the order of GROUPS.
        market: The cross-section, whose columns come first; the earnings seasonality is less its median then.
        covariates: Further series and known dates, whose columns come last.
    """
    dates_T = f.session_returns.dates
    targets_T = target_sessions(dates_T, calendar)
    columns: dict[str, Floats] = {}
    if market is not None:
        columns |= dict(zip(MARKET_NAMES, market.on(dates_T).T, strict=True))
    if "echo" in groups:
        median_T = np.zeros(len(f)) if market is None else market.shock_on(dates_T)
        columns |= seasonality_columns(f.session_returns, targets_T, median_T)
    if "days" in groups:
        columns |= day_columns(dates_T, targets_T, calendar.weekmask)
    if "bars" in groups:
        columns |= component_columns(f.session_returns) | trend_columns(f.session_returns)
    if covariates is not None:
        columns |= covariates.columns(dates_T, targets_T, calendar)
    known = None if covariates is None else covariates.known
    if "days" in groups or known is not None:
        f = replace(f, schedule=Schedule(calendar, None if known is None else known.days))
    if not columns:
        return f
    return replace(f, x_TF=np.column_stack([f.x_TF, *columns.values()]), names=(*f.names, *columns))


def group_of(name: str) -> str:
    """The group of a column: one of GROUPS, "known" for known dates, "covariates" for that of a further series, whose
    name comes before a colon, or "own" for one from the ticker's bars that every network sees.
    """
    return _GROUP_OF.get(name, COVARIATES if ":" in name else OWN)


def groups_of(names: Iterable[str]) -> frozenset[str]:
    """The groups of the columns: a model with "market" among them has to be given a market."""
    return frozenset(group_of(name) for name in names)
