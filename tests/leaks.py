"""Forecasts that look ahead, each in one place and on purpose: what a check has to find before it may be believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from stockcast.config import TrainConfig
from stockcast.evaluation import serving
from stockcast.evaluation.audit import CHANGES
from stockcast.evaluation.scores import Entry
from stockcast.evaluation.serving import Choice
from stockcast.evaluation.verdict import Verdict
from stockcast.models import training
from stockcast.models.baselines import GarchT
from stockcast.models.distribution import StudentT
from stockcast.models.ensemble import Ensemble, Moments, Standardiser
from stockcast.models.har import fit_har_scale
from stockcast.models.network import Network
from stockcast.models.problem import Preprocessing, Problem, Series, ValidationSegment
from stockcast.models.training import Output
from stockcast.pipeline import auditing, covariates, initial, judging, walking
from stockcast.pipeline.initial import Initial, TrainingResult
from stockcast.pipeline.pools import Member
from stockcast.pipeline.trainer import Trainer
from stockcast.prices import csvfile, evidence
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.csvfile.reader import DatedFile
from stockcast.prices.events import EventCalendar, EventDates
from stockcast.prices.history import Dates, Floats, History
from stockcast.prices.hours import Closing
from stockcast.prices.sessions import SessionCalendar
from stockcast.progress import Progress
from stockcast.windows import events
from stockcast.windows import features as feature_module
from stockcast.windows.covariates import Covariate
from stockcast.windows.features import BURN_IN, Features, SessionReturns
from stockcast.windows.splits import Part

Leak = Callable[[pytest.MonkeyPatch], None]


def features(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session already knows the next one's return."""
    original = feature_module.features_of

    def leaking(m: feature_module.SessionReturns) -> Features:
        f = original(m)
        x_TF = f.x_TF.copy()
        x_TF[:-1, 0] = m.r_T[1:]
        return replace(f, x_TF=x_TF)

    monkeypatch.setattr(feature_module, "features_of", leaking)


def centred_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """An input whose level depends on all sessions there are, and tells the network nothing."""
    original = feature_module.features_of

    def leaking(m: feature_module.SessionReturns) -> Features:
        f = original(m)
        x_TF = f.x_TF.copy()
        x_TF[:, 0] -= x_TF[:, 0].mean()
        return replace(f, x_TF=x_TF)

    monkeypatch.setattr(feature_module, "features_of", leaking)


def same_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """A covariate's session of the origin's date, whether it is over or not."""
    monkeypatch.setattr(Closing, "newest_before", lambda _own, _other, session: session)


def next_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A covariate's columns, one session early."""
    original = Covariate.on

    def leaking(covariate: Covariate, dates_T: Dates, series: Closing) -> Floats:
        x_TC = original(covariate, dates_T, series)
        return np.concatenate([x_TC[1:], x_TC[-1:]])

    monkeypatch.setattr(Covariate, "on", leaking)


def offset_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stamps are of the day that is written, whatever moment they tell."""
    original = csvfile.read_dates

    def leaking(source: str, read: ReadOptions) -> DatedFile:
        file = original(source, read)
        return replace(file, dates=replace(file.dates, instants=None))

    monkeypatch.setattr(csvfile, "read_dates", leaking)


def zone_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments are of the day that it was in Greenwich, not at the exchange."""
    original = evidence.on_the_clock
    monkeypatch.setattr(evidence, "on_the_clock", lambda instants, _: original(instants, "UTC"))


def another_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """A covariate is taken for the target's exchange whatever its days are."""
    monkeypatch.setattr(covariates, "require_sessions", lambda *_: None)


def early_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target is taken for New York's whatever its days are, and New York closes late."""
    monkeypatch.setattr(covariates, "require_exchange", lambda *_: None)


def standardiser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments over the whole history, the test part included."""
    original = Preprocessing.of

    def leaking(series: Sequence[Series]) -> Preprocessing:
        f = series[0].load()
        return replace(original(series), standardiser=Standardiser.of(f.names, Moments.of(f.x_TF[BURN_IN:])))

    monkeypatch.setattr(Preprocessing, "of", leaking)


def base_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Base scale fitted on the whole history."""
    original = Preprocessing.of

    def leaking(series: Sequence[Series]) -> Preprocessing:
        f = series[0].load()
        return replace(original(series), base=fit_har_scale(f, series[0].train.start, len(f) - 1))

    monkeypatch.setattr(Preprocessing, "of", leaking)


def tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the tuned networks take the place of the general model is decided with the test part."""
    original = Initial.learn

    def leaking(self: Initial, series: Sequence[Series], config: TrainConfig, progress: Progress) -> TrainingResult:
        (one,) = series
        assert one.validation is not None
        longer = replace(one, validation=Part(one.validation.start, one.length - 1))
        tuned = original(self, [longer], config, progress)
        # A later cutoff would give it away at once.
        cutoff = one.load().session_returns.dates[one.last].astype(object)
        return replace(tuned, network=replace(tuned.network, cutoff=cutoff))

    monkeypatch.setattr(Initial, "learn", leaking)


def newest_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dates of reports as they turned out in the place of those that were scheduled."""

    def leaking(known: EventCalendar, targets_N: Dates) -> NDArray[np.intp]:
        return np.full(len(targets_N), len(known.snapshots) - 1)

    monkeypatch.setattr(EventCalendar, "places_N", leaking)


def reaction_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of past reactions already has the one that is expected."""
    original = events._Told.ln_size

    def leaking(told: events._Told, ln_scale_N: Floats, row_N: NDArray[np.intp]) -> Floats:
        return original(told, ln_scale_N, row_N + 1)

    monkeypatch.setattr(events._Told, "ln_size", leaking)


def reaction_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of which nobody knows beforehand whether it reacts does so where it moves more than the next one."""
    original = events._Told.of

    def leaking(dates: EventDates, calendar: SessionCalendar, m: SessionReturns) -> events._Told:
        told = original(dates, calendar, m)
        row_E = np.searchsorted(m.dates.astype("datetime64[D]"), told.first_E)
        inside_E = row_E + 1 < len(m)
        larger_E = np.zeros(len(row_E), dtype=np.bool_)
        larger_E[inside_E] = m.v_T[row_E[inside_E]] > m.v_T[row_E[inside_E] + 1]
        return replace(told, last_E=np.where(larger_E, told.first_E, told.last_E))

    monkeypatch.setattr(events._Told, "of", leaking)


def event_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event layer fitted on the whole history."""
    original = initial.with_layer

    def leaking(network: Ensemble, series: Sequence[Series]) -> Ensemble:
        return original(network, [replace(one, train=Part(one.train.start, one.length - 1)) for one in series])

    monkeypatch.setattr(initial, "with_layer", leaking)


def early_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps chosen on the test part."""
    original = training._validation_outputs

    def leaking(model: Network, problem: Problem) -> Iterator[Output]:
        segments = tuple(
            ValidationSegment(one.first, one.stop, max(one.stop + 1, len(problem.y_TK) - 1)) for one in problem.segments
        )
        return original(model, replace(problem, segments=segments))

    monkeypatch.setattr(training, "_validation_outputs", leaking)


def baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Baselines fitted on the whole history."""
    original = walking.fit_baselines
    monkeypatch.setattr(
        walking,
        "fit_baselines",
        lambda names, f, part, progress: original(names, f, replace(part, stop=len(f) - 1), progress),
    )


def garch(monkeypatch: pytest.MonkeyPatch) -> None:
    """One baseline fitted on the whole history, wherever it is fitted."""
    original = GarchT.fit
    monkeypatch.setattr(GarchT, "fit", lambda f, start, _stop: original(f, start, len(f) - 1))


def bars_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated paths draw from bars of the test part, too."""
    original = Trainer._drawn

    def leaking(trainer: Trainer, member: Member) -> Part:
        return replace(original(trainer, member), stop=len(member.own) - 1)

    monkeypatch.setattr(Trainer, "_drawn", leaking)


def choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strongest baseline, and who serves, chosen by their scores on the test part."""
    original = judging.verdict

    def leaking(
        network: Entry, known: Mapping[str, Entry], _scores: Mapping[str, float], _chosen: Choice, serves: bool
    ) -> Verdict:
        crps = {name: entry.crps_N for name, entry in {network.model: network, **known}.items()}
        scores = {name: float(crps_N.mean()) for name, crps_N in crps.items()}
        return original(network, known, scores, serving.choice(network.model, crps, proven=False), serves)

    monkeypatch.setattr(judging, "verdict", leaking)


def batch_normalisation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scales divided by their mean over the batch: a forecast knows those that come after it."""
    original = Ensemble.forecast

    def leaking(ensemble: Ensemble, f: Features, start: int, stop: int) -> StudentT:
        dist = original(ensemble, f, start, stop)
        return StudentT(dist.loc, dist.scale / dist.scale.mean() * 0.01, dist.nu)

    monkeypatch.setattr(Ensemble, "forecast", leaking)


class _OneChange(dict[str, Callable[[History, int], History]]):
    """All changes by their names, of which but one is tried."""

    def __init__(self, tried: str) -> None:
        super().__init__(CHANGES)
        self.tried = tried

    def __iter__(self) -> Iterator[str]:
        return iter([self.tried])

    def __len__(self) -> int:
        return 1


def one_future(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """An audit that fits and forecasts with one other future alone: it has to do."""
    monkeypatch.setattr(auditing, "CHANGES", _OneChange(change))
