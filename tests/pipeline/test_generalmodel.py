"""The general model: made in vintages, each blind to what came after it, and used where there is no other model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, PredictConfig, TrainConfig, TrainingConfig
from stockcast.config.models import BacktestConfig, FoldConfig
from stockcast.errors import ModelError
from stockcast.pipeline.backtesting import PretrainedBacktest
from stockcast.pipeline.generalmodel import Recipe, make_general_model
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.storage import trainedmodel
from tests import synthetic
from tests.pipeline.smallpool import NAMES, SESSIONS, day, stock
from tests.progress import ProgressLog

STOCKS = NAMES[:4]
CUTS = (day(420), day(600))
RECIPE = Recipe(
    config=TrainConfig(
        NetworkConfig(hidden_size=3, lookback=20),
        TrainingConfig(seeds=1, steps=6, chunk=40, warmup=10, learning_rate=0.05),
    ),
    cutoffs=CUTS,
    published=CUTS[1],
    choosing=timedelta(days=120),
)


def made(folder: Path, histories: list[History], recipe: Recipe = RECIPE) -> Path:
    with synthetic.only_baselines("random-walk", "har-t", "garch-t"):
        make_general_model(histories, folder, recipe, Silent())
    return folder


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("general"), [stock(name) for name in STOCKS])


@pytest.fixture(autouse=True)
def _installed(shipped: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainedmodel, "GENERAL_FOLDER", shipped)
        yield


def stranger() -> History:
    """A stock that taught nobody."""
    return stock("Z")


def predicted(tmp_path: Path, h: History, **settings: Any) -> Any:
    path = str(synthetic.write_csv(tmp_path / f"{h.ticker}.csv", h))
    log = ProgressLog()
    (forecast,) = pipeline.predict(path, ReadOptions(), PredictConfig(**settings), tmp_path / "home", log)
    return forecast, log.notes


def test_every_vintage_ends_at_its_cutoff_and_comes_in_two_kinds() -> None:
    found = trainedmodel.vintages()
    assert [(vintage.cutoff, vintage.closes) for vintage in found] == [
        (cut, closes) for cut in (*CUTS, day(SESSIONS - 1)) for closes in (False, True)
    ]


def test_a_vintage_does_not_depend_on_what_came_after_it(tmp_path: Path, shipped: Path) -> None:
    def with_another_future(h: History) -> History:
        other = synthetic.history(SESSIONS, seed=99, ticker=h.ticker)
        row = int(np.searchsorted(h.dates, np.datetime64(CUTS[0]))) + 1
        jump = h.close[row - 1] / other.close[row - 1]
        columns = {
            name: np.concatenate(
                [getattr(h, name)[:row], getattr(other, name)[row:] * (jump if name != "volume" else 1)]
            )
            for name in ("open", "high", "low", "close", "adjusted_close", "volume")
        }
        return replace(h, **columns)

    first_alone = replace(RECIPE, cutoffs=CUTS[:1])
    again = made(tmp_path / "again", [with_another_future(stock(name)) for name in STOCKS], first_alone)
    year = str(CUTS[0].year)
    for kind in (year, f"{year}-closes"):
        weights = [folder / kind / "weights.safetensors" for folder in (shipped, again)]
        assert weights[0].read_bytes() == weights[1].read_bytes()
    assert (shipped / "all" / "weights.safetensors").read_bytes() != (
        again / "all" / "weights.safetensors"
    ).read_bytes()


def test_a_ticker_without_a_model_is_forecast_by_the_general_one_and_told_so(tmp_path: Path) -> None:
    forecast, notes = predicted(tmp_path, stranger())
    assert (forecast.model, forecast.served_by, forecast.ticker) == ("general", "lstm", "Z")
    assert any("the general model forecasts" in note for note in notes)
    assert "never by this ticker alone" in forecast.verdict
    assert "better than HAR-t" in forecast.verdict
    named, notes = predicted(tmp_path, stranger(), model="general")
    assert named.quantiles == forecast.quantiles
    assert not any("no model of its own" in note for note in notes)


def test_an_earlier_origin_gets_the_newest_vintage_that_had_seen_nothing_later(tmp_path: Path) -> None:
    ids = {}
    for origin in (CUTS[0], day(500), CUTS[1], day(700), day(SESSIONS - 1)):
        forecast, _ = predicted(tmp_path, stranger(), as_of=origin)
        ids[origin] = forecast.model_id
    assert ids[CUTS[0]] == ids[day(500)] != ids[CUTS[1]] == ids[day(700)] != ids[day(SESSIONS - 1)]
    with pytest.raises(ModelError, match="every vintage of the general model was trained on sessions after") as caught:
        predicted(tmp_path, stranger(), as_of=day(419))
    assert str(CUTS[0]) in caught.value.hint


def test_closes_alone_and_bars_without_volume_are_read_too(tmp_path: Path) -> None:
    whole, _ = predicted(tmp_path, stranger())
    quiet, _ = predicted(tmp_path, replace(stranger(), volume=None))
    closes, _ = predicted(tmp_path, replace(stranger(), open=None, high=None, low=None, volume=None))
    assert whole.model_id == quiet.model_id != closes.model_id
    assert whole.quantiles != quiet.quantiles != closes.quantiles


def test_a_model_of_the_ticker_goes_first(tmp_path: Path) -> None:
    path = synthetic.write_csv(tmp_path / "Z.csv", stranger())
    with synthetic.only_baselines("random-walk", "har-t"):
        pipeline.train(str(path), ReadOptions(), RECIPE.config, tmp_path / "home", None, Silent())
    forecast, notes = predicted(tmp_path, stranger())
    assert forecast.model == "Z"
    assert notes == []


def backtested(tmp_path: Path, **folds: Any) -> Any:
    path = str(synthetic.write_csv(tmp_path / "Z.csv", stranger()))
    markets = pipeline.MarketSource(pipeline.PriceSource(tmp_path / "home", ReadOptions()), (path,))
    given = PretrainedBacktest("general", markets)
    config = BacktestConfig(folds=FoldConfig(refit_every=1000, **folds), baselines=("har-t", "random-walk"))
    return pipeline.backtest_pretrained(path, given, config, Silent(), keep_rows=True), given.of(stranger(), config)[0]


def test_what_is_scored_is_forecast_by_a_vintage_from_before_its_validation_part(tmp_path: Path) -> None:
    result, given = backtested(tmp_path, test_from=day(700), validate_from=day(620))
    assert given.model.scored.cutoff == CUTS[1] < result.folds[0].validation[0]
    earlier, given = backtested(tmp_path, test_from=day(560), validate_from=day(480))
    assert given.model.scored.cutoff == CUTS[0] < earlier.folds[0].validation[0]
    with pytest.raises(ModelError, match="every vintage"):
        backtested(tmp_path, test_from=day(500), validate_from=day(410))


def test_a_check_adds_what_became_of_the_ticker_itself(tmp_path: Path) -> None:
    path = str(synthetic.write_csv(tmp_path / "Z.csv", stranger()))
    markets = pipeline.MarketSource(pipeline.PriceSource(tmp_path / "home", ReadOptions()), (path,))
    forecasts = pipeline.predict_with(markets, path, PredictConfig(), Silent())
    (checked,) = pipeline.checked(markets, path, forecasts, Silent())
    assert checked.verdict.startswith(forecasts[0].verdict)
    assert "On Z itself, " in checked.verdict
    assert checked.quantiles == forecasts[0].quantiles
