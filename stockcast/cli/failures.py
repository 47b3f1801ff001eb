"""What went wrong outside the exception tree, made fit for a reader: crashes, interruptions, full disks."""

from __future__ import annotations

import errno
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from stockcast.errors import StockcastError, StorageError
from stockcast.text import printable
from stockcast.versions import installed_version

PACKAGES = ("stockcast", "numpy", "torch", "pandas", "scipy", "arch", "typer", "rich", "exchange-calendars", "pyarrow")


class UnexpectedError(StockcastError):
    """A mistake of ours: an exception that nobody expected."""

    kind = "unexpected"


class InterruptedRun(StockcastError):  # noqa: N818 - the name says what happened
    """The user pressed Ctrl-C."""

    exit_code = 130
    kind = "interrupted"


def explainable(error: Exception, home: Path | None) -> StockcastError:
    """The exception as one that a user can act on; an unexpected one leaves its traceback in a log under `home`."""
    if isinstance(error, StockcastError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" ({error.filename})" if error.filename else ""
        return StorageError(f"{os.strerror(error.errno)}{place}", "free some space and run it again")
    summary = " ".join(f"unexpected {type(error).__name__}: {error}".split())
    return UnexpectedError(summary, _log(error, home))


def interrupted(kept: list[str] | None = None) -> InterruptedRun:
    """What Ctrl-C left behind: nothing, or the models of the sources that were done before."""
    if not kept:
        return InterruptedRun("interrupted; nothing was saved")
    return InterruptedRun(f"interrupted; saved before that: {', '.join(kept)}")


def _log(error: Exception, home: Path | None) -> str:
    moment = datetime.now(UTC)
    target: Path | None = None
    try:
        from stockcast.config.environment import default_home
        from stockcast.storage.files import open_private, private_folder

        folder = (home or default_home()) / "logs"
        target = folder / f"crash-{moment:%Y%m%dT%H%M%S.%f}Z.log"
        private_folder(folder)
        with open(target, "x", encoding="utf-8", errors="backslashreplace", opener=open_private) as log:
            log.write(printable(_report(error, moment), keep="\n\t"))
    except Exception as refusal:  # noqa: BLE001 - whatever stops the log must not hide the crash
        return f"its traceback could not be written to {target or 'the log'} ({refusal}); name a folder with --home"
    return f"the traceback is in {target}"


def _report(error: Exception, moment: datetime) -> str:
    import platform
    import traceback

    lines = [
        f"time: {moment.isoformat()}",
        f"command: {sys.argv}",
        f"python: {sys.version}",
        f"platform: {platform.platform()}",
        *(f"{name}: {installed_version(name) or 'not installed'}" for name in PACKAGES),
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(lines)
