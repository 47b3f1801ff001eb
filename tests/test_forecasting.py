"""What a forecast carries besides its distribution: the newest closes, to be drawn beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Silent
from tests import synthetic

HISTORY = synthetic.history(900)
SPLIT_AT = 890
CONFIG = TrainConfig(
    NetworkConfig(cell="rnn", hidden_size=2, lookback=20),
    TrainingConfig(seeds=1, steps=2, final_fit=False),
    SplitConfig(HISTORY.session(600), HISTORY.session(750)),
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prices with a split of two for one ten sessions before the end, and a model of them in the same folder."""
    folder = tmp_path_factory.mktemp("split")
    shares = np.where(np.arange(len(HISTORY)) < SPLIT_AT, 2.0, 1.0)
    halved = replace(
        HISTORY, **{name: shares * getattr(HISTORY, name) for name in ("open", "high", "low", "close")}
    )  # fmt: skip
    path = synthetic.write_csv(folder / "FAKE.csv", halved)
    pipeline.train(str(path), ReadOptions(), CONFIG, folder, None, Silent())
    return path


def test_a_split_among_the_recent_closes_is_no_crash(file: Path) -> None:
    forecasts = pipeline.predict(str(file), ReadOptions(), PredictConfig(horizon=2), file.parent, Silent())
    for forecast in forecasts:
        assert forecast.recent_closes[-1] == forecast.last_close
        np.testing.assert_allclose(forecast.recent_closes, HISTORY.close[-30:], rtol=1e-12)


def test_before_the_split_the_recent_closes_are_in_the_shares_of_then(file: Path) -> None:
    config = PredictConfig(as_of=HISTORY.session(SPLIT_AT - 1))
    (forecast,) = pipeline.predict(str(file), ReadOptions(), config, file.parent, Silent())
    np.testing.assert_allclose(forecast.recent_closes, 2.0 * HISTORY.close[SPLIT_AT - 30 : SPLIT_AT], rtol=1e-12)
