"""Calibration of a record, before and after: a distribution that is too narrow is widened, from the past alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stockcast.evaluation.calibrationeffects import calibration_effects
from stockcast.evaluation.metrics import interval_score
from stockcast.evaluation.scores import Outcomes
from stockcast.models.distribution import StudentT

N, CUT = 900, 600


def record(width: float) -> tuple[StudentT, Outcomes]:
    """Gaussian outcomes of changing volatility, and distributions of `width` times the right scale."""
    draw = np.random.default_rng(5)
    scale = 0.01 * np.exp(0.5 * np.sin(np.arange(N) / 40))
    days = np.busday_offset("2015-01-02", np.arange(N + 1), roll="forward").astype("datetime64[D]")
    y = scale * draw.standard_normal(N)
    dist = StudentT(np.zeros(N), width * scale, np.full(N, np.inf))
    return dist, Outcomes("FAKE", days[:-1], days[1:], np.full(N, 100.0), y)


def test_without_calibration_the_distributions_own_interval_is_scored() -> None:
    dist, outcomes = record(1.0)
    first = calibration_effects(dist, outcomes)[0]
    low, high = dist.quantile(np.array([0.05, 0.95])).T
    assert first.method == "none"
    assert first.coverage_90 == np.mean((low <= outcomes.y_N) & (outcomes.y_N <= high))
    assert first.interval_score_90 == pytest.approx(interval_score(outcomes.y_N, low, high, 0.1).mean(), rel=1e-12)
    assert sum(group.n for group in first.by_year.groups) == N


def test_a_distribution_that_is_too_narrow_is_widened() -> None:
    none, conformal, both = calibration_effects(*record(0.7))
    assert none.coverage_90 < 0.78
    assert none.coverage_90 < conformal.coverage_90 < 0.91
    assert abs(both.coverage_90 - 0.9) < abs(none.coverage_90 - 0.9) / 3
    assert both.interval_score_90 < none.interval_score_90


def test_what_comes_later_changes_no_earlier_year() -> None:
    dist, outcomes = record(0.8)
    changed = replace(outcomes, y_N=np.concatenate([outcomes.y_N[:CUT], 50 * outcomes.y_N[CUT:]]))
    known = str(outcomes.target_sessions[CUT - 1].astype("datetime64[Y]"))
    for before, after in zip(calibration_effects(dist, outcomes), calibration_effects(dist, changed), strict=True):
        pairs = zip(before.by_year.groups, after.by_year.groups, strict=True)
        assert all(one == other for one, other in pairs if one.group < known)
