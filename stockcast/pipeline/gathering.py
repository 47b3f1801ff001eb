"""Gathering: the sources of a pool become histories of one exchange, and what is wrong with the others is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast import config as settings
from stockcast.config import CovariatesConfig
from stockcast.errors import DataError, Failure
from stockcast.pipeline.covariates import Search
from stockcast.pipeline.pools import Pool, calendar_of, histories
from stockcast.pipeline.sources import PROVIDER
from stockcast.pipeline.targetseries import TargetSeries
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.prices.sessions import DEFAULT_EXCHANGE, PLAIN_WEEKMASKS, load_calendar
from stockcast.progress import Progress
from stockcast.storage.database import Database
from stockcast.windows.covariates import Covariates

if TYPE_CHECKING:
    from stockcast.pipeline.source import FetchSession

_NONE = CovariatesConfig()
LEAST = 2
"""Series of which a pool is made at least."""


@dataclass(frozen=True)
class Gathered:
    """The series of a pool, all of one exchange, in the order of their names.

    failures: what is wrong with other sources. left_out: tickers of other exchanges, with the exchange of each: a date
    says nothing of hours, and a market of Tokyo and New York would know in Tokyo what New York has yet to do.
    """

    found: tuple[History, ...]
    failures: tuple[Failure, ...]
    left_out: Mapping[str, str]
    exchange: str
    covariates: Covariates | None = None

    def pool(self) -> Pool:
        """The pool. Raises DataError where there are fewer than two series."""
        if len(self.found) < LEAST:
            usable = f"only {self.found[0].ticker}" if self.found else "no source"
            raise DataError(
                f"a pool needs {LEAST} series, and {usable} can be used", "name more sources, or train without --pool"
            )
        return Pool.of(self.found, calendar_of(self.found, self.exchange), self.covariates)

    def beside(self, asked: CovariatesConfig, search: Search) -> Gathered:
        """The same with the covariates that were asked for. Raises what `Search.found` raises, DataError where a pool
        has no hours of its own to compare with those of others.
        """
        if not asked or len(self.found) < LEAST:
            return self
        target = TargetSeries.together(self.found, calendar_of(self.found, self.exchange))
        covariates = search.found(asked, target)
        if self.exchange in PLAIN_WEEKMASKS and covariates is not None and covariates.closing.hours is not None:
            raise DataError(
                f"tickers of {self.exchange} share no closing time, and a covariate closes at another exchange",
                "train the tickers one by one, each with its own hours",
            )
        return replace(self, covariates=covariates)


def gather(
    sources: Sequence[str], read: Callable[[str], ReadOptions], home: Path, progress: Progress,
    fetch_session: Callable[[str], FetchSession | None], exchange: str | None = None, covariates: CovariatesConfig =
    _NONE,
) -> Gathered:  # fmt: skip
    """The histories of all sources that can be had, those of one exchange.

    exchange: its calendar; None: that of most tickers, and New York where all sources are files, which say nothing of
    their exchange. covariates: what all of them look at. Raises ConfigError for an unknown exchange, and what is wrong
    with a covariate; what is wrong with a source is in the result.
    """
    if exchange is not None:
        today = settings.now().date()
        exchange = load_calendar(exchange, today, today).exchange
    loaded, failures = histories(list(dict.fromkeys(sources)), read, home, progress, fetch_session)
    found, twins = _distinct(loaded)
    exchanges = _exchanges(home, found)
    chosen = exchange or _most_common(exchanges.values())
    left_out = {ticker: other for ticker, other in sorted(exchanges.items()) if other != chosen}
    _tell(found, left_out, chosen, progress)
    members = sorted((h for h in found if h.ticker not in left_out), key=lambda history: history.ticker)
    gathered = Gathered(tuple(members), (*failures, *twins), left_out, chosen)
    return gathered.beside(covariates, Search(home, progress, fetch_session, strict=False))


def _distinct(loaded: Sequence[History]) -> tuple[list[History], list[Failure]]:
    """The first history of each name; a second one is a failure."""
    found: dict[str, History] = {}
    twins: list[Failure] = []
    for history in loaded:
        first = found.setdefault(history.ticker, history)
        if first is not history:
            message = f"{history.source}: a series named {history.ticker} is in the pool already, from {first.source}"
            twins.append(Failure(history.source, DataError(message, "rename one of the files, or leave it out")))
    return list(found.values()), twins


def _exchanges(home: Path, found: Sequence[History]) -> dict[str, str]:
    """The exchange of each ticker from the store; files have none."""
    from stockcast.storage import pricestore

    tickers = [history.ticker for history in found if history.source == PROVIDER]
    if not tickers:
        return {}
    with Database.open(home) as db:
        known = {ticker: pricestore.instrument(db, ticker) for ticker in tickers}
    return {ticker: instrument.exchange for ticker, instrument in known.items() if instrument is not None}


def _most_common(exchanges: Iterable[str]) -> str:
    """Of equally common ones the first by name, so that the order of the sources does not matter."""
    counted = Counter(exchanges)
    return min(counted, key=lambda name: (-counted[name], name), default=DEFAULT_EXCHANGE)


def _tell(found: Sequence[History], left_out: Mapping[str, str], chosen: str, progress: Progress) -> None:
    for history in found:
        for note in history.notes:
            progress.note(f"{history.ticker}: {note}", detail=True)
    for ticker, other in left_out.items():
        progress.note(
            f"{ticker} trades on {other} and is left out of a pool of {chosen}, whose sessions close at other hours: "
            f"train {other} as a pool of its own, or choose with --exchange"
        )
    files = sum(history.source != PROVIDER for history in found)
    if 0 < files < len(found):
        progress.note(f"the files are taken to be of {chosen}, as the tickers are")
