"""Panel files: the prices and columns of a pool that is too large for the memory, in a home's cache while it trains.

Each file has a folder of its own, `HOME/cache/panel-...`, whose maker holds the lock in it. It goes when nobody needs
it any more; one that was left by a process that was killed, whose lock nobody holds, goes with the next command.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import LockedError
from stockcast.prices.history import History
from stockcast.storage.files import file_lock, is_own, open_private, private_folder, storage_error

if TYPE_CHECKING:
    from stockcast.models.problem import Read, Table

_WAIT = 60.0
_PREFIX, _LOCK = "panel-", "lock"


@dataclass(frozen=True)
class PanelFiles:
    """Files in a folder of that home."""

    home: Path

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.home / "cache"

    @contextmanager
    def store(self, pieces: Iterator[Table], shape: tuple[int, int]) -> Iterator[Read]:
        """A `Store` (see `models.problem`) whose table is a file, mapped into the memory whenever it is read.

        It is written as files are, not through the mapping: where the disk is full, the first says so, and the other
        ends the process.

        Raises:
            StorageError: It cannot be written.
        """
        with _own_folder(self.folder) as folder:
            path = folder / "columns.f32"
            try:
                _write(path, pieces, 4 * shape[0] * shape[1])
            except OSError as error:
                raise storage_error(path, error) from error
            yield partial(_mapped, path, shape)


class HistoryFile(Sequence[History]):
    """Histories whose bars are in a file, each read anew whenever it is asked for.

    The file goes when nobody refers to the sequence any more, at the end of the process at the latest.
    """

    def __init__(self, files: PanelFiles) -> None:
        """An empty one. Raises StorageError where the folder cannot be made."""
        stack = ExitStack()
        self._path = stack.enter_context(_own_folder(files.folder)) / "bars"
        self._size = 0
        self._entries: list[tuple[History, int, int]] = []
        weakref.finalize(self, stack.close)

    def append(self, history: History) -> History:
        """Write one more; returns what is left of it in memory. Raises StorageError where it cannot be written."""
        arrays = _arrays(history)
        data = b"".join(array.tobytes() for array in arrays.values())
        try:
            with open(self._path, "ab", opener=open_private) as file:
                file.write(data)
        except OSError as error:
            raise storage_error(self._path, error) from error
        nothing: dict[str, Any] = {name: array[:0].copy() for name, array in arrays.items()}
        bare = replace(history, **nothing)
        self._entries.append((bare, len(history), self._size))
        self._size += len(data)
        return bare

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, place: Any) -> Any:
        bare, sessions, start = self._entries[place]
        with open(self._path, "rb") as file:
            file.seek(start)
            arrays = {name: np.fromfile(file, array.dtype, sessions) for name, array in _arrays(bare).items()}
        return replace(bare, **arrays)


def _arrays(history: History) -> dict[str, NDArray[Any]]:
    return {name: value for name, value in vars(history).items() if isinstance(value, np.ndarray)}


def _write(path: Path, pieces: Iterator[Table], size: int) -> None:
    # Hours of work would fill a disk to the brim before they fail.
    if shutil.disk_usage(path.parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with open(path, "xb", opener=open_private) as file:
        for piece in pieces:
            file.write(np.ascontiguousarray(piece).data)


def _mapped(path: Path, shape: tuple[int, int]) -> Table:
    # Writeable only because torch warns of tensors over read-only memory.
    return np.memmap(path, np.float32, "r+", shape=shape)


@contextmanager
def _own_folder(cache: Path) -> Iterator[Path]:
    """A new folder whose lock is held as long as it is there, after those of dead processes were taken away."""
    busy = LockedError(f"another process holds {cache / _LOCK}", "try again when it has ended")
    with ExitStack() as stack:
        try:
            private_folder(cache)
            # None is swept between its making and its locking.
            with file_lock(cache / _LOCK, _WAIT, busy):
                _sweep(cache)
                folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=cache))
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
                stack.enter_context(file_lock(folder / _LOCK, _WAIT, busy))
        except OSError as error:
            raise storage_error(cache, error) from error
        yield folder


def sweep_panels(cache: Path) -> None:
    """Take away the folders that this user's processes left in a cache when they were killed."""
    if any(cache.glob(f"{_PREFIX}*")):
        with suppress(LockedError, OSError), file_lock(cache / _LOCK, 0.0, LockedError("one is being made")):
            _sweep(cache)


def _sweep(cache: Path) -> None:
    for folder in filter(is_own, cache.glob(f"{_PREFIX}*")):
        with suppress(LockedError, OSError):
            with file_lock(folder / _LOCK, 0.0, LockedError("its owner is alive")):
                pass
            shutil.rmtree(folder, ignore_errors=True)
