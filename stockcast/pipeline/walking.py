"""Walking: the folds of a backtest, each fitted on what lies before it alone, its forecasts kept in a file.

Shapes: N origins, P simulated paths, K values that stand for a distribution.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.config import TrainConfig
from stockcast.engine.pieces import Piece, Steps, run_here
from stockcast.errors import ConfigError, DataError
from stockcast.evaluation.scores import Outcomes, crps, mean_crps
from stockcast.evaluation.serving import choice
from stockcast.forecasting import Fit
from stockcast.models.baselines import ALL_BASELINES, competing
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.models.simulation import PathPlan, Shocks
from stockcast.pipeline.costs import baselines_seconds, training_seconds
from stockcast.pipeline.initial import Initial, Scratch
from stockcast.pipeline.policies import fold_positions, policies_seconds
from stockcast.pipeline.starts import FoldStart
from stockcast.progress import Progress, Silent
from stockcast.storage import foldfile
from stockcast.storage.foldfile import FoldFile
from stockcast.versions import VERSION
from stockcast.windows.covariates import OWN, group_of
from stockcast.windows.features import BURN_IN, Features
from stockcast.windows.splits import Fold, Part, without_first

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stockcast.config.models import BacktestConfig
    from stockcast.evaluation.serving import InitialResult
    from stockcast.models.baselines import Baseline
    from stockcast.models.ensemble import EarlyStopping, Ensemble
    from stockcast.prices.history import Floats, History

_KEPT = 200
"""Values that are kept of a simulated step; evenly spaced in probability, they score as all paths do."""

KEPT_FOLDS = 100
"""Fold files that a ticker keeps, those used last: a few settings' worth of yearly folds."""


def folder_of(home: Path, ticker: str) -> Path:
    """Where a ticker's folds are kept. Two that share a folder lose nothing: files are named after their content."""
    return home / "backtests" / re.sub(r"[^\w^=-]", "_", ticker)[:100]


def fit_baselines(
    names: Iterable[str], f: Features, part: Part, progress: Progress
) -> tuple[dict[str, Baseline], dict[str, str]]:
    """Baselines fitted on the origins of a part, each of them a unit of progress.

    Returns:
        The fitted ones by name, and why each of the others could not be fitted.
    """
    fitted: dict[str, Baseline] = {}
    left_out: dict[str, str] = {}
    for name in names:
        try:
            fitted[name] = ALL_BASELINES[name].fit(f, part.start, part.stop)
        except DataError as error:
            left_out[name] = error.message
        progress.advance(1)
    return fitted, left_out


@dataclass(frozen=True)
class Stage:
    """A fold that is done. key: the hash of all that it depends on; resumed: its file was there already."""

    key: str
    file: FoldFile
    resumed: bool


@dataclass(frozen=True)
class FoldTraining:
    """A network of one fold: what forecasts the test part, what it was before it learnt from the validation part, what
    it forecast of that part then, how its steps were chosen, whether many stocks had taught it, what it was initialised
    from (None: it is not trained here), and whether that stayed as it was.
    """

    ensemble: Ensemble
    pre_validation: Ensemble
    early: Distribution
    chosen: EarlyStopping
    proven: bool
    initialised_from: str | None = None
    init: InitialResult | None = None


@dataclass(frozen=True)
class FallbackModel:
    """A given network that forecasts from the origins `instead_T` in the place of another one, with its own columns
    and bars to draw from.
    """

    ensemble: Ensemble
    f: Features
    shocks: Shocks
    instead_T: NDArray[np.bool_]

    def dist(self, other: StudentT, part: Part) -> StudentT:
        """The other one's distributions of a part, with its own where it forecasts."""
        instead_N = self.instead_T[part.start : part.stop]
        if not instead_N.any():
            return other
        own = self.ensemble.forecast(self.f, part.start, part.stop)
        chosen = (np.where(instead_N, getattr(own, name), getattr(other, name)) for name in ("loc", "scale", "nu"))
        return StudentT(*chosen)


@dataclass(frozen=True)
class Walk:
    """One walk: what its folds share.

    folder: where folds are kept; None: nowhere, as the test part of a training. pretrained: a network that is there
    already and is not trained; f has its columns. shocks: the bars that its paths draw from; None: the fold's own.
    fallback: who forecasts where `pretrained` cannot. begin: what the networks of a fold begin with; None: weights
    drawn from the seed, or those of the fold before. proven: many stocks have taught `pretrained` (`Initial.proven`).
    """

    history: History
    f: Features
    config: BacktestConfig
    folder: Path | None
    progress: Progress
    pretrained: Ensemble | None = None
    shocks: Shocks | None = None
    fallback: FallbackModel | None = None
    begin: Callable[[Fold], FoldStart] | None = None
    proven: bool = False

    @cached_property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines. Raises ConfigError for an unknown one."""
        wanted = self.config.baselines or competing(ALL_BASELINES, self.f.events is not None)
        for name in wanted:
            if name not in ALL_BASELINES:
                raise ConfigError(f"unknown baseline {name!r}", f"choose some of {', '.join(ALL_BASELINES)}")
        return wanted

    def run(self, folds: tuple[Fold, ...]) -> list[Stage]:
        """Every fold, oldest first, one after the other."""
        return run_here(self.steps(folds), self.progress)

    def steps(self, folds: tuple[Fold, ...]) -> Steps[list[Stage]]:
        """Every fold, oldest first. Those that have no file yet are pieces: of a warm start one at a time."""
        done: list[Stage] = []
        for together in ((fold,) for fold in folds) if self.config.warm_start else (folds,):
            done += yield from self._stages(together, folds[-1].number, done[-1] if done else None)
        if self.folder is not None:
            foldfile.prune_folds(self.folder, max(KEPT_FOLDS, len(folds)))
        return done

    def fold(self, fold: Fold, last: int, before: Stage | None = None) -> Stage:
        """One fold, from its file where there is one. before: the fold that a warm start goes on from."""
        (stage,) = run_here(self._stages((fold,), last, before), self.progress)
        return stage

    def _stages(self, folds: tuple[Fold, ...], last: int, before: Stage | None) -> Steps[list[Stage]]:
        keys = {fold.number: "" if self.folder is None else self.key(fold, before) for fold in folds}
        there = {fold.number: self.kept(fold, last, keys[fold.number]) for fold in folds}
        pieces = [self._piece(fold, last, before, keys[fold.number]) for fold in folds if there[fold.number] is None]
        made = iter((yield pieces) if pieces else ())
        return [there[fold.number] or next(made) for fold in folds]

    def kept(self, fold: Fold, last: int, key: str) -> Stage | None:
        """A fold from the file of its key; None without one, or with one that is damaged."""
        if self.folder is None:
            return None
        path = self.folder / f"{key}.npz"
        found = foldfile.load_fold(path)
        if found is not None:
            self.progress.note(f"{self.history.ticker}: fold {fold.number} of {last} was there already", detail=True)
            return Stage(key, found, resumed=True)
        if os.path.exists(path):
            self.progress.note(f"{self.history.ticker}: fold {fold.number} of {last} is damaged and is made again")
        return None

    def _piece(self, fold: Fold, last: int, before: Stage | None, key: str) -> Piece:
        """The fitting of a fold, whose file is written where the command runs."""
        place = "" if self.folder is None else f"fold {fold.number} of {last}"

        def keep(made: FoldFile) -> Stage:
            if self.folder is not None:
                foldfile.save_fold(self.folder / f"{key}.npz", made)
            return Stage(key, made, resumed=False)

        label = f"{self.history.ticker}: {place or 'the test part'}"
        return Piece(label, _FoldWork(fold, place, before), self._shared, keep, self.seconds(fold))

    @cached_property
    def _shared(self) -> Walk:
        """What its pieces share, one object, which an engine sends once: itself, watched by nobody."""
        return replace(self, progress=Silent())

    def seconds(self, fold: Fold) -> float:
        """What fitting a fold is expected to take on one core."""
        targets = len(fold.split.train)
        if self.pretrained is not None:
            return baselines_seconds(targets)
        config = self._start(fold).config
        cells = [replace(config, network=replace(config.network, cell=cell)) for cell in self.config.cells]
        again = 2 if config.training.final_fit else 1
        learning = again * sum(training_seconds(cell, targets) for cell in cells)
        return baselines_seconds(targets) + learning + policies_seconds(self._of_policy(fold), targets, 2)

    def missing(self, folds: tuple[Fold, ...]) -> tuple[Fold, ...]:
        """The folds that have no file yet; of a warm start, where a file's name hangs on the one before, all."""
        if self.folder is None or self.config.warm_start:
            return folds
        return tuple(fold for fold in folds if not os.path.exists(self.folder / f"{self.key(fold)}.npz"))

    def outcomes(self, part: Part, horizon: int = 1) -> Outcomes:
        """What happened after the origins of a part."""
        return Outcomes.of(self.history.ticker, self.f, self.history.close[1:], part, horizon)

    def validation_crps(self, fold: Fold) -> dict[str, float]:
        """Mean CRPS of the given network and of every baseline on the validation part of a fold."""
        early = {cell: self._by_pretrained(fold.split.validation) for cell in self.config.cells}
        return mean_crps({**early, **self._early(fold, Silent())[0]}, self.outcomes(fold.split.validation))

    def seen_by(self, name: str, fold: Fold) -> Features:
        """The features as a competitor of a fold meets them: a sliding window has left the oldest behind."""
        return (self._seen_by_networks(fold) if name in self.config.cells else self._seen_by_baselines(fold))[0]

    def key(self, fold: Fold, before: Stage | None = None) -> str:
        """All that the fold's forecasts depend on: settings, parts, bars up to the last target, and our version."""
        c, start = self.config, self._start(fold)
        f, m, stop = start.f, start.f.session_returns, fold.split.test.stop + c.horizon
        described: dict[str, Any] = {
            "version": VERSION,
            "network": asdict(start.config.network),
            "training": asdict(start.config.training),
            "cells": list(c.cells),
            "baselines": list(self.baselines),
            "parts": [asdict(part) for part in (fold.split.train, fold.split.validation, fold.split.test)],
            "ahead": [c.horizon, c.paths if c.horizon > 1 else 0],
        }
        if self.pretrained is not None:
            described["given"] = [self.pretrained.fingerprint(), self.proven]
        if isinstance(start.initial, Initial):
            begun = start.initial
            networks = [begun.pre_validation.fingerprint(), begun.served.fingerprint()]
            described["init"] = [begun.name, *networks, begun.proven]
        if self._forgotten(fold, BURN_IN):
            described["forgotten"] = self._forgotten(fold, BURN_IN)
        if c.policy.wanted:
            described["policy"] = asdict(self._of_policy(fold).policy)
        if c.warm_start:
            # A first fold is fitted as without it, but its file holds more: see `FoldFile.pre_validation`.
            described["before"] = "" if before is None else before.key
        arrays: list[NDArray[Any]] = [
            a[:stop] for a in (m.dates, m.r_T, m.v_T, m.gap_T, m.surprise_T, m.tick_T) if a is not None
        ]
        arrays += _others(f, stop)
        if f.events is not None:
            arrays += f.events.arrays(stop)
        if c.horizon > 1 and f.schedule is not None and f.schedule.days is not None:
            arrays.append(f.schedule.days)
        if c.horizon > 1 and f.events is not None:
            told = f.events.known.snapshots
            arrays += [column for dates in told for column in (dates.days, np.array(dates.whens, dtype="U7"))]
        if self.shocks is not None and c.horizon > 1:
            arrays.append(self.shocks.values_M4)
        if self.fallback is not None:
            described["standby"] = self.fallback.ensemble.fingerprint()
            arrays += [self.fallback.instead_T[:stop], *_others(self.fallback.f, stop), self.fallback.shocks.values_M4]
        return foldfile.fold_key(described, *arrays)

    def fitted(self, fold: Fold, place: str, before: Stage | None) -> FoldFile:
        """Fit every competitor on what the fold may know, and forecast its test part."""
        c = self.config
        trained: dict[str, FoldTraining] = {}
        for cell in c.cells:
            if self.folder is not None:
                self.progress.stage(f"{place}: {cell}", self._most_steps(fold))
            trained[cell] = self._network(cell, fold, place, before)
        early = {cell: found.early for cell, found in trained.items()}
        known, chosen_on, left_out = self._known(fold, place)
        y_N = self.outcomes(fold.split.validation).y_N
        losses = {name: crps(dist, y_N) for name, dist in {**early, **chosen_on}.items()}
        serving = {
            cell: asdict(choice(cell, {name: losses[name] for name in (cell, *chosen_on)}, found.proven))
            for cell, found in trained.items()
            if chosen_on
        }
        fits = {cell: self._fit(found.ensemble, known, fold) for cell, found in trained.items()}
        pre_validation = {
            cell: replace(fits[cell], ensemble=found.pre_validation) for cell, found in trained.items() if c.warm_start
        }
        dists, ahead = self._forecasts(fits, fold, place)
        about = {
            "validation_crps": {name: float(crps_N.mean()) for name, crps_N in losses.items()},
            "serving": serving,
            "initialised_from": next(found.initialised_from for found in trained.values()),
            "init": next((asdict(found.init) for found in trained.values() if found.init is not None), None),
            "steps": {cell: list(found.chosen.steps) for cell, found in trained.items()},
            "curves": {cell: [asdict(curve) for curve in found.chosen.curves] for cell, found in trained.items()},
            "left_out": left_out,
        }
        return FoldFile(dists, about, ahead, early, fits, pre_validation, self._positions(fold, place))

    def _positions(self, fold: Fold, place: str) -> dict[str, Floats]:
        """What each policy holds at the origins of the test part."""
        if not self.config.policy.wanted or not len(fold.split.test):
            return {}
        config = self._of_policy(fold)
        return fold_positions(*self._seen(self.f, config, fold), config, self.progress, f"{place}: ")

    def _of_policy(self, fold: Fold) -> TrainConfig:
        """The training of a fold's policies, of the first cell, at the cost that the strategies are charged."""
        config, policy = self._start(fold).config, replace(self.config.policy, cost=self.config.cost)
        network = replace(config.network, cell=self.config.cells[0])
        return replace(config, network=network, policy=policy).of_policy

    def _known(
        self, fold: Fold, place: str
    ) -> tuple[dict[str, Baseline], dict[str, Distribution], dict[str, str]]:  # fmt: skip
        """The baselines as the test part meets them, their forecasts of the validation part, and who is left out."""
        training, count = self.folder is None, len(self.baselines)
        self.progress.stage("fitting baselines for the validation part" if training else f"{place}: baselines", count)
        early, left_out = self._early(fold, self.progress if training else Silent())
        if training:
            self.progress.stage("fitting baselines for the test part", count)
        f, fold = self._seen_by_baselines(fold)
        known, failed = fit_baselines(early, f, fold.seen, self.progress)
        left_out |= failed
        return (
            known,
            {name: early[name] for name in known},
            {name: left_out[name] for name in self.baselines if name in left_out},
        )

    def _early(self, fold: Fold, progress: Progress) -> tuple[dict[str, Distribution], dict[str, str]]:
        """What the baselines of a fold's training part forecast of its validation part, and who is left out."""
        f, fold = self._seen_by_baselines(fold)
        fitted, left_out = fit_baselines(self.baselines, f, fold.split.train, progress)
        validation = fold.split.validation
        return {name: one.forecast(f, validation.start, validation.stop) for name, one in fitted.items()}, left_out

    def _network(self, cell: str, fold: Fold, place: str, before: Stage | None) -> FoldTraining:
        """Train on the fold, and again on all that it may learn from where that was asked for."""
        from stockcast.models.ensemble import EarlyStopping
        from stockcast.models.problem import Series

        if self.pretrained is not None:
            return FoldTraining(
                self.pretrained, self.pretrained, self._by_pretrained(fold.split.validation), EarlyStopping((), 0),
                self.proven,
            )  # fmt: skip
        start, initial = self._start(fold), self._initial(cell, fold, before)
        config = replace(start.config, network=replace(start.config.network, cell=cell))
        f, fold = self._seen_by_networks(fold)
        split, choosing = fold.split, fold.split.validation
        learned = initial.learn([Series.of(f, split.train, choosing)], config, self.progress)
        ensemble = learned.network
        early = ensemble.forecast(f, choosing.start, choosing.stop)
        if config.training.final_fit:
            self.progress.stage(f"{place}: {cell} again, on all before it", sum(learned.chosen.steps))
            ensemble = initial.learn_again([Series.of(f, fold.seen)], config, learned, self.progress)
        told = initial.proven, initial.name, learned.init
        return FoldTraining(ensemble, learned.network, early, learned.chosen, *told)

    def _initial(self, cell: str, fold: Fold, before: Stage | None) -> Initial | Scratch:
        """What the network of a fold begins with."""
        if self.config.warm_start and before is not None:
            # Weights that had learnt from sessions of this validation part would choose themselves.
            return Scratch(*(fits[cell].ensemble.weights for fits in (before.file.pre_validation, before.file.fits)))
        return self._start(fold).initial

    def _start(self, fold: Fold) -> FoldStart:
        """What the networks of a fold begin with, the settings of their training, and what they look at."""
        if self.begin is not None:
            return self.begin(fold)
        return FoldStart(Scratch(), TrainConfig(self.config.network, self.config.training), self.f)

    def _by_pretrained(self, part: Part) -> StudentT:
        """Distributions of the networks that were there already."""
        assert self.pretrained is not None  # noqa: S101 - asked for where there is one
        dist = self.pretrained.forecast(self.f, part.start, part.stop)
        return dist if self.fallback is None else self.fallback.dist(dist, part)

    def _fit(self, ensemble: Ensemble, known: Mapping[str, Baseline], fold: Fold) -> Fit:
        """A network and the baselines, with the bars that the fold may draw from."""
        f, fold = self._seen_by_networks(fold)
        return Fit(ensemble, known, Shocks.of(f, ensemble.base, fold.seen.start, fold.seen.stop, ensemble.layer))

    def _forecasts(
        self, fits: Mapping[str, Fit], fold: Fold, place: str
    ) -> tuple[dict[str, Distribution], dict[str, tuple[Distribution, ...]]]:
        """Distributions of the test part by competitor: of the next session, and of each further step."""
        if not len(fold.split.test):
            return {}, {}
        some = next(iter(fits.values()))
        competitors = {**fits, **dict.fromkeys(some.baselines, some)}
        of_networks, of_baselines = self._seen_by_networks(fold), self._seen_by_baselines(fold)
        seen = {name: of_networks if name in fits else of_baselines for name in competitors}
        pretrained = {} if self.pretrained is None else dict.fromkeys(fits, self._by_pretrained(fold.split.test))
        dists = {name: pretrained.get(name) or self._next(fit, name, *seen[name]) for name, fit in competitors.items()}
        if self.config.horizon == 1:
            return dists, {}
        self.progress.stage(f"{place}: {self.config.horizon} sessions ahead", len(competitors) * len(fold.split.test))
        return dists, {name: self._ahead(fit, name, *seen[name]) for name, fit in competitors.items()}

    @staticmethod
    def _next(fit: Fit, name: str, f: Features, fold: Fold) -> Distribution:
        return fit.forecaster(name).forecast(f, fold.split.test.start, fold.split.test.stop)

    def _ahead(self, fit: Fit, name: str, f: Features, fold: Fold) -> tuple[Distribution, ...]:
        """Steps 2 .. H at the origins whose target there is: simulated paths, of which a row keeps its quantiles."""
        horizon = self.config.horizon
        rows: list[list[Floats]] = [[] for _ in range(horizon - 1)]
        for origin in range(fold.split.test.start, fold.split.test.stop):
            reached = min(horizon, len(f) - 1 - origin)
            if reached > 1:
                # Chance of its own for each origin: a walk that begins elsewhere draws the same paths.
                day: date = f.session_returns.dates[origin].astype(object)
                generator = np.random.default_rng([self.config.training.seed, day.toordinal()])
                total_HP = self._paths(fit, name, f, origin, reached, generator)
                for step, total_P in enumerate(total_HP[1:]):
                    rows[step].append(_thinned(total_P))
            self.progress.advance(1)
        return tuple(Empirical(np.stack(of_step)) for of_step in rows if of_step)

    def _paths(
        self, fit: Fit, name: str, f: Features, origin: int, reached: int, generator: np.random.Generator
    ) -> Floats:
        """Simulated returns to each of `reached` steps, [H, P]."""
        forecaster: Ensemble | Baseline = fit.forecaster(name)
        shocks, before = fit.shocks, len(self.f) - len(f)
        if name in self.config.cells:
            shocks = self.shocks or shocks
            if self.fallback is not None and self.fallback.instead_T[before + origin]:
                forecaster, f, origin = self.fallback.ensemble, self.fallback.f, before + origin
                shocks = self.fallback.shocks
        return forecaster.simulate(f, origin, PathPlan(reached, self.config.paths, shocks, generator))

    def _seen_by_networks(self, fold: Fold) -> tuple[Features, Fold]:
        start = self._start(fold)
        return self._seen(start.f, start.config, fold)

    def _seen(self, f: Features, config: TrainConfig, fold: Fold) -> tuple[Features, Fold]:
        # Chunks are drawn from the first row on that leaves a warm-up; windows from the part's own first origin.
        training = config.training
        run_in = BURN_IN + training.warmup if training.chunked else config.network.lookback - 1
        return without_first(f, fold, self._forgotten(fold, run_in))

    def _seen_by_baselines(self, fold: Fold) -> tuple[Features, Fold]:
        return without_first(self.f, fold, self._forgotten(fold, BURN_IN))

    def _forgotten(self, fold: Fold, run_in: int) -> int:
        """Rows that a sliding window has left behind: not even a filter that needs no targets starts there."""
        return 0 if self.config.folds.window is None else max(0, fold.split.train.start - run_in)

    def _most_steps(self, fold: Fold) -> int:
        training = self._start(fold).config.training
        return training.gradient_steps(len(fold.split.train)) * training.seeds


@dataclass(frozen=True)
class _FoldWork:
    """The fitting of one fold of a walk, wherever that is done."""

    fold: Fold
    place: str
    before: Stage | None

    def __call__(self, walk: Walk, progress: Progress) -> FoldFile:
        """Fit it."""
        return replace(walk, progress=progress).fitted(self.fold, self.place, self.before)


def _others(f: Features, stop: int) -> list[Floats]:
    """Columns that do not follow from the ticker's own bars: those of a market, say, whose members have others."""
    return [f.x_TF[:stop, column] for column, name in enumerate(f.names) if group_of(name) != OWN]


def _thinned(total_P: Floats) -> Floats:
    """At most `_KEPT` quantiles that stand for all paths, in single precision as a fold file keeps them."""
    kept = min(_KEPT, len(total_P))
    values_K = np.quantile(total_P, (np.arange(kept) + 0.5) / kept)
    return values_K.astype(np.float32).astype(np.float64)
