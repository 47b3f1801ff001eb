"""Significance: what a test found. p-values are one-sided and small where the claim holds beyond luck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DMResult:
    """Diebold-Mariano test. mean_difference: mean of loss a - loss b, in the unit of the loss; negative favours a."""

    statistic: float
    p_value: float
    mean_difference: float
    n: int


@dataclass(frozen=True)
class CWResult:
    """Clark-West test. adjusted_gain: mean squared error of the small model less the adjusted one of the large.

    In the squared unit of the outcome; positive favours the large model, as does a positive statistic.
    """

    statistic: float
    p_value: float
    adjusted_gain: float
    n: int


@dataclass(frozen=True)
class PTResult:
    """Pesaran-Timmermann test over the n sessions that moved."""

    statistic: float
    p_value: float
    n: int


@dataclass(frozen=True)
class ConfidenceSet:
    """Model confidence set: the competitors among which the best one is, with confidence 1 - size.

    members: from the one that stayed longest. p_values: of all competitors in that order; a competitor is a member
    where its p-value exceeds `size`. n: losses of each competitor.
    """

    members: tuple[str, ...]
    p_values: Mapping[str, float]
    size: float
    n: int
