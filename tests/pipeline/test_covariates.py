"""A model with covariates and known dates: what it keeps, finds again, carries forward and refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from stockcast import pipeline
from stockcast.config import CovariatesConfig, PredictConfig
from stockcast.errors import ConfigError, DataError, ModelError, StockcastError
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.markets import MarketSource
from stockcast.pipeline.models import model_of
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.csvfile import read as read_csv
from stockcast.prices.sessions import load_calendar
from stockcast.progress import Silent
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.covariates import LEAST
from tests import synthetic
from tests.pipeline.indexed import ALL, CONFIG, HISTORY, IDX_COLUMNS, INDEX, asked, predicted, train
from tests.progress import ProgressLog

pytestmark = pytest.mark.usefixtures("few_baselines")  # none of them looks at a covariate


def test_a_model_keeps_what_it_looks_at(made: Path) -> None:
    manifest = modelfile.load_model(made / "home" / "models", "FAKE").manifest
    assert tuple(manifest["features"][-9:-4]) == IDX_COLUMNS
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
        str(made / "FAKE.csv"),
        ALL,
        asked(made / "IDX.csv", known_ahead=made / "earnings.csv"),
        tmp_path,
        None,
        Silent(),
    )
    assert result.model_id == model_of(made / "home", "FAKE").model_id
    monkeypatch.chdir(tmp_path)
    assert predicted(made).quantiles == result.forecasts[0].quantiles
    assert predicted(made, horizon=3).horizon == 3


def test_a_place_given_in_a_folder_is_found_from_another(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    pipeline.train("FAKE.csv", ALL, asked("./IDX.csv"), tmp_path, None, Silent())
    monkeypatch.chdir(tmp_path)
    markets = MarketSource(PriceSource(tmp_path, ALL), (str(made / "FAKE.csv"),))
    assert pipeline.predict_with(markets, markets.sources[0], PredictConfig(), Silent())


def test_what_a_covariate_did_makes_another_model_and_another_forecast(own: Path, made: Path) -> None:
    other = synthetic.history(620, seed=6, ticker="IDX")
    synthetic.write_csv(own / "IDX.csv", other)
    fake, model_id = str(own / "FAKE.csv"), model_of(made / "home", "FAKE").model_id
    config = asked(own / "IDX.csv", known_ahead=own / "earnings.csv")
    result = pipeline.train(fake, ALL, config, own / "elsewhere", None, Silent())
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
    log = ProgressLog()
    markets = MarketSource(PriceSource(own / "home", ALL), (str(own / "FAKE.csv"),))
    covariates = CovariatesConfig((str(own / "IDX.csv"),))
    pipeline.predict_with(markets, markets.sources[0], PredictConfig(), log, covariates=covariates)
    (note,) = [note for note in log.notes if "carried forward" in note]
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
        train(own, asked(own / "IDX.csv"))
    assert not (own / "new").exists()


def test_prices_of_a_covariate_that_are_no_numbers_are_mended_or_refused_as_any(own: Path) -> None:
    lines = (own / "IDX.csv").read_text().splitlines()
    broken = [line if at != 100 else ",".join([line.split(",")[0], *["nan"] * 6]) for at, line in enumerate(lines)]
    (own / "IDX.csv").write_text("\n".join(broken))
    log = ProgressLog()
    train(own, asked(own / "IDX.csv"), progress=log)
    assert any(note.startswith("IDX: ") for note in log.notes)
    broken[100] = lines[100].split(",")[0] + ",-1" * 6
    (own / "IDX.csv").write_text("\n".join(broken))
    with pytest.raises(DataError, match=r"the covariate IDX: IDX\.csv, row 101"):
        train(own, asked(own / "IDX.csv"))


def test_a_series_is_not_its_own_covariate_even_where_it_begins_later(own: Path) -> None:
    late = ReadOptions(start=HISTORY.session(20))
    with pytest.raises(DataError, match="the covariate FAKE is FAKE itself"):
        pipeline.train(str(own / "FAKE.csv"), late, asked(own / "FAKE.csv"), own / "new", None, Silent())


def test_two_of_one_name_are_refused(own: Path) -> None:
    (own / "b").mkdir()
    synthetic.write_csv(own / "b" / "IDX.csv", synthetic.history(620, seed=9))
    with pytest.raises(DataError, match="two covariates are named IDX"):
        train(own, asked(own / "IDX.csv", own / "b" / "IDX.csv"))


def test_an_unknown_exchange_and_standard_input_are_refused(own: Path) -> None:
    for word, kind, complaint in (
        (f"{own}/IDX.csv@XXXX", ConfigError, "XXXX"),
        ("-", DataError, "standard input"),
        ("BBB@XLON", ConfigError, "exchange of a ticker is known"),
    ):
        with pytest.raises(kind, match=complaint):
            train(own, asked(word))


def test_a_file_whose_name_has_an_at_sign_is_a_file(own: Path) -> None:
    shutil.copy(own / "IDX.csv", own / "me@home.csv")
    result = train(own, asked(own / "me@home.csv"))
    model = model_of(own / "new", result.model)
    assert model.covariates is not None
    assert model.covariates.names == ("me@home",)


def test_a_model_without_covariates_takes_none(own: Path) -> None:
    train(own, CONFIG, "home")
    with pytest.raises(ModelError, match="trained without covariates"):
        predicted(own, own / "IDX.csv")
    train(own, asked(own / "IDX.csv"), "home")
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
    log = ProgressLog()
    config = asked(known_ahead=own / "earnings.csv")
    train(own, config, progress=log)
    assert any("has no date of it; its tickers: MSFT" in note for note in log.notes)


def newest_of(own: Path, file: str, exchange: str) -> date:
    """The newest bar of IDX that an origin of FAKE may know, where that trades on an exchange."""
    history = read_csv(str(own / "FAKE.csv"), ALL)
    calendar = load_calendar(exchange, history.first, history.last + timedelta(days=500))
    source = CovariateSource(CovariatesConfig((file,)), PriceSource(), Silent())
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


def test_too_few_sessions_are_named(own: Path) -> None:
    synthetic.write_csv(own / "IDX.csv", INDEX.rows(620 - LEAST + 1, 620))
    with pytest.raises(StockcastError, match=f"at least {LEAST} are needed"):
        predicted(own, own / "IDX.csv")
