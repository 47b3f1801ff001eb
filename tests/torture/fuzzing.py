"""Fuzzing: whatever a file, a row of the store or an answer of the provider holds, it is read, or refused in words.

A seed plays some hundred cases of one reader in this process. What is read has no number that is not finite where one
is meant; what is refused has a message of one line and a hint; nothing takes long.
"""

from __future__ import annotations

import math
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import numpy as np

from stockcast.errors import StockcastError
from tests.torture.kinds import Kind

CASES = 500
SLOW = 20  # s, of a case

Case = Callable[[], object]
Reader = Callable[[Random, Path], Callable[[], Case]]
"""Given a source of chance and an empty folder: what makes the next case, to be called."""


class _TooSlow(BaseException):
    """Passes through whatever catches every exception."""


def play(seed: int, folder: Path) -> Sequence[str]:
    """`CASES` cases of one reader."""
    from tests.torture.readers import READERS

    name, reader = READERS[seed % len(READERS)]
    return cases(name, reader, seed, folder, CASES)


def cases(name: str, reader: Reader, seed: int, folder: Path, count: int) -> list[str]:
    """So many cases of a reader; one violation for each place in the code where it failed."""
    draw = Random(seed)  # noqa: S311 - chance that can be repeated
    found: dict[str, str] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        following = reader(draw, folder)
        for number in range(count):
            problem = _judged(following())
            if problem:
                found.setdefault(problem[0], f"{name}, case {number}: {problem[1]}")
    return list(found.values())


def _judged(case: Case) -> tuple[str, str] | None:
    """Where a case failed, and in what words; None where it did not."""
    try:
        with _in_time():
            value = case()
    except StockcastError as error:
        place = _place(error)
        if not error.message.strip() or "\n" in error.message:
            return place, f"a message is not one line, at {place}: {error.message!r}"
        return None if error.hint.strip() else (place, f"no hint, at {place}: {error.message!r}")
    except _TooSlow as error:
        return _place(error), f"not done after {SLOW} s, at {_place(error)}"
    except Exception as error:  # noqa: BLE001 - what it is all about
        return _place(error), f"{type(error).__name__} at {_place(error)}: {str(error)[:200]}"
    place = next(_not_finite(value, type(value).__name__), None)
    return None if place is None else (place, f"a number that is not finite was taken: {place}")


@contextmanager
def _in_time() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SLOW)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _place(error: BaseException) -> str:
    """The innermost line of stockcast in a traceback."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/stockcast/" in frame.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


_MAY_LACK = {"open", "high", "low", "volume", "dividends", "splits"}
"""Columns of bars of which a value may be missing."""


def _not_finite(value: Any, place: str) -> Iterator[str]:
    """Places of numbers that are not finite; freedom without bound is a normal distribution's."""
    if isinstance(value, float):
        if not math.isfinite(value):
            yield place
    elif isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            yield place
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.name not in _MAY_LACK | {"nu", "nu_N"}:
                yield from _not_finite(getattr(value, field.name), f"{place}.{field.name}")
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _not_finite(member, f"{place}.{key}")
    elif isinstance(value, tuple | list):
        for member in value:
            yield from _not_finite(member, f"{place}[]")


FUZZING = Kind("fuzzing", 1_000_000, play, CASES)
