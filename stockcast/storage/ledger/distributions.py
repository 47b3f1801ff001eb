"""Distributions: a distribution of one row as bytes, and back to the last bit."""

from __future__ import annotations

import numpy as np

from stockcast.errors import ModelError, StorageError
from stockcast.models.distribution import Distribution, Empirical, StudentT

LARGEST_SAMPLE = 200
"""Values kept of a sample. A simulation's thousands say no more in a score than their quantiles do."""

STUDENT_T, EMPIRICAL = "student-t", "empirical"


def to_bytes(dist: Distribution) -> tuple[str, bytes]:
    """Family and parameters of a distribution of one row: little-endian doubles.

    Student-t: loc, scale, nu. Empirical: its values; of more than 200, the quantiles at (i + 0.5) / 200. Raises
    ValueError for more rows, TypeError for another family.
    """
    if len(dist) != 1:
        raise ValueError(f"a distribution of {len(dist)} rows, not one")
    if isinstance(dist, StudentT):
        return STUDENT_T, np.array([dist.loc[0], dist.scale[0], dist.nu[0]], dtype="<f8").tobytes()
    if isinstance(dist, Empirical):
        values_K = dist.values_NK[0]
        if len(values_K) > LARGEST_SAMPLE:
            values_K = dist.quantile((np.arange(LARGEST_SAMPLE) + 0.5) / LARGEST_SAMPLE)[0]
        return EMPIRICAL, values_K.astype("<f8").tobytes()
    raise TypeError(f"no bytes for {type(dist).__name__}")


def from_bytes(family: str, parameters: bytes) -> Distribution:
    """The distribution that `to_bytes` described. Raises StorageError where the bytes are anything else."""
    try:
        values = np.frombuffer(parameters, dtype="<f8").astype(np.float64)
        if family == STUDENT_T and len(values) == 3:
            return StudentT(values[:1], values[1:2], values[2:])
        if family == EMPIRICAL:
            return Empirical(values[None])
    except (ModelError, ValueError) as error:
        raise _unreadable(family, parameters) from error
    raise _unreadable(family, parameters)


def _unreadable(family: str, parameters: bytes) -> StorageError:
    return StorageError(
        f"a recorded distribution ({family}, {len(parameters)} bytes) cannot be read", "`stockcast doctor` says more"
    )
