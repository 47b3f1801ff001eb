"""Pools: the sources of a pool become histories of one exchange, their dates aligned by session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from stockcast import config as settings
from stockcast import limits
from stockcast.config import CovariatesConfig
from stockcast.config.sources import AS_IT_IS, ReadOptions
from stockcast.errors import DataError, Failure, StockcastError
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.series import PriceSeries, calendar_over
from stockcast.pipeline.source import PriceSource
from stockcast.prices.history import Dates, History
from stockcast.prices.sessions import DEFAULT_EXCHANGE, PLAIN_WEEKMASKS, SessionCalendar, load_calendar
from stockcast.progress import Progress
from stockcast.storage.panelfile import HistoryFile, PanelFiles
from stockcast.windows.covariates import MARKET, OF_POOLS, Covariates, extended
from stockcast.windows.events import features_with_events
from stockcast.windows.features import Features, SessionReturns, session_returns
from stockcast.windows.market import Market

BYTES_A_SESSION = 500
"""What a session of a series takes in memory while a pool is trained: its bar, the columns of its own, and what a
network sees of it."""


@dataclass(frozen=True)
class Member:
    """One series of a pool.

    load: gives its bars. names: of the columns of its own bars; kept: these, None where they are made anew each time
    that they are asked for.
    """

    ticker: str
    load: Callable[[], History]
    names: tuple[str, ...]
    kept: Features | None

    @classmethod
    def of(cls, history: History) -> Member:
        """A member that is held in memory."""
        own = features_with_events(history)
        return cls(history.ticker, partial(_itself, history), own.names, own)

    @classmethod
    def elsewhere(cls, load: Callable[[], History]) -> Member:
        """A member of which nothing is held but how to load it."""
        history = load()
        return cls(history.ticker, load, features_with_events(history).names, None)

    def __reduce__(self) -> tuple[Any, ...]:
        """What another process gets has the bars with it: it may be on a machine without the file."""
        return Member, (self.ticker, partial(_itself, self.history), self.names, self.kept)

    @property
    def history(self) -> History:
        """Its bars."""
        return self.load()

    @property
    def dates(self) -> Dates:
        """Sessions of the columns' rows."""
        return self.history.dates[1:]

    @property
    def own(self) -> Features:
        """The columns of its own bars."""
        return features_with_events(self.history) if self.kept is None else self.kept


@dataclass(frozen=True)
class Pool:
    """The members of a pool, in the order of their names, and what is known of their sessions.

    market: of all members; None where they are too few to be one. names: the columns of their own bars that a network
    looks at; every member has them unless `taught_by` says otherwise. covariates: what every member looks at beside
    its prices. groups: what a network sees of its own bars and of the target day besides (see `extended`). files: where
    the columns are kept while networks learn from them, of a pool that is too large for the memory.
    """

    members: tuple[Member, ...]
    calendar: SessionCalendar
    market: Market | None
    names: tuple[str, ...]
    covariates: Covariates | None = None
    groups: frozenset[str] = OF_POOLS
    files: PanelFiles | None = None

    @classmethod
    def of_one(cls, history: History, calendar: SessionCalendar, covariates: Covariates | None = None) -> Pool:
        """One series by itself, of which a network sees its own columns and the covariates."""
        member = Member.of(history.on(calendar))
        return cls((member,), calendar, None, member.names, covariates, frozenset())

    @classmethod
    def of(
        cls, histories: Sequence[History], calendar: SessionCalendar, covariates: Covariates | None = None,
        files: PanelFiles | None = None,
    ) -> Pool:  # fmt: skip
        """A pool of histories.

        Args:
            histories: Its series.
            calendar: Of their exchange.
            covariates: What all of them look at.
            files: Where columns are kept, and histories are loaded from whenever they are needed; None: in memory.

        Raises:
            DataError: There is none, or two have one name.
        """
        if not histories:
            raise DataError("a pool without any series", "name at least two sources")
        if files is None:
            unordered = [Member.of(history.on(calendar)) for history in histories]
        else:
            loads = (partial(_at, histories, place, calendar) for place in range(len(histories)))
            unordered = [Member.elsewhere(load) for load in loads]
        members = tuple(sorted(unordered, key=lambda member: member.ticker))
        for first, second in pairwise(members):
            if first.ticker == second.ticker:
                raise DataError(f"two series of the pool are named {first.ticker}", "rename one of the files")
        market = Market.of(_Returns({member.ticker: member for member in members}))
        return cls(members, calendar, market if len(market) else None, _shared(members), covariates, files=files)

    def taught_by(self, teachers: Sequence[Member]) -> Pool:
        """The same with the columns that every teacher has: what others lack must not say anything about the past."""
        return replace(self, names=_shared(teachers)) if teachers else self

    def without(self, groups: Container[str]) -> Pool:
        """The same whose networks do not look at some of GROUPS."""
        kept = frozenset(group for group in self.groups if group not in groups)
        return replace(self, groups=kept, market=None if MARKET in groups else self.market)

    def columns(self, member: Member, market: bool) -> Features:
        """What a network sees of a member: its own columns, seasonality, target day, covariates, perhaps the market."""
        own = member.own.with_usual([name for name in self.names if name not in member.names]).only(self.names)
        covariate_series = None if self.covariates is None else self.covariates.of(member.ticker)
        if not self.groups and covariate_series is None:
            return own
        return extended(own, self.calendar, self.groups, self.market if market else None, covariate_series)


def _itself(history: History) -> History:
    return history


def _at(histories: Sequence[History], place: int, calendar: SessionCalendar) -> History:
    return histories[place].on(calendar)


@dataclass(frozen=True)
class _Returns(Mapping[str, SessionReturns]):
    """What happened in each member's sessions, made anew each time unless it is kept."""

    members: Mapping[str, Member]

    def __getitem__(self, name: str) -> SessionReturns:
        member = self.members[name]
        return session_returns(member.history) if member.kept is None else member.kept.session_returns

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)


def _shared(members: Sequence[Member]) -> tuple[str, ...]:
    return tuple(name for name in members[0].names if all(name in member.names for member in members))


_NONE = CovariatesConfig()
LEAST = 2
"""Series of which a pool is made at least."""


@dataclass(frozen=True)
class PoolSources:
    """The series of a pool, all of one exchange, in the order of their names.

    failures: what is wrong with other sources. left_out: tickers of other exchanges, with the exchange of each: a date
    says nothing of hours, and a market of Tokyo and New York would know in Tokyo what New York has yet to do. read:
    what was said of how to read them. without: groups of columns that its network is not to look at.
    """

    found: Sequence[History]
    failures: tuple[Failure, ...]
    left_out: Mapping[str, str]
    exchange: str
    covariates: Covariates | None = None
    read: ReadOptions = AS_IT_IS
    files: PanelFiles | None = None
    without: frozenset[str] = frozenset()

    def pool(self) -> Pool:
        """The pool. Raises DataError where there are fewer than two series."""
        if len(self.found) < LEAST:
            usable = f"only {self.found[0].ticker}" if self.found else "no source"
            raise DataError(
                f"a pool needs {LEAST} series, and {usable} can be used", "name more sources, or train without --pool"
            )
        pool = Pool.of(self.found, calendar_over(self.found, self.exchange), self.covariates, self.files)
        return pool.without(self.without)

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
    covariates: CovariatesConfig = _NONE, memory: float | None = None,
) -> PoolSources:  # fmt: skip
    """Gather the histories of all sources that can be had, those of one exchange.

    Args:
        prices: The door that they come in by.
        sources: Files and tickers.
        progress: Who watches.
        exchange: Its calendar; None: that of most tickers, and of files that say what theirs is; New York where none
            does.
        covariates: What all of them look at.
        memory: Most that they and their columns may take of it, in GiB; None: a quarter of what there is.

    Returns:
        The series of a pool, and what is wrong with the others.

    Raises:
        ConfigError: For an unknown exchange, or a covariate that cannot be had.
    """
    if exchange is not None:
        today = settings.now().date()
        exchange = load_calendar(exchange, today, today).exchange
    loaded = _Loaded(prices.home, memory)
    failures = _load(prices.taken_for(exchange), list(dict.fromkeys(sources)), loaded, progress)
    found, twins = _distinct(loaded)
    exchanges = {series.history.ticker: series.exchange for series in found if series.is_listed}
    chosen = exchange or _most_common(exchanges.values())
    left_out = {ticker: other for ticker, other in sorted(exchanges.items()) if other != chosen}
    _tell(found, left_out, chosen, progress)
    names = [series.history.ticker for series in found]
    ordered = sorted((place for place, name in enumerate(names) if name not in left_out), key=lambda one: names[one])
    members = _Some(partial(_history, found), ordered)
    if loaded.files is not None:
        progress.note(
            f"{len(members)} series would take more of the memory than they may (--memory): while they are trained on, "
            f"their prices and columns are kept in {loaded.files.folder}"
        )
    gathered = PoolSources(members, (*failures, *twins), left_out, chosen, read=prices.read, files=loaded.files)
    return gathered.with_covariates(CovariateSource(covariates, prices, progress, strict=False))


def files_for(home: Path | None, histories: Sequence[History], memory: float | None = None) -> PanelFiles | None:
    """Where the columns of a pool are kept while it is trained: files of the home, or None for the memory.

    memory: most that it may take of the memory, in GiB; None: a quarter of what there is.
    """
    loaded = _Loaded(home, memory)
    return PanelFiles(home) if home is not None and loaded.is_too_much(sum(map(len, histories))) else None


T = TypeVar("T")


@dataclass(frozen=True)
class _Some(Sequence[T]):
    """What is at some places, got whenever it is asked for."""

    get: Callable[[int], T]
    places: Sequence[int]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, place: Any) -> Any:
        return self.get(self.places[place])


def _history(series: Sequence[PriceSeries], place: int) -> History:
    return series[place].history


class _Loaded(Sequence[PriceSeries]):
    """What has been loaded: all of it in memory, or from where that is too much, the bars of all series in a file."""

    def __init__(self, home: Path | None, memory: float | None) -> None:
        self._most = limits.memory() / 4 if memory is None else memory * limits.GIB
        self._home = home
        self._series: list[PriceSeries] = []
        self._bars: HistoryFile | None = None
        self._sessions = 0
        self.files: PanelFiles | None = None

    def is_too_much(self, sessions: int) -> bool:
        """Whether a pool of so many sessions in all would take more of the memory than it may."""
        return sessions * BYTES_A_SESSION > self._most

    def append(self, series: PriceSeries) -> None:
        """Take one more. Raises StorageError where it cannot be written."""
        self._sessions += len(series.history)
        if self._bars is None and self._home is not None and self.is_too_much(self._sessions):
            self.files = PanelFiles(self._home)
            self._bars = HistoryFile(self.files)
            self._series = [self._in_file(one) for one in self._series]
        self._series.append(self._in_file(series))

    def _in_file(self, series: PriceSeries) -> PriceSeries:
        return series if self._bars is None else replace(series, history=self._bars.append(series.history))

    def __len__(self) -> int:
        return len(self._series)

    def __getitem__(self, place: Any) -> Any:
        series = self._series[place]
        return series if self._bars is None else replace(series, history=self._bars[place])


def _load(
    prices: PriceSource, sources: Sequence[str], loaded: _Loaded, progress: Progress
) -> list[Failure]:  # fmt: skip
    """Load the prices of each source; what is wrong with others: one that fails does not stop the pool."""
    failures: list[Failure] = []
    progress.stage("reading prices", len(sources))
    for source in sources:
        try:
            series = prices.load(source, progress)
        except StockcastError as error:
            failures.append(Failure(source, error))
        else:
            loaded.append(series)
        progress.advance(1)
    return failures


def _distinct(loaded: _Loaded) -> tuple[Sequence[PriceSeries], list[Failure]]:
    """The first series of each name; a second one is a failure."""
    found: dict[str, tuple[int, str]] = {}
    twins: list[Failure] = []
    for place, series in enumerate(loaded):
        name, source = series.history.ticker, series.history.source
        first, source_of_first = found.setdefault(name, (place, source))
        if first != place:
            message = f"{source}: a series named {name} is in the pool already, from {source_of_first}"
            twins.append(Failure(source, DataError(message, "rename one of the files, or leave it out")))
    return _Some(loaded.__getitem__, [place for place, _ in found.values()]), twins


def _most_common(exchanges: Iterable[str]) -> str:
    """Of equally common ones the first by name, so that the order of the sources does not matter."""
    counted = Counter(exchanges)
    return min(counted, key=lambda name: (-counted[name], name), default=DEFAULT_EXCHANGE)


def _tell(found: Sequence[PriceSeries], left_out: Mapping[str, str], chosen: str, progress: Progress) -> None:
    for series in found:
        taken = series if series.is_listed else series.on(calendar_over([series.history], chosen))
        taken.tell(progress, detail=True)
    for ticker, other in left_out.items():
        progress.note(
            f"{ticker} trades on {other} and is left out of a pool of {chosen}, whose sessions close at other hours: "
            f"train {other} as a pool of its own, or choose with --exchange"
        )
    files = sum(not series.is_listed for series in found)
    if 0 < files < len(found):
        progress.note(f"the files are taken to be of {chosen}, as the tickers are")
