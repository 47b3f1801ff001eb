"""Records what a process asks of the file system: a script that `tests.processes` runs in a process of its own.

    recorder.py RECORD ROOT WORDS...      the command line with these words
    recorder.py RECORD ROOT SCRIPT.py     another program

Every call below ROOT that changes it goes to the file RECORD, in order and once it has succeeded, and so does every
write to the standard streams: what was told by then. Python's calls are recorded in `os`, through which Python's own
implementation of files (`_pyio`) goes, too; SQLite's in the table of functions through which it reaches the system.

TORTURE_ROOM=BYTES lets the files below ROOT grow by so much, all of them together: then the disk is full.
"""

from __future__ import annotations

import _pyio
import _sqlite3
import builtins
import ctypes
import errno
import io
import os
import pickle
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Call(NamedTuple):
    """One call.

    Attributes:
        name: open, write, cut, sync, rename, unlink, mkdir, rmdir, link, told or ended.
        handle: Of the open file, a number that is never used again; 0 where the call is about a name.
        path: Relative to the root.
        to: The new name, relative to the root, of rename and link.
        at: Where a write begins, in bytes, or None: at the end of the file; the size that a cut leaves.
        data: What is written.
    """

    name: str
    handle: int = 0
    path: str = ""
    to: str = ""
    at: int | None = 0
    data: bytes = b""


def read_record(path: Path) -> Iterator[Call]:
    """The calls of a record, in order."""
    with path.open("rb") as file:
        while True:
            try:
                yield Call(*pickle.load(file))  # noqa: S301 - our own, of a moment ago
            except EOFError:
                return


def sees_sqlite() -> bool:
    """Whether this Python's SQLite can be recorded: some have it built in, without its names."""
    return hasattr(_sqlite3, "__file__") and hasattr(ctypes.CDLL(_sqlite3.__file__), "sqlite3_vfs_find")


class _Recorder:
    def __init__(self, record: Path, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._write, self._open = os.write, os.open
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        room = os.environ.get("TORTURE_ROOM")
        self._room = sys.maxsize if room is None else int(room)
        self._handles = 0
        self._files: dict[int, tuple[int, str, bool]] = {}  # by descriptor: handle, path, whether it appends

    def say(self, name: str, **about: Any) -> None:
        """Put a call on record."""
        self._write(self._record, pickle.dumps(tuple(Call(name, **about))))

    def path(self, path: Any, descriptor: int | None = None) -> str | None:
        """A path relative to the root; None for what lies elsewhere. descriptor: of the folder that it starts from."""
        if isinstance(path, int) or os.fsdecode(path).endswith("-shm"):  # which is memory
            return None
        text = os.fsdecode(path)
        if descriptor is not None and descriptor in self._files:
            text = os.path.join(self._root, self._files[descriptor][1], text)
        text = os.path.abspath(text)
        text = os.path.join(os.path.realpath(os.path.dirname(text)), os.path.basename(text))
        return os.path.relpath(text, self._root) if Path(text).is_relative_to(self._root) else None

    def fitting(self, size: int, at: int, count: int) -> int:
        """How many of so many bytes at a place of a file of that size there is room for; they take it."""
        fit = min(count, max(0, size + self._room - at))
        self._room -= max(0, at + fit - size)
        return fit

    def opened(self, path: str, cut: bool = False) -> int:
        """The handle of a file that was opened."""
        self._handles += 1
        self.say("open", handle=self._handles, path=path)
        if cut:
            self.say("cut", handle=self._handles)
        return self._handles

    def watch_python(self) -> None:
        """Wrap what changes files in `os`, and let files that are opened for writing go there."""
        close = os.close

        def opening(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            descriptor = self._open(path, flags, mode, dir_fd=dir_fd)
            place = self.path(path, dir_fd)
            if place is not None:
                handle = self.opened(place, cut=bool(flags & os.O_TRUNC))
                self._files[descriptor] = handle, place, bool(flags & os.O_APPEND)
            return descriptor

        def closing(descriptor: int) -> None:
            self._files.pop(descriptor, None)
            close(descriptor)

        def writing(descriptor: int, data: Any) -> int:
            handle, _, appends = self._files.get(descriptor, (0, "", False))
            at = None if appends or not handle else os.lseek(descriptor, 0, os.SEEK_CUR)
            if handle:
                size, wanted = os.fstat(descriptor).st_size, memoryview(data).cast("B")
                data = wanted[: self.fitting(size, size if at is None else at, len(wanted))]
                if wanted and not data:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            count = self._write(descriptor, data)
            if handle:
                self.say("write", handle=handle, at=at, data=bytes(data[:count]))
            elif descriptor in (1, 2):
                self.say("told", data=bytes(data))
            return count

        os.open, os.close, os.write = opening, closing, writing
        for name in ("fsync", "fdatasync"):
            self._wrap(name, lambda descriptor: self._about(descriptor, "sync"))
        self._wrap("ftruncate", lambda descriptor, size: self._about(descriptor, "cut", at=size))
        for name in ("rename", "replace", "link"):
            self._wrap(name, lambda old, new, name=name, **_: self._named(name.replace("replace", "rename"), old, new))
        for name in ("unlink", "remove", "mkdir", "rmdir"):
            self._wrap(
                name,
                lambda path, *_, name=name, dir_fd=None: self._named(
                    name.replace("remove", "unlink"), path, dir_fd=dir_fd
                ),
            )
        plain = io.open

        def in_python(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
            writes = set(mode) & set("wax+") and self.path(file) is not None
            return (_pyio.open if writes else plain)(file, mode, *more, **named)

        builtins.open = io.open = in_python  # type: ignore[assignment]
        sys.stdout = _pyio.open(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = _pyio.open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)

    def _wrap(self, name: str, record: Callable[..., None]) -> None:
        real = getattr(os, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            done = real(*arguments, **named)
            record(*arguments, **named)
            return done

        setattr(os, name, wrapped)

    def _about(self, descriptor: int, name: str, **more: Any) -> None:
        if descriptor in self._files:
            self.say(name, handle=self._files[descriptor][0], **more)

    def _named(self, name: str, path: Any, to: Any = None, dir_fd: int | None = None) -> None:
        place, target = self.path(path, dir_fd), None if to is None else self.path(to)
        assert to is None or (place is None) == (target is None), "a name went across the root"
        if place is not None:
            self.say(name, path=place, to=target or "")

    def watch_sqlite(self) -> None:
        """Put functions of our own into the table of SQLite's default file system, before it is used."""
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_FileSystem)
        system = library.sqlite3_vfs_find(None).contents
        open_really, delete_really = _OPEN(system.open), _DELETE(system.delete)
        tables: dict[int, _Table] = {}  # of functions, by the address of the open file: SQLite holds no reference

        def opening(vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
            code: int = open_really(vfs, name, file, flags, out)
            place = self.path(ctypes.string_at(name)) if name else None
            if code == 0 and place is not None:
                slot = ctypes.cast(file, ctypes.POINTER(ctypes.POINTER(_Table)))
                # The folder of a new log is synced when the log is, for the first time.
                folder = os.path.dirname(place) if flags & _CREATE and flags & _LOGS else None
                tables[file] = self._watched(slot[0].contents, self.opened(place), folder)
                slot[0] = ctypes.pointer(tables[file])
            return code

        def deleting(vfs: int, name: int, synced: int) -> int:
            code: int = delete_really(vfs, name, synced)
            place = self.path(ctypes.string_at(name))
            if code == 0 and place is not None:
                self.say("unlink", path=place)
                if synced:
                    self.say("sync", handle=self.opened(os.path.dirname(place)))
            return code

        self._kept = [_OPEN(opening), _DELETE(deleting), tables]
        system.open, system.delete = (ctypes.cast(it, ctypes.c_void_p) for it in self._kept[:2])

    def _watched(self, real: _Table, handle: int, folder: str | None) -> _Table:
        """The same table of functions, but for those that change a file."""
        table = _Table.from_buffer_copy(real)
        write_really, cut_really, sync_really = _WRITE(real.write), _CUT(real.truncate), _SYNC(real.sync)
        size_really, size = _SIZE(real.size), ctypes.c_int64()
        unsynced = [folder] if folder is not None else []

        def writing(file: int, data: int, count: int, at: int) -> int:
            size_really(file, ctypes.byref(size))
            fit = self.fitting(size.value, at, count)
            code: int = write_really(file, data, fit, at) if fit else 0
            if code == 0 and fit:
                self.say("write", handle=handle, at=at, data=ctypes.string_at(data, fit))
            return code or (0 if fit == count else _FULL)

        def cutting(file: int, size: int) -> int:
            code: int = cut_really(file, size)
            if code == 0:
                self.say("cut", handle=handle, at=size)
            return code

        def syncing(file: int, flags: int) -> int:
            code: int = sync_really(file, flags)
            if code == 0:
                self.say("sync", handle=handle)
                if unsynced:
                    self.say("sync", handle=self.opened(unsynced.pop()))
            return code

        table.kept = functions = _WRITE(writing), _CUT(cutting), _SYNC(syncing)
        table.write, table.truncate, table.sync = (ctypes.cast(it, ctypes.c_void_p) for it in functions)
        return table


# sqlite3.h
_FULL = 13  # SQLITE_FULL
_CREATE, _LOGS = 0x4, 0x800 | 0x4000 | 0x80000  # SQLITE_OPEN_CREATE; MAIN_JOURNAL, SUPER_JOURNAL and WAL
_INT, _LONG, _AT = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
_OPEN = ctypes.CFUNCTYPE(_INT, _AT, _AT, _AT, _INT, _AT)
_DELETE = ctypes.CFUNCTYPE(_INT, _AT, _AT, _INT)
_WRITE = ctypes.CFUNCTYPE(_INT, _AT, _AT, _INT, _LONG)
_CUT = ctypes.CFUNCTYPE(_INT, _AT, _LONG)
_SYNC = ctypes.CFUNCTYPE(_INT, _AT, _INT)
_SIZE = ctypes.CFUNCTYPE(_INT, _AT, ctypes.POINTER(_LONG))


class _FileSystem(ctypes.Structure):
    """The beginning of sqlite3_vfs."""

    _fields_ = [
        ("version", _INT), ("file_bytes", _INT), ("longest", _INT), ("next", _AT), ("name", _AT), ("data", _AT),
        ("open", _AT), ("delete", _AT),
    ]  # fmt: skip


class _Table(ctypes.Structure):
    """sqlite3_io_methods of version 3."""

    _fields_ = [
        ("version", _INT),
        *((name, _AT) for name in ("close", "read", "write", "truncate", "sync", "size")),
        ("rest", _AT * 12),
    ]  # fmt: skip
    kept: object


def _main() -> None:
    record, root, *words = sys.argv[1:]
    recorder = _Recorder(Path(record), Path(root))
    recorder.watch_python()
    recorder.watch_sqlite()
    try:
        if words[0].endswith(".py"):
            runpy.run_path(words[0], run_name="__main__")
        else:
            from stockcast.cli.app import main

            sys.argv = ["stockcast", *words]
            main()
    finally:
        sys.stdout.flush()
        recorder.say("ended")


if __name__ == "__main__":
    _main()
