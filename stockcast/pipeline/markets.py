"""Markets: what a pooled model looks at in the sessions after those of its pool.

A market is one cross-section for the whole of a call: up to its last session the one that was kept with the model,
after it that of the call's files, or of the pool's members in the store. The columns of a market are measured by its
own past, so that both have one level (see `Market.of`), and the second is worked out over its whole history before the
first hands over to it. A session in which it has too few members stays out of it: there the network that does without
a market forecasts. Whether it has is seen from the bars of that session alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stockcast import config as settings
from stockcast.config import CovariatesConfig
from stockcast.errors import StockcastError
from stockcast.pipeline.covariates import Search
from stockcast.pipeline.sources import load, stored, ticker_of
from stockcast.pipeline.targetseries import TargetSeries
from stockcast.prices.csvfile import ReadOptions, looks_like_path
from stockcast.prices.history import History
from stockcast.progress import Progress
from stockcast.windows.features import BURN_IN, SessionReturns, session_returns
from stockcast.windows.market import MINIMUM_MEMBERS, Market

if TYPE_CHECKING:
    from stockcast.forecasting import TrainedModel
    from stockcast.pipeline.source import FetchSession
    from stockcast.prices.sessions import SessionCalendar
    from stockcast.storage.database import Database

ELSEWHERE = "The pool's exchange is another one, and its sessions end at other hours."
_WHERE_TRAINED = CovariatesConfig()
"""A model's covariates are looked for where they were when it was trained."""
_STDIN = "-"
"""Can be read once, and is read for its own sake."""


def market_of(found: Iterable[History]) -> Market:
    """The cross-section of histories; of two with one name the first. Empty where no session has enough of them."""
    members: dict[str, SessionReturns] = {}
    for history in found:
        if len(history) > BURN_IN + 1:
            members.setdefault(history.ticker, session_returns(history))
    return Market.of(members)


def continued(kept: Market, newer: Market) -> Market:
    """`kept` up to its last session, and what `newer` has after it."""
    after_D = newer.dates_D > kept.dates_D[-1]
    return Market(
        np.concatenate([kept.dates_D, newer.dates_D[after_D]]),
        np.concatenate([kept.values_DM, newer.values_DM[after_D]]),
        np.concatenate([kept.shock_D, newer.shock_D[after_D]]),
    )


def at_exchange(model: TrainedModel, calendar: SessionCalendar) -> TrainedModel:
    """The model with that calendar, and without its market where the exchange is another one.

    Dates say nothing of hours: at the close in London, New York's session of the day is not over.
    """
    market = model.market if calendar.exchange == model.calendar.exchange else None
    return replace(model, calendar=calendar, market=market)


def tell_of_no_market(model: TrainedModel, ticker: str, origin: date, why: str, progress: Progress) -> None:
    """Say so where the network that does without a market makes the forecast."""
    if model.has_fallback and not (model.market is not None and model.market.reaches(origin)):
        progress.note(
            f"{ticker}: the market of {origin} is not known, and the network of {model.name} that does without one "
            f"forecasts. {why if model.market is not None else ELSEWHERE}"
        )


class Company:
    """The sources of one call, each read for the sake of the others: together they are a market.

    What is worked out is kept for the other sources of the call, by the last session that it knows. covariates: other
    places for what the models look at beside them.
    """

    def __init__(
        self, sources: Sequence[str], read: ReadOptions, home: Path,
        fetch_session: Callable[[str], FetchSession | None] = lambda _: None, covariates: CovariatesConfig =
        _WHERE_TRAINED,
    ) -> None:  # fmt: skip
        self.covariates = covariates
        self.sources = tuple(sources)
        self.read = read
        self.home = home
        self.fetch_session = fetch_session
        self._of_sources: dict[date | None, Market] = {}
        self._of_store: dict[tuple[tuple[str, ...], str, date], Market] = {}
        self._fetched = False

    def load(self, source: str, progress: Progress) -> History:
        """The history of a source. Raises what loading raises."""
        return load(source, self.read, self.home, self.fetch_session(source), progress)

    def with_covariates(self, model: TrainedModel, target: TargetSeries, progress: Progress) -> TrainedModel:
        """The model with the covariates that it was trained with beside it. Raises what `Search.again` raises."""
        return Search(self.home, progress, self.fetch_session).again(model, self.covariates, target)

    def beside_files(self, model: TrainedModel, ticker: str, origin: date, progress: Progress) -> TrainedModel:
        """The model with a market that reaches `origin` where the files of the call make one; else with the kept one.

        Of all files only bars up to `origin` are read: not even a repair may know later ones.
        """
        if model.market is not None and _ends_before(model.market, origin):
            if origin not in self._of_sources:
                files = [source for source in self.sources if looks_like_path(source)]
                ends = [day for day in (self.read.end, origin) if day is not None]
                read = replace(self.read, end=min(ends))
                self._of_sources[origin] = market_of(self._read(files, read, progress))
            model = replace(model, market=continued(model.market, self._of_sources[origin]))
        few = f"Name the files of at least {MINIMUM_MEMBERS} stocks of its exchange that reach that session."
        tell_of_no_market(model, ticker, origin, few, progress)
        return model

    def beside_stored(
        self, db: Database, model: TrainedModel, ticker: str, origin: date, progress: Progress
    ) -> TrainedModel:
        """The same for a ticker, of the pool's members in the store.

        Tickers of the call are fetched first, so that the first one's forecast has the market of the last one's.
        """
        if model.market is not None and _ends_before(model.market, origin):
            self.fetch_members(db, model, origin, progress)
            key = model.members, model.calendar.exchange, origin
            if key not in self._of_store:
                self._of_store[key] = market_of(_stored_members(db, model, origin))
            model = replace(model, market=continued(model.market, self._of_store[key]))
        few = f"At least {MINIMUM_MEMBERS} of its pool are needed up to that session: stockcast fetch {_some(model)}"
        tell_of_no_market(model, ticker, origin, few, progress)
        return model

    def fetch_members(self, db: Database, model: TrainedModel, origin: date, progress: Progress) -> None:
        """Bring the pool's members among the sources up to date, once in a call; what fails is told in its turn."""
        from stockcast.pipeline.fetching import Fetcher
        from stockcast.storage import pricestore

        if self._fetched:
            return
        self._fetched = True
        for source in self.sources:
            ticker, fetch_session = ticker_of(source), None if looks_like_path(source) else self.fetch_session(source)
            last = pricestore.last_session(db, ticker)
            if fetch_session is not None and ticker in model.members and (last is None or last < origin):
                with suppress(StockcastError):
                    Fetcher(db, fetch_session, progress).update(ticker)

    def market(self, kept: Market, last: date, progress: Progress) -> Market:
        """The market of all the sessions of all sources; the kept one alone where that reaches `last`.

        last: the newest session that is asked for. What the market is before it does not depend on it.
        """
        if not _ends_before(kept, last):
            return kept
        if None not in self._of_sources:
            self._of_sources[None] = market_of(self._read(self.sources, self.read, progress))
        return continued(kept, self._of_sources[None])

    def _read(self, sources: Sequence[str], read: ReadOptions, progress: Progress) -> Iterator[History]:
        """The histories that can be had; what is wrong with the others is told in their own turn."""
        for source in sources:
            if source != _STDIN:
                with suppress(StockcastError):
                    yield load(source, read, self.home, self.fetch_session(source), progress)


def _ends_before(market: Market, day: date) -> bool:
    return bool(market.dates_D[-1] < np.datetime64(day))


def _stored_members(db: Database, model: TrainedModel, origin: date) -> Iterator[History]:
    """What the store has of the pool's members at the model's exchange, up to `origin`."""
    for member in model.members:
        with suppress(StockcastError):
            quotes = stored(db, member, settings.now(), end=origin)
            if quotes.exchange == model.calendar.exchange:
                yield quotes.history


def _some(model: TrainedModel) -> str:
    shown = model.members[:MINIMUM_MEMBERS]
    return " ".join(shown) + (" ..." if len(model.members) > len(shown) else "")
