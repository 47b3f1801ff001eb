"""Distributions in the ledger: bytes that come back, and many scored at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.errors import StorageError
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.storage.ledger import recording
from stockcast.storage.ledger.settling import scored
from tests.storage.entries import sample, student


@given(
    st.floats(-1e3, 1e3),
    st.floats(1e-12, 1e3),
    st.floats(2, exclude_min=True, allow_nan=False) | st.just(math.inf),
)
def test_a_student_t_comes_back_to_the_last_bit(loc: float, scale: float, nu: float) -> None:
    dist = student(loc, scale, nu)
    found = recording.from_bytes(*recording.to_bytes(dist))
    assert isinstance(found, StudentT)
    for name in ("loc", "scale", "nu"):
        assert getattr(found, name).tobytes() == getattr(dist, name).tobytes()


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=200))
def test_a_sample_comes_back_to_the_last_bit(values: list[float]) -> None:
    dist = Empirical(np.array([values]))
    found = recording.from_bytes(*recording.to_bytes(dist))
    assert isinstance(found, Empirical)
    assert found.values_NK.tobytes() == dist.values_NK.tobytes()


def test_a_large_sample_is_kept_as_its_quantiles_and_scores_alike() -> None:
    dist = sample(5000)
    family, parameters = recording.to_bytes(dist)
    found = recording.from_bytes(family, parameters)
    assert isinstance(found, Empirical)
    np.testing.assert_array_equal(found.values_NK, dist.quantile((np.arange(200) + 0.5) / 200))
    for y in (-0.05, 0.0, 0.01):
        (whole,), (kept,) = scored([dist], [y]), scored([found], [y])
        assert kept.crps == pytest.approx(whole.crps, rel=0.01)
        assert kept.pit == pytest.approx(whole.pit, abs=0.005)


@pytest.mark.parametrize(
    ("family", "parameters"),
    [("gamma", b"\0" * 24), ("student-t", b"\0" * 24), ("student-t", b"\0" * 16), ("empirical", b"\0" * 9),
     ("empirical", b"\0" * 8), ("empirical", np.array([1.0, np.nan]).tobytes())],
)  # fmt: skip
def test_bytes_that_are_no_distribution_are_told(family: str, parameters: bytes) -> None:
    with pytest.raises(StorageError, match=family):
        recording.from_bytes(family, parameters)


def test_distributions_of_more_rows_have_no_bytes() -> None:
    with pytest.raises(ValueError, match="2 rows"):
        recording.to_bytes(StudentT(np.zeros(2), np.ones(2), np.full(2, 5.0)))


def test_many_distributions_score_as_each_alone() -> None:
    mixed: list[Distribution] = [student(), sample(60), student(0.0, 0.01, 30.0), sample(80), sample(60, 2)]
    returns = [0.01, -0.02, 0.03, 0.0, 0.5]
    together = scored(mixed, returns)
    for dist, y, score in zip(mixed, returns, together, strict=True):
        (alone,) = scored([dist], [y])
        assert score.crps == pytest.approx(alone.crps, rel=1e-13)
        assert (score.pit, score.median) == (alone.pit, alone.median)
        assert score.log_score == (None if alone.log_score is None else pytest.approx(alone.log_score, rel=1e-13))
    assert scored([], []) == []
