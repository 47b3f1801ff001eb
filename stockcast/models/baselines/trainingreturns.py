"""Training returns: what a baseline without windows is fitted to."""

from __future__ import annotations

import numpy as np

from stockcast.errors import DataError
from stockcast.prices.history import Floats
from stockcast.windows.features import Features

_SAME = 1e-9  # of the largest return: rounded prices that grow by one rate have returns that differ in the last digits


def training_returns(f: Features, stop: int, who: str) -> Floats:
    """Log returns of sessions 0 .. stop, the last of which is the last target; shape (T,).

    Raises DataError in the name of `who` where all returns are one value: they have no spread to learn.
    """
    r_T = f.session_returns.r_T[: stop + 1]
    if not float(np.ptp(r_T)) > _SAME * float(np.max(np.abs(r_T))):
        raise DataError(
            f"{who} could not be fitted: every return up to {f.session_returns.dates[stop]} is {r_T[-1]:.6g}",
            "check the close column of the file",
        )
    return r_T
