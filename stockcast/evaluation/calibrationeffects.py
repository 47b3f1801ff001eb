"""What methods of calibration make of the 90 % intervals of one record, or of many tickers' together.

Legend: N rows of all tickers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stockcast.evaluation.calibration import CoverageTable, coverage_by_decile, coverage_by_year
from stockcast.evaluation.metrics import interval_score
from stockcast.evaluation.scores import Outcomes
from stockcast.models.distribution import StudentT
from stockcast.models.recalibration import PitRecalibration, PitRecord, PooledConformal, central_levels, quantiles_at
from stockcast.prices.history import Floats

ALPHA = 0.1
"""Share of outcomes that the intervals are to miss."""

METHODS = (
    "none",
    "adaptive-conformal",
    "adaptive-conformal by decile",
    "pit-by-decile",
    "pit-by-decile + conformal",
)
_OF_ONE_STOCK = ("none", "adaptive-conformal", "pit-by-decile + conformal")


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


Forecasts = tuple[StudentT, Outcomes]


@dataclass(frozen=True, eq=False)
class TickerRecord:
    """One ticker's forecasts. dist, outcomes: a row each, of any order.

    earlier: forecasts whose outcomes teach the calibration and are not scored, such as those of a validation part by a
    network that learnt before it. They let a record begin with what a live one would know by then; a row of them that
    is not settled by a scored row's origin has no say in it either. Raises ValueError on another number of outcomes.
    """

    dist: StudentT
    outcomes: Outcomes
    earlier: Forecasts | None = None

    def __post_init__(self) -> None:
        for dist, outcomes, _ in self.parts():
            if len(dist) != len(outcomes.y_N):
                raise ValueError(f"{len(dist)} distributions with {len(outcomes.y_N)} outcomes of {outcomes.ticker}")

    def parts(self) -> Iterator[tuple[StudentT, Outcomes, bool]]:
        """The earlier forecasts, if any, and the scored ones; and whether they are scored."""
        if self.earlier is not None:
            yield *self.earlier, False
        yield self.dist, self.outcomes, True


@dataclass(frozen=True)
class PoolSettings:
    """How a pool is calibrated; chosen on 2008 to 2015 and pools of 1 to 20 stocks.

    conformal: learns faster than one stock's may, since a session's share of misses is that of many forecasts; `few`
    gives a pool of one or two the pace of one stock. recalibration: a pool has PITs enough to ask for no decile but the
    own one, and for twice the window, which has seen calm and storm.
    """

    conformal: PooledConformal = field(
        default_factory=lambda: PooledConformal(gamma=0.04, target=ALPHA, decile_gamma=0.03, few=5.0)
    )
    recalibration: PitRecalibration = field(
        default_factory=lambda: PitRecalibration(window=1000, reach=0, local_prior=1000.0)
    )

    @property
    def one_alpha(self) -> PooledConformal:
        """`conformal` without alphas of the deciles' own."""
        c = self.conformal
        return PooledConformal(c.gamma, c.target, few=c.few)


_ONE_STOCK = PoolSettings(PooledConformal(), PitRecalibration())


def calibration_effects(dist: StudentT, outcomes: Outcomes) -> tuple[CalibrationEffect, ...]:
    """What adaptive conformal inference, alone or after PIT recalibration, makes of one ticker's 90 % intervals.

    Both learn from settled forecasts alone: what an origin could not know has no say in its interval.

    Args:
        dist: The forecasts of log returns, shape (N,), oldest first.
        outcomes: What happened, a row for each of them.

    Returns:
        The record as it is ("none"), and after each method. References: `models.recalibration`.
    """
    pool = _Pool.of([TickerRecord(dist, outcomes)], _ONE_STOCK)
    return tuple(pool.effect(method) for method in _OF_ONE_STOCK)


def pooled_effects(
    records: Sequence[TickerRecord], settings: PoolSettings | None = None
) -> tuple[CalibrationEffect, ...]:
    """What every method of METHODS makes of the 90 % intervals of all tickers together.

    Deciles rank a forecast among its own ticker's earlier ones. Every method learns from the outcomes of all tickers up
    to a row's origin and from no later one.

    Args:
        records: A record for each ticker; two of them may have one ticker, and each is a stock of its own then.
        settings: How the pool is calibrated; None: as `PoolSettings` has it.

    Returns:
        "none": the intervals as they are; "adaptive-conformal": one alpha for all tickers; "adaptive-conformal by
        decile": one for each decile of volatility; "pit-by-decile": PIT recalibration; "pit-by-decile + conformal":
        both. Nothing where there is no record, or no row in any. References: `models.recalibration`.

    Raises:
        DataError, ValueError: As `PitRecord` does.
    """
    if not any(len(record.dist) for record in records):
        return ()
    pool = _Pool.of(records, settings or PoolSettings())
    return tuple(pool.effect(method) for method in METHODS)


@dataclass(frozen=True)
class _Pool:
    """All rows of all tickers; scored_N: those that count."""

    dist: StudentT
    y_N: Floats
    scored_N: NDArray[np.bool_]
    record: PitRecord
    settings: PoolSettings

    @classmethod
    def of(cls, records: Sequence[TickerRecord], settings: PoolSettings) -> _Pool:
        parts = [(place, *part) for place, record in enumerate(records) for part in record.parts()]
        dists, outcomes, counts = [p[1] for p in parts], [p[2] for p in parts], [len(p[1]) for p in parts]
        loc_N, scale_N, nu_N = (
            np.concatenate([getattr(dist, name) for dist in dists]) for name in ("loc", "scale", "nu")
        )
        dist, y_N = StudentT(loc_N, scale_N, nu_N), np.concatenate([o.y_N for o in outcomes])
        record = PitRecord(
            # Part by part: the PITs of a million rows at once take a gigabyte on the way.
            np.concatenate([each.cdf(o.y_N) for each, o in zip(dists, outcomes, strict=True)]),
            dist.std,
            np.concatenate([o.origins for o in outcomes]),
            np.concatenate([o.target_sessions for o in outcomes]),
            # By place: two records of one name must not become one.
            np.repeat([str(place) for place, *_ in parts], counts),
        )
        return cls(dist, y_N, np.repeat([scored for *_, scored in parts], counts), record, settings)

    def effect(self, method: str) -> CalibrationEffect:
        """What the scored intervals came to after a method."""
        kept_N = self.scored_N
        bounds_N2 = quantiles_at(self.dist[kept_N], self._levels(method)[kept_N])
        y_N, low_N, high_N = self.y_N[kept_N], bounds_N2[:, 0], bounds_N2[:, 1]
        inside_N = (low_N <= y_N) & (y_N <= high_N)
        return CalibrationEffect(
            method=method,
            coverage_90=float(inside_N.mean()),
            by_year=coverage_by_year(inside_N, self.record.targets_N[kept_N]),
            by_decile=coverage_by_decile(inside_N, self.record.decile_N[kept_N]),
            interval_score_90=float(interval_score(y_N, low_N, high_N, ALPHA).mean()),
        )

    def _levels(self, method: str) -> Floats:
        """The levels that a method asks the distributions for, (N, 2)."""
        record, recalibration, conformal = self.record, self.settings.recalibration, self.settings.conformal
        dates = (record.origins_N, record.targets_N)
        if method == "none":
            return central_levels(np.full(len(record), ALPHA))
        if method == "adaptive-conformal":
            return central_levels(self.settings.one_alpha.alpha(record.pit_N, *dates))
        if method == "adaptive-conformal by decile":
            return central_levels(conformal.alpha(record.pit_N, *dates, record.decile_N))
        if method == "pit-by-decile":
            return recalibration.levels(record, central_levels(np.full(len(record), ALPHA)))
        mapped_N = conformal.alpha(recalibration.pit(record), *dates, record.decile_N)
        return recalibration.levels(record, central_levels(mapped_N))
