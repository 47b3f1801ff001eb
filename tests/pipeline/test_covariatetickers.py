"""Covariates that are tickers: AAA is trained with BBB as its covariate, both from the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import CovariatesConfig, PredictConfig, SplitConfig
from stockcast.config.runs import LimitsConfig, OutputConfig, RetrainConfig, RunConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import DataError
from stockcast.forecasts import Forecast
from stockcast.pipeline.markets import MarketSource
from stockcast.pipeline.models import model_of
from stockcast.pipeline.source import PriceSource
from stockcast.prices.history import History
from stockcast.progress import Silent
from tests import synthetic
from tests.pipeline.conftest import SetClock
from tests.pipeline.indexed import ALL, CONFIG
from tests.pipeline.provider import MONDAY, NEW_YORK, THURSDAY, TUESDAY, WEDNESDAY, Provider, evening, series
from tests.progress import ProgressLog

SESSIONS = 500
LONDON = replace(NEW_YORK, exchange_code="LSE", zone="Europe/London", currency="GBp")
LIVE = replace(CONFIG, split=SplitConfig(), training=replace(CONFIG.training, final_fit=False))
pytestmark = pytest.mark.usefixtures("few_baselines")  # none of them looks at a covariate


@pytest.fixture
def listed(provider: Provider) -> Provider:
    """AAA and BBB with long histories, and LON of London."""
    for name, seed, meta in (("AAA", 1, NEW_YORK), ("BBB", 2, NEW_YORK), ("LON", 3, LONDON)):
        provider.listed[name] = series(name, SESSIONS, seed, meta)
    return provider


def live(home: Path, log: ProgressLog | None = None, source: str = "AAA", *covariates: str) -> str:
    config = replace(LIVE, covariates=CovariatesConfig(covariates or ("BBB",)))
    return pipeline.train(source, ALL, config, home, None, log or Silent()).model_id


def forecast(home: Path, fetching: FetchConfig, log: ProgressLog | None = None, **settings: object) -> Forecast:
    fetch_session = pipeline.FetchSession(fetching, many=False)
    config = PredictConfig(**settings)  # type: ignore[arg-type]
    return pipeline.predict("AAA", ALL, config, home, log or Silent(), fetch_session=fetch_session)[0]


def test_a_ticker_beside_a_ticker_is_fetched_and_found_again(listed: Provider, clock: SetClock, home: Path) -> None:
    live(home)
    assert [ticker for ticker, _ in listed.asked] == ["AAA", "BBB"]
    online = forecast(home, FetchConfig(pause=0))
    assert forecast(home, FetchConfig(offline=True)).quantiles == online.quantiles
    assert [ticker for ticker, _ in listed.asked] == ["AAA", "BBB"]
    clock(evening(MONDAY))
    assert forecast(home, FetchConfig(pause=0)).origin == MONDAY
    assert [ticker for ticker, _ in listed.asked[2:]] == ["AAA", "BBB"]


@pytest.mark.usefixtures("listed")
def test_a_ticker_that_is_not_stored_cannot_be_had_offline(home: Path) -> None:
    live(home)
    offline = pipeline.FetchSession(FetchConfig(offline=True), many=False)
    markets = MarketSource(PriceSource(home, ALL, offline), ("AAA",))
    with pytest.raises(DataError, match="the covariate BBB: no prices of CCC are stored") as refused:
        pipeline.predict_with(markets, "AAA", PredictConfig(), Silent(), covariates=CovariatesConfig(("CCC",)))
    assert "stockcast fetch CCC" in refused.value.hint
    assert "--with" in refused.value.hint


def test_a_ticker_that_is_behind_stops_the_forecast_unless_stale_prices_will_do(
    listed: Provider, clock: SetClock, home: Path
) -> None:
    live(home)
    listed.withdraw("BBB", slice(0, int(np.searchsorted(listed.listed["BBB"].dates, np.datetime64(MONDAY)))))
    clock(evening(TUESDAY))
    with pytest.raises(DataError, match=r"the covariate BBB ends on 2021-04-01, 2 sessions before") as refused:
        forecast(home, FetchConfig(pause=0))
    assert "--allow-stale" in refused.value.hint
    log = ProgressLog()
    assert forecast(home, FetchConfig(pause=0, allow_stale=True), log).origin == TUESDAY
    assert any("2 sessions before" in note and "carried forward" in note for note in log.notes)
    assert forecast(home, FetchConfig(pause=0, max_age=2)).origin == TUESDAY


def test_london_does_not_see_new_yorks_session_of_the_day(listed: Provider, home: Path) -> None:
    model_id = live(home, None, "LON", "BBB")
    a = listed.listed["BBB"]
    listed.correct("BBB", THURSDAY, close=float(a.close[-1]) * 3, adjusted_close=float(a.close[-1]) * 3)
    other = home / "other"
    assert live(other, None, "LON", "BBB") == model_id
    model = model_of(home, "LON")
    assert model.covariates is not None
    assert model.covariates.closing.exchange == "XLON"
    assert model.covariates.closing.hours is not None


def test_a_file_stands_in_for_a_ticker_with_the_tickers_hours(listed: Provider, home: Path, tmp_path: Path) -> None:
    live(home, None, "LON", "BBB")
    a = listed.listed["BBB"]
    kept = a.dates <= np.datetime64(THURSDAY)
    h = History("BBB", a.dates[kept], a.close[kept], a.adjusted_close[kept], a.open[kept], a.high[kept], a.low[kept],
                a.volume[kept])  # fmt: skip
    file = synthetic.write_csv(tmp_path / "BBB.csv", h)
    offline = FetchConfig(offline=True)
    markets = MarketSource(PriceSource(home, ALL, pipeline.FetchSession(offline, many=False)), ("LON",))
    covariates = CovariatesConfig((str(file),))
    (by_file,) = pipeline.predict_with(markets, "LON", PredictConfig(record=False), Silent(), covariates=covariates)
    (by_store,) = pipeline.predict("LON", ALL, PredictConfig(record=False), home, Silent(),
                                   fetch_session=pipeline.FetchSession(offline, many=False))  # fmt: skip
    assert by_file.quantiles == by_store.quantiles


@pytest.mark.usefixtures("listed")
def test_a_run_trains_with_the_covariates_of_its_file_and_finds_them_again(clock: SetClock, home: Path) -> None:
    from stockcast.pipeline import running

    wanted = RunConfig(
        tickers=("AAA", "BBB"),
        retrain=RetrainConfig(every=0, on_decay=False),
        train=replace(LIVE, covariates=CovariatesConfig(("BBB",))),
        output=OutputConfig(folder=home / "out"),
        limits=LimitsConfig(pause=0),
    )

    def run() -> dict[str, int]:
        with running.run(wanted, home) as work:
            made = {ticker: work.ticker(ticker, ProgressLog()).new for ticker in wanted.tickers}
            work.finish(Silent())
        return made

    assert run() == {"AAA": 1, "BBB": 1}
    records = [model_of(home, ticker).covariates for ticker in wanted.tickers]
    assert records[0] is not None
    assert records[0].names == ("BBB",)
    assert records[1] is None
    clock(evening(WEDNESDAY))
    assert run() == {"AAA": 1, "BBB": 1}
