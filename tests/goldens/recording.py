"""What a step leaves: its exit code, stdout, stderr, and every file that it wrote, changed or removed."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from tests.goldens.scenarios import Runner, Scenario
from tests.processes import Completed

Record = dict[str, Any]

_TEXTS = {".html", ".md", ".tex", ".toml", ".txt", ".log", ".svg"}
_OF_THE_MACHINE = re.compile(r"[\d,]+(?= targets/s)|[\d.]+(?= GiB free)")


def recorded(scenario: Scenario, run: Runner) -> Iterator[tuple[str, Record]]:
    """Play a scenario in a folder that is removed afterwards; each step's name and record."""
    with tempfile.TemporaryDirectory(prefix="goldens-") as temporary:
        folder = Path(temporary) / "folder"
        folder.mkdir()
        scenario.prepare(folder)
        before = _digests(folder)
        for step, ended in scenario.play(folder, run):
            after = _digests(folder)
            files = {name: _content(folder / name) for name, digest in after.items() if before.get(name) != digest}
            gone = sorted(set(before) - set(after))
            left = {"code": ended.code, **_streams(ended), "files": files, "removed": gone}
            yield f"{scenario.name}/{step.name}", _without(str(folder), left)
            before = after


def _streams(ended: Completed) -> Record:
    out, err = (_OF_THE_MACHINE.sub("#", text) for text in (ended.out, ended.err))
    return {"out": json.loads(out) if out.startswith("{") else out, "err": err}


def _digests(folder: Path) -> dict[str, str]:
    """The digest of every file; the store's write-ahead log belongs to the store."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def _content(path: Path) -> Any:
    """A file as something that can be compared piece by piece, where its kind is known."""
    read: dict[str, Callable[[Path], Any]] = {
        ".json": lambda file: json.loads(file.read_text()),
        ".jsonl": lambda file: [json.loads(line) for line in file.read_text().splitlines()],
        ".csv": lambda file: list(csv.reader(io.StringIO(file.read_bytes().decode(), newline=""))),
        ".safetensors": lambda file: {
            name: [str(values.dtype), list(values.shape), values.ravel().tolist()]
            for name, values in sorted(load_file(file).items())
        },
        ".db": _tables,
    }
    if path.suffix in read:
        return read[path.suffix](path)
    return path.read_text() if path.suffix in _TEXTS else hashlib.sha256(path.read_bytes()).hexdigest()


def _tables(path: Path) -> Record:
    with closing(sqlite3.connect(path)) as db:
        own = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
        made = db.execute(own).fetchall()
        rows = {name: [list(row) for row in db.execute(f'SELECT * FROM "{name}"')]  # noqa: S608 - its own names
                for name, sql in made if sql and sql.startswith("CREATE TABLE")}  # fmt: skip
    return {"schema": [sql for _, sql in made], "rows": _readable(rows)}


def _readable(value: Any) -> Any:
    """The same with bytes as their digest, and JSON that stands in a text as what it says."""
    if isinstance(value, dict):
        return {key: _readable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _without(folder: str, value: Any) -> Any:
    """The same, as if it had been made in a folder called FOLDER, whose name the hash over a manifest depends on."""
    if isinstance(value, dict):
        return {key: _without(folder, one) for key, one in value.items() if key != "manifest_sha256"}
    if isinstance(value, list):
        return [_without(folder, one) for one in value]
    return value.replace(folder, "FOLDER") if isinstance(value, str) else value


MOST = 6
"""Items of a list, and lines of a text, that are kept of a long one."""


def reduced(value: Any) -> Any:
    """A record small enough to be stored: of long lists and texts a digest, their length, and some items evenly spread.

    Of a page of HTML the words that are seen; numbers keep nine digits.
    """
    if isinstance(value, dict):
        return {key: reduced(one) for key, one in value.items()}
    if isinstance(value, list):
        return _some([reduced(one) for one in value], value)
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, str) and value.lstrip().startswith("<!"):
        return _some(_seen(value), value)
    if isinstance(value, str) and value.count("\n") > 3 * MOST:
        return _some(value.splitlines(), value)
    return value


def _some(items: list[Any], whole: Any) -> Any:
    if len(items) <= MOST:
        return items
    chosen = [items[round(n * (len(items) - 1) / (MOST - 1))] for n in range(MOST)]
    digest = hashlib.sha256(json.dumps(whole).encode()).hexdigest()
    return {"length": len(items), "sha256": digest, "some": chosen}


def _seen(page: str) -> list[str]:
    bare = re.sub(r"<(style|svg|script)\b.*?</\1>|<[^>]+>", "\n", page, flags=re.DOTALL)
    return [line for line in (html.unescape(one).strip() for one in bare.splitlines()) if line]
