"""Training: split -> train -> judge on the test part -> save -> forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stockcast import config as settings
from stockcast.config import PredictConfig, TrainConfig
from stockcast.config.models import SCRATCH
from stockcast.errors import DataError
from stockcast.forecasting import Clock, Fit, TrainedModel, View, forecast, refuse_still
from stockcast.pipeline.covariates import Search, columns_of, covariates_of
from stockcast.pipeline.predicting import model_of
from stockcast.pipeline.sources import Quotes, load, quotes
from stockcast.pipeline.targetseries import calendar_for
from stockcast.prices.csvfile import ReadOptions, looks_like_path
from stockcast.prices.history import History
from stockcast.prices.sessions import SessionCalendar
from stockcast.results.forecasts import Forecast
from stockcast.results.progress import Progress
from stockcast.results.training import InitialResult, TrainResult
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.covariates import CovariatesRecord

if TYPE_CHECKING:
    from stockcast.evaluation.backtest import Entry
    from stockcast.models.baselines import Baseline
    from stockcast.models.ensemble import Ensemble
    from stockcast.models.training import EarlyStopping
    from stockcast.pipeline.initial import Initial, Tuned
    from stockcast.pipeline.source import FetchSession
    from stockcast.results.training import Verdict
    from stockcast.windows.covariates import Covariates
    from stockcast.windows.features import Features
    from stockcast.windows.market import Market
    from stockcast.windows.splits import Part, Split


def train(  # noqa: PLR0913, PLR0917 - the public entry: one thing each, and most of them optional
    source: str, read: ReadOptions, config: TrainConfig, home: Path, name: str | None, progress: Progress,
    keep_rows: bool = False, fetch_session: FetchSession | None = None,
) -> TrainResult:  # fmt: skip
    """Train on a source, judge on its test part, save the model under `name` (default: the ticker), and forecast.

    keep_rows: return every test forecast too. fetch_session: how a ticker's prices are come by. Raises what loading,
    splitting and saving raise; nothing is saved then.
    """
    found = None
    if looks_like_path(source):
        history = load(source, read)
    else:
        found = quotes(source, read, home, fetch_session, progress)
        history = found.history
    for note in history.notes:
        progress.note(f"{history.ticker}: {note}")
    search = Search(home, progress, lambda _: fetch_session, strict=False)
    covariates = covariates_of(config.covariates, history, config.exchange, found, search)
    candidate = Candidate.of(history, config, home, name or history.ticker, progress, found, covariates)
    return candidate.result(candidate.save(home), keep_rows)


@dataclass(frozen=True)
class Candidate:
    """A model that was trained and judged, and is not saved yet."""

    work: Work
    model: TrainedModel
    entries: dict[str, Entry]
    verdict: Verdict
    trained: TrainingResult
    found: Quotes | None

    @classmethod
    def of(
        cls, history: History, config: TrainConfig, home: Path, name: str, progress: Progress,
        found: Quotes | None = None, covariates: Covariates | None = None,
    ) -> Candidate:  # fmt: skip
        """Train on a history. home: of the models to begin with. found: where the history comes from the store, with
        the exchange's calendar. Raises what splitting raises, ModelError for a model that cannot be begun with.
        """
        work = Work.begin(history, config, home, name, progress, found, covariates)
        trained = work.learn()
        network, validation_crps = trained.network, trained.validation_crps
        scored = Fit(network, work.fit_baselines(work.seen, "the test part"), work.shocks(network, work.split.train))
        entries = work.test_entries(scored)
        verdict = work.judge(entries, validation_crps)
        fits = {"scored": scored}
        if config.training.final_fit:
            fits["served"] = work.final_fit(scored, trained)
        model = work.model(fits | work.without_market(fits), verdict, entries, trained)
        return cls(work, model, entries, verdict, trained, found)

    @property
    def model_id(self) -> str:
        """The hash that the saved model has."""
        return str(trainedmodel.to_file(self.model).manifest["model_id"])

    def save(self, home: Path) -> Path:
        """Put the model in the place of the one of its name; returns its folder."""
        return modelfile.save(home / "models", trainedmodel.to_file(self.model))

    def result(self, path: Path, keep_rows: bool = False) -> TrainResult:
        """What was done, with the forecast of the model that was saved in `path`."""
        # The saved model answers, not the one in memory: what is printed is what `predict` will print.
        model = replace(model_of(path.parent.parent, self.model.name), beside=self.work.covariates)
        work, cell = self.work, self.work.config.network.cell
        return TrainResult(
            ticker=work.history.ticker,
            model=model.name,
            model_id=model.model_id,
            cell=cell,
            splits=work.split.summary(),
            scores=tuple(entry.score() for entry in self.entries.values()),
            comparisons=tuple(
                self.entries[cell].compare(entry) for entry in self.entries.values() if entry.kind == "baseline"
            ),
            validation_crps=self.trained.validation_crps,
            verdict=self.verdict,
            forecasts=self._forecasts(model),
            scored_cutoff=self.model.scored.cutoff,
            served_cutoff=self.model.served.cutoff,
            steps=self.trained.chosen.steps,
            notes=work.history.notes,
            path=path,
            test_forecasts=tuple(entry.rows() for entry in self.entries.values()) if keep_rows else (),
            init=self.trained.told,
        )

    def _forecasts(self, model: TrainedModel) -> tuple[Forecast, ...]:
        if self.found is None:
            return forecast(model, self.work.history, PredictConfig(), settings.now())
        view = View.of(model, self.work.history, PredictConfig())
        clock = Clock(self.found.calendar, self.found.completed, settings.now())
        return view.forecasts(view.dists(model.served_by), clock)


@dataclass(frozen=True)
class TrainingResult:
    """What the training part taught: a network, how validation chose it, and every competitor's CRPS there.

    tuned: of networks that were there before; None for a start from scratch.
    """

    network: Ensemble
    chosen: EarlyStopping
    validation_crps: dict[str, float]
    tuned: Tuned | None = None

    @property
    def told(self) -> InitialResult | None:
        """What the networks began with."""
        return None if self.tuned is None else self.tuned.told


@dataclass(frozen=True)
class Work:
    """One training: what its stages share. initial: the networks that it begins with; None: from scratch."""

    history: History
    f: Features
    split: Split
    calendar: SessionCalendar
    config: TrainConfig
    name: str
    progress: Progress
    initial: Initial | None = None
    covariates: Covariates | None = None

    @classmethod
    def begin(
        cls, history: History, config: TrainConfig, home: Path, name: str, progress: Progress, found: Quotes | None,
        covariates: Covariates | None = None,
    ) -> Work:  # fmt: skip
        from stockcast.pipeline.initial import Initial
        from stockcast.windows.splits import split_by_date

        if len(history) < 2:
            raise DataError(f"{len(history)} sessions are too few", "use a longer history")
        refuse_still(history, "--end")
        split = split_by_date(history.dates[1:], config.split, config.network.lookback)
        calendar = calendar_for(history, config.exchange, found)
        config = replace(config, exchange=config.exchange or calendar.exchange)
        _compare_sessions(history, calendar, progress)
        validate_from = split.session(split.validation.start + 1)
        initial = Initial.of(config, history, calendar, validate_from, home, progress)
        if initial is None:
            config = replace(config, init=SCRATCH)
        else:
            config = initial.configured(config)
            split = split_by_date(history.dates[1:], config.split, config.network.lookback)
        f = _seen(history, initial, calendar, covariates)
        return cls(history, f, split, calendar, config, name, progress, initial, covariates)

    def on(self, history: History, covariates: Covariates | None) -> Work:
        """The same with another history, whose parts are the caller's to set."""
        f = _seen(history, self.initial, self.calendar, covariates)
        return replace(self, history=history, f=f, covariates=covariates)

    @property
    def market(self) -> Market | None:
        """What the network looks at of other stocks."""
        if self.initial is None or self.initial.neighbours is None:
            return None
        return self.initial.neighbours.market

    @property
    def seen(self) -> Part:
        """Training and validation part together: what the scored references are fitted on."""
        return replace(self.split.train, stop=self.split.validation.stop)

    def learn(self) -> TrainingResult:
        """Train network and baselines on the training part, and score them on the validation part."""
        from stockcast.evaluation.backtest import Outcomes, mean_crps

        c, part = self.config, self.split.validation
        network, chosen, tuned = self._network()
        baselines = self.fit_baselines(self.split.train, "the validation part")
        dists = {name: known.forecast(self.f, part.start, part.stop) for name, known in baselines.items()}
        dists[c.network.cell] = network.forecast(self.f, part.start, part.stop)
        outcomes = Outcomes.of(self.history.ticker, self.f, self.history.close[1:], part)
        return TrainingResult(network, chosen, mean_crps(dists, outcomes), tuned)

    def _network(self) -> tuple[Ensemble, EarlyStopping, Tuned | None]:
        from stockcast.models.training import train as fit_network

        c = self.config
        most = c.training.gradient_steps(len(self.split.train)) * c.training.seeds
        if self.initial is None:
            self.progress.stage(f"training {c.network.cell}", most, c.training.targets_per_step)
            return *fit_network(self.f, self.split, c, self.progress), None
        self.progress.stage(f"tuning {self.initial.name}", most, c.training.targets_per_step)
        tuned = self.initial.tuned(self.f, self.split, c, self.progress)
        return tuned.network, tuned.chosen, tuned

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

    def final_fit(self, scored: Fit, trained: TrainingResult) -> Fit:
        """Everything once more, on the whole history, with the steps that validation chose."""
        whole = replace(self.split.train, stop=len(self.f) - 1)
        self.progress.stage("final fit", sum(trained.chosen.steps))
        network = self._again(whole, trained)
        baselines = {**scored.baselines, **self.fit_baselines(whole, "the forecast")}
        return Fit(network, baselines, self.shocks(network, whole))

    def _again(self, whole: Part, trained: TrainingResult) -> Ensemble:
        from stockcast.models.training import refit

        if self.initial is None or trained.tuned is None:
            return refit(self.f, whole, self.config, trained.chosen, self.progress)
        return self.initial.refitted(self.f, whole, self.config, trained.tuned, self.progress)

    def without_market(self, fits: Mapping[str, Fit]) -> dict[str, Fit]:
        """The same fits for origins whose market is not known; none where they look at no market."""
        if self.initial is None or self.initial.neighbours is None:
            return {}
        neighbours, whole = self.initial.neighbours, replace(self.split.train, stop=len(self.f) - 1)
        networks = {"scored": (neighbours.pre_validation, self.split.train), "served": (neighbours.served, whole)}
        return {
            f"alone_{name}": Fit(replace(network, cutoff=fit.cutoff), fit.baselines, self.shocks(network, part))
            for name, fit in fits.items()
            for network, part in [networks[name]]
        }

    def model(
        self, fits: Mapping[str, Fit], verdict: Verdict, entries: dict[str, Entry], trained: TrainingResult
    ) -> TrainedModel:
        """The model as it is kept, with the backtest's figures for its reader."""
        from dataclasses import asdict

        history = self.history
        neighbours = None if self.initial is None else self.initial.neighbours
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
            "steps": list(trained.chosen.steps),
            "validation_crps": trained.validation_crps,
            "init": None if trained.told is None else asdict(trained.told),
            "verdict_figures": asdict(verdict),
            "scores": [asdict(entry.score()) for entry in entries.values()],
        }
        return TrainedModel(
            name=self.name,
            ticker=history.ticker,
            model_id="",
            config=self.config,
            fits=fits,
            served_by=verdict.served_by,
            sentence=verdict.sentence,
            calendar=self.calendar,
            currency=history.currency,
            summary=summary,
            members=() if neighbours is None else neighbours.names,
            market=self.market,
            covariates=None if self.covariates is None else CovariatesRecord.of(self.covariates),
        )


def _seen(
    history: History, initial: Initial | None, calendar: SessionCalendar, covariates: Covariates | None
) -> Features:
    """What base scale, network and baselines see of a history."""
    f = columns_of(history, calendar, covariates)
    return f if initial is None else initial.seen(f, calendar)


def _compare_sessions(history: History, calendar: SessionCalendar, progress: Progress) -> None:
    """Say so where the bars and the calendar disagree: then the target sessions would be wrong."""
    strange = [day for day in history.dates.astype(object) if not calendar.is_session(day)]
    if strange:
        progress.note(
            f"{history.ticker}: {len(strange)} bars, the first on {strange[0]}, are on days without a session of "
            f"{calendar.exchange}; name the right calendar with --exchange (24/7 for crypto)"
        )
