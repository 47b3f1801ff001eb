"""What a manifest remembers of how prices were read, and for which sources that holds."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stockcast.config.sources import ReadOptions
from stockcast.errors import ModelError
from stockcast.pipeline.models import Memory
from stockcast.storage.modelfile import load_model, save_model
from stockcast.storage.readings import READING, KeptReading, encoded, saved_readings
from stockcast.storage.trainedmodel import from_file
from tests.storage.test_trainedmodel import SAVED

SAID = ReadOptions(date_column="Tag", date_format="%d.%m.%y", start=date(2020, 1, 2), end=date(2021, 3, 4))
ALONE = {"name": "mine", "ticker": "AAA", "data": {"source": "folder/kurse.csv"}, **encoded(SAID)}
POOL = {"name": "six", "ticker": "2 tickers", "data": [{"ticker": "A", "source": "a/A.csv"}, {"ticker": "B"}]}


def reading(manifest: dict[str, Any]) -> KeptReading:
    found = KeptReading.of(manifest)
    assert found is not None
    return found


def test_what_was_said_comes_back_but_the_last_session() -> None:
    found = reading(ALONE).options
    assert found == ReadOptions(date_column="Tag", date_format="%d.%m.%y", start=date(2020, 1, 2))
    assert found.typed == "--date-column Tag --date-format %d.%m.%y --start 2020-01-02"


@pytest.mark.parametrize("nothing", [ReadOptions(), ReadOptions(end=date(2021, 3, 4))])
def test_where_nothing_lasting_was_said_the_manifest_is_as_it_always_was(nothing: ReadOptions) -> None:
    assert encoded(nothing) == {}
    assert KeptReading.of({"name": "mine", "ticker": "AAA"}) is None


@pytest.mark.parametrize("source", ["kurse.csv", "elsewhere/kurse.csv", "AAA.csv", "AAA"])
def test_the_file_and_the_ticker_of_the_model_are_read_as_they_were(source: str) -> None:
    ticker = Path(source).name.removesuffix(".csv")
    assert reading(ALONE).options_for(source, ticker, ReadOptions()).date_column == "Tag"


def test_other_files_are_read_as_is_said_of_them() -> None:
    said = ReadOptions(ticker="ZZZ")
    assert reading(ALONE).options_for("other.csv", "ZZZ", said) == said
    assert reading({**POOL, **encoded(SAID)}).options_for("C.csv", "C", ReadOptions()) == ReadOptions()


@pytest.mark.parametrize("source", ["A.csv", "B.parquet"])
def test_every_member_of_a_pool_is_read_as_the_pool_was(source: str) -> None:
    found = reading({**POOL, **encoded(SAID)}).options_for(source, source[0], ReadOptions())
    assert found == SAID.lasting


def test_what_is_said_now_overrules() -> None:
    now = ReadOptions(start=date(2020, 6, 1), close_column="Kurs")
    found = reading(ALONE).options_for("kurse.csv", "kurse", now)
    assert found == ReadOptions("Tag", "Kurs", "%d.%m.%y", start=date(2020, 6, 1))
    assert found.besides(now).typed == "--date-column Tag --date-format %d.%m.%y"


@pytest.mark.parametrize("wrong", [7, "Tag", {"start": "tomorrow"}, {"whim": 1}, {"ticker": 7}])
def test_what_no_training_writes_is_a_damaged_model(wrong: Any) -> None:
    file = load_model(SAVED, "six")
    assert KeptReading.of({**file.manifest, READING: wrong}) is None
    with pytest.raises(ModelError, match="reading"):
        from_file(type(file)(file.name, {**file.manifest, READING: wrong}, file.tensors))


@pytest.mark.parametrize("data", [7, None, ["A"], {"source": 7}])
def test_a_manifest_that_says_nothing_of_its_prices_breaks_nothing(data: Any) -> None:
    found = KeptReading.of({"name": "mine", "ticker": "AAA", "data": data, **encoded(SAID)})
    assert found is None or found.names == {"AAA"}


def test_a_ticker_is_read_from_the_first_session_of_its_model_and_has_no_columns() -> None:
    memory = Memory(lambda _: reading(ALONE))
    assert memory("AAA", ReadOptions(end=date(2021, 3, 4)), None) == ReadOptions(start=SAID.start, end=date(2021, 3, 4))


def test_of_models_that_are_not_there_or_broken_nothing_is_remembered(tmp_path: Path) -> None:
    file = load_model(SAVED, "six")
    save_model(tmp_path, type(file)("six", {**file.manifest, **encoded(SAID)}, file.tensors))
    readings = saved_readings(tmp_path)
    assert readings("six") == saved_readings(tmp_path, "six")("A")
    assert readings("six") is not None
    assert readings("seven") is readings("../six") is None
    (tmp_path / "six" / "manifest.json").write_text("{")
    assert readings("six") is None


def test_the_exchange_that_a_model_was_trained_at_is_that_of_its_own_files() -> None:
    trained = {"name": "mine", "ticker": "7203.T", "config": {"exchange": "XNYS"}, "data": {"source": "7203.T.csv"}}
    assert encoded(ReadOptions(exchange="XNYS")) == {}
    found = reading(trained)
    assert found.options_for("7203.T.csv", "7203.T", ReadOptions()).exchange == "XNYS"
    assert found.options_for("7203.T.csv", "7203.T", ReadOptions(exchange="XTKS")).exchange == "XTKS"
    assert found.options_for("6758.T.csv", "6758.T", ReadOptions()).exchange is None
