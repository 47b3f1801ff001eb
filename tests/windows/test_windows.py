"""Windows: the right rows, and no copies of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stockcast.windows.features import lagged, targets


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 4))
def test_window_n_holds_rows_n_to_n_plus_lookback(sessions: int, lookback: int, features: int) -> None:
    x_TF = np.arange(sessions * features, dtype=float).reshape(sessions, features)
    x_NLF = lagged(x_TF, lookback)
    assert x_NLF.shape == (max(0, sessions - lookback + 1), lookback, features)
    for n, window_LF in enumerate(x_NLF):
        np.testing.assert_array_equal(window_LF, x_TF[n : n + lookback])


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 5))
def test_targets_are_the_values_after_the_window(sessions: int, lookback: int, horizon: int) -> None:
    y_T = np.arange(sessions, dtype=float)
    y_NH = targets(y_T, lookback, horizon)
    assert y_NH.shape == (max(0, sessions - lookback - horizon + 1), horizon)
    for n, ahead_H in enumerate(y_NH):
        np.testing.assert_array_equal(ahead_H, y_T[n + lookback : n + lookback + horizon])


def test_windows_share_the_memory_of_the_rows() -> None:
    x_TF = np.zeros((1000, 3))
    x_NLF = lagged(x_TF, 60)
    assert np.shares_memory(x_NLF, x_TF)
    assert x_NLF.base is not None
    assert x_NLF.strides == (24, 24, 8)
