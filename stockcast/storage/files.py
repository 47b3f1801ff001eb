"""Files: written whole or not at all, and a reason the user can act on where that fails."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path

from stockcast.errors import StorageError

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
    errno.EISDIR: "Give a file, not a folder.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}

_OPEN_DESCRIPTOR = re.compile(r"/dev/(?:stdout|stderr|fd/(\d{1,9}))|/proc/self/fd/(\d{1,9})")


def write_atomic(path: Path, data: bytes | str) -> None:
    """Replace the content of `path` by `data` (text as UTF-8): a reader sees the old content or the new, whole.

    The bytes go to a temporary file beside the target, are synced, and are renamed over it; whatever stops this,
    the target stays as it was and the temporary file goes. An existing target keeps its mode, a symbolic link its
    place. Devices, pipes and open descriptors such as /dev/stdout are written to directly.

    Raises StorageError with the reason where the system refuses.
    """
    payload = data.encode("utf-8") if isinstance(data, str) else data
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
            _replace(target, payload, mode)
    except (OSError, ValueError) as error:
        raise storage_error(path, error) from error


def write_synced(path: Path, payload: bytes) -> None:
    """Create the file `path`, which must not exist, and return when its bytes are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        _write_all(descriptor, payload)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
    return _HINTS.get(code, "").format(folder=path.parent, name=path.name)


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


def _replace(target: Path, payload: bytes, mode: int | None) -> None:
    # Not named after the target: a name of the longest allowed length leaves no room for more.
    temporary = target.with_name(f".stockcast-{secrets.token_hex(8)}.tmp")
    try:
        write_synced(temporary, payload)
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(target.parent)


def _write_all(descriptor: int, payload: bytes) -> None:
    rest = memoryview(payload)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
