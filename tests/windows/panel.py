"""A small market of made-up stocks: full ones, one listed late, one delisted, one with gaps, one of closes only."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from stockcast.prices.history import Dates
from stockcast.windows.features import SessionReturns, session_returns
from tests import synthetic

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
def members(seed: int = 0) -> dict[str, SessionReturns]:
    """Eight stocks by name."""
    full = {name: stock(seed + k) for k, name in enumerate("ABCDEFGH")}
    rows = np.arange(SESSIONS - 1)
    bare = synthetic.history(SESSIONS, seed=seed + 7)
    return full | {
        "E": picked(full["E"], slice(400, None)),
        "F": picked(full["F"], slice(0, 300)),
        "G": picked(full["G"], rows[(rows < 100) | (rows > 160)]),
        "H": session_returns(replace(bare, open=None, high=None, low=None, volume=None)),
    }


def with_other_future(panel: dict[str, SessionReturns], last: np.datetime64, change: str) -> dict[str, SessionReturns]:
    """The panel with all bars after `last` cut off, in another order, or of other stocks."""
    other = members(100)
    changed = {}
    for name, m in panel.items():
        past = int(np.searchsorted(m.dates, last, side="right"))
        if change == "cut":
            changed[name] = picked(m, slice(0, past))
            continue
        order = np.arange(len(m))
        order[past:] = np.random.default_rng(past).permutation(order[past:])
        source = other[name] if change == "other" else m
        future = picked(source, order if change == "shuffled" else slice(None))
        changed[name] = _joined(m, future, past)
    return changed


def _joined(m: SessionReturns, future: SessionReturns, past: int) -> SessionReturns:
    def column(name: str) -> np.ndarray | None:
        values = getattr(m, name)
        return None if values is None else np.concatenate([values[:past], getattr(future, name)[past:]])

    return SessionReturns(m.dates, column("r_T"), column("v_T"), column("gap_T"), column("surprise_T"))
