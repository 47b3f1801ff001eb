"""`stockcast ledger` and `score`: the recorded forecasts: listed, exported, kept, scored against what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from stockcast.cli.console import deliver
from stockcast.cli.options import Common, argument, check_writable, command
from stockcast.config.settings import CHOICE, setting
from stockcast.errors import Decayed, Failure, UsageError

_SUFFIXES = (".csv", ".jsonl")


@dataclass(frozen=True)
class Selection:
    """Which forecasts of the record; a None sets no limit."""

    ticker: str | None = setting(None, "This ticker alone", CHOICE)
    model: str | None = setting(None, "This model alone", CHOICE)
    since: date | None = setting(None, "First target session", CHOICE)
    kind: str | None = setting(
        None, "Made before the close, or after", CHOICE, choices=("live", "replay"), shown="both"
    )


@dataclass(frozen=True)
class ListOrder:
    """How many forecasts are listed."""

    limit: int = setting(20, "The newest N; 0: all", CHOICE)

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise UsageError(f"--limit {self.limit} is negative", "give a number of forecasts, 0 for all")


@command()
def ledger_list(which: Selection, order: ListOrder, common: Common) -> None:
    """List recorded forecasts."""
    from stockcast import pipeline
    from stockcast.report.data import ledger_data
    from stockcast.report.live import ledger_text

    rows, missed = pipeline.ledger(common.home, which.ticker, which.model, which.since, which.kind)
    shown = rows[-order.limit :] if order.limit else rows
    if not rows and not common.as_json:
        common.console.say(f"no forecasts on record in {common.home}; stockcast predict TICKER makes one")
    deliver(
        "ledger.list",
        common,
        (),
        lambda: {"total": len(rows), **ledger_data(shown, missed)},
        lambda page: ledger_text(shown, len(rows), missed, page),
    )


@dataclass(frozen=True)
class LedgerFile:
    """Where the record goes; None: to stdout."""

    output: Path | None = setting(None, "Write to a file instead of stdout: .csv or .jsonl")

    def __post_init__(self) -> None:
        check_writable(self.output)
        if self.output is not None and self.output.suffix.lower() not in _SUFFIXES:
            ends = f"end it in {' or '.join(_SUFFIXES)}"
            raise UsageError(f"--output {self.output}: the suffix names no format", ends)


@command()
def ledger_export(which: Selection, file: LedgerFile, common: Common) -> None:
    """Write every recorded forecast with its outcome and the baselines' scores."""
    from stockcast import pipeline
    from stockcast.report.data import ledger_csv, ledger_data, ledger_jsonl

    rows, missed = pipeline.ledger(common.home, which.ticker, which.model, which.since, which.kind)
    output = file.output
    if output is None:
        deliver("ledger.export", common, (), lambda: ledger_data(rows, missed), lambda _page: ledger_csv(rows))
    from stockcast.storage.files import write_atomic

    write_atomic(output, ledger_jsonl(rows) if output.suffix.lower() == ".jsonl" else ledger_csv(rows))
    common.console.say(f"{len(rows)} forecasts written to {output}")
    deliver("ledger.export", common, (), lambda: {"written": str(output), "forecasts": len(rows)})


Backup = Annotated[str, argument("FILE", "The backup.")]


@dataclass(frozen=True)
class Replacing:
    """Whether records may be lost."""

    force: bool = setting(False, "Also where records are lost that what is replaced has")


@dataclass(frozen=True)
class Waiting:
    """How long another run is waited for."""

    wait: float = setting(0.0, "How long to wait for a run to end", metavar="SECONDS")

    def __post_init__(self) -> None:
        if not self.wait >= 0:
            raise UsageError(f"--wait {self.wait:g} is negative", "give seconds")


@command()
def ledger_backup(file: Backup, order: Replacing, common: Common) -> None:
    """Copy the store into one file."""
    from stockcast import pipeline

    check_writable(Path(file), "FILE")
    made = pipeline.backup_ledger(common.home, Path(file), order.force)
    if not common.as_json:
        common.console.say(f"{made.forecasts} forecasts, {made.settled} of them settled, and the prices of "
                           f"{made.tickers} tickers written to {file}")  # fmt: skip
    deliver("ledger.backup", common, (), lambda: made)


@command()
def ledger_restore(file: Backup, order: Replacing, waiting: Waiting, common: Common) -> None:
    """Make the store what a backup is."""
    from stockcast import pipeline
    from stockcast.report.data import plain

    made, aside = pipeline.restore_ledger(common.home, Path(file), order.force, waiting.wait)
    if not common.as_json:
        old = "" if aside is None else f"; the damaged record is {aside}"
        common.console.say(f"{made.forecasts} forecasts, {made.settled} of them settled, and the prices of "
                           f"{made.tickers} tickers are back{old}")  # fmt: skip
    deliver("ledger.restore", common, (), lambda: {**plain(made), "aside": None if aside is None else str(aside)})


@command()
def ledger_prune(waiting: Waiting, common: Common) -> None:
    """Drop what only settling needs."""
    from stockcast import pipeline

    done = pipeline.prune_ledger(common.home, waiting.wait)
    if not common.as_json:
        common.console.say(f"{done.distributions} distributions of settled forecasts and {done.runs} records of runs "
                           f"dropped: {done.bytes_before / 2**20:,.1f} MiB are {done.bytes / 2**20:,.1f}")  # fmt: skip
    deliver("ledger.prune", common, (), lambda: done)


@dataclass(frozen=True)
class ScoreOrder:
    """What a decayed record means."""

    fail_on_decay: bool = setting(False, "Exit with 9 where the live record has decayed")


@command(kind={"flag": ""})
def score(which: Selection, order: ScoreOrder, common: Common) -> None:
    """Score the live record."""
    from stockcast import pipeline
    from stockcast.report.data import score_data
    from stockcast.report.live import score_text

    result = pipeline.score(common.home, which.ticker, which.since, which.model)
    alarms = [f"{one.ticker}: {one.alarm}" for one in (*result.scores, *result.pooled) if one.decayed]
    decayed = Decayed(f"decayed: {'; '.join(alarms)}", "train again: stockcast train TICKER")
    failures = [Failure("", decayed)] if order.fail_on_decay and result.decayed else []
    deliver("score", common, failures, lambda: score_data(result), lambda page: score_text(result, page))
