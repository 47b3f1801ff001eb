"""What a model looks at beside the prices, as JSON and back.

It has two parts: what covariates are, which belongs to the model and its id, and where they were found, which may be
another place on another day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stockcast.prices.closing import Closing
from stockcast.prices.hours import TradingHours
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
            "series": [{"source": c.source, "hours": _hours(c.closing)} for c in record.series],
            "known_ahead": record.known_ahead and record.known_ahead[0],
            "exchange": record.closing.exchange,
            "hours": _hours(record.closing),
        }
    }


def record_from(manifest: Mapping[str, Any]) -> CovariatesRecord | None:
    """The record in a manifest. Raises KeyError, TypeError, ValueError or ConfigError where it cannot be read."""
    if BODY not in manifest:
        return None
    body, places = manifest[BODY], manifest[PLACES]
    series = tuple(
        SeriesRecord(one["name"], place["source"], _closing(one["exchange"], place["hours"]), one["sha256"])
        for one, place in zip(body["series"], places["series"], strict=True)
    )
    known = (places["known_ahead"], body["known_ahead"]) if body["known_ahead"] is not None else None
    return CovariatesRecord(_closing(places["exchange"], places["hours"]), series, known)


def _hours(closing: Closing) -> dict[str, Any] | None:
    return None if closing.hours is None else closing.hours.to_json()


def _closing(exchange: str, hours: Mapping[str, Any] | None) -> Closing:
    return Closing(exchange, None if hours is None else TradingHours.from_json(hours))
