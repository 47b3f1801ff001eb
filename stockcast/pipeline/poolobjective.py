"""The objective of a study of a pool: one network of all series, taught anew before each fold.

Folds begin on the same dates for all members, as the parts of a pool do. A member is scored where it has enough
sessions for the longest lookback of any trial, so that all trials are scored on the same ones. Networks are scored as
those of `train --pool` are: as they were when validation stopped them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from stockcast.config import SplitConfig, TrainConfig
from stockcast.config.models import SCRATCH, FoldConfig
from stockcast.config.tuning import Settings, TuneConfig
from stockcast.engine.pieces import Piece
from stockcast.errors import DataError, Failure
from stockcast.evaluation.scores import crps
from stockcast.evaluation.tuned import Span, TunedSeries
from stockcast.models.baselines.simple import HarT
from stockcast.pipeline.costs import training_seconds
from stockcast.pipeline.objectives import FoldLosses, Heeding, fold_config
from stockcast.pipeline.pools import Member, Pool, PoolSources, gather
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.trainer import Trainer
from stockcast.prices.history import Dates, History
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Progress, Silent
from stockcast.storage.foldfile import fold_key
from stockcast.windows.covariates import GROUPS, KNOWN, MARKET, Covariates, CovariatesRecord
from stockcast.windows.splits import MIN_TEST, MIN_TRAIN, MIN_VALIDATION, Part, PoolSplit, walk_forward

IN_MEMORY = 1e6
"""GiB that a pool may take: the folds of a study are too many for files."""


@dataclass(frozen=True)
class PoolPrices:
    """The series of a pool up to some day, and what all of them look at."""

    histories: tuple[History, ...]
    calendar: SessionCalendar
    covariates: Covariates | None

    @classmethod
    def of(cls, gathered: PoolSources) -> PoolPrices:
        """What was gathered. Raises DataError where there are fewer than two series."""
        pool = gathered.pool()
        return cls(tuple(gathered.found), pool.calendar, gathered.covariates)

    @cached_property
    def sessions(self) -> Dates:
        """Those that any series has a return of."""
        return np.unique(np.concatenate([history.dates[1:] for history in self.histories]))

    def until(self, day: date) -> PoolPrices:
        """The same up to a day."""
        cut = (history.between(None, day) for history in self.histories)
        return replace(self, histories=tuple(history for history in cut if len(history) >= 2))

    def pool(self, left_out: frozenset[str]) -> Pool:
        """The pool, whose networks do without some groups of columns."""
        pool = Pool.of(self.histories, self.calendar, self._looked_at(left_out))
        return pool.without(left_out)

    def _looked_at(self, left_out: frozenset[str]) -> Covariates | None:
        c = self.covariates
        if c is None:
            return None
        series = tuple(one for one in c.series if one.name not in left_out)
        known = None if KNOWN in left_out else c.known
        return replace(c, series=series, known=known) if series or known is not None else None

    def key(self) -> str:
        """The hash of all of it."""
        members = [Member.of(history.on(self.calendar)) for history in self.histories]
        events = [one.own.events.arrays(len(one.own)) for one in members if one.own.events is not None]
        described = {
            "members": [[history.ticker, history.sha256()] for history in self.histories],
            "calendar": self.calendar.exchange,
            "covariates": "" if self.covariates is None else str(CovariatesRecord.of(self.covariates)),
        }
        return fold_key(described, *(array for of_one in events for array in of_one))


@dataclass(frozen=True)
class PoolFold:
    """Where a fold begins and ends. validate_from, test_from: as of a training; last: its last session."""

    validate_from: date
    test_from: date
    last: date
    sessions: int

    @property
    def span(self) -> Span:
        """What is scored."""
        return Span(self.test_from, self.last, self.sessions)


@dataclass(frozen=True)
class PoolObjective:
    """One network of all series.

    Attributes:
        past: The series up to the last session before the test part.
        whole: All of them.
        folds: The validation folds.
        test: The test part.
        longest: Sessions of the longest lookback of any trial.
    """

    past: PoolPrices
    whole: PoolPrices
    folds: tuple[PoolFold, ...]
    test: PoolFold
    longest: int

    is_pool: ClassVar[bool] = True
    begins_from_scratch: ClassVar[bool] = True

    @property
    def series(self) -> tuple[TunedSeries, ...]:
        """All of them together: their folds are the same."""
        name = f"{len(self.whole.histories)} series"
        return (TunedSeries(name, tuple(fold.span for fold in self.folds), self.test.span, SCRATCH),)

    @property
    def groups(self) -> tuple[str, ...]:
        """The market, where there is one, further looks at prices and days, and the covariates."""
        pool, covariates = self.past.pool(frozenset()), self.past.covariates
        there = tuple(group for group in GROUPS if group != MARKET or pool.market is not None)
        if covariates is None:
            return there
        known = (KNOWN,) if covariates.known is not None else ()
        return (*there, *(one.name for one in covariates.series), *known)

    def keys(self) -> list[str]:
        """The prices, and where the folds begin."""
        return [self.past.key(), str(self.folds), str(self.longest)]

    def test_keys(self) -> list[str]:
        """The same of the test part."""
        return [self.whole.key(), str(self.test)]

    def pieces(self, settings: Settings | None, fold: int) -> list[Piece]:
        """The one network of a fold."""
        return [self._piece(self.past, settings, self.folds[fold], f"fold {fold + 1}")]

    def test_pieces(self, settings: Settings | None) -> list[Piece]:
        """The one network of the test part."""
        return [self._piece(self.whole, settings, self.test, "the test part")]

    def _piece(self, prices: PoolPrices, settings: Settings | None, fold: PoolFold, what: str) -> Piece:
        assert settings is not None  # noqa: S101 - the default begins from scratch, and is the first trial
        work = _PoolWork(settings, fold, self.longest)
        return Piece(f"the pool: {what}", work, prices, seconds=work.seconds(prices))


@dataclass(frozen=True)
class _PoolWork:
    """One fold of a trial, wherever it is scored."""

    settings: Settings
    fold: PoolFold
    longest: int

    @property
    def _config(self) -> TrainConfig:
        split = SplitConfig(self.fold.validate_from, self.fold.test_from)
        return TrainConfig(self.settings.network, self.settings.training, split, init=SCRATCH)

    def __call__(self, prices: PoolPrices, progress: Progress) -> Mapping[str, FoldLosses]:
        """Train, and score every member that has enough sessions."""
        pool = prices.until(self.fold.last).pool(self.settings.left_out)
        trainer = Trainer.of_pool(pool, self._config, Path(), Heeding(progress))
        network = trainer.learn(trainer.market is not None).network
        base = network.base
        reference = HarT(base.weights, base.mu, base.nu)
        found: dict[str, FoldLosses] = {}
        for member in trainer.pool.members:
            if not self._is_scored(trainer, member):
                continue
            f, part = trainer.columns(member, trainer.market is not None), trainer.parts_of(member).test
            y_N = f.session_returns.r_T[part.start + 1 : part.stop + 1]
            losses = (crps(one.forecast(f, part.start, part.stop), y_N) for one in (network, reference))
            found[member.ticker] = FoldLosses(member.dates[part.start + 1 : part.stop + 1], *losses)
        if not found:
            raise DataError(f"no series has enough sessions around {self.fold.test_from} to be scored")
        return found

    def _is_scored(self, trainer: Trainer, member: Member) -> bool:
        """Whether it could be scored with the longest lookback, too."""
        parts = trainer.split.of_series(member.dates, self.longest)
        least = (parts.train, MIN_TRAIN), (parts.validation, MIN_VALIDATION), (parts.test, MIN_TEST)
        return all(len(part) >= count for part, count in least)

    def seconds(self, prices: PoolPrices) -> float:
        """What it takes on one core, by what was measured."""
        known = np.datetime64(self.fold.validate_from)
        targets = sum(int(np.searchsorted(history.dates, known)) for history in prices.histories)
        return training_seconds(self._config, targets)


def pool_objective(
    prices: PriceSource, sources: Sequence[str], config: TuneConfig, longest: int, progress: Progress
) -> tuple[PoolObjective, tuple[Failure, ...]]:
    """The pool of a study.

    Args:
        prices: The door that its series come in by.
        sources: Files and tickers.
        config: Folds, test part and covariates.
        longest: Sessions of the longest lookback of any trial.
        progress: Whoever watches, and is told what is to be known of the prices.

    Returns:
        What can be tuned on, and what is wrong with the other sources.

    Raises:
        DataError: There are fewer than two series, or too few sessions.
        ConfigError: An exchange is unknown, or a covariate cannot be had.
    """
    gathered = gather(prices, sources, progress, config.exchange, config.covariates, IN_MEMORY)
    whole = PoolPrices.of(gathered)
    split = PoolSplit.of(
        [history.dates[1:] for history in whole.histories], SplitConfig(test_from=config.test_from), longest
    )
    before = split.test_from - timedelta(days=1)
    again = gather(prices.until(before), sources, Silent(), gathered.exchange, config.covariates, IN_MEMORY)
    past = PoolPrices.of(again)
    folds = _folds(past.sessions, fold_config(past.sessions, config, longest), longest)
    (test,) = _folds(whole.sessions, FoldConfig(test_from=split.test_from, refit_every=len(whole.sessions)), longest)
    return PoolObjective(past, whole, folds, test, longest), gathered.failures


def _folds(sessions: Dates, config: FoldConfig, longest: int) -> tuple[PoolFold, ...]:
    return tuple(
        _pool_fold(sessions, fold.split.validation, fold.split.test) for fold in walk_forward(sessions, config, longest)
    )


def _pool_fold(sessions: Dates, validation: Part, test: Part) -> PoolFold:
    validate_from, test_from, last = (
        sessions[row].astype(object) for row in (validation.start + 1, test.start + 1, test.stop)
    )
    return PoolFold(validate_from, test_from, last, len(test))
