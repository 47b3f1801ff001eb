"""`stockcast fetch`: prices of tickers into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from stockcast.cli import console, fetchoptions, options
from stockcast.cli.sources import run_each
from stockcast.config.sources import FetchConfig
from stockcast.errors import UsageError

if TYPE_CHECKING:
    from stockcast.results import FetchResult


def fetch(
    sources: fetchoptions.Tickers,
    offline: fetchoptions.Offline = False,
    max_age: fetchoptions.MaxAge = FetchConfig.max_age,
    timeout: fetchoptions.Timeout = 600.0,
    pause: fetchoptions.Pause = FetchConfig.pause,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Fetch daily prices of tickers into the store: the missing sessions, or everything where the past was restated."""
    from stockcast import pipeline
    from stockcast.cli.counting import Counter

    common = options.common(home, as_json, quiet, verbose)
    wanted = _tickers(sources)
    config = FetchConfig(offline=offline, max_age=max_age, timeout=timeout, pause=pause)
    with Counter(common.console, "fetching", len(wanted)) as counter:
        one = pipeline.fetch(wanted, common.home, config, counter.watching)

        def counted(ticker: str) -> FetchResult:
            with counter.one():
                return one(ticker)

        fetched = run_each(wanted, counted, common, saves=True)
    console.errors(fetched.failures)
    if as_json:
        from stockcast.report.data import envelope, plain

        console.answer(envelope("fetch", plain(fetched.results), fetched.failures))
    elif fetched.results:
        from stockcast.report.live import fetches_text

        console.answer(fetches_text(fetched.results, console.stdout_page()))
    raise typer.Exit(fetched.exit_code)


def _tickers(words: list[str]) -> list[str]:
    from stockcast.prices.csvfile.source import looks_like_path

    found = fetchoptions.tickers(words)
    for word in found:
        if looks_like_path(word):
            raise UsageError(
                f"{word} is a file, and fetch is for tickers", "name a ticker, or @FILE for a list of them"
            )
    return found
