"""The public Python API: complete, and loaded only when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

import stockcast
from stockcast import NetworkConfig, PredictConfig, ReadOptions, Silent, SplitConfig, TrainConfig, TrainingConfig
from tests import synthetic


def test_every_public_name_is_there() -> None:
    for name in stockcast.__all__:
        assert getattr(stockcast, name) is not None
    assert dir(stockcast) == stockcast.__all__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        stockcast.nonsense  # noqa: B018 - the access is what is tested


def test_importing_stockcast_imports_nothing_else() -> None:
    code = "import sys, stockcast; assert 'numpy' not in sys.modules and 'typer' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_python_user_trains_and_predicts(tmp_path: Path) -> None:
    file = synthetic.write_csv(tmp_path / "FAKE.csv", synthetic.history(900))
    config = TrainConfig(
        NetworkConfig(cell="gru", hidden_size=4, lookback=20),
        TrainingConfig(seeds=1, steps=10),
        SplitConfig(date(2014, 1, 2), date(2014, 9, 1)),
    )
    result = stockcast.train(str(file), ReadOptions(), config, tmp_path, "mine", Silent(), keep_rows=True)
    assert result.model == "mine"
    assert result.splits["test"].first == date(2014, 9, 1)
    stockcast.save_rows(tmp_path / "rows.csv", [result])
    assert (tmp_path / "rows.csv").stat().st_size > 0
    (forecast,) = stockcast.predict(str(file), ReadOptions(), PredictConfig(model="mine"), tmp_path, Silent())
    assert forecast.quantiles == result.forecasts[0].quantiles
