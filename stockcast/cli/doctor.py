"""`stockcast doctor`: whether an unattended run would work."""

from __future__ import annotations

from pathlib import Path

import typer

from stockcast.cli import console, fetchoptions, options
from stockcast.cli.run import DEFAULT, Config
from stockcast.errors import Failure, StockcastError


class Unhealthy(StockcastError):  # noqa: N818 - the name says what was found
    """Something that a run needs is broken."""

    kind = "unhealthy"


def doctor(
    config: Config = None,
    offline: fetchoptions.Offline = False,
    timeout: fetchoptions.Timeout = 15.0,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Check folder, store, models, calendar, lock, configuration, provider and clock, and say what to mend."""
    from stockcast import pipeline

    common = options.common(home, as_json, quiet, verbose)
    diagnosis = pipeline.doctor(common.home, _config(config, common.home), offline, timeout)
    broken = [check for check in diagnosis.checks if check.ok is False]
    failures = [Failure(check.name, Unhealthy(f"{check.name}: {check.message}", check.hint)) for check in broken]
    if as_json:
        from stockcast.report.data import envelope, plain

        checks = [{**plain(check), "state": check.state} for check in diagnosis.checks]
        console.answer(envelope("doctor", checks, failures))
    else:
        from stockcast.report.checks import diagnosis_text

        console.answer(diagnosis_text(diagnosis, console.stdout_page()))
    raise typer.Exit(0 if diagnosis.healthy else Unhealthy.exit_code)


def _config(config: Path | None, home: Path) -> Path | None:
    if config is not None:
        return config
    return next((path for path in (DEFAULT, home / DEFAULT) if path.exists()), None)
