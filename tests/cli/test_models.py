from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.fakes import Call


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
    assert run.calls == [Call("remove_model", {"home": home, "name": "AAPL"})]
    assert run("models", "remove", "AAPL", "--json").json["data"] == {"name": "AAPL", "removed": True}


def test_a_network_is_exported(run: Run, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "aapl.onnx"
    outcome = run("models", "export", "AAPL", "--format", "onnx", "--output", str(file))
    assert (outcome.code, outcome.out) == (0, "")
    assert f"AAPL: served gru up to 2021-03-31 written to {file}" in outcome.err
    assert "AAPL forecasts with har-t; the file has its network, gru" in outcome.err
    assert list(run.last("export_model").arguments.values()) == [home, "AAPL", file, "onnx", "served"]
    document = run("models", "export", "AAPL", "-o", str(file), "--fit", "scored", "--json").json
    assert (document["schema"], document["data"]["fit"]) == ("stockcast.models.export/1", "scored")


def test_an_export_needs_a_file_a_format_and_a_fit_that_there_are(run: Run, tmp_path: Path) -> None:
    assert run("models", "export", "AAPL").code == 2
    for words in (["--format", "pickle"], ["--fit", "best"]):
        outcome = run("models", "export", "AAPL", "--output", str(tmp_path / "f"), *words)
        assert outcome.code == 2
        assert f"'{words[1]}' is not one of" in outcome.err
    assert run("models", "export", "AAPL", "--output", str(tmp_path)).code == 2
    assert run("models", "export", "gone", "--output", str(tmp_path / "f"), "--json").code == 6
