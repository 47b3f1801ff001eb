"""The clock, which STOCKCAST_NOW replaces."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from stockcast.errors import ConfigError


def now() -> datetime:
    """The time, in UTC; STOCKCAST_NOW (an ISO time, UTC where it names no zone) replaces the clock.

    Raises ConfigError where that variable is no ISO time.
    """
    text = os.environ.get("STOCKCAST_NOW")
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"STOCKCAST_NOW is {text!r}, which is no ISO time", "write 2021-04-01T22:00:00Z") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
