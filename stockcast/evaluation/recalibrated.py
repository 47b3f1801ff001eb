"""Recalibrated: what two methods of calibration would have done to the 90 % intervals of a record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stockcast.evaluation.backtest import Outcomes
from stockcast.evaluation.calibrationtests import CoverageTable, coverage_by_decile, coverage_by_year
from stockcast.evaluation.metrics import interval_score
from stockcast.models.distribution import StudentT
from stockcast.models.recalibration import (
    Integers,
    PitRecalibration,
    PitRecord,
    PooledConformal,
    central_levels,
    quantiles_at,
)
from stockcast.prices.history import Dates, Floats

ALPHA = 0.1
"""Share of outcomes that the intervals are to miss."""


@dataclass(frozen=True)
class CalibrationEffect:
    """A record's 90 % intervals after a method of calibration ("none": before any), learnt from the past alone.

    interval_score_90: mean, log return, lower is better.
    """

    method: str
    coverage_90: float
    by_year: CoverageTable
    by_decile: CoverageTable
    interval_score_90: float


def effects(dist: StudentT, outcomes: Outcomes) -> tuple[CalibrationEffect, ...]:
    """The record as it is, with adaptive conformal inference, and with PIT recalibration by decile before that.

    dist, outcomes: one ticker's forecasts, oldest first. Both methods learn from settled forecasts alone: what
    an origin could not know has no say in its interval. References: `models.recalibration`.
    """
    pit_N = dist.cdf(outcomes.y_N)
    record = PitRecord(pit_N, dist.std, outcomes.origins, outcomes.target_sessions)
    recalibration, conformal = PitRecalibration(), PooledConformal()
    alpha_N = conformal.alpha(pit_N, record.origins_N, record.targets_N)
    mapped_N = conformal.alpha(recalibration.pit(record), record.origins_N, record.targets_N)
    levels = {
        "none": central_levels(np.full(len(pit_N), ALPHA)),
        "adaptive-conformal": central_levels(alpha_N),
        "pit-by-decile + conformal": recalibration.levels(record, central_levels(mapped_N)),
    }
    return tuple(
        effect(name, quantiles_at(dist, of_N2), outcomes.y_N, record.targets_N, record.decile_N)
        for name, of_N2 in levels.items()
    )


def effect(method: str, bounds_N2: Floats, y_N: Floats, targets_N: Dates, decile_N: Integers) -> CalibrationEffect:
    """What the intervals of a method came to, over all rows; bounds and outcomes in log return."""
    low_N, high_N = bounds_N2[:, 0], bounds_N2[:, 1]
    inside_N = (low_N <= y_N) & (y_N <= high_N)
    return CalibrationEffect(
        method=method,
        coverage_90=float(inside_N.mean()),
        by_year=coverage_by_year(inside_N, targets_N),
        by_decile=coverage_by_decile(inside_N, decile_N),
        interval_score_90=float(interval_score(y_N, low_N, high_N, ALPHA).mean()),
    )
