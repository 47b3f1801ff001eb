"""A training without a test part: nothing is scored, and whoever reads its verdict is told so."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from docs.tools import schemas
from stockcast import pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.errors import ConfigError, DataError
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.series import calendar_over
from stockcast.pipeline.training import train_pool
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from stockcast.report.data import envelope, train_data
from stockcast.report.text import Page
from stockcast.report.training import trainings_text
from stockcast.results import TrainResult
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.forecasttable import save_rows
from tests import synthetic

LONGER = synthetic.history(560)
HISTORY = LONGER.rows(0, 480)
NEVER = date(9999, 12, 31)
CONFIG = TrainConfig(
    NetworkConfig(hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, steps=10, chunk=40, warmup=10, learning_rate=0.02),
    SplitConfig(HISTORY.session(400), NEVER),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("home")
    synthetic.write_csv(found / "FAKE.csv", HISTORY)
    return found


@pytest.fixture(scope="module")
def result(home: Path) -> TrainResult:
    return trained(home)


def trained(home: Path, config: TrainConfig = CONFIG) -> TrainResult:
    with synthetic.only_baselines("random-walk", "har-t"):
        return pipeline.train(str(home / "FAKE.csv"), ReadOptions(), config, home, None, Silent(), keep_rows=True)


def test_nothing_is_scored_and_the_verdict_says_so_in_plain_words(result: TrainResult) -> None:
    assert (result.scores, result.comparisons, result.test_forecasts) == ((), (), ())
    assert result.verdict.sentence.startswith("Not scored: there is no test part")
    assert {result.verdict.crps_skill, result.verdict.dm_p, result.verdict.coverage_90} == {None}
    assert result.forecasts[0].verdict == result.verdict.sentence


def test_everything_up_to_the_last_bar_teaches_or_chooses(result: TrainResult) -> None:
    assert list(result.splits) == ["train", "validation"]
    assert result.splits["validation"].last == HISTORY.last
    assert result.scored_cutoff == result.served_cutoff == HISTORY.last


def test_the_validation_part_says_who_makes_the_forecasts(home: Path, result: TrainResult) -> None:
    crps = result.validation_crps
    assert result.verdict.strongest_baseline == min(("random-walk", "har-t"), key=lambda name: crps[name])
    assert result.verdict.served_by in {"lstm", result.verdict.strongest_baseline}
    config = PredictConfig(model="FAKE")
    (forecast,) = pipeline.predict(str(home / "FAKE.csv"), ReadOptions(), config, home, Silent())
    assert (forecast.served_by, forecast.quantiles) == (result.verdict.served_by, result.forecasts[0].quantiles)


def test_what_is_served_is_what_a_training_with_a_test_part_of_other_bars_would_score(
    home: Path, result: TrainResult
) -> None:
    """The same sessions teach and choose; only what comes after them is there or not."""
    path = synthetic.write_csv(home / "LONGER.csv", LONGER)
    split = SplitConfig(HISTORY.session(400), LONGER.session(480))
    config = replace(CONFIG, split=split, training=replace(CONFIG.training, final_fit=False))
    with synthetic.only_baselines("random-walk", "har-t"):
        other = pipeline.train(str(path), ReadOptions(), config, home, "LONGER", Silent())
    ours, theirs = (
        trainedmodel.from_file(modelfile.load_model(home / "models", name)).scored for name in ("FAKE", "LONGER")
    )
    assert other.scores
    assert ours.ensemble.fingerprint() == theirs.ensemble.fingerprint()
    assert ours.baselines == theirs.baselines
    assert result.validation_crps == other.validation_crps


def test_it_is_reproduced_byte_by_byte(home: Path, result: TrainResult) -> None:
    assert result.path.is_dir()
    with synthetic.only_baselines("random-walk", "har-t"):
        assert pipeline.reproduce(home, "FAKE", (), ReadOptions(), Silent()).identical


def test_its_text_and_its_json_know_no_figures(result: TrainResult) -> None:
    text = trainings_text([result], Page(100))
    assert "no test part, so nothing was scored" in text
    assert "scored: lstm" not in text
    assert f"fitted on everything to {HISTORY.last}" in text
    document = json.loads(envelope("train", train_data([result]), ()))
    assert schemas.problems("stockcast.train/1", document) == []


def test_there_are_no_test_forecasts_to_save(result: TrainResult, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no test forecast to save"):
        save_rows(tmp_path / "rows.csv", [result])


def test_a_pool_and_an_audit_need_a_test_part(home: Path, tmp_path: Path) -> None:
    members = [synthetic.history(480, seed=seed, ticker=f"T{seed}") for seed in range(2)]
    with pytest.raises(DataError, match=f"around {NEVER} to be scored"):
        train_pool(Pool.of(members, calendar_over(members, None)), CONFIG, tmp_path, "two", Silent())
    with pytest.raises(ConfigError, match="there is none"):
        pipeline.audit(str(home / "FAKE.csv"), ReadOptions(), CONFIG, tmp_path, Silent())
