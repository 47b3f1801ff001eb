"""Inputs: what a call of this package is given, refused in words where it cannot be that; series, tried one by one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from stockcast.config.jobs import JobsConfig
from stockcast.config.settings import user_path
from stockcast.engine.choosing import engine_of
from stockcast.errors import ConfigError, Failure, LeftOut, StockcastError

if TYPE_CHECKING:
    from stockcast.engine.pieces import Finished, Steps
    from stockcast.progress import Progress

T = TypeVar("T")

Home: TypeAlias = str | Path
"""The folder of models and prices."""
OnError: TypeAlias = Literal["warn", "raise"]
"""What becomes of a call of which some series fail: the others with a `LeftOut` warning, or the first failure."""

_CHOICES = ("warn", "raise")


class Attempts:
    """One call on several series, each by itself: the failure of one does not stop the others.

    on_error: "warn" keeps what failed until `tell`; "raise" raises it at once. Raises ConfigError for anything else.
    """

    def __init__(self, on_error: OnError) -> None:
        if on_error not in _CHOICES:
            raise ConfigError(
                f"on_error is {on_error!r}, and it may be 'warn' or 'raise'",
                "'warn' leaves out the series that fail and warns, 'raise' raises the first failure",
            )
        self._raises = on_error == "raise"
        self._failures: list[Failure] = []

    @property
    def failed(self) -> int:
        """How many have failed so far."""
        return len(self._failures)

    def each(self, tasks: Iterable[tuple[str, Callable[[], T]]]) -> list[T]:
        """What the tasks return, each under the name of its series, without those that failed.

        Raises the first failure where failures are to be raised, and where nothing but failures is left, with what
        failed in its notes.
        """
        done, failed = [], self.failed
        for name, task in tasks:
            try:
                done.append(task())
            except StockcastError as error:
                self._failures.append(Failure(name, error))
                if self._raises:
                    self._raise(error)
        if self.failed > failed and not done:
            self._raise(self._failures[0].error)
        return done

    def together(
        self, tasks: Sequence[tuple[str, Callable[[], Steps[T]]]], jobs: int | None, progress: Progress
    ) -> list[T]:  # fmt: skip
        """The same of tasks in steps, whose pieces are done by so many `jobs` (see `outcomes`)."""
        with closing(outcomes([begin for _, begin in tasks], jobs, progress)) as found:
            return self.each(zip([name for name, _ in tasks], found, strict=True))

    def tell(self) -> None:
        """Warn of what failed, if anything did: a `LeftOut` at the line that called the function that calls this."""
        if self._failures:
            warnings.warn(LeftOut({one.source: one.error for one in self._failures}), stacklevel=3)

    def _raise(self, error: StockcastError) -> None:
        if len(self._failures) > 1 or self._raises:
            for failure in self._failures:
                error.add_note(f"{failure.source}: {failure.error}")
        raise error


def outcomes(
    tasks: Sequence[Callable[[], Steps[T]]], jobs: int | None, progress: Progress
) -> Generator[Callable[[], T], None, None]:  # fmt: skip
    """What becomes of tasks in steps, in their order: functions that return a result, or raise why there is none.

    Args:
        tasks: What is begun, one after the other.
        jobs: Processes that do their pieces; 1: this one alone, when a function is called; None: one for each core.
        progress: Who watches.

    Raises:
        ConfigError: For less than one job.
    """
    from stockcast.engine.pieces import Task, run_all, run_here

    if jobs is not None:
        jobs = int(expected(jobs, Integral, "jobs", "a number of processes"))
    with one_thread(), engine_of(JobsConfig(jobs)) as engine:
        if engine is None:
            for begin in tasks:
                yield partial(lambda begin: run_here(begin(), progress), begin)
            return
        begun = [Task(begin, progress) for begin in tasks]
        for one in run_all(begun, engine, 2 * engine.jobs, in_order=True):
            yield partial(_outcome, one)


@contextmanager
def one_thread() -> Iterator[None]:
    """NumPy's sums on one thread, as on the command line and in every worker: more of them add in another order."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def _outcome(one: Finished[T]) -> T:
    if one.error is not None:
        raise one.error
    found: T = one.result  # type: ignore[assignment] # without an error there is one
    return found


def path_of(home: Home | None) -> Path | None:
    """A home as a path; None where there is none. Raises ConfigError for what is neither."""
    return None if home is None else user_path(expected(home, (str, Path), "home", "a folder"))


def day_of(day: date | None, name: str) -> date | None:
    """The day of a date, a datetime or a pandas Timestamp. Raises ConfigError for anything else."""
    if day is None:
        return None
    day = expected(day, date, name, "a date such as datetime.date(2018, 12, 31)")
    return day.date() if isinstance(day, datetime) else day


def expected(value: Any, kinds: type | tuple[type, ...], name: str, said: str) -> Any:
    """The value. Raises ConfigError where it is of none of the `kinds`: name: of the parameter, said: what it takes."""
    if not isinstance(value, kinds):
        raise ConfigError(f"{name} is {value_in_words(value)}, and has to be {said}", f"give {name} as {said}")
    return value


def value_in_words(value: object) -> str:
    """A value as a message names it: a short one as it is written, any other by its type."""
    shown = repr(value) if isinstance(value, str) else str(value)
    if value is None or (isinstance(value, str | int | float | date) and len(shown) <= 40):
        return shown
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    return f"a {kind.__name__}" + ("" if library in {"builtins", "stockcast"} else f" of {library}")
