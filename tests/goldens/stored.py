"""The goldens that the suite compares with, and what their bytes depend on."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np  # noqa: F401 - its OpenBLAS is the one that is asked for its kernel
from threadpoolctl import threadpool_info

from tests.goldens.recording import Record, reduced

FILE = Path(__file__).with_name("stored.json")
_MATTER = (
    "numpy", "scipy", "torch", "pandas", "arch", "statsmodels", "matplotlib", "rich", "typer", "exchange-calendars"
)  # fmt: skip


def circumstances() -> dict[str, Any]:
    """What bytes depend on: the versions of what computes and writes them, and the processor's kernels."""
    kernels = sorted({one["architecture"] for one in threadpool_info() if one["internal_api"] == "openblas"})
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, "kernels": kernels, "versions": {name: version(name) for name in _MATTER}}


def write(records: dict[str, Record]) -> None:
    """Store these records, reduced."""
    whole = {"circumstances": circumstances(), "records": {name: reduced(record) for name, record in records.items()}}
    FILE.write_text(json.dumps(whole, indent=0, ensure_ascii=False) + "\n")


def read() -> tuple[dict[str, Any], dict[str, Record]]:
    """What their bytes depend on, and the records by name."""
    stored = json.loads(FILE.read_text())
    return stored["circumstances"], stored["records"]
