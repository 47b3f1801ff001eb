"""Covariates: further series and known dates beside the prices of a call, as frames, files or tickers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from stockcast.api.frames import to_histories
from stockcast.api.prices import asked
from stockcast.config import CovariatesConfig
from stockcast.errors import ConfigError
from stockcast.pipeline.covariates import Search
from stockcast.pipeline.sources import PROVIDER
from stockcast.pipeline.targetseries import TargetSeries
from stockcast.progress import Progress

if TYPE_CHECKING:
    from stockcast.api.prices import Prices
    from stockcast.forecasting import TrainedModel
    from stockcast.prices.history import History
    from stockcast.prices.sessions import SessionCalendar
    from stockcast.windows.covariates import Covariates


CovariateSources: TypeAlias = Union["Prices", CovariatesConfig]
"""Further series as `Prices`; with known dates as a `CovariatesConfig`."""

_NONE = CovariatesConfig()


@dataclass(frozen=True)
class CovariateInputs:
    """What a call gives beside its prices: sources by their names, the series of a frame as they are."""

    asked: CovariatesConfig
    histories: tuple[History, ...] = ()

    @classmethod
    def of(
        cls, covariates: CovariateSources | None, config: CovariatesConfig = _NONE
    ) -> CovariateInputs:  # fmt: skip
        """As a call gives it; what it leaves out is as in `config`. Raises DataError for what cannot be covariates."""
        if covariates is None:
            return cls(config)
        if isinstance(covariates, CovariatesConfig):
            return cls(covariates)
        known = config.known_ahead
        sources = asked(covariates, "covariates")
        if isinstance(sources, list):
            return cls(CovariatesConfig(tuple(sources), known))
        return cls(CovariatesConfig((), known), tuple(to_histories(sources)))

    def __bool__(self) -> bool:
        return bool(self.asked) or bool(self.histories)

    def found(
        self, target: TargetSeries, home: Path | None, progress: Progress, strict: bool = False
    ) -> Covariates | None:  # fmt: skip
        """The covariates that go with a series or a pool. Raises what `Search.found` raises."""
        return Search(home, progress, strict=strict).found(self.asked, target, self.histories)

    def again(self, model: TrainedModel, target: TargetSeries, home: Path | None, progress: Progress) -> TrainedModel:
        """The model with its covariates beside it. Raises what `Search.again` raises."""
        return Search(home, progress).again(model, self.asked, target, self.histories)


def target_series_of(history: History, calendar: SessionCalendar, home: Path | None) -> TargetSeries:
    """One series as what covariates go with, with the hours of a ticker.

    Raises ConfigError for a ticker of another exchange than the calendar's: a date says nothing of hours.
    """
    target = TargetSeries.of(history, calendar)
    if history.source != PROVIDER or home is None:
        return target
    from dataclasses import replace

    from stockcast.storage import pricestore
    from stockcast.storage.database import Database

    with Database.open(home) as db:
        instrument = pricestore.instrument(db, history.ticker)
    if instrument is None:
        return target
    if instrument.exchange != calendar.exchange:
        raise ConfigError(
            f"{history.ticker} trades on {instrument.exchange}, and is taken to trade on {calendar.exchange}",
            f"name its exchange in the configuration: exchange={instrument.exchange!r}",
        )
    return replace(target, hours=instrument.hours)
