"""Names: which headers of which providers mean what. Foreign words end here."""

from __future__ import annotations

import re

DATE = ("date", "datetime", "tradedate", "tradingdate", "pricedate", "observationdate", "timestamp", "day", "time")
CLOSE = (
    "close", "closelast", "closeprice", "closingprice", "last", "lastprice", "pxlast", "settle", "settlement",
    "settlementprice", "price", "nav", "value",
)  # fmt: skip
ADJUSTED = ("adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjcloseprice", "adjustedcloseprice")
OTHERS = {
    "open": ("open", "openprice", "openingprice"),
    "high": ("high", "highprice", "dayhigh"),
    "low": ("low", "lowprice", "daylow"),
    "volume": ("volume", "vol", "sharevolume", "totalvolume", "tradedvolume"),
    # Not Yahoo's "Stock Splits": its closes and volumes are split-adjusted already.
    "splits": ("splitcoefficient", "splitfactor", "splitratio", "split"),
}
YAHOO_SPLITS = "stocksplits"
TICKER = ("ticker", "symbol", "name")
UNNAMED = ("", "unnamed0", "indexlevel0")

_NUMBERING = re.compile(r"\s*\d+\.\s")
_ASIDE = re.compile(r"\([^)]*\)")


def key(name: str) -> str:
    """What is compared of a header: its letters and digits in lower case.

    "Adj. Close**", "5. adjusted close" and "Close (USD)" become adjclose, adjustedclose and close.
    """
    plain = _ASIDE.sub("", _NUMBERING.sub("", name, count=1) if _NUMBERING.match(name) else name)
    return "".join(filter(str.isalnum, plain)).lower()


def position(keys: list[str], aliases: tuple[str, ...]) -> int | None:
    """Index of the first alias that is among the keys; earlier aliases win."""
    return next((keys.index(alias) for alias in aliases if alias in keys), None)
