"""Checking: the model that forecasts a ticker is tested on its own past, and the verdict says what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stockcast.config.backtests import BacktestConfig, FoldConfig
from stockcast.models.baselines import BASELINES
from stockcast.pipeline.backtesting import backtest_pretrained
from stockcast.pipeline.covariates import WHERE_TRAINED
from stockcast.pipeline.pretrained import PretrainedBacktest
from stockcast.progress import Progress

if TYPE_CHECKING:
    from stockcast.config import CovariatesConfig
    from stockcast.forecasts import Forecast
    from stockcast.pipeline.markets import MarketSource
    from stockcast.progress import Progress


def checked(
    markets: MarketSource, source: str, forecasts: tuple[Forecast, ...], progress: Progress,
    covariates: CovariatesConfig = WHERE_TRAINED,
) -> tuple[Forecast, ...]:  # fmt: skip
    """The forecasts with a verdict that tells how their model did on the source's past, baselines refitted each year.

    Of the general model it is the newest vintage that had seen nothing of that past, or of the sessions on which the
    strongest baseline is chosen. Raises what `backtest_given` raises.
    """
    config = BacktestConfig(folds=FoldConfig(), baselines=tuple(BASELINES), covariates=covariates)
    result = backtest_pretrained(source, PretrainedBacktest(forecasts[0].model, markets), config, progress)
    first, last = result.folds[0].test[0], result.folds[-1].test[1]
    found = f"On {result.ticker} itself, {first} to {last}: {result.verdict.sentence}"
    return tuple(replace(forecast, verdict=f"{forecast.verdict} {found}") for forecast in forecasts)
