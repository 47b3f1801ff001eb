"""Formats: archives of one file are unpacked, and workbooks become delimited text."""

from __future__ import annotations

import csv
import warnings
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, time
from io import BytesIO, StringIO
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from stockcast.errors import DataError
from stockcast.limits import CELLS, PRICES, ROWS, Unfit, size, stream_bytes
from stockcast.prices.csvfile.cells import FileText, shown, too_large
from stockcast.prices.csvfile.words import DATE_NAMES, PRICE_NAMES, header_key

Table = list[list[Any]]

SAVE = "Save its prices as CSV and read that file."
_MARKED = {
    # Files in these archives that say whose they are.
    "xl/workbook.bin": "a binary Excel workbook",
    "word/document.xml": "a Word document",
    "content.xml": "an OpenDocument file",
    "Index/Document.iwa": "a document of Numbers",
}
_WORKBOOK = "xl/workbook.xml"
_NAMES_LISTED = 5
_HEADER_ROWS = 20


# Archives


def unzipped(data: bytes, label: str) -> bytes | None:
    """The bytes of the one file in a zip archive; None for a workbook, which is such an archive itself.

    Raises DataError for several files, none, an encrypted or damaged one, one that is too large, and other documents.
    """
    try:
        with ZipFile(BytesIO(data)) as archive:
            found = archive.infolist()
            names = {entry.filename for entry in found}
            if _WORKBOOK in names:
                _require_small(found, label)
                return None
            for name, what in _MARKED.items():
                if name in names:
                    raise DataError(f"{label} is {what}, not CSV", SAVE)
            return _member(archive, _one(found, label), label)
    except (BadZipFile, OSError, EOFError, ValueError, RuntimeError, LookupError, zlib.error) as error:
        raise DataError(
            f"{label} is a damaged zip archive or workbook, not CSV: {error}", "Download it again."
        ) from error


def _one(found: Sequence[ZipInfo], label: str) -> ZipInfo:
    files = [entry for entry in found if not entry.is_dir() and not _hidden(entry.filename)]
    if not files:
        raise DataError(f"{label} is a zip archive without a file", "Download it again.")
    if len(files) > 1:
        names = ", ".join(shown(entry.filename)[1:-1] for entry in files[:_NAMES_LISTED])
        more = f" and {len(files) - _NAMES_LISTED} more" if len(files) > _NAMES_LISTED else ""
        raise DataError(
            f"{label} is a zip archive of {len(files)} files: {names}{more}", "Unpack it and read one of them."
        )
    return files[0]


def _hidden(name: str) -> bool:
    """Whether a file in an archive is a system's own, such as __MACOSX/._AAPL.csv."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1].startswith(".")


def _member(archive: ZipFile, entry: ZipInfo, label: str) -> bytes:
    if entry.flag_bits & 1:
        raise DataError(f"{label} is an encrypted zip archive", "Unpack it and read the file in it.")
    try:
        with archive.open(entry) as stream:
            data = stream_bytes(stream, PRICES)  # type: ignore[arg-type]
    except Unfit as error:
        raise too_large(label, f"is {error} when it is unpacked, the most that is read") from error
    if data.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise DataError(f"{label} is a zip archive of an archive", "Unpack it and read the file in it.")
    return data


def _require_small(found: Sequence[ZipInfo], label: str) -> None:
    if sum(entry.file_size for entry in found) > 2 * PRICES:
        raise too_large(label, f"is larger than {size(2 * PRICES)} when it is unpacked, the most that is read")


# Workbooks


def workbook_text(data: bytes, label: str) -> FileText:
    """The first sheet of an Excel workbook that has dates and prices, else its first with any cells.

    Raises DataError where openpyxl is not installed or cannot read the workbook.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise DataError(
            f"{label} is an Excel workbook, and the package openpyxl, which reads them, is not installed",
            "pip install openpyxl (in the checkout: pip install '.[xlsx]'), or save its prices as CSV.",
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that no price depends on
            book = load_workbook(BytesIO(data), read_only=True, data_only=True)
            title, rows = _sheet(book, label)
    except DataError:
        raise
    except Exception as error:  # a damaged workbook makes openpyxl raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"{label} cannot be read as an Excel workbook: {reason}", SAVE) from error
    return FileText(csv_text(rows), "", f"Excel workbook, sheet {shown(title)}")


def _sheet(book: Any, label: str) -> tuple[str, Table]:
    first: tuple[str, Table] | None = None
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # which some programs write wrong
        rows = _sheet_cells(sheet, label)
        if _has_prices(rows):
            return sheet.title, rows
        first = first or ((sheet.title, rows) if rows else None)
    if first is None:
        raise DataError(f"{label} is an Excel workbook with no cells", SAVE)
    return first


def _has_prices(rows: Table) -> bool:
    headers = [{header_key(cell) for cell in row} for row in rows[:_HEADER_ROWS]]
    return any(keys & {*DATE_NAMES} and keys & PRICE_NAMES for keys in headers)


def _sheet_cells(sheet: Any, label: str) -> Table:
    """The rows of a sheet as text, empty ones included, so that they keep their numbers."""
    rows: Table = []
    count = 0
    for row in sheet.iter_rows(values_only=True):
        count += len(row)
        if len(rows) >= ROWS or count > CELLS:
            raise too_large(label, f"has a sheet of more than {ROWS:,} rows or {CELLS:,} cells")
        rows.append([cell_text(value) for value in row])
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def cell_text(value: object) -> str:
    """A cell as text on one line: dates in ISO form, whole numbers without a decimal point."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return " ".join(value.split("\n")) if isinstance(value, str) else str(value)


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """The rows as CSV."""
    sheet = StringIO()
    csv.writer(sheet, lineterminator="\n").writerows(rows)
    return sheet.getvalue()
