"""Outputs: what stockcast writes for readers: after the ledger, a line a forecast; tables of test forecasts; a log.

The ledger is the truth and its ids ascend, so the last whole line of a file says what it still lacks: what a run that
was killed did not write, the next one does. A line counts when its line feed is written; what follows the last line
feed was torn off by a full disk or a dying machine, and the next writer cuts it. A machine that loses power may leave
zeros in the place of bytes, with later ones behind them: what follows a zero goes, too. One writer at a time: the
caller holds the lock of the run. Readers need none.
"""

from __future__ import annotations

import csv
import errno
import json
import os
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from stockcast.config import now
from stockcast.config.runs import OutputConfig
from stockcast.errors import StorageError
from stockcast.forecasting import LEVELS
from stockcast.forecasts import Forecast
from stockcast.limits import JSON, file_bytes
from stockcast.progress import Progress
from stockcast.storage.database import Database
from stockcast.storage.files import (
    is_within,
    open_private,
    plain_folder,
    private_folder,
    rename_synced,
    storage_error,
    sync_folder,
    unused_name,
    write_atomic,
)
from stockcast.storage.ledger import reading
from stockcast.text import csv_table, flat, inert, printable

Document = Mapping[str, Any]  # JSON: texts, finite numbers, booleans, None, lists and mappings of these
Documents = Sequence[tuple[int, Document]]  # with their ids in the ledger, strictly ascending


LOG = "run.log"
LARGEST_LOG = 1_000_000  # bytes of one file
LOG_BACKUPS = 5  # files kept besides the newest: run.log.1 is the youngest of them

_BATCH = 1000  # forecasts read at a time from the ledger
_BLOCK = (
    1 << 20
)  # bytes written at a time and then synced, so that zeros stand in no more than these; and read at a time
_LONGEST = 1 << 24  # bytes; no line of ours is as long
_JSON_BEGIN, _CSV_BEGIN = b'{"id": ', b"id,"
_MOVE = "Move it away, and the next run writes the whole record to a new one; or name another file."


def follow_ledger(db: Database, config: OutputConfig, tickers: Collection[str], progress: Progress) -> tuple[str, ...]:
    """Bring the files up to the ledger; returns those that changed. Raises StorageError.

    Files within the home are for this user alone; others have the umask's modes.
    """
    changed = []
    private = is_within(config.folder, db.path.parent)
    for path, append in ((config.jsonl_path, append_jsonl), (config.csv_path, _append_csv)):
        if path is not None and _follow(db, path, append, private, progress):
            changed.append(str(path))
    if config.latest_path is not None and _write_latest(db, config.latest_path, tickers, private):
        changed.append(str(config.latest_path))
    return tuple(changed)


def put_aside_foreign(config: OutputConfig, now: datetime) -> list[str]:
    """Rename the files that cannot follow the ledger any more; the next run writes the whole record to new ones.

    Returns:
        What was done, a line each.

    Raises:
        StorageError: Where one cannot be read or renamed.
    """
    done = []
    for path in filter(None, (config.jsonl_path, config.csv_path)):
        try:
            tail = _tail(path)
            _id_of(path, tail)
            if tail.size and path == config.csv_path:
                _require_columns(path, _header(path), [*map(inert, _forecast_columns())])
            elif not tail.size:
                _require_begin(path, tail, b"id," if path == config.csv_path else _JSON_BEGIN)
        except ForeignFileError:
            aside = unused_name(path.parent, path.name, now)
            try:
                rename_synced(path, aside)
            except OSError as error:
                raise storage_error(path, error, "rename") from error
            done.append(f"{path} could not be continued: it is now {aside}, and the next run writes the whole record")
    return done


def _follow(
    db: Database, path: Path, append: Callable[[Path, Documents, bool], int], private: bool, progress: Progress
) -> int:
    """Append what the ledger has after the file's last line; returns how many lines that is."""
    last, newest = last_written_id(path), reading.last_id(db)
    if last > newest:
        progress.note(
            f"nothing is written to {path}: it holds forecast {last} and the ledger ends with {newest}, so it is of "
            "another ledger; move it away, and the next run writes the whole record"
        )
        return 0
    total = 0
    while found := reading.documents_after(db, last, limit=_BATCH):
        total += append(path, found, private)
        last = found[-1][0]
    return total


def _append_csv(path: Path, documents: Documents, private: bool) -> int:
    return append_csv(path, documents, _forecast_columns(), private)


def _forecast_columns() -> list[str]:
    """The columns of a forecast: fixed, so that rows of many months fit under one header. The event and
    the policy have none.
    """
    columns = []
    for field in fields(Forecast):
        if field.name in {"event", "policy"}:
            continue
        if field.name == "quantiles":
            columns += [f"q{level:g}" for level in LEVELS]
        else:
            columns.append("calibration_factor" if field.name == "calibration" else field.name)
    return columns


def _write_latest(db: Database, path: Path, tickers: Collection[str], private: bool) -> bool:
    """Replace the file of the latest forecasts of these tickers where it would change."""
    document = {"schema": "stockcast.latest/1", "data": [f for f in reading.latest(db) if f["ticker"] in tickers]}
    try:
        if json.loads(file_bytes(path, JSON)) == document:
            return False
    except (OSError, ValueError, RecursionError):
        pass  # missing, or none of ours, or not whole: it is written anew
    write_latest(path, document, private)
    return True


@dataclass(frozen=True)
class _Tail:
    """The end of a file.

    size: bytes up to and with the last line feed before any zero. torn: what follows it. line: the last line before it
    that is not blank. exists: whether there is a file.
    """

    exists: bool = False
    size: int = 0
    line: bytes = b""
    torn: bytes = b""


def last_written_id(path: Path) -> int:
    """The id of the last whole line of a file of JSON lines or CSV; 0 where there is none or no file.

    Reads the end of the file alone and changes nothing. Raises StorageError where that end is not of this module's
    making, or cannot be read.
    """
    return _id_of(path, _tail(path))


def append_jsonl(path: Path, documents: Documents, private: bool = False) -> int:
    """Append each document as one line of JSON, its ledger id first.

    The folder is created, a torn end is cut. The lines are synced; where the disk refuses, the file is as long as
    before.

    Args:
        path: The file.
        documents: What is to stand in it; what it has already is passed over.
        private: Whether file and folder are for this user alone; otherwise their modes are the umask's.

    Returns:
        How many were appended.

    Raises:
        StorageError: Where it cannot be written or is another kind of file.
        ValueError: For documents that are not JSON, and for ids out of order.

    """
    tail = _tail(path)
    fresh = _fresh(path, tail, documents)
    if not tail.size:
        _require_begin(path, tail, _JSON_BEGIN)
    lines = [json.dumps({"id": id_, **_without_id(document)}, allow_nan=False) for id_, document in fresh]
    _append(path, tail, "".join(f"{line}\n" for line in lines), private)
    return len(fresh)


def append_csv(path: Path, documents: Documents, columns: Sequence[str] | None = None, private: bool = False) -> int:
    """Append each document as one row of CSV (RFC 4180, CR LF), its ledger id first; returns how many were appended.

    As `append_jsonl`, but flattened: `stockcast.text.flat` says how nested members are named. columns: the flat
    names to keep, in that order, besides the id; None: all that these documents have. A new file gets them as its
    header; later the header that is there decides. A document without a column has an empty cell. Line breaks within
    a cell become spaces, so that a row is a line.

    Raises StorageError, besides, where the file's header lacks one of the columns.
    """
    tail = _tail(path)
    fresh = _fresh(path, tail, documents)
    rows = [{"id": id_, **_cells(document)} for id_, document in fresh]
    names = (
        list(dict.fromkeys(name for row in rows for name in row)) if columns is None else ["id", *map(inert, columns)]
    )
    if tail.size:
        header = _header(path)
        _require_columns(path, header, names)
        _append(path, tail, csv_table(header, rows, headed=False), private)
    else:
        _require_begin(path, tail, _CSV_BEGIN)
        _append(path, tail, csv_table(names, rows) if rows else "", private)
    return len(fresh)


def write_latest(path: Path, document: Document | Sequence[Document], private: bool = False) -> None:
    """Replace `path` by the document as indented JSON, whole or not at all. The folder is created; private: see above.

    Raises StorageError where the system refuses, ValueError for what is not JSON.
    """
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    try:
        _make_folder(path.parent, private)
    except OSError as error:
        raise storage_error(path, error) from error
    write_atomic(path, text, private)


def _make_folder(folder: Path, private: bool) -> None:
    if private:
        private_folder(folder, ours=False)
    else:
        plain_folder(folder)


def _fresh(path: Path, tail: _Tail, documents: Documents) -> list[tuple[int, Document]]:
    """The documents that the file lacks."""
    ids = [id_ for id_, _ in documents]
    if any(later <= earlier for earlier, later in zip([0, *ids], ids, strict=False)):
        raise ValueError(f"ids of the ledger must ascend from 1, found {ids[:20]}")
    known = _id_of(path, tail)
    return [(id_, document) for id_, document in documents if id_ > known]


def _id_of(path: Path, tail: _Tail) -> int:
    if not tail.line:
        return 0
    line = tail.line.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        found = json.loads(line)["id"] if line.startswith("{") else next(csv.reader([line]))[0]
        if found == "id":
            return 0
        if isinstance(found, bool) or not isinstance(found, int | str):
            raise TypeError(found)
        return int(found)
    except (ValueError, TypeError, LookupError, RecursionError, csv.Error, StopIteration) as error:
        raise _foreign(path, f"its last line has no id: {line[:60]!r}") from error


def _tail(path: Path) -> _Tail:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise StorageError(f"cannot append to {path}: it is no regular file", "Name another file.")
        with path.open("rb") as file:
            return _tail_of(path, file)
    except FileNotFoundError:
        return _Tail()
    except (OSError, ValueError) as error:
        raise storage_error(path, error, "read") from error


def _tail_of(path: Path, file: BinaryIO) -> _Tail:
    # In a file of ours no zero was ever written; one of another kind is refused, not cut.
    zero = b"\0" if file.read(len(_JSON_BEGIN)).startswith((_JSON_BEGIN, _CSV_BEGIN, bytes(2))) else None
    start = file.seek(0, os.SEEK_END)
    block = written = b""
    while start > 0:
        if len(block) > _LONGEST:
            raise _foreign(path, f"its last line is longer than {_LONGEST:,} bytes")
        step = min(start, max(_BLOCK, len(block)))
        start -= step
        file.seek(start)
        block = file.read(step) + block
        written = block if zero is None else block.partition(zero)[0]
        if b"\n" in written.rpartition(b"\n")[0].rstrip():
            break
    whole, feed, _ = written.rpartition(b"\n")
    size = start + len(whole) + 1 if feed else 0
    return _Tail(True, size, whole.rstrip().rpartition(b"\n")[2], block[size - start :])


def _require_begin(path: Path, tail: _Tail, begin: bytes) -> None:
    """A file without a whole line is cut to nothing: only where the piece in it can be one of ours."""
    piece = tail.torn.partition(bytes(2))[0].rstrip(b"\0")  # of what a machine that lost power leaves
    if not (piece.startswith(begin) or begin.startswith(piece)):
        raise _foreign(path, f"it begins with {piece[:40].decode('utf-8', 'replace')!r}")


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            names = next(csv.reader([file.readline(_LONGEST)]), [])
    except (OSError, csv.Error) as error:
        raise _foreign(path, str(error)) from error
    if names[:1] != ["id"] or len(set(names)) < len(names):
        raise _foreign(path, f"its header is {','.join(names)[:60]!r}")
    return names


def _require_columns(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    known = set(header)
    new = [name for name in columns if name not in known]
    if new:
        message = f"cannot append to {path}: its header has no column {', '.join(new[:5])}"
        raise ForeignFileError(message, "It may be of another version. " + _MOVE)


def _cells(document: Document) -> dict[str, Any]:
    """The flat document, as CSV can carry it: no line breaks, no Python words."""
    return {inert(name): _cell(value) for name, value in flat(_without_id(document)).items()}


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise ValueError(f"{value} is no number of JSON")
    return " ".join(value.splitlines()) if isinstance(value, str) else value


def _without_id(document: Document) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "id"}


def _append(path: Path, tail: _Tail, text: str, private: bool) -> None:
    """Cut what is torn, then append the text, or nothing of it."""
    if not text and not tail.torn:
        return
    payload = text.encode("utf-8", "backslashreplace")
    try:
        _make_folder(path.parent, private)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        descriptor = open_private(path, flags) if private else os.open(path, flags, 0o666)
        try:
            if tail.torn:
                os.ftruncate(descriptor, tail.size)
                os.fsync(descriptor)  # else bytes that were cut may come back behind those that are written now
            _write(descriptor, payload, tail.size)
        finally:
            os.close(descriptor)
        if not tail.exists:
            sync_folder(path.parent)
    except (OSError, ValueError) as error:
        raise storage_error(path, error, "append to") from error


def _write(descriptor: int, payload: bytes, size: int) -> None:
    try:
        for start in range(0, len(payload), _BLOCK):
            piece = payload[start : start + _BLOCK]
            if os.write(descriptor, piece) < len(piece):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
    except OSError:
        with suppress(OSError):  # what stays is cut or counted by the next writer
            os.ftruncate(descriptor, size)
        raise


class ForeignFileError(StorageError):
    """A file that does not follow the ledger, or not as this version does."""


def _foreign(path: Path, reason: str) -> ForeignFileError:
    return ForeignFileError(f"cannot append to {path}: it is no file of forecasts of this kind, {reason}", _MOVE)


class RunLog:
    """Writes lines 'ISO time LEVEL message' to run.log in `folder`, which is created.

    A run goes on without its log; `problem` has the reason then. `say` has the form of a console's, so that a line can
    go to both. What is said outside the context is lost.

    Args:
        folder: HOME/logs.
        warn: Hears once, in one line, that the log cannot be written.

    """

    def __init__(self, folder: Path, warn: Callable[[str], None] | None = None) -> None:
        self.path = folder / LOG
        self.problem: str | None = None
        self._warn = warn
        self._is_open = False

    def __enter__(self) -> RunLog:
        try:
            private_folder(self.path.parent)
            self._is_open = True
        except (OSError, ValueError) as error:
            self._give_up(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False

    def say(self, line: str, detail: bool = False) -> None:
        """One line of the log; `detail` marks what is for the curious only."""
        self._write("DEBUG" if detail else "INFO", line)

    def info(self, line: str) -> None:
        """One line of the log."""
        self._write("INFO", line)

    def warning(self, line: str) -> None:
        """What a reader should know although the run goes on."""
        self._write("WARNING", line)

    def error(self, line: str) -> None:
        """What could not be done."""
        self._write("ERROR", line)

    def _write(self, level: str, line: str) -> None:
        if not self._is_open:
            return
        event = printable(" ".join(line.split()))  # a line of the log is an event
        payload = f"{now():%Y-%m-%dT%H:%M:%SZ} {level} {event}\n".encode("utf-8", "backslashreplace")
        try:
            if self.path.exists() and self.path.stat().st_size + len(payload) >= LARGEST_LOG:
                self._put_aside()
            with open(self.path, "ab", opener=open_private) as file:
                file.write(payload)
        except (OSError, ValueError) as error:
            self._give_up(error)

    def _put_aside(self) -> None:
        files = [self.path, *(self.path.with_name(f"{LOG}.{number}") for number in range(1, LOG_BACKUPS + 1))]
        for older, newer in zip(files[:0:-1], files[-2::-1], strict=True):
            if newer.exists():
                os.replace(newer, older)

    def _give_up(self, error: OSError | ValueError) -> None:
        self._is_open = False
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        self.problem = f"the log {self.path} cannot be written: {reason}"
        if self._warn is not None:
            self._warn(self.problem)
