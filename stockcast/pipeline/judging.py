"""Judging: the folds of a walk as scores and a verdict; tickers together, with false discoveries held down; a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, nan
from statistics import fmean, mode
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.errors import DataError
from stockcast.evaluation.calibrationeffects import TickerRecord, pooled_effects
from stockcast.evaluation.eventscores import EventScore, event_scores, pooled_event_scores
from stockcast.evaluation.scores import ConcatenatedDistribution, ConcatenatedEntry, Entry, Score
from stockcast.evaluation.serving import Choice, InitialResult, choice_of
from stockcast.evaluation.significance import (
    benjamini_hochberg,
    diebold_mariano,
    model_confidence_set,
    pooled_by_date,
)
from stockcast.evaluation.verdict import (
    ALL,
    BacktestResult,
    BacktestSummary,
    FoldSummary,
    PooledComparison,
    unscored_verdict,
    verdict,
)
from stockcast.models.distribution import StudentT
from stockcast.models.ensemble import LossCurve
from stockcast.pipeline.reportdates import hindsight
from stockcast.prices.history import Dates, Floats
from stockcast.results import SkillRow, SkillTable
from stockcast.windows.splits import Part

if TYPE_CHECKING:
    from stockcast.evaluation.calibration import CalibrationReport
    from stockcast.evaluation.calibrationeffects import CalibrationEffect
    from stockcast.evaluation.economics import Economics, PolicyVerdict
    from stockcast.models.distribution import Distribution
    from stockcast.pipeline.walking import Stage, Walk
    from stockcast.storage.foldfile import FoldFile
    from stockcast.windows.splits import Fold


GARCH, HAR = "garch-t", "har-t"

DISCOVERY_RATE = 0.1
"""Share of false ones tolerated among the tickers on which a network is said to be better."""

SET_SIZE, SET_BLOCK, SET_DRAWS = 0.1, 10, 1000

Losses = dict[str, tuple[Dates, Floats]]
"""CRPS by competitor: target sessions, and the mean over tickers for each."""

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
    left_out = {name: why for file in files for name, why in file.about["left_out"].items()}
    for name, why in left_out.items():
        walk.progress.note(f"{walk.history.ticker}: {name} is left out: {why}")
    # What is chosen is chosen on the first fold's validation part: no session that is scored has a say.
    first_crps: Mapping[str, float] = files[0].about["validation_crps"]
    network = min(walk.config.cells, key=lambda name: first_crps[name])
    names = [name for name in walk.baselines if name not in left_out]
    if not names:
        raise DataError(f"{walk.history.ticker}: no baseline could be fitted", "choose others with --baseline")
    chosen = choice_of(files[0].about["serving"][network])
    whole = Part(folds[0].split.test.start, folds[-1].split.test.stop)
    if not len(whole):
        return _unscored(walk, network, first_crps, chosen, tuple(left_out))
    steps = range(1, walk.config.horizon + 1)
    # A step that leads out of the history from every origin has nothing to be scored on.
    by_step = [found for step in steps if (found := _entries(walk, files, whole, step))]
    entries = by_step[0]
    known = {name: entry for name, entry in entries.items() if entry.kind == "baseline"}
    every = [entry for of_step in by_step for entry in of_step.values()]
    positions = {name: np.concatenate([file.positions[name] for file in files]) for name in files[0].positions}
    economics, policy = _economics(walk, entries, network, positions) if in_depth else ((), ())
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
        verdict=verdict(entries[network], known, first_crps, chosen, serves),
        calibration=_calibration(entries[network], files[0].early[network]) if in_depth else None,
        calibrated=_calibrated(entries[network]) if in_depth else (),
        record=_record(walk, folds[0], files[0], entries[network]) if keep_rows else None,
        economics=economics,
        left_out=tuple(left_out),
        notes=(
            *walk.history.notes,
            *hindsight(walk.history.events, entries[network].outcomes.target_sessions),
        ),
        rows=tuple(entry.rows() for entry in every) if keep_rows else (),
        event_scores=_event_scores(walk, entries, network, whole.start),
        policy=policy,
        positions=positions if keep_rows else {},
    )


def _unscored(
    walk: Walk, network: str, validation_crps: Mapping[str, float], chosen: Choice, left_out: tuple[str, ...]
) -> BacktestResult:
    """What is left of a walk without a test part: what the validation part chose."""
    baselines = [name for name in validation_crps if name not in walk.config.cells]
    strongest = min(baselines, key=lambda name: validation_crps[name])
    return BacktestResult(
        ticker=walk.history.ticker,
        network=network,
        data_sha256=walk.history.sha256(),
        folds=(),
        scores=(),
        comparisons=(),
        validation_crps=dict(validation_crps),
        verdict=unscored_verdict(network, strongest, chosen),
        calibration=None,
        economics=(),
        left_out=left_out,
        notes=walk.history.notes,
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
    about = stage.file.about
    return replace(
        summary,
        steps={cell: tuple(steps) for cell, steps in about["steps"].items()},
        curves=curves,
        resumed=stage.resumed,
        initialised_from=about["initialised_from"],
        init=None if about["init"] is None else InitialResult(**about["init"]),
        served_by={cell: choice_of(kept).served_by for cell, kept in about["serving"].items()},
    )


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


def _event_scores(walk: Walk, entries: Entries, network: str, start: int) -> tuple[EventScore, ...]:
    """The scores on days of reactions and on others; none where no dates are known."""
    if walk.f.events is None:
        return ()
    rows = walk.f.events.rows(start, start + len(entries[network].outcomes.y_N))
    return event_scores(entries, rows, network)


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
    from stockcast.evaluation.calibrationeffects import calibration_effects

    return calibration_effects(student(entry.dist), entry.outcomes)


def student(dist: ConcatenatedDistribution) -> StudentT:
    """A network's distributions of all folds as one."""
    students = [stretch for stretch in dist.stretches if isinstance(stretch, StudentT)]
    whole = (np.concatenate([getattr(stretch, name) for stretch in students]) for name in ("loc", "scale", "nu"))
    return StudentT(*whole)


def _economics(
    walk: Walk, entries: Entries, chosen: str, positions: Mapping[str, Floats]
) -> tuple[tuple[Economics, ...], tuple[PolicyVerdict, ...]]:
    """What trading on the chosen network's forecasts would have earned, and what policies held, with verdicts on these;
    the other networks count as settings tried.
    """
    from stockcast.evaluation.economics import TradingRules, chosen_economics
    from stockcast.evaluation.policies import judged_policies

    networks = {cell: entries[cell] for cell in walk.config.cells}
    tried = {cell: (entry.dist.quantile(np.array([0.5]))[:, 0], entry.dist.std) for cell, entry in networks.items()}
    y_N, rules = networks[chosen].outcomes.y_N, TradingRules(cost_bp=walk.config.cost)
    of_policies, verdicts = judged_policies(y_N, positions, tried, rules)
    return (*chosen_economics(y_N, tried, chosen, rules), *of_policies), verdicts


def pooled(results: Sequence[BacktestResult]) -> BacktestSummary:
    """The backtests of all tickers together.

    Args:
        results: One for each ticker, with their rows (`keep_rows`).

    Returns:
        Comparisons by date over tickers, the model confidence set, and what a calibration that adapts to all tickers
        does.
    """
    by_step = [_losses(results, step) for step in range(1, max(result.horizon for result in results) + 1)]
    cells = sorted({score.model for result in results for score in result.scores if score.kind == "network"})
    comparisons = tuple(
        _compared(cell, name, step, losses, results)
        for step, losses in enumerate(by_step, start=1)
        for cell in cells
        if cell in losses
        for name in losses
        if name not in cells
    )
    members = {name: by_date for name, (_, by_date) in by_step[0].items()}
    networks = [result.network for result in results]
    records = [result.record for result in results if result.record is not None]
    chosen = model_confidence_set(members, SET_SIZE, SET_BLOCK, SET_DRAWS) if len(members) > 1 else None
    return BacktestSummary(
        results=tuple(results),
        pooled=comparisons,
        mean_crps={name: float(by_date.mean()) for name, by_date in members.items()},
        confidence_set={} if chosen is None else {name: chosen.p_values[name] for name in chosen.members},
        calibrated=pooled_effects(records) if len(records) > 1 else (),
        event_scores=pooled_event_scores(ALL, [one.event_scores for one in results], mode(networks)),
    )


def _losses(results: Sequence[BacktestResult], horizon: int) -> Losses:
    """The losses of one step; competitors that a ticker lacks are left out."""
    of_step = [[rows for rows in result.rows if rows.horizon == horizon] for result in results]
    common = set.intersection(*({rows.model for rows in of_ticker} for of_ticker in of_step))
    found: Losses = {}
    for name in [rows.model for rows in of_step[0] if rows.model in common]:
        of_name = [rows for of_ticker in of_step for rows in of_ticker if rows.model == name]
        dates = np.concatenate([rows.target_sessions for rows in of_name])
        found[name] = pooled_by_date(dates, np.concatenate([rows.crps for rows in of_name]))
    return found


def _compared(
    cell: str, baseline: str, horizon: int, losses: Losses, results: Sequence[BacktestResult]
) -> PooledComparison:
    ours, theirs = losses[cell][1], losses[baseline][1]
    test = diebold_mariano(ours, theirs, max(10, 2 * horizon), horizon)
    pair = (cell, baseline)
    single = [c for result in results for c in result.comparisons_at(horizon) if (c.model, c.baseline) == pair]
    found = benjamini_hochberg([c.dm_p for c in single]) <= DISCOVERY_RATE
    return PooledComparison(
        model=cell,
        baseline=baseline,
        crps_skill=float(np.mean([c.crps_skill for c in single])),
        dm_p=test.p_value,
        dates=test.n,
        tickers=len(single),
        better=sum(c.crps_skill > 0 for c in single),
        found=int(found.sum()),
        horizon=horizon,
    )


def skill_table(summary: BacktestSummary) -> SkillTable:
    """The competitors that every ticker has, one step ahead, by the gain over the reference, best first.

    Args:
        summary: Of `pooled`.

    Returns:
        Figures for a paper; a mean over tickers is None where it is undefined for one of them.

    Raises:
        ValueError: Without a result.
    """
    if not summary.results:
        raise ValueError("no backtest to make a table of")
    field = _Field.of(summary)
    rows = [field.row(name) for name in field.names]
    tests = [(result.folds[0].test[0], result.folds[-1].test[1]) for result in summary.results]
    fold_counts = [len(result.folds) for result in summary.results]
    seen = {name: None for by_model in map(_one_ahead, summary.results) for name in by_model}
    return SkillTable(
        rows=tuple(sorted(rows, key=lambda row: inf if row.reference_gain is None else -row.reference_gain)),
        tickers=tuple(result.ticker for result in summary.results),
        first=min(first for first, _ in tests),
        last=max(last for _, last in tests),
        n=sum(score.n for score in field.scores[field.network]),
        folds=(min(fold_counts), max(fold_counts)),
        network=field.network,
        reference=field.reference,
        confidence_set=dict(summary.confidence_set),
        left_out=tuple(name for name in seen if name not in field.names),
    )


@dataclass(frozen=True)
class _Field:
    """Who competes. scores: by competitor, one for each ticker, in the order of the tickers."""

    scores: dict[str, list[Score]]
    network: str
    reference: str
    p_values: dict[str, float]

    @classmethod
    def of(cls, summary: BacktestSummary) -> _Field:
        tables = [_one_ahead(result) for result in summary.results]
        common = set.intersection(*(set(by_model) for by_model in tables))
        scores = {name: [by_model[name] for by_model in tables] for name in tables[0] if name in common}
        cells = [name for name, found in scores.items() if found[0].kind == "network"]
        network = max(cells, key=lambda name: sum(result.network == name for result in summary.results))
        baselines = [name for name in scores if name not in cells]
        return cls(
            scores=scores,
            network=network,
            reference=GARCH if GARCH in scores else min(baselines or cells, key=lambda name: _crps(scores[name])),
            p_values={c.baseline: c.dm_p for c in summary.pooled if c.model == network and c.horizon == 1},
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.scores)

    def row(self, name: str) -> SkillRow:
        ours, reference = self.scores[name], self.scores[self.reference]
        weights = [score.n for score in ours]
        return SkillRow(
            model=name,
            kind=ours[0].kind,
            crps_bp=1e4 * _crps(ours),
            reference_gain=_mean(_gain, ours, reference),
            garch_gain=self._against(name, GARCH),
            har_gain=self._against(name, HAR),
            log_score_gain=_mean(_log_score_gain, ours, reference),
            interval_score_gain=_mean(_interval_score_gain, ours, reference),
            coverage_50=fmean([score.coverage_50 for score in ours], weights),
            coverage_90=fmean([score.coverage_90 for score in ours], weights),
            better_than_garch=self._better(name, GARCH),
            better_than_har=self._better(name, HAR),
            network_gain=None if name == self.network else _mean(_gain, self.scores[self.network], ours),
            network_p=self.p_values.get(name),
        )

    def _against(self, name: str, other: str) -> float | None:
        return _mean(_gain, self.scores[name], self.scores[other]) if other in self.scores else None

    def _better(self, name: str, other: str) -> int | None:
        if other not in self.scores or name == other:
            return None
        return sum(ours.crps < theirs.crps for ours, theirs in zip(self.scores[name], self.scores[other], strict=True))


def _one_ahead(result: BacktestResult) -> dict[str, Score]:
    """The scores of the next session's forecasts, by competitor."""
    return {score.model: score for score in result.scores_at(1)}


def _crps(scores: Sequence[Score]) -> float:
    return fmean(score.crps for score in scores)


def _gain(ours: Score, theirs: Score) -> float:
    return 1.0 - ours.crps / theirs.crps if theirs.crps > 0 else nan


def _log_score_gain(ours: Score, theirs: Score) -> float:
    return nan if ours.log_score is None or theirs.log_score is None else ours.log_score - theirs.log_score


def _interval_score_gain(ours: Score, theirs: Score) -> float:
    return 1.0 - ours.interval_score_90 / theirs.interval_score_90 if theirs.interval_score_90 > 0 else nan


def _mean(of: Callable[[Score, Score], float], ours: Sequence[Score], theirs: Sequence[Score]) -> float | None:
    """Mean over tickers."""
    value = fmean(of(a, b) for a, b in zip(ours, theirs, strict=True))
    return value if isfinite(value) else None
