"""Options about prices that are fetched, shared by the commands that take a ticker."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from stockcast.cli.coercion import decimal, text, whole
from stockcast.cli.options import FORECAST

if TYPE_CHECKING:
    from stockcast.config.sources import FetchConfig
    from stockcast.pipeline import FetchSession

PRICES = "Prices of tickers"

Tickers = Annotated[
    list[str],
    typer.Argument(parser=text, metavar="TICKER...", help="Tickers (AAPL, ^GSPC, BRK-B), or @FILE with one a line."),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Stored prices alone, nothing from the network", rich_help_panel=PRICES)
]
MaxAge = Annotated[
    int,
    typer.Option(
        "--max-age",
        parser=whole,
        metavar="N",
        help="Sessions that stored prices may be behind before they are fetched again",
        rich_help_panel=PRICES,
    ),
]
AllowStale = Annotated[
    bool,
    typer.Option(
        "--allow-stale", help="Go on with older prices where newer ones cannot be had", rich_help_panel=PRICES
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", parser=decimal, metavar="SECONDS", help="Limit for all the fetching", rich_help_panel=PRICES
    ),
]
Pause = Annotated[
    float,
    typer.Option(
        "--pause", parser=decimal, metavar="SECONDS", help="Pause between two tickers", rich_help_panel=PRICES
    ),
]
Calibrate = Annotated[
    bool,
    typer.Option(
        "--calibrate/--no-calibrate",
        help="Let a ticker's live record widen or narrow its interval",
        rich_help_panel=FORECAST,
    ),
]
Record = Annotated[
    bool,
    typer.Option("--record/--no-record", help="Keep forecasts of tickers in the ledger", rich_help_panel=FORECAST),
]


def shared(config: FetchConfig, sources: list[str]) -> Callable[[str], FetchSession | None]:
    """One time limit for all the fetching of a command, made when the first ticker needs it; files need none."""

    @cache
    def fetch_session() -> FetchSession:
        from stockcast import pipeline

        return pipeline.FetchSession(config, many=len(sources) > 1)

    def of(source: str) -> FetchSession | None:
        from stockcast.prices.csvfile.source import looks_like_path

        return None if looks_like_path(source) else fetch_session()

    return of


def tickers(words: list[str]) -> list[str]:
    """The sources, with those of a watch list in the place of its @FILE and its price files in that of a folder.

    Raises ConfigError for the list, DataError for a folder without price files.
    """
    from stockcast.cli.folders import is_folder, price_files

    if not any(word.startswith("@") or is_folder(word) for word in words):
        return words
    from stockcast.config.sources import load_tickers

    listed = [source for word in words for source in load_tickers(word)]
    found = [source for word in listed for source in (price_files(word) if is_folder(word) else [word])]
    return list(dict.fromkeys(found))
