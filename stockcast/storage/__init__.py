"""What stays on the disk: atomic files, models, folds, studies, prices, the ledger."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def sweep_home(home: Path) -> None:
    """Take away what this user's commands left when they were killed: temporary files, half of models, panel files.

    Nothing of another user's, and nothing that a living process is at work on. It costs a millisecond, and never fails.
    """
    from stockcast.storage.files import sweep
    from stockcast.storage.modelfile import sweep_models

    folds = home / "backtests"
    names: list[str] = []
    with suppress(OSError, ValueError):
        names = os.listdir(folds)
    sweep(home, *(folds / name for name in names))
    sweep_models(home / "models")
    if os.path.isdir(home / "cache"):
        from stockcast.storage.panelfile import sweep_panels

        sweep_panels(home / "cache")
