"""Training one model on many series: learn together -> judge each ticker and all of them -> save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast import config as settings
from stockcast.config.backtests import BacktestConfig, FoldConfig
from stockcast.errors import ConfigError, DataError
from stockcast.evaluation.pooledverdict import adjusted, pooled_verdict, strongest_of
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
from stockcast.windows.folds import walk_forward
from stockcast.windows.poolsplit import PoolSplit
from stockcast.windows.splits import MIN_TRAIN, Part

if TYPE_CHECKING:
    from stockcast.config import TrainConfig
    from stockcast.models.ensemble import Ensemble
    from stockcast.models.problem import Series
    from stockcast.models.training import Chosen
    from stockcast.results.backtests import BacktestSummary
    from stockcast.results.training import Verdict

_ONE_FOLD = 100_000
"""Sessions to the next refit: there is none."""


def train_pool(pool: Pool, config: TrainConfig, home: Path, name: str, progress: Progress) -> PoolResult:
    """Train on a pool, judge every ticker on the test part, save the model under `name`.

    Where the pool is large enough to be a market, a second network is trained that does without one: for tickers
    whose market is not known. Raises DataError where no series teaches or none can be scored, what splitting and
    saving raise; nothing is saved then.
    """
    work = PoolWork.begin(pool, config, home, progress)
    network, chosen = work.learn(market=pool.market is not None)
    alone = work.learn(market=False) if pool.market is not None else None
    results, untested = work.judge(network)
    summary = pooled(results)
    strongest = strongest_of(results)
    cell = config.network.cell
    better = float(np.mean([r.validation_crps[cell] / r.validation_crps[strongest] for r in results])) < 1.0
    verdict = pooled_verdict(cell, results, summary.pooled, strongest, cell if better else "har-t")
    scored = work.fit(network, pool.market is not None, work.taught)
    served, alone_fits = scored, None
    if alone is not None:
        alone_fits = (work.fit(alone[0], False, work.taught),) * 2
    if config.training.final_fit:
        served = work.final(chosen, pool.market is not None)
        if alone is not None and alone_fits is not None:
            alone_fits = (alone_fits[0], work.final(alone[1], False))
    model = TrainedModel(
        name=name,
        ticker=f"{len(pool.members)} tickers",
        model_id="",
        config=config,
        scored=scored,
        served=served,
        served_by=verdict.served_by,
        sentence=verdict.sentence,
        calendar=pool.calendar,
        summary=work.described(results, verdict, chosen),
        members=tuple(member.ticker for member in pool.members),
        sentences={result.ticker: result.verdict.sentence for result in results},
        market=pool.market,
        alone=alone_fits,
    )
    file = trainedmodel.to_file(model)
    path = modelfile.save(home / "models", file)
    return PoolResult(
        model=name,
        model_id=str(file.manifest["model_id"]),
        cell=cell,
        members=model.members,
        untested=untested,
        market=pool.market is not None,
        splits=work.parts(),
        summary=summary,
        verdict=verdict,
        adjusted_p=_adjusted(summary, cell, strongest),
        scored_cutoff=scored.cutoff,
        served_cutoff=served.cutoff,
        steps=chosen.steps,
        curves=chosen.curves,
        path=path,
    )


@dataclass(frozen=True)
class PoolWork:
    """One training of a pool: what its stages share."""

    pool: Pool
    split: PoolSplit
    config: TrainConfig
    home: Path
    progress: Progress

    @classmethod
    def begin(cls, pool: Pool, config: TrainConfig, home: Path, progress: Progress) -> PoolWork:
        """Split by date. Raises what splitting raises."""
        calendars = [member.own.moves.dates for member in pool.members]
        split = PoolSplit.of(calendars, config.split, config.network.lookback)
        return cls(pool, split, replace(config, exchange=config.exchange or pool.calendar.exchange), home, progress)

    def learn(self, market: bool) -> tuple[Ensemble, Chosen]:
        """A network from the training parts of all members, stopped on their validation parts."""
        from stockcast.models.training import learn

        series = self.series(market)
        most = self.config.training.gradient_steps(sum(len(one.train) for one in series))
        what = f"training {self.config.network.cell} on {len(series)} series"
        self.progress.stage(what if market else f"{what}, without a market", most * self.config.training.seeds)
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

        dates_T, lookback = member.own.moves.dates, self.config.network.lookback
        return Series(
            lambda: self.pool.columns(member, market),
            self.split.train(dates_T, lookback),
            self.split.validation(dates_T, lookback),
        )

    def taught(self, member: Member) -> Part:
        """The origins that had a say before the test part."""
        dates_T, lookback = member.own.moves.dates, self.config.network.lookback
        train, choosing = self.split.train(dates_T, lookback), self.split.validation(dates_T, lookback)
        return Part(train.start, max(train.stop, choosing.stop))

    def whole(self, member: Member) -> Part:
        """All origins with a target."""
        return Part(self.taught(member).start, max(self.taught(member).stop, len(member.own) - 1))

    def final(self, chosen: Chosen, market: bool) -> Fit:
        """Everything once more, on the whole histories, with the steps that validation chose."""
        from stockcast.models.problem import Series
        from stockcast.models.training import relearn

        def series(member: Member) -> Series:
            return Series(lambda: self.pool.columns(member, market), self.whole(member))

        every = [series(member) for member in self.pool.members if len(self.whole(member)) >= MIN_TRAIN]
        what = "final fit" if market or self.pool.market is None else "final fit, without a market"
        self.progress.stage(what, sum(chosen.steps))
        return self.fit(relearn(every, self.config, chosen, self.progress), market, self.whole)

    def fit(self, ensemble: Ensemble, market: bool, part_of: Any) -> Fit:
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

    def judge(self, network: Ensemble) -> tuple[list[BacktestResult], tuple[str, ...]]:
        """Every member with a test part, against its own baselines; and the members without."""
        results: list[BacktestResult] = []
        untested: list[str] = []
        self.progress.stage("scoring each ticker", len(self.pool.members))
        folds = FoldConfig(self.split.test_from, _ONE_FOLD, validate_from=self.split.validate_from)
        config = BacktestConfig(
            (self.config.network.cell,), self.config.network, self.config.training, folds, tuple(BASELINES)
        )
        for member in self.pool.members:
            f = self.pool.columns(member, "market_return" in network.standardiser.names)
            folder = folder_of(self.home, member.ticker)
            walk = Walk(member.history, f, config, folder, Silent(), network)
            try:
                stages = walk_forward(member.own.moves.dates, folds, self.config.network.lookback)
                results.append(judged(walk, stages, walk.run(stages), keep_rows=True, in_depth=False))
            except (ConfigError, DataError):
                untested.append(member.ticker)
            self.progress.advance(1)
        if not results:
            raise DataError(
                f"no ticker has enough sessions around {self.split.test_from} to be scored",
                "use longer histories, or move --validate-from and --test-from",
            )
        return results, tuple(untested)

    def parts(self) -> dict[str, PartSummary]:
        """First and last target session of each part, and how many of them any series has."""
        days = self.split.sessions
        borders = [0, *(int(np.searchsorted(days, np.datetime64(d))) for d in self._borders()), len(days)]
        first = min(self.taught(member).start for member in self.pool.members) + 1
        borders[0] = min(first, borders[1] - 1)
        return {
            part: PartSummary(days[a].astype(object), days[b - 1].astype(object), b - a)
            for part, a, b in zip(("train", "validation", "test"), borders, borders[1:], strict=False)
        }

    def _borders(self) -> tuple[Any, Any]:
        return self.split.validate_from, self.split.test_from

    def described(self, results: Sequence[BacktestResult], verdict: Verdict, chosen: Chosen) -> dict[str, Any]:
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


def _adjusted(summary: BacktestSummary, cell: str, strongest: str) -> dict[str, float]:
    """p-values over the strongest baseline by ticker, after control of the false discovery rate."""
    return adjusted(
        {
            result.ticker: next(c.dm_p for c in result.comparisons_at(1) if (c.model, c.baseline) == (cell, strongest))
            for result in summary.results
        }
    )
