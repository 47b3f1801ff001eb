"""Trainer: the steps of every training, of one series or of a pool. One series is a pool of one.

Learn on the training parts, stopped by the validation parts -> judge on the test parts, each a walk of one fold -> fit
again on everything -> what is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast import config as settings
from stockcast.config import TrainConfig
from stockcast.config.models import SCRATCH, BacktestConfig
from stockcast.errors import ConfigError, DataError
from stockcast.evaluation.serving import POOLED
from stockcast.forecasting import Fit, KeptPolicy, TrainedModel, refuse_still
from stockcast.models.baselines import BASELINES, competing
from stockcast.models.baselines.simple import HarT
from stockcast.models.simulation import MAX_SHOCKS, Shocks
from stockcast.pipeline.initial import Initial, Scratch, TrainingResult, model_to_begin_with
from stockcast.pipeline.judging import judged
from stockcast.pipeline.markets import UNLIKE
from stockcast.pipeline.policies import trained_policy
from stockcast.pipeline.pools import Member, Pool
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.starts import begun
from stockcast.pipeline.walking import Walk, fit_baselines, folder_of
from stockcast.prices.history import History
from stockcast.progress import Progress, Silent
from stockcast.windows.covariates import Covariates, CovariatesRecord
from stockcast.windows.features import Features
from stockcast.windows.splits import MIN_TEST, MIN_TRAIN, MIN_VALIDATION, Fold, Part, PartSummary, PoolSplit, Split

if TYPE_CHECKING:
    from stockcast.evaluation.verdict import BacktestResult, BacktestSummary, Verdict
    from stockcast.models.baselines import Baseline
    from stockcast.models.ensemble import Ensemble
    from stockcast.models.problem import Series
    from stockcast.windows.market import Market


ALONE = "alone_"
"""What the name of a fit begins with that does without a market."""


@dataclass(frozen=True)
class Judgement:
    """What the test parts say.

    baselines: those that the one series was scored beside, fitted on all before its test part. Of a pool: summary, all
    tickers together; sentences and adjusted_p, each of them with false discoveries held down.
    """

    results: tuple[BacktestResult, ...]
    verdict: Verdict
    baselines: Mapping[str, Baseline]
    summary: BacktestSummary | None = None
    sentences: Mapping[str, str] | None = None
    adjusted_p: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Trainer:
    """One training: what its steps share.

    pool: the series, with their market only where that has something to teach. is_pool: many series make a model for
    all tickers; else one series makes a model of its own, which keeps its own baselines. initial: what the networks
    begin with.
    """

    pool: Pool
    is_pool: bool
    split: PoolSplit
    config: TrainConfig
    home: Path
    progress: Progress
    initial: Initial | Scratch

    @classmethod
    def of_series(
        cls, series: PriceSeries, config: TrainConfig, home: Path, progress: Progress,
        covariates: Covariates | None = None,
    ) -> Trainer:  # fmt: skip
        """The training of one series.

        Args:
            series: the prices.
            config: settings of network, training and parts.
            home: where models to begin with are kept.
            progress: whoever watches.
            covariates: what is seen beside the prices.

        Raises:
            ConfigError, DataError: what splitting raises; ModelError for a model that cannot be begun with.
        """
        history = series.history
        if len(history) < 2:
            raise DataError(f"{len(history)} sessions are too few", "use a longer history")
        refuse_still(history, "--end")
        dates = [history.dates[1:]]
        split = PoolSplit.of(dates, config.split, config.network.lookback)
        calendar = series.at(config.exchange).calendar
        config = replace(config, exchange=config.exchange or calendar.exchange)
        model = model_to_begin_with(config, home, progress)
        initial, config = begun(config, history, calendar, split.validate_from, model, progress, home)
        split = PoolSplit.of(dates, config.split, config.network.lookback)
        pool = Pool.of_one(history, calendar, covariates)
        return cls(pool, False, split, config, home, progress, initial)

    @classmethod
    def of_pool(cls, pool: Pool, config: TrainConfig, home: Path, progress: Progress) -> Trainer:
        """The training of a pool. Raises what splitting raises, DataError where no member can be scored."""
        if config.init not in {None, SCRATCH}:
            raise ConfigError(f"--init {config.init}: a pool is trained from scratch", "leave --init out")
        lookback = config.network.lookback
        split = PoolSplit.of([member.dates for member in pool.members], config.split, lookback)
        market = pool.market
        if market is not None and np.searchsorted(market.dates_D, np.datetime64(split.validate_from)) < MIN_TRAIN:
            market = None  # whether there is one must not hang on members that are listed later
        pool = pool.taught_by([one for one in pool.members if len(split.train(one.dates, lookback)) >= MIN_TRAIN])
        config = replace(config, exchange=config.exchange or pool.calendar.exchange, init=SCRATCH)
        scratch = Scratch(store=None if pool.files is None else pool.files.store)
        trainer = cls(replace(pool, market=market), True, split, config, home, progress, scratch)
        if not any(map(trainer.is_scored, pool.members)):
            raise DataError(
                f"no ticker has enough sessions around {split.test_from} to be scored",
                "use longer histories, or move --validate-from and --test-from",
            )
        return trainer

    def on(self, history: History, covariates: Covariates | None) -> Trainer:
        """The same training of one series with another history, split at the same dates."""
        return replace(self, pool=Pool.of_one(history, self.pool.calendar, covariates))

    # What is seen, and when.

    @property
    def market(self) -> Market | None:
        """What the networks look at of other stocks."""
        return self.initial.market or self.pool.market

    @property
    def member(self) -> Member:
        """The one series; the first of many."""
        return self.pool.members[0]

    @cached_property
    def f(self) -> Features:
        """The columns of the one series: what base scale, networks and baselines see of it."""
        return self._columns(self.member, self.market is not None)

    @cached_property
    def parts(self) -> Split:
        """The parts of the one series."""
        return self.parts_of(self.member)

    def columns(self, member: Member, market: bool) -> Features:
        """What the networks see of a series."""
        return self._columns(member, market) if self.is_pool else self.f

    def _columns(self, member: Member, market: bool) -> Features:
        seen = self.initial.seen(member.own, self.pool.calendar)
        return self.pool.columns(member, market) if seen is None else seen

    def parts_of(self, member: Member) -> Split:
        """The parts of a series, of which a pool's may be short or empty."""
        return self.split.of_series(member.dates, self.config.network.lookback)

    def is_scored(self, member: Member) -> bool:
        """Whether a series has enough sessions around the test part."""
        parts = self.parts_of(member)
        enough = (parts.train, MIN_TRAIN), (parts.validation, MIN_VALIDATION), (parts.test, MIN_TEST)
        return all(len(part) >= least for part, least in enough)

    # Learn.

    def learn(self, market: bool) -> TrainingResult:
        """The networks, from the training parts of all series, stopped on their validation parts."""
        series = self.series(market)
        training = self.config.training
        most = training.gradient_steps(sum(len(one.train) for one in series)) * training.seeds
        self.progress.stage(self.doing(market, len(series)), most, training.targets_per_step)
        return self.initial.learn(series, self.config, self.progress)

    def series(self, market: bool) -> list[Series]:
        """The series that teach. Raises DataError without any."""
        found = [
            self._series(member, market, parts.train, parts.validation)
            for member in self.pool.members
            if len((parts := self.parts_of(member)).train) >= MIN_TRAIN
        ]
        if not found:
            raise DataError(
                f"no series has {MIN_TRAIN} sessions to learn from before {self.split.validate_from}",
                "use longer histories, or let the validation part begin later",
            )
        return found

    def _series(self, member: Member, market: bool, train: Part, validation: Part | None = None) -> Series:
        from stockcast.models.problem import Series

        return Series(partial(self.columns, member, market), len(member.dates), train, validation)

    def doing(self, market: bool, series: int) -> str:
        """What is done in a training on so many series."""
        on = f" on {series} series" if self.is_pool else ""
        return self._without(f"{self.initial.doing(self.config)}{on}", market)

    def fitting_again(self, market: bool) -> str:
        """What is done in a final fit."""
        return self._without("final fit", market)

    def _without(self, what: str, market: bool) -> str:
        return what if market == (self.market is not None) else f"{what}, without a market"

    def policy(self, whole: Part) -> KeptPolicy | None:
        """What has learnt how much to hold of the one series, in the end from `whole`; None where it is not wanted."""
        if not self.config.policy.wanted:
            return None
        f = self.pool.columns(self.member, False)
        return trained_policy(f, self.parts, whole, self.config.of_policy, self.progress)

    # Judge.

    def walk(self, member: Member, network: Ensemble) -> tuple[Walk, Fold]:
        """The test part of a series as a walk of one fold, in which the networks and the usual baselines forecast.

        The folds of a pool are kept, so that one that was interrupted goes on where it was.
        """
        c = self.config
        f = self.columns(member, "market_return" in network.standardiser.names)
        config = BacktestConfig(
            (c.network.cell,), c.network, c.training, baselines=competing(BASELINES, f.events is not None)
        )
        folder, progress = (folder_of(self.home, member.ticker), Silent()) if self.is_pool else (None, self.progress)
        walk = Walk(member.history, f, config, folder, progress, network, proven=self.initial.proven)
        return walk, Fold(1, self.parts_of(member))

    def judge(self, network: Ensemble) -> Judgement:
        """Score the networks of one series, and what they are measured by, on its test part."""
        cell = self.config.network.cell
        walk, fold = self.walk(self.member, network)
        stage = walk.fold(fold, 1)
        result = judged(walk, [fold], [stage], keep_rows=True, in_depth=False, serves=True)
        baselines = stage.file.fits[cell].baselines
        crps = {name: result.validation_crps[name] for name in (*baselines, cell)}
        verdict = result.verdict
        if self.initial.unlike:
            verdict = replace(verdict, sentence=f"{verdict.sentence} {UNLIKE}")
        return Judgement((replace(result, validation_crps=crps),), verdict, baselines)

    # Fit again, and keep.

    def fits(self, learned: TrainingResult, baselines: Mapping[str, Baseline]) -> dict[str, Fit]:
        """The networks of one series with what they draw from, as they are scored, and as they are served after a final
        fit; and those that do without a market, for origins whose market is not known.
        """
        fits = {"scored": self.scored_fit(learned.network, baselines)}
        if self.config.training.final_fit:
            fits["served"] = self.final(learned, self.market is not None, baselines)
        return fits | self._fallback(fits)

    def scored_fit(self, network: Ensemble, baselines: Mapping[str, Baseline]) -> Fit:
        """The networks as they are scored, with what they draw from."""
        return self._fit(network, baselines, self._drawn)

    def final(self, learned: TrainingResult, market: bool, baselines: Mapping[str, Baseline] | None = None) -> Fit:
        """Everything once more, on the whole histories, with the steps that validation chose."""
        wholes = [(member, self.parts_of(member).whole) for member in self.pool.members]
        series = [self._series(member, market, part) for member, part in wholes if len(part) >= MIN_TRAIN]
        targets = self.config.training.targets_per_step if self.is_pool else 0
        self.progress.stage(self.fitting_again(market), sum(learned.chosen.steps), targets)
        network = self.initial.learn_again(series, self.config, learned, self.progress)
        # Without a test part those that were there before it have seen everything.
        if not self.is_pool and (baselines is None or len(self.parts.test)):
            self.progress.stage("fitting baselines for the forecast", len(BASELINES))
            fitted, left_out = fit_baselines(
                competing(BASELINES, self.f.events is not None), self.f, self.parts.whole, self.progress
            )
            for name, why in left_out.items():
                self.progress.note(f"{self.member.ticker}: {name} is left out: {why}")
            baselines = {**(baselines or {}), **fitted}
        return self._fit(network, baselines or {}, self._whole)

    def _fallback(self, fits: Mapping[str, Fit]) -> dict[str, Fit]:
        """The same fits without a market; none where they look at none."""
        parts = {"scored": self._drawn, "served": self._whole}
        return {
            f"{ALONE}{name}": self._fit(replace(network, cutoff=fits[name].cutoff), fits[name].baselines, parts[name])
            for name, network in self.initial.without_market.items()
            if name in fits
        }

    def _drawn(self, member: Member) -> Part:
        """The origins that simulated paths draw from before the test part: of one series, those that taught."""
        parts = self.parts_of(member)
        return parts.seen if self.is_pool else parts.train

    def _whole(self, member: Member) -> Part:
        return self.parts_of(member).whole

    def _fit(self, network: Ensemble, baselines: Mapping[str, Baseline], part_of: Callable[[Member], Part]) -> Fit:
        """The networks with their baselines and the bars of all members to draw from; a pool's have one baseline in
        common, their base scale.
        """
        base = network.base
        parts = [(member, part) for member in self.pool.members if len(part := part_of(member))]
        values, at = [], 0
        total = sum(min(len(part), MAX_SHOCKS) for _, part in parts)
        evenly = np.linspace(0, total - 1, min(MAX_SHOCKS, total)).astype(np.intp)
        for member, part in parts:
            stop = at + min(len(part), MAX_SHOCKS)
            if len(drawn := evenly[(at <= evenly) & (evenly < stop)]):
                shocks = Shocks.of(member.own, base, part.start, part.stop, network.layer)
                values.append(shocks.values_M4[drawn - at])
            at = stop
        own = {POOLED: HarT(base.weights, base.mu, base.nu)} if self.is_pool else baselines
        return Fit(network, own, Shocks(np.concatenate(values)))

    def model(self, name: str, learned: TrainingResult, found: Judgement, fits: Mapping[str, Fit]) -> TrainedModel:
        """The model as it is kept, with the backtest's figures for its reader."""
        members, history = tuple(member.ticker for member in self.pool.members), self.member.history
        covariates = self.pool.covariates
        return TrainedModel(
            name=name,
            ticker=f"{len(members)} tickers" if self.is_pool else history.ticker,
            model_id="",
            config=self.config,
            fits=fits,
            served_by=found.verdict.served_by,
            sentence=found.verdict.sentence,
            calendar=self.pool.calendar,
            currency=None if self.is_pool else history.currency,
            summary=self._described(learned, found),
            members=members if self.is_pool else self.initial.members,
            sentences=found.sentences or {},
            market=self.market,
            covariates=None if covariates is None else CovariatesRecord.of(covariates),
        )

    def summary(self) -> dict[str, PartSummary]:
        """First and last target session of each part that is not empty, and how many of them any series has."""
        days, split = self.split.sessions, self.split
        every = ((member.dates, self.parts_of(member).seen) for member in self.pool.members)
        first = min(dates[part.start + 1] for dates, part in every if len(part))
        marks = [first, np.datetime64(split.validate_from), np.datetime64(split.test_from)]
        borders = [*np.searchsorted(days, marks).tolist(), len(days)]
        return {
            part: PartSummary(days[a].astype(object), days[b - 1].astype(object), b - a)
            for part, a, b in zip(("train", "validation", "test"), borders, borders[1:], strict=False)
            if a < b
        }

    def _described(self, learned: TrainingResult, found: Judgement) -> dict[str, Any]:
        """What the manifest tells its reader."""
        data = [{"ticker": member.ticker, **_described(member.history)} for member in self.pool.members]
        own = {
            "validation_crps": found.results[0].validation_crps,
            "init": None if learned.init is None else asdict(learned.init),
        }
        return {
            "created_at": settings.now().isoformat(timespec="seconds"),
            "data": data if self.is_pool else _described(self.member.history),
            "splits": {
                name: {"first": part.first.isoformat(), "last": part.last.isoformat(), "count": part.count}
                for name, part in self.summary().items()
            },
            "seeds": list(self.config.training.members),
            "steps": list(learned.chosen.steps),
            **({} if self.is_pool else own),
            "verdict_figures": asdict(found.verdict),
            "scores": [asdict(score) for result in found.results for score in result.scores],
        }


def _described(history: History) -> dict[str, Any]:
    return {
        "source": history.source,
        "first": history.first.isoformat(),
        "last": history.last.isoformat(),
        "sessions": len(history),
        "sha256": history.sha256(),
    }
