"""A training on one ticker that begins with a pool's networks looks at the pool's market, as far as it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast import forecasting, pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig, now
from stockcast.config.models import TUNING, BacktestConfig, FoldConfig
from stockcast.config.runs import LimitsConfig, OutputConfig, RetrainConfig, RunConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import ModelError
from stockcast.forecasting import TrainedModel
from stockcast.pipeline import initial, running
from stockcast.pipeline.backtesting import PretrainedBacktest
from stockcast.pipeline.fetching import Fetcher
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.markets import MarketSource
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.series import calendar_over
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.training import train_pool
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Progress, Silent
from stockcast.results import TickerRun, TrainResult
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.database import Database
from stockcast.windows.market import MARKET_NAMES
from tests import leaks, synthetic
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import MONDAY, THURSDAY, TUESDAY, Provider, evening, series, stored
from tests.progress import ProgressLog
from tests.synthetic import replaced

SESSIONS, MORE = 640, 20
LONGER = synthetic.history(SESSIONS + MORE, seed=40)
STRANGER = LONGER.rows(0, SESSIONS)
MEMBERS = [synthetic.history(SESSIONS, seed=41 + k, ticker=name) for k, name in enumerate("ABCDE")]
POOL = TrainConfig(
    NetworkConfig(hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, steps=12, chunk=40, warmup=10, learning_rate=0.05, checks=4, final_fit=False),
    SplitConfig(STRANGER.session(320), STRANGER.session(400)),
    exchange="weekdays",
)
VALIDATE_FROM, TEST_FROM = STRANGER.session(400), STRANGER.session(520)
ONE = TrainConfig(
    training=replace(TUNING, seeds=1, steps=10, chunk=40, warmup=10), split=SplitConfig(VALIDATE_FROM, TEST_FROM),
    init="pool", exchange="weekdays",
)  # fmt: skip


def pooled(home: Path, members: Sequence[History]) -> Path:
    """A home with a pool."""
    with synthetic.only_baselines("random-walk", "har-t"):
        train_pool(Pool.of(members, calendar_over(members, "weekdays")), POOL, home, "pool", Silent())
    return home


@pytest.fixture(scope="module")
def pool_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a pool whose market ends with the stranger's history."""
    return pooled(tmp_path_factory.mktemp("pool"), MEMBERS)


def trained(
    home: Path, folder: Path, h: History = STRANGER, config: TrainConfig = ONE, progress: Progress | None = None
) -> tuple[TrainResult, TrainedModel]:
    """A training on a file that begins with the home's pool, saved there."""
    folder.mkdir(exist_ok=True)
    path = synthetic.write_csv(folder / "FAKE.csv", h)
    with synthetic.only_baselines("random-walk", "har-t"):
        result = pipeline.train(str(path), ReadOptions(), config, home, None, progress or Silent())
    return result, trainedmodel.from_file(modelfile.load_model(home / "models", "FAKE"))


def forecast_from(model: TrainedModel, h: History, as_of: date | None = None) -> list[object]:
    """Every figure of the network's forecast of the next session."""
    asked = PredictConfig(as_of=as_of)
    made = forecasting.forecast(replace(model, served_by="lstm"), h, asked, now())
    return [(f.target_session, f.scale, f.mean, f.p_up, *f.quantiles.values()) for f in made]


def test_untuned_it_forecasts_what_the_pool_does_market_and_all(pool_home: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initial, "SIGNIFICANT", 0.0)
        result, model = trained(pool_home, tmp_path)
    assert result.init is not None
    assert result.init.kept
    assert set(MARKET_NAMES) <= set(model.served.ensemble.standardiser.names)
    pool = trainedmodel.from_file(modelfile.load_model(pool_home / "models", "pool"))
    assert forecast_from(model, STRANGER) == forecast_from(pool, STRANGER)
    assert forecast_from(model, STRANGER) != forecast_from(replace(pool, market=None), STRANGER)
    # After the market's last session the network that does without one takes over.
    assert forecast_from(model, LONGER) == forecast_from(pool, LONGER)
    assert not model.is_pool
    assert model.sentence_for("FAKE") == result.verdict.sentence


def test_tuned_it_still_looks_at_the_market_and_is_made_again_byte_by_byte(pool_home: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initial, "SIGNIFICANT", 2.0)
        config = replace(ONE, training=replace(ONE.training, final_fit=True, learning_rate=0.02))
        result, model = trained(pool_home, tmp_path, config=config)
        assert result.init is not None
        assert not result.init.kept
        with synthetic.only_baselines("random-walk", "har-t"):
            again = pipeline.reproduce(pool_home, "FAKE", (), ReadOptions(), Silent())
    assert (again.identical, again.members) == (True, 1)
    assert set(MARKET_NAMES) <= set(model.served.ensemble.standardiser.names)
    assert model.has_fallback
    assert [fit.cutoff for fit in model.fits_without("market")] == [model.scored.cutoff, model.served.cutoff]
    assert model.served.cutoff == STRANGER.last
    pool = trainedmodel.from_file(modelfile.load_model(pool_home / "models", "pool"))
    assert forecast_from(model, STRANGER) != forecast_from(pool, STRANGER)


def test_a_replay_before_the_final_fit_s_end_is_made_by_what_had_not_seen_it(pool_home: Path, tmp_path: Path) -> None:
    """Networks that stay as they are are served with baselines and bars of the whole history."""
    config, origin, made = replace(ONE, training=replace(ONE.training, final_fit=True)), STRANGER.session(580), []
    for name, h in (("as it was", STRANGER), ("changed", replaced(STRANGER, 600))):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(initial, "SIGNIFICANT", 0.0)
            _, model = trained(pool_home, tmp_path / name, h, config)
        assert model.served.cutoff == STRANGER.last
        asked = PredictConfig(as_of=origin, horizon=2)
        dists = [forecasting.forecast(replace(model, served_by=by), h, asked, now()) for by in ("lstm", "har-t")]
        made.append([(one.scale, one.mean, *one.quantiles.values()) for dist in dists for one in dist])
    assert made[0] == made[1]


def test_prices_after_the_market_s_end_begin_with_the_networks_that_do_without(pool_home: Path, tmp_path: Path) -> None:
    log = ProgressLog()
    _, model = trained(pool_home, tmp_path, LONGER, progress=log)
    assert not set(MARKET_NAMES) & set(model.served.ensemble.standardiser.names)
    assert (model.market, model.has_fallback, model.members) == (None, False, ())
    assert any("the market of" in note and "Train pool again" in note for note in log.notes)


def test_another_exchange_keeps_other_hours_and_has_no_market_here(pool_home: Path, tmp_path: Path) -> None:
    _, model = trained(pool_home, tmp_path, config=replace(ONE, exchange="24/7"))
    assert model.market is None


def test_the_model_is_scored_and_forecasts_like_any_other(pool_home: Path, tmp_path: Path) -> None:
    result, _ = trained(pool_home, tmp_path)
    (made,) = pipeline.predict(str(tmp_path / "FAKE.csv"), ReadOptions(), PredictConfig(), pool_home, Silent())
    assert made == replace(result.forecasts[0], created_at=made.created_at)
    file = str(tmp_path / "FAKE.csv")
    given = PretrainedBacktest("FAKE", MarketSource(PriceSource(pool_home, ReadOptions()), (file,)))
    config = BacktestConfig(folds=FoldConfig(TEST_FROM), baselines=("har-t",))
    with synthetic.only_baselines("random-walk", "har-t"):
        scored = pipeline.backtest_pretrained(file, given, config, Silent())
    crps = {score.model: score.crps for score in scored.scores}
    assert crps["lstm"] == next(score.crps for score in result.scores if score.model == "lstm")


def test_what_the_members_do_after_an_origin_changes_no_byte_of_its_forecast(pool_home: Path, tmp_path: Path) -> None:
    _, before = trained(pool_home, tmp_path)
    origin = STRANGER.session(519)
    members = [replaced(h, 520) for h in MEMBERS]
    changed = pooled(tmp_path / "changed", members)
    _, after = trained(changed, tmp_path)
    assert forecast_from(before, STRANGER, origin) == forecast_from(after, STRANGER, origin)
    assert forecast_from(before, STRANGER) != forecast_from(after, STRANGER)
    # A model of that name that is another one now has nothing to do with the one that was begun with.
    pooled(changed, MEMBERS)
    with pytest.raises(ModelError, match="they are others now"), synthetic.only_baselines("random-walk", "har-t"):
        pipeline.reproduce(changed, "FAKE", (), ReadOptions(), Silent())


def audited(home: Path, folder: Path) -> set[str]:
    """The checks that an audit of such a training fails."""
    path = synthetic.write_csv(folder / "FAKE.csv", STRANGER)
    with synthetic.only_baselines("random-walk", "har-t"):
        return set(pipeline.audit(str(path), ReadOptions(), ONE, home, Silent()).failed)


def test_an_audit_passes_it_and_finds_a_leak_in_it(
    pool_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert audited(pool_home, tmp_path) == set()
    leaks.features(monkeypatch)
    assert "features" in audited(pool_home, tmp_path)


TICKERS = tuple("PQRST")
NIGHTLY = TrainConfig(
    POOL.network, replace(POOL.training, steps=10), SplitConfig(validation_share=0.2, test_share=0.4), exchange="XNYS"
)


@pytest.fixture
def listed(home: Path, monkeypatch: pytest.MonkeyPatch, clock: SetClock) -> Path:
    """A home on Thursday evening, with a pool of five tickers whose prices are stored."""
    provider = Provider(*(series(ticker, 760, seed=60 + k) for k, ticker in enumerate(TICKERS)))
    provider.install(monkeypatch)
    clock(evening(THURSDAY))
    with Database.open(home) as db:
        for ticker in TICKERS:
            Fetcher(db, FetchSession(FetchConfig(), many=False), Silent()).update(ticker)
        histories = [stored(db, ticker).history for ticker in TICKERS]
    with synthetic.only_baselines("random-walk", "har-t"):
        train_pool(Pool.of(histories, calendar_over(histories, "XNYS")), NIGHTLY, home, "pool", Silent())
    return home


def run(home: Path, every: int = 0) -> tuple[list[TickerRun], list[str]]:
    """An evening's run over the five, and what it told."""
    log = ProgressLog()
    config = RunConfig(
        tickers=TICKERS, retrain=RetrainConfig(every=every, on_decay=False), output=OutputConfig(folder=home / "out"),
        limits=LimitsConfig(pause=0), train=replace(ONE, split=SplitConfig(test_share=0.2), exchange="XNYS"),
    )  # fmt: skip
    with synthetic.only_baselines("random-walk", "har-t"), running.run(config, home) as work:
        done = [work.ticker(ticker, log) for ticker in TICKERS]
        work.finish(log)
    return done, log.notes


def test_runs_keep_the_market_in_sight_from_evening_to_evening(
    listed: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initial, "SIGNIFICANT", 0.0)
    for day, every in ((THURSDAY, 0), (MONDAY, 0), (TUESDAY, 1)):
        clock(evening(day))
        done, notes = run(listed, every)
        assert [one.origin for one in done] == [day] * len(TICKERS)
        assert not any("market" in note or "cannot be compared" in note for note in notes), notes
        if day == MONDAY:
            asked = PredictConfig(record=False)
            alone = [pipeline.predict(ticker, ReadOptions(), asked, listed, Silent())[0] for ticker in TICKERS]
            assert {forecast.served_by for forecast in alone} == {"lstm"}
            assert [one.forecasts[0].quantiles for one in done] == [forecast.quantiles for forecast in alone]
        trained = [one.ticker for one in done if one.training is not None and one.training.outcome != "kept"]
        assert trained == {THURSDAY: list(TICKERS), MONDAY: []}.get(day, trained)
        for ticker in trained:
            model = trainedmodel.from_file(modelfile.load_model(listed / "models", ticker))
            assert model.market is not None
            assert model.market.dates_D[-1] == np.datetime64(day)
            modelfile.save_model(listed / "models", trainedmodel.to_file(replace(model, served_by="lstm")))
            assert set(MARKET_NAMES) <= set(model.served.ensemble.standardiser.names)
