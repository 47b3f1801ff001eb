"""Joined distributions: every row answers as it does alone, whatever lies in the stretches beside it."""

from __future__ import annotations

import numpy as np
import pytest

from stockcast.evaluation.scores import ConcatenatedDistribution, ConcatenatedEntry, Entry, Outcomes
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.prices.history import ONE_DAY

DRAW = np.random.default_rng(0)
STUDENT = StudentT(DRAW.standard_normal(4) / 100, DRAW.random(4) / 50 + 0.01, np.full(4, 4.0))
SAMPLES = (Empirical(DRAW.standard_normal((3, 9)) / 50), Empirical(DRAW.standard_normal((2, 30)) / 50))
MIXED = ConcatenatedDistribution((STUDENT, *SAMPLES))
LEVELS = np.array([0.05, 0.5, 0.95])


def test_rows_answer_as_they_do_in_their_own_stretch() -> None:
    assert len(MIXED) == 9
    x_N = np.linspace(-0.05, 0.05, 9)
    parts: list[tuple[Distribution, slice]] = [
        (STUDENT, slice(0, 4)), (SAMPLES[0], slice(4, 7)), (SAMPLES[1], slice(7, 9)),
    ]  # fmt: skip
    for dist, rows in parts:
        np.testing.assert_array_equal(MIXED.quantile(LEVELS)[rows], dist.quantile(LEVELS))
        np.testing.assert_array_equal(MIXED.cdf(x_N)[rows], dist.cdf(x_N[rows]))
        np.testing.assert_array_equal(MIXED.mean[rows], dist.mean)
        np.testing.assert_array_equal(MIXED.std[rows], dist.std)


@pytest.mark.parametrize("index", [slice(2, 8), slice(None, None, -2), np.array([8, 0, 4, 4]), np.arange(9) % 2 == 0])
def test_chosen_rows_are_the_same_rows(index: slice | np.ndarray) -> None:
    np.testing.assert_array_equal(MIXED[index].quantile(LEVELS), MIXED.quantile(LEVELS)[index])
    np.testing.assert_array_equal(MIXED.rows(3, 8).mean, MIXED.mean[3:8])


def test_a_density_is_known_where_every_stretch_has_one() -> None:
    x_N = np.linspace(-0.05, 0.05, 8)
    both = ConcatenatedDistribution((STUDENT, STUDENT)).log_density(x_N)
    assert both is not None
    np.testing.assert_array_equal(both[4:], STUDENT.log_density(x_N[4:]))
    assert MIXED.log_density(np.zeros(9)) is None


def test_scores_are_the_means_over_all_stretches() -> None:
    days = np.arange("2020-01-01", "2020-01-10", dtype="datetime64[D]")
    outcomes = Outcomes("A", days, days + ONE_DAY, np.full(9, 10.0), np.linspace(-0.03, 0.03, 9))
    whole = ConcatenatedEntry("fhs-garch", MIXED, outcomes)
    single = [
        Entry(
            "x",
            MIXED.stretches[k],
            Outcomes("A", days[r], days[r] + ONE_DAY, outcomes.last_close_N[r], outcomes.y_N[r]),
        )
        for k, r in enumerate((slice(0, 4), slice(4, 7), slice(7, 9)))
    ]
    np.testing.assert_array_equal(whole.crps_N, np.concatenate([entry.crps_N for entry in single]))
    score = whole.score()
    assert score.crps == pytest.approx(sum(entry.score().crps * entry.score().n for entry in single) / 9)
    assert (score.kind, score.n, score.log_score) == ("baseline", 9, None)
