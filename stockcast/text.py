"""Printable: text as it may reach a terminal or a cell, wherever it comes from.

File names, tickers, columns, manifests and a provider's answers are other people's words. A terminal obeys control
characters among them, a spreadsheet computes what looks like a formula, and a reader is misled by what turns the order
of signs around.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

_SURROGATES = re.compile("[\ud800-\udfff]")
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a text begins with that a spreadsheet computes: OWASP's list, with the wide forms of the four signs."""


def printable(text: str, keep: str = "") -> str:
    """The text with a question mark for every sign that is not for the eye, but for those in `keep`.

    These are control characters (C0, DEL, C1), line and paragraph separators, overrides of the direction of writing
    and other formatting, halves of surrogate pairs, and what Unicode has not assigned. Spaces of any width stay.
    """
    if text.isprintable():
        return text
    from unicodedata import category

    return "".join(sign if sign.isprintable() or sign in keep or category(sign) == "Zs" else "?" for sign in text)


def well_formed(text: str) -> str:
    """The text with a replacement character for every half of a surrogate pair, which no file format could hold.

    Python reads a file name's bytes as such halves where they are no UTF-8.
    """
    return _SURROGATES.sub("\ufffd", text)


def inert(cell: Any) -> Any:
    """A cell of CSV that no spreadsheet computes and no terminal obeys; what is no text stays as it is.

    A text that begins like a formula gets a single quote before it, as OWASP has it ("CSV injection").
    """
    if not isinstance(cell, str):
        return cell
    text = printable(cell, keep="\t\r\n")
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`document`, a tree of JSON, as one level of cells.

    The members of `quantiles` become q0.05, q0.25, ... in ascending order; of a `calibration`, which may be None, the
    factor alone is kept, as calibration_factor; members of any other mapping are named with dots, such as
    baseline.crps; lists become their JSON.
    """
    cells: dict[str, Any] = {}
    for name, value in document.items():
        if name == "calibration":
            cells[f"{prefix}calibration_factor"] = (value or {}).get("factor")
        elif isinstance(value, Mapping):
            inner = sorted(value.items(), key=lambda item: float(item[0])) if name == "quantiles" else value.items()
            cells |= flat(dict(inner), f"{prefix}q" if name == "quantiles" else f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            import json

            cells[f"{prefix}{name}"] = json.dumps(value)
        else:
            cells[f"{prefix}{name}"] = value
    return cells


def csv_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], headed: bool = True) -> str:
    """The rows as CSV (RFC 4180), each ending with CR LF; `headed`: the names of the columns come first.

    A row's members without a column are left out, and what it lacks is an empty cell. Text that a spreadsheet would
    compute is made inert, and so are the names; numbers stay numbers.
    """
    import csv

    sheet = StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    if headed:
        writer.writerow([inert(name) for name in columns])
    writer.writerows([inert(row.get(name)) for name in columns] for row in rows)
    return sheet.getvalue()
