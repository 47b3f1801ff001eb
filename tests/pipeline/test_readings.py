"""A model remembers how its prices were read: what forecasts with it needs no option, and what is said overrules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stockcast
from stockcast import pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import BacktestConfig, ExplainConfig
from stockcast.config.sources import ReadOptions
from stockcast.errors import DataError
from stockcast.pipeline.source import PriceSource
from stockcast.prices.history import History
from tests import synthetic
from tests.progress import ProgressLog

HISTORY = synthetic.history(480)
AT, BROKEN = 10, 5
"""Sessions: the history that is kept begins at the one; before the other the price is ten times as high."""
OTHER = synthetic.history(480, seed=1)
CONFIG = TrainConfig(
    NetworkConfig(cell="gru", hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, steps=2, chunk=40, warmup=10),
    SplitConfig(HISTORY.session(310), HISTORY.session(400)),
)
SAID = ReadOptions(
    date_column="Tag", close_column="Kurs", date_format="%d|%m|%y", ticker="XYZ", start=HISTORY.session(AT)
)


def odd(path: Path, h: History) -> Path:
    """A file that can only be read with options: two columns of dates, two of prices, a split in the past."""
    before = 10.0 ** (np.arange(len(h)) < BROKEN)
    rows = zip(h.dates.tolist(), (h.close * before).tolist(), h.close.tolist(), strict=True)
    lines = [f"{day:%d|%m|%y},{day},{close!r},{mark!r}" for day, close, mark in rows]
    path.write_text("\n".join(["Tag,Seen,Kurs,Mark", *lines, ""]))
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file `kurse.csv` beside a home with its model `mine`."""
    file = odd(tmp_path_factory.mktemp("kept") / "kurse.csv", HISTORY)
    with synthetic.only_baselines("random-walk", "har-t"):
        pipeline.train(str(file), SAID, CONFIG, file.parent / "home", "mine", ProgressLog())
    return file


def forecast(file: Path, log: ProgressLog, **said: Any) -> stockcast.Forecast:
    home = file.parent / "home"
    (made,) = pipeline.predict(str(file), ReadOptions(**said), PredictConfig(model="mine"), home, log)
    return made


def test_a_forecast_reads_the_file_as_the_training_did_and_says_so_once(file: Path) -> None:
    log = ProgressLog()
    made = forecast(file, log)
    assert (made.ticker, made.origin) == ("XYZ", HISTORY.last)
    assert [note for note in log.notes if "read as" in note] == [
        f"kurse: read as for the training of mine: {SAID.typed}"
    ]


def test_what_is_said_overrules_what_is_remembered(file: Path) -> None:
    log = ProgressLog()
    assert forecast(file, log, ticker="ABC", close_column="Mark").ticker == "ABC"
    with pytest.raises(DataError, match="10:1 split"):
        forecast(file, log, start=HISTORY.session(0))


def test_another_file_is_read_as_it_is(file: Path) -> None:
    plain = synthetic.write_csv(file.parent / "PLAIN.csv", OTHER)
    log = ProgressLog()
    assert forecast(plain, log).ticker == "PLAIN"
    assert not [note for note in log.notes if "read as" in note]


def test_explanations_and_backtests_of_the_model_remember(file: Path) -> None:
    home, log = file.parent / "home", ProgressLog()
    explained = pipeline.explain(str(file), ReadOptions(), ExplainConfig(model="mine"), home, log)
    assert explained.subject.ticker == "XYZ"
    prices = PriceSource(home).remembering("mine")
    plan = pipeline.plan_pretrained(
        str(file), pipeline.PretrainedBacktest("mine", pipeline.MarketSource(prices)), BacktestConfig(), log
    )
    assert plan.folds[0].test[0] == HISTORY.session(400)


def test_the_model_is_reproduced_without_a_word(file: Path) -> None:
    with synthetic.only_baselines("random-walk", "har-t"):
        assert pipeline.reproduce(file.parent / "home", "mine", (), ReadOptions(), ProgressLog()).identical


def test_in_python_a_model_remembers_too(file: Path, tmp_path: Path) -> None:
    model = stockcast.open_model("mine", file.parent / "home")
    assert stockcast.predict(model, file)["unique_id"].tolist() == ["XYZ"]
    with synthetic.only_baselines("random-walk", "har-t"):
        again = stockcast.fit(file, CONFIG, read=SAID, home=tmp_path, name="again")
    assert stockcast.predict(again, file)["unique_id"].tolist() == ["XYZ"]
    assert stockcast.predict(again, file, read=ReadOptions(ticker="ABC"))["unique_id"].tolist() == ["ABC"]
    with pytest.raises(DataError):
        stockcast.predict(again, odd(tmp_path / "other.csv", HISTORY))


def test_a_pool_remembers_for_its_members_and_what_they_are_a_market_of(tmp_path: Path) -> None:
    for name, h in (("A", HISTORY), ("B", OTHER)):
        odd(tmp_path / f"{name}.csv", h)
    files = [str(tmp_path / f"{name}.csv") for name in "AB"]
    said = replace(SAID, ticker=None)
    with synthetic.only_baselines("random-walk", "har-t"):
        gathered = pipeline.gather(PriceSource(tmp_path, said), files, ProgressLog())
        pipeline.train_pool_from(gathered, CONFIG, tmp_path, "two", ProgressLog())
        assert pipeline.reproduce(tmp_path, "two", (), ReadOptions(), ProgressLog()).identical
    markets = pipeline.MarketSource(PriceSource(tmp_path).remembering("two"), files)
    made = [pipeline.predict_with(markets, file, PredictConfig(model="two"), ProgressLog()) for file in files]
    assert [one.ticker for (one,) in made] == ["A", "B"]
