"""Probe: whether the provider answers at all, and what time it has."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from stockcast.prices.yahoo.deadline import Deadline
from stockcast.prices.yahoo.failures import ProviderDown, RateLimited, of_curl
from stockcast.prices.yahoo.retry import within
from stockcast.prices.yahoo.session import CHART, open_session

_TICKER = "^GSPC"


def probe(deadline: Deadline) -> datetime | None:
    """Ask for one day of an index; returns the time of the answer in UTC, None where it names none.

    Raises YahooFailure: no network, a time-out, a rate limit, an error of the provider.
    """
    return within(deadline, lambda: _asked(deadline))


def _asked(deadline: Deadline) -> datetime | None:
    from curl_cffi.requests.exceptions import RequestException

    with open_session(deadline) as session:
        try:
            response = session.get(
                f"https://query2.finance.yahoo.com{CHART}{quote(_TICKER)}", params={"range": "1d", "interval": "1d"}
            )
        except RequestException as error:
            raise of_curl(error) from error
        reply = session.replies[-1]
    if reply.status == 429:
        raise RateLimited
    # Also an error is an answer, in the shape of a chart: the provider is there.
    if reply.body not in ("bars", "no-bars", "nothing", "refusal") or reply.status >= 500:
        raise ProviderDown(f"HTTP {reply.status}" if reply.status != 200 else "a page that is no data")
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None
