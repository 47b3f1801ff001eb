"""The answers of /v8/finance/chart, made from a listing and the market's clock."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.loopback.market import Listing, Market

Answer = tuple[int, dict[str, Any]]

_DAYS = {"1mo": 31, "3mo": 92, "6mo": 183, "1y": 365, "2y": 730, "5y": 1826, "10y": 3652}
_VALID_RANGES = ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]
_PRE, _POST = timedelta(hours=5, minutes=30), timedelta(hours=4)


def chart(market: Market, symbol: str, query: Mapping[str, str]) -> Answer:
    """Status and body for a question about `symbol`: by `range`, or by `period1` (inclusive) and `period2`."""
    with market.lock:
        listing = market.listings.get(symbol.upper())
        if listing is None:
            return not_found()
        if query.get("interval", "1d") != "1d":
            return refusal(422, "Unprocessable Entity", "the loopback Yahoo has daily bars only")
        try:
            bars = _asked(listing, market.now, query)
        except ValueError as mistake:
            return refusal(400, "Bad Request", str(mistake))
        return 200, _body(listing, market.now, query, bars)


def without_bars(market: Market, symbol: str, query: Mapping[str, str]) -> Answer:
    """The answer for a span that holds no session: the metadata, and nothing else."""
    with market.lock:
        listing = market.listings.get(symbol.upper())
        return not_found() if listing is None else (200, _body(listing, market.now, query, range(0)))


def not_found() -> Answer:
    """The answer for a symbol that Yahoo does not know."""
    return refusal(404, "Not Found", "No data found, symbol may be delisted")


def refusal(status: int, code: str, description: str) -> Answer:
    """An error in the chart's own shape."""
    return status, {"chart": {"result": None, "error": {"code": code, "description": description}}}


def _asked(listing: Listing, now: datetime, query: Mapping[str, str]) -> range:
    """The positions of the bars that the question covers; ValueError where it makes no sense."""
    served = listing.served(now)
    if "period1" not in query:
        return range(_first_of_range(listing, now, query.get("range", "1d")), served)
    start, end = int(query["period1"]), int(query["period2"])
    if start >= end or end <= _epoch(listing.opening(listing.sessions[0])):
        raise ValueError(f"Data doesn't exist for startDate = {start}, endDate = {end}")

    def first_from(moment: int) -> int:
        return bisect_left(listing.sessions, moment, hi=served, key=lambda day: _epoch(listing.opening(day)))

    return range(first_from(start), first_from(end))


def _first_of_range(listing: Listing, now: datetime, span: str) -> int:
    served, today = listing.served(now), _today(listing, now)
    if days := re.fullmatch(r"(\d+)d", span):
        return max(0, served - int(days[1]))
    if span == "max":
        return 0
    if span == "ytd":
        first = date(today.year, 1, 1)
    elif span in _DAYS:
        first = today - timedelta(days=_DAYS[span])
    else:
        raise ValueError(f"Invalid input - range={span} is not supported. Valid ranges: {_VALID_RANGES}")
    return bisect_left(listing.sessions, first, hi=served)


def _body(listing: Listing, now: datetime, query: Mapping[str, str], bars: range) -> dict[str, Any]:
    result: dict[str, Any] = {"meta": _meta(listing, now, query)}
    if not bars:
        return _wrapped(result | {"indicators": {"quote": [{}], "adjclose": [{}]}})
    rows = slice(bars.start, bars.stop)
    result["timestamp"] = [_stamp(listing, now, day) for day in listing.sessions[rows]]
    events = _events(listing, set(listing.sessions[rows]), query.get("events", ""))
    if events:
        result["events"] = events
    columns = ("open", "high", "low", "close", "volume")
    quote = {name: getattr(listing, name)[rows] for name in columns}
    # Shares are whole numbers on the wire.
    quote["volume"] = [None if shares is None else round(shares) for shares in quote["volume"]]
    result["indicators"] = {"quote": [quote], "adjclose": [{"adjclose": listing.adjusted_close[rows]}]}
    return _wrapped(result)


def _wrapped(result: dict[str, Any]) -> dict[str, Any]:
    return {"chart": {"result": [result], "error": None}}


def _stamp(listing: Listing, now: datetime, day: date) -> int:
    """A bar bears its session's opening time; while the session lasts it bears the time of its last trade."""
    live = listing.opening(day) <= now < listing.closing(day)
    return _epoch(now if live else listing.opening(day))


def _events(listing: Listing, days: set[date], wanted: str) -> dict[str, Any]:
    events: dict[str, Any] = {}
    dividends = {
        str(stamp): {"amount": listing.dividends[day], "date": stamp}
        for day in sorted(days & listing.dividends.keys())
        for stamp in [_epoch(listing.opening(day))]
    }
    splits = {
        str(stamp): {"date": stamp, "numerator": new, "denominator": old, "splitRatio": f"{new}:{old}"}
        for day in sorted(days & listing.splits.keys())
        for stamp, (new, old) in [(_epoch(listing.opening(day)), listing.splits[day])]
    }
    if dividends and "div" in wanted:
        events["dividends"] = dividends
    if splits and "split" in wanted:
        events["splits"] = splits
    return events


def _meta(listing: Listing, now: datetime, query: Mapping[str, str]) -> dict[str, Any]:
    served = listing.served(now)
    closes = [value for value in listing.close[:served] if value is not None]
    local = now.astimezone(ZoneInfo(listing.zone))
    traded = min(now, listing.closing(listing.sessions[served - 1])) if served else None
    return {
        "currency": listing.currency,
        "symbol": listing.symbol,
        "exchangeName": listing.exchange,
        "fullExchangeName": listing.full_exchange,
        "instrumentType": listing.kind,
        "firstTradeDate": _epoch(listing.opening(listing.sessions[0])),
        "regularMarketTime": None if traded is None else _epoch(traded),
        "hasPrePostMarketData": True,
        "gmtoffset": _offset(local),
        "timezone": local.tzname(),
        "exchangeTimezoneName": listing.zone,
        "regularMarketPrice": closes[-1] if closes else None,
        "priceHint": 2,
        "currentTradingPeriod": _trading_period(listing, now),
        "dataGranularity": "1d",
        "range": query.get("range", ""),
        "validRanges": _VALID_RANGES,
    }


def _trading_period(listing: Listing, now: datetime) -> dict[str, dict[str, Any]]:
    """The period of today's session, from midnight on, or of the last session before today."""
    today = _today(listing, now)
    day = max((session for session in listing.sessions if session <= today), default=today)
    start, end = listing.opening(day), listing.period_end or listing.closing(day)
    spans = {"pre": (start - _PRE, start), "regular": (start, end), "post": (end, end + _POST)}
    return {
        name: {
            "timezone": start.tzname(),
            "start": _epoch(first),
            "end": _epoch(last),
            "gmtoffset": _offset(start),
        }
        for name, (first, last) in spans.items()
    }


def _today(listing: Listing, now: datetime) -> date:
    return now.astimezone(ZoneInfo(listing.zone)).date()


def _offset(moment: datetime) -> int:
    offset = moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
