"""Failures: what could not be done, while other things were."""

from __future__ import annotations

from dataclasses import dataclass

from stockcast.errors import StockcastError


@dataclass(frozen=True)
class Failure:
    """A source that could not be served, while others may have been."""

    source: str
    error: StockcastError
