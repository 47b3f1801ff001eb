"""`stockcast train --pool`: one model over all sources."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from stockcast.cli import console, options
from stockcast.cli.sources import SourceResults, run_each, worst
from stockcast.config import TrainConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import Failure, StockcastError

if TYPE_CHECKING:
    from stockcast.errors import Failure
    from stockcast.pipeline import PriceSource
    from stockcast.results import PoolResult


@dataclass(frozen=True)
class PoolOrder:
    """What a pool is to be trained on, and where its model and its forecasts go; output None: forecasts nowhere."""

    sources: list[str]
    name: str
    columns: options.Columns
    start: date | None
    end: date | None
    fetching: FetchConfig
    output: Path | None

    def prices(self, home: Path) -> PriceSource:
        """The door that all the sources come in by."""
        from stockcast import pipeline

        session = pipeline.FetchSession(self.fetching, many=len(self.sources) > 1)
        return pipeline.PriceSource(home, self.columns.reading(self.start, self.end), session)


def train_pool(order: PoolOrder, config: TrainConfig, common: options.Common) -> NoReturn:
    """Train, tell, and leave with the highest exit code. What is wrong with a source does not stop the others."""
    from stockcast.storage.modelfile import require_usable_name

    require_usable_name(order.name)
    failures: list[Failure] = []

    def one(name: str) -> PoolResult:
        from stockcast import pipeline
        from stockcast.cli.progress import watch

        with watch(common.console, name) as progress:
            gathered = pipeline.gather(
                order.prices(common.home), order.sources, progress, config.exchange, config.covariates
            )
            failures.extend(gathered.failures)
            return pipeline.train_pool_from(
                gathered, config, common.home, name, progress, keep_rows=order.output is not None
            )

    trained = run_each([order.name], one, common, saves=True)
    _deliver(replace(trained, failures=(*failures, *trained.failures)), common, order.output)


def _deliver(trained: SourceResults[PoolResult], common: options.Common, output: Path | None) -> NoReturn:
    failures = [*trained.failures, *_save(trained, common, output)]
    console.errors(failures)
    if common.as_json:
        from stockcast.report.data import envelope, pool_data

        console.answer(envelope("train", [pool_data(result) for result in trained.results], failures))
    else:
        from stockcast import pipeline
        from stockcast.report.training import pool_text

        for result in trained.results:
            console.answer(pool_text(result, pipeline.skill_table(result.summary), console.stdout_page()))
    raise typer.Exit(worst(failures))


def _save(trained: SourceResults[PoolResult], common: options.Common, output: Path | None) -> list[Failure]:
    if output is None or not trained.results:
        return []
    from stockcast import pipeline

    every = [rows for pool in trained.results for result in pool.summary.results for rows in result.rows]
    try:
        pipeline.save_forecasts(output, every)
    except StockcastError as error:
        return [Failure("", error)]
    common.console.say(f"test forecasts saved in {output}")
    return []
