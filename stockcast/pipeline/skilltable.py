"""The skill table: a backtest's competitors over all tickers, in figures that can stand in a paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from statistics import fmean

from stockcast.evaluation.scores import Score
from stockcast.evaluation.verdict import BacktestResult, BacktestSummary
from stockcast.results import SkillRow, SkillTable

GARCH, HAR = "garch-t", "har-t"


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
