"""The general model: made in vintages, each blind to what came after it, and used where there is no other model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
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
from stockcast.pipeline.generalskill import Exam
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.events import EventCalendar
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.storage import trainedmodel
from tests import synthetic
from tests.pipeline.smallpool import CALENDAR, NAMES, SESSIONS, day, stock
from tests.progress import ProgressLog

STOCKS = NAMES[:4]
CUTS = (day(420), day(600))
RECIPE = Recipe(
    config=TrainConfig(
        NetworkConfig(hidden_size=3, lookback=20),
        TrainingConfig(seeds=1, steps=6, chunk=40, warmup=10, learning_rate=0.05),
    ),
    cutoffs=CUTS,
    exams=(Exam(CUTS[1], day(601), date.max),),
    choosing=timedelta(days=120),
)


def made(folder: Path, histories: list[History], recipe: Recipe = RECIPE, keep: bool = False) -> Path:
    with synthetic.only_baselines("random-walk", "har-t", "har-t-events", "garch-t"):
        make_general_model(histories, folder, recipe, Silent(), keep)
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


def reporting(name: str, until: date = date.max) -> History:
    """A stock that reports, as far as its dates are known."""
    h = synthetic.reporting(stock(name), seed=ord(name), every=40)
    assert h.events is not None
    told = h.events.newest
    known = told.days <= np.datetime64(min(until, h.last), "D")
    dates = replace(told, days=told.days[known], whens=tuple(np.array(told.whens)[known].tolist()))
    return replace(h, events=EventCalendar.of([dates], CALENDAR))


def layer_of(folder: Path, name: str) -> Any:
    return json.loads((folder / name / "manifest.json").read_text())["scored"].get("layer")


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory, shipped: Path) -> Path:
    """The same networks, with what they make of dates."""
    folder = tmp_path_factory.mktemp("layered") / "general"
    shutil.copytree(shipped, folder)
    return made(folder, [reporting(name) for name in STOCKS], keep=True)


def test_networks_that_are_kept_stay_byte_for_byte_and_get_a_layer(shipped: Path, layered: Path) -> None:
    for vintage in trainedmodel.vintages():
        weights = [folder / vintage.name / "weights.safetensors" for folder in (shipped, layered)]
        assert weights[0].read_bytes() == weights[1].read_bytes()
        assert layer_of(shipped, vintage.name) is None
        assert 0 < layer_of(layered, vintage.name)["kappa"] < 4
        before, after = (
            trainedmodel.general_model(vintage.cutoff, stock("Z").between(None, vintage.cutoff), folder)
            for folder in (shipped, layered)
        )
        assert before.model_id != after.model_id
        assert after.scored.ensemble.layer is not None
    assert (shipped / "index.json").read_bytes() == (layered / "index.json").read_bytes()


def test_a_layer_does_not_depend_on_dates_or_bars_after_its_cutoff(tmp_path: Path, layered: Path) -> None:
    shutil.copytree(layered, tmp_path / "general")
    until = [replace(reporting(name, CUTS[0]), **later_bars(name)) for name in STOCKS]
    again = made(tmp_path / "general", until, keep=True)
    year = str(CUTS[0].year)
    for kind in (year, f"{year}-closes"):
        assert layer_of(again, kind) == layer_of(layered, kind)
    assert layer_of(again, "all") != layer_of(layered, "all")
    assert layer_of(layered, year) != layer_of(layered, f"{year}-closes")


def later_bars(name: str) -> dict[str, Any]:
    """The bars of another stock after the first cutoff."""
    row = int(np.searchsorted(stock(name).dates, np.datetime64(CUTS[0]))) + 1
    h = synthetic.replaced(reporting(name), row)
    return {column: getattr(h, column) for column in ("open", "high", "low", "close", "adjusted_close", "volume")}


def test_without_dates_a_forecast_is_the_same_and_its_verdict_says_what_dates_are_worth(
    tmp_path: Path, layered: Path
) -> None:
    before, _ = predicted(tmp_path, stranger())
    # Not by the fixture of that name, which is set up first and would undo last: what it undoes to is patched, too.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainedmodel, "GENERAL_FOLDER", layered)
        after, _ = predicted(tmp_path, stranger())
    assert before.quantiles == after.quantiles
    assert "given the dates of reports" in after.verdict
    assert "given the dates of reports" not in before.verdict


def test_the_figures_of_an_exam_are_those_of_its_sessions_alone(layered: Path) -> None:
    manifest = json.loads((layered / "all" / "manifest.json").read_text())
    (found,) = manifest["skill"].values()
    assert (found["vintage"], found["first"], found["last"]) == tuple(map(str, (CUTS[1], day(601), day(SESSIONS - 1))))
    assert found["over"]["har-t"]["of"] == found["stocks"] == len(STOCKS)
    dates = found["with_dates"]
    assert set(dates["over"]) == {"har-t", "garch-t", "har-t-events", "network"}
    assert dates["reacting"]["sessions"] + dates["others"]["sessions"] == len(STOCKS) * (SESSIONS - 601)
    # Reports move these stocks by twice a session's scale and more.
    assert dates["reacting"]["over"]["network"]["gain"] > 0.02
    assert dates["reacting"]["coverage_90"] > dates["reacting"]["coverage_90_without"]
    assert set(found["years"]) == {str(year) for year in range(day(601).year, day(SESSIONS - 1).year + 1)}
