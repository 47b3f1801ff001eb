"""Objectives: what the trials of a study are scored on, folds that all lie before the test part.

A fold is scored as one of a backtest is: networks are trained on what lies before it alone. Every loss is a CRPS over
that of the default on the same fold of the same series, so that a loud series does not rule, then averaged over series
by date.

Shapes: N targets of one series, D dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np

from stockcast.config import SplitConfig, TrainConfig
from stockcast.config.models import SCRATCH, BacktestConfig, FoldConfig
from stockcast.config.tuning import Settings, TuneConfig
from stockcast.engine.pieces import Piece
from stockcast.errors import DataError, Failure, StockcastError
from stockcast.evaluation.scores import crps
from stockcast.evaluation.significance import pooled_by_date
from stockcast.evaluation.tuned import Span, TunedSeries
from stockcast.pipeline.backtesting import walk_of
from stockcast.pipeline.costs import training_seconds
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.walking import Walk
from stockcast.prices.csvfile.content import STANDARD_INPUT
from stockcast.prices.history import Dates, Floats
from stockcast.progress import Progress, Silent
from stockcast.windows.splits import MIN_TEST, Fold, split_by_date, walk_forward

if TYPE_CHECKING:
    from stockcast.windows.features import Features

REFERENCE = "har-t"
"""The baseline that stands beside the networks: cheap, and never far from the strongest."""

FOLDS_SHARE = 0.4
"""Of the sessions before the test part, the newest, which the folds divide among them."""

A_FOLD = 0.2
"""Seconds that a fold takes besides its networks."""

ONE_FOLD = 100_000
"""Sessions to the next refit, in a test part that has none."""


class FoldLosses(NamedTuple):
    """CRPS of one fold of one series: target sessions, and the losses of the network and of HAR-t, shape (N,)."""

    dates: Dates
    network_N: Floats
    reference_N: Floats


class Objective(Protocol):
    """What trials are scored on, and what is scored at the end."""

    @property
    def is_pool(self) -> bool:
        """Whether one network is taught by all series."""
        ...

    @property
    def series(self) -> tuple[TunedSeries, ...]:
        """The series with their folds."""
        ...

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of columns that networks may do without."""
        ...

    @property
    def begins_from_scratch(self) -> bool:
        """Whether the default is trained from scratch on every fold, and so is no other than the first trial."""
        ...

    def keys(self) -> list[str]:
        """All that the losses of folds depend on, apart from settings."""
        ...

    def test_keys(self) -> list[str]:
        """The same of the test part."""
        ...

    def pieces(self, settings: Settings | None, fold: int) -> list[Piece]:
        """The work on a fold, from 0 on; each piece gives losses by ticker. None: what `train` would do unasked."""
        ...

    def test_pieces(self, settings: Settings | None) -> list[Piece]:
        """The same on the test part."""
        ...


@dataclass(frozen=True)
class Losses:
    """Losses of the default by ticker on one fold, which those of trials are measured by."""

    by_ticker: Mapping[str, FoldLosses]

    @classmethod
    def of(cls, made: Iterable[Mapping[str, FoldLosses]]) -> Losses:
        """Those of several pieces together."""
        return cls({ticker: losses for one in made for ticker, losses in one.items()})

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Losses:
        """Those that `plain` wrote."""
        return cls(
            {
                ticker: FoldLosses(np.array(dates, "datetime64[D]"), np.array(network), np.array(reference))
                for ticker, (dates, network, reference) in plain.items()
            }
        )

    @property
    def plain(self) -> dict[str, Any]:
        """Lists and numbers alone."""
        return {
            ticker: [losses.dates.astype("datetime64[D]").astype(str).tolist(), *(a.tolist() for a in losses[1:])]
            for ticker, losses in self.by_ticker.items()
        }

    def relative(self, other: Losses) -> tuple[Dates, Floats]:
        """The losses of another one, each over this one's mean on its series, averaged by date, shape (D,).

        Raises DataError where a loss is not finite.
        """
        scaled = [
            (other.by_ticker[ticker].dates, other.by_ticker[ticker].network_N / float(losses.network_N.mean()))
            for ticker, losses in self.by_ticker.items()
        ]
        dates, losses = (np.concatenate(parts) for parts in zip(*scaled, strict=True))
        return pooled_by_date(dates, losses)


# One network for each series.


@dataclass(frozen=True)
class SeriesWalks:
    """The walks over one series.

    Attributes:
        trials: Over its sessions before the test part; its folds begin as `train` would have on their days.
        test: Over all of them: one fold, the test part.
    """

    trials: Walk
    test: Walk

    @property
    def ticker(self) -> str:
        """Its name."""
        return self.trials.history.ticker

    def summary(self) -> TunedSeries:
        """Its folds, and what its default begins with."""
        folds = tuple(_span(fold) for fold in _folds(self.trials))
        return TunedSeries(self.ticker, folds, _span(_folds(self.test)[0]), self.trials.config.init or SCRATCH)


@dataclass(frozen=True)
class SeriesObjective:
    """A network for each of the series, all with the same settings."""

    walks: tuple[SeriesWalks, ...]

    is_pool: ClassVar[bool] = False

    @property
    def series(self) -> tuple[TunedSeries, ...]:
        """The series with their folds."""
        return tuple(walks.summary() for walks in self.walks)

    @property
    def groups(self) -> tuple[str, ...]:
        """The covariates that are asked for, by name, and "known" for known dates."""
        return tuple(dict.fromkeys(group for name in self.walks[0].trials.f.names if (group := _covariate(name))))

    @property
    def begins_from_scratch(self) -> bool:
        """Whether no fold begins with a model that is there already."""
        return all(walks.trials.begin is None for walks in self.walks)

    def keys(self) -> list[str]:
        """The names of the default's folds: hashes of prices, settings, and what they begin with."""
        return [walks.trials.key(fold) for walks in self.walks for fold in _folds(walks.trials)]

    def test_keys(self) -> list[str]:
        """The same of the test parts."""
        return [walks.test.key(fold) for walks in self.walks for fold in _folds(walks.test)]

    def pieces(self, settings: Settings | None, fold: int) -> list[Piece]:
        """The fold of each series."""
        return [self._piece(walks.trials, settings, fold, f"fold {fold + 1}") for walks in self.walks]

    def test_pieces(self, settings: Settings | None) -> list[Piece]:
        """The test part of each series."""
        return [self._piece(walks.test, settings, 0, "the test part") for walks in self.walks]

    @staticmethod
    def _piece(walk: Walk, settings: Settings | None, fold: int, what: str) -> Piece:
        work = _SeriesFold(settings, fold)
        return Piece(f"{walk.history.ticker}: {what}", work, walk, seconds=work.seconds(walk))


@dataclass(frozen=True)
class _SeriesFold:
    """One fold of one series, wherever it is scored. settings: None for the default."""

    settings: Settings | None
    fold: int

    def __call__(self, walk: Walk, progress: Progress) -> dict[str, FoldLosses]:
        """Train, and score."""
        walk = replace(self._walk(walk), progress=Heeding(progress))
        fold = _folds(walk)[self.fold]
        made = walk.fitted(fold, "", None)
        if why := made.about["left_out"].get(REFERENCE):
            begin = fold.split.session(fold.split.test.start + 1)
            raise DataError(f"{walk.history.ticker}, fold from {begin}: {REFERENCE}: {why}", "leave the source out")
        dists, outcomes = made.dists, walk.outcomes(fold.split.test)
        (cell,) = walk.config.cells
        losses = (crps(dists[name], outcomes.y_N) for name in (cell, REFERENCE))
        return {walk.history.ticker: FoldLosses(outcomes.target_sessions, *losses)}

    def _walk(self, walk: Walk) -> Walk:
        if self.settings is None:
            return walk
        network, training = self.settings.network, self.settings.training
        config = replace(walk.config, cells=(network.cell,), network=network, training=training, init=SCRATCH)
        return replace(walk, config=config, begin=None, f=_without(walk.f, self.settings.left_out))

    def seconds(self, walk: Walk) -> float:
        """What it takes on one core, by what was measured: the one baseline takes next to nothing."""
        walk = self._walk(walk)
        config = TrainConfig(walk.config.network, walk.config.training)
        fits = 2 if config.training.final_fit else 1
        return A_FOLD + fits * training_seconds(config, len(_folds(walk)[self.fold].split.train))


class Heeding(Silent):
    """Progress of a piece of a trial, which is one unit of the display: it lets a Ctrl-C through, and no more."""

    def __init__(self, beneath: Progress) -> None:
        self._beneath = beneath

    def advance(self, units: int, loss: float | None = None) -> None:  # noqa: ARG002 - nothing is shown of it
        """Nothing is further than it was."""
        self._beneath.advance(0)


def series_objective(
    prices: PriceSource, sources: Sequence[str], config: TuneConfig, longest: int, progress: Progress
) -> tuple[SeriesObjective, tuple[Failure, ...]]:
    """The series of a study.

    Args:
        prices: The door that they come in by.
        sources: Files and tickers.
        config: Folds, test part, default settings and covariates.
        longest: Sessions of the longest input window of any trial.
        progress: Whoever watches, and is told what is to be known of the prices.

    Returns:
        What can be tuned on, and what is wrong with the other sources.
    """
    walks: list[SeriesWalks] = []
    failures: list[Failure] = []
    progress.stage("reading prices", len(sources))
    for source in sources:
        try:
            walks.append(_walks(prices, source, config, longest, progress))
        except StockcastError as error:
            failures.append(Failure(source, error))
        progress.advance(1)
    found, twins = _distinct(walks)
    return SeriesObjective(found), (*failures, *twins)


def _walks(prices: PriceSource, source: str, config: TuneConfig, longest: int, progress: Progress) -> SeriesWalks:
    """The walks over a source, whose trials are given prices that end before the test part."""
    prices = prices.taken_for(config.exchange)
    whole = prices.load(source, progress)
    dates_T = whole.history.dates[1:]
    split = split_by_date(dates_T, SplitConfig(test_from=config.test_from), longest)
    test_row = split.test.start + 1
    if test_row >= len(dates_T):
        raise DataError(f"{whole.history.ticker}: there is no test part", "begin it earlier, with --test-from")
    test_from: date = split.session(test_row)
    before = test_from - timedelta(days=1)
    until = prices.until(before)
    past = replace(whole, history=whole.history.between(None, before))
    if source != STANDARD_INPUT:  # which can be read once
        past = until.load(source, progress, fetch="never")
    folds = fold_config(past.history.dates[1:], config, longest)
    test = FoldConfig(test_from=test_from, refit_every=ONE_FOLD)
    return SeriesWalks(_walk(until, past, config, folds, progress), _walk(prices, whole, config, test, Silent()))


def _walk(prices: PriceSource, series: PriceSeries, config: TuneConfig, folds: FoldConfig, progress: Progress) -> Walk:
    """A walk over a series whose folds begin as `train` would, with all columns that a trial may look at."""
    asked = BacktestConfig(
        cells=(config.network.cell,), network=config.network, training=config.training, folds=folds,
        baselines=(REFERENCE,), covariates=config.covariates, exchange=config.exchange,
    )  # fmt: skip
    covariates = CovariateSource(config.covariates, prices, progress, strict=False)
    walk = walk_of(series, covariates.columns(series, config.exchange), asked, prices.folder, progress)
    return replace(walk, folder=None, progress=Silent())


def fold_config(dates_T: Dates, config: TuneConfig, longest: int) -> FoldConfig:
    """Folds of one length over the newest sessions, of which the first one leaves enough to learn from."""
    scored = int(FOLDS_SHARE * len(dates_T))
    length = -(-scored // config.folds)
    first: date = dates_T[len(dates_T) - scored].astype(object) if scored else dates_T[-1].astype(object)
    found = FoldConfig(test_from=first, refit_every=max(length, 1))
    if length < MIN_TEST:
        raise DataError(
            f"{len(dates_T)} sessions before the test part leave {config.folds} folds of {length} sessions, and "
            f"{MIN_TEST} are needed",
            "use a longer history, or fewer --folds",
        )
    walk_forward(dates_T, found, longest)  # whether the longest window leaves enough
    return found


def _folds(walk: Walk) -> tuple[Fold, ...]:
    return walk_forward(walk.history.dates[1:], walk.config.folds, walk.config.network.lookback)


def _span(fold: Fold) -> Span:
    test = fold.split.test
    return Span(fold.split.session(test.start + 1), fold.split.session(test.stop), len(test))


def _covariate(name: str) -> str:
    """What a column is of: the name of a covariate, "known" of known dates, nothing of the series' own."""
    return name.rpartition(":")[0]


def _without(f: Features, groups: frozenset[str]) -> Features:
    """The features without the columns of some groups."""
    return f.only([name for name in f.names if _covariate(name) not in groups]) if groups else f


def _distinct(walks: Sequence[SeriesWalks]) -> tuple[tuple[SeriesWalks, ...], tuple[Failure, ...]]:
    """The first series of each name; a second one is a failure."""
    found: dict[str, SeriesWalks] = {}
    twins: list[Failure] = []
    for one in walks:
        if found.setdefault(one.ticker, one) is not one:
            message = f"a series named {one.ticker} is in the study already"
            twins.append(Failure(one.ticker, DataError(message, "rename one of the files, or leave it out")))
    return tuple(found.values()), tuple(twins)
