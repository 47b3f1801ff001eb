from __future__ import annotations

from pathlib import Path

from tests.cli import fakes
from tests.cli.conftest import Run


def test_models_are_listed_with_the_damaged_ones(run: Run) -> None:
    outcome = run("models", "list")
    assert outcome.code == 0
    assert "2021-03-31" in outcome.out
    assert "damaged: the manifest is no JSON" in outcome.out


def test_the_list_as_json(run: Run) -> None:
    document = run("models", "list", "--json").json
    assert document["schema"] == "stockcast.models.list/1"
    assert [model["name"] for model in document["data"]] == ["AAPL", "MSFT"]


def test_an_empty_home_has_no_models_and_that_is_no_error(run: Run, tmp_path: Path) -> None:
    outcome = run("models", "list", "--home", str(tmp_path / "empty"))
    assert (outcome.code, outcome.out) == (0, "")
    assert "no models in" in outcome.err
    assert run("models", "list", "--json", "--home", str(tmp_path / "empty")).json["data"] == []


def test_a_model_is_shown(run: Run) -> None:
    assert "config.network.cell: gru" in run("models", "show", "AAPL").out
    document = run("models", "show", "AAPL", "--json").json
    assert document["schema"] == "stockcast.models.show/1"
    assert document["data"]["manifest"]["served_by"] == "har-t"


def test_a_damaged_model_is_shown_and_fails(run: Run) -> None:
    outcome = run("models", "show", "MSFT", "--json")
    assert outcome.code == 6
    assert outcome.json["data"]["name"] == "MSFT"
    assert outcome.json["errors"][0]["kind"] == "model"


def test_a_missing_model_is_a_model_error(run: Run) -> None:
    for command in ("show", "remove"):
        outcome = run("models", command, "gone", "--json")
        assert outcome.code == 6
        assert outcome.json["schema"] == f"stockcast.models.{command}/1"
        assert outcome.json["errors"][0]["message"] == "no model named gone"


def test_a_model_is_removed(run: Run, home: Path) -> None:
    outcome = run("models", "remove", "AAPL")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "model AAPL removed\n")
    assert [("remove", home, "AAPL")] == fakes.CALLS
    assert run("models", "remove", "AAPL", "--json").json["data"] == {"name": "AAPL", "removed": True}
