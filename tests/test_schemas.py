"""The published JSON Schemas are valid, known for every document, and find what is not as they say.

Real output is held against them where commands are played anyway: in `test_goldens` and `test_docs`.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from docs.tools import reference, schemas
from tests.goldens import schemas as of_goldens
from tests.processes import ROOT, Process

FORECAST: dict[str, Any] = {
    "ticker": "GSPC", "model": "GSPC", "model_id": "2e628da58d9435de", "served_by": "lstm", "cell": "lstm",
    "origin": "2018-12-31", "target_session": "2019-01-02", "horizon": 1, "last_close": 2506.85, "median": 2509.6,
    "mean": 2510.3, "quantiles": {"0.05": 2414.6, "0.95": 2608.3}, "p_up": 0.52, "scale": 0.022, "currency": None,
    "data_sha256": "55ed", "data_source": "data/GSPC.csv", "data_age_sessions": 3, "created_at": "2019-01-01T00:00:00Z",
    "verdict": "Intervals: ...", "calibration": None, "event": None,
}  # fmt: skip
ANSWER: dict[str, Any] = {"schema": "stockcast.predict/1", "ok": True, "data": [FORECAST], "errors": []}


@pytest.mark.parametrize("name", schemas.published())
def test_a_schema_is_one_and_says_what_it_is_of(name: str) -> None:
    schema = schemas.published()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"]
    for reference_ in re.findall(r"'\$ref': '#/\$defs/(\w+)'", str(schema)):
        assert reference_ in schema["$defs"]
    for defined in schema.get("$defs", {}):
        assert f"'#/$defs/{defined}'" in str(schema), f"{defined} is defined and not used"


def test_every_command_has_a_schema() -> None:
    of_commands = {f"stockcast.{command.words.replace(' ', '.')}/1" for command in reference.commands()}
    assert of_commands | {"stockcast/1", "stockcast.latest/1"} <= schemas.published().keys()


def test_every_schema_is_on_the_page() -> None:
    for path in (ROOT / "docs" / "schemas").iterdir():
        assert f"(schemas/{path.name})" in schemas.index()


def test_an_answer_as_it_should_be_has_no_problems() -> None:
    assert not schemas.problems("stockcast.predict/1", ANSWER)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"median": "2509.6"}, "is not of type 'number'"),
        ({"median": None}, "is not of type 'number'"),
        ({"surprise": 1}, "'surprise' was unexpected"),
        ({"quantiles": {"0.05": None}}, "is not of type 'number'"),
    ],
)
def test_a_problem_is_found_and_named(change: dict[str, Any], says: str) -> None:
    answer = copy.deepcopy(ANSWER)
    answer["data"][0] |= change
    assert says in str(schemas.problems("stockcast.predict/1", answer))


def test_a_missing_key_is_found() -> None:
    answer = copy.deepcopy(ANSWER)
    del answer["data"][0]["verdict"]
    assert "'verdict' is a required property" in str(schemas.problems("stockcast.predict/1", answer))


def test_readers_may_meet_new_keys() -> None:
    answer = copy.deepcopy(ANSWER)
    answer["data"][0]["surprise"] = 1
    jsonschema.Draft202012Validator(schemas.published()["stockcast.predict/1"]).validate(answer)


@pytest.mark.parametrize(
    "line",
    [
        "models export GOOG --output network.onnx",
        "models remove GOOG",
        "run --write-config --config new.toml",
        "ledger export --output ledger.csv",
        "ledger export",
        "ledger list --limit 0",
        "ledger backup record.db",
        "ledger prune",
        "doctor --offline",
    ],
)
def test_what_no_golden_prints_as_json_is_as_its_schema_says(line: str, tmp_path: Path) -> None:
    shutil.copytree(Path(of_goldens.__file__).with_name("saved"), tmp_path / "home")
    process = Process([*line.split(), "--json", "--home", tmp_path / "home"], tmp_path, os.environ)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    answer = json.loads(out)
    assert not schemas.problems(answer["schema"], answer)


def test_documents_are_found_in_what_a_step_leaves() -> None:
    files = {
        "home/forecasts/forecasts.jsonl": [FORECAST],
        "home/models/GSPC/manifest.json": {"format": "stockcast.x/1"},
    }
    found = of_goldens.documents({"live/step": {"out": ANSWER, "files": files}})
    assert [(where, name) for where, name, _ in found] == [
        ("live/step out", "stockcast.predict/1"),
        ("live/step home/forecasts/forecasts.jsonl", "forecasts.jsonl"),
        ("live/step home/models/GSPC/manifest.json", "stockcast.x/1"),
    ]
