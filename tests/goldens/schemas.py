"""The JSON documents in what commands print and write, held against the published schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from docs.tools import schemas

LINES = "forecasts.jsonl"
"""What a line of the file of that name is, which does not say so itself."""


def documents(records: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """Where a document stands, the name of its schema, and the document."""
    for step, record in records.items():
        for place, content in {"out": record["out"], **record["files"]}.items():
            if isinstance(content, dict) and (name := content.get("schema") or content.get("format")):
                if isinstance(name, str):
                    yield f"{step} {place}", name, content
            elif place.endswith(LINES):
                yield from ((f"{step} {place}", LINES, line) for line in content)


def problems_of(document: Any) -> list[str]:
    """What of one document is not as its schema says."""
    return schemas.problems(document["schema"], document)


def problems(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is not as the schemas say."""
    return [
        f"{where}: {problem}"
        for where, name, content in documents(records)
        for problem in schemas.problems(name, content)
    ]
