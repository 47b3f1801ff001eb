"""Markets: what a pooled model looks at in the sessions after those of its pool.

A market is one cross-section for the whole of a call: up to its last session the one that was kept with the model,
after it that of the call's files, or of the pool's members in the store. The columns of a market are measured by its
own past, so that both have one level (see `Market.of`), and the second is worked out over its whole history before the
first hands over to it. A session in which it has too few members stays out of it: there the network that does without
a market forecasts. Whether it has is seen from the bars of that session alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from stockcast.errors import StockcastError
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource, is_ticker, provider_ticker
from stockcast.prices.csvfile.content import STANDARD_INPUT
from stockcast.prices.exchanges import ALWAYS
from stockcast.prices.history import History
from stockcast.progress import Progress
from stockcast.windows.features import BURN_IN, SessionReturns, session_returns
from stockcast.windows.market import MINIMUM_MEMBERS, Market

if TYPE_CHECKING:
    from stockcast.forecasting import TrainedModel
    from stockcast.prices.sessions import SessionCalendar

UNLIKE = "This series trades seven days a week; the network was taught by series that do not."

ELSEWHERE = "The pool's exchange is another one, and its sessions end at other hours."


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
    """The model with that calendar, and without its market where the exchange is another one; its sentence says so
    where that trades on days of the week of which the model has seen none.

    Dates say nothing of hours: at the close in London, New York's session of the day is not over.
    """
    market = model.market if calendar.exchange == model.calendar.exchange else None
    sentence = f"{model.sentence} {UNLIKE}" if is_unlike(model.calendar.exchange, calendar.exchange) else model.sentence
    return replace(model, calendar=calendar, market=market, sentence=sentence)


def is_unlike(taught: str, exchange: str) -> bool:
    """Whether a series at an exchange trades seven days a week, as cryptocurrencies do, and what taught its network at
    another one does not: what that network did on many stocks says nothing of such a series.
    """
    return exchange == ALWAYS != taught


class MarketSource:
    """Where the markets of one call come from: its sources, each read for the sake of the others.

    What is worked out is kept for the other sources of the call, by the last session that it knows.

    Args:
        prices: The door that the sources come in by.
        sources: Every source of the call.
    """

    def __init__(self, prices: PriceSource, sources: Sequence[str] = ()) -> None:
        self.prices = prices
        self.sources = tuple(sources)
        self._of_sources: dict[date | None, Market] = {}
        self._of_members: dict[tuple[tuple[str, ...], str, date], Market] = {}
        self._fetched = False

    def reaching(self, model: TrainedModel, history: History, stored: bool, progress: Progress) -> TrainedModel:
        """The model with a market that reaches the last session of a history, where there is one; else with its own.

        After the sessions of the pool it is the market of the call's files, or for a stored ticker that of the pool's
        members in the store. Of these only bars up to that session are read: not even a repair may know later ones.
        """
        origin = history.last
        if model.market is not None and _ends_before(model.market, origin):
            files = [source for source in self.sources if not is_ticker(source)]
            newer = (
                self._stored(model, origin, progress) if stored else self._of(files, origin, progress, model.calendar)
            )
            model = replace(model, market=continued(model.market, newer))
        why = f"Name the files of at least {MINIMUM_MEMBERS} stocks of its exchange that reach that session."
        if stored:
            why = (
                f"At least {MINIMUM_MEMBERS} of its pool are needed up to that session: stockcast fetch {_some(model)}"
            )
        if model.has_fallback and not (model.market is not None and model.market.reaches(origin)):
            progress.note(
                f"{history.ticker}: the market of {origin} is not known, and the network of {model.name} that does "
                f"without one forecasts. {why if model.market is not None else ELSEWHERE}"
            )
        return model

    def fetch_members(self, model: TrainedModel, origin: date, progress: Progress) -> None:
        """Bring the pool's members among the sources up to `origin`, once in a call; what fails is told in its turn."""
        if self._fetched:
            return
        self._fetched = True
        for ticker in map(provider_ticker, filter(is_ticker, self.sources)):
            if ticker in model.members:
                with suppress(StockcastError):
                    self.prices.until(origin).update_missing(ticker, progress)

    def of_all(
        self, kept: Market, last: date, calendar: SessionCalendar, progress: Progress, cut: bool = False
    ) -> Market:  # fmt: skip
        """The market of all sources after the sessions of the kept one; the kept one alone where that reaches `last`.

        last: the newest session that is asked for. What the market is before it does not depend on it. calendar: that
        of the market's exchange. cut: whether bars after `last` are left out before anything is checked.
        """
        if not _ends_before(kept, last):
            return kept
        return continued(kept, self._of(self.sources, last if cut else None, progress, calendar))

    def _of(
        self, sources: Sequence[str], until: date | None, progress: Progress, calendar: SessionCalendar
    ) -> Market:  # fmt: skip
        """The market of sources up to a day, without those that say that they are of another exchange."""
        if until not in self._of_sources:
            prices = self.prices.until(until).beside(lambda _ticker, _last: calendar)
            found = self._read(sources, prices, progress)
            here = (one.history for one in found if not one.is_listed or one.exchange == calendar.exchange)
            self._of_sources[until] = market_of(here)
        return self._of_sources[until]

    def _stored(self, model: TrainedModel, origin: date, progress: Progress) -> Market:
        """The market of the pool's members in the store up to `origin`.

        Those among the sources are fetched first, so that the first one's forecast has the market of the last one's.
        """
        self.fetch_members(model, origin, progress)
        key = model.members, model.calendar.exchange, origin
        if key not in self._of_members:
            self._of_members[key] = market_of(self._members(model, origin))
        return self._of_members[key]

    def _members(self, model: TrainedModel, origin: date) -> Iterator[History]:
        """What the store has of the pool's members at the model's exchange."""
        for member in model.members:
            with suppress(StockcastError):
                series = self.prices.until(origin).load(member, fetch="never")
                if series.exchange == model.calendar.exchange:
                    yield series.history

    def _read(self, sources: Sequence[str], prices: PriceSource, progress: Progress) -> Iterator[PriceSeries]:
        """The series that can be had; what is wrong with the others is told in their own turn."""
        for source in sources:
            if source != STANDARD_INPUT:  # it can be read once, and is read for its own sake
                with suppress(StockcastError):
                    yield prices.load(source, progress)


def _ends_before(market: Market, day: date) -> bool:
    return bool(market.dates_D[-1] < np.datetime64(day))


def _some(model: TrainedModel) -> str:
    shown = model.members[:MINIMUM_MEMBERS]
    return " ".join(shown) + (" ..." if len(model.members) > len(shown) else "")
