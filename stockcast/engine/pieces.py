"""Pieces: what a command's work falls into, and how those of many sources go through one engine.

The work on a source is a generator of `Steps`: it yields the pieces that may be done at the same time, is sent what
they made, and returns its result. What it does between two yields runs here, in one process and one thread, which alone
writes to the disk. So the same generator is a plain function (`run_here`), or one of many whose pieces share an engine
(`run_all`), and does not know which.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from stockcast.progress import Progress

T = TypeVar("T")


def _as_it_is(made: Any) -> Any:
    return made


Work = Callable[[Any, Progress], Any]
"""What a piece does with what the pieces of its source share, and who hears how far it is: a function of a module, or a
frozen dataclass of plain values, which goes to other processes."""


@dataclass(frozen=True)
class Piece:
    """One piece of work.

    Attributes:
        label: What it is, for whoever waits for it: "AAPL, fold 3 of 9".
        work: What is done, wherever.
        shared: What several pieces need, such as prices: the same object in each, which is sent once.
        keep: What is made of its result here, such as a file.
        seconds: What it is expected to take on one core; 0 where nobody knows.
    """

    label: str
    work: Work
    shared: Any = None
    keep: Callable[[Any], Any] = _as_it_is
    seconds: float = 0.0


@dataclass(frozen=True)
class Done:
    """A piece that is over. made: its result; error: why there is none. notes: what it said, and whether in detail."""

    piece: Piece
    made: Any = None
    error: Exception | None = None
    notes: tuple[tuple[str, bool], ...] = ()


Steps = Generator[Sequence[Piece], list[Any], T]
"""The work on a source: yields pieces, is sent their results in their order, returns what it found."""

AT_ITS_TURN: Sequence[Piece] = ()
"""Yielded where no piece is left to do, but what follows is to be done after the tasks before this one."""


class Engine(Protocol):
    """Who does pieces. Its order is its own; results are the same whoever it is."""

    jobs: int
    """Pieces that it does at the same time."""

    def submit(self, piece: Piece) -> None:
        """Take on a piece."""
        ...

    def finished(self) -> Done:
        """Wait for the next piece that is over."""
        ...

    def is_over(self) -> bool:
        """Whether there is one already, so that nobody has to wait for it."""
        ...

    def close(self) -> None:
        """End at once whatever is still being done, and give back what it holds."""
        ...


class Collected:
    """Progress of a piece that is done elsewhere: its notes, to be told where the command runs."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, bool]] = []

    def stage(self, name: str, total: int, targets: int = 0) -> None:
        """Ignore: a piece is one unit of the display."""

    def advance(self, units: int, loss: float | None = None) -> None:
        """Ignore, as stages."""

    def note(self, message: str, detail: bool = False) -> None:
        """Keep it."""
        self.notes.append((message, detail))


def run_here(steps: Steps[T], progress: Progress) -> T:
    """Do the pieces one after the other, where they are yielded, and return what the work found. Raises its errors."""
    try:
        pieces = next(steps)
        while True:
            try:
                made = [piece.keep(piece.work(piece.shared, progress)) for piece in pieces]
            except Exception as error:  # noqa: BLE001 - it is the generator's to handle, or to pass on
                pieces = steps.throw(error)
            else:
                pieces = steps.send(made)
    except StopIteration as stop:
        found: T = stop.value
        return found
    finally:
        steps.close()


@dataclass(frozen=True)
class Task(Generic[T]):
    """The work on one source, begun when there is room for it, and whoever watches it."""

    begin: Callable[[], Steps[T]]
    progress: Progress


@dataclass(frozen=True)
class Finished(Generic[T]):
    """The work on a source that is over: its place among the others, and its result or why there is none."""

    place: int
    result: T | None = None
    error: Exception | None = None


def run_all(
    tasks: Iterable[Task[T]],
    engine: Engine,
    ahead: int,
    in_order: bool = False,
    told: Callable[[int, float], None] = lambda _place, _share: None,
) -> Iterator[Finished[T]]:
    """Do many tasks whose pieces share one engine; an error of one concerns it alone.

    Args:
        tasks: What is done, in the order in which it is begun; the next is asked for when there is room for it.
        engine: Who does the pieces.
        ahead: Tasks that are begun and not over, at most: each holds its prices in memory.
        in_order: A task goes on after its pieces only when all before it are over: what it writes then stands where it
            would stand if one task were done after the other.
        told: Hears of every piece that is done: the place of its task, and the share of the task's pieces that it is.

    Yields:
        Tasks as they end; in their order if `in_order`.
    """
    coming = iter(enumerate(tasks))
    running: dict[int, _Running[T]] = {}
    try:
        while True:
            # One at a time: what a task does before its pieces, such as asking a provider, may take as long as a piece.
            begun = next(coming, None) if len(running) < ahead else None
            if begun is not None:
                place, task = begun
                running[place] = _Running(place, task.begin(), task.progress)
                running[place].go_on(engine)
            if not running:
                return
            first = next(iter(running))
            ready = (one for one in running.values() if one.is_ready and (one.place == first or not in_order))
            following = next(ready, None)
            if engine.is_over() or (begun is None and following is None):
                done = engine.finished()
                owner = _owner(running, done)
                told(owner.place, owner.receive(done))
            if following is None:
                continue
            if following.outcome is None:
                following.go_on(engine)
            else:
                yield running.pop(following.place).outcome  # type: ignore[misc] # it has one: looked at above
    finally:
        for one in running.values():
            one.steps.close()


def _owner(running: Mapping[int, _Running[T]], done: Done) -> _Running[T]:
    return next(one for one in running.values() if any(piece is done.piece for piece in one.pieces))


@dataclass
class _Running(Generic[T]):
    """A task that has been begun. made: results of its pieces so far, by their places; outcome: once it is over."""

    place: int
    steps: Steps[T]
    progress: Progress
    pieces: Sequence[Piece] = ()
    made: dict[int, Any] = field(default_factory=dict)
    error: Exception | None = None
    waiting: int = 0
    begun: bool = False
    outcome: Finished[T] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether nothing is left to wait for."""
        return self.waiting == 0

    def go_on(self, engine: Engine) -> None:
        """Let it do what it does between its pieces, and hand over the next ones."""
        made = [self.made[place] for place in range(len(self.pieces))] if self.error is None else []
        error, self.error, self.made = self.error, None, {}
        try:
            if not self.begun:
                self.begun, self.pieces = True, next(self.steps)
            elif error is not None:
                self.pieces = self.steps.throw(error)
            else:
                self.pieces = self.steps.send(made)
        except StopIteration as stop:
            self.outcome = Finished(self.place, stop.value)
        except Exception as failed:  # noqa: BLE001 - an unexpected one, too, concerns this task alone
            self.outcome = Finished(self.place, error=failed)
        else:
            self.waiting = len(self.pieces)
            for piece in sorted(self.pieces, key=lambda piece: -piece.seconds):  # the last to end is a short one
                engine.submit(piece)

    def receive(self, done: Done) -> float:
        """Keep what a piece made; of several that fail the first is told. Returns the piece's share of all of them."""
        place = next(place for place, piece in enumerate(self.pieces) if piece is done.piece)
        self.waiting -= 1
        for message, detail in done.notes:
            self.progress.note(message, detail)
        try:
            if done.error is not None:
                raise done.error
            self.made[place] = done.piece.keep(done.made)
        except Exception as error:  # noqa: BLE001 - it is thrown into the task when all its pieces are over
            self.error = self.error or error
        return 1 / len(self.pieces)
