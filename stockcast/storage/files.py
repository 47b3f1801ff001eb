"""Files: written whole or not at all, for the right eyes, and a reason the user can act on where that fails.

What lies under a home is for its user alone, 0600 and 0700 whatever the umask; files that the user names elsewhere have
the umask's mode.

A temporary file or folder is locked as long as its process lives: the system lets go of the lock however that dies. The
lock is taken just after it is made, and Windows has none: so none is swept before it is an hour old.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import chain, count, islice
from pathlib import Path

from stockcast.errors import LockedError, StorageError
from stockcast.storage.modes import close_home, tighten

if sys.platform != "win32":
    import fcntl

# File systems that cannot sync a folder, and folders that may be written but not opened, answer with these.
_UNSYNCABLE = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EBADF})

_HINTS: dict[int | None, str] = {
    errno.ENOSPC: "Free some space, or choose a path on another disk.",
    errno.EDQUOT: "Your quota is used up: free some space, or choose a path on another disk.",
    errno.EACCES: "Check who owns {folder} and {name} there, and their permissions.",
    errno.EPERM: "Check who owns {folder} and {name} there, and their permissions.",
    errno.EROFS: "The file system is read-only; choose a path on another one.",
    errno.ENOENT: "Create the folder {folder} first, or choose a path in one that exists.",
    errno.ENOTDIR: "A part of {folder} is a file; choose a path in a folder.",
    errno.EEXIST: "{folder} or a part of it is a file; choose a path in a folder.",
    errno.EFBIG: "Allow larger files (ulimit -f), or choose a path on a file system that does.",
    errno.EMFILE: "Allow the process more open files (ulimit -n).",
    errno.EBADF: "Nothing is open there; choose a path in a folder.",
    errno.EISDIR: "Give a file, not a folder.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ELOOP: "A link there leads back to itself: delete {name}, or choose another path.",
}

_TEMPORARY = re.compile(r"\.stockcast-[0-9a-f]{16}\.tmp")
_ABANDONED_AFTER = 3600.0  # s; a write takes seconds
_PIECE = 1 << 20  # bytes that are copied at a time
_MOST_ENTRIES = 5000  # looked at for leftovers: some milliseconds

_OPEN_DESCRIPTOR = re.compile(r"/dev/(?:stdout|stderr|fd/(\d{1,9}))|/proc/self/fd/(\d{1,9})")


def write_atomic(path: Path, data: bytes | str, private: bool = False) -> None:
    """Replace the content of a file: a reader sees the old content or the new, whole.

    The bytes go to a temporary file beside the target, are synced, and are renamed over it; whatever stops this,
    the target stays as it was and the temporary file goes. A symbolic link keeps its place. Devices, pipes and open
    descriptors such as /dev/stdout are written to directly.

    Args:
        path: The file.
        data: Its new content, text as UTF-8.
        private: Whether it is for this user alone (0600); otherwise an existing file keeps its mode.

    Raises:
        StorageError: With the reason where the system refuses.
    """
    # What a file's undecodable name left in a text has no bytes of its own in UTF-8.
    payload = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    try:
        descriptor = _open_descriptor(path)
        if descriptor is not None:
            _write_all(descriptor, payload)
            return
        target = Path(os.path.realpath(path))
        mode = _mode(target)
        if mode is not None and not stat.S_ISREG(mode):
            _write_through(target, payload)
        else:
            _replace(target, payload, 0o600 if private else mode)
    except (OSError, ValueError) as error:
        raise storage_error(path, error) from error


def save_files(files: Mapping[Path, str | bytes]) -> None:
    """Write each file, whole or not at all, in folders made for them.

    Raises:
        StorageError: At the first that fails.
    """
    for path, content in files.items():
        try:
            plain_folder(path.parent)
        except OSError as error:
            raise storage_error(path, error) from error
        write_atomic(path, content)


def write_synced(path: Path, payload: bytes, private: bool = True) -> None:
    """Create the file `path`, which must not exist, and return when its bytes are on the disk. Raises OSError."""
    os.close(_synced(path, payload, private))


def copy_synced(source: Path, target: Path) -> None:
    """Copy a file to a name that nothing has, for this user alone; return when its bytes are on the disk.

    Raises OSError.
    """
    descriptor = open_private(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0))
    try:
        with source.open("rb") as content:
            while piece := content.read(_PIECE):
                _write_all(descriptor, piece)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename_synced(path: Path, to: Path) -> None:
    """Rename a file, and return when that is on the disk. Raises OSError."""
    os.rename(path, to)
    for folder in dict.fromkeys((to.parent, path.parent)):
        sync_folder(folder)


def unused_name(folder: Path, name: str, now: datetime) -> Path:
    """The name with the time, which nothing in the folder has, for what is put aside there."""
    first = f"{name}.{now:%Y%m%dT%H%M%S}"
    names = chain([first], (f"{first}-{again}" for again in count(2)))
    return next(folder / one for one in names if not os.path.lexists(folder / one))


@contextmanager
def temporary_folder(place: Path | None = None) -> Iterator[Path]:
    """A folder for this user alone, in a place or where the system has such; at the end it goes with all that is in it.

    Raises OSError where it cannot be made.
    """
    place = place or Path(tempfile.gettempdir())
    sweep(place)
    folder = place / _temporary_name()
    folder.mkdir(0o700)
    descriptor = None
    try:
        if os.name != "nt":  # opens no folder
            descriptor = os.open(folder, os.O_RDONLY)
            _hold(descriptor)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def sweep(*folders: Path) -> None:
    """Take away the temporary files and folders that this user's processes left there when they were killed.

    They are an hour old, and no living process holds them. What cannot be removed, and what lies behind thousands of
    other entries, stays.
    """
    for entry in islice(chain.from_iterable(map(_entries, folders)), _MOST_ENTRIES):
        if _TEMPORARY.fullmatch(entry.name):
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if _is_own(found) and time.time() - found.st_mtime > _ABANDONED_AFTER:
                    _remove_unheld(entry.path, found)


def is_own(path: str | Path) -> bool:
    """Whether what is at a path, be it a link, belongs to this user."""
    try:
        return _is_own(os.lstat(path))
    except OSError:
        return False


@contextmanager
def file_lock(path: Path, wait: float, busy: LockedError) -> Iterator[None]:
    """Hold the lock of a file while inside. The system releases it when its holder dies, however it dies.

    Args:
        path: The file, which is created.
        wait: Seconds to wait for another holder.
        busy: What is raised after them.

    Raises:
        LockedError: `busy`.
        OSError: Where the file cannot be opened.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=wait)
    except Timeout as error:
        raise busy from error
    try:
        yield
    finally:
        lock.release()


def open_private(path: str | Path, flags: int) -> int:
    """As `os.open`, for this user alone; an `opener` of Python's `open`. Raises OSError."""
    descriptor = os.open(path, flags, 0o600)
    if os.name != "nt":
        with suppress(OSError):  # another user's file that may be written: the check-up tells of it
            if stat.S_ISREG(os.fstat(descriptor).st_mode):  # a link may lead to a device, which is everybody's
                os.fchmod(descriptor, 0o600)
    return descriptor


def private_home(home: Path) -> None:
    """Create the folder `home` for this user alone; take one that is there, and what stockcast put there, from others.

    A folder that holds anything else, or nothing yet, is a place that the user chose: its own mode stays. Raises
    OSError where it cannot be made.
    """
    if not _made(home):
        close_home(home)


def private_folder(folder: Path, ours: bool = True, synced: bool = True) -> None:
    """Create a folder for this user alone.

    Args:
        folder: The folder; parents that are missing are made, too.
        ours: Whether one that is there is taken from others, with all that is in it.
        synced: Whether the name of a new one is on the disk on return.

    Raises:
        OSError: Where it cannot be made.
    """
    if not _made(folder, synced=synced) and ours:
        tighten(folder)


def plain_folder(folder: Path) -> None:
    """Create a folder, and parents that are missing, with the umask's modes. Raises OSError."""
    _made(folder, private=False)


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path leads into a folder, links followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def sync_folder(folder: Path) -> None:
    """Return when the names in `folder` are on the disk, where the file system can promise that. Raises OSError."""
    if os.name == "nt":  # a folder cannot be opened there, and a rename is durable without it
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _UNSYNCABLE:
            raise


def storage_error(path: Path, error: OSError | ValueError, action: str = "write") -> StorageError:
    """`error` as what the user is told: the path, the reason, and what to do about it."""
    if not isinstance(error, OSError):
        return StorageError(f"cannot {action} {str(path)!r}: {error}", "Choose another path.")
    reason = error.strerror or str(error) or type(error).__name__
    return StorageError(f"cannot {action} {path}: {reason}", _hint(path, error.errno))


def _hint(path: Path, code: int | None) -> str:
    return _HINTS.get(code, "Check {folder}, and the disk that it is on.").format(folder=path.parent, name=path.name)


def _open_descriptor(path: Path) -> int | None:
    """The descriptor that a name such as /dev/stdout stands for.

    Redirected to a file it is a link to that file; replacing that one would leave the shell's descriptor, and all
    that is printed later, in a file without a name.
    """
    named = _OPEN_DESCRIPTOR.fullmatch(str(path))
    if named is None or os.name == "nt":
        return None
    if path.name in ("stdout", "stderr"):
        stream = sys.stdout if path.name == "stdout" else sys.stderr
        if stream is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        stream.flush()
        return 1 if path.name == "stdout" else 2
    return int(named[1] or named[2])


def _mode(path: Path) -> int | None:
    """Type and permissions of what is at `path`; None where nothing is."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _write_through(path: Path, payload: bytes) -> None:
    """Write to a device or a pipe; a folder refuses by itself."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        _write_all(descriptor, payload)
    finally:
        os.close(descriptor)


def _made(folder: Path, private: bool = True, synced: bool = True) -> bool:
    """Create a folder and the parents that it lacks, for this user alone or not; whether there was anything to create.

    A name in a folder is on the disk once that folder is synced: without it a loss of power takes what is in there.
    """
    missing: list[Path] = []
    for place in (folder, *folder.parents):
        if place.is_dir() or (missing and place.exists()):
            break
        missing.append(place)
    for place in reversed(missing):
        place.mkdir(0o700 if private else 0o777, exist_ok=True)
        if private:
            os.chmod(place, 0o700)  # the umask may have taken more
        if synced:
            sync_folder(place.parent)
    return bool(missing)


def _replace(target: Path, payload: bytes, mode: int | None) -> None:
    sweep(target.parent)
    temporary = target.with_name(_temporary_name())
    descriptor = None
    try:
        descriptor = _synced(temporary, payload, private=mode is not None)
        if os.name == "nt":  # no file that is open can be renamed there
            os.close(descriptor)
            descriptor = None
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    finally:
        if descriptor is not None:
            os.close(descriptor)
    sync_folder(target.parent)


def _synced(path: Path, payload: bytes, private: bool) -> int:
    """Create a file; returns its descriptor, held, when its bytes are on the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = open_private(path, flags) if private else os.open(path, flags, 0o666)
    try:
        _hold(descriptor)
        _write_all(descriptor, payload)
        os.fsync(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _temporary_name() -> str:
    # Not made of the target's, whose length may leave no room for more.
    return f".stockcast-{secrets.token_hex(8)}.tmp"


def _hold(descriptor: int) -> None:
    """Mark what is open as a living process's, until it is closed or the process dies."""
    if sys.platform != "win32":
        with suppress(OSError):  # a file system without locks: nothing is swept there
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError, ValueError), os.scandir(folder) as found:
        yield from found


def _is_own(found: os.stat_result) -> bool:
    return os.name == "nt" or found.st_uid == os.geteuid()


def _remove_unheld(path: str, found: os.stat_result) -> None:
    """Raises OSError where somebody holds it. Windows removes no file that is open, and opens no folder."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        if sys.platform != "win32":
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
    if stat.S_ISDIR(found.st_mode):
        shutil.rmtree(path, ignore_errors=True)
    else:
        os.unlink(path)


def _write_all(descriptor: int, payload: bytes) -> None:
    rest = memoryview(payload)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
