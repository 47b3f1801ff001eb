"""Content: what on a command line is a path, and the bytes and the text of the file that it leads to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from io import BytesIO
from typing import Any

from stockcast.config.sources import names_a_file, without_ending
from stockcast.errors import DataError
from stockcast.limits import CELLS, COLUMNS, LINE, MIB, PRICES, ROWS, Unfit, file_bytes, size, stream_bytes
from stockcast.prices.csvfile.cells import FileText, too_large
from stockcast.text import well_formed

STANDARD_INPUT = "-"

PARQUET_MAGIC = b"PAR1"
_ZIP_MAGIC = b"PK\x03\x04"
_DELIMITERS = ",;\t|"
_HEADER_LINES = 20
_MEMORY = 256 * MIB
"""Of the dictionary that xz unpacks with."""

_OTHER_FORMATS = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"{\\rtf": "a document in rich text",
    b"ARROW1": "a Feather file",
    b"FEA1": "a Feather file",
    b"SQLite format 3\0": "a database",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "an array of NumPy",
    PARQUET_MAGIC: "a Parquet file",
    b"\x80\x04\x95": "a pickle of Python",
    b"\x80\x05\x95": "a pickle of Python",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"Rar!": "an archive of a kind that is not unpacked here",
    b"7z\xbc\xaf": "an archive of a kind that is not unpacked here",
    b"\x28\xb5\x2f\xfd": "a file packed in a way that is not unpacked here",
}


def looks_like_path(source: str) -> bool:
    """Whether `source` names a file: it has a path separator or ends as file names do, or is `-`.

    Everything else is a ticker, also with dots and hyphens (`BRK-B`, `BF.B`, `^GSPC`), and whether a file of that
    name exists does not matter: the meaning of a command must not depend on the folder it is run in.
    """
    if source == STANDARD_INPUT or os.sep in source or (os.altsep is not None and os.altsep in source):
        return True
    return names_a_file(source)


def path_ticker(source: str) -> str:
    """The ticker that a path stands for: its file name without known endings; `stdin` for standard input."""
    return "stdin" if source == STANDARD_INPUT else well_formed(without_ending(os.path.basename(source)))


def label_of(source: str) -> str:
    """What messages call the source: its file name."""
    return "standard input" if source == STANDARD_INPUT else os.path.basename(source) or source


@dataclass(frozen=True)
class Content:
    """The bytes of a file, unpacked. packing: how they were packed, in words; empty where they were not."""

    data: bytes
    packing: str = ""


def content(source: str) -> Content:
    """The bytes of `source`, unpacked where they are packed, whatever the name says: by gzip, xz, bzip2 or zip.

    Raises DataError: missing, no regular file, too large, not readable, damaged, or an archive of several files.
    """
    label = label_of(source)
    data = _standard_input() if source == STANDARD_INPUT else _file(source)
    packing = next((packing for packing in _PACKINGS if data.startswith(packing.magic)), None)
    if packing is not None:
        return Content(_unpacked(data, packing, label), packing.name)
    if data.startswith(_ZIP_MAGIC):
        from stockcast.prices.csvfile.formats import unzipped

        member = unzipped(data, label)
        return Content(data) if member is None else Content(member, "zip")
    return Content(data)


def file_text(content: Content, label: str, wanted: Sequence[str] = ()) -> FileText:
    """The content as delimited text, in whichever encoding it is; workbooks and JSON become such text.

    wanted: names that the user gave, which tell the encoding of a header that has them.

    Raises DataError where the bytes are no text or another format's, where there is none, and for more rows, cells
    or characters in a line than are read.
    """
    found = _text(content.data, label, wanted)
    return replace(found, form=f"{found.form} in {content.packing}") if content.packing else found


def _text(data: bytes, label: str, wanted: Sequence[str]) -> FileText:
    if data.startswith(_ZIP_MAGIC):
        from stockcast.prices.csvfile.formats import workbook_text

        return workbook_text(data, label)
    for magic, what in _OTHER_FORMATS.items():
        if data.startswith(magic):
            raise DataError(f"{label} is {what}, not CSV", "Save its prices as CSV and read that file.")
    text, encoding = _decoded(data, label, wanted)
    # A mark within is where files were put together; of a text of plain letters this costs nothing.
    text = text.replace("\ufeff", "").rstrip("\x1a")
    if not text or text.isspace():
        raise DataError(f"{label} is empty", "Download the prices again.")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.lstrip()[0] in "{[<":
        from stockcast.prices.csvfile.markup import markup_text

        made = markup_text(text, label, encoding)
        if made is not None:
            return made
    _require_within_limits(text, label)
    return FileText(text, encoding)


def _require_within_limits(text: str, label: str) -> None:
    if len(text) > COLUMNS:
        _require_columns(text, label)
    if len(text) <= LINE:
        return  # no line, and no number of rows or cells, can be beyond what is read
    start = 0
    while start + LINE < len(text):
        end = text.rfind("\n", start, start + LINE + 1)
        if end < 0:
            raise too_large(label, f"has a line of more than {LINE:,} characters")
        start = end + 1
    lines = text.count("\n")
    if lines > ROWS:
        raise too_large(label, f"has {lines:,} lines; up to {ROWS:,} are read")
    cells = lines + max(map(text.count, _DELIMITERS))
    if cells > CELLS:
        raise too_large(label, f"has {cells:,} cells; up to {CELLS:,} are read")


def _require_columns(text: str, label: str) -> None:
    """By the first lines: those below have no more cells, or are refused where they have."""
    start = 0
    for _ in range(_HEADER_LINES):
        end = text.find("\n", start, start + LINE)
        if end < 0:
            break
        columns = 1 + max(text.count(delimiter, start, end) for delimiter in _DELIMITERS)
        if columns > COLUMNS:
            raise too_large(label, f"has {columns:,} columns; up to {COLUMNS:,} are read")
        start = end + 1


def _standard_input() -> bytes:
    stream = sys.stdin
    if stream is None:
        raise DataError("there is no standard input to read from", "Name a file instead of '-'.")
    try:
        buffer = getattr(stream, "buffer", None)
        if buffer is None:
            buffer = BytesIO(stream.read().encode("utf-8", "surrogateescape"))
        return stream_bytes(buffer, PRICES)
    except Unfit as error:
        raise too_large(label_of(STANDARD_INPUT), f"is {error}, the most that is read") from error
    except (OSError, ValueError) as error:
        raise DataError(f"standard input cannot be read: {error}", "Name a file instead of '-'.") from error


def _file(source: str) -> bytes:
    try:
        return file_bytes(os.path.expanduser(source), PRICES)
    except FileNotFoundError as error:
        hint = "Check the path; a ticker such as AAPL is given without a suffix."
        hint = "Download it, and give the file." if "://" in source else hint
        raise DataError(f"no such file: {source}", hint) from error
    except IsADirectoryError as error:
        raise DataError(f"{source} is a directory, not a price file", "Name a file in it.") from error
    except PermissionError as error:
        hint = "Check who owns the file, and its permissions."
        raise DataError(f"{source} cannot be read: permission denied", hint) from error
    except Unfit as error:
        if "larger" in str(error):
            raise too_large(source, f"is {error}, the most that is read") from error
        hint = "Give - in its place, and send the prices to standard input." if "pipe" in str(error) else "Name a file."
        raise DataError(f"{source} is {error}", hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{source!r} cannot be read: {reason}", "Check the path.") from error


@dataclass(frozen=True)
class _Packing:
    """A way of packing a file. unpacker: of one part, of which several may follow each other; error: what it raises."""

    magic: bytes
    name: str
    unpacker: Callable[[], Any]
    error: Callable[[], type[Exception]]


def _gunzip() -> Any:
    return import_module("zlib").decompressobj(31)


def _unxz() -> Any:
    return import_module("lzma").LZMADecompressor(memlimit=_MEMORY)


_PACKINGS = (
    _Packing(b"\x1f\x8b", "gzip", _gunzip, lambda: import_module("zlib").error),
    _Packing(b"\xfd7zXZ\0", "xz", _unxz, lambda: import_module("lzma").LZMAError),
    _Packing(b"BZh", "bzip2", lambda: import_module("bz2").BZ2Decompressor(), lambda: OSError),
)


def _unpacked(data: bytes, packing: _Packing, label: str) -> bytes:
    parts: list[bytes] = []
    room = PRICES + 1
    try:
        while data:
            unpacker = packing.unpacker()
            parts.append(unpacker.decompress(data, room))
            room -= len(parts[-1])
            if room <= 0:
                raise too_large(label, f"is larger than {size(PRICES)} when it is unpacked, the most that is read")
            if not unpacker.eof:
                raise EOFError("it ends too early")
            data = unpacker.unused_data.lstrip(b"\0")
    except (OSError, EOFError, ValueError, packing.error()) as error:
        raise DataError(f"{label} is a damaged {packing.name} file: {error}", "Download it again.") from error
    return b"".join(parts)


def _decoded(data: bytes, label: str, wanted: Sequence[str]) -> tuple[str, str]:
    """The text and the name of its encoding."""
    if b"\0" not in data:
        with suppress(UnicodeDecodeError):
            return data.decode("utf-8-sig"), "UTF-8"
    from stockcast.prices.csvfile.encoding import decoded

    return decoded(data, label, wanted)
