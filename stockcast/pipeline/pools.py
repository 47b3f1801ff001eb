"""Pools: the sources of a pool become histories of one exchange, their dates aligned by session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from stockcast import config as settings
from stockcast.config import CovariatesConfig
from stockcast.errors import DataError, Failure, StockcastError
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.source import PriceSeries, PriceSource, calendar_over
from stockcast.prices.history import Dates, History
from stockcast.prices.sessions import DEFAULT_EXCHANGE, PLAIN_WEEKMASKS, SessionCalendar, load_calendar
from stockcast.progress import Progress
from stockcast.windows.covariates import OF_POOLS, Covariates, extended
from stockcast.windows.features import Features, features
from stockcast.windows.market import Market

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Member:
    """One series of a pool, with the columns of its own bars."""

    history: History
    own: Features

    @property
    def ticker(self) -> str:
        """Its name."""
        return self.history.ticker

    @property
    def dates(self) -> Dates:
        """Sessions of the columns' rows."""
        return self.own.session_returns.dates


@dataclass(frozen=True)
class Pool:
    """The members of a pool, in the order of their names, and what is known of their sessions.

    market: of all members; None where they are too few to be one. names: the columns of their own bars that a network
    looks at; every member has them unless `taught_by` says otherwise. covariates: what every member looks at beside
    its prices. groups: what a network sees of its own bars and of the target day besides (see `extended`).
    """

    members: tuple[Member, ...]
    calendar: SessionCalendar
    market: Market | None
    names: tuple[str, ...]
    covariates: Covariates | None = None
    groups: frozenset[str] = OF_POOLS

    @classmethod
    def of_one(cls, history: History, calendar: SessionCalendar, covariates: Covariates | None = None) -> Pool:
        """One series by itself, of which a network sees its own columns and the covariates."""
        member = Member(history, features(history))
        return cls((member,), calendar, None, member.own.names, covariates, frozenset())

    @classmethod
    def of(
        cls, histories: Sequence[History], calendar: SessionCalendar, covariates: Covariates | None = None
    ) -> Pool:  # fmt: skip
        """A pool of histories. Raises DataError for none, or for two of one name."""
        if not histories:
            raise DataError("a pool without any series", "name at least two sources")
        ordered = sorted(histories, key=lambda history: history.ticker)
        for first, second in pairwise(ordered):
            if first.ticker == second.ticker:
                raise DataError(f"two series of the pool are named {first.ticker}", "rename one of the files")
        members = tuple(Member(history, features(history)) for history in ordered)
        market = Market.of({member.ticker: member.own.session_returns for member in members})
        return cls(members, calendar, market if len(market) else None, _shared(members), covariates)

    def taught_by(self, teachers: Sequence[Member]) -> Pool:
        """The same with the columns that every teacher has: what others lack must not say anything about the past."""
        return replace(self, names=_shared(teachers)) if teachers else self

    def columns(self, member: Member, market: bool) -> Features:
        """What a network sees of a member: its own columns, seasonality, target day, covariates, perhaps the market."""
        own = member.own.with_usual([name for name in self.names if name not in member.own.names]).only(self.names)
        covariate_series = None if self.covariates is None else self.covariates.of(member.ticker)
        if not self.groups and covariate_series is None:
            return own
        return extended(own, self.calendar, self.groups, self.market if market else None, covariate_series)


def _shared(members: Sequence[Member]) -> tuple[str, ...]:
    return tuple(name for name in members[0].own.names if all(name in member.own.names for member in members))


_NONE = CovariatesConfig()
LEAST = 2
"""Series of which a pool is made at least."""


@dataclass(frozen=True)
class PoolSources:
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
        return Pool.of(self.found, calendar_over(self.found, self.exchange), self.covariates)

    def with_covariates(self, source: CovariateSource) -> PoolSources:
        """The same with the covariates that are asked for. Raises what `CovariateSource.found` raises, DataError where
        a pool has no hours of its own to compare with those of others.
        """
        if not source or len(self.found) < LEAST:
            return self
        covariates = source.found_by_pool(self.found, calendar_over(self.found, self.exchange))
        if self.exchange in PLAIN_WEEKMASKS and covariates is not None and covariates.closing.hours is not None:
            raise DataError(
                f"tickers of {self.exchange} share no closing time, and a covariate closes at another exchange",
                "train the tickers one by one, each with its own hours",
            )
        return replace(self, covariates=covariates)


def gather(
    prices: PriceSource, sources: Sequence[str], progress: Progress, exchange: str | None = None,
    covariates: CovariatesConfig = _NONE,
) -> PoolSources:  # fmt: skip
    """Gather the histories of all sources that can be had, those of one exchange.

    Args:
        prices: The door that they come in by.
        sources: Files and tickers.
        progress: Who watches.
        exchange: Its calendar; None: that of most tickers, and New York where all sources are files, which say nothing
            of their exchange.
        covariates: What all of them look at.

    Returns:
        The series of a pool, and what is wrong with the others.

    Raises:
        ConfigError: For an unknown exchange, or a covariate that cannot be had.
    """
    if exchange is not None:
        today = settings.now().date()
        exchange = load_calendar(exchange, today, today).exchange
    loaded, failures = _loaded(prices, list(dict.fromkeys(sources)), progress)
    found, twins = _distinct(loaded)
    exchanges = {series.history.ticker: series.exchange for series in found if series.is_stored}
    chosen = exchange or _most_common(exchanges.values())
    left_out = {ticker: other for ticker, other in sorted(exchanges.items()) if other != chosen}
    _tell(found, left_out, chosen, progress)
    members = sorted(
        (series.history for series in found if series.history.ticker not in left_out), key=lambda one: one.ticker
    )
    gathered = PoolSources(tuple(members), (*failures, *twins), left_out, chosen)
    return gathered.with_covariates(CovariateSource(covariates, prices, progress, strict=False))


def _loaded(
    prices: PriceSource, sources: Sequence[str], progress: Progress
) -> tuple[list[PriceSeries], list[Failure]]:  # fmt: skip
    """The prices of each source, and what is wrong with the others: one that fails does not stop the pool."""
    found: list[PriceSeries] = []
    failures: list[Failure] = []
    progress.stage("reading prices", len(sources))
    for source in sources:
        try:
            found.append(prices.load(source, progress))
        except StockcastError as error:
            failures.append(Failure(source, error))
        progress.advance(1)
    return found, failures


def _distinct(loaded: Sequence[PriceSeries]) -> tuple[list[PriceSeries], list[Failure]]:
    """The first series of each name; a second one is a failure."""
    found: dict[str, PriceSeries] = {}
    twins: list[Failure] = []
    for series in loaded:
        first = found.setdefault(series.history.ticker, series)
        if first is not series:
            name, source = series.history.ticker, series.history.source
            message = f"{source}: a series named {name} is in the pool already, from {first.history.source}"
            twins.append(Failure(source, DataError(message, "rename one of the files, or leave it out")))
    return list(found.values()), twins


def _most_common(exchanges: Iterable[str]) -> str:
    """Of equally common ones the first by name, so that the order of the sources does not matter."""
    counted = Counter(exchanges)
    return min(counted, key=lambda name: (-counted[name], name), default=DEFAULT_EXCHANGE)


def _tell(found: Sequence[PriceSeries], left_out: Mapping[str, str], chosen: str, progress: Progress) -> None:
    for series in found:
        series.tell(progress, detail=True)
    for ticker, other in left_out.items():
        progress.note(
            f"{ticker} trades on {other} and is left out of a pool of {chosen}, whose sessions close at other hours: "
            f"train {other} as a pool of its own, or choose with --exchange"
        )
    files = sum(not series.is_stored for series in found)
    if 0 < files < len(found):
        progress.note(f"the files are taken to be of {chosen}, as the tickers are")
