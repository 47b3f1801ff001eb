"""Auditing: every fit and every forecast once more with another future, which must change no byte of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast import config as settings
from stockcast.config import PredictConfig, TrainConfig, TrainingConfig
from stockcast.config.models import AUDITING, SCRATCH, BacktestConfig
from stockcast.engine.pieces import Piece, Steps, run_here
from stockcast.errors import ConfigError, DataError, ModelError
from stockcast.evaluation.audit import CHANGES, LaggedCopy, differing_columns, dist_bytes
from stockcast.evaluation.scores import Entry, Outcomes
from stockcast.forecasting import Fit, KeptPolicy, TrainedModel, forecast
from stockcast.models.baselines import ALL_BASELINES, competing
from stockcast.pipeline.auditchecks import (
    FITTED,
    Parts,
    Watched,
    audit_verdict,
    calibration_check,
    days_check,
    differing,
    forecast_bytes,
    lagged_copy_check,
    network_parts,
    outcome,
    prices_check,
)
from stockcast.pipeline.costs import baselines_seconds, training_seconds
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.eventaudit import dates_checks, with_other_dates
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.initial import Initial, Scratch, TrainingResult, model_to_begin_with
from stockcast.pipeline.judging import judged
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.starts import Starts
from stockcast.pipeline.trainer import Trainer
from stockcast.pipeline.walking import Stage, Walk, fit_baselines
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Progress, Silent
from stockcast.results import AuditCheck, AuditResult
from stockcast.storage.files import temporary_folder
from stockcast.storage.trainedmodel import policy_record
from stockcast.windows.splits import Fold, Part

if TYPE_CHECKING:
    from stockcast.models.ensemble import EarlyStopping, Ensemble
    from stockcast.windows.covariates import Covariates

    _Prices = tuple[History, Covariates | None]
    """Of a ticker, and what is seen beside it."""

PATHS = 500
"""Simulated paths of the forecasts that are compared: that their bytes are the same does not take many."""

SHORTEST_HORIZON = 3
"""Sessions that are forecast at least, so that simulated paths are compared, too."""

ALONE = 12
"""Origins whose forecasts are made one by one."""


def audit(
    source: str,
    read: ReadOptions,
    config: TrainConfig,
    home: Path,
    progress: Progress,
    fetch_session: FetchSession | None = None,
) -> AuditResult:
    """Fit and forecast a source with its own future and with others, and say whether anything differs.

    No model and no forecast is saved; prices of a ticker are fetched into the store where they are too old.

    Args:
        source: A file or a ticker.
        read: What a file does not say of itself, and the first and last bar to keep.
        config: Parts, network and training, those of `train` with these settings.
        home: The folder of models, prices and forecasts.
        progress: Who watches.
        fetch_session: How a ticker's prices are fetched; with the defaults unless given.

    Returns:
        Each check with what came of it.

    Raises:
        DataError: Where the source cannot be read, or is too short to be split.
        ConfigError: Where the test part is to be empty.
        SourceUnavailable: Where a ticker's prices cannot be fetched.
    """
    return run_here(audit_steps(source, read, config, home, progress, fetch_session), progress)


def audit_steps(
    source: str, read: ReadOptions, config: TrainConfig, home: Path, progress: Progress,
    fetch_session: FetchSession | None = None,
) -> Steps[AuditResult]:  # fmt: skip
    """The same in steps: each future is a piece, of what is fitted with it, walked and forecast.

    Takes and raises what `audit` does.
    """
    config = replace(config, exchange=config.exchange or read.exchange)
    prices = PriceSource.of(home, read, fetch_session).taken_for(config.exchange)
    series = prices.load(source, progress)
    series.tell(progress)
    covariates = CovariateSource(config.covariates, prices, progress, strict=False)
    trainer = _trainer(series, config, home, progress, covariates.found(series, config.exchange))
    made = _Audit(trainer, model_to_begin_with(trainer.config, home, Silent()))
    if not len(made.test):
        raise ConfigError("an audit compares forecasts of a test part, and there is none", "leave --test-from out")
    of_prices, unread = prices_check(prices, source, series.history, made.origins)
    checks = [
        *of_prices,
        days_check(made.history, made.trainer.pool.calendar, made.trainer.pool.covariates),
        *made.covariates_check(covariates, series),
    ]
    futures, seconds = (None, *made.changes), made.seconds
    of_features, *found = yield [
        made.piece("columns", _Audit.features_check),
        *(made.piece(f"fitted {_named(one)}", _Audit.fitted_with, one, seconds=seconds) for one in futures),
        *(made.piece(f"walk, {_named(one)}", _Audit.walked_with, one, seconds=seconds) for one in futures),
    ]
    fitted, walked = (dict(zip(futures, part, strict=True)) for part in (found[: len(futures)], found[len(futures) :]))
    made = replace(made, fitted=fitted)
    progress.stage("forecasts with other futures", len(futures) * len(made.origins))
    *forecasts, of_dates, one_by_one = yield [
        *(made.piece(f"forecasts, {_named(one)}", _Audit.forecasts_with, one) for one in futures),
        made.piece("report dates", _Audit.dates_checks),
        made.piece("forecasts one by one", _Audit.one_by_one_check),
    ]
    checks += [
        of_features,
        *of_dates,
        *made.fitted_checks(),
        *made.forecast_checks(dict(zip(futures, forecasts, strict=True))),
        one_by_one,
        made.walk_check(walked),
    ]
    live, left_out = calibration_check(home, series)
    checks += [*live, lagged_copy_check(LaggedCopy.of(made.network_entry), made.cell)]
    return AuditResult(
        ticker=series.history.ticker,
        settings=made.settings,
        checks=tuple(checks),
        left_out=(*unread, *made.left_out, *left_out),
        verdict=audit_verdict(series.history.ticker, checks),
    )


def _trainer(
    series: PriceSeries, config: TrainConfig, home: Path, progress: Progress, covariates: Covariates | None
) -> Trainer:  # fmt: skip
    """The training to look at; a quick one where no settings were asked for and it begins from scratch."""
    trainer = Trainer.of_series(series, config, home, progress, covariates)
    if trainer.config.init == SCRATCH and config.training == TrainingConfig(seed=config.training.seed):
        config = replace(config, training=replace(AUDITING, seed=config.training.seed), init=SCRATCH)
        trainer = Trainer.of_series(series, config, home, progress, covariates)
    return trainer


@dataclass(frozen=True)
class _Fitted:
    """What one history was made into: the fit, what validation chose, and the bytes of every fitted object by check."""

    fit: Fit
    chosen: EarlyStopping
    parts: Mapping[str, Parts]
    policy: KeptPolicy | None = None


_Future = str | None
"""One of the changes by its name, or None: the future that there was."""


def _named(future: _Future) -> str:
    return "as it is" if future is None else f"future {future}"


@dataclass(frozen=True)
class _Asked:
    """A part of an audit, wherever it is done. ask: one of its methods; what: what that is given."""

    ask: Callable[..., Any]
    what: tuple[_Future, ...]

    def __call__(self, audit: _Audit, progress: Progress) -> Any:
        """Do it."""
        return self.ask(replace(audit, trainer=replace(audit.trainer, progress=progress)), *self.what)


def _bytes_of(model: TrainedModel, history: History, asked: PredictConfig) -> bytes:
    """Its forecasts; the reason where they are not to be shown, which must not look ahead either."""
    try:
        return b"".join(map(forecast_bytes, forecast(model, history, asked, settings.now())))
    except ModelError as error:
        return error.message.encode()


@dataclass(frozen=True)
class _Audit:
    """One audit: what its checks share.

    trainer: the training whose parts it takes. model: the saved one that a walk's networks begin with, as of
    `model_to_begin_with`. fitted: what was made of the history with each future.
    """

    trainer: Trainer
    model: TrainedModel | None
    fitted: Mapping[_Future, _Fitted] = field(default_factory=dict)

    def piece(self, label: str, ask: Callable[..., Any], *what: _Future, seconds: float = 1.0) -> Piece:
        """A part of it as a piece."""
        return Piece(f"{self.history.ticker}: {label}", _Asked(ask, what), self._shared, seconds=seconds)

    @cached_property
    def _shared(self) -> _Audit:
        """What its parts share, one object, which an engine sends once: itself, watched by nobody."""
        return replace(self, trainer=replace(self.trainer, progress=Silent()))

    @property
    def seconds(self) -> float:
        """What a future takes on one core: a network, and every baseline."""
        targets = len(self.trainer.parts.seen)
        return training_seconds(self.trainer.config, targets) + 2 * baselines_seconds(targets)

    @property
    def history(self) -> History:
        return self.trainer.member.history

    @property
    def cell(self) -> str:
        return self.trainer.config.network.cell

    @property
    def test(self) -> Part:
        return self.trainer.parts.test

    @cached_property
    def origins(self) -> tuple[int, ...]:
        """Rows of the origins that are compared: the training cutoff, the middle of the test part, its last one."""
        return (self.test.start, self.test.start + len(self.test) // 2, self.test.stop - 1)

    @property
    def horizon(self) -> int:
        return max(self.trainer.config.horizon, SHORTEST_HORIZON)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the audit was made with."""
        config, split = self.trainer.config, self.trainer.parts
        training, network = config.training, config.network
        return {
            "first": self.history.first.isoformat(),
            "last": self.history.last.isoformat(),
            "validate_from": split.session(split.validation.start + 1).isoformat(),
            "test_from": split.session(split.test.start + 1).isoformat(),
            "cutoff": split.scored_cutoff.isoformat(),
            "origins": [split.session(row).isoformat() for row in self.origins],
            "horizons": list(range(1, self.horizon + 1)),
            "init": config.init,
            **{name: getattr(network, name) for name in ("cell", "hidden_size", "layers", "lookback", "dropout")},
            **{name: getattr(training, name) for name in ("seeds", "seed")},
            "steps": training.gradient_steps(len(split.train)),
            **{name: getattr(training, name) for name in ("supervision", "learning_rate", "weight_decay")},
            "paths": PATHS,
            "competitors": [self.cell, *self.own.fit.baselines],
        }

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """What could not be checked."""
        wanted = competing(ALL_BASELINES, self.trainer.f.events is not None)
        missing = [name for name in wanted if name not in self.own.fit.baselines]
        return (f"baselines that cannot be fitted here: {', '.join(missing)}",) if missing else ()

    @cached_property
    def changes(self) -> Mapping[str, Callable[[History, int], History]]:
        """The other futures, one with other dates of reports among them where any are known."""
        return with_other_dates(CHANGES, self.history, self.horizon)

    @property
    def own(self) -> _Fitted:
        """Fitted on the history as it is."""
        return self.fitted[None]

    @property
    def others(self) -> dict[str, _Fitted]:
        """Fitted with other bars after the training cutoff, by change."""
        return {name: self.fitted[name] for name in self.changes}

    @cached_property
    def network_entry(self) -> Entry:
        """The network's forecasts of the test part."""
        f, test, history = self.trainer.f, self.test, self.history
        dist = self.own.fit.ensemble.forecast(f, test.start, test.stop)
        return Entry(self.cell, dist, Outcomes.of(history.ticker, f, history.close[1:], test))

    def features_check(self) -> AuditCheck:
        """Whether a causal column knows a later bar."""
        f, covariates = self.trainer.f, self.trainer.pool.covariates
        others = ((row, self._changed(change, row).f) for row in self.origins for change in self.changes)
        wrong = {name for row, changed in others for name in differing_columns(f, changed, row + 1)}
        among = "" if covariates is None else f", those of {', '.join(covariates.names)} among them"
        what = f"{len(f.names)} inputs of the network{among}, base scale's and baselines'"
        return outcome("features", sorted(wrong), f"{what}; other futures from {len(self.origins)} origins on")

    def covariates_check(self, source: CovariateSource, series: PriceSeries) -> list[AuditCheck]:
        """Whether what is seen of covariates at an origin hangs on later bars: all is read again up to it alone."""
        if self.trainer.pool.covariates is None:
            return []
        source = replace(source, progress=Silent())
        wrong: list[str] = []
        for row in self.origins:
            past = self.history.rows(0, row + 2)
            try:
                seen = source.columns(replace(series, history=past), self.trainer.config.exchange)
            except DataError as error:
                words = f"read up to {past.last} alone they are refused: {error.message}"
                return [AuditCheck("covariates", None, words)]
            wrong += [f"{name} up to {past.last}" for name in differing_columns(self.trainer.f, seen, row + 1)]
        names = ", ".join(self.trainer.pool.covariates.names)
        return [outcome("covariates", wrong, f"{names}: read up to each of {len(self.origins)} origins, against all")]

    def fitted_checks(self) -> Iterator[AuditCheck]:
        """Whether anything that is fitted or chosen up to the cutoff depends on a later bar."""
        own, others = self.own, self.others
        for name, explained in FITTED.items():
            if name not in own.parts:  # no policy
                continue
            wrong = [
                f"{part} (future {change})"
                for change, other in others.items()
                for part in differing(own.parts[name], other.parts.get(name, own.parts[name]))
            ]
            yield outcome(name, wrong, explained.format(cutoff=self.trainer.parts.scored_cutoff))

    def forecasts_with(self, future: _Future) -> dict[int, Parts]:
        """Forecasts from each origin by what was fitted with a future, and seen from the origin with that future."""
        fitted = self.fitted[future]
        as_it_is = self.history, self.trainer.pool.covariates
        return {
            row: self._forecasts(fitted, as_it_is if future is None else self._other(future, row), row)
            for row in self.origins
        }

    def forecast_checks(self, made: Mapping[_Future, Mapping[int, Parts]]) -> Iterator[AuditCheck]:
        """Whether forecasts differ, refitted with another future and seen from an origin with another future."""
        as_it_was = made[None]
        count = sum(map(len, as_it_was.values())) * self.horizon
        for change in self.changes:
            wrong = [
                f"{name} from {self.trainer.parts.session(row)}"
                for row in self.origins
                for name in differing(as_it_was[row], made[change][row])
            ]
            yield outcome(f"forecasts, future {change}", wrong, f"{count} distributions, to the last byte")

    def dates_checks(self) -> list[AuditCheck]:
        """Whether what is seen, or forecast, knows more of the dates of reports than it may."""
        return dates_checks(self.trainer, self.origins, self._next_session)

    def one_by_one_check(self) -> AuditCheck:
        """Whether the test part's forecasts, made in one batch, are those that were possible at each origin."""
        f, test, fit = self.trainer.f, self.test, self.own.fit
        rows = np.unique(np.linspace(test.start, test.stop - 1, ALONE).round().astype(int)).tolist()
        self.trainer.progress.stage("forecasts one by one", len(rows))
        competitors: dict[str, Any] = {self.cell: self._taught(), **fit.baselines}
        whole = {name: known.forecast(f, test.start, test.stop) for name, known in competitors.items()}
        wrong: list[str] = []
        for row in rows:
            past = self._changed("removed", row).f
            at = row - test.start
            for name, known in competitors.items():
                if dist_bytes(known.forecast(past, row, row + 1), 0, 1) != dist_bytes(whole[name], at, at + 1):
                    wrong.append(f"{name} from {self.trainer.parts.session(row)}")
            self.trainer.progress.advance(1)
        detail = f"{len(rows)} of {len(test)} origins, the future cut: as in one batch of the test part"
        if not min(self.own.chosen.steps):
            detail += "; validation chose no step, so the network is one that took all of them"
        return outcome("one by one", wrong, detail)

    def walk_check(self, walked: Mapping[_Future, Parts]) -> AuditCheck:
        """Whether a fold of `backtest` forecasts the same up to an origin whatever comes after it."""
        own, middle = walked[None], self.origins[1]
        wrong = [f"{name} (future {change})" for change in self.changes for name in differing(own, walked[change])]
        known, rows = len(own) - 1, middle - self.test.start + 1
        detail = f"a fold of backtest, {known} competitors, {rows} origins up to {self.trainer.parts.session(middle)}"
        return outcome("walk-forward", wrong, detail)

    def _other(self, change: str, row: int) -> _Prices:
        """The history with other bars after the session of a row, and its covariates after what that may know."""
        covariates = self.trainer.pool.covariates
        if covariates is not None:
            covariates = covariates.changed(self.changes[change], self.trainer.parts.session(row))
        # Row t of the features belongs to bar t + 1: the origin's own bar is the last one that stays.
        return self.changes[change](self.history, row + 2), covariates

    def _changed(self, change: str, row: int) -> Trainer:
        """The training with other bars after the session of a row, and the same training and validation part."""
        return self.trainer.on(*self._other(change, row))

    def fitted_with(self, future: _Future) -> _Fitted:
        """Trained, chosen and fitted as `train` does it, with that future after the training cutoff."""
        watched = Watched(self.trainer.progress, _named(future))
        trainer = self.trainer if future is None else self._changed(future, self.test.start)
        trainer = replace(trainer, progress=watched)
        learned = trainer.learn(trainer.market is not None)
        losses = np.array(watched.losses)
        walk, fold = trainer.walk(trainer.member, learned.network)
        stage = walk.fold(fold, 1)
        baselines = dict(stage.file.fits[self.cell].baselines)
        others = [name for name in competing(ALL_BASELINES, trainer.f.events is not None) if name not in baselines]
        baselines |= fit_baselines(others, trainer.f, trainer.parts.seen, Silent())[0]
        fit = trainer.scored_fit(learned.network, baselines)
        parts = {
            **network_parts(learned.network),
            "early stopping": {
                "steps": np.array(learned.chosen.steps).tobytes(),
                "validation losses": losses.tobytes(),
            },
            "baselines": {name: repr(baseline).encode() for name, baseline in baselines.items()},
            "simulated bars": {"bars": fit.shocks.values_M4.tobytes()},
            "validation scores": {
                name: np.array(value).tobytes() for name, value in stage.file.about["validation_crps"].items()
            },
        }
        if len(fold.split.test):
            # Who would serve, and whom the network is measured by: it takes a test part to judge.
            parts["choice"] = self._choice(walk, fold, stage)
        policy = trainer.policy(trainer.parts.seen)
        if policy is not None:
            tensors: dict[str, Any] = {}
            policy_record(policy, trainer.config.policy, tensors)
            parts["policy"] = {name: array.tobytes() for name, array in tensors.items()}
        return _Fitted(fit, learned.chosen, parts, policy)

    @staticmethod
    def _choice(walk: Walk, fold: Fold, stage: Stage) -> Parts:
        found = judged(walk, [fold], [stage], keep_rows=False, in_depth=False).verdict
        return {"served by": found.served_by.encode(), "strongest baseline": found.strongest_baseline.encode()}

    def _taught(self) -> Ensemble:
        """The fitted network; one that took every step where validation chose none: corrections of zero hide a leak."""
        from stockcast.models.ensemble import EarlyStopping
        from stockcast.models.problem import Series

        trainer, fitted, chosen = self.trainer, self.own.fit.ensemble, self.own.chosen
        if min(chosen.steps) > 0:
            return fitted
        learned = TrainingResult(fitted, EarlyStopping((chosen.most,) * len(chosen.steps), chosen.most))
        initial, series = trainer.initial, [Series.of(trainer.f, trainer.parts.seen)]
        if isinstance(initial, Initial):
            initial = replace(initial, served=initial.pre_validation)
        return initial.learn_again(series, trainer.config, learned, Watched(trainer.progress, "every step taken"))

    def _next_session(self, history: History, row: int) -> dict[str, bytes]:
        """Forecasts of the next session of every competitor from the session of a row of a history."""
        return self._forecasts(self.own, (history, self.trainer.pool.covariates), row, 1)

    def _forecasts(self, fitted: _Fitted, prices: _Prices, row: int, horizon: int = 0) -> dict[str, bytes]:
        """Forecasts of every competitor from the session of a row, as `predict --as-of` makes them."""
        (history, covariates), fit = prices, fitted.fit
        as_of = self.trainer.parts.session(row)
        model = TrainedModel(
            name=history.ticker,
            ticker=history.ticker,
            model_id="",
            config=self.trainer.config,
            fits={"scored": fit},
            served_by=self.cell,
            sentence="",
            calendar=self.trainer.pool.calendar,
            market=self.trainer.market,
            covariate_series=covariates,
            policy=fitted.policy,
        )
        asked = PredictConfig(as_of=as_of, horizon=horizon or self.horizon, paths=PATHS)
        self.trainer.progress.advance(1)
        return {name: _bytes_of(replace(model, served_by=name), history, asked) for name in (self.cell, *fit.baselines)}

    def walked_with(self, future: _Future) -> dict[str, bytes]:
        """The first rows of every competitor in a fold of the backtest, up to the middle origin and with that future
        after it, and what its validation found.
        """
        middle = self.origins[1]
        trainer, rows = self.trainer, middle - self.test.start + 1
        if future is not None:
            trainer = self._changed(future, middle)
        config = BacktestConfig(cells=(self.cell,), network=trainer.config.network, training=trainer.config.training)
        config = replace(config, policy=trainer.config.policy, cost=trainer.config.policy.cost)
        watched = Watched(self.trainer.progress, f"walk, {_named(future)}")
        own = trainer.f if isinstance(trainer.initial, Scratch) else trainer.member.own
        begin = Starts(trainer.member.history, own, trainer.pool.calendar, trainer.config, self.model)
        with temporary_folder() as folder:
            # The first origin whose target is gone can still be forecast.
            test = Part(self.test.start, min(self.test.stop, len(trainer.f)))
            walk = Walk(trainer.member.history, trainer.f, config, folder, watched, begin=begin)
            file = walk.fold(Fold(1, replace(trainer.parts, test=test)), 1).file
        about = {name: file.about[name] for name in ("validation_crps", "curves")}
        first = {name: dist_bytes(dist, 0, rows) for name, dist in file.dists.items()}
        first |= {name: position_N[:rows].tobytes() for name, position_N in file.positions.items()}
        return first | {"choice": repr(about).encode()}
