"""Pooled calibration: what methods of calibration would have done to the 90 % intervals of many tickers together.

Legend: N rows of all tickers, D their target sessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stockcast.evaluation.backtest import Outcomes
from stockcast.evaluation.recalibrated import ALPHA, CalibrationEffect, effect
from stockcast.models.distribution import StudentT
from stockcast.models.recalibration import (
    PitRecalibration,
    PitRecord,
    PooledConformal,
    central_levels,
    quantiles_at,
)
from stockcast.prices.history import Floats

Forecasts = tuple[StudentT, Outcomes]


@dataclass(frozen=True)
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


def pooled_effects(
    records: Sequence[TickerRecord], settings: PoolSettings | None = None
) -> tuple[CalibrationEffect, ...]:
    """The intervals of all tickers together: as they are, and after each method, with what it made of them.

    "none"; "adaptive-conformal": one alpha for all tickers; "adaptive-conformal by decile": one for each decile of
    volatility; "pit-by-decile": PIT recalibration; "pit-by-decile + conformal": the second but one after it. Deciles
    rank a forecast among its own ticker's earlier ones. Every method learns from the outcomes of all tickers up to a
    row's origin and from no later one. Two records may have one ticker: each is a stock of its own. No record, or no
    row in any, gives no effects. Raises as `PitRecord`. References: `models.recalibration`.
    """
    if not any(len(record.dist) for record in records):
        return ()
    pool = _Pool.of(records, settings or PoolSettings())
    return tuple(pool.effect(name, of_N2) for name, of_N2 in pool.levels())


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

    def levels(self) -> Iterator[tuple[str, Floats]]:
        """The levels that each method asks the distributions for, (N, 2)."""
        record, to = self.record, self.settings.recalibration
        wanted_N2 = central_levels(np.full(len(record), ALPHA))
        yield "none", wanted_N2
        dates = (record.origins_N, record.targets_N)
        yield "adaptive-conformal", central_levels(self.settings.one_alpha.alpha(record.pit_N, *dates))
        conformal = self.settings.conformal
        alpha_N = conformal.alpha(record.pit_N, *dates, record.decile_N)
        yield "adaptive-conformal by decile", central_levels(alpha_N)
        yield "pit-by-decile", to.levels(record, wanted_N2)
        mapped_N = conformal.alpha(to.pit(record), *dates, record.decile_N)
        yield "pit-by-decile + conformal", to.levels(record, central_levels(mapped_N))

    def effect(self, method: str, levels_N2: Floats) -> CalibrationEffect:
        kept_N = self.scored_N
        bounds_N2 = quantiles_at(self.dist[kept_N], levels_N2[kept_N])
        targets_N, decile_N = self.record.targets_N[kept_N], self.record.decile_N[kept_N]
        return effect(method, bounds_N2, self.y_N[kept_N], targets_N, decile_N)
