"""Pieces in processes of this machine, each on one thread.

loky starts the processes, since it sets their environment before NumPy is loaded, sends what a script defines, ends
them at once, and notices when one is killed. Every worker is an executor of its own: so it is known which piece was
lost with it, and the others go on.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import RLock
from typing import TYPE_CHECKING, Any

from stockcast.engine.pieces import Collected, Done, Piece
from stockcast.errors import PieceLost, StockcastError

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
"""Libraries that bring threads of their own would have N workers ask for N times N cores."""

WORKER_MEMORY = 1 << 30
"""Bytes that a worker takes at most, with torch, one series and the networks of a fold."""

TRIES = 2
"""Times that a piece is begun whose worker is killed."""

RARELY = 50_000
"""Objects that a worker makes before it looks for garbage among them, until its first piece is done."""

_USUALLY = gc.get_threshold()

_Answer = tuple[Any, Exception | None, tuple[tuple[str, bool], ...]]


class Local:
    """Worker processes of this machine, begun when there is something to do.

    Whoever is done with a piece is handed the next one at once, by a thread: the command itself may just be reading
    prices, or judging what came back.

    Args:
        jobs: Workers at most.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._queue: deque[tuple[Piece, int]] = deque()
        self._workers: list[ProcessPoolExecutor] = []
        self._idle: list[ProcessPoolExecutor] = []
        self._given: dict[Future[_Answer], tuple[Piece, int, ProcessPoolExecutor]] = {}
        self._over: SimpleQueue[Future[_Answer] | None] = SimpleQueue()  # None: a worker is missing
        self._handing = RLock()

    def submit(self, piece: Piece) -> None:
        """Take on a piece."""
        with self._handing:
            self._queue.append((piece, 1))
            self._hand_out(may_begin=True)

    def finished(self) -> Done:
        """Wait for the next piece that is over. One whose worker was lost with it is tried once more."""
        while True:
            future = self._over.get()
            with self._handing:
                if future is None:
                    self._hand_out(may_begin=True)
                    continue
                piece, tries, worker = self._given.pop(future)
                try:
                    return Done(piece, *future.result())
                except BrokenProcessPool as broken:
                    self._workers.remove(worker)
                    worker.shutdown(wait=False, kill_workers=True)
                    if tries < TRIES:
                        self._queue.appendleft((piece, tries + 1))
                    self._hand_out(may_begin=True)
                    if tries == TRIES:
                        return Done(piece, error=_lost(piece, broken))
                except Exception as failed:  # noqa: BLE001 - what could not be sent, there or back
                    return Done(piece, error=failed)

    def is_over(self) -> bool:
        """Whether a piece is over already."""
        return not self._over.empty()

    def close(self) -> None:
        """Kill every worker."""
        with self._handing:
            self._queue.clear()
            workers, self._workers = self._workers, []
        for worker in workers:
            with suppress(RuntimeError):  # its threads, where Ctrl-C came before they ran: it ends with this process
                worker.shutdown(wait=True, kill_workers=True)
        self._given.clear()

    def _hand_out(self, may_begin: bool) -> None:
        """Give every worker that has nothing to do a piece; a new one where there may be more of them."""
        while self._queue and (self._idle or (may_begin and len(self._workers) < self.jobs)):
            if not self._idle:
                self._workers.append(_worker())
                self._idle.append(self._workers[-1])
            worker, (piece, tries) = self._idle.pop(), self._queue[0]
            try:
                with _without_interruptions():
                    future = worker.submit(_do_there, piece.work, piece.shared)
            except BrokenProcessPool:  # killed while it had nothing to do
                self._workers.remove(worker)
                self._over.put(None)
                continue
            self._queue.popleft()
            self._given[future] = piece, tries, worker
            future.add_done_callback(self._is_over)

    def _is_over(self, future: Future[_Answer]) -> None:
        """Hand the next piece to the worker of one that is over; called in a thread of its executor."""
        with self._handing:
            given = self._given.get(future)
            if given is not None and not isinstance(future.exception(), BrokenProcessPool):
                self._idle.append(given[2])
                self._hand_out(may_begin=False)
            self._over.put(future)


@contextmanager
def _without_interruptions() -> Iterator[None]:
    """What is begun inside hears of no Ctrl-C, not even while it is still importing; this process hears of it after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _lost(piece: Piece, broken: BrokenProcessPool) -> PieceLost:
    if broken.__cause__ is not None and "un-serialize" in str(broken):
        reason = str(broken.__cause__).strip('\n"').rpartition("\n")[2]
        return PieceLost(
            f"{piece.label}: what its process was sent, or sent back, could not be read: {reason}",
            "what it needs has to be importable in another process, too; --jobs 1 does it in this one",
        )
    return PieceLost(
        f"{piece.label}: the process that did it was killed, twice",
        "it may have asked for more memory than there is: give fewer --jobs, or --jobs 1",
    )


def _worker() -> ProcessPoolExecutor:
    from loky import ProcessPoolExecutor

    if hasattr(signal, "pthread_sigmask"):
        _begin_trackers()
    return ProcessPoolExecutor(1, initializer=become_worker, initargs=(os.getpid(),), env=ONE_THREAD)


def _begin_trackers() -> None:
    """Begin the processes that free what ended ones held, Python's and loky's.

    With the first worker they would be begun otherwise, which then heard of a Ctrl-C: it is let through when they have
    begun. And they would warn on stderr of what is left to them when this process is ended at once.
    """
    from multiprocessing import resource_tracker

    from loky.backend import resource_tracker as of_loky

    sys.warnoptions.append("ignore")  # which they are given
    try:
        resource_tracker.ensure_running()
        of_loky.ensure_running()
    finally:
        sys.warnoptions.pop()


def usual_jobs() -> int:
    """The processes that this one may have: cores that affinity and the group's quota allow, and memory for each."""
    from loky import cpu_count

    return max(1, min(int(cpu_count()), free_memory() // WORKER_MEMORY))


def free_memory() -> int:
    """Bytes that new processes may take: those of the machine, or what the group's limit leaves of them."""
    free = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")] if hasattr(os, "sysconf") else []
    with suppress(OSError, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        most, used = (int((group / f"memory.{name}").read_text(encoding="ascii")) for name in ("max", "current"))
        free.append(most - used)
    return max(0, min(free, default=WORKER_MEMORY))


def become_worker(command: int) -> None:
    """Make a process a worker: Ctrl-C is the command's to answer, and stdout carries the command's answer alone.

    It ends with the command, also where that is killed, and was killed while the worker was still importing.

    Args:
        command: The command's process.
    """
    import threading
    import warnings

    gc.set_threshold(RARELY)  # until the first piece is done, see `_do_there`
    threading.Thread(target=_end_with, args=(command,), daemon=True).start()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _end_with(command: int) -> None:
    while os.getppid() == command:
        time.sleep(0.5)
    os._exit(1)


def do(work: Any, shared: Any) -> _Answer:
    """Do a piece in a worker: its result, or its error, and the notes that it made."""
    heard = Collected()
    try:
        return work(shared, heard), None, tuple(heard.notes)
    except Exception as error:  # noqa: BLE001 - the command tells it, where it knows whose it is
        return None, _portable(error), tuple(heard.notes)


def _do_there(work: Any, shared: Any) -> _Answer:
    """The same in a worker, which looks for garbage as usual after its first piece, but not in what it imported: to
    look through that takes a tenth of the time of imports, and 0.12 s at the end of each piece, where loky asks for it.
    """
    answer = do(work, shared)
    if gc.get_threshold()[0] == RARELY:
        gc.freeze()
        gc.set_threshold(*_USUALLY)
    return answer


def _portable(error: Exception) -> Exception:
    """An error that can be sent, with the traceback that would be lost with its process."""
    if not isinstance(error, StockcastError):
        error.add_note("In a worker:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever an error of a library holds
        return RuntimeError("".join(traceback.format_exception(error)))
    return error
