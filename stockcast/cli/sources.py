"""Several sources, one after the other: the failure of one does not stop the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import PurePath
from typing import Generic, TypeVar

from stockcast.cli.failures import InterruptedRun, explain, interrupted
from stockcast.cli.interruption import answered
from stockcast.cli.options import Common
from stockcast.errors import Failure, UsageError

T = TypeVar("T")

_SUFFIXES = (".csv.gz", ".csv", ".parquet")


@dataclass(frozen=True)
class SourceResults(Generic[T]):
    """What the sources gave, in their order, and which of them failed."""

    results: tuple[T, ...]
    failures: tuple[Failure, ...]

    @property
    def exit_code(self) -> int:
        """The highest of the failures' codes, 0 without failures."""
        return worst(self.failures)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return any(isinstance(failure.error, InterruptedRun) for failure in self.failures)


def worst(failures: Sequence[Failure]) -> int:
    """The highest exit code, 0 without failures."""
    return max((failure.error.exit_code for failure in failures), default=0)


def run_each(sources: Sequence[str], work: Callable[[str], T], common: Common, saves: bool) -> SourceResults[T]:
    """`work` on each source. Ctrl-C ends it there, and what was done stays.

    saves: whether `work` leaves something on the disk. What libraries print to stdout goes to stderr.
    """
    results: list[T] = []
    done: list[str] = []
    failures: list[Failure] = []
    for source in sources:
        try:
            with redirect_stdout(sys.stderr):
                results.append(work(source))
            done.append(source)
        except KeyboardInterrupt:
            answered()
            failures.append(Failure(source, interrupted(done if saves else None)))
            break
        except Exception as error:  # noqa: BLE001 - an unexpected one, too, concerns this source alone
            failures.append(Failure(source, explain(error, common.home)))
    return SourceResults(tuple(results), tuple(failures))


def label(source: str, ticker: str | None) -> str:
    """What lines about a source begin with: its ticker, or a path's last part without the suffix."""
    if ticker:
        return ticker
    name = PurePath(source).name or source
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return "stdin" if source == "-" else name


def refuse_shared(option: str, value: str | None, sources: Sequence[str], way_out: str = "") -> None:
    """Raise UsageError where an option that belongs to one source is given with several. way_out: more for the hint."""
    if value is not None and len(sources) > 1:
        raise UsageError(f"{option} {value} with {len(sources)} sources", f"{option} goes with one source{way_out}")
