"""Retraining: when a model is due for it, and whether the candidate is good enough to take its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from stockcast import config as settings
from stockcast.config import CovariatesConfig, TrainConfig
from stockcast.config.sources import ReadOptions
from stockcast.engine.pieces import AT_ITS_TURN, Piece, Steps, run_here
from stockcast.errors import DataError, PieceLost
from stockcast.forecasting import seen_by
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource, provider_ticker
from stockcast.progress import Progress, Silent
from stockcast.results import Retraining
from stockcast.storage import modelfile
from stockcast.storage.database import Database
from stockcast.storage.ledger import recording
from stockcast.storage.ledger.recording import Training
from stockcast.windows.covariates import MARKET

if TYPE_CHECKING:
    from stockcast.config.runs import RetrainConfig
    from stockcast.forecasting import Fit, TrainedModel
    from stockcast.models.distribution import Distribution
    from stockcast.pipeline.trainer import Trainer
    from stockcast.pipeline.training import Candidate
    from stockcast.storage.modelfile import ModelFile
    from stockcast.windows.splits import Part

REST = 20
"""Sessions after a training in which the live record does not ask for another: it still shows the model before."""


def due(
    db: Database, home: Path, model: TrainedModel, series: PriceSeries, config: RetrainConfig, day: date | None = None
) -> str | None:
    """Why a model should be trained again, or None.

    Args:
        db: The store.
        home: The folder of models.
        model: The model.
        series: The prices of its ticker.
        config: When models are trained.
        day: The newest session; None: that of the newest bar.
    """
    ticker = series.history.ticker
    last = recording.last_training(db, ticker, model.name)
    # Of another model: its training was noted, and the run killed before it was saved; or somebody trained it since.
    known = [last.session] if last is not None and last.model_id == model.model_id else []
    since = max([model.served.cutoff, *known])
    sessions = series.calendar.count_between(since, day or series.history.last)
    if config.every and sessions >= config.every:
        return f"{sessions} sessions since the last training, on {since}"
    if config.on_decay and sessions >= REST:
        from stockcast.pipeline.scoring import alarm_of

        return alarm_of(db, home, ticker, model.name)
    return None


def retrained(
    db: Database,
    prices: PriceSource,
    old: TrainedModel | None,
    series: PriceSeries,
    config: TrainConfig,
    why: str,
    progress: Progress,
) -> Steps[Retraining]:
    """Train, note in the store what came of it, and save the candidate if it may replace the old model.

    In this order: where a run is killed between the two, the next one knows by the model's id that it was not saved,
    and trains again; of a model that was saved first nobody would know why. The training is a piece; what follows is
    done in the ticker's turn. An old model stays, too, where the prices cannot be trained on, and where the process
    that trains is lost: then nothing is noted, and the next run trains again. Raises StorageError, for a first model
    DataError and PieceLost.
    """
    ticker = series.history.ticker
    try:
        training, file = yield from _tried(prices, old, series, config, why, progress)
    except PieceLost as lost:
        if old is None:
            raise
        found = lost.message.removeprefix(f"{ticker}: ")
        return Retraining("kept", f"the old model stays for this run: {found}; {lost.hint}")
    model_id = "" if old is None else old.model_id
    recording.note_training(
        db,
        Training(
            ticker=ticker,
            model=ticker,
            session=series.history.last,
            finished_at=settings.now().isoformat(timespec="seconds"),
            outcome=training.outcome,
            reason=training.reason,
            old_crps=training.old_crps,
            new_crps=training.new_crps,
            sessions=training.sessions,
            model_id=model_id if file is None else str(file.manifest["model_id"]),
        ),
    )
    if file is not None:
        modelfile.save_model(prices.folder / "models", file)
    return training


def _tried(
    prices: PriceSource,
    old: TrainedModel | None,
    series: PriceSeries,
    config: TrainConfig,
    why: str,
    progress: Progress,
) -> Steps[_Tried]:
    """What came of a training; where the prices cannot be trained on, the old model stays, if there is one."""
    from stockcast.pipeline.fitting import series_seconds
    from stockcast.pipeline.trainer import Trainer

    ticker = series.history.ticker
    try:
        asked = _without(config.covariates, ticker)
        covariates = CovariateSource(asked, prices, progress, strict=False).found(series, config.exchange)
        modelfile.require_usable_name(ticker)
        trainer = Trainer.of_series(series, config, prices.folder, progress, covariates)
        work, given = RetrainingWork(ticker, why, series.read), _Given(replace(trainer, progress=Silent()), old)
        (found,) = yield [Piece(f"{ticker}: training", work, given, seconds=series_seconds(trainer))]
    except DataError as error:
        if old is None:
            raise
        yield AT_ITS_TURN
        return Retraining("kept", f"the old model stays: training failed: {error.message}"), None
    tried: _Tried = found
    return tried


_Tried: TypeAlias = "tuple[Retraining, ModelFile | None]"
"""What came of a training, and the model to save; None where the old one stays."""


@dataclass(frozen=True)
class _Given:
    """What a training needs: nothing of the store, and nothing of the folder of models."""

    trainer: Trainer
    old: TrainedModel | None


@dataclass(frozen=True)
class RetrainingWork:
    """The piece: a candidate is trained and held against the old model, wherever; nothing is written."""

    ticker: str
    why: str
    read: ReadOptions

    def __call__(self, given: _Given, progress: Progress) -> _Tried:
        """Do it. Raises DataError where the prices cannot be trained on."""
        from stockcast.pipeline.training import Candidate

        trainer = replace(given.trainer, progress=progress)
        candidate = run_here(Candidate.of_trainer(trainer, self.ticker, True, self.read), progress)
        training = _judged(given.old, candidate, self.why)
        return training, None if training.outcome == "kept" else candidate.file


def _without(asked: CovariatesConfig, ticker: str) -> CovariatesConfig:
    """The covariates of all tickers of a run but the ticker itself, which may be on the list, too."""
    return replace(asked, sources=tuple(word for word in asked.sources if provider_ticker(word) != ticker))


def _judged(old: TrainedModel | None, candidate: Candidate, why: str) -> Retraining:
    """The candidate's scored fit against what the old model serves, on test sessions that neither has seen."""
    if old is None:
        return Retraining("first", f"first model ({why}), trained to {candidate.model.served.cutoff}")
    since = old.served.cutoff
    try:
        duel = _Duel.of(old, candidate)
    except DataError as error:
        return Retraining("replaced", f"the old model cannot be compared ({error.message}) and was replaced")
    if duel is None:
        return Retraining("replaced", f"replaced ({why}); no test session after {since} to compare on")
    figures = f"CRPS {1e4 * duel.new:.2f} against {1e4 * duel.old:.2f} bp on {duel.sessions} sessions after {since}"
    if duel.new <= duel.old or not np.isfinite(duel.old):
        return Retraining("replaced", f"replaced ({why}): {figures}", duel.old, duel.new, duel.sessions)
    return Retraining("kept", f"the old model stays: {figures}", duel.old, duel.new, duel.sessions)


@dataclass(frozen=True)
class _Duel:
    old: float
    new: float
    sessions: int

    @classmethod
    def of(cls, old: TrainedModel, candidate: Candidate) -> _Duel | None:
        """Mean CRPS of both over the candidate's test sessions after the old model's cutoff; None without any."""
        from stockcast.evaluation.scores import Outcomes, crps

        trainer, new = candidate.trainer, candidate.model
        if old.market is not None and old.members == new.members:
            old = replace(old, market=new.market)  # the same one, further on
        part = trainer.parts.test
        targets = trainer.f.session_returns.dates[part.start + 1 : part.stop + 1]
        start = part.start + int(np.searchsorted(targets, np.datetime64(old.served.cutoff), "right"))
        if start >= part.stop:
            return None
        part = replace(part, start=start)
        y_N = Outcomes.of(old.ticker, trainer.f, trainer.member.history.close[1:], part).y_N
        losses = [
            float(crps(_dist(trainer, fit, model, part), y_N).mean())
            for model, fit in ((old, _fits(old, trainer, part)[-1]), (new, _fits(new, trainer, part)[0]))
        ]
        return cls(losses[0], losses[1], len(part))


def _fits(model: TrainedModel, trainer: Trainer, part: Part) -> tuple[Fit, ...]:
    """The fits, oldest first; those that do without a market where it is not known all over a part."""
    origins = trainer.member.own.session_returns.dates[part.start : part.stop]
    known = model.market is not None and np.isin(origins, model.market.dates_D).all()
    return model.fits_without(*(() if known else (MARKET,)))


def _dist(trainer: Trainer, fit: Fit, model: TrainedModel, part: Part) -> Distribution:
    """What serves of a model forecasts over a part, by one of its fits and with what that looks at."""
    pool = trainer.pool
    f = seen_by(fit.ensemble, trainer.member.own, pool.calendar, model.market, pool.covariates)
    return fit.forecaster(model.served_by).forecast(f, part.start, part.stop)
