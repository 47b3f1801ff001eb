"""`stockcast explain`: what a saved network looks at, and what its gates do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.cli.console import deliver
from stockcast.cli.options import Common, Source, command
from stockcast.cli.predict import OF_SAVED
from stockcast.cli.sources import Job
from stockcast.config import CovariatesConfig, ExplainConfig, FetchConfig, ReadOptions

if TYPE_CHECKING:
    from stockcast.cli.progress import Notes
    from stockcast.explanation import Explanation


@command(**OF_SAVED)
def explain(
    source: Source,
    config: ExplainConfig,
    covariates: CovariatesConfig,
    read: ReadOptions,
    fetching: FetchConfig,
    common: Common,
) -> None:
    """Explain one source's forecast."""
    from stockcast import pipeline

    def one(source: str, progress: Notes) -> Explanation:
        # Of a file, too: what its model looks at may be a ticker.
        session = pipeline.FetchSession(fetching, many=False)
        return pipeline.explain(source, read, config, common.home, progress, session, covariates)

    explained = Job([source], read, fetching, covariates, common).each(one, bar=False)
    from stockcast.report.data import explain_data
    from stockcast.report.explain import explain_text

    result = explained.results[0] if explained.results else None
    text = (lambda page: explain_text(result, page)) if result else None
    deliver("explain", common, explained.failures, lambda: result and explain_data(result), text)
