"""Training one model on many series: learn together -> judge each ticker and all of them -> save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast import config as settings
from stockcast.config.backtests import BacktestConfig, FoldConfig
from stockcast.config.models import SCRATCH
from stockcast.errors import ConfigError, DataError
from stockcast.evaluation.backtest import Outcomes, mean_crps
from stockcast.evaluation.pooledverdict import adjusted_p, pooled_verdict, sentences, strongest_on
from stockcast.forecasting import Fit, TrainedModel
from stockcast.models.baselines import BASELINES
from stockcast.models.baselines.har import HarT
from stockcast.models.simulation import MAX_SHOCKS, Shocks
from stockcast.pipeline.judging import judged
from stockcast.pipeline.pooling import pooled
from stockcast.pipeline.pools import Member, Pool
from stockcast.pipeline.walking import Walk, folder_of
from stockcast.results.backtests import BacktestResult
from stockcast.results.pools import PoolResult
from stockcast.results.progress import Progress, Silent
from stockcast.results.training import PartSummary
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.covariates import CovariatesRecord
from stockcast.windows.folds import Fold, walk_forward
from stockcast.windows.poolsplit import PoolSplit
from stockcast.windows.splits import MIN_TEST, MIN_TRAIN, MIN_VALIDATION, Part

if TYPE_CHECKING:
    from stockcast.config import TrainConfig
    from stockcast.models.distribution import Distribution
    from stockcast.models.ensemble import Ensemble
    from stockcast.models.problem import Series
    from stockcast.models.training import EarlyStopping
    from stockcast.pipeline.gathering import Gathered
    from stockcast.results.backtests import BacktestSummary
    from stockcast.results.training import ForecastRows, Verdict
    from stockcast.windows.features import Features

_ONE_FOLD = 100_000
"""Sessions to the next refit: there is none."""


def train_pool_from(
    gathered: Gathered, config: TrainConfig, home: Path, name: str, progress: Progress, keep_rows: bool = False
) -> PoolResult:
    """`train_pool` on what `gather` found. Raises what `train_pool` raises, DataError for fewer than two series."""
    result = train_pool(gathered.pool(), config, home, name, progress, keep_rows)
    return replace(result, left_out=dict(gathered.left_out))


def train_pool(
    pool: Pool, config: TrainConfig, home: Path, name: str, progress: Progress, keep_rows: bool = False
) -> PoolResult:
    """Train on a pool, judge every ticker on the test part, save the model under `name`.

    Where the pool is large enough to be a market, a second network is trained that does without one: for tickers
    whose market is not known. keep_rows: keep every percentile of every test forecast; else the medians alone. Raises
    ConfigError for a name that cannot be one, DataError where no series teaches or none can be scored, what splitting
    and saving raise; nothing is saved then.
    """
    modelfile.require_usable_name(name)
    work = PoolWork.begin(pool, config, home, progress)
    network, chosen = work.learn(work.market)
    without_market = work.learn(market=False) if work.market else None
    found = Judgement.of(work, network, keep_rows)
    fits = work.fits(network, chosen, work.market)
    if without_market is not None:
        fits |= {f"alone_{name}": fit for name, fit in work.fits(*without_market, market=False).items()}
    model = TrainedModel(
        name=name,
        ticker=f"{len(pool.members)} tickers",
        model_id="",
        config=work.config,
        fits=fits,
        served_by=found.verdict.served_by,
        sentence=found.verdict.sentence,
        calendar=pool.calendar,
        summary=work.described(found.summary.results, found.verdict, chosen),
        members=tuple(member.ticker for member in pool.members),
        sentences=found.sentences,
        market=work.pool.market,
        covariates=None if pool.covariates is None else CovariatesRecord.of(pool.covariates),
    )
    file = trainedmodel.to_file(model)
    path = modelfile.save(home / "models", file)
    return PoolResult(
        model=name,
        model_id=str(file.manifest["model_id"]),
        cell=config.network.cell,
        members=model.members,
        untested=tuple(ticker for ticker in model.members if ticker not in found.sentences),
        market=work.market,
        splits=work.parts(),
        summary=found.summary,
        verdict=found.verdict,
        sentences=found.sentences,
        adjusted_p=found.adjusted_p,
        scored_cutoff=model.scored.cutoff,
        served_cutoff=model.served.cutoff,
        steps=chosen.steps,
        curves=chosen.curves,
        path=path,
    )


@dataclass(frozen=True)
class Judgement:
    """What the test part says of a pool: all tickers together, and each of them with false discoveries held down."""

    summary: BacktestSummary
    verdict: Verdict
    sentences: dict[str, str]
    adjusted_p: dict[str, float]

    @classmethod
    def of(cls, work: PoolWork, network: Ensemble, keep_rows: bool) -> Judgement:
        """Score every ticker. What is chosen is chosen on the validation parts, also of tickers without a test part."""
        cell = work.config.network.cell
        results, choosing = work.judge(network, keep_rows)
        summary, strongest = pooled(results), strongest_on(cell, choosing)
        better = float(np.mean([crps[cell] / crps[strongest] for crps in choosing])) < 1.0
        served_by = cell if better else "har-t"
        verdict = pooled_verdict(cell, results, summary.pooled, strongest, served_by)
        return cls(
            summary, verdict, sentences(cell, results, strongest, served_by), adjusted_p(cell, results, strongest)
        )


@dataclass(frozen=True)
class PoolWork:
    """One training of a pool: what its stages share. pool: with its market only where that has something to teach."""

    pool: Pool
    split: PoolSplit
    config: TrainConfig
    home: Path
    progress: Progress

    @classmethod
    def begin(cls, pool: Pool, config: TrainConfig, home: Path, progress: Progress) -> PoolWork:
        """Split by date. Raises what splitting raises, DataError where no member can be scored."""
        calendars = [member.own.session_returns.dates for member in pool.members]
        if config.init not in {None, SCRATCH}:
            raise ConfigError(f"--init {config.init}: a pool is trained from scratch", "leave --init out")
        split = PoolSplit.of(calendars, config.split, config.network.lookback)
        market = pool.market
        if market is not None and np.searchsorted(market.dates_D, np.datetime64(split.validate_from)) < MIN_TRAIN:
            market = None  # whether there is one must not hang on members that are listed later
        lookback = config.network.lookback
        teachers = [
            one for one in pool.members if len(split.train(one.own.session_returns.dates, lookback)) >= MIN_TRAIN
        ]
        pool = pool.taught_by(teachers)
        config = replace(config, exchange=config.exchange or pool.calendar.exchange, init=SCRATCH)
        work = cls(replace(pool, market=market), split, config, home, progress)
        if not any(work.folds(member) for member in pool.members):
            raise DataError(
                f"no ticker has enough sessions around {split.test_from} to be scored",
                "use longer histories, or move --validate-from and --test-from",
            )
        return work

    @property
    def market(self) -> bool:
        """Whether there is a market to look at."""
        return self.pool.market is not None

    @cached_property
    def walking(self) -> FoldConfig:
        """One fold: the test part."""
        return FoldConfig(self.split.test_from, _ONE_FOLD, validate_from=self.split.validate_from)

    def folds(self, member: Member) -> tuple[Fold, ...]:
        """What a member is scored on; nothing where it has too few sessions around the test part."""
        try:
            folds = walk_forward(member.own.session_returns.dates, self.walking, self.config.network.lookback)
        except (ConfigError, DataError):
            return ()
        return folds if len(folds[0].split.test) >= MIN_TEST else ()

    def learn(self, market: bool) -> tuple[Ensemble, EarlyStopping]:
        """A network from the training parts of all members, stopped on their validation parts."""
        from stockcast.models.training import learn

        series = self.series(market)
        most = self.config.training.gradient_steps(sum(len(one.train) for one in series))
        what = f"training {self.config.network.cell} on {len(series)} series"
        what = what if market == self.market else f"{what}, without a market"
        self.progress.stage(what, most * self.config.training.seeds, self.config.training.targets_per_step)
        return learn(series, self.config, self.progress)

    def series(self, market: bool) -> list[Series]:
        """The members that teach. Raises DataError without any."""
        found = [self._series(member, market) for member in self.pool.members]
        teaching = [one for one in found if len(one.train) >= MIN_TRAIN]
        if not teaching:
            raise DataError(
                f"no series has {MIN_TRAIN} sessions to learn from before {self.split.validate_from}",
                "use longer histories, or let the validation part begin later",
            )
        return teaching

    def _series(self, member: Member, market: bool) -> Series:
        from stockcast.models.problem import Series

        dates_T, lookback = member.own.session_returns.dates, self.config.network.lookback
        return Series(
            lambda: self.pool.columns(member, market),
            len(member.own),
            self.split.train(dates_T, lookback),
            self.split.validation(dates_T, lookback),
        )

    def taught(self, member: Member) -> Part:
        """The origins that had a say before the test part."""
        dates_T, lookback = member.own.session_returns.dates, self.config.network.lookback
        train, choosing = self.split.train(dates_T, lookback), self.split.validation(dates_T, lookback)
        return Part(train.start, max(train.stop, choosing.stop))

    def whole(self, member: Member) -> Part:
        """All origins with a target."""
        return Part(self.taught(member).start, max(self.taught(member).stop, len(member.own) - 1))

    def fits(self, network: Ensemble, chosen: EarlyStopping, market: bool) -> dict[str, Fit]:
        """A network with what it draws from, as it is scored, and as it is served where there is a final fit."""
        fits = {"scored": self.fit(network, market, self.taught)}
        if self.config.training.final_fit:
            fits["served"] = self.final(chosen, market)
        return fits

    def final(self, chosen: EarlyStopping, market: bool) -> Fit:
        """Everything once more, on the whole histories, with the steps that validation chose."""
        from stockcast.models.problem import Series
        from stockcast.models.training import relearn

        def series(member: Member) -> Series:
            return Series(lambda: self.pool.columns(member, market), len(member.own), self.whole(member))

        every = [series(member) for member in self.pool.members if len(self.whole(member)) >= MIN_TRAIN]
        what = "final fit" if market == self.market else "final fit, without a market"
        self.progress.stage(what, sum(chosen.steps), self.config.training.targets_per_step)
        return self.fit(relearn(every, self.config, chosen, self.progress), market, self.whole)

    def fit(self, ensemble: Ensemble, market: bool, part_of: Callable[[Member], Part]) -> Fit:
        """The network, the base scale as a baseline, and bars of all members to draw from."""
        base = ensemble.base
        drawn = []
        for member in self.pool.members:
            part = part_of(member)
            if len(part):
                drawn.append(Shocks.of(self.pool.columns(member, market), base, part.start, part.stop).values_M4)
        values_M4 = np.concatenate(drawn)
        evenly = np.linspace(0, len(values_M4) - 1, min(MAX_SHOCKS, len(values_M4))).astype(np.intp)
        return Fit(ensemble, {"har-t": HarT(base.weights, base.mu, base.nu)}, Shocks(values_M4[evenly]))

    def judge(self, network: Ensemble, keep_rows: bool = False) -> tuple[list[BacktestResult], list[dict[str, float]]]:
        """Every member with a test part, against its own baselines; and the CRPS by competitor on the validation part
        of every member that has one, whatever became of it later.
        """
        results: list[BacktestResult] = []
        choosing: list[dict[str, float]] = []
        market = "market_return" in network.standardiser.names
        self.progress.stage("scoring each ticker", len(self.pool.members))
        for member in self.pool.members:
            f = self.pool.columns(member, market)
            result = self._scored(member, f, network)
            if result is None:
                choosing += self._chosen_on(member, f, network)
            else:
                results.append(result if keep_rows else replace(result, rows=tuple(map(_medians, result.rows))))
                choosing.append(result.validation_crps)
            self.progress.advance(1)
        return results, choosing

    def _scored(self, member: Member, f: Features, network: Ensemble) -> BacktestResult | None:
        """A member's test part; None without one, and where no baseline can be fitted to compare with."""
        folds, c = self.folds(member), self.config
        if not folds:
            return None
        config = BacktestConfig((c.network.cell,), c.network, c.training, self.walking, tuple(BASELINES))
        walk = Walk(member.history, f, config, folder_of(self.home, member.ticker), Silent(), network)
        try:
            return judged(walk, folds, walk.run(folds), keep_rows=True, in_depth=False)
        except DataError as error:
            self.progress.note(f"{member.ticker} is not scored: {error.message}")
            return None

    def _chosen_on(self, member: Member, f: Features, network: Ensemble) -> list[dict[str, float]]:
        """CRPS by competitor on the validation part of a member without a test part; nothing where it has neither."""
        dates_T, lookback = member.own.session_returns.dates, self.config.network.lookback
        train, part = self.split.train(dates_T, lookback), self.split.validation(dates_T, lookback)
        if len(train) < MIN_TRAIN or len(part) < MIN_VALIDATION:
            return []
        dists: dict[str, Distribution] = {self.config.network.cell: network.forecast(f, part.start, part.stop)}
        for name, kind in BASELINES.items():
            try:
                dists[name] = kind.fit(f, train.start, train.stop).forecast(f, part.start, part.stop)
            except DataError:
                continue
        return [mean_crps(dists, Outcomes.of(member.ticker, f, member.history.close[1:], part))]

    def parts(self) -> dict[str, PartSummary]:
        """First and last target session of each part, and how many of them any series has."""
        days, split = self.split.sessions, self.split
        first = min(
            m.own.session_returns.dates[self.taught(m).start + 1] for m in self.pool.members if len(self.taught(m))
        )
        marks = [first, np.datetime64(split.validate_from), np.datetime64(split.test_from)]
        borders = [*np.searchsorted(days, marks).tolist(), len(days)]
        return {
            part: PartSummary(days[a].astype(object), days[b - 1].astype(object), b - a)
            for part, a, b in zip(("train", "validation", "test"), borders, borders[1:], strict=False)
        }

    def described(self, results: Sequence[BacktestResult], verdict: Verdict, chosen: EarlyStopping) -> dict[str, Any]:
        """What the manifest tells its reader."""
        return {
            "created_at": settings.now().isoformat(timespec="seconds"),
            "data": [
                {
                    "ticker": member.ticker,
                    "source": member.history.source,
                    "first": member.history.first.isoformat(),
                    "last": member.history.last.isoformat(),
                    "sessions": len(member.history),
                    "sha256": member.history.sha256(),
                }
                for member in self.pool.members
            ],
            "splits": {
                name: {"first": part.first.isoformat(), "last": part.last.isoformat(), "count": part.count}
                for name, part in self.parts().items()
            },
            "seeds": list(self.config.training.members),
            "steps": list(chosen.steps),
            "verdict_figures": asdict(verdict),
            "scores": [asdict(score) for result in results for score in result.scores],
        }


def _medians(rows: ForecastRows) -> ForecastRows:
    """The same forecasts without the percentiles beside their medians: those of hundreds of tickers fill the memory."""
    return replace(rows, quantiles_NQ=rows.quantiles_NQ[:, [49]])
