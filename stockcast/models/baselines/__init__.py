"""Forecasts without a network: what a forecaster has to beat before it may claim skill.

Each baseline is a frozen class with one interface (`Baseline`): `fit` on origins of the training part, `forecast` at
any origins, and fields that are plain numbers, kept in the model's manifest. Fitting may import heavy packages;
forecasting is NumPy alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Self

from stockcast.models.baselines.events import HarTEvents
from stockcast.models.baselines.garch import FhsGarch, GarchT, GjrGarchT
from stockcast.models.baselines.simple import (
    Ar1,
    Drift,
    EwmaGaussian,
    EwmaT,
    HarT,
    Mean,
    RandomWalk,
    RandomWalkGaussian,
    RandomWalkT,
)
from stockcast.models.distribution import Distribution
from stockcast.models.simulation import PathPlan
from stockcast.prices.history import Floats
from stockcast.windows.features import Features


class Baseline(Protocol):
    """A forecast of the next session's log return at every origin, from bars up to the origin."""

    @classmethod
    def fit(cls, f: Features, start: int, stop: int) -> Self:
        """Parameters from origins start .. stop - 1, whose last target is the return of session `stop`.

        Args:
            f: Columns of the history; nothing after row `stop` is looked at.
            start: Row of the first origin.
            stop: Row after the last origin.

        Returns:
            The fitted baseline.

        Raises:
            DataError: The data determine no parameters.
        """
        ...

    def forecast(self, f: Features, start: int, stop: int) -> Distribution:
        """Distributions of the next log return at origins start .. stop - 1.

        Args:
            f: Columns of the history; row t of the answer rests on rows up to t alone.
            start: Row of the first origin.
            stop: Row after the last origin.

        Returns:
            A row for each origin, in log return.
        """
        ...

    def simulate(self, f: Features, origin: int, plan: PathPlan) -> Floats:
        """Log return from the origin's close to each step, on simulated paths.

        Args:
            f: Columns of the history.
            origin: Row of the origin.
            plan: Steps, paths, bars to draw from, and chance.

        Returns:
            Cumulated log returns, [H, P].
        """
        ...


BASELINES: dict[str, type[Baseline]] = {
    "random-walk": RandomWalk,
    "drift": Drift,
    "ewma-t": EwmaT,
    "har-t": HarT,
    "har-t-events": HarTEvents,
    "garch-t": GarchT,
}
"""What `train` fits and a model keeps."""

ALL_BASELINES: dict[str, type[Baseline]] = {
    "random-walk": RandomWalk,
    "random-walk-gaussian": RandomWalkGaussian,
    "random-walk-t": RandomWalkT,
    "drift": Drift,
    "mean": Mean,
    "ar1": Ar1,
    "ewma-gaussian": EwmaGaussian,
    "ewma-t": EwmaT,
    "har-t": HarT,
    "har-t-events": HarTEvents,
    "garch-t": GarchT,
    "gjr-garch-t": GjrGarchT,
    "fhs-garch": FhsGarch,
}
"""Every baseline, from constant distributions to moving variances; a class's docstring names its literature."""

OF_EVENTS = frozenset({"har-t-events"})
"""Those that need the dates of reports, and are no competitors where none are known."""


def competing(names: Iterable[str], dated: bool) -> tuple[str, ...]:
    """The baselines of these names that can compete on a series: all, or those that need no dates of reports."""
    return tuple(name for name in names if dated or name not in OF_EVENTS)
