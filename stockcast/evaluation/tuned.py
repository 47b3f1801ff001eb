"""Tuned: what a study found, and whether that is enough to leave the default for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from stockcast.config.tuning import Axis
from stockcast.evaluation.superiority import SuperiorityTest

COMPLETE, PRUNED, FAILED = STATES = ("complete", "pruned", "failed")

ADOPTED_BELOW = 0.05
"""p-value of Hansen's test below which the best trial takes the default's place."""


@dataclass(frozen=True)
class TrialRecord:
    """One trial that is over.

    Attributes:
        number: From 0 on, in the order in which trials began.
        state: One of `STATES`. pruned: clearly worse than the best one after some folds. failed: it cannot be scored.
        parameters: The values of the axes.
        value: Its mean loss, that of the default being 1; None unless it is complete.
        stretches: The same of each stretch of the folds, as far as it came.
        seconds: From its begin to its end.
        why: Why it failed.
        is_default: Whether it is the default configuration, trained from scratch.
    """

    number: int
    state: str
    parameters: Mapping[str, Any]
    value: float | None
    stretches: tuple[float, ...] = ()
    seconds: float = 0.0
    why: str | None = None
    is_default: bool = False


@dataclass(frozen=True)
class Span:
    """First and last target session of a part, and how many of them are scored."""

    first: date
    last: date
    sessions: int


@dataclass(frozen=True)
class TunedSeries:
    """One series of a study: its validation folds and its test part. default: what its default begins with."""

    ticker: str
    folds: tuple[Span, ...]
    test: Span
    default: str


@dataclass(frozen=True)
class HeldOutScore:
    """Mean CRPS on the test part of one series, of log returns: of the default, the best trial and HAR-t."""

    ticker: str
    sessions: int
    default: float
    best: float
    har: float


@dataclass(frozen=True)
class HeldOut:
    """The test part, which decided nothing.

    Attributes:
        scores: Of each series.
        gain: 1 - the best trial's loss / the default's, mean over series.
        p: One-sided p-value of the best trial being better, of losses averaged by date (Diebold-Mariano).
    """

    scores: tuple[HeldOutScore, ...]
    gain: float
    p: float


@dataclass(frozen=True)
class TuneResult:
    """What `tune` found.

    Attributes:
        study: Its name.
        pool: Whether one network is taught by all series.
        series: The series with their folds.
        axes: What was searched.
        trials: All that are over.
        best: Number of the best trial.
        superiority: The test of all complete trials against the default.
        adopted: Whether the best trial takes the default's place.
        settings: Those of the best trial, by the names of options; only those that were searched, and `init`.
        default: The same of the default.
        importances: Share of each axis in the difference between the best trials and the others; empty with few trials.
        test: The test part; None where it was not scored.
    """

    study: str
    pool: bool
    series: tuple[TunedSeries, ...]
    axes: tuple[Axis, ...]
    trials: tuple[TrialRecord, ...]
    best: int
    superiority: SuperiorityTest
    adopted: bool
    settings: Mapping[str, Any]
    default: Mapping[str, Any]
    importances: Mapping[str, float]
    test: HeldOut | None = None

    @property
    def best_trial(self) -> TrialRecord:
        """The best trial."""
        return self.trials[self.best]

    def count(self, state: str) -> int:
        """Trials that ended so."""
        return sum(trial.state == state for trial in self.trials)


@dataclass(frozen=True)
class TunePlan:
    """What a study would do, without doing it.

    Attributes:
        study: Its name.
        pieces: Folds to be trained and scored, if no trial were given up; None: as many as the minutes allow.
        seconds: What they are expected to take on one core, at the middle of the space.
    """

    study: str
    pieces: int | None
    seconds: float | None


def best_of(trials: Sequence[TrialRecord]) -> TrialRecord | None:
    """The complete trial of the lowest value, the earliest of those that share it; None without one."""
    complete = [(trial.value, trial.number, trial) for trial in trials if trial.value is not None]
    return min(complete)[2] if complete else None
