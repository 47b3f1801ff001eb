"""Entry: one forecast to record, with all that it will be scored against; and its distributions as bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stockcast.errors import ModelError, StorageError
from stockcast.models.calibration import Calibration
from stockcast.models.distribution import Distribution
from stockcast.results.forecasts import Forecast
from stockcast.results.ledger import Interval
from stockcast.storage.fits import EMPIRICAL, STUDENT_T, dist_array, dist_of

KINDS = ("live", "replay")

LARGEST_SAMPLE = 200
"""Values kept of a sample. A simulation's thousands say no more in a score than their quantiles do."""

_SHAPES = {STUDENT_T: (3, 1), EMPIRICAL: (1, -1)}

_BOUNDS = np.array([0.05, 0.25, 0.75, 0.95])


@dataclass(frozen=True)
class Entry:
    """One forecast, the distribution it was made from, and the baselines' distributions as they were at its origin.

    kind: live (made before the target session's close) or replay. dist: of the log return from origin to target
    session, before calibration, one row. baselines: distributions of the same return by name, one row each.
    calibration: what moved the quantiles that were shown. Raises ValueError for another kind and for distributions of
    more rows, ModelError for an interval that is none.
    """

    forecast: Forecast
    kind: str
    dist: Distribution
    baselines: Mapping[str, Distribution]
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a forecast of kind {self.kind!r}, not one of {', '.join(KINDS)}")
        for name, dist in (("served", self.dist), *self.baselines.items()):
            if len(dist) != 1 or not name:
                raise ValueError(f"{len(dist)} rows in the distribution {name!r} of one forecast")
        for low, high in (self.raw_interval_50, self.raw_interval_90, self.interval_50, self.interval_90):
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise ModelError(
                    f"{self.forecast.ticker}: a forecast has the interval {low} .. {high} in log return",
                    "train the model again",
                )

    @property
    def interval_50(self) -> Interval:
        """The central 50 % as shown, in log return."""
        return self._shown[1], self._shown[2]

    @property
    def interval_90(self) -> Interval:
        """The central 90 % as shown, in log return."""
        return self._shown[0], self._shown[3]

    @property
    def raw_interval_50(self) -> Interval:
        """The central 50 % of the distribution, in log return."""
        return self._raw[1], self._raw[2]

    @property
    def raw_interval_90(self) -> Interval:
        """The central 90 % of the distribution, in log return."""
        return self._raw[0], self._raw[3]

    @cached_property
    def _raw(self) -> list[float]:
        bounds: list[float] = self.dist.quantile(_BOUNDS)[0].tolist()
        return bounds

    @cached_property
    def _shown(self) -> list[float]:
        if self.calibration is None:
            return self._raw
        bounds: list[float] = self.calibration.quantiles(self.dist, _BOUNDS).tolist()
        return bounds


def to_bytes(dist: Distribution) -> tuple[str, bytes]:
    """Family and parameters of a distribution of one row: little-endian doubles.

    Student-t: loc, scale, nu. Empirical: its values; of more than 200, the quantiles at (i + 0.5) / 200. Raises
    ValueError for more rows, TypeError for another family.
    """
    if len(dist) != 1:
        raise ValueError(f"a distribution of {len(dist)} rows, not one")
    family, values = dist_array(dist)
    if family == EMPIRICAL and values.shape[1] > LARGEST_SAMPLE:
        values = dist.quantile((np.arange(LARGEST_SAMPLE) + 0.5) / LARGEST_SAMPLE)
    return family, values.astype("<f8").tobytes()


def from_bytes(family: str, parameters: bytes) -> Distribution:
    """The distribution that `to_bytes` described. Raises StorageError where the bytes are anything else."""
    try:
        values = np.frombuffer(parameters, dtype="<f8").astype(np.float64)
        return dist_of(family, values.reshape(_SHAPES[family]))
    except (KeyError, ModelError, ValueError) as error:
        raise StorageError(
            f"a recorded distribution ({family}, {len(parameters)} bytes) cannot be read",
            "`stockcast doctor` says more",
        ) from error
