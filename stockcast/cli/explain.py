"""`stockcast explain`: what a saved network looks at, and what its gates do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stockcast.cli import console, covariateoptions, fetchoptions, options, predictoptions
from stockcast.cli.coercion import one_of, text
from stockcast.cli.options import FORECAST
from stockcast.cli.sources import label, run_each
from stockcast.config.models import METHODS, TARGETS, ExplainConfig
from stockcast.config.sources import FetchConfig

if TYPE_CHECKING:
    from stockcast.results import Explanation

Source = Annotated[
    str,
    typer.Argument(
        parser=text, metavar="SOURCE", help="A ticker (AAPL, ^GSPC), a file (.csv, .csv.gz, .parquet), or - for stdin."
    ),
]
Method = Annotated[
    str,
    typer.Option(
        "--method", parser=one_of(METHODS), metavar="NAME", help=" or ".join(METHODS), rich_help_panel=FORECAST
    ),
]
Target = Annotated[
    str,
    typer.Option(
        "--of",
        parser=one_of(TARGETS),
        metavar="NAME",
        help="Which correction: scale (width), location (centre) or nu (tails)",
        rich_help_panel=FORECAST,
    ),
]
Units = Annotated[
    str | None,
    typer.Option(
        "--units",
        parser=text,
        metavar="GATE",
        help="Show this gate unit by unit: input, forget, candidate, output, cell; reset, update, candidate; hidden",
        rich_help_panel=FORECAST,
    ),
]


def explain(
    source: Source,
    as_of: predictoptions.AsOf = None,
    model: predictoptions.Model = None,
    method: Method = ExplainConfig.method,
    target: Target = ExplainConfig.target,
    units: Units = None,
    with_: covariateoptions.WithAgain = None,
    known_ahead: covariateoptions.KnownAgain = None,
    ticker: options.Ticker = None,
    date_column: options.DateColumn = None,
    close_column: options.CloseColumn = None,
    date_format: options.DateFormat = None,
    offline: fetchoptions.Offline = False,
    max_age: fetchoptions.MaxAge = FetchConfig.max_age,
    allow_stale: fetchoptions.AllowStale = False,
    timeout: fetchoptions.Timeout = FetchConfig.timeout,
    home: options.Home = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Show which features and sessions move a saved network's forecast, and what its gates do."""
    common = options.common(home, as_json, quiet, verbose)
    config = ExplainConfig(as_of=as_of, model=model, method=method, target=target, units=units)
    fetching = FetchConfig(offline=offline, max_age=max_age, allow_stale=allow_stale, timeout=timeout)
    columns = options.Columns(ticker, date_column, close_column, date_format)
    beside = covariateoptions.covariates(with_, known_ahead)

    def one(source: str) -> Explanation:
        from stockcast import pipeline
        from stockcast.cli.progress import watch

        with watch(common.console, label(source, ticker), bar=False) as progress:
            # Of a file, too: what its model looks at may be a ticker.
            fetch_session = pipeline.FetchSession(fetching, many=False)
            return pipeline.explain(source, columns.reading(), config, common.home, progress, fetch_session, beside)

    explained = run_each([source], one, common, saves=False)
    console.errors(explained.failures)
    result = explained.results[0] if explained.results else None
    if as_json:
        from stockcast.report.data import envelope, explain_data

        console.answer(envelope("explain", result and explain_data(result), explained.failures))
    elif result is not None:
        from stockcast.report.explain import explain_text

        console.answer(explain_text(result, console.stdout_page()))
    raise typer.Exit(explained.exit_code)
