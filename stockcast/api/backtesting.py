"""Backtesting: prices in, every forecast of a walk-forward out, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stockcast.api.frames import Intervals
from stockcast.api.inputs import Attempts, Home, OnError, expected, path_of
from stockcast.api.models import Model, folder_for
from stockcast.api.prices import CovariateSources, Events, Prices, covariates_in, events_said, on_exchange, series_in
from stockcast.config.models import BacktestConfig
from stockcast.config.sources import AS_IT_IS, ReadOptions
from stockcast.errors import ConfigError
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.models import Memory
from stockcast.pipeline.series import GivenSeries, PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.progress import Progress, Silent
from stockcast.storage.readings import KeptReading

if TYPE_CHECKING:
    import pandas as pd

    from stockcast.engine.pieces import Steps
    from stockcast.evaluation.scores import ForecastRows
    from stockcast.evaluation.verdict import BacktestResult, BacktestSummary


@dataclass(frozen=True)
class Backtest:
    """What a backtest found: `summary` on all series together, its `results` on each."""

    summary: BacktestSummary

    def verdicts(self) -> dict[str, str]:
        """What can be said of each series, in a sentence."""
        return {result.ticker: result.verdict.sentence for result in self.summary.results}

    def forecasts(self, levels: Sequence[float] = (90,)) -> pd.DataFrame:
        """Every forecast of every competitor, one row for each series, cutoff and session ahead.

        Args:
            levels: Central intervals, even percentages from 2 to 98, since whole percentiles are what is recorded.

        Returns:
            Columns unique_id, ds (target session), cutoff (the last session that the forecast saw), y, and for each
            competitor its median under its name, lstm-lo-90, lstm-hi-90 and so on. Prices are those of the cutoff: y is
            the close of ds with dividends since the cutoff added back and splits undone, as forecasts are. With
            `BacktestConfig.policy` also policy-position and policy (long only)-position: shares of the capital held
            from the cutoff to the next close.

        Raises:
            ConfigError: For other levels.
        """
        import pandas as pd

        intervals = _recorded(levels)
        rows = [rows for result in self.summary.results for rows in result.rows]
        keys = dict.fromkeys((rows_.ticker, rows_.horizon) for rows_ in rows)
        held = {(found.ticker, 1): found.positions for found in self.summary.results}
        of_key = [(key, [one for one in rows if (one.ticker, one.horizon) == key]) for key in keys]
        parts = [_frame(of, intervals, held.get(key, {})) for key, of in of_key]
        return pd.concat(parts, ignore_index=True).sort_values(["unique_id", "cutoff", "ds"], ignore_index=True)

    def scores(self) -> pd.DataFrame:
        """crps, coverage_90 and the other scores, one row for each series, competitor and session ahead."""
        return _table(score for result in self.summary.results for score in result.scores)

    def skill(self) -> pd.DataFrame:
        """Each network against each baseline: crps_skill = 1 - crps / baseline's, and dm_p, the one-sided p-value."""
        return _table(found for result in self.summary.results for found in result.comparisons)

    def pooled(self) -> pd.DataFrame:
        """The same over all series together, by date; better: on how many of them the network was better."""
        return _table(self.summary.pooled)


def backtest(  # noqa: PLR0913 - each is a keyword of the public API
    prices: Prices, config: BacktestConfig | None = None, *, model: Model | None = None, home: Home | None = None,
    progress: Progress | None = None, covariates: CovariateSources | None = None, events: Events | None = None,
    read: ReadOptions = AS_IT_IS, on_error: OnError = "warn", jobs: int | None = 1,
) -> Backtest:  # fmt: skip
    """Walk forward over each series as `stockcast backtest` does: refit, forecast, and score every competitor.

    Each fold is fitted as `fit` would have on its day: where `config` asks for nothing else (`BacktestConfig.init`), it
    begins with the general model.

    Args:
        prices: A long frame (see `to_histories`), a source as of `load`, or histories.
        config: Competitors, folds and training; None for the defaults.
        model: Its network forecasts every fold instead, also of series that it never saw, and is not fitted again;
            sessions that it was trained on are not scored.
        home: The folder in which finished folds are kept, so that the same backtest is not fitted again; without it,
            and with a model, they go.
        progress: Who watches; nobody unless given.
        covariates: As in `fit`; with a model, as in `predict`, but no frame.
        events: Dates of reports, as in `fit` and `predict`.
        read: What files do not say of themselves, and the first and last bar to keep; of its own files a model
            remembers it.
        on_error: "warn" leaves out the series that cannot be walked, with one `LeftOut` warning that names each and its
            reason, once the others are done; "raise" raises the first failure.
        jobs: Processes that fit folds at the same time, to the same bytes; None: one for each core. With 1 everything
            is done in this process, which `progress` then shows in full; else it hears of notes alone.

    Returns:
        What was found, as frames.

    Raises:
        DataError: Where no series can be walked: the first is too short.
        ConfigError: For an unknown baseline.
        ModelError: Where the model was trained on the sessions that would be scored.

    Examples:
        >>> from datetime import date
        >>> from stockcast import BacktestConfig, FoldConfig, NetworkConfig, TrainingConfig, backtest, load
        >>> prices = load("data/GSPC.csv", start=date(2015, 1, 2), end=date(2018, 12, 31))
        >>> quick = BacktestConfig(
        ...     network=NetworkConfig(hidden_size=4), training=TrainingConfig(seeds=1, steps=5),
        ...     folds=FoldConfig(test_from=date(2018, 1, 2)), baselines=("har-t",),
        ... )
        >>> found = backtest(prices, quick)
        >>> found.forecasts().columns.tolist()[:6]
        ['unique_id', 'ds', 'cutoff', 'y', 'lstm', 'lstm-lo-90']
        >>> found.skill()[["unique_id", "model", "baseline"]].values.tolist()
        [['GSPC', 'lstm', 'har-t']]
    """
    from stockcast.pipeline.judging import pooled

    config = expected(config or BacktestConfig(), BacktestConfig, "config", "a BacktestConfig")
    attempts, progress, place = Attempts(on_error), progress or Silent(), path_of(home)
    covariate_source = covariates_in(covariates, place, progress, config.covariates)
    if model is not None:
        if config.policy.wanted:
            raise ConfigError("a policy is learnt in each fold, and a saved model is not", "leave one of them out")
        expected(model, Model, "model", "what fit or open_model returns")
    recall = None if model is None else Memory(lambda _ticker: KeptReading.of(model.file.manifest))
    usual = None if model is None else model.trained.calendar
    read = replace(read, exchange=read.exchange or config.exchange)
    read, table = events_said(read, events)
    found = series_in(prices, place, attempts, read, recall, usual, table)
    with folder_for(place if model is None else None) as folder:
        if model is not None:
            results = attempts.together(_forecast_by(model, found, config, covariate_source, folder), jobs, progress)
        else:
            covariate_source = replace(covariate_source, prices=PriceSource(folder))
            walks = [
                (series.history.ticker, partial(_walked, series, config, folder, covariate_source)) for series in found
            ]
            results = attempts.together(walks, jobs, progress)
    attempts.tell()
    return Backtest(pooled(results))


def _forecast_by(
    model: Model, found: Sequence[PriceSeries], config: BacktestConfig, covariate_source: CovariateSource, folder: Path
) -> list[tuple[str, Callable[[], Steps[BacktestResult]]]]:
    """The walks in which a model's network forecasts, each under the name of its series."""
    from stockcast.pipeline.backtesting import PretrainedBacktest, backtest_pretrained_steps
    from stockcast.pipeline.markets import MarketSource

    model.save(folder)
    # Like files, all series are taken to be of the model's exchange.
    given = {series.history.ticker: GivenSeries.of(series.history) for series in found}
    prices = PriceSource(folder, ReadOptions(exchange=config.exchange), given=given)
    pretrained = PretrainedBacktest(model.name, MarketSource(prices, tuple(given)))
    config = replace(config, covariates=covariate_source.asked)
    told = covariate_source.progress
    walk = partial(backtest_pretrained_steps, pretrained=pretrained, config=config, progress=told, keep_rows=True)
    return [(ticker, partial(walk, ticker)) for ticker in given]


def _walked(
    series: PriceSeries, config: BacktestConfig, home: Path, covariate_source: CovariateSource
) -> Steps[BacktestResult]:
    from stockcast.pipeline.backtesting import walk_of, walked

    if covariate_source:
        series = on_exchange(series, config.exchange)
    walk = walk_of(series, covariate_source.columns(series, None), config, home, covariate_source.progress)
    return (yield from walked(walk, keep_rows=True))


def _recorded(levels: Sequence[float]) -> Intervals:
    intervals = Intervals.of(levels)
    for level in intervals.levels:
        if level % 2:
            raise ConfigError(
                f"a backtest records whole percentiles, and the interval of {level:g} % does not end on one",
                f"ask for an even level, such as {2 * round(level / 2)}",
            )
    return intervals


def _frame(rows: Sequence[ForecastRows], intervals: Intervals, positions: Mapping[str, Any]) -> pd.DataFrame:
    """The forecasts of one series and step, all competitors side by side."""
    import pandas as pd

    first, percents = rows[0], np.rint(100 * intervals.quantiles).astype(int)
    columns: dict[str, Any] = {
        "unique_id": first.ticker,
        "ds": first.target_sessions.astype("datetime64[s]"),
        "cutoff": first.origins.astype("datetime64[s]"),
        "y": first.last_close * np.exp(first.realised_return),
    }
    for one in rows:
        prices_NQ = one.last_close[:, None] * np.exp(one.quantiles_NQ[:, percents - 1])
        columns |= intervals.named(one.model, prices_NQ)
    columns |= {f"{name}-position": position_N for name, position_N in positions.items()}
    return pd.DataFrame(columns)


def _table(rows: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([asdict(row) for row in rows]).rename(columns={"ticker": "unique_id"})
