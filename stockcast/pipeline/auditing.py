"""Auditing: every fit and every forecast once more with another future, which must change no byte of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast import config as settings
from stockcast.config import PredictConfig, TrainConfig, TrainingConfig
from stockcast.config.models import AUDITING, SCRATCH, BacktestConfig
from stockcast.errors import ModelError
from stockcast.evaluation.audit import CHANGES, LaggedCopy, differing_columns, dist_bytes
from stockcast.evaluation.scores import Entry, Outcomes
from stockcast.forecasting import Fit, TrainedModel, forecast
from stockcast.models.baselines import ALL_BASELINES
from stockcast.pipeline.auditchecks import (
    FITTED,
    Parts,
    Watched,
    audit_verdict,
    calibration_check,
    differing,
    forecast_bytes,
    lagged_copy_check,
    network_parts,
    outcome,
    prices_check,
)
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.initial import Initial, TrainingResult
from stockcast.pipeline.judging import judged
from stockcast.pipeline.source import FetchSession, PriceSeries, PriceSource
from stockcast.pipeline.trainer import Trainer
from stockcast.pipeline.walking import Stage, Walk, fit_baselines
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Progress, Silent
from stockcast.results import AuditCheck, AuditResult
from stockcast.windows.splits import Fold, Part

if TYPE_CHECKING:
    from stockcast.models.ensemble import EarlyStopping, Ensemble
    from stockcast.windows.covariates import Covariates
    from stockcast.windows.features import Features

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
        SourceUnavailable: Where a ticker's prices cannot be fetched.
    """
    prices = PriceSource.of(home, read, fetch_session)
    series = prices.load(source, progress)
    series.tell(progress)
    covariates = CovariateSource(config.covariates, prices, progress, strict=False)
    made = _Audit(_trainer(series, config, home, progress, covariates.found(series, config.exchange)), series)
    of_prices, unread = prices_check(prices, source, series.history, made.origins)
    checks = [
        *of_prices,
        *made.covariates_check(covariates),
        made.features_check(),
        *made.fitted_checks(),
        *made.forecast_checks(),
        made.one_by_one_check(),
        made.walk_check(),
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


def _bytes_of(model: TrainedModel, history: History, asked: PredictConfig) -> bytes:
    """Its forecasts; the reason where they are not to be shown, which must not look ahead either."""
    try:
        return b"".join(map(forecast_bytes, forecast(model, history, asked, settings.now())))
    except ModelError as error:
        return error.message.encode()


@dataclass(frozen=True)
class _Audit:
    """One audit: what its checks share. trainer: the training whose parts it takes."""

    trainer: Trainer
    series: PriceSeries

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
        missing = [name for name in ALL_BASELINES if name not in self.own.fit.baselines]
        return (f"baselines that cannot be fitted here: {', '.join(missing)}",) if missing else ()

    @cached_property
    def own(self) -> _Fitted:
        """Fitted on the history as it is."""
        return self._fitted(self.trainer, "as it is")

    @cached_property
    def others(self) -> dict[str, _Fitted]:
        """Fitted with other bars after the training cutoff, by change."""
        return {name: self._fitted(self._changed(name, self.test.start), f"future {name}") for name in CHANGES}

    @cached_property
    def network_entry(self) -> Entry:
        """The network's forecasts of the test part."""
        f, test, history = self.trainer.f, self.test, self.history
        dist = self.own.fit.ensemble.forecast(f, test.start, test.stop)
        return Entry(self.cell, dist, Outcomes.of(history.ticker, f, history.close[1:], test))

    def features_check(self) -> AuditCheck:
        """Whether a causal column knows a later bar."""
        f, covariates = self.trainer.f, self.trainer.pool.covariates
        wrong = {name for row, changed in self._futures() for name in differing_columns(f, changed, row + 1)}
        among = "" if covariates is None else f", those of {', '.join(covariates.names)} among them"
        what = f"{len(f.names)} inputs of the network{among}, base scale's and baselines'"
        return outcome("features", sorted(wrong), f"{what}; other futures from {len(self.origins)} origins on")

    def covariates_check(self, source: CovariateSource) -> list[AuditCheck]:
        """Whether what is seen of covariates at an origin hangs on later bars: all is read again up to it alone."""
        if self.trainer.pool.covariates is None:
            return []
        source = replace(source, progress=Silent())
        wrong: list[str] = []
        for row in self.origins:
            past = self.history.rows(0, row + 2)
            seen = source.columns(replace(self.series, history=past), self.trainer.config.exchange)
            wrong += [f"{name} up to {past.last}" for name in differing_columns(self.trainer.f, seen, row + 1)]
        names = ", ".join(self.trainer.pool.covariates.names)
        return [outcome("covariates", wrong, f"{names}: read up to each of {len(self.origins)} origins, against all")]

    def fitted_checks(self) -> Iterator[AuditCheck]:
        """Whether anything that is fitted or chosen up to the cutoff depends on a later bar."""
        own, others = self.own, self.others
        for name, explained in FITTED.items():
            wrong = [
                f"{part} (future {change})"
                for change, other in others.items()
                for part in differing(own.parts[name], other.parts[name])
            ]
            yield outcome(name, wrong, explained.format(cutoff=self.trainer.parts.scored_cutoff))

    def forecast_checks(self) -> Iterator[AuditCheck]:
        """Whether forecasts differ, refitted with another future and seen from an origin with another future."""
        self.trainer.progress.stage("forecasts with other futures", (1 + len(CHANGES)) * len(self.origins))
        as_it_is = self.history, self.trainer.pool.covariates
        as_it_was = {row: self._forecasts(self.own.fit, as_it_is, row) for row in self.origins}
        for change, other in self.others.items():
            wrong: list[str] = []
            for row in self.origins:
                made = self._forecasts(other.fit, self._other(change, row), row)
                day = self.trainer.parts.session(row)
                wrong += [f"{name} from {day}" for name in differing(as_it_was[row], made)]
            count = sum(len(made) for made in as_it_was.values()) * self.horizon
            yield outcome(f"forecasts, future {change}", wrong, f"{count} distributions, to the last byte")

    def one_by_one_check(self) -> AuditCheck:
        """Whether the test part's forecasts, made in one batch, are those that were possible at each origin."""
        f, test, fit = self.trainer.f, self.test, self.own.fit
        rows = np.unique(np.linspace(test.start, test.stop - 1, ALONE).round().astype(int)).tolist()
        self.trainer.progress.stage("forecasts one by one", len(rows))
        competitors: dict[str, Any] = {self.cell: self._taught(), **fit.baselines}
        whole = {name: known.forecast(f, test.start, test.stop) for name, known in competitors.items()}
        wrong: list[str] = []
        for row in rows:
            past = self._seen("removed", row)
            at = row - test.start
            for name, known in competitors.items():
                if dist_bytes(known.forecast(past, row, row + 1), 0, 1) != dist_bytes(whole[name], at, at + 1):
                    wrong.append(f"{name} from {self.trainer.parts.session(row)}")
            self.trainer.progress.advance(1)
        detail = f"{len(rows)} of {len(test)} origins, the future cut: as in one batch of the test part"
        if not min(self.own.chosen.steps):
            detail += "; validation chose no step, so the network is one that took all of them"
        return outcome("one by one", wrong, detail)

    def walk_check(self) -> AuditCheck:
        """Whether a fold of `backtest` forecasts the same up to an origin whatever comes after it."""
        middle = self.origins[1]
        rows = middle - self.test.start + 1
        own = self._walked(self.trainer, rows, "as it is")
        wrong: list[str] = []
        for change in CHANGES:
            other = self._walked(self._changed(change, middle), rows, f"future {change}")
            wrong += [f"{name} (future {change})" for name in differing(own, other)]
        known = len(own) - 1
        detail = f"a fold of backtest, {known} competitors, {rows} origins up to {self.trainer.parts.session(middle)}"
        return outcome("walk-forward", wrong, detail)

    def _futures(self) -> Iterator[tuple[int, Features]]:
        """Every origin's row with what is seen of each of its other futures."""
        for row in self.origins:
            for change in CHANGES:
                yield row, self._seen(change, row)

    def _other(self, change: str, row: int) -> _Prices:
        """The history with other bars after the session of a row, and its covariates after what that may know."""
        covariates = self.trainer.pool.covariates
        if covariates is not None:
            covariates = covariates.changed(CHANGES[change], self.trainer.parts.session(row))
        # Row t of the features belongs to bar t + 1: the origin's own bar is the last one that stays.
        return CHANGES[change](self.history, row + 2), covariates

    def _seen(self, change: str, row: int) -> Features:
        return self.trainer.on(*self._other(change, row)).f

    def _changed(self, change: str, row: int) -> Trainer:
        """The training with other bars after the session of a row, and the same training and validation part."""
        return self.trainer.on(*self._other(change, row))

    def _fitted(self, trainer: Trainer, what: str) -> _Fitted:
        """Trained, chosen and fitted as `train` does it."""
        watched = Watched(self.trainer.progress, what)
        trainer = replace(trainer, progress=watched)
        learned = trainer.learn(trainer.market is not None)
        losses = np.array(watched.losses)
        walk, fold = trainer.walk(trainer.member, learned.network)
        stage = walk.fold(fold, 1)
        baselines = dict(stage.file.fits[self.cell].baselines)
        others = [name for name in ALL_BASELINES if name not in baselines]
        baselines |= fit_baselines(others, trainer.f, trainer.parts.seen, Silent())[0]
        fit = trainer.scored_fit(learned.network, baselines)
        # Who would serve, and whom the network is measured by: judged with the test part where there is one left.
        choice = self._choice(walk, fold, stage) if len(fold.split.test) else self.own.parts["choice"]
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
            "choice": choice,
        }
        return _Fitted(fit, learned.chosen, parts)

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

    def _forecasts(self, fit: Fit, prices: _Prices, row: int) -> dict[str, bytes]:
        """Forecasts of every competitor from the session of a row, as `predict --as-of` makes them."""
        history, covariates = prices
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
        )
        asked = PredictConfig(as_of=as_of, horizon=self.horizon, paths=PATHS)
        self.trainer.progress.advance(1)
        return {name: _bytes_of(replace(model, served_by=name), history, asked) for name in (self.cell, *fit.baselines)}

    def _walked(self, trainer: Trainer, rows: int, what: str) -> dict[str, bytes]:
        """The first rows of every competitor in a fold of the backtest, and what its validation found."""
        config = BacktestConfig(cells=(self.cell,), network=trainer.config.network, training=trainer.config.training)
        watched = Watched(self.trainer.progress, f"walk, {what}")
        with tempfile.TemporaryDirectory() as folder:
            # The first origin whose target is gone can still be forecast.
            test = Part(self.test.start, min(self.test.stop, len(trainer.f)))
            walk = Walk(trainer.member.history, trainer.f, config, Path(folder), watched)
            file = walk.fold(Fold(1, replace(trainer.parts, test=test)), 1).file
        about = {name: file.about[name] for name in ("validation_crps", "curves")}
        first = {name: dist_bytes(dist, 0, rows) for name, dist in file.dists.items()}
        return first | {"choice": repr(about).encode()}
