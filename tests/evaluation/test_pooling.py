"""Tests of losses pooled by date against pandas, and of what pooling is for."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.errors import DataError
from stockcast.evaluation.significance import diebold_mariano, pooled_by_date


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(st.dates(), st.floats(-1e3, 1e3)), min_size=1, max_size=50))
def test_the_means_are_those_of_a_pandas_group(rows: list[tuple[object, float]]) -> None:
    dates_N, losses_N = np.array([day for day, _ in rows], dtype="datetime64[D]"), [loss for _, loss in rows]
    dates_D, mean_D = pooled_by_date(dates_N, losses_N)
    expected = pd.Series(losses_N).groupby(dates_N.astype(np.int64)).mean()
    np.testing.assert_array_equal(dates_D.astype(np.int64), expected.index.to_numpy())
    np.testing.assert_allclose(mean_D, expected.to_numpy(), rtol=1e-9, atol=1e-9)


def test_rows_of_several_tickers_become_one_row_a_date_oldest_first() -> None:
    dates_D, mean_D = pooled_by_date(["2024-01-03", "2024-01-02", "2024-01-03"], [1.0, 5.0, 3.0])
    assert dates_D.tolist() == [np.datetime64("2024-01-02").item(), np.datetime64("2024-01-03").item()]
    assert mean_D.tolist() == [5.0, 2.0]


def test_nothing_pools_to_nothing() -> None:
    dates_D, mean_D = pooled_by_date([], [])
    assert dates_D.size == mean_D.size == 0


def test_tickers_that_repeat_one_another_are_not_counted_as_evidence() -> None:
    # Thirty tickers with the same losses say what one of them says.
    rng = np.random.default_rng(1)
    a, b, days = rng.normal(1.0, 1.0, 100), rng.normal(1.1, 1.0, 100), np.datetime64("2024-01-01") + np.arange(100)
    _, a_D = pooled_by_date(np.tile(days, 30), np.tile(a, 30))
    _, b_D = pooled_by_date(np.tile(days, 30), np.tile(b, 30))
    assert diebold_mariano(a_D, b_D).p_value == pytest.approx(diebold_mariano(a, b).p_value)


def test_rows_that_have_no_date_or_no_loss_are_refused() -> None:
    with pytest.raises(DataError, match="date is missing at row 1"):
        pooled_by_date(["2024-01-02", "NaT"], [1.0, 2.0])
    with pytest.raises(DataError, match="loss is nan at row 0"):
        pooled_by_date(["2024-01-02"], [math.nan])
    with pytest.raises(ValueError, match="1 dates against 2 losses"):
        pooled_by_date(["2024-01-02"], [1.0, 2.0])
