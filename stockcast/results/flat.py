"""Documents as the rows of a table, what is nested as columns, and tables as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from stockcast.results.printable import inert


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
