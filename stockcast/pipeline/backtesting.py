"""Backtesting: a walk-forward over the past, every fold fitted anew, every competitor scored on the same outcomes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.config import TrainConfig
from stockcast.config.backtests import BacktestConfig
from stockcast.errors import ConfigError, DataError
from stockcast.evaluation.backtest import Entry, Outcomes, mean_crps
from stockcast.evaluation.joined import JoinedEntry, JoinedLaw
from stockcast.evaluation.verdict import verdict
from stockcast.models.baselines import ALL_BASELINES
from stockcast.models.distribution import Distribution, StudentT
from stockcast.pipeline.sources import load
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.results.backtests import BacktestResult, FoldSummary
from stockcast.results.progress import Progress
from stockcast.storage import foldfile
from stockcast.storage.foldfile import FoldFile
from stockcast.windows.features import BURN_IN, Features, features
from stockcast.windows.folds import Fold, walk_forward, without_first
from stockcast.windows.splits import Part

if TYPE_CHECKING:
    from stockcast.models.baselines import Baseline
    from stockcast.pipeline.fetching import Waiting
    from stockcast.results.calibration import Calibration, CalibrationEffect
    from stockcast.results.economics import Economics


def plan(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, waiting: Waiting | None = None
) -> tuple[FoldSummary, ...]:
    """The folds of a backtest, without running it. Raises what loading and splitting raise."""
    history = load(source, read, home, waiting)
    folds = walk_forward(history.dates[1:], config.folds, config.network.lookback)
    return tuple(_summary(fold) for fold in folds)


def backtest(
    source: str, read: ReadOptions, config: BacktestConfig, home: Path, progress: Progress,
    keep_rows: bool = False, waiting: Waiting | None = None,
) -> BacktestResult:  # fmt: skip
    """Walk forward over a source. Folds that an earlier, interrupted backtest has finished are not fitted again.

    keep_rows: return every forecast of every competitor. Raises what loading and splitting raise, StorageError.
    """
    history = load(source, read, home, waiting, progress)
    for note in history.notes:
        progress.note(f"{history.ticker}: {note}")
    walk = Walk(history, features(history), config, home / "backtests" / _folder_name(history.ticker), progress)
    folds = walk_forward(history.dates[1:], config.folds, config.network.lookback)
    done = [walk.fold(fold, folds[-1].number) for fold in folds]
    return _judged(walk, folds, done, keep_rows)


def _folder_name(ticker: str) -> str:
    """A ticker as the name of a folder; two that share one lose nothing, since files are named after their content."""
    return re.sub(r"[^\w^=-]", "_", ticker)[:100]


@dataclass(frozen=True)
class Walk:
    """One walk: what its folds share."""

    history: History
    f: Features
    config: BacktestConfig
    folder: Path
    progress: Progress

    @cached_property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines. Raises ConfigError for an unknown one."""
        wanted = self.config.baselines or tuple(ALL_BASELINES)
        for name in wanted:
            if name not in ALL_BASELINES:
                raise ConfigError(f"unknown baseline {name!r}", f"choose some of {', '.join(ALL_BASELINES)}")
        return wanted

    def fold(self, fold: Fold, last: int) -> tuple[FoldFile, bool]:
        """A fold's forecasts, and whether they were there already."""
        path = self.folder / f"{self._key(fold)}.npz"
        found = foldfile.load(path)
        if found is not None:
            self.progress.note(f"{self.history.ticker}: fold {fold.number} of {last} was there already", detail=True)
            return found, True
        made = self._fitted(fold, last)
        foldfile.save(path, made)
        return made, False

    def _key(self, fold: Fold) -> str:
        """All that the fold's forecasts depend on: settings, parts, and bars up to the last target."""
        m, stop = self.f.moves, fold.split.test.stop + 1
        described: dict[str, Any] = {
            "network": asdict(self.config.network),
            "training": asdict(self.config.training),
            "cells": list(self.config.cells),
            "baselines": list(self.baselines),
            "parts": [asdict(part) for part in (fold.split.train, fold.split.validation, fold.split.test)],
        }
        if self._forgotten(fold, BURN_IN):
            described["forgotten"] = self._forgotten(fold, BURN_IN)
        arrays = [a[:stop] for a in (m.dates, m.r_T, m.v_T, m.gap_T, m.surprise_T) if a is not None]
        return foldfile.key_of(described, *arrays)

    def _fitted(self, fold: Fold, last: int) -> FoldFile:
        """Fit every competitor on what the fold may know, and forecast its test part."""
        laws: dict[str, Distribution] = {}
        chosen_on: dict[str, Distribution] = {}
        steps: dict[str, list[int]] = {}
        for cell in self.config.cells:
            self.progress.stage(f"fold {fold.number} of {last}: {cell}", self._most_steps(cell, fold))
            laws[cell], chosen_on[cell], steps[cell] = self._network(cell, fold, last)
        left_out: dict[str, str] = {}
        self.progress.stage(f"fold {fold.number} of {last}: baselines", len(self.baselines))
        for name in self.baselines:
            try:
                laws[name], chosen_on[name] = self._baseline(ALL_BASELINES[name], fold)
            except DataError as error:
                left_out[name] = error.message
            self.progress.advance(1)
        crps = mean_crps(chosen_on, self.outcomes(fold.split.validation))
        return FoldFile(laws, {"validation_crps": crps, "steps": steps, "left_out": left_out})

    def _baseline(self, kind: type[Baseline], fold: Fold) -> tuple[Distribution, Distribution]:
        """Forecasts of the test part, and those of the validation part."""
        f, fold = without_first(self.f, fold, self._forgotten(fold, BURN_IN))
        learning, choosing, test = fold.split.train, fold.split.validation, fold.split.test
        early = kind.fit(f, learning.start, learning.stop).forecast(f, choosing.start, choosing.stop)
        return kind.fit(f, fold.seen.start, fold.seen.stop).forecast(f, test.start, test.stop), early

    def _network(self, cell: str, fold: Fold, last: int) -> tuple[Distribution, Distribution, list[int]]:
        """Forecasts of the test part, those of the validation part, and the steps of each member."""
        from stockcast.models.training import refit, train

        config = self._train_config(cell)
        training, lookback = config.training, config.network.lookback
        # Chunks are drawn from the first row on that leaves a warm-up; windows from the part's own first origin.
        run_in = BURN_IN + training.warmup if training.chunked else lookback - 1
        f, fold = without_first(self.f, fold, self._forgotten(fold, run_in))
        ensemble, chosen = train(f, fold.split, config, self.progress)
        choosing, test = fold.split.validation, fold.split.test
        validation = ensemble.forecast(f, choosing.start, choosing.stop)
        if training.final_fit:
            self.progress.stage(f"fold {fold.number} of {last}: {cell} again, on all before it", sum(chosen.steps))
            ensemble = refit(f, fold.seen, config, chosen, self.progress)
        return ensemble.forecast(f, test.start, test.stop), validation, list(chosen.steps)

    def _forgotten(self, fold: Fold, run_in: int) -> int:
        """Rows that a sliding window has left behind: not even a filter that needs no targets starts there."""
        return 0 if self.config.folds.window is None else max(0, fold.split.train.start - run_in)

    def _train_config(self, cell: str) -> TrainConfig:
        return TrainConfig(network=replace(self.config.network, cell=cell), training=self.config.training)

    def _most_steps(self, cell: str, fold: Fold) -> int:
        training = self._train_config(cell).training
        return training.gradient_steps(len(fold.split.train)) * training.seeds

    def outcomes(self, part: Part) -> Outcomes:
        """What happened after the origins of a part."""
        return Outcomes.of(self.history.ticker, self.f, self.history.close[1:], part)


def _judged(
    walk: Walk, folds: Sequence[Fold], done: Sequence[tuple[FoldFile, bool]], keep_rows: bool
) -> BacktestResult:
    """Scores, comparisons and verdict over all folds together."""
    files = [file for file, _ in done]
    whole = Part(folds[0].split.test.start, folds[-1].split.test.stop)
    outcomes = walk.outcomes(whole)
    names = [name for name in (*walk.config.cells, *walk.baselines) if all(name in file.laws for file in files)]
    entries = {name: JoinedEntry(name, JoinedLaw(tuple(file.laws[name] for file in files)), outcomes) for name in names}
    left_out = {name: why for file in files for name, why in file.about["left_out"].items()}
    for name, why in left_out.items():
        walk.progress.note(f"{walk.history.ticker}: {name} is left out: {why}")
    # What is chosen is chosen on the first fold's validation part: no session that is scored has a say.
    first_crps: Mapping[str, float] = files[0].about["validation_crps"]
    network = min(walk.config.cells, key=lambda name: first_crps[name])
    known = {name: entry for name, entry in entries.items() if entry.kind == "baseline"}
    if not known:
        raise DataError(f"{walk.history.ticker}: no baseline could be fitted", "choose others with --baseline")
    return BacktestResult(
        ticker=walk.history.ticker,
        network=network,
        data_sha256=walk.history.sha256(),
        folds=tuple(
            replace(_summary(fold), steps={c: tuple(s) for c, s in file.about["steps"].items()}, resumed=resumed)
            for fold, (file, resumed) in zip(folds, done, strict=True)
        ),
        scores=tuple(entry.score() for entry in entries.values()),
        comparisons=tuple(entries[cell].compare(other) for cell in walk.config.cells for other in known.values()),
        validation_crps=dict(first_crps),
        verdict=verdict(entries[network], known, first_crps, serves=False),
        calibration=_calibration(entries[network]),
        calibrated=_calibrated(entries[network]),
        economics=_economics(entries[network], walk.config.cost),
        left_out=tuple(left_out),
        notes=walk.history.notes,
        rows=tuple(entry.rows() for entry in entries.values()) if keep_rows else (),
    )


def _calibration(entry: Entry) -> Calibration:
    """Whether the network's probabilities are what they say."""
    from stockcast.evaluation.calibrationtests import calibration, inside
    from stockcast.models.recalibration import causal_deciles

    pit_N = entry.law.cdf(entry.outcomes.y_N)
    deciles_N = causal_deciles(entry.law.std)
    return calibration(pit_N, inside(pit_N), deciles_N, entry.outcomes.target_sessions)


def _calibrated(entry: Entry) -> tuple[CalibrationEffect, ...]:
    """What calibration would have done to the network's intervals."""
    from stockcast.evaluation.recalibrated import effects

    stretches = entry.law.stretches if isinstance(entry.law, JoinedLaw) else (entry.law,)
    students = [law for law in stretches if isinstance(law, StudentT)]
    whole = (np.concatenate([getattr(law, name) for law in students]) for name in ("loc", "scale", "nu"))
    return effects(StudentT(*whole), entry.outcomes)


def _economics(entry: Entry, cost: float) -> tuple[Economics, ...]:
    """What trading on the network's forecasts would have earned."""
    from stockcast.evaluation.economics import TradingRules, economics

    medians = entry.law.quantile(np.array([0.5]))[:, 0]
    return economics(entry.outcomes.y_N, medians, entry.law.std, TradingRules(cost_bp=cost))


def _summary(fold: Fold) -> FoldSummary:
    found: dict[str, Any] = {name: (part.first, part.last, part.count) for name, part in fold.split.summary().items()}
    return FoldSummary(fold.number, found["train"], found["validation"], found["test"])
