"""Small walks for the tests of backtests: a history and quick settings."""

from __future__ import annotations

from pathlib import Path

from stockcast import pipeline
from stockcast.config import NetworkConfig, TrainingConfig
from stockcast.config.models import BacktestConfig, FoldConfig
from stockcast.evaluation.scores import ForecastRows
from stockcast.evaluation.verdict import BacktestResult
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Silent
from tests import synthetic

HISTORY = synthetic.history(620)
FIRST, EVERY = 500, 40
CONFIG = BacktestConfig(
    network=NetworkConfig(hidden_size=4, lookback=20),
    training=TrainingConfig(seeds=1, steps=5, chunk=40, warmup=10, learning_rate=0.02),
    folds=FoldConfig(HISTORY.session(FIRST), EVERY, embargo=3),
    baselines=("random-walk", "har-t", "fhs-garch"),
)
ROWS = ("origins", "target_sessions", "last_close", "realised_return", "crps", "log_score", "pit", "quantiles_NQ")


def backtest(h: History, home: Path, config: BacktestConfig = CONFIG, progress: Silent | None = None) -> BacktestResult:
    home.mkdir(exist_ok=True)
    path = synthetic.write_csv(home / "FAKE.csv", h)
    return pipeline.backtest(str(path), ReadOptions(), config, home, progress or Silent(), keep_rows=True)


def rows_of(result: BacktestResult, model: str, horizon: int = 1) -> ForecastRows:
    (rows,) = [rows for rows in result.rows if (rows.model, rows.horizon) == (model, horizon)]
    return rows


def row_bytes(result: BacktestResult, forecasts: int, horizon: int = 1) -> dict[str, bytes]:
    """The first forecasts of every competitor: figures that existed at their origins, and what became of them."""
    return {
        rows.model: b"".join(getattr(rows, name)[:forecasts].tobytes() for name in ROWS)
        for rows in result.rows
        if rows.horizon == horizon
    }
