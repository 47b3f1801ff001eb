"""Modes: what stockcast put into a home is for its user alone.

Windows has no such modes, and there the folder of a user's data is the user's own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_OURS = frozenset(
    {"models", "backtests", "studies", "logs", "cache", "damaged", "run.lock", "stockcast.db"}
    | {f"stockcast.db-{more}" for more in ("wal", "shm", "journal")}
)
"""What stockcast puts into a home. cache: columns of a large pool while it is trained, files of earlier versions."""

_OTHERS = 0o077


def close_home(home: Path) -> None:
    """Take what stockcast put into a home from others, and the home with it unless it holds anything else, or nothing.

    A folder that is not stockcast's alone is a place that the user chose: its own mode stays.
    """
    if os.name == "nt":
        return
    with suppress(OSError):
        names = set(os.listdir(home))
        for name in sorted(names & _OURS):
            tighten(home / name)
        if names & _OURS and names <= _OURS | {"stockcast.toml"}:
            os.chmod(home, _mode_for_owner(os.stat(home)))


def tighten(path: Path) -> None:
    """Take what is at the path from others, a folder after all that is in it: below a private one nothing is open."""
    with suppress(OSError):  # another user's, or gone meanwhile
        found = os.lstat(path)
        if os.name == "nt" or not found.st_mode & _OTHERS:
            return
        if stat.S_ISDIR(found.st_mode):
            for name in os.listdir(path):
                tighten(path / name)
        elif not stat.S_ISREG(found.st_mode):
            return
        os.chmod(path, _mode_for_owner(found))


def mend_modes(home: Path) -> list[Path]:
    """Take the right to write in a home from other users, and give this one the rights to its own store and models.

    What belongs to somebody else, and what a link leads to, stays as it is.

    Returns:
        What has another mode now.
    """
    return [] if os.name == "nt" else list(_mended(home, ours=True))


def _mended(path: Path, ours: bool, at_home: bool = True) -> Iterator[Path]:
    with suppress(OSError):
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return
        own = 0 if not ours else 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
        mode = stat.S_IMODE(found.st_mode)
        wanted = (mode | own) & ~(stat.S_IWGRP | stat.S_IWOTH)
        if mode != wanted and found.st_uid == os.geteuid():
            os.chmod(path, wanted)
            yield path
        if stat.S_ISDIR(found.st_mode):
            for name in sorted(os.listdir(path)):
                yield from _mended(path / name, name in _OURS if at_home else ours, at_home=False)


def _mode_for_owner(found: os.stat_result) -> int:
    return stat.S_IMODE(found.st_mode) & ~_OTHERS
