"""Gathering: the sources of a pool become histories of one exchange, and what is wrong with the others is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stockcast import config as settings
from stockcast.config import CovariatesConfig
from stockcast.errors import DataError, Failure, StockcastError
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.source import PriceSeries, PriceSource, calendar_over
from stockcast.prices.history import History
from stockcast.prices.sessions import DEFAULT_EXCHANGE, PLAIN_WEEKMASKS, load_calendar
from stockcast.progress import Progress
from stockcast.windows.covariates import Covariates

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

    def beside(self, source: CovariateSource) -> PoolSources:
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
    return gathered.beside(CovariateSource(covariates, prices, progress, strict=False))


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
