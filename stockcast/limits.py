"""Limits: how large what is read may be, the bytes of a file within its limit, and the memory that there is.

All that is read is held in memory, and a file may come from anywhere. Within these limits a file of prices takes less
than 1 GiB; what is larger is refused before it is read.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

MIB, GIB = 1 << 20, 1 << 30

PRICES = 64 * MIB
"""Bytes of a file of prices or known dates, on the disk and unpacked; of standard input, too."""
JSON = 32 * MIB
"""Bytes of JSON, whose objects take more memory than its text."""
CELLS = 5_000_000
"""Cells of a table: rows times columns."""
ROWS = 1_048_576
"""Rows of a table, as many as a spreadsheet has."""
COLUMNS = 16_384
"""Columns of a table, as many as a spreadsheet has."""
CELL = 1024
"""Characters of a text in Parquet; what is longer is cut there."""
LINE = MIB
"""Characters of a line."""
TEXT = MIB
"""Bytes of a watch list or a configuration."""
MANIFEST = 64 * MIB
"""Bytes of a model's description."""
WEIGHTS = 1024 * MIB
"""Bytes of a model's weights."""
_PIECE = 16 * MIB  # bytes that are asked for at once

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class Unfit(ValueError):  # noqa: N818 - the name says what happened
    """A file that is not read: too large, or no file at all. The text says which, and reads on after "it is"."""


_CONTAINER = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_UNKNOWN = 8 * GIB


def memory() -> int:
    """Bytes of memory that this process may use: those of the machine, or of the container that it is in.

    8 GiB where the system does not say (Windows).
    """
    found = [_UNKNOWN]
    with suppress(AttributeError, ValueError, OSError):
        found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in _CONTAINER:
        with suppress(ValueError, OSError):  # "max" is no number: there is no limit
            found.append(int(Path(path).read_text(encoding="ascii")))
    return min(found)


def size(most: int) -> str:
    """A limit in bytes, in words."""
    return f"{most // MIB:,} MiB"


def file_bytes(path: str | Path, most: int) -> bytes:
    """The bytes of a regular file.

    Args:
        path: The file; what a link leads to.
        most: Bytes that it may have.

    Raises:
        Unfit: For a pipe, a device or a socket, which are not even opened, and for more bytes.
        OSError: As `open` does; IsADirectoryError for a folder on every system.
        ValueError: For a path that no system takes.
    """
    require_file(path, most)
    with open(path, "rb") as stream:
        return stream_bytes(stream, most)


def require_file(path: str | Path, most: int) -> None:
    """Look at a file before it is opened; arguments and errors as of `file_bytes`."""
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise Unfit(f"{_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a file")
    if found.st_size > most:
        raise Unfit(f"larger than {size(most)}")


def stream_bytes(stream: BinaryIO, most: int) -> bytes:
    """The bytes that are left in a stream. Raises Unfit for more than `most`, of which no more are taken in."""
    pieces, left = [], most + 1
    # Python makes room for all that is asked for, be the stream ever so short.
    while left and (piece := stream.read(min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    if not left:
        raise Unfit(f"larger than {size(most)}")
    return b"".join(pieces)
