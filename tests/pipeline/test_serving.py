"""Who makes the forecasts of a training that begins with the general model: of stocks like none, and of coins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from docs.tools import schemas
from stockcast import pipeline
from stockcast.config import PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import SCRATCH, TUNING, BacktestConfig, FoldConfig
from stockcast.pipeline.backtesting import PretrainedBacktest
from stockcast.pipeline.markets import MarketSource
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.report.data import plain
from stockcast.results import TrainResult
from stockcast.storage import modelfile, trainedmodel
from tests import synthetic

N = 1000
UNLIKE = "This series trades seven days a week; the network was taught by series that do not."


def steady(seed: int, nu: float) -> History:
    """Prices whose volatility never changes: whoever expects calm and storm is wrong."""
    draw = np.random.default_rng(seed)
    close = 500.0 * np.exp(np.cumsum(0.03 * draw.standard_t(nu, N) * np.sqrt((nu - 2) / nu)))
    before = np.concatenate(([500.0], close[:-1]))
    wick = np.abs(draw.standard_normal((2, N))) * 0.012
    return replace(
        synthetic.history(N, ticker="FAKE", first="2016-01-04"),
        close=close, adjusted_close=close, open=before,
        high=np.maximum(before, close) * np.exp(wick[0]), low=np.minimum(before, close) * np.exp(-wick[1]),
        volume=1e6 * np.exp(0.1 * draw.standard_normal(N)),
    )  # fmt: skip


def coin(h: History) -> History:
    """The same bars, one a day, weekends too."""
    return replace(h, ticker="COIN", dates=np.datetime64("2016-01-01") + np.arange(N).astype("timedelta64[D]"))


WORSE, BEHIND = steady(0, 30.0), steady(2, 4.0)


@pytest.fixture(scope="module", autouse=True)
def _hasty() -> Iterator[None]:
    """Few steps, whatever the settings say."""
    steps = TrainingConfig.gradient_steps
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingConfig, "gradient_steps", lambda *told: min(5, steps(*told)))
        yield


def trained(home: Path, h: History, config: TrainConfig | None = None) -> TrainResult:
    home.mkdir(exist_ok=True)
    path = synthetic.write_csv(home / f"{h.ticker}.csv", h)
    with synthetic.only_baselines("random-walk", "har-t"):
        return pipeline.train(str(path), ReadOptions(), config or TrainConfig(), home, None, Silent())


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainResult]:
    home = tmp_path_factory.mktemp("worse")
    return home, trained(home, WORSE)


def test_a_series_on_which_the_general_model_is_significantly_worse_goes_to_har(
    worse: tuple[Path, TrainResult],
) -> None:
    home, result = worse
    found = result.verdict
    assert (found.served_by, found.served_because) == ("har-t", "worse")
    assert found.served_p is not None
    assert found.served_p < 0.05
    assert result.validation_crps["har-t"] < result.validation_crps["lstm"]
    assert "which many stocks have taught, was significantly worse than HAR-t on the validation part" in found.sentence
    assert found.sentence.endswith("so HAR-t makes the forecasts.")
    assert {forecast.served_by for forecast in result.forecasts} == {"har-t"}
    model = trainedmodel.from_file(modelfile.load_model(home / "models", "FAKE"))
    assert (model.served_by, model.sentence) == ("har-t", found.sentence)


def test_one_on_which_it_is_behind_by_luck_does_not(tmp_path: Path) -> None:
    result = trained(tmp_path, BEHIND)
    found = result.verdict
    assert (found.served_by, found.served_because) == ("lstm", "not worse")
    assert found.served_p is not None
    assert found.served_p >= 0.05
    assert result.validation_crps["har-t"] < result.validation_crps["lstm"]
    assert found.sentence.endswith("and many stocks have taught it, so it makes the forecasts.")


def test_from_scratch_it_has_to_be_ahead(tmp_path: Path) -> None:
    config = TrainConfig(training=TrainingConfig(seeds=1, steps=5, final_fit=False), init=SCRATCH)
    result = trained(tmp_path, BEHIND, config)
    found, crps = result.verdict, result.validation_crps
    assert found.served_by == min(crps, key=lambda name: crps[name])
    assert (found.served_because, found.served_p) == ("ahead" if found.served_by == "lstm" else "not ahead", None)


def test_a_model_of_one_series_has_proven_nothing(tmp_path: Path) -> None:
    early = TrainConfig(
        training=TrainingConfig(seeds=1, steps=5, final_fit=False),
        split=SplitConfig(BEHIND.session(500), BEHIND.session(600)), init=SCRATCH,
    )  # fmt: skip
    trained(tmp_path, BEHIND, early)
    result = trained(tmp_path, BEHIND, TrainConfig(training=replace(TUNING, seeds=1), init="FAKE"))
    assert result.init is not None
    assert result.verdict.served_p is None
    assert result.verdict.served_because in {"ahead", "not ahead"}


def test_what_stocks_have_taught_has_to_earn_it_on_a_coin_which_is_said_to_be_unlike_them(tmp_path: Path) -> None:
    result = trained(tmp_path, coin(BEHIND))
    found = result.verdict
    assert result.init is not None
    assert (found.served_by, found.served_because, found.served_p) == ("har-t", "not ahead", None)
    assert found.sentence.endswith(f"on the validation part, so HAR-t makes the forecasts. {UNLIKE}")
    files = tmp_path / "COIN.csv", synthetic.write_csv(tmp_path / "FAKE.csv", BEHIND)
    for path, model, times in ((files[0], "general", 1), (files[0], "COIN", 1), (files[1], "general", 0)):
        (forecast,) = pipeline.predict(str(path), ReadOptions(), PredictConfig(model=model), tmp_path, Silent())
        assert forecast.verdict.count(UNLIKE) == times


def test_the_json_says_which_rule_spoke(worse: tuple[Path, TrainResult]) -> None:
    home, result = worse
    said = json.loads(json.dumps(plain(result)))["verdict"]
    assert (said["served_by"], said["served_because"]) == ("har-t", "worse")
    assert said["served_p"] == result.verdict.served_p
    manifest = json.loads((home / "models" / "FAKE" / "manifest.json").read_text())
    assert manifest["verdict_figures"] == json.loads(json.dumps(asdict(result.verdict)))
    assert not schemas.problems(manifest["format"], manifest)


@pytest.mark.parametrize(("h", "because"), [(WORSE, "worse"), (coin(WORSE), "not ahead")])
def test_a_backtest_of_the_general_model_goes_by_the_same_rule(h: History, because: str, tmp_path: Path) -> None:
    """Its first fold has the training's validation part."""
    split = trained(tmp_path, h).splits
    config = BacktestConfig(
        folds=FoldConfig(split["test"].first, 150, validate_from=split["validation"].first),
        baselines=("random-walk", "har-t"),
    )
    model = PretrainedBacktest("general", MarketSource(PriceSource(tmp_path)))
    found = pipeline.backtest_pretrained(str(tmp_path / f"{h.ticker}.csv"), model, config, Silent()).verdict
    assert (found.served_by, found.served_because) == ("har-t", because)
    assert "makes the forecasts" not in found.sentence
