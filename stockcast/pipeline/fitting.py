"""Fitting: a training in its pieces, each of them done wherever there is room.

What one series has to do is a piece. A pool learns with a market and without at the same time; then its members are
scored, each by itself, while everything is fitted again. The members of an ensemble stay together: they are trained on
the same arrays, whose making takes longer than a member's training where the pool is large.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stockcast.engine.pieces import Piece, Steps
from stockcast.errors import DataError
from stockcast.evaluation.serving import pooled_choice
from stockcast.evaluation.verdict import adjusted_p, pooled_verdict, sentences, strongest_on
from stockcast.pipeline.costs import baselines_seconds, training_seconds
from stockcast.pipeline.judging import judged, pooled
from stockcast.pipeline.policies import policies_seconds
from stockcast.pipeline.trainer import ALONE, Judgement, Trainer
from stockcast.pipeline.walking import KEPT_FOLDS, Stage, Walk
from stockcast.progress import Progress, Silent
from stockcast.storage import foldfile
from stockcast.windows.splits import MIN_TRAIN, MIN_VALIDATION, Fold

if TYPE_CHECKING:
    from stockcast.evaluation.scores import ForecastRows
    from stockcast.evaluation.verdict import BacktestResult
    from stockcast.forecasting import Fit, KeptPolicy
    from stockcast.models.ensemble import Ensemble
    from stockcast.pipeline.initial import TrainingResult
    from stockcast.pipeline.pools import Member
    from stockcast.storage.foldfile import FoldFile

_SECONDS_A_SERIES = 0.06
"""What it takes to prepare a series, each time that a pool learns: its columns, scaled and put beside the others."""


@dataclass(frozen=True)
class Fitted:
    """What a training leaves: what was learnt, what the test parts say of it, the fits that are kept, and a policy."""

    learned: TrainingResult
    judgement: Judgement
    fits: Mapping[str, Fit]
    policy: KeptPolicy | None = None


def fitting(trainer: Trainer, keep_rows: bool = False) -> Steps[Fitted]:
    """Learn on the training parts, judge on the test parts, fit again on everything.

    Args:
        trainer: The training.
        keep_rows: Keep every percentile of every test forecast of a pool; else the medians alone.

    Returns:
        What is kept of it.

    Raises:
        DataError: No series teaches, or none can be scored.
    """
    if trainer.is_pool:
        return (yield from _of_pool(trainer, keep_rows))
    label = f"{trainer.member.ticker}: {trainer.doing(trainer.market is not None, 1)}"
    (made,) = yield [Piece(label, _of_series, replace(trainer, progress=Silent()), seconds=series_seconds(trainer))]
    found: Fitted = made
    return found


def series_seconds(trainer: Trainer) -> float:
    """What the training of one series takes on one core."""
    whole = trainer.parts.whole
    policy = policies_seconds(trainer.config, len(whole), 2 if trainer.config.training.final_fit else 1)
    return _learning_seconds(trainer) + baselines_seconds(whole.stop) + policy


def _of_series(trainer: Trainer, progress: Progress) -> Fitted:
    """All that one series asks for."""
    trainer = replace(trainer, progress=progress)
    learned = trainer.learn(trainer.market is not None)
    judgement = trainer.judge(learned.network)
    policy = trainer.policy(trainer.parts.whole)
    return Fitted(learned, judgement, trainer.fits(learned, judgement.baselines), policy)


def _of_pool(trainer: Trainer, keep_rows: bool) -> Steps[Fitted]:
    """Learn, with a market and without; then score every member, and fit again.

    A pool that does not fit into the memory is not sent to others, who would need as much: it learns here.
    """
    here = trainer.pool.files is not None
    quiet, seconds, count = replace(trainer, progress=Silent()), _learning_seconds(trainer), len(trainer.pool.members)
    markets = (False,) if trainer.market is None else (True, False)
    learning = [
        Piece(f"the pool: {trainer.doing(market, count)}", _Learning(market), quiet, seconds=seconds)
        for market in markets
    ]
    learned: list[TrainingResult] = _done(learning, trainer.progress) if here else (yield learning)
    trainer.progress.stage("scoring each ticker", count)
    members = [_scoring(trainer, member, learned[0].network, keep_rows) for member in trainer.pool.members]
    scoring = [one for one in members if isinstance(one, Piece)]
    final = [
        Piece(f"the pool: {trainer.fitting_again(market)}", _Again(market, result), quiet, seconds=seconds)
        for market, result in zip(markets, learned, strict=True)
        if trainer.config.training.final_fit
    ]
    made = yield scoring if here else [*scoring, *final]
    of_pieces = iter(made[: len(scoring)])
    served = iter(_done(final, trainer.progress) if here else made[len(scoring) :])
    scored = [next(of_pieces) if isinstance(one, Piece) else one for one in members]
    fits: dict[str, Fit] = {}
    for prefix, result in zip(("", ALONE), learned, strict=False):
        fits[f"{prefix}scored"] = trainer.scored_fit(result.network, {})
        if final:
            fits[f"{prefix}served"] = next(served)
    return Fitted(learned[0], _judgement(trainer, scored), fits)


def _done(pieces: Sequence[Piece], progress: Progress) -> list[Any]:
    """What pieces make that are done here."""
    return [piece.work(piece.shared, progress) for piece in pieces]


@dataclass(frozen=True)
class _Learning:
    """The networks of a pool from its training parts, wherever."""

    market: bool

    def __call__(self, trainer: Trainer, progress: Progress) -> TrainingResult:
        """Train them."""
        return replace(trainer, progress=progress).learn(self.market)


@dataclass(frozen=True)
class _Again:
    """Everything of a pool once more, wherever."""

    market: bool
    learned: TrainingResult

    def __call__(self, trainer: Trainer, progress: Progress) -> Fit:
        """Fit it."""
        return replace(trainer, progress=progress).final(self.learned, self.market)


@dataclass(frozen=True)
class _Scored:
    """What the parts of a member say.

    result: of its test part; None without one, and where no baseline can be fitted to compare with. validation_crps:
    by competitor; None without a validation part. file: its fold, to be kept.
    """

    result: BacktestResult | None = None
    validation_crps: Mapping[str, float] | None = None
    file: FoldFile | None = None


@dataclass(frozen=True)
class _Member:
    """A member by itself, in a training like that of its pool, and the networks that it is scored with."""

    trainer: Trainer
    network: Ensemble
    keep_rows: bool

    @property
    def is_scored(self) -> bool:
        """Whether it has a test part."""
        return self.trainer.is_scored(self.trainer.member)

    def walk(self) -> tuple[Walk, Fold]:
        """Its test part as a fold."""
        return self.trainer.walk(self.trainer.member, self.network)

    def scored(self, walk: Walk, fold: Fold, stage: Stage, progress: Progress) -> _Scored:
        """The scores of the fold."""
        progress.advance(1)
        try:
            result = judged(walk, [fold], [stage], keep_rows=True, in_depth=False)
        except DataError as error:
            progress.note(f"{walk.history.ticker} is not scored: {error.message}")
            return _Scored(validation_crps=walk.validation_crps(fold))
        rows = result.rows if self.keep_rows else tuple(map(_medians, result.rows))
        return _Scored(replace(result, rows=rows), result.validation_crps)


def _scoring(trainer: Trainer, member: Member, network: Ensemble, keep_rows: bool) -> Piece | _Scored:
    """The scoring of a member as a piece, or what came of it already; its fold is kept where the command runs, so that
    a training that was interrupted goes on where it was.
    """
    parts = trainer.parts_of(member)
    alone = replace(trainer, pool=replace(trainer.pool, members=(member,)), progress=Silent())
    one, label = _Member(alone, network, keep_rows), f"{member.ticker}: scoring"
    if not one.is_scored:
        if len(parts.train) >= MIN_TRAIN and len(parts.validation) >= MIN_VALIDATION:
            return Piece(label, _validated, one, seconds=baselines_seconds(parts.whole.stop) / 2)
        trainer.progress.advance(1)
        return _Scored()
    walk, fold = one.walk()
    key, folder = walk.key(fold), walk.folder
    there = walk.kept(fold, 1, key)
    if there is not None:
        return one.scored(walk, fold, there, trainer.progress)

    def keep(made: _Scored) -> _Scored:
        if made.file is not None and folder is not None:
            foldfile.save_fold(folder / f"{key}.npz", made.file)
            foldfile.prune_folds(folder, KEPT_FOLDS)
        return replace(made, file=None)

    return Piece(label, _tested, one, keep, baselines_seconds(parts.whole.stop))


def _tested(member: _Member, progress: Progress) -> _Scored:
    """A member's test part, forecast and scored."""
    walk, fold = member.walk()
    file = walk.fitted(fold, "", None)
    return replace(member.scored(walk, fold, Stage("", file, resumed=False), progress), file=file)


def _validated(member: _Member, progress: Progress) -> _Scored:
    """The validation part of a member without a test part: it has a say in what is chosen, whatever became of it."""
    walk, fold = member.walk()
    progress.advance(1)
    return _Scored(validation_crps=walk.validation_crps(fold))


def _judgement(trainer: Trainer, scored: Sequence[_Scored]) -> Judgement:
    """What the test parts of all members say together, and of each of them."""
    cell = trainer.config.network.cell
    results = [one.result for one in scored if one.result is not None]
    choosing = [one.validation_crps for one in scored if one.validation_crps is not None]
    summary, strongest = pooled(results), strongest_on(cell, choosing)
    chosen = pooled_choice(cell, choosing, strongest)
    return Judgement(
        tuple(results),
        pooled_verdict(cell, results, summary.pooled, strongest, chosen),
        {},
        summary,
        sentences(cell, results, strongest, chosen),
        adjusted_p(cell, results, strongest),
    )


def _medians(rows: ForecastRows) -> ForecastRows:
    """The same forecasts without the percentiles beside their medians: those of hundreds of tickers fill the memory."""
    return replace(rows, quantiles_NQ=rows.quantiles_NQ[:, [49]])


def _learning_seconds(trainer: Trainer) -> float:
    """What a training takes on one core."""
    parts = [trainer.parts_of(member).train for member in trainer.pool.members]
    return _SECONDS_A_SERIES * len(parts) + training_seconds(trainer.config, sum(map(len, parts)))
