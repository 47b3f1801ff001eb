"""What a model looks at beside the prices, as JSON and back.

It has two parts: what covariates are, which belongs to the model and its id, and where they were found, which may be
another place on another day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stockcast.prices.closing import Closing
from stockcast.prices.hours import TradingHours
from stockcast.storage.codec import MisfitError, encode
from stockcast.windows.covariates import CovariatesRecord, SeriesRecord

BODY, PLACES = "covariates", "covariate_sources"
"""Their keys in a manifest."""


def body_of(record: CovariatesRecord | None) -> dict[str, Any]:
    """What covariates are: names, exchanges, hashes of their bars and of the known dates; nothing without any."""
    if record is None:
        return {}
    series = [{"name": c.name, "exchange": c.closing.exchange, "sha256": c.sha256} for c in record.series]
    return {BODY: {"series": series, "known_ahead": record.known_ahead and record.known_ahead[1]}}


def places_of(record: CovariatesRecord | None) -> dict[str, Any]:
    """Where they were found, and the trading hours that were known then."""
    if record is None:
        return {}
    return {
        PLACES: {
            "series": [{"source": c.source, "hours": encode(c.closing.hours)} for c in record.series],
            "known_ahead": record.known_ahead and record.known_ahead[0],
            "exchange": record.closing.exchange,
            "hours": encode(record.closing.hours),
        }
    }


@dataclass(frozen=True)
class _Series:
    name: str
    exchange: str
    sha256: str


@dataclass(frozen=True)
class Body:
    """What covariates are, as `body_of` writes it."""

    series: tuple[_Series, ...]
    known_ahead: str | None


@dataclass(frozen=True)
class _Place:
    source: str
    hours: TradingHours | None


@dataclass(frozen=True)
class Places:
    """Where they were found, as `places_of` writes it."""

    series: tuple[_Place, ...]
    known_ahead: str | None
    exchange: str
    hours: TradingHours | None


def record_from(body: Body | None, places: Places | None) -> CovariatesRecord | None:
    """The record in a manifest. Raises MisfitError where its two parts do not belong together."""
    if body is None and places is None:
        return None
    if body is None or places is None:
        raise MisfitError(BODY if body is None else PLACES, "is missing")
    if len(body.series) != len(places.series) or (body.known_ahead is None) is not (places.known_ahead is None):
        raise MisfitError(PLACES, f"is not where the {BODY} were found")
    series = tuple(
        SeriesRecord(one.name, place.source, Closing(one.exchange, place.hours), one.sha256)
        for one, place in zip(body.series, places.series, strict=True)
    )
    known = None
    if body.known_ahead is not None and places.known_ahead is not None:
        known = places.known_ahead, body.known_ahead
    return CovariatesRecord(Closing(places.exchange, places.hours), series, known)
