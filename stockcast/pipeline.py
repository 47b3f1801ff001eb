"""The only composition: load -> check -> split -> train -> evaluate -> save -> forecast.

What the command line calls, and what a Python user may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stockcast import config as settings
from stockcast.config import PredictConfig, TrainConfig
from stockcast.errors import DataError, ModelError
from stockcast.forecasting import Fit, TrainedModel, forecast
from stockcast.prices import csvfile
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.results.forecasts import Forecast
from stockcast.results.models import ModelSummary
from stockcast.results.progress import Progress
from stockcast.results.training import TrainResult
from stockcast.storage import modelfile, trainedmodel

if TYPE_CHECKING:
    from stockcast.evaluation.backtest import Entry
    from stockcast.models.baselines import Baseline
    from stockcast.models.ensemble import Ensemble
    from stockcast.models.training import Chosen
    from stockcast.results.training import Verdict
    from stockcast.windows.features import Features
    from stockcast.windows.splits import Part, Split

CALENDAR_AHEAD = timedelta(days=400)
"""Sessions kept with a model beyond today: 250 sessions ahead of the newest bar, and some."""


def load(source: str, read: ReadOptions) -> History:
    """The validated history of a source. Raises DataError where there is none."""
    if csvfile.looks_like_path(source):
        return csvfile.read(source, read)
    raise DataError(
        f"{source} is not a price file, and this version reads files only",
        f"give the path of a CSV or Parquet file, such as {source}.csv",
    )


def train(
    source: str, read: ReadOptions, config: TrainConfig, home: Path, name: str | None, progress: Progress,
    keep_rows: bool = False,
) -> TrainResult:  # fmt: skip
    """Train on a source, judge on its test part, save the model under `name` (default: the ticker), and forecast.

    keep_rows: return every test forecast too. Raises what loading, splitting and saving raise; nothing is saved then.
    """
    history = load(source, read)
    for note in history.notes:
        progress.note(f"{history.ticker}: {note}")
    work = _Work.begin(history, config, name or history.ticker, progress)
    network, chosen, validation_crps = work.learn()
    scored = Fit(network, work.fit_baselines(work.seen, "the test part"), work.shocks(network, work.split.train))
    entries = work.test_entries(scored)
    verdict = work.judge(entries, validation_crps)
    served = work.final_fit(scored, chosen) if config.training.final_fit else scored
    model = work.model(scored, served, verdict, entries, validation_crps, chosen)
    path = modelfile.save(home / "models", trainedmodel.to_file(model))
    # The saved model answers, not the one in memory: what is printed is what `predict` will print.
    model = trainedmodel.from_file(modelfile.load(home / "models", model.name))
    cell = config.network.cell
    return TrainResult(
        ticker=history.ticker,
        model=model.name,
        model_id=model.model_id,
        cell=cell,
        splits=work.split.summary(),
        scores=tuple(entry.score() for entry in entries.values()),
        comparisons=tuple(entries[cell].compare(e) for e in entries.values() if e.kind == "baseline"),
        validation_crps=validation_crps,
        verdict=verdict,
        forecasts=forecast(model, history, PredictConfig(), settings.now()),
        scored_cutoff=scored.cutoff,
        served_cutoff=served.cutoff,
        steps=chosen.steps,
        notes=history.notes,
        path=path,
        test_forecasts=tuple(entry.rows() for entry in entries.values()) if keep_rows else (),
    )


@dataclass(frozen=True)
class _Work:
    """One training: what its stages share."""

    history: History
    f: Features
    split: Split
    calendar: SessionCalendar
    config: TrainConfig
    name: str
    progress: Progress

    @classmethod
    def begin(cls, history: History, config: TrainConfig, name: str, progress: Progress) -> _Work:
        from stockcast.windows.features import features
        from stockcast.windows.splits import split_by_date

        if len(history) < 2:
            raise DataError(f"{len(history)} sessions are too few", "use a longer history")
        split = split_by_date(history.dates[1:], config.split, config.network.lookback)
        calendar = load_calendar(config.exchange, history.first, _calendar_end(history.last))
        _compare_sessions(history, calendar, progress)
        return cls(history, features(history), split, calendar, config, name, progress)

    @property
    def seen(self) -> Part:
        """Training and validation part together: what the scored references are fitted on."""
        return replace(self.split.train, stop=self.split.validation.stop)

    def learn(self) -> tuple[Ensemble, Chosen, dict[str, float]]:
        """Train network and baselines on the training part, and score them on the validation part."""
        from stockcast.evaluation.backtest import Outcomes, mean_crps
        from stockcast.models.training import train as fit_network

        c, part = self.config, self.split.validation
        most = c.training.gradient_steps(len(self.split.train))
        self.progress.stage(f"training {c.network.cell}", most * c.training.seeds)
        network, chosen = fit_network(self.f, self.split, c, self.progress)
        baselines = self.fit_baselines(self.split.train, "the validation part")
        laws = {name: known.forecast(self.f, part.start, part.stop) for name, known in baselines.items()}
        laws[c.network.cell] = network.forecast(self.f, part.start, part.stop)
        return network, chosen, mean_crps(laws, Outcomes.of(self.history.ticker, self.f, self.history.close[1:], part))

    def fit_baselines(self, part: Part, purpose: str) -> dict[str, Baseline]:
        """Every baseline, fitted on a part; one that cannot be fitted is left out with a note."""
        from stockcast.models.baselines import BASELINES

        self.progress.stage(f"fitting baselines for {purpose}", len(BASELINES))
        fitted: dict[str, Baseline] = {}
        for name, kind in BASELINES.items():
            try:
                fitted[name] = kind.fit(self.f, part.start, part.stop)
            except DataError as error:
                self.progress.note(f"{self.history.ticker}: {name} is left out: {error.message}")
            self.progress.advance(1)
        return fitted

    def shocks(self, network: Ensemble, part: Part) -> Any:
        from stockcast.models.simulation import Shocks

        return Shocks.of(self.f, network.base, part.start, part.stop)

    def test_entries(self, fit: Fit) -> dict[str, Entry]:
        """Every competitor's forecasts of the test part."""
        from stockcast.evaluation.backtest import Entry, Outcomes

        part, cell = self.split.test, self.config.network.cell
        outcomes = Outcomes.of(self.history.ticker, self.f, self.history.close[1:], part)
        return {
            name: Entry(name, fit.forecaster(name).forecast(self.f, part.start, part.stop), outcomes)
            for name in (cell, *fit.baselines)
        }

    def judge(self, entries: dict[str, Entry], validation_crps: dict[str, float]) -> Verdict:
        from stockcast.evaluation.verdict import verdict

        baselines = {name: e for name, e in entries.items() if e.kind == "baseline" and name in validation_crps}
        return verdict(entries[self.config.network.cell], baselines, validation_crps)

    def final_fit(self, scored: Fit, chosen: Chosen) -> Fit:
        """Everything once more, on the whole history, with the steps that validation chose."""
        from stockcast.models.training import refit

        whole = replace(self.split.train, stop=len(self.f) - 1)
        self.progress.stage("final fit", sum(chosen.steps))
        network = refit(self.f, whole, self.config, chosen, self.progress)
        baselines = {**scored.baselines, **self.fit_baselines(whole, "the forecast")}
        return Fit(network, baselines, self.shocks(network, whole))

    def model(
        self, scored: Fit, served: Fit, verdict: Verdict, entries: dict[str, Entry],
        validation_crps: dict[str, float], chosen: Chosen,
    ) -> TrainedModel:  # fmt: skip
        """The model as it is kept, with the backtest's figures for its reader."""
        from dataclasses import asdict

        history = self.history
        summary = {
            "created_at": settings.now().isoformat(timespec="seconds"),
            "data": {
                "source": history.source,
                "first": history.first.isoformat(),
                "last": history.last.isoformat(),
                "sessions": len(history),
                "sha256": history.sha256(),
            },
            "splits": {
                name: {"first": part.first.isoformat(), "last": part.last.isoformat(), "count": part.count}
                for name, part in self.split.summary().items()
            },
            "seeds": list(self.config.training.members),
            "steps": list(chosen.steps),
            "validation_crps": validation_crps,
            "verdict_figures": asdict(verdict),
            "scores": [asdict(entry.score()) for entry in entries.values()],
        }
        return TrainedModel(
            name=self.name,
            ticker=history.ticker,
            model_id="",
            config=self.config,
            scored=scored,
            served=served,
            served_by=verdict.served_by,
            sentence=verdict.sentence,
            calendar=self.calendar,
            currency=history.currency,
            summary=summary,
        )


def predict(
    source: str, read: ReadOptions, config: PredictConfig, home: Path, progress: Progress, exchange: str | None = None
) -> tuple[Forecast, ...]:
    """Forecasts of the sessions after a source's newest bar, from a saved model (default: the ticker's).

    exchange: another calendar than the model's. Raises DataError for the source, ModelError for the model.
    """
    # Bars after the origin are cut before anything is checked: not even a repair may know them.
    ends = [day for day in (read.end, config.as_of) if day is not None]
    history = load(source, replace(read, end=min(ends, default=None)))
    for note in history.notes:
        progress.note(f"{history.ticker}: {note}", detail=True)
    model = trainedmodel.from_file(modelfile.load(home / "models", config.model or history.ticker))
    if exchange is not None and exchange != model.calendar.exchange:
        model = replace(model, calendar=load_calendar(exchange, history.first, _calendar_end(history.last)))
    forecasts = forecast(model, history, config, settings.now())
    if not model.calendar.knows(forecasts[-1].target_session):
        progress.note(
            f"{history.ticker}: the model knows the holidays of {model.calendar.exchange} up to "
            f"{model.calendar.through}; {forecasts[-1].target_session} is a guess by weekday. Train again."
        )
    return forecasts


def save_rows(path: Path, results: Sequence[TrainResult]) -> None:
    """Every test forecast of several trainings in one file, CSV or Parquet by its suffix, written atomically."""
    from stockcast.storage.forecastrows import write

    write(path, [rows for result in results for rows in result.test_forecasts])


def list_models(home: Path) -> tuple[ModelSummary, ...]:
    """Every saved model, the damaged ones with what is wrong with them."""
    found = []
    for name in modelfile.list_models(home / "models"):
        try:
            found.append(show_model(home, name))
        except ModelError as error:
            found.append(ModelSummary(name, home / "models" / name, damage=error.message))
    return tuple(found)


def show_model(home: Path, name: str) -> ModelSummary:
    """One saved model. Raises ModelError where it is missing or damaged."""
    file = modelfile.load(home / "models", name)
    return ModelSummary(name, home / "models" / name, file.manifest)


def remove_model(home: Path, name: str) -> None:
    """Delete a saved model. Raises ModelError where there is none, LockedError while another run writes it."""
    modelfile.remove(home / "models", name)


def _calendar_end(last: date) -> date:
    return max(last, settings.now().date()) + CALENDAR_AHEAD


def _compare_sessions(history: History, calendar: SessionCalendar, progress: Progress) -> None:
    """Say so where the bars and the calendar disagree: then the target sessions would be wrong."""
    strange = [day for day in history.dates.astype(object) if not calendar.is_session(day)]
    if strange:
        progress.note(
            f"{history.ticker}: {len(strange)} bars, the first on {strange[0]}, are on days without a session of "
            f"{calendar.exchange}; name the right calendar with --exchange (24/7 for crypto)"
        )


__all__ = ["list_models", "load", "predict", "remove_model", "save_rows", "show_model", "train"]
