"""Models with covariates and known dates, from training over the store to forecasts, backtests and reproduction."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import CovariatesConfig, NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.runs import LimitsConfig, OutputConfig, RetrainConfig, RunConfig
from stockcast.config.sources import FetchConfig
from stockcast.errors import ConfigError, DataError, ModelError, StockcastError
from stockcast.forecasts import Forecast
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.markets import MarketSource
from stockcast.pipeline.models import model_of
from stockcast.pipeline.pools import Pool, calendar_of
from stockcast.pipeline.pretrained import PretrainedBacktest
from stockcast.pipeline.source import PriceSeries, PriceSource
from stockcast.pipeline.training import train_pool
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.csvfile import read as read_csv
from stockcast.prices.history import History
from stockcast.prices.sessions import load_calendar
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.covariates import COLUMNS, LEAST
from tests import leaks, synthetic
from tests.pipeline import walks
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import (
    MONDAY,
    NEW_YORK,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    Heard,
    Provider,
    evening,
    series,
)

HISTORY = synthetic.history(620)
INDEX = synthetic.history(620, seed=5, ticker="IDX")
CONFIG = TrainConfig(
    NetworkConfig(cell="gru", hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, batch_size=6, steps=4, chunk=40, warmup=10, learning_rate=0.02, checks=2),
    SplitConfig(HISTORY.session(420), HISTORY.session(520)),
)
WALK = replace(
    walks.CONFIG,
    training=replace(walks.CONFIG.training, batch_size=6, steps=4, checks=2),
    folds=replace(walks.CONFIG.folds, refit_every=60),
    baselines=("random-walk", "har-t"),
)
ALL = ReadOptions()
BESIDE_IDX = tuple(f"IDX:{column}" for column in COLUMNS)


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


@pytest.fixture(scope="module", autouse=True)
def few() -> Iterator[None]:
    """Baselines that are quickly fitted: none of them looks at a covariate."""
    with synthetic.only_baselines("random-walk", "har-t"):
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two files, known dates, and in `home` the model FAKE of all of them."""
    folder = tmp_path_factory.mktemp("made")
    fake, index = files(folder)
    known = events(folder, 63, 126, 189, 252, 315, 378, 441, 504, 567, 610)
    with known.open("a") as file:
        file.write("2014-05-20\n2014-06-30\n")
    pipeline.train(str(fake), ALL, asked(index, known_ahead=known), folder / "home", None, Heard())
    return folder


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """The same in a folder of the test's own; the model still names the first one."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def predicted(folder: Path, *sources: str | Path, known_ahead: str | None = None, **settings: object) -> Forecast:
    """The forecast of FAKE.csv, with other places for what the model looks at."""
    config = PredictConfig(**settings)  # type: ignore[arg-type]
    markets = MarketSource(PriceSource(folder / "home", ALL), (str(folder / "FAKE.csv"),))
    beside = CovariatesConfig(tuple(map(str, sources)), known_ahead)
    return pipeline.predict_with(markets, markets.sources[0], config, Heard(), covariates=beside)[-1]


def test_a_model_keeps_what_it_looks_at(made: Path) -> None:
    manifest = modelfile.load_model(made / "home" / "models", "FAKE").manifest
    assert tuple(manifest["features"][-9:-4]) == BESIDE_IDX
    assert manifest["features"][-4:] == ["known:target", "known:before", "known:sessions_to_next", "known:since_last"]
    (one,) = manifest["covariates"]["series"]
    assert one == {"name": "IDX", "exchange": "XNYS", "sha256": read_csv(str(made / "IDX.csv"), ALL).sha256()}
    assert manifest["covariate_sources"]["series"][0]["source"] == str(made / "IDX.csv")
    assert manifest["covariate_sources"]["known_ahead"] == str(made / "earnings.csv")
    model = model_of(made / "home", "FAKE")
    assert trainedmodel.from_file(trainedmodel.to_file(model)).covariates == model.covariates
    assert trainedmodel.to_file(model).manifest["model_id"] == model.model_id


def test_a_forecast_finds_the_covariates_from_any_folder(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = pipeline.train(
        str(made / "FAKE.csv"), ALL, asked(made / "IDX.csv", known_ahead=made / "earnings.csv"), tmp_path, None, Heard()
    )
    assert result.model_id == model_of(made / "home", "FAKE").model_id
    monkeypatch.chdir(tmp_path)
    assert predicted(made).quantiles == result.forecasts[0].quantiles
    assert predicted(made, horizon=3).horizon == 3


def test_a_place_given_in_a_folder_is_found_from_another(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    pipeline.train("FAKE.csv", ALL, asked("./IDX.csv"), tmp_path, None, Heard())
    monkeypatch.chdir(tmp_path)
    markets = MarketSource(PriceSource(tmp_path, ALL), (str(made / "FAKE.csv"),))
    assert pipeline.predict_with(markets, markets.sources[0], PredictConfig(), Heard())


def test_what_a_covariate_did_makes_another_model_and_another_forecast(own: Path, made: Path) -> None:
    other = synthetic.history(620, seed=6, ticker="IDX")
    synthetic.write_csv(own / "IDX.csv", other)
    fake, model_id = str(own / "FAKE.csv"), model_of(made / "home", "FAKE").model_id
    config = asked(own / "IDX.csv", known_ahead=own / "earnings.csv")
    result = pipeline.train(fake, ALL, config, own / "elsewhere", None, Heard())
    assert result.model_id != model_id
    before = predicted(made)
    assert predicted(own, own / "IDX.csv").quantiles != before.quantiles


def test_other_places_go_by_name_or_by_order(own: Path) -> None:
    as_trained = predicted(own).quantiles
    shutil.copy(own / "IDX.csv", own / "other.csv")
    assert predicted(own, own / "other.csv").quantiles == as_trained
    assert predicted(own, own / "IDX.csv").quantiles == as_trained
    with pytest.raises(ConfigError, match=r"looks at IDX, and --with names other, IDX"):
        predicted(own, own / "other.csv", own / "IDX.csv")


def test_what_lies_behind_the_origin_is_not_even_read(own: Path) -> None:
    day = HISTORY.session(600)
    as_it_is = predicted(own, own / "IDX.csv", as_of=day).quantiles
    lines = (own / "IDX.csv").read_text().splitlines()
    (own / "IDX.csv").write_text("\n".join([*lines[:602], *(f"{line.split(',')[0]},nonsense" for line in lines[602:])]))
    assert predicted(own, own / "IDX.csv", as_of=day).quantiles == as_it_is


def test_a_covariate_that_ended_is_carried_forward_and_its_age_told(own: Path) -> None:
    synthetic.write_csv(own / "IDX.csv", INDEX.rows(0, 613))
    heard = Heard()
    markets = MarketSource(PriceSource(own / "home", ALL), (str(own / "FAKE.csv"),))
    beside = CovariatesConfig((str(own / "IDX.csv"),))
    pipeline.predict_with(markets, markets.sources[0], PredictConfig(), heard, covariates=beside)
    (note,) = [note for note in heard.notes if "carried forward" in note]
    calendar = load_calendar("XNYS", HISTORY.first, HISTORY.last)
    age = calendar.count_between(INDEX.session(612), HISTORY.last)
    assert f"FAKE: the covariate IDX ends on {INDEX.session(612)}, {age} sessions before" in note


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda own: (own / "IDX.csv").unlink(), ("the covariate IDX", "no such file")),
        (lambda own: (own / "IDX.csv").write_text("<html>"), ("the covariate IDX", "IDX.csv")),
        (
            lambda own: synthetic.write_csv(own / "IDX.csv", INDEX.rows(600, 620)),
            ("the covariate IDX has 20 sessions",),
        ),
        (lambda own: synthetic.write_csv(own / "IDX.csv", HISTORY), ("the covariate IDX is FAKE itself",)),
        (
            lambda own: synthetic.write_csv(own / "IDX.csv", synthetic.history(300, first="2002-01-03")),
            ("has 300 sessions", "0 of them shared"),
        ),
    ],
)
def test_a_covariate_that_cannot_be_used_is_refused_with_a_way_out(
    own: Path, spoil: Callable[[Path], object], words: tuple[str, ...]
) -> None:
    spoil(own)
    with pytest.raises(DataError) as refused:
        predicted(own, own / "IDX.csv")
    for word in words:
        assert word in refused.value.message
    assert "--with" in refused.value.hint
    with pytest.raises(DataError):
        pipeline.train(str(own / "FAKE.csv"), ALL, asked(own / "IDX.csv"), own / "new", None, Heard())
    assert not (own / "new").exists()


def test_prices_of_a_covariate_that_are_no_numbers_are_mended_or_refused_as_any(own: Path) -> None:
    lines = (own / "IDX.csv").read_text().splitlines()
    broken = [line if at != 100 else ",".join([line.split(",")[0], *["nan"] * 6]) for at, line in enumerate(lines)]
    (own / "IDX.csv").write_text("\n".join(broken))
    heard = Heard()
    pipeline.train(str(own / "FAKE.csv"), ALL, asked(own / "IDX.csv"), own / "new", None, heard)
    assert any(note.startswith("IDX: ") for note in heard.notes)
    broken[100] = lines[100].split(",")[0] + ",wrong" * 6
    (own / "IDX.csv").write_text("\n".join(broken))
    with pytest.raises(DataError, match=r"the covariate IDX: IDX\.csv, row 101"):
        pipeline.train(str(own / "FAKE.csv"), ALL, asked(own / "IDX.csv"), own / "new", None, Heard())


def test_a_series_is_not_its_own_covariate_even_where_it_begins_later(own: Path) -> None:
    late = ReadOptions(start=HISTORY.session(20))
    with pytest.raises(DataError, match="the covariate FAKE is FAKE itself"):
        pipeline.train(str(own / "FAKE.csv"), late, asked(own / "FAKE.csv"), own / "new", None, Heard())


def test_two_of_one_name_are_refused(own: Path) -> None:
    (own / "b").mkdir()
    synthetic.write_csv(own / "b" / "IDX.csv", synthetic.history(620, seed=9))
    with pytest.raises(DataError, match="two covariates are named IDX"):
        pipeline.train(
            str(own / "FAKE.csv"), ALL, asked(own / "IDX.csv", own / "b" / "IDX.csv"), own / "new", None, Heard()
        )


def test_an_unknown_exchange_and_standard_input_are_refused(own: Path) -> None:
    for word, kind, complaint in (
        (f"{own}/IDX.csv@XXXX", ConfigError, "XXXX"),
        ("-", DataError, "standard input"),
        ("BBB@XLON", ConfigError, "exchange of a ticker is known"),
    ):
        with pytest.raises(kind, match=complaint):
            pipeline.train(str(own / "FAKE.csv"), ALL, asked(word), own / "new", None, Heard())


def test_a_file_whose_name_has_an_at_sign_is_a_file(own: Path) -> None:
    shutil.copy(own / "IDX.csv", own / "me@home.csv")
    result = pipeline.train(str(own / "FAKE.csv"), ALL, asked(own / "me@home.csv"), own / "new", None, Heard())
    model = model_of(own / "new", result.model)
    assert model.covariates is not None
    assert model.covariates.names == ("me@home",)


def test_a_model_without_covariates_takes_none(own: Path) -> None:
    pipeline.train(str(own / "FAKE.csv"), ALL, CONFIG, own / "home", None, Heard())
    with pytest.raises(ModelError, match="trained without covariates"):
        predicted(own, own / "IDX.csv")
    pipeline.train(str(own / "FAKE.csv"), ALL, asked(own / "IDX.csv"), own / "home", None, Heard())
    with pytest.raises(ModelError, match="trained without known dates"):
        predicted(own, known_ahead=str(own / "earnings.csv"))


def test_dates_known_ahead_reach_the_session_that_is_forecast(own: Path) -> None:
    quiet = predicted(own, as_of=HISTORY.session(590)).quantiles
    with (own / "earnings.csv").open("a") as file:
        file.write(f"{HISTORY.dates[591]}\n")
    loud = predicted(own, known_ahead=str(own / "earnings.csv"), as_of=HISTORY.session(590)).quantiles
    assert loud != quiet


def test_a_file_of_dates_without_the_ticker_is_told(own: Path) -> None:
    (own / "earnings.csv").write_text("ticker,date\nMSFT,2013-01-24\n")
    heard = Heard()
    config = asked(known_ahead=own / "earnings.csv")
    pipeline.train(str(own / "FAKE.csv"), ALL, config, own / "new", None, heard)
    assert any("has no date of it; its tickers: MSFT" in note for note in heard.notes)


def newest_of(own: Path, file: str, exchange: str) -> date:
    """The newest bar of IDX that an origin of FAKE may know, where that trades on an exchange."""
    history = read_csv(str(own / "FAKE.csv"), ALL)
    calendar = load_calendar(exchange, history.first, history.last + timedelta(days=500))
    source = CovariateSource(CovariatesConfig((file,)), PriceSource(), Heard())
    found = source.found(PriceSeries(history).on(calendar))
    assert found is not None
    (one,) = found.series
    return one.history.last


def test_files_keep_the_hours_of_what_they_go_with_unless_they_say_otherwise(own: Path) -> None:
    last, before = HISTORY.session(-1), HISTORY.session(-2)
    file = str(own / "IDX.csv")
    assert newest_of(own, file, "XNYS") == last
    assert newest_of(own, file, "XLON") == last
    assert newest_of(own, f"{file}@XTKS", "XNYS") == last
    assert newest_of(own, f"{file}@XNYS", "XLON") == before
    assert newest_of(own, f"{file}@XNYS", "XTKS") == before


def backtested(folder: Path, config: walks.BacktestConfig, heard: Heard | None = None) -> walks.BacktestResult:
    return pipeline.backtest(str(folder / "FAKE.csv"), ALL, config, folder / "home", heard or Heard(), keep_rows=True)


def test_folds_of_a_backtest_are_those_of_its_covariates(own: Path) -> None:
    beside = replace(WALK, covariates=CovariatesConfig((str(own / "IDX.csv"),)))
    plain, first = backtested(own, WALK), backtested(own, beside)
    assert walks.row_bytes(plain, 20)["lstm"] != walks.row_bytes(first, 20)["lstm"]
    assert walks.row_bytes(plain, 20)["har-t"] == walks.row_bytes(first, 20)["har-t"]
    assert all(fold.resumed for fold in backtested(own, beside).folds)
    synthetic.write_csv(own / "IDX.csv", synthetic.history(620, seed=6))
    again = backtested(own, beside)
    assert not any(fold.resumed for fold in again.folds)
    assert walks.row_bytes(again, 20)["lstm"] != walks.row_bytes(first, 20)["lstm"]


def test_a_saved_model_is_scored_with_its_covariates(own: Path) -> None:
    config = replace(WALK, folds=replace(WALK.folds, test_from=HISTORY.session(560)))
    markets = MarketSource(PriceSource(own / "home", ALL), (str(own / "FAKE.csv"),))
    scored = replace(CONFIG, training=replace(CONFIG.training, final_fit=False))
    config_beside = replace(scored, covariates=asked(own / "IDX.csv").covariates)
    pipeline.train(str(own / "FAKE.csv"), ALL, config_beside, own / "home", None, Heard())
    found = pipeline.backtest_pretrained(
        markets.sources[0], PretrainedBacktest("FAKE", markets), config, Heard(), keep_rows=True
    )
    (row,) = [rows for rows in found.rows if rows.model == "gru"]
    at = list(row.origins.tolist()).index(HISTORY.session(590))
    model = replace(model_of(own / "home", "FAKE"), served_by="gru")
    modelfile.save_model(own / "home" / "models", trainedmodel.to_file(model))
    forecast = predicted(own, as_of=HISTORY.session(590))
    price = row.last_close[at] * np.exp(row.quantiles_NQ[at, 49])
    assert forecast.median == pytest.approx(price, rel=1e-12)


def test_training_again_gives_the_same_bytes_and_another_index_does_not(own: Path) -> None:
    home = own / "home"
    assert pipeline.reproduce(home, "FAKE", [], ALL, Heard()).identical
    assert pipeline.reproduce(home, "FAKE", [own], ALL, Heard()).identical
    synthetic.write_csv(own / "IDX.csv", synthetic.history(620, seed=6))
    with pytest.raises(DataError, match="IDX is not what the model was trained on"):
        pipeline.reproduce(home, "FAKE", [own], ALL, Heard())
    synthetic.write_csv(own / "IDX.csv", INDEX)
    (own / "earnings.csv").write_text("date\n2013-01-24\n")
    with pytest.raises(DataError, match="known dates is not what the model was trained on"):
        pipeline.reproduce(home, "FAKE", [own], ALL, Heard())


def test_a_pool_looks_at_covariates_too(own: Path) -> None:
    histories = [replace(synthetic.history(620, seed=seed, ticker=name)) for name, seed in (("A", 1), ("B", 2))]
    calendar = calendar_of(histories, None)
    wanted = CovariatesConfig((str(own / "IDX.csv"),), str(own / "earnings.csv"))
    beside = CovariateSource(wanted, PriceSource(), Heard()).found_by_pool(histories, calendar)
    train_pool(Pool.of(histories, calendar, beside), CONFIG, own / "home", "both", Heard())
    model = model_of(own / "home", "both")
    assert set(BESIDE_IDX) <= set(model.served.ensemble.standardiser.names)
    first, second = (synthetic.write_csv(own / f"{history.ticker}.csv", history) for history in histories)
    markets = MarketSource(PriceSource(own / "home", ALL), (str(first), str(second)))
    for source in markets.sources:
        (forecast,) = pipeline.predict_with(markets, source, PredictConfig(model="both"), Heard())
        assert forecast.model == "both"


def test_explain_names_what_it_looks_at(own: Path) -> None:
    from stockcast.config.models import ExplainConfig

    found = pipeline.explain(str(own / "FAKE.csv"), ALL, ExplainConfig(), own / "home", Heard())
    assert set(BESIDE_IDX) <= {feature.name for feature in found.attribution.features}


# Tickers: AAA is trained with BBB beside it, both from the store.

SESSIONS = 500
LONDON = replace(NEW_YORK, exchange_code="LSE", zone="Europe/London", currency="GBp")
LIVE = replace(CONFIG, split=SplitConfig(), training=replace(CONFIG.training, final_fit=False))


@pytest.fixture
def listed(provider: Provider) -> Provider:
    """AAA and BBB with long histories, and LON of London."""
    for name, seed, meta in (("AAA", 1, NEW_YORK), ("BBB", 2, NEW_YORK), ("LON", 3, LONDON)):
        provider.listed[name] = series(name, SESSIONS, seed, meta)
    return provider


def live(home: Path, heard: Heard | None = None, source: str = "AAA", *beside: str) -> str:
    config = replace(LIVE, covariates=CovariatesConfig(beside or ("BBB",)))
    return pipeline.train(source, ALL, config, home, None, heard or Heard()).model_id


def forecast(home: Path, fetching: FetchConfig, heard: Heard | None = None, **settings: object) -> Forecast:
    fetch_session = pipeline.FetchSession(fetching, many=False)
    config = PredictConfig(**settings)  # type: ignore[arg-type]
    return pipeline.predict("AAA", ALL, config, home, heard or Heard(), fetch_session=fetch_session)[0]


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
        pipeline.predict_with(markets, "AAA", PredictConfig(), Heard(), covariates=CovariatesConfig(("CCC",)))
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
    heard = Heard()
    assert forecast(home, FetchConfig(pause=0, allow_stale=True), heard).origin == TUESDAY
    assert any("2 sessions before" in note and "carried forward" in note for note in heard.notes)
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
    beside = CovariatesConfig((str(file),))
    (by_file,) = pipeline.predict_with(markets, "LON", PredictConfig(record=False), Heard(), covariates=beside)
    (by_store,) = pipeline.predict("LON", ALL, PredictConfig(record=False), home, Heard(),
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
            made = {ticker: work.ticker(ticker, Heard()).new for ticker in wanted.tickers}
            work.finish(Heard())
        return made

    assert run() == {"AAA": 1, "BBB": 1}
    records = [model_of(home, ticker).covariates for ticker in wanted.tickers]
    assert records[0] is not None
    assert records[0].names == ("BBB",)
    assert records[1] is None
    clock(evening(WEDNESDAY))
    assert run() == {"AAA": 1, "BBB": 1}


def test_too_few_sessions_are_named(own: Path) -> None:
    synthetic.write_csv(own / "IDX.csv", INDEX.rows(620 - LEAST + 1, 620))
    with pytest.raises(StockcastError, match=f"at least {LEAST} are needed"):
        predicted(own, own / "IDX.csv")


def audited(own: Path) -> dict[str, bool | None]:
    config = replace(
        asked(f"{own}/IDX.csv@XNYS", known_ahead=own / "earnings.csv"),
        exchange="XLON",
        split=SplitConfig(HISTORY.session(420), HISTORY.session(500)),
    )
    found = pipeline.audit(str(own / "FAKE.csv"), ALL, config, own / "home", Heard())
    return {check.name: check.ok for check in found.checks}


def test_an_audit_passes_honest_covariates_and_finds_one_that_is_seen_too_early(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = audited(own)
    assert honest["covariates"] is True
    assert False not in honest.values()
    leaks.next_session(monkeypatch)
    leaks.one_future(monkeypatch, "replaced")
    leaky = audited(own)
    assert leaky["features"] is False
    assert leaky["covariates"] is False
    assert leaky["walk-forward"] is False


def test_a_frame_beside_a_frame_has_to_be_given_again() -> None:
    from stockcast import fit, predict, to_frame

    prices, beside = to_frame([HISTORY]), to_frame([INDEX])
    quick = replace(CONFIG, training=replace(CONFIG.training, final_fit=False))
    model = fit(prices, quick, covariates=beside)
    assert set(BESIDE_IDX) <= set(model.file.manifest["features"])
    with pytest.raises(DataError, match="looks at IDX, whose prices came from a frame"):
        predict(model, prices)
    day = HISTORY.session(600)
    found = predict(model, prices, covariates=beside, as_of=day)
    early = beside[beside["ds"] <= np.datetime64(day)]
    assert predict(model, prices, covariates=early, as_of=day).equals(found)


def test_python_takes_files_and_known_dates_as_the_command_line_does(own: Path) -> None:
    from stockcast import backtest, fit, predict

    prices, beside = str(own / "FAKE.csv"), CovariatesConfig((str(own / "IDX.csv"),), str(own / "earnings.csv"))
    model = fit(prices, CONFIG, covariates=beside)
    assert model.model_id == model_of(own / "home", "FAKE").model_id
    column = predict(model, prices)["stockcast"]
    assert column.iloc[0] == predicted(own).median
    tested = backtest(prices, WALK, covariates=[own / "IDX.csv"], home=own / "home")
    same = backtested(own, replace(WALK, covariates=CovariatesConfig((str(own / "IDX.csv"),))))
    assert all(fold.resumed for fold in same.folds)
    assert tested.summary.results[0].scores == same.scores
