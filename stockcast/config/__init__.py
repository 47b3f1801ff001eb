"""Floor 1: settings as frozen dataclasses, one per component, and what the environment says: the time, which
STOCKCAST_NOW replaces, and the home, which STOCKCAST_HOME names.
"""

import os
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


def is_replay() -> bool:
    """Whether STOCKCAST_NOW replaces the clock."""
    return bool(os.environ.get("STOCKCAST_NOW"))


def now() -> datetime:
    """The time, in UTC; STOCKCAST_NOW (an ISO time, UTC where it names no zone) replaces the clock.

    Raises:
        ConfigError: Where that variable is no ISO time.
    """
    text = os.environ.get("STOCKCAST_NOW")
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"STOCKCAST_NOW is {text!r}, which is no ISO time", "write 2021-04-01T22:00:00Z") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def default_home() -> Path:
    """The folder that STOCKCAST_HOME names, else the platform's folder for user data."""
    # Not left to the option's `envvar`: Typer 0.26 forgets it where the option has a default.
    named = os.environ.get("STOCKCAST_HOME")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("stockcast", appauthor=False))
