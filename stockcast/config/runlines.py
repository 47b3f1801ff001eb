"""Where a key stands in a TOML file: its parser tells no lines."""

from __future__ import annotations

import re

_TABLE = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(?:#.*)?")
_ASSIGNMENT = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART = re.compile(r"[\w-]+|\"[^\"]*\"|'[^']*'")


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line, from 1, on which the key with these names begins, or else the innermost table that holds it.

    None where neither is found. A line within a text of several lines may be taken for a key: it is a hint for a
    reader, nothing more.
    """
    table: tuple[str, ...] = ()
    best, depth = None, 0
    for number, line in enumerate(text.splitlines(), start=1):
        found = _TABLE.fullmatch(line)
        if found:
            table = here = _parts(found[1])
        elif found := _ASSIGNMENT.match(line):
            here = (*table, *_parts(found[1]))
        else:
            continue
        if len(here) > depth and here == path[: len(here)]:
            best, depth = number, len(here)
        if best is None and here[: len(path)] == path:
            best = number
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
