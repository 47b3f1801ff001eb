"""Judging: scores, comparisons and verdict over the folds of one walk together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.errors import DataError
from stockcast.evaluation.calibration import TickerRecord
from stockcast.evaluation.scores import ConcatenatedDistribution, ConcatenatedEntry, Entry
from stockcast.evaluation.verdict import BacktestResult, FoldSummary, verdict
from stockcast.models.distribution import StudentT
from stockcast.models.training import LossCurve
from stockcast.windows.splits import Part

if TYPE_CHECKING:
    from stockcast.evaluation.calibration import CalibrationEffect, CalibrationReport
    from stockcast.evaluation.economics import Economics
    from stockcast.models.distribution import Distribution
    from stockcast.pipeline.walking import Stage, Walk
    from stockcast.storage.foldfile import FoldFile
    from stockcast.windows.splits import Fold

Entries = dict[str, ConcatenatedEntry]


def judged(
    walk: Walk, folds: Sequence[Fold], done: Sequence[Stage], keep_rows: bool, in_depth: bool = True,
    serves: bool = False,
) -> BacktestResult:  # fmt: skip
    """What a walk found. keep_rows: every forecast too. in_depth: calibration and economics of the ticker alone, too.
    serves: say in the verdict who makes the forecasts.

    Raises DataError where no baseline could be fitted.
    """
    files = [stage.file for stage in done]
    whole = Part(folds[0].split.test.start, folds[-1].split.test.stop)
    steps = range(1, walk.config.horizon + 1)
    # A step that leads out of the history from every origin has nothing to be scored on.
    by_step = [found for step in steps if (found := _entries(walk, files, whole, step))]
    entries = by_step[0]
    left_out = {name: why for file in files for name, why in file.about["left_out"].items()}
    for name, why in left_out.items():
        walk.progress.note(f"{walk.history.ticker}: {name} is left out: {why}")
    # What is chosen is chosen on the first fold's validation part: no session that is scored has a say.
    first_crps: Mapping[str, float] = files[0].about["validation_crps"]
    network = min(walk.config.cells, key=lambda name: first_crps[name])
    known = {name: entry for name, entry in entries.items() if entry.kind == "baseline"}
    if not known:
        raise DataError(f"{walk.history.ticker}: no baseline could be fitted", "choose others with --baseline")
    every = [entry for of_step in by_step for entry in of_step.values()]
    return BacktestResult(
        ticker=walk.history.ticker,
        network=network,
        data_sha256=walk.history.sha256(),
        folds=tuple(summary_of(fold, stage) for fold, stage in zip(folds, done, strict=True)),
        scores=tuple(entry.score() for entry in every),
        comparisons=tuple(
            of_step[cell].compare(of_step[name]) for of_step in by_step for cell in walk.config.cells for name in known
        ),
        validation_crps=dict(first_crps),
        verdict=verdict(entries[network], known, first_crps, serves),
        calibration=_calibration(entries[network], files[0].early[network]) if in_depth else None,
        calibrated=_calibrated(entries[network]) if in_depth else (),
        record=_record(walk, folds[0], files[0], entries[network]) if keep_rows else None,
        economics=_traded(walk, entries, network) if in_depth else (),
        left_out=tuple(left_out),
        notes=walk.history.notes,
        rows=tuple(entry.rows() for entry in every) if keep_rows else (),
    )


def summary_of(fold: Fold, stage: Stage | None = None) -> FoldSummary:
    """A fold as a result: its parts, and what came of it once it is done."""
    parts: dict[str, Any] = {name: (part.first, part.last, part.count) for name, part in fold.split.summary().items()}
    summary = FoldSummary(fold.number, parts["train"], parts["validation"], parts["test"])
    if stage is None:
        return summary
    curves = {
        cell: tuple(
            LossCurve(c["seed"], tuple(c["steps"]), tuple(c["training"]), tuple(c["validation"]), c["chosen"])
            for c in of_cell
        )
        for cell, of_cell in stage.file.about["curves"].items()
    }
    steps = {cell: tuple(curve.chosen for curve in of_cell) for cell, of_cell in curves.items()}
    return replace(summary, steps=steps, curves=curves, resumed=stage.resumed)


def _entries(walk: Walk, files: Sequence[FoldFile], whole: Part, step: int) -> Entries:
    """Every competitor that all folds have, over all of them, for one step."""
    outcomes = walk.outcomes(whole, step)
    if not len(outcomes.y_N):
        return {}
    names = [name for name in (*walk.config.cells, *walk.baselines) if all(name in file.dists for file in files)]
    return {
        name: ConcatenatedEntry(
            name, ConcatenatedDistribution(tuple(dist for file in files for dist in _dists(file, name, step))), outcomes
        )
        for name in names
    }


def _dists(file: FoldFile, name: str, step: int) -> tuple[Distribution, ...]:
    """A fold's distribution of a step; none where no target of it lies within the history."""
    return (file.dists[name],) if step == 1 else file.ahead.get(name, ())[step - 2 : step - 1]


def _record(walk: Walk, first: Fold, file: FoldFile, entry: ConcatenatedEntry) -> TickerRecord:
    """The network's distributions and what happened; the first fold's validation part came earlier, and warms up."""
    early = file.early[entry.model]
    assert isinstance(early, StudentT)  # noqa: S101 - a network's distribution is one
    return TickerRecord(student(entry.dist), entry.outcomes, (early, walk.outcomes(first.split.validation)))


def _calibration(entry: Entry, early: Distribution) -> CalibrationReport:
    """Whether the network's probabilities are what they say. early: those of the validation part, which only give
    the first scored sessions something to be ranked among.
    """
    from stockcast.evaluation.calibration import calibration, inside
    from stockcast.models.recalibration import causal_deciles

    pit_N = entry.dist.cdf(entry.outcomes.y_N)
    deciles_N = causal_deciles(np.concatenate([early.std, entry.dist.std]))[len(early) :]
    return calibration(pit_N, inside(pit_N), deciles_N, entry.outcomes.target_sessions)


def _calibrated(entry: ConcatenatedEntry) -> tuple[CalibrationEffect, ...]:
    """What calibration would have done to the network's intervals."""
    from stockcast.evaluation.calibration import calibration_effects

    return calibration_effects(student(entry.dist), entry.outcomes)


def student(dist: ConcatenatedDistribution) -> StudentT:
    """A network's distributions of all folds as one."""
    students = [stretch for stretch in dist.stretches if isinstance(stretch, StudentT)]
    whole = (np.concatenate([getattr(stretch, name) for stretch in students]) for name in ("loc", "scale", "nu"))
    return StudentT(*whole)


def _traded(walk: Walk, entries: Entries, network: str) -> tuple[Economics, ...]:
    return _economics({cell: entries[cell] for cell in walk.config.cells}, network, walk.config.cost)


def _economics(networks: Mapping[str, Entry], chosen: str, cost: float) -> tuple[Economics, ...]:
    """What trading on the chosen network's forecasts would have earned; the others count as settings tried."""
    from stockcast.evaluation.economics import TradingRules, chosen_economics

    tried = {cell: (entry.dist.quantile(np.array([0.5]))[:, 0], entry.dist.std) for cell, entry in networks.items()}
    return chosen_economics(networks[chosen].outcomes.y_N, tried, chosen, TradingRules(cost_bp=cost))
