"""HAR-t with the dates of reports: the fair rival of whatever else knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from stockcast.errors import DataError
from stockcast.models.baselines.simple import HarT
from stockcast.models.distribution import StudentT, held
from stockcast.models.eventlayer import EventLayer, Kappa, width_ahead
from stockcast.models.har import BaseFreedom, HarScale, HarWeights
from stockcast.models.likelihood import LogReturn, trading
from stockcast.models.simulation import PathBars, PathPlan, simulate_bars
from stockcast.prices.history import Floats
from stockcast.windows.features import Features


@dataclass(frozen=True)
class HarTEvents:
    """HAR-t (Corsi 2009) of quiet sessions, widened where a report is due by what past reports did.

    The variances of sessions that reacted enter the regression cut to those of the month before; a reaction adds to the
    variance of its session alone. kappa: share of the expected size of a reaction that counts (see `EventLayer`).
    """

    weights: HarWeights
    mu: LogReturn
    nu: BaseFreedom
    kappa: Kappa

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """HAR-t on clean variances, then kappa alone. Raises DataError where fewer than eight reports are known."""
        events = f.events
        if events is None:
            raise DataError("no dates of reports are known", "give them with --events FILE, or leave the baseline out")
        har = HarT.fit(events.clean(f), start, stop)
        moving_N = trading(f.session_returns.r_T[start + 1 : stop + 1])
        y_N = f.session_returns.r_T[start + 1 : stop + 1][moving_N]
        dist = har.forecast(events.clean(f), start, stop)[moving_N]
        layer = EventLayer.fit(dist, events.rows(start, stop).take(moving_N), y_N, None)
        return cls(har.weights, har.mu, har.nu, layer.kappa)

    def forecast(self, f: Features, start: int, stop: int) -> StudentT:
        quiet = HarT(self.weights, self.mu, self.nu)
        if f.events is None:
            return quiet.forecast(f, start, stop)
        dist = EventLayer(self.kappa).over(quiet.forecast(f.events.clean(f), start, stop), f.events.rows(start, stop))
        return held(f, start, dist.loc, dist.scale, dist.nu)

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        if f.events is None:
            return HarT(self.weights, self.mu, self.nu).simulate(f, origin, plan)
        events, scale = f.events, HarScale(tuple(self.weights), self.mu, self.nu)
        widths = width_ahead(EventLayer(self.kappa), f, origin, plan.horizon)
        reacts_H = events.ahead(origin, plan.horizon).q_N > 0

        def dist(bars: PathBars) -> tuple[Floats, Floats]:
            if bars.steps and reacts_H[bars.steps - 1]:
                bars.calm()
            scale_P = np.exp(scale.log_scale_of(bars.har_PK, bars.leverage_P))
            return np.full(plan.paths, scale.mu), widths(scale_P, bars.steps)

        return simulate_bars(events.clean(f), origin, dist, self.nu, plan)
