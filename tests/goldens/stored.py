"""The goldens that the suite compares with, and what their bytes depend on."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stockcast.versions import machine, versions
from tests.goldens.recording import Record, reduced

FILE = Path(__file__).with_name("stored.json")
_MATTER = ("pandas", "arch", "statsmodels", "matplotlib", "rich", "typer", "exchange-calendars")


def circumstances() -> dict[str, Any]:
    """What bytes depend on: the processor's kernels, and the versions of what computes and writes them."""
    return {"machine": machine(), "versions": versions() | {name: version(name) for name in _MATTER}}


def write(records: dict[str, Record]) -> None:
    """Store these records, reduced, each on a line of its own."""
    lines = [f'"circumstances": {json.dumps(circumstances())}']
    lines += [f"{json.dumps(name)}: {json.dumps(reduced(one), ensure_ascii=False)}" for name, one in records.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def read() -> tuple[dict[str, Any], dict[str, Record]]:
    """What their bytes depend on, and the records by name."""
    stored = json.loads(FILE.read_text())
    return stored.pop("circumstances"), stored
