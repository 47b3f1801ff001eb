"""Starts: what a training begins with, that of a ticker as that of every fold of a walk over its past.

A fold does what `train` would have done on the day of its cutoff: of its vintages, what is tuned and what comes of it,
nothing has seen a later session.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast.config import TrainConfig
from stockcast.config.models import SCRATCH, BacktestConfig
from stockcast.errors import ConfigError
from stockcast.pipeline.initial import Initial, Scratch
from stockcast.progress import Progress, Silent

if TYPE_CHECKING:
    from stockcast.forecasting import TrainedModel
    from stockcast.prices.history import History
    from stockcast.prices.sessions import SessionCalendar
    from stockcast.windows.features import Features
    from stockcast.windows.splits import Fold


def begun(
    config: TrainConfig, history: History, calendar: SessionCalendar, validate_from: date,
    model: TrainedModel | None, progress: Progress, home: Path | None = None,
) -> tuple[Initial | Scratch, TrainConfig]:  # fmt: skip
    """What a training begins with, and its configuration with what follows from that.

    Args:
        config: What was asked for.
        history: The prices.
        calendar: The sessions of their exchange.
        validate_from: First session of the validation part, of which nothing may have been seen.
        model: What `model_to_begin_with` found.
        progress: Who is told where a start from scratch stands in for another.
        home: Where the market's prices are that the model's networks look at; None: they look at no other stocks.

    Raises:
        ModelError: The model has seen the validation part.
        ConfigError: It is of another shape than was asked for.
    """
    initial = Initial.of(config, history, calendar, validate_from, model, progress, home)
    if initial is None:
        return Scratch(), replace(config, init=SCRATCH)
    return initial, initial.configured(config)


def asked_of_folds(config: BacktestConfig) -> TrainConfig:
    """The training of each fold as it is asked for: from scratch where there are several cells, or a warm start.

    Raises:
        ConfigError: These were asked for with something else to begin with.
    """
    network = replace(config.network, cell=config.cells[0])
    asked = TrainConfig(network, config.training, init=config.init, covariates=config.covariates)
    if len(config.cells) == 1 and not config.warm_start:
        return asked
    if config.init not in {None, SCRATCH}:
        raise ConfigError(f"several cells, or a warm start, cannot begin with {config.init}", "leave one of them out")
    return replace(asked, init=SCRATCH)


@dataclass(frozen=True)
class FoldStart:
    """The training of a fold's networks: what they begin with, its settings, and the columns that they look at."""

    initial: Initial | Scratch
    config: TrainConfig
    f: Features


@dataclass(frozen=True)
class Starts:
    """What the networks of every fold begin with: what `train` would have begun with on the day of its cutoff.

    Nothing of it is in files: folds may be fitted where there are none.

    Attributes:
        history: The prices, those after a fold's cutoff with them.
        f: Their columns, which networks look at that begin from scratch.
        calendar: The sessions of their exchange.
        asked: The training that is asked for.
        model: What `model_to_begin_with` found.
    """

    history: History
    f: Features
    calendar: SessionCalendar
    asked: TrainConfig
    model: TrainedModel | None = None
    _known: dict[tuple[date, date], FoldStart] = field(default_factory=dict, repr=False, compare=False)
    _columns: dict[tuple[str, ...], Features] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, fold: Fold, progress: Progress | None = None) -> FoldStart:
        """The start of one fold. progress: who is told where it is one from scratch that stands in for another.

        Raises what `begun` raises.
        """
        key = fold.split.session(fold.split.validation.start + 1), fold.cutoff
        if key not in self._known:
            begin, past = key[0], self.history.between(None, fold.cutoff)
            made = begun(self.asked, past, self.calendar, begin, self.model, progress or Silent())
            self._known[key] = FoldStart(*made, self._seen(made[0]))
        return self._known[key]

    def _seen(self, initial: Initial | Scratch) -> Features:
        """The columns, which vintages that look at the same ones share."""
        if isinstance(initial, Scratch):
            return self.f
        names = initial.pre_validation.standardiser.names
        if names not in self._columns:
            self._columns[names] = initial.seen(self.f, self.calendar)
        return self._columns[names]
