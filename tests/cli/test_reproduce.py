from __future__ import annotations

from pathlib import Path

from stockcast.prices.csvfile import ReadOptions
from tests.cli.conftest import Run


def test_a_model_that_is_the_same_is_a_sentence_and_no_error(run: Run, home: Path) -> None:
    outcome = run("reproduce", "AAPL")
    assert outcome.code == 0
    assert "AAPL: the model was trained again and is the same" in outcome.out
    assert "training gru" in outcome.err
    call = run.last("reproduce")
    assert (call["home"], call["name"], list(call["sources"]), call["read"]) == (home, "AAPL", [], ReadOptions())


def test_sources_and_columns_arrive(run: Run) -> None:
    words = ["--source", "a.csv", "--source", "folder", "--close-column", "Last", "--date-format", "%d/%m/%Y"]
    assert run("reproduce", "AAPL", *words, "--quiet").err == ""
    sources, read = tuple(run.last("reproduce")["sources"]), run.last("reproduce")["read"]
    assert sources == (Path("a.csv"), Path("folder"))
    assert read == ReadOptions(close_column="Last", date_format="%d/%m/%Y")


def test_a_model_that_differs_is_a_model_error_that_says_what_differs(run: Run) -> None:
    outcome = run("reproduce", "other")
    assert outcome.code == 6
    assert "error: trained again, other is not the same: 2 of 15 tensors" in outcome.err
    assert "it was trained with torch 2.9.0, now 2.13.0" in outcome.err
    assert "scored.readout_SHD" in outcome.out


def test_the_answer_as_json(run: Run) -> None:
    document = run("reproduce", "AAPL", "--json").json
    assert (document["schema"], document["ok"]) == ("stockcast.reproduce/1", True)
    assert document["data"]["identical"] is True
    outcome = run("reproduce", "other", "--json")
    assert outcome.code == 6
    assert (outcome.json["data"]["kind"], outcome.json["errors"][0]["kind"]) == ("other-versions", "not-reproduced")
    assert outcome.json["data"]["different"][0]["name"] == "scored.readout_SHD"


def test_other_prices_and_missing_models_have_their_own_codes(run: Run) -> None:
    assert run("reproduce", "bad").code == 4
    assert run("reproduce", "gone", "--json").json["errors"][0]["message"] == "no model named gone"
    assert run("reproduce").code == 2
