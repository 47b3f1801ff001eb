"""A small market of made-up stocks: full ones, one listed late, one delisted, one with gaps, one of closes only."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from stockcast.prices.history import Dates, History
from stockcast.windows.features import SessionReturns, session_returns
from tests import synthetic
from tests.synthetic import FUTURES

SESSIONS = 700
DAYS: Dates = np.busday_offset("2012-01-03", np.arange(1, SESSIONS), roll="forward").astype("datetime64[D]")


def picked(m: SessionReturns, rows: slice | np.ndarray) -> SessionReturns:
    """The same stock with these of its sessions alone; what happened in them stays as it was."""
    gap, surprise = m.gap_T, m.surprise_T
    return SessionReturns(
        dates=m.dates[rows],
        r_T=m.r_T[rows],
        v_T=m.v_T[rows],
        gap_T=None if gap is None else gap[rows],
        surprise_T=None if surprise is None else surprise[rows],
    )


def stock(seed: int) -> SessionReturns:
    """One stock with all sessions."""
    return session_returns(synthetic.history(SESSIONS, seed=seed))


@cache
def histories() -> dict[str, History]:
    """The prices of eight stocks by name, in all sessions."""
    found = {name: synthetic.history(SESSIONS, seed=k) for k, name in enumerate("ABCDEFGH")}
    return found | {"H": replace(found["H"], open=None, high=None, low=None, volume=None)}


@cache
def members() -> dict[str, SessionReturns]:
    """What happened to them in the sessions in which each was listed."""
    full = {name: session_returns(h) for name, h in histories().items()}
    rows = np.arange(SESSIONS - 1)
    return full | {
        "E": picked(full["E"], slice(400, None)),
        "F": picked(full["F"], slice(0, 300)),
        "G": picked(full["G"], rows[(rows < 100) | (rows > 160)]),
    }


def with_other_future(panel: dict[str, SessionReturns], last: np.datetime64, change: str) -> dict[str, SessionReturns]:
    """These members in the same sessions with other bars after `last`."""
    changed = {}
    for name, m in panel.items():
        h = histories()[name]
        whole = session_returns(FUTURES[change](h, int(np.searchsorted(h.dates, last, side="right"))))
        changed[name] = picked(whole, np.isin(whole.dates, m.dates))
    return changed
