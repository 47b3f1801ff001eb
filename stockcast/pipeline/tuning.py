"""Tuning: the trials of a study, the choice between the best of them and the default, and the test part at the end.

The process that runs the command asks for trials and tells what became of them; folds are pieces that any engine may
do, so that no worker ever opens the study's file.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.models import POOL_NETWORK, POOL_TRAINING, SCRATCH
from stockcast.config.settings import options_of
from stockcast.config.sources import without_exchange
from stockcast.config.tuning import COLUMNS, SearchSpace, Settings, TuneConfig
from stockcast.engine.pieces import Engine, Piece, Steps, Task, run_all, run_here
from stockcast.errors import DataError, StockcastError
from stockcast.evaluation.significance import diebold_mariano
from stockcast.evaluation.superiority import clearly_worse, superior_ability
from stockcast.evaluation.tuned import (
    ADOPTED_BELOW,
    COMPLETE,
    HeldOut,
    HeldOutScore,
    TrialRecord,
    TunePlan,
    TuneResult,
    best_of,
)
from stockcast.pipeline.objectives import Losses, Objective
from stockcast.prices.csvfile.content import looks_like_path
from stockcast.progress import Progress
from stockcast.storage.studies import OpenTrial, StudyFile, open_study
from stockcast.versions import VERSION
from stockcast.windows.covariates import GROUPS, KNOWN

STRETCHES = 6
"""Stretches of a fold whose means are compared with the best trial's: so many signs tell luck from a difference."""

_FORMAT = "stockcast.study/1"


def tune(
    objective: Objective, space: SearchSpace, config: TuneConfig, home: Path, progress: Progress,
    engine: Engine | None = None,
) -> TuneResult:  # fmt: skip
    """Search the space on the folds of an objective, decide, and score the test part.

    Args:
        objective: What trials are scored on.
        space: What is searched.
        config: The budget, and the seed of sampler and networks.
        home: The folder of models, prices and studies.
        progress: Whoever watches.
        engine: Who scores the folds; None: this process, one after the other.

    Returns:
        What was found.

    Raises:
        DataError: The default cannot be scored.
        LockedError: Another process works on the same study.
        StorageError: The study cannot be written.
    """
    name = study_name(objective, space, config)
    with open_study(home, name, space, config.training.seed) as file:
        search = _Search(objective, space, config, progress, engine, file)
        search.begin()
        search.trials()
        found = search.found(name)
        return replace(found, test=search.test(found))


def plan_tuning(objective: Objective, space: SearchSpace, config: TuneConfig) -> TunePlan:
    """What `tune` would do, at most: what is given up early is not known yet. Raises what splitting raises."""
    folds = range(config.folds)
    name = study_name(objective, space, config)
    default = space.settings(space.default)
    of_default = [piece.seconds for fold in folds for piece in objective.pieces(default, fold)]
    last = [piece.seconds for piece in objective.test_pieces(default)] * 2
    if config.most_trials == float("inf"):
        return TunePlan(name, None, None)
    trials = int(config.most_trials)
    # Cells differ most in what they take; of the rest the default is in the middle.
    cells = next((axis.choices for axis in space.axes if axis.name == "cell"), (default.network.cell,))
    some = [replace(default, network=replace(default.network, cell=cell)) for cell in cells]
    of_trial = sum(piece.seconds for one in some for fold in folds for piece in objective.pieces(one, fold)) / len(some)
    first = 0 if objective.begins_from_scratch else 1
    pieces = (trials + first) * len(of_default) + len(last)
    return TunePlan(name, pieces, trials * of_trial + first * sum(of_default) + sum(last))


def study_name(objective: Objective, space: SearchSpace, config: TuneConfig) -> str:
    """The hash of all that the trials of a study depend on; the prices of the test part are none of it."""
    described = {
        "format": _FORMAT,
        "version": VERSION,
        "keys": objective.keys(),
        "axes": [asdict(axis) for axis in space.axes],
        "network": asdict(space.fixed.network),
        "training": asdict(space.fixed.training),
        "folds": config.folds,
        "stretches": STRETCHES,
    }
    return sha256(json.dumps(described, sort_keys=True, allow_nan=False).encode()).hexdigest()[:24]


@dataclass
class _Search:
    """One study at work.

    defaults: losses of the default, by fold. begun: when the work was. shown: units of the display so far. there:
    trials of earlier calls.
    """

    objective: Objective
    space: SearchSpace
    config: TuneConfig
    progress: Progress
    engine: Engine | None
    file: StudyFile
    defaults: list[Losses] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    shown: int = 0
    there: int = 0

    # What every trial is measured by.

    def begin(self) -> None:
        """Score the default on every fold, of which those are kept that were scored before."""
        self.progress.stage("the default", self.config.folds)
        names = [f"default:{fold}" for fold in range(self.config.folds)]
        self.defaults = self._run(
            self._scored(names, [partial(self._default_pieces, fold) for fold in range(len(names))])
        )

    def _default_pieces(self, fold: int) -> list[Piece]:
        return self.objective.pieces(self._default, fold)

    @property
    def _default(self) -> Settings | None:
        """What `train` would do unasked: None where that is to begin with a model that is there already."""
        return self.space.settings(self.space.default) if self.objective.begins_from_scratch else None

    def _scored(self, names: Sequence[str], pieces: Sequence[Callable[[], list[Piece]]]) -> Steps[list[Losses]]:
        """Losses by their names in the study, which keeps them; those that are not there yet are scored."""
        kept = {name: self.file.kept(name) for name in names}
        missing = {name: made() for name, made in zip(names, pieces, strict=True) if kept[name] is None}
        self.progress.advance(len(names) - len(missing))
        together = [piece for of_name in missing.values() for piece in of_name]
        made = iter((yield together) if together else ())
        for name, of_name in missing.items():
            kept[name] = Losses.of([next(made) for _ in of_name]).plain
            self.file.keep(name, kept[name])
            self.progress.advance(1)
        return [Losses.read(kept[name]) for name in names]

    def _run(self, steps: Steps[Any]) -> Any:
        if self.engine is None:
            return run_here(steps, self.progress)
        (over,) = run_all([Task(lambda: steps, self.progress)], self.engine, 1)
        if over.error is not None:
            raise over.error
        return over.result

    # The trials.

    def trials(self) -> None:
        """Run trials until the budget is used up."""
        self.progress.stage(
            "trials", int(self.config.most_trials if self._is_counted else 60 * (self.config.minutes or 0))
        )
        self.there = self.file.begun
        self._advance(self.there)
        if self.engine is None:
            for task in self._tasks():
                run_here(task.begin(), self.progress)
            return
        for over in run_all(self._tasks(), self.engine, self.engine.jobs):
            if over.error is not None:
                raise over.error

    def _tasks(self) -> Iterator[Task[None]]:
        """Trials as long as there is a budget for one more; each is begun before the next is asked for."""
        while self.file.begun < self.config.most_trials and not self._is_late:
            yield Task(self._trial, self.progress)

    @property
    def _is_counted(self) -> bool:
        """Whether the number of trials is limited, and not the time alone."""
        return self.config.most_trials < float("inf")

    def _advance(self, trials: int) -> None:
        """Show that so many more trials are over, or so much more of the time."""
        reached = self.shown + trials if self._is_counted else int(time.monotonic() - self.begun)
        self.progress.advance(reached - self.shown)
        self.shown = reached

    @property
    def _is_late(self) -> bool:
        minutes = self.config.minutes
        return minutes is not None and time.monotonic() - self.begun >= 60.0 * minutes

    def _trial(self) -> Steps[None]:
        trial = self.file.begin()
        # From here on it is running: pieces of others may be done before its own.
        return self._folds(trial)

    def _folds(self, trial: OpenTrial) -> Steps[None]:
        """Fold after fold, until it is clearly worse."""
        settings = self.space.settings(trial.parameters)
        every: list[float] = []
        stretches: list[float] = []
        try:
            for fold, default in enumerate(self.defaults):
                losses = trial.losses.get(fold)
                if losses is None:
                    losses = yield from self._fold(settings, fold, default)
                every += losses
                stretches += _stretches(losses)
                self.file.report(trial.number, fold, losses, _stretches(losses))
                if fold + 1 < len(self.defaults) and self._is_hopeless(stretches):
                    self.file.prune(trial.number)
                    break
            else:
                self.file.complete(trial.number, float(np.mean(every)))
        except StockcastError as error:
            if trial.parameters == self.space.default:
                raise
            self.file.fail(trial.number, error.message)
        self._tell()

    def _is_hopeless(self, stretches: list[float]) -> bool:
        """Whether a trial is clearly worse than the best one was on the folds that it has been through."""
        best = best_of(self.file.trials)
        return best is not None and clearly_worse(stretches, best.stretches[: len(stretches)])

    def _fold(self, settings: Settings, fold: int, default: Losses) -> Steps[tuple[float, ...]]:
        if self.objective.begins_from_scratch and settings == self.space.settings(self.space.default):
            return tuple(default.relative(default)[1].tolist())
        made = Losses.of((yield self.objective.pieces(settings, fold)))
        return tuple(default.relative(made)[1].tolist())

    def _tell(self) -> None:
        """Say how far the study is: once for each trial that is over."""
        self._advance(1)
        trials = self.file.trials
        best, newest = best_of(trials), trials[-1]
        if best is not None:
            words = f"{_counted(trials)}; best so far {_gain(best)} CRPS (trial {best.number}){self._left(len(trials))}"
            self.progress.note(words, detail=best is not newest)

    def _left(self, over: int) -> str:
        """The time that is left, by what trials took."""
        passed = time.monotonic() - self.begun
        lefts = [] if self.config.minutes is None else [60.0 * self.config.minutes - passed]
        if self._is_counted:
            lefts.append(passed / max(over - self.there, 1) * (self.config.most_trials - over))
        left = max(0.0, min(lefts))
        return f", about {left / 60.0:.0f} min left" if left >= 30.0 else ""

    # The decision.

    def found(self, name: str) -> TuneResult:
        """What the folds say. Raises DataError where no trial is complete."""
        trials, space = self.file.trials, self.space
        best = best_of(trials)
        if best is None:
            raise DataError("no trial is complete", "give more --minutes or --trials")
        losses = {
            trial.number: self.file.losses(trial.number)
            for trial in trials
            if trial.state == COMPLETE and not (trial.is_default and self.objective.begins_from_scratch)
        }
        benchmark = np.concatenate([default.relative(default)[1] for default in self.defaults])
        test = superior_ability(
            benchmark, {str(number): values for number, values in losses.items()}, seed=self.config.training.seed
        )
        adopted = test.p_value < ADOPTED_BELOW and best.number in losses and (best.value or 1.0) < 1.0
        return TuneResult(
            study=name,
            pool=self.objective.is_pool,
            series=self.objective.series,
            axes=space.axes,
            trials=trials,
            best=best.number,
            superiority=test,
            adopted=adopted,
            settings=self._options(best.parameters) | ({} if self.objective.is_pool else {"init": SCRATCH}),
            default=self._options(space.default),
            importances=self.file.importances(),
        )

    def _options(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        usual = (POOL_NETWORK, POOL_TRAINING) if self.objective.is_pool else (NetworkConfig(), TrainingConfig())
        return option_values(self.space, parameters, self.config, usual)

    # The test part.

    def test(self, found: TuneResult) -> HeldOut:
        """The default and the best trial on the test part."""
        self.progress.stage("the test part", 2)
        best_settings = self.space.settings(found.best_trial.parameters)
        key = sha256(json.dumps(self.objective.test_keys()).encode()).hexdigest()[:16]
        names = [f"test:{key}:default", f"test:{key}:{found.best}"]
        pieces = [partial(self.objective.test_pieces, settings) for settings in (self._default, best_settings)]
        default, best = self._run(self._scored(names, pieces))
        scores = tuple(
            HeldOutScore(
                ticker,
                len(losses.dates),
                float(losses.network_N.mean()),
                float(best.by_ticker[ticker].network_N.mean()),
                float(losses.reference_N.mean()),
            )
            for ticker, losses in default.by_ticker.items()
        )
        ours, theirs = default.relative(best)[1], default.relative(default)[1]
        gain = 1.0 - float(np.mean([score.best / score.default for score in scores]))
        return HeldOut(scores, gain, diebold_mariano(ours, theirs).p_value)


def option_values(
    space: SearchSpace, parameters: Mapping[str, Any], config: TuneConfig, usual: tuple[Any, ...]
) -> dict[str, Any]:  # fmt: skip
    """Parameters as settings, under the names of their options: those that were searched, and others that are unusual.

    Groups of columns as those that are left out; covariates as those that are looked at, files by their whole paths,
    since a configuration may lie elsewhere.
    """
    settings = space.settings(parameters)
    searched = {axis.name for axis in space.axes}
    values: dict[str, Any] = {}
    for some, as_ever in zip((settings.network, settings.training), usual, strict=True):
        for option in options_of(type(some)):
            value = getattr(some, option.name)
            if option.name in searched or value != getattr(as_ever, option.name):
                values[option.key] = value
    groups = [axis.name.removeprefix(COLUMNS) for axis in space.axes if axis.name.startswith(COLUMNS)]
    if without := [group for group in groups if group in GROUPS and group in settings.left_out]:
        values["without"] = without
    asked = config.covariates
    if asked.sources:
        words = zip((group for group in groups if group != KNOWN and group not in GROUPS), asked.sources, strict=False)
        values["with"] = [_whole(word) for group, word in words if group not in settings.left_out]
    if asked.known_ahead is not None:
        values["known_ahead"] = None if KNOWN in settings.left_out else str(Path(asked.known_ahead).absolute())
    return values


def _whole(word: str) -> str:
    """A covariate as it can be named from any folder."""
    return str(Path(os.path.expanduser(word)).absolute()) if looks_like_path(without_exchange(word)[0]) else word


def _stretches(losses: tuple[float, ...]) -> list[float]:
    """Means of consecutive stretches of a fold."""
    return [float(part.mean()) for part in np.array_split(np.array(losses), STRETCHES)]


def _counted(trials: tuple[TrialRecord, ...]) -> str:
    given_up = sum(trial.state != COMPLETE for trial in trials)
    return f"{len(trials)} trial{'' if len(trials) == 1 else 's'}{f', {given_up} given up' if given_up else ''}"


def _gain(trial: TrialRecord) -> str:
    return f"{100.0 * ((trial.value or 0.0) - 1.0):+.2f} %"
