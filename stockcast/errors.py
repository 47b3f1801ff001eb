"""The exception tree. The class carries the exit code; `cli` catches once and prints one line.

A message says what is wrong, with the value and the row or date; the hint says what to do next. `LeftOut` is the one
warning: of series that failed while others of the same call did not.
"""

from collections.abc import Mapping
from dataclasses import dataclass


class StockcastError(Exception):
    """Anything stockcast can explain to its user.

    `exit_code` is the process's exit status, `kind` the stable word for it in JSON output.
    """

    exit_code = 1
    kind = "error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class StorageError(StockcastError):
    """A file could not be written or read: full disk, missing permission."""

    kind = "storage"


class UsageError(StockcastError):
    """The command line is wrong in a way that only several options together show."""

    exit_code = 2
    kind = "usage"


class ConfigError(StockcastError):
    """A configuration file or value is unusable."""

    exit_code = 3
    kind = "config"


class DataError(StockcastError):
    """Prices are missing, too short, stale or invalid; the ticker is unknown."""

    exit_code = 4
    kind = "data"


class SourceUnavailable(StockcastError):
    """Network, rate limit, provider down: try again later."""

    exit_code = 5
    kind = "unavailable"


class ModelError(StockcastError):
    """A saved model is missing, damaged or from another version."""

    exit_code = 6
    kind = "model"


class NotReproduced(ModelError):
    """A model that was trained again is another one, and so it may be: under other versions, on another processor."""

    kind = "not-reproduced"


class LockedError(StockcastError):
    """Another run holds the lock."""

    exit_code = 7
    kind = "locked"


class PieceLost(StockcastError):
    """The process that did a piece of the work was lost, and again when it was tried once more."""

    kind = "lost"


class AuditFailed(StockcastError):
    """The audit found a forecast that looks ahead."""

    exit_code = 8
    kind = "audit"


class Decayed(StockcastError):
    """The live record is worse than its baselines."""

    exit_code = 9
    kind = "decayed"


class LeftOut(UserWarning):
    """Series that `load`, `fit`, `predict` or `backtest` went on without, in Python, as `on_error="warn"` asks.

    Attributes:
        failures: What was wrong with each, by the name of the series or source.
    """

    def __init__(self, failures: Mapping[str, StockcastError]) -> None:
        self.failures = dict(failures)
        what = f"{len(self.failures)} series are" if len(self.failures) > 1 else "1 series is"
        super().__init__("\n  ".join([f"{what} left out", *(f"{name}: {e}" for name, e in self.failures.items())]))


@dataclass(frozen=True)
class Failure:
    """A source that could not be served, while others may have been."""

    source: str
    error: StockcastError
