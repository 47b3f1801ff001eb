"""The time limit of fetching: many tickers share one, and a provider that is away is not asked for ever."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stockcast.config.sources import FetchConfig
from stockcast.errors import SourceUnavailable

if TYPE_CHECKING:
    from stockcast.prices.yahoo.session import Deadline

_MOST_FOR_DATES = 10.0  # s of what is left, for one ticker

_PATIENCE = 3  # tickers in a row that find the provider away, before the others are not tried


class FetchSession:
    """One time limit for the fetching of many tickers, a pause between two, no patience with a provider that is away.

    What is done between two questions, such as a training, does not count.
    """

    def __init__(self, config: FetchConfig, many: bool = True, retry: int = _PATIENCE) -> None:
        self.config = config
        self._limit = self._left = config.timeout
        self._pause = config.pause if many else 0.0
        self._patience = retry
        self._asked = False
        self._away: list[tuple[str, str]] = []
        self._away_for_dates: list[tuple[str, str]] = []

    @property
    def is_away_for_dates(self) -> bool:
        """Whether the provider need not be asked for more dates of reports."""
        return len(self._away_for_dates) >= _PATIENCE

    @contextmanager
    def turn(self, ticker: str, dates: bool = False) -> Iterator[Deadline]:
        """Whose turn it is may ask within, up to the deadline. Raises SourceUnavailable where that is hopeless.

        dates: it is about dates of reports, which take little of the time, and whose failures say nothing of prices.
        """
        from stockcast.prices.yahoo.failures import YahooFailure
        from stockcast.prices.yahoo.session import Deadline, load_yfinance

        away = self._away_for_dates if dates else self._away
        if not dates:
            self._refuse_hopeless(ticker)
        load_yfinance()
        before = self._left
        granted = min(before, _MOST_FOR_DATES) if dates else before
        deadline = Deadline(time.monotonic() + granted, granted if dates else self._limit)
        try:
            self._rest(deadline)
            yield deadline
            away.clear()
        except SourceUnavailable as error:
            if dates or not isinstance(error, YahooFailure) or error.for_every_ticker:
                # The words alone: whoever catches the error may add to its hint what concerns this ticker.
                away.append((error.message, error.hint))
            raise
        finally:
            self._left = max(0.0, before - granted + deadline.left())

    def _refuse_hopeless(self, ticker: str) -> None:
        if len(self._away) >= self._patience:
            message, hint = self._away[-1]
            raise SourceUnavailable(f"{ticker} was not tried after {len(self._away)} failures: {message}", hint)

    def _rest(self, deadline: Deadline) -> None:
        if self._asked and self._pause:
            # Not regular, so that many machines with one crontab do not ask in step.
            time.sleep(min(self._pause * random.uniform(0.5, 1.5), deadline.left()))  # noqa: S311 - a pause is no secret
        self._asked = True
