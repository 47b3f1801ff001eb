"""`stockcast predict`: the next sessions' prices from saved models."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from stockcast.cli import console
from stockcast.cli.options import Common, Sources, check_writable, command
from stockcast.cli.sources import Job, expanded
from stockcast.config import CovariatesConfig, FetchConfig, PredictConfig, ReadOptions
from stockcast.config.settings import FORECAST, setting
from stockcast.errors import Failure

if TYPE_CHECKING:
    from stockcast.cli.progress import Notes
    from stockcast.forecasts import Forecast
    from stockcast.pipeline import MarketSource

Form = Literal["json", "csv", "text"]

OF_SAVED: dict[str, dict[str, Any]] = {
    "exchange": {"shown": "the model's"},
    "sources": {
        "help": "Another place for a covariate of the model; again for more",
        "shown": "where it was trained",
    },
    "known_ahead": {"help": "Another place for the dates known beforehand", "shown": "where it was trained"},
    "events": {"shown": "where it was trained, or the provider's"},
}
"""What is otherwise where a saved model forecasts: its covariates are known by name."""


@dataclass(frozen=True)
class PredictOrder:
    """What `predict` takes besides the settings of a forecast."""

    check: bool = setting(
        False, "Test the model on the source's own past, too, and add what came of it to the verdict", FORECAST
    )
    as_csv: bool = setting(False, "CSV on stdout", flag="--csv", excludes="json")
    output: Path | None = setting(None, "Write to a file instead: JSON, CSV or text, by option or suffix")

    def __post_init__(self) -> None:
        check_writable(self.output)

    def form(self, as_json: bool) -> Form:
        """How the forecasts are written."""
        suffix = self.output.suffix.lower() if self.output is not None and not (as_json or self.as_csv) else ""
        if as_json or suffix == ".json":
            return "json"
        return "csv" if self.as_csv or suffix == ".csv" else "text"


@command(**OF_SAVED)
def predict(
    sources: Sources,
    config: PredictConfig,
    order: PredictOrder,
    covariates: CovariatesConfig,
    read: ReadOptions,
    fetching: FetchConfig,
    common: Common,
) -> None:
    """Forecast from each source with its model."""
    from stockcast import pipeline

    job = Job(expanded(sources), read, fetching, covariates, common)

    @cache
    def markets() -> MarketSource:
        return pipeline.MarketSource(job.prices.remembering(config.model), job.sources)

    def one(source: str, progress: Notes) -> tuple[Forecast, ...]:
        forecasts = pipeline.predict_with(markets(), source, config, progress, covariates)
        return pipeline.checked(markets(), source, forecasts, progress, covariates) if order.check else forecasts

    predicted = job.each(one, bar=False)
    forecasts = tuple(forecast for steps in predicted.results for forecast in steps)
    form, failures = order.form(common.as_json), list(predicted.failures)
    if order.output is not None and forecasts and not predicted.interrupted:

        def write(path: Path) -> None:
            from stockcast.storage.files import write_atomic

            write_atomic(path, _rendered(forecasts, failures, form, in_file=True).encode())

        failures += console.save(order.output, write, "forecasts written to", common)
    console.errors(failures)
    if common.as_json or (forecasts and order.output is None):
        console.answer(_rendered(forecasts, failures, form))
    raise typer.Exit(console.worst(failures))


def _rendered(forecasts: tuple[Forecast, ...], failures: list[Failure], form: Form, in_file: bool = False) -> str:
    if form == "json":
        from stockcast.report.data import envelope

        return envelope("predict", forecasts, failures)
    if form == "csv":
        from stockcast.report.data import forecasts_csv

        return forecasts_csv(forecasts)
    from stockcast.report.forecast import forecasts_text

    return forecasts_text(forecasts, console.file_page() if in_file else console.stdout_page())
