"""Components of the variance: how much of it came overnight, how much of it moved the close, how evenly it came.

Shapes: T sessions. A row uses bars up to and including its own session.
"""

from __future__ import annotations

import numpy as np

from stockcast.prices.history import Floats
from stockcast.windows.features import SessionReturns, trailing_mean

COMPONENT_SPANS = (5, 22, 66, 250)
EVENNESS_SPANS = (5, 22, 66)
COMPONENT_NAMES = (
    *(f"{part}_share_{span}" for span in COMPONENT_SPANS for part in ("gap", "return")),
    *(f"evenness_{span}" for span in EVENNESS_SPANS),
)
"""Columns of `component_columns`, in their order."""

_LEAST_SHARE = 0.01


def component_columns(m: SessionReturns) -> dict[str, Floats]:
    """ln of what overnight moves, and what close-to-close moves, are of the session variance; shape [T] each.

    gap_share_N: ln(mean(gap^2) / mean(v) + 0.01) over N sessions; return_share_N the same of r^2: above 0 where
    closes move in one direction through the day, below where they come back to where they began. Both stand still
    in closes alone; without opens the gaps count as 0. evenness_N: mean(ln v) - ln(mean v) over N sessions, 0 where
    they were all alike, far below where one of them made up the whole.
    """
    gap_T = np.zeros(len(m)) if m.gap_T is None else m.gap_T
    columns = []
    for span in COMPONENT_SPANS:
        whole_T = trailing_mean(m.v_T, span)
        for part_T in (gap_T, m.r_T):
            share_T = np.maximum(trailing_mean(part_T**2, span), 0.0) / whole_T
            columns.append(np.log(share_T + _LEAST_SHARE))
    ln_v_T = np.log(m.v_T)
    columns += [trailing_mean(ln_v_T, span) - np.log(trailing_mean(m.v_T, span)) for span in EVENNESS_SPANS]
    return dict(zip(COMPONENT_NAMES, columns, strict=True))
