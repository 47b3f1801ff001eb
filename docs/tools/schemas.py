"""The JSON Schemas of docs/schemas: what they are of, and whether a document is as they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "schemas"


def index() -> str:
    """Markdown: a table of the documents and their schemas."""
    rows = [f"| [`{schema['title']}`](schemas/{name}) | {schema['description']} |" for name, schema in _published()]
    return "\n".join(["| schema | document |", "|---|---|", *rows])


@cache
def published() -> dict[str, dict[str, Any]]:
    """Every schema by the name that its documents carry as `schema` or `format`."""
    return {schema["title"]: schema for _, schema in _published()}


def problems(name: str, document: Any) -> list[str]:
    """What in a document is not as the schema of that name says; keys that it does not know are among it.

    The published schemas allow such keys, since a program that reads a document has to let new ones pass.
    """
    errors = _validator(name).iter_errors(document)
    return [f"{error.json_path}: {reason}" for error in errors for reason in _reasons(error)]


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(closed(published()[name]))


def closed(schema: Any) -> Any:
    """The same schema without room for other keys than those that it names."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **inner} if isinstance(schema.get("properties"), dict) else inner


def _published() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(FOLDER.glob("*.json")):
        yield path.name, json.loads(path.read_text("utf-8"))


def _reasons(error: Any) -> Iterator[str]:
    """The innermost complaints: of alternatives, why each does not fit."""
    if not error.context:
        yield error.message[:300]
    for inner in error.context or ():
        for reason in _reasons(inner):
            yield f"{inner.json_path}: {reason}"
