"""Settings of `stockcast tune`: what is fixed, what is searched and within which bounds, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Protocol

from stockcast.config.models import (
    CELLS,
    POOL_NETWORK,
    POOL_TRAINING,
    NetworkConfig,
    TrainingConfig,
)
from stockcast.config.settings import SEARCH, SPLIT, Bounds, Checked, part, setting
from stockcast.config.sources import CovariatesConfig

USUAL_TRIALS = 40
"""Trials of a study where neither their number nor the minutes are given."""

COLUMNS = "columns:"
"""What the axis of a group of columns begins with, before the group's name."""


@dataclass(frozen=True)
class TuneConfig(Checked):
    """Everything that `tune` decides, but the sources.

    Attributes:
        trials: Trials of the study, those of earlier calls among them; None: 40, or as many as the minutes allow.
        minutes: After which no further trial begins.
        folds: Validation folds that every trial is scored on.
        test_from: First target session of the test part, which is scored once, at the end.
        network: Settings that are not searched, and the default ones of those that are.
        training: The same of the training.
        covariates: Further series and known dates: which of them a network is to look at is searched, too.
    """

    trials: int | None = setting(
        None,
        "Trials of the study, those of earlier calls among them",
        SEARCH,
        bounds=Bounds(1, 100_000),
        shown="40, or what --minutes allows",
    )
    minutes: float | None = setting(
        None, "Begin no further trial after so long", SEARCH, metavar="MINUTES", bounds=Bounds(0, 100_000)
    )
    folds: int = setting(4, "Validation folds that a trial is scored on", SEARCH, bounds=Bounds(2, 50))
    test_from: date | None = setting(
        None, "First session of the test part, which no trial sees", SPLIT, shown="the last 15 % of the sessions"
    )
    network: NetworkConfig = part(NetworkConfig)
    training: TrainingConfig = part(
        TrainingConfig, final_fit={"help": "Refit each network on all that its fold may be trained on"}
    )
    covariates: CovariatesConfig = part(CovariatesConfig)
    exchange: str | None = None

    @property
    def most_trials(self) -> float:
        """Trials at most."""
        if self.trials is not None:
            return self.trials
        return USUAL_TRIALS if self.minutes is None else float("inf")


class Suggesting(Protocol):
    """Who suggests values: a trial of Optuna."""

    def suggest_categorical(self, name: str, choices: Any, /) -> Any:
        """One of the choices."""
        ...

    def suggest_int(self, name: str, low: int, high: int, /, *, step: int = 1, log: bool = False) -> int:
        """A whole number within these bounds."""
        ...

    def suggest_float(
        self, name: str, low: float, high: float, /, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number within these bounds."""
        ...


@dataclass(frozen=True)
class Axis:
    """A setting that is searched.

    Attributes:
        name: Of the field, or "columns:" and the name of a group of columns.
        default: Its value in the default configuration.
        choices: The values that it may have; without any, its bounds count.
        low: The least.
        high: The most.
        step: From one value to the next; None: any number, to two digits.
        log: Whether ratios count, not differences.
    """

    name: str
    default: Any
    choices: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0
    step: float | None = None
    log: bool = False

    def suggested(self, by: Suggesting) -> Any:
        """The value that is suggested."""
        if self.choices:
            return by.suggest_categorical(self.name, self.choices)
        if isinstance(self.default, int):
            step = 1 if self.step is None else int(self.step)
            return by.suggest_int(self.name, int(self.low), int(self.high), step=step, log=self.log)
        return by.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def holds(self, value: Any) -> bool:
        """Whether a value may be suggested."""
        return value in self.choices if self.choices else bool(self.low <= value <= self.high)

    @property
    def words(self) -> str:
        """The values in words."""
        if self.choices:
            return ", ".join("on" if one is True else "off" if one is False else str(one) for one in self.choices)
        step = "" if self.step is None else f", in steps of {self.step:g}"
        return f"{self.low:g} .. {self.high:g}{step}{', by ratio' if self.log else ''}"


@dataclass(frozen=True)
class Settings:
    """The configuration of one trial. left_out: groups of columns that its networks do not look at."""

    network: NetworkConfig
    training: TrainingConfig
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SearchSpace:
    """Everything that a study may try.

    Attributes:
        axes: The settings that are searched, in the order in which they are suggested.
        fixed: The default configuration, whose other settings every trial has.
    """

    axes: tuple[Axis, ...]
    fixed: Settings

    @property
    def default(self) -> dict[str, Any]:
        """The parameters of the default configuration."""
        return {axis.name: axis.default for axis in self.axes}

    def settings(self, parameters: Mapping[str, Any]) -> Settings:
        """The configuration that parameters stand for; numbers that any value may be are rounded to two digits."""
        values = {axis.name: _rounded(axis, parameters[axis.name]) for axis in self.axes}
        network = replace(self.fixed.network, **_of(values, NetworkConfig))
        training = replace(self.fixed.training, **_of(values, TrainingConfig))
        groups = {name.removeprefix(COLUMNS): value for name, value in values.items() if name.startswith(COLUMNS)}
        left_out = frozenset(name for name, seen in groups.items() if not seen)
        return Settings(network, training, left_out)

    @property
    def longest_lookback(self) -> int:
        """Sessions of the longest input window of any trial."""
        axis = next((axis for axis in self.axes if axis.name == "lookback"), None)
        return self.fixed.network.lookback if axis is None else int(axis.high)


def search_space(
    config: TuneConfig, given: Callable[[str], bool], groups: tuple[str, ...] = (), pool: bool = False
) -> SearchSpace:
    """What is searched: every axis whose setting was not given.

    Args:
        config: The default configuration.
        given: Whether a setting was given, by its name.
        groups: Groups of columns that networks may do without.
        pool: Whether many series are to be taught at once, which bear larger networks.
    """
    network, training = config.network, config.training
    searched = [*_of_network(network, pool), *_of_training(training, pool)]
    axes = [axis for axis in searched if not given(axis.name)]
    axes += [Axis(f"{COLUMNS}{group}", True, (True, False)) for group in groups]
    # A default that lies outside is one that was asked for.
    return SearchSpace(tuple(axis for axis in axes if axis.holds(axis.default)), Settings(network, training))


def pool_defaults(config: TuneConfig, given: Callable[[str], bool]) -> TuneConfig:
    """The configuration with a pool's defaults in the place of what was not given."""
    network = _with(config.network, POOL_NETWORK, given)
    training = _with(config.training, POOL_TRAINING, given)
    if not training.chunked or training.epochs is not None:
        # The steps of a pool are of chunks: a window carries one loss in the place of a chunk's many.
        training = replace(training, steps=config.training.steps)
    return replace(config, network=network, training=training)


def _with(some: Any, usual: Any, given: Callable[[str], bool]) -> Any:
    names = _names(type(some))
    return replace(some, **{name: getattr(usual, name) for name in names if not given(name)})


def _of_network(network: NetworkConfig, pool: bool) -> list[Axis]:
    return [
        Axis("cell", network.cell, CELLS),
        Axis("hidden_size", network.hidden_size, low=8 if pool else 4, high=64 if pool else 32, log=True),
        Axis("layers", network.layers, low=1, high=2),
        Axis("dropout", network.dropout, low=0.0, high=0.6, step=0.1),
        Axis("lookback", network.lookback, low=20, high=120, step=20),
    ]


def _of_training(training: TrainingConfig, pool: bool) -> list[Axis]:
    """Axes of the training: chunks and windows have batches and steps of their own."""
    usual = training.windows_per_step
    steps = training.gradient_steps(0) if training.epochs is None else 0
    batches = (usual // 2, usual, usual * 2) if usual > 1 else (1, 2)
    found = [
        Axis("learning_rate", training.learning_rate, low=0.001, high=0.03, log=True),
        Axis("weight_decay", training.weight_decay, low=0.01, high=1.0, log=True),
        Axis("batch_size", usual, batches),
        Axis("seeds", training.seeds, low=1 if pool else 2, high=3 if pool else 4, step=2 if pool else 1),
    ]
    if steps:
        found.append(Axis("steps", steps, low=steps // 2, high=steps // 2 * 3, step=max(steps // 2, 1)))
    return found


def _rounded(axis: Axis, value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.10g}") if axis.step is not None else float(f"{value:.2g}")
    return value


def _of(values: Mapping[str, Any], config: type) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in _names(config)}


def _names(part_of: type) -> frozenset[str]:
    return frozenset(item.name for item in fields(part_of))
