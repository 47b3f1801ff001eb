"""Sources: what on a command line is a path, which ticker it stands for, and its content as bytes or text."""

from __future__ import annotations

import os
import sys

from stockcast.errors import DataError
from stockcast.text import well_formed

STANDARD_INPUT = "-"

_SUFFIXES = (".csv", ".txt", ".tsv", ".parquet")
_GZIP_MAGIC = b"\x1f\x8b"
_OTHER_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
}


def looks_like_path(source: str) -> bool:
    """Whether `source` names a file: it has a path separator or a known suffix, or is `-`.

    Everything else is a ticker, also with dots and hyphens (`BRK-B`, `BF.B`, `^GSPC`), and whether a file of that
    name exists does not matter: the meaning of a command must not depend on the folder it is run in.
    """
    if source == STANDARD_INPUT or os.sep in source or (os.altsep is not None and os.altsep in source):
        return True
    return _without_gzip(source).lower().endswith(_SUFFIXES)


def ticker_of(source: str) -> str:
    """The ticker that a path stands for: its file name without known suffixes; `stdin` for standard input."""
    if source == STANDARD_INPUT:
        return "stdin"
    name = _without_gzip(os.path.basename(source))
    stem, suffix = os.path.splitext(name)
    return well_formed(stem if suffix.lower() in _SUFFIXES else name)


def label_of(source: str) -> str:
    """What messages call the source: its file name."""
    return "standard input" if source == STANDARD_INPUT else os.path.basename(source) or source


def content(source: str) -> bytes:
    """The bytes of `source`, gunzipped where they are gzipped, whatever the name says.

    Raises DataError: missing, a directory, not readable, or a damaged gzip file.
    """
    data = _standard_input() if source == STANDARD_INPUT else _file(source)
    return _gunzipped(data, label_of(source)) if data.startswith(_GZIP_MAGIC) else data


def text_of(data: bytes, label: str) -> str:
    """`data` as text: UTF-8 or UTF-16 with a byte order mark, UTF-8, or else Latin-1, with line feeds as line ends.

    Raises DataError where the bytes are no text, or there is none.
    """
    for magic, what in _OTHER_FORMATS.items():
        if data.startswith(magic):
            raise DataError(f"{label} is {what}, not CSV", "Save its prices as CSV and read that file.")
    text = _decoded(data, label)
    if not text.strip():
        raise DataError(f"{label} is empty", "Download the prices again.")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _without_gzip(name: str) -> str:
    return name[:-3] if name.lower().endswith(".gz") else name


def _standard_input() -> bytes:
    stream = sys.stdin
    if stream is None:
        raise DataError("there is no standard input to read from", "Name a file instead of '-'.")
    try:
        buffer = getattr(stream, "buffer", None)
        return bytes(buffer.read()) if buffer is not None else stream.read().encode("utf-8", "surrogateescape")
    except (OSError, ValueError) as error:
        raise DataError(f"standard input cannot be read: {error}", "Name a file instead of '-'.") from error


def _file(source: str) -> bytes:
    path = os.path.expanduser(source)
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError as error:
        raise DataError(
            f"no such file: {source}", "Check the path; a ticker such as AAPL is given without a suffix."
        ) from error
    except IsADirectoryError as error:
        raise DataError(f"{source} is a directory, not a price file", "Name a file in it.") from error
    except PermissionError as error:
        # Windows answers so for a directory, too.
        hint = "Name a file in it." if os.path.isdir(path) else "Check who owns the file, and its permissions."
        raise DataError(f"{source} cannot be read: permission denied", hint) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{source!r} cannot be read: {reason}", "Check the path.") from error


def _gunzipped(data: bytes, label: str) -> bytes:
    import gzip
    import zlib

    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{label} is a damaged gzip file: {error}", "Download it again.") from error


def _decoded(data: bytes, label: str) -> str:
    try:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        if _has_control_characters(data):
            raise _not_text(label) from None
    if "\0" in text:
        raise _not_text(label)
    return text


def _has_control_characters(data: bytes) -> bool:
    text_controls = b"\t\n\r\f\v\x1a"
    return any(bytes((code,)) in data for code in range(32) if code not in text_controls)


def _not_text(label: str) -> DataError:
    return DataError(f"{label} is not a price file: its bytes are not text", "Give CSV or Parquet.")
