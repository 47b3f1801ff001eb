"""Floor 1: settings as frozen dataclasses, one per component, and what the environment says: the time, which
STOCKCAST_NOW replaces, and the home, which STOCKCAST_HOME names.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from stockcast.config.models import (
    CELLS,
    DEVICES,
    SUPERVISIONS,
    ExplainConfig,
    NetworkConfig,
    PredictConfig,
    SplitConfig,
    TrainConfig,
    TrainingConfig,
)
from stockcast.config.settings import user_path
from stockcast.config.sources import CovariatesConfig, FetchConfig, ReadOptions
from stockcast.errors import ConfigError

__all__ = [
    "CELLS",
    "DEVICES",
    "SUPERVISIONS",
    "CovariatesConfig",
    "ExplainConfig",
    "FetchConfig",
    "NetworkConfig",
    "PredictConfig",
    "ReadOptions",
    "SplitConfig",
    "TrainConfig",
    "TrainingConfig",
    "default_home",
    "is_replay",
    "now",
]


_YEARS = (1800, 2199)
"""Of the clock: days before and after it are counted with, which have to have a date."""


def is_replay() -> bool:
    """Whether STOCKCAST_NOW replaces the clock."""
    return bool(os.environ.get("STOCKCAST_NOW"))


def now() -> datetime:
    """The time, in UTC; STOCKCAST_NOW (an ISO time, UTC where it names no zone) replaces the clock.

    Raises:
        ConfigError: Where that variable is no ISO time, or one of a year without calendars.
    """
    text = os.environ.get("STOCKCAST_NOW")
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"STOCKCAST_NOW is {text!r}, which is no ISO time", "write 2021-04-01T22:00:00Z") from error
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise ConfigError(
            f"STOCKCAST_NOW is {text!r}, and no time between the years {_YEARS[0]} and {_YEARS[1]}",
            "write 2021-04-01T22:00:00Z",
        )
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def default_home() -> Path:
    """The folder that STOCKCAST_HOME names, else the platform's folder for user data.

    Raises:
        ConfigError: Where there is none, as for a user without a home folder.
    """
    # Not left to the option's `envvar`: Typer 0.26 forgets it where the option has a default.
    named = os.environ.get("STOCKCAST_HOME")
    if named:
        return user_path(named)
    from platformdirs import user_data_dir

    # Where there is no home, old versions give a path that begins with ~, and new ones raise.
    with suppress(RuntimeError):
        found = Path(user_data_dir("stockcast", appauthor=False))
        if found.is_absolute():
            return found
    raise ConfigError(
        "this user has no home folder, and HOME names none from the root",
        "set HOME, or STOCKCAST_HOME to the folder that is to be used",
    )
