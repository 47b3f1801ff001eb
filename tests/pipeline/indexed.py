"""A stock with an index for its covariate: their files, settings to train with, and forecasts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stockcast import pipeline
from stockcast.config import CovariatesConfig, NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.forecasts import Forecast
from stockcast.pipeline.markets import MarketSource
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.progress import Progress, Silent
from stockcast.results import TrainResult
from stockcast.windows.covariates import COLUMNS
from tests import synthetic

HISTORY = synthetic.history(620)
INDEX = synthetic.history(620, seed=5, ticker="IDX")
CONFIG = TrainConfig(
    NetworkConfig(cell="gru", hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, batch_size=6, steps=4, chunk=40, warmup=10, learning_rate=0.02, checks=2),
    SplitConfig(HISTORY.session(420), HISTORY.session(520)),
)
ALL = ReadOptions()
IDX_COLUMNS = tuple(f"IDX:{column}" for column in COLUMNS)


def asked(*sources: str | Path, known_ahead: Path | None = None) -> TrainConfig:
    known = None if known_ahead is None else str(known_ahead)
    return replace(CONFIG, covariates=CovariatesConfig(tuple(map(str, sources)), known))


def events(folder: Path, *rows: int) -> Path:
    path = folder / "earnings.csv"
    path.write_text("date\n" + "".join(f"{HISTORY.dates[row]}\n" for row in rows))
    return path


def files(folder: Path) -> tuple[Path, Path]:
    """The series and the index in a folder."""
    return (
        synthetic.write_csv(folder / "FAKE.csv", HISTORY),
        synthetic.write_csv(folder / "IDX.csv", INDEX),
    )


def train(folder: Path, config: TrainConfig, home: str = "new", progress: Progress | None = None) -> TrainResult:
    """Train FAKE of a folder into a home there."""
    return pipeline.train(str(folder / "FAKE.csv"), ALL, config, folder / home, None, progress or Silent())


def predicted(folder: Path, *sources: str | Path, known_ahead: str | None = None, **settings: object) -> Forecast:
    """The forecast of FAKE.csv, with other places for what the model looks at."""
    config = PredictConfig(**settings)  # type: ignore[arg-type]
    markets = MarketSource(PriceSource(folder / "home", ALL), (str(folder / "FAKE.csv"),))
    covariates = CovariatesConfig(tuple(map(str, sources)), known_ahead)
    return pipeline.predict_with(markets, markets.sources[0], config, Silent(), covariates=covariates)[-1]
