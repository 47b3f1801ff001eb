"""An engine of this process whose pieces and results are sent as to another one, the newest piece first."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stockcast.engine.local import do
from stockcast.engine.pieces import Done, Piece, Steps, T, Task, run_all
from stockcast.progress import Progress, Silent


@contextmanager
def absent(folder: Path) -> Iterator[None]:
    """Meanwhile the folder is not there, as on a node of a cluster; it fails if somebody makes it."""
    elsewhere, there = folder.with_name(f"{folder.name}, elsewhere"), folder.exists()
    if there:
        folder.rename(elsewhere)
    try:
        yield
        assert not folder.exists()
    finally:
        if there:
            elsewhere.rename(folder)


class Sent:
    """Does pieces in the reverse of their order, without the home; keeps the labels of those that it did."""

    jobs = 2

    def __init__(self, home: Path) -> None:
        self._home = home
        self.done: list[str] = []
        self._queue: list[Piece] = []

    def submit(self, piece: Piece) -> None:
        """Take on a piece."""
        self._queue.append(piece)

    def finished(self) -> Done:
        """Do the newest."""
        piece = self._queue.pop()
        self.done.append(piece.label)
        work, shared = _sent((piece.work, piece.shared))
        with absent(self._home):
            return Done(piece, *_sent(do(work, shared)))

    def is_over(self) -> bool:
        """Nothing is done before it is waited for."""
        return False

    def close(self) -> None:
        """Nothing is held."""


def _sent(what: Any) -> Any:
    return pickle.loads(pickle.dumps(what))  # noqa: S301 - our own bytes


def found_by(engine: Sent, steps: Steps[T], progress: Progress | None = None) -> T:
    """What the work on one source finds there. Raises its error."""
    (one,) = run_all([Task(lambda: steps, progress or Silent())], engine, ahead=1)
    if one.error is not None:
        raise one.error
    return one.result  # type: ignore[return-value] # without an error there is one
