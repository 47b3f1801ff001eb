"""How prices of a ticker are come by."""

from __future__ import annotations

from dataclasses import dataclass

from stockcast.config.models import require


@dataclass(frozen=True)
class FetchConfig:
    """When stored prices will do, and how long the provider may take.

    offline: never ask the provider. max_age: sessions that stored prices may be behind the exchange before they are
    fetched again. allow_stale: forecast from older prices where newer ones cannot be had. timeout: seconds for all
    the fetching of one command. pause: seconds between two tickers, give or take a half.
    """

    offline: bool = False
    max_age: int = 0
    allow_stale: bool = False
    timeout: float = 60.0
    pause: float = 0.5

    def __post_init__(self) -> None:
        require(0 <= self.max_age <= 10_000, f"--max-age {self.max_age} is not within 0 .. 10000 sessions")
        require(0 < self.timeout <= 86_400, f"a time limit of {self.timeout:g} s is not within 0 .. 86400 s")
        require(0 <= self.pause <= 3600, f"a pause of {self.pause:g} s is not within 0 .. 3600 s")
