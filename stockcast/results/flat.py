"""Documents as the rows of a table: what is nested becomes columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
