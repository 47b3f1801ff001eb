"""Lagged windows as zero-copy views: N windows of L sessions over T sessions are T rows of memory, not N * L.

Shapes: T sessions, N windows, L lookback, F features, H horizon. Window n covers rows n .. n + L - 1; its origin is
row n + L - 1 and its first target row n + L.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.floating)


def lagged(x_TF: NDArray[Number], lookback: int) -> NDArray[Number]:
    """Every window of `lookback` rows as a view [N, L, F], N = T - L + 1 (none where T < L); not to be written to."""
    if len(x_TF) < lookback:
        return x_TF[:0, None, :].repeat(lookback, axis=1)
    # Writeable only because torch warns of tensors over read-only memory.
    view_NFL = np.lib.stride_tricks.sliding_window_view(x_TF, lookback, axis=0, writeable=x_TF.flags.writeable)
    return view_NFL.transpose(0, 2, 1)


def targets(y_T: NDArray[Number], lookback: int, horizon: int) -> NDArray[Number]:
    """The `horizon` values after each window's origin as a read-only view [N, H], N = T - L - H + 1."""
    if len(y_T) < lookback + horizon:
        return y_T[:0, None].repeat(horizon, axis=1)
    return np.lib.stride_tricks.sliding_window_view(y_T[lookback:], horizon)
