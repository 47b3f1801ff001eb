"""`stockcast check`, `audit`, `reproduce`, `doctor`: what files, forecasts, models and the machine are like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stockcast.cli.console import deliver
from stockcast.cli.options import Common, Sources, argument, command, given
from stockcast.cli.run import RunFile
from stockcast.cli.sources import Job, expanded, refuse_shared, run_each
from stockcast.config import FetchConfig, NetworkConfig, ReadOptions, TrainConfig, TrainingConfig
from stockcast.config.jobs import JobsConfig
from stockcast.config.models import AUDITING, SCRATCH
from stockcast.config.settings import DATA, setting
from stockcast.errors import AuditFailed, Failure, ModelError, NotReproduced, StockcastError

if TYPE_CHECKING:
    from stockcast.cli.progress import Notes
    from stockcast.engine.pieces import Steps
    from stockcast.results import AuditResult

HORIZON = 3
"""Sessions ahead that an audit forecasts: simulated paths need several."""


class Unhealthy(StockcastError):  # noqa: N818 - the name says what was found
    """Something that a run needs is broken."""

    kind = "unhealthy"


Files = Annotated[
    list[str],
    argument("FILE", "A file of prices (.csv, .csv.gz, .parquet), a folder of them (prices/), or - for stdin."),
]


@command()
def check(sources: Files, read: ReadOptions, common: Common) -> None:
    """Say how files are read, before anything is made of them."""
    from stockcast import pipeline
    from stockcast.report.checks import files_text

    files = expanded(sources)
    refuse_shared("--ticker", read.ticker, files)
    checked = run_each(files, lambda file: pipeline.check(file, read), common, saves=False)
    results = checked.results
    text = (lambda page: files_text(results, page)) if results else None
    deliver("check", common, checked.failures, lambda: results, text)


@command(
    horizon={"default": HORIZON},
    test_from={"help": "First session of the test part"},
    seeds={"shown": f"{AUDITING.seeds}; those of the initial weights"},
    device={"flag": ""},
    final_fit={"flag": ""},
)
def audit(
    context: typer.Context,
    sources: Sources,
    read: ReadOptions,
    config: TrainConfig,
    fetching: FetchConfig,
    jobs: JobsConfig,
    common: Common,
) -> None:
    """Prove on a user's own prices that no forecast looks ahead."""
    training = config.training
    if config.init == SCRATCH or config.network != NetworkConfig() or training != TrainingConfig(seed=training.seed):
        config = replace(config, training=_quick(training, given(context)))
    job = Job(expanded(sources), read, fetching, config.covariates, common, jobs)

    def one(source: str, progress: Notes) -> Steps[AuditResult]:
        from stockcast import pipeline

        return pipeline.audit_steps(source, read, config, common.home, progress, job.session(source))

    audited = job.together("audit", one)
    from stockcast.report.checks import audits_text

    hint = "do not trust its forecasts; the table says what differs"
    results = audited.results
    found = [Failure(result.ticker, AuditFailed(result.verdict, hint)) for result in results if result.failed]
    text = (lambda page: audits_text(results, page)) if results else None
    deliver("audit", common, [*audited.failures, *found], lambda: results, text)


def _quick(training: TrainingConfig, stands: Callable[[str], bool]) -> TrainingConfig:
    """The settings of an audit in the place of those that were not given."""
    if not stands("seeds"):
        training = replace(training, seeds=AUDITING.seeds)
    return training if stands("steps") or stands("epochs") else replace(training, steps=AUDITING.steps)


@dataclass(frozen=True)
class Retrained:
    """Where the prices of a model are that is trained again."""

    source: tuple[Path, ...] = setting(
        (),
        "File of its prices, or a folder that holds it; again for more",
        DATA,
        metavar="PATH",
        shown="where the model was trained from",
    )


@command(ticker={"flag": ""}, start={"flag": ""}, end={"flag": ""})
def reproduce(
    name: Annotated[str, argument("MODEL", "Name of a saved model.")],
    prices: Retrained,
    read: ReadOptions,
    common: Common,
) -> None:
    """Train a saved model again and demand the same bytes."""
    from stockcast import pipeline
    from stockcast.cli.progress import watch
    from stockcast.report.checks import cause, difference, reproduction_text
    from stockcast.report.data import reproduction_data

    with watch(common.console, name) as progress:
        found = pipeline.reproduce(common.home, name, prices.source, read, progress)
    kind = ModelError if found.kind == "damaged" else NotReproduced
    failures = [] if found.identical else [Failure(name, kind(difference(found), cause(found)))]
    deliver(
        "reproduce",
        common,
        failures,
        lambda: reproduction_data(found),
        lambda page: reproduction_text(found, page),
    )


@dataclass(frozen=True)
class Mending:
    """Whether anything is changed."""

    repair: bool = setting(False, "First mend what can be mended without loss; nothing is deleted")


@command(max_age={"flag": ""}, allow_stale={"flag": ""}, timeout={"default": 15.0})
def doctor(file: RunFile, mending: Mending, fetching: FetchConfig, common: Common) -> None:
    """Find out whether an unattended run would work."""
    from stockcast import pipeline
    from stockcast.report.checks import diagnosis_text
    from stockcast.report.data import plain

    config = file.found(common.home)
    diagnosis = pipeline.doctor(common.home, config, fetching.offline, fetching.timeout, mending.repair)
    broken = [check for check in diagnosis.checks if check.ok is False]
    deliver(
        "doctor",
        common,
        [Failure(check.name, Unhealthy(f"{check.name}: {check.message}", check.hint)) for check in broken],
        lambda: [{**plain(check), "state": check.state} for check in diagnosis.checks],
        lambda page: diagnosis_text(diagnosis, page),
    )
