"""What can go wrong at Yahoo, as values that a test puts into a script."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RateLimited:
    """429, Too Many Requests. yfinance asks once more before it gives up: one call of it needs two of these."""


@dataclass(frozen=True)
class NotFound:
    """404 in the chart's shape, as for a symbol that does not exist."""


@dataclass(frozen=True)
class ServerError:
    """500, in plain text."""


@dataclass(frozen=True)
class Html:
    """200 with a page for people, by default the one that Yahoo shows when it is down."""

    text: str = "<html><head><title>Yahoo</title></head><body>Will be right back...</body></html>"


@dataclass(frozen=True)
class Dropped:
    """The connection closes without an answer."""


@dataclass(frozen=True)
class Slow:
    """The right answer, `seconds` late."""

    seconds: float


@dataclass(frozen=True)
class Empty:
    """200 with the metadata of the symbol and no bars."""


@dataclass(frozen=True)
class Nonsense:
    """200 with valid JSON of another shape."""


@dataclass(frozen=True)
class Truncated:
    """200 with the first half of the right answer."""


Fault = RateLimited | NotFound | ServerError | Html | Dropped | Slow | Empty | Nonsense | Truncated
