"""Work for engines, as it is sent to other processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stockcast.engine.local import do
from stockcast.engine.pieces import Done, Engine, Piece, Steps
from stockcast.errors import DataError, PieceLost
from stockcast.progress import Progress

THREADS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"


class Shuffled:
    """An engine of this process that ends pieces in an order that somebody chose."""

    def __init__(self, jobs: int, order: Iterator[int]) -> None:
        self.jobs = jobs
        self.most = 0
        self._order = order
        self._queue: deque[Piece] = deque()

    def submit(self, piece: Piece) -> None:
        """Take on a piece."""
        self._queue.append(piece)
        self.most = max(self.most, len(self._queue))

    def finished(self) -> Done:
        """Do one of them."""
        self._queue.rotate(next(self._order, 0))
        piece = self._queue.popleft()
        return Done(piece, *do(piece.work, piece.shared))

    def is_over(self) -> bool:
        """Say that one is over, or not."""
        return bool(self._queue) and next(self._order, 0) % 2 == 1

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True)
class Squared:
    """The square of what is shared; says so. fails: what goes wrong instead, each time, or `once` per folder."""

    fails: str = ""
    folder: str = ""

    def __call__(self, shared: int, progress: Progress) -> int:
        """Do it."""
        progress.stage("squaring", 1)
        progress.note(f"squaring {shared}", detail=True)
        print("a library speaks")
        if self.fails == "data":
            raise DataError(f"{shared} is no number", "use another")
        if self.fails == "bug":
            raise ZeroDivisionError("a mistake of ours")
        if self.fails == "killed" or (self.fails == "once" and self._first(shared)):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fails == "unsendable":
            return lambda: shared  # type: ignore[return-value]
        progress.advance(1)
        return shared * shared

    def _first(self, shared: int) -> bool:
        mark = Path(self.folder) / str(shared)
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


@dataclass(frozen=True)
class Here:
    """Squares in the process that made it, and cannot be read in any other."""

    process: int

    def __reduce__(self) -> tuple[Any, ...]:
        return _here, (self.process,)

    def __call__(self, shared: int, _progress: Progress) -> int:
        """Square it."""
        return shared * shared


def _here(process: int) -> Here:
    if os.getpid() != process:
        raise ModuleNotFoundError("No module named 'elsewhere'")
    return Here(process)


@dataclass(frozen=True)
class Waiting:
    """Waits until it is ended, and leaves a file that says which process waits."""

    folder: str

    def __call__(self, shared: int, _progress: Progress) -> int:
        """Wait."""
        Path(self.folder, f"{shared}.pid").write_text(str(os.getpid()), encoding="ascii")
        while True:
            time.sleep(0.05)


@dataclass(frozen=True)
class Gated:
    """Squares, once a gate is open; leaves a file that says on which node of a Ray cluster it waited."""

    folder: str

    def __call__(self, shared: int, _progress: Progress) -> int:
        """Do it."""
        import ray

        node = ray.get_runtime_context().get_node_id()
        Path(self.folder, f"{shared}.{os.getpid()}.begun").write_text(node, encoding="ascii")
        while not Path(self.folder, "gate").exists():
            time.sleep(0.05)
        return shared * shared


def ended(engine: Engine, *pieces: Piece) -> dict[str, Done]:
    """The pieces that an engine has done, by their labels."""
    for piece in pieces:
        engine.submit(piece)
    return {done.piece.label: done for done in (engine.finished() for _ in pieces)}


def answers(engine: Engine, folder: Path, lost: str) -> dict[str, Done]:
    """What comes back of every kind of piece, which fails where it is not what any engine must give.

    lost: What is said of a piece whose process is killed each time.
    """
    works = {name: Squared(name, str(folder)) for name in ("", "data", "bug", "once", "killed", "unsendable")}
    found = ended(engine, *(Piece(name, work, 3) for name, work in works.items()), Piece("threads", threads))
    assert found[""].made == found["once"].made == 9
    assert found[""].notes == (("squaring 3", True),)
    data, bug, killed = (found[name].error for name in ("data", "bug", "killed"))
    assert isinstance(data, DataError)
    assert (data.message, data.hint) == ("3 is no number", "use another")
    assert isinstance(bug, ZeroDivisionError)
    assert "tests/engine/pieces.py" in "".join(bug.__notes__)
    assert isinstance(killed, PieceLost)
    assert killed.message == f"killed: {lost}"
    assert found["unsendable"].made is None or callable(found["unsendable"].made)
    assert [found["threads"].made[name] for name in ("torch", *THREADS)] == [1, "1", "1"]
    return found


def pid(_shared: object, _progress: Progress) -> int:
    """The process in which a piece is done."""
    return os.getpid()


def threads(_shared: object, _progress: Progress) -> dict[str, Any]:
    """How many threads libraries take where a piece is done, and whether Ctrl-C is heard there."""
    import torch

    heard = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    names = (*THREADS, "STOCKCAST_NOW")
    return {"torch": torch.get_num_threads(), "heard": heard, **{name: os.environ.get(name) for name in names}}


def squares(
    numbers: list[int], work: Callable[[int], Squared] = lambda _n: Squared(), rounds: int = 1
) -> Steps[list[int]]:
    """The numbers squared, as often as that."""
    for _ in range(rounds):
        numbers = yield [Piece(f"piece {n}", work(n), n, seconds=float(n)) for n in numbers]
    return numbers


def waiting(folder: Path, count: int) -> list[int]:
    """The processes in which pieces wait, once there are as many."""

    def told() -> list[int]:
        return [int(text) for path in folder.glob("*.pid") if (text := path.read_text(encoding="ascii"))]

    until(lambda: len(told()) == count)
    return told()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what will come; a minute is far more than it takes, and better than to wait for ever."""
    last = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < last
        time.sleep(0.05)


def lives(pid: int) -> bool:
    """Whether a process is there and not over."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"


if __name__ == "__main__":
    from stockcast.config.jobs import JobsConfig
    from stockcast.engine.choosing import engine_of

    with engine_of(JobsConfig(2, sys.argv[2])) as engine:
        assert engine is not None
        for number in (1, 2):
            engine.submit(Piece(f"piece {number}", Waiting(sys.argv[1]), number))
        engine.finished()
