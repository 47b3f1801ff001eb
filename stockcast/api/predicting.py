"""Predicting: a model and prices in, a frame of forecasts out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache, partial
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stockcast import config as settings
from stockcast.api.covariates import CovariateInputs, CovariateSources, target_series_of
from stockcast.api.inputs import Attempts, Home, OnError, day_of, expected, path_of
from stockcast.api.intervals import Intervals
from stockcast.api.model import Model
from stockcast.api.prices import Prices, asked, histories_of, usable_histories_of
from stockcast.config import PredictConfig
from stockcast.forecasting import Clock, View
from stockcast.progress import Silent

if TYPE_CHECKING:
    import pandas as pd

    from stockcast.prices.history import History
    from stockcast.windows.market import Market

COLUMN = "stockcast"
"""Name of the forecasts' column, whichever competitor makes them: `Model.served_by` says which."""


def predict(  # noqa: PLR0913 - each is a keyword of the public API
    model: Model, prices: Prices, *, horizon: int | None = None, as_of: date | None = None,
    levels: Sequence[float] = (90,), home: Home | None = None, covariates: CovariateSources | None = None,
    on_error: OnError = "warn",
) -> pd.DataFrame:  # fmt: skip
    """Forecasts of the sessions after the newest bar of each series, or after the last one up to `as_of`.

    horizon: sessions ahead (default: what the model was trained for). levels: central intervals, in percent. home: for
    tickers, as in `load`. A model may forecast series that it was not trained on; a pooled one that looks at its market
    takes the series that are given here for it, in the sessions after its own. covariates: other places for
    what the model looks at beside them, in its order or by their names; those of a frame have to be given again.
    on_error: "warn" leaves out the series that cannot be forecast, with one `LeftOut` warning that names each and its
    reason; "raise" raises the first failure.

    Returns a frame with unique_id, ds (target session), stockcast (the median, in the price of the last bar),
    stockcast-lo-90 and stockcast-hi-90, and so on for each level.

    Raises, where no series can be forecast, what is wrong with the first: DataError where it is too short or lacks a
    column that the model was trained on, ModelError where the model has learnt from sessions after its last bar, or
    after `as_of`.

    Examples:
        >>> from datetime import date
        >>> from stockcast import NetworkConfig, TrainConfig, TrainingConfig, fit, load, predict
        >>> prices = load("data/GSPC.csv", start=date(2015, 1, 2), end=date(2018, 12, 31))
        >>> model = fit(prices, TrainConfig(NetworkConfig(hidden_size=4), TrainingConfig(seeds=1, steps=5)))
        >>> forecasts = predict(model, prices, horizon=2, levels=[80])
        >>> forecasts.columns.tolist()
        ['unique_id', 'ds', 'stockcast', 'stockcast-lo-80', 'stockcast-hi-80']
        >>> forecasts["ds"].dt.date.tolist()
        [datetime.date(2019, 1, 2), datetime.date(2019, 1, 3)]
    """
    import pandas as pd

    expected(model, Model, "model", "what fit or open_model returns")
    attempts, intervals = Attempts(on_error), Intervals.of(levels)
    as_of, place, prices = day_of(as_of, "as_of"), path_of(home), asked(prices)
    if horizon is not None:
        horizon = int(expected(horizon, Integral, "horizon", "a whole number of sessions"))
    config = PredictConfig(as_of=as_of, horizon=horizon)
    beside = CovariateInputs.of(covariates)
    histories = histories_of(prices, place, as_of, attempts)
    market = cache(partial(_market, model, prices, place))

    def forecast(history: History) -> pd.DataFrame:
        target = target_series_of(history, model.trained.calendar, place if model.trained.covariates else None)
        trained = beside.again(model.trained, target, place, Silent())
        return _frame(View.of(trained, history, config, market(history.last)), intervals)

    frames = attempts.each([(history.ticker, partial(forecast, history)) for history in histories])
    attempts.tell()
    return pd.concat(frames, ignore_index=True)


def _frame(view: View, intervals: Intervals) -> pd.DataFrame:
    import pandas as pd

    past = view.past
    targets = view.model.calendar.next_sessions(past.last, view.horizon)
    dists = view.dists(view.model.served_by)
    # As forecasts in full: that is where what cannot be is refused.
    view.forecasts(dists, Clock(view.model.calendar, past.last, settings.now()))
    returns_HQ = np.concatenate([dist.quantile(intervals.quantiles) for dist in dists])
    columns = {
        "unique_id": past.ticker,
        "ds": np.array(targets, dtype="datetime64[s]"),
        **intervals.named(COLUMN, past.close[-1] * np.exp(returns_HQ)),
    }
    return pd.DataFrame(columns)


def _market(model: Model, prices: pd.DataFrame | list[str], home: Path | None, origin: date) -> Market | None:
    """What a pooled model looks at: after the sessions that were kept with it, the cross-section of these prices.

    Bars after the origin are not even read: no repair of another series may know them.
    """
    kept = model.trained.market
    if kept is None or kept.dates_D[-1] >= np.datetime64(origin):
        return None
    from stockcast.pipeline.markets import continued, market_of

    return continued(kept, market_of(usable_histories_of(prices, home, origin)))
