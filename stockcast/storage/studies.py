"""Studies: the trials of `tune`, in one SQLite file that Optuna reads and writes; nothing else knows Optuna.

One process works on a study at a time, and holds its lock: the system releases it however that process dies. So a trial
that is found running was broken off; it is begun again with the same parameters and what was known of it, and counts
once. Optuna's own heartbeat is for `Study.optimize`: nothing beats where trials are asked for and told, and a lock need
not be waited for.

The sampler is drawn anew for each trial, from the seed and the number of trials before it: a study that was broken off
goes on as if it had not been.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.config.tuning import SearchSpace
from stockcast.errors import LockedError, StorageError
from stockcast.evaluation.tuned import COMPLETE, FAILED, PRUNED, TrialRecord
from stockcast.storage.files import file_lock, open_private, private_folder, storage_error

if TYPE_CHECKING:
    import optuna

FOLDER, FILE = "studies", "studies.db"

BUSY_FOR = 60.0
"""Seconds that another study's write to the same file is waited for."""

_LOSSES, _DEFAULT, _WHY = "losses:", "default", "why"


@dataclass(frozen=True)
class OpenTrial:
    """A trial that has begun.

    Attributes:
        number: Its number in the study.
        parameters: What was suggested.
        losses: What is known of its folds from before it was broken off: losses by date, by the fold's number.
    """

    number: int
    parameters: Mapping[str, Any]
    losses: Mapping[int, tuple[float, ...]]


@dataclass(frozen=True)
class StudyFile:
    """An open study. space: what it searches; seed: of its sampler."""

    study: optuna.Study
    space: SearchSpace
    seed: int

    def begin(self) -> OpenTrial:
        """Begin a trial: one that was broken off, or what the sampler suggests."""
        import optuna

        with _told_by_nobody():
            self.study.sampler = optuna.samplers.TPESampler(seed=self._seed, constant_liar=True)
            trial = self.study.ask()
            for axis in self.space.axes:
                axis.suggested(trial)
        self._running[trial.number] = trial
        return OpenTrial(trial.number, dict(trial.params), _losses_of(trial.user_attrs))

    def report(self, number: int, fold: int, losses: Sequence[float], stretches: Sequence[float]) -> None:
        """Keep what a trial did on a fold.

        Args:
            number: The trial's.
            fold: The fold's, from 0 on.
            losses: By date.
            stretches: Means of consecutive ones, as many of each fold.
        """
        trial = self._running[number]
        if f"{_LOSSES}{fold}" not in trial.user_attrs:
            trial.set_user_attr(f"{_LOSSES}{fold}", list(losses))
        for place, value in enumerate(stretches):
            trial.report(value, fold * len(stretches) + place)

    def complete(self, number: int, value: float) -> None:
        """End a trial with what it came to."""
        self.study.tell(self._running.pop(number), value)

    def prune(self, number: int) -> None:
        """End a trial that is given up."""
        import optuna

        self.study.tell(self._running.pop(number), state=optuna.trial.TrialState.PRUNED)

    def fail(self, number: int, why: str) -> None:
        """End a trial that cannot be scored."""
        import optuna

        trial = self._running.pop(number)
        trial.set_user_attr(_WHY, why)
        self.study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def kept(self, name: str) -> Any:
        """What was kept of the study under a name; None where nothing was."""
        return self.study.user_attrs.get(name)

    def keep(self, name: str, plain: Any) -> None:
        """Keep lists and numbers with the study."""
        self.study.set_user_attr(name, plain)

    @property
    def begun(self) -> int:
        """Trials that are over or running; what was broken off does not count."""
        return len(self._counted())

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """The trials that are over, in the order in which they began."""
        states = {"COMPLETE": COMPLETE, "PRUNED": PRUNED, "FAIL": FAILED}
        counted = enumerate(self._counted())
        return tuple(_record(place, one, states[one.state.name]) for place, one in counted if one.state.is_finished())

    def losses(self, place: int) -> tuple[float, ...]:
        """The losses by date of a trial that is over, those of all its folds, by its place among `trials`."""
        found = _losses_of(self._counted()[place].user_attrs)
        return tuple(loss for fold in sorted(found) for loss in found[fold])

    def importances(self) -> dict[str, float]:
        """How much of the difference between the best trials and the others each axis makes; empty with few trials."""
        import optuna

        complete = [one for one in self._counted() if one.state == optuna.trial.TrialState.COMPLETE]
        if len(complete) < 2 * len(self.space.axes) or not self.space.axes:
            return {}
        with _told_by_nobody():
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            return dict(optuna.importance.get_param_importances(self.study, evaluator=evaluator))

    def _counted(self) -> list[optuna.trial.FrozenTrial]:
        """All but those that have not begun, and those that were broken off, which failed without a reason."""
        every = self.study.get_trials(deepcopy=False)
        return [one for one in every if one.state.name != "WAITING" and not _is_broken_off(one)]

    @property
    def _seed(self) -> int:
        return int(np.random.SeedSequence([self.seed, self.begun]).generate_state(1)[0])

    @cached_property
    def _running(self) -> dict[int, optuna.Trial]:
        return {}


@contextmanager
def open_study(home: Path, name: str, space: SearchSpace, seed: int) -> Iterator[StudyFile]:
    """The study of a name, made where there is none, while nobody else works on it.

    Args:
        home: The folder of models and prices.
        name: The study's.
        space: What it searches.
        seed: Of its sampler.

    Raises:
        LockedError: Another process works on it.
        StorageError: The file cannot be written or read.
    """
    folder = home / FOLDER
    path = folder / FILE
    busy = LockedError("another process works on this study", "wait for it, or tune with other settings")
    with ExitStack() as held:
        try:
            private_folder(folder)
            os.close(open_private(path, os.O_RDWR | os.O_CREAT))
            held.enter_context(file_lock(folder / f"{name}.lock", 0.0, busy))
        except OSError as error:
            raise storage_error(path, error) from error
        yield _whole(path, held.enter_context(_storage(path)), name, space, seed)


@contextmanager
def _storage(path: Path) -> Iterator[optuna.storages.RDBStorage]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = None
    try:
        with _told_by_nobody():
            storage = _connected(path)
        yield storage
    except optuna.exceptions.StorageInternalError as error:
        raise _unusable(path, error) from error
    finally:
        if storage is not None:
            storage.remove_session()
            storage.engine.dispose()


def _connected(path: Path) -> optuna.storages.RDBStorage:
    """Optuna's storage in the file. What is written survives the end of this process at once, a loss of power soon."""
    import optuna

    def connection() -> sqlite3.Connection:
        made = sqlite3.connect(path, timeout=BUSY_FOR, check_same_thread=False)
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("PRAGMA synchronous=NORMAL")
        return made

    try:
        return optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={"creator": connection})
    except Exception as error:  # no database, or one of another version of Optuna
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> StorageError:
    if "database or disk is full" in str(error):
        return storage_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return StorageError(f"the studies in {path} cannot be used: {reason}", "move the file away to begin anew")


def _whole(path: Path, storage: optuna.storages.RDBStorage, name: str, space: SearchSpace, seed: int) -> StudyFile:
    """The study, all of which can be read. Raises StorageError where a value is none that Optuna wrote."""
    import optuna

    try:
        opened = _opened(storage, name, space, seed)
        for place, _ in enumerate(opened.trials):
            opened.losses(place)
        opened.kept("")
        sorted(one.number + 0 for one in opened.study.get_trials(deepcopy=False))  # as Optuna does later
    except optuna.exceptions.StorageInternalError:
        raise
    except Exception as error:  # Optuna checks nothing that it reads: whatever follows from it
        raise _unusable(path, error) from error
    return opened


def _opened(storage: optuna.storages.RDBStorage, name: str, space: SearchSpace, seed: int) -> StudyFile:
    """The study, with what was broken off to be begun again, and the default configuration as its first trial."""
    import optuna

    with _told_by_nobody():
        pruner = optuna.pruners.NopPruner()  # who is given up is decided by those who know the folds
        study = optuna.create_study(
            storage=storage, study_name=name, pruner=pruner, direction="minimize", load_if_exists=True
        )
    names = {axis.name for axis in space.axes}
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        if trial.params.keys() == names and _WHY not in trial.user_attrs:
            study.enqueue_trial(dict(trial.params), user_attrs=dict(trial.user_attrs))
    if not any(_DEFAULT in one.user_attrs and not _is_broken_off(one) for one in study.get_trials(deepcopy=False)):
        study.enqueue_trial(space.default, user_attrs={_DEFAULT: True})
    return StudyFile(study, space, seed)


def _is_broken_off(trial: optuna.trial.FrozenTrial) -> bool:
    return trial.state.name == "FAIL" and _WHY not in trial.user_attrs


def _record(place: int, trial: optuna.trial.FrozenTrial, state: str) -> TrialRecord:
    value = trial.value if state == COMPLETE else None
    values = trial.intermediate_values
    reported = tuple(values[step] for step in sorted(values))
    duration = trial.duration
    seconds = 0.0 if duration is None else duration.total_seconds()
    told = trial.user_attrs.get(_WHY), _DEFAULT in trial.user_attrs
    return TrialRecord(place, state, dict(trial.params), value, reported, seconds, *told)


def _losses_of(attributes: Mapping[str, Any]) -> dict[int, tuple[float, ...]]:
    return {
        int(key.removeprefix(_LOSSES)): tuple(values) for key, values in attributes.items() if key.startswith(_LOSSES)
    }


@contextmanager
def _told_by_nobody() -> Iterator[None]:
    """Optuna warns of all that is younger than a few years, which concerns us and no user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
