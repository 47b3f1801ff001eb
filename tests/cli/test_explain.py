"""`stockcast explain` in processes of its own, on a model that was trained for a moment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, TrainConfig, TrainingConfig
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from tests import synthetic
from tests.cli.test_coldstart import HEAVY
from tests.processes import Completed, cold, environment, forked, packages_loaded

LOOKBACK = 25


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the model FAKE, an LSTM, and the file that it was trained on."""
    folder = tmp_path_factory.mktemp("explained")
    file = synthetic.write_csv(folder / "FAKE.csv", synthetic.history(700))
    config = TrainConfig(
        NetworkConfig(hidden_size=3, lookback=LOOKBACK), TrainingConfig(seeds=1, steps=5, chunk=40, warmup=10)
    )
    pipeline.train(str(file), ReadOptions(), config, folder, None, Silent())
    return folder


def explain(folder: Path, *words: str) -> Completed:
    return forked("explain", *words, "--home", folder, folder=folder)


def explain_from_cold(folder: Path, *words: str, **more: str) -> Completed:
    """The same in a process that begins from nothing, with more in its environment."""
    return cold("explain", *words, "--home", folder, folder=folder, env=environment(**more))


def test_the_page_has_its_parts_in_order(folder: Path) -> None:
    done = explain(folder, "FAKE.csv")
    assert done.code == 0, done.err
    parts = (
        "The network makes the interval for", "Where the width comes from", "Features, the most important first",
        "Sessions of the window", "Inside the LSTM", "Forget gate", "How far to trust this",
        "This explains the network, not the market",
    )  # fmt: skip
    places = [done.out.index(part) for part in parts]
    assert places == sorted(places)


def test_a_narrow_page_is_not_overrun(folder: Path) -> None:
    done = explain_from_cold(folder, "FAKE.csv", "--units", "forget", COLUMNS="40")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 40


def test_a_page_for_ascii_has_no_blocks(folder: Path) -> None:
    done = explain_from_cold(folder, "FAKE.csv", PYTHONIOENCODING="ascii")
    assert done.code == 0
    assert done.out.isascii()
    assert "?" not in done.out


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
@pytest.mark.parametrize("target", ["scale", "location", "nu"])
def test_json_is_one_object_with_a_schema(folder: Path, method: str, target: str) -> None:
    document = explain(folder, "FAKE.csv", "--json", "--method", method, "--of", target).json
    assert (document["schema"], document["ok"], document["errors"]) == ("stockcast.explain/1", True, [])
    data = document["data"]
    assert (data["ticker"], data["cell"]) == ("FAKE", "lstm")
    assert (data["attribution"]["method"], data["attribution"]["target"]) == (method, target)
    assert len(data["attribution"]["effects"]) == LOOKBACK
    assert len(data["attribution"]["effects"][0]) == len(data["attribution"]["names"]) == 9
    assert [gate["name"] for gate in data["gates"]] == ["input", "forget", "candidate", "output", "cell"]


def test_as_of_moves_the_origin_and_looking_ahead_is_refused(folder: Path) -> None:
    (last,) = {explain(folder, "FAKE.csv", "--json").json["data"]["origin"]}
    earlier = explain(folder, "FAKE.csv", "--json", "--as-of", "2014-08-29").json["data"]
    assert earlier["origin"] == "2014-08-29" < last
    assert earlier["cutoff"] <= "2014-08-29"
    refused = explain(folder, "FAKE.csv", "--as-of", "2013-06-03")
    assert refused.code == 6
    assert "without looking ahead" in refused.err
    assert refused.out == ""


def test_a_missing_model_is_exit_6_and_a_missing_file_exit_4(folder: Path) -> None:
    done = explain(folder, "FAKE.csv", "--model", "nobody", "--json")
    assert done.code == 6
    assert (done.json["data"], done.json["errors"][0]["kind"]) == (None, "model")
    assert explain(folder, "nowhere.csv").code == 4
    assert explain(folder, "NOSUCH", "--offline").code == 4


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--method", "magic"], 2), (["--of", "price"], 2), (["--units", "reset"], 3), (["--as-of", "yesterday"], 2)],
)
def test_wrong_words_are_refused_with_what_would_have_been_right(folder: Path, words: list[str], code: int) -> None:
    done = explain(folder, "FAKE.csv", *words, "--json")
    assert done.code == code
    document = json.loads(done.out)
    assert (document["schema"], document["ok"]) == ("stockcast.explain/1", False)
    assert done.out.count("stockcast.explain/1") == 1


def test_an_explanation_loads_nothing_heavy(folder: Path) -> None:
    found = packages_loaded("explain", "FAKE.csv", "--home", folder, folder=folder)
    assert {"numpy", "rich"} <= found
    assert found.isdisjoint(HEAVY)


def test_standard_input_is_a_source(folder: Path) -> None:
    prices = (folder / "FAKE.csv").read_text()
    done = cold("explain", "-", "--model", "FAKE", "--home", folder, "--json", stdin=prices)
    assert done.data["ticker"] == "stdin"
