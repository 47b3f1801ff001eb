"""Covariates in what is made of a model or beside it: backtests, reproduction, pools, audits, Python's own API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import CovariatesConfig, PredictConfig, SplitConfig
from stockcast.errors import DataError
from stockcast.pipeline.backtesting import PretrainedBacktest
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.markets import MarketSource
from stockcast.pipeline.models import model_of
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.series import calendar_over
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.training import train_pool
from stockcast.progress import Silent
from stockcast.storage import modelfile, trainedmodel
from tests import leaks, synthetic
from tests.pipeline import walks
from tests.pipeline.indexed import ALL, CONFIG, HISTORY, IDX_COLUMNS, INDEX, asked, predicted, train
from tests.progress import ProgressLog

WALK = replace(
    walks.CONFIG,
    training=replace(walks.CONFIG.training, batch_size=6, steps=4, checks=2),
    folds=replace(walks.CONFIG.folds, refit_every=60),
    baselines=("random-walk", "har-t"),
)
pytestmark = pytest.mark.usefixtures("few_baselines")  # none of them looks at a covariate


def backtested(folder: Path, config: walks.BacktestConfig, log: ProgressLog | None = None) -> walks.BacktestResult:
    return pipeline.backtest(str(folder / "FAKE.csv"), ALL, config, folder / "home", log or Silent(), keep_rows=True)


def test_folds_of_a_backtest_are_those_of_its_covariates(own: Path) -> None:
    with_index = replace(WALK, covariates=CovariatesConfig((str(own / "IDX.csv"),)))
    plain, first = backtested(own, WALK), backtested(own, with_index)
    assert walks.row_bytes(plain, 20)["lstm"] != walks.row_bytes(first, 20)["lstm"]
    assert walks.row_bytes(plain, 20)["har-t"] == walks.row_bytes(first, 20)["har-t"]
    assert all(fold.resumed for fold in backtested(own, with_index).folds)
    synthetic.write_csv(own / "IDX.csv", synthetic.history(620, seed=6))
    again = backtested(own, with_index)
    assert not any(fold.resumed for fold in again.folds)
    assert walks.row_bytes(again, 20)["lstm"] != walks.row_bytes(first, 20)["lstm"]


def test_a_saved_model_is_scored_with_its_covariates(own: Path) -> None:
    config = replace(WALK, folds=replace(WALK.folds, test_from=HISTORY.session(560)))
    markets = MarketSource(PriceSource(own / "home", ALL), (str(own / "FAKE.csv"),))
    scored = replace(CONFIG, training=replace(CONFIG.training, final_fit=False))
    config_beside = replace(scored, covariates=asked(own / "IDX.csv").covariates)
    train(own, config_beside, "home")
    found = pipeline.backtest_pretrained(
        markets.sources[0], PretrainedBacktest("FAKE", markets), config, Silent(), keep_rows=True
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
    assert pipeline.reproduce(home, "FAKE", [], ALL, Silent()).identical
    assert pipeline.reproduce(home, "FAKE", [own], ALL, Silent()).identical
    synthetic.write_csv(own / "IDX.csv", synthetic.history(620, seed=6))
    with pytest.raises(DataError, match="IDX is not what the model was trained on"):
        pipeline.reproduce(home, "FAKE", [own], ALL, Silent())
    synthetic.write_csv(own / "IDX.csv", INDEX)
    (own / "earnings.csv").write_text("date\n2013-01-24\n")
    with pytest.raises(DataError, match="known dates is not what the model was trained on"):
        pipeline.reproduce(home, "FAKE", [own], ALL, Silent())


def test_a_pool_looks_at_covariates_too(own: Path) -> None:
    histories = [replace(synthetic.history(620, seed=seed, ticker=name)) for name, seed in (("A", 1), ("B", 2))]
    calendar = calendar_over(histories, None)
    wanted = CovariatesConfig((str(own / "IDX.csv"),), str(own / "earnings.csv"))
    covariates = CovariateSource(wanted, PriceSource(), Silent()).found_by_pool(histories, calendar)
    train_pool(Pool.of(histories, calendar, covariates), CONFIG, own / "home", "both", Silent())
    model = model_of(own / "home", "both")
    assert set(IDX_COLUMNS) <= set(model.served.ensemble.standardiser.names)
    first, second = (synthetic.write_csv(own / f"{history.ticker}.csv", history) for history in histories)
    markets = MarketSource(PriceSource(own / "home", ALL), (str(first), str(second)))
    for source in markets.sources:
        (forecast,) = pipeline.predict_with(markets, source, PredictConfig(model="both"), Silent())
        assert forecast.model == "both"


def test_explain_names_what_it_looks_at(own: Path) -> None:
    from stockcast.config.models import ExplainConfig

    found = pipeline.explain(str(own / "FAKE.csv"), ALL, ExplainConfig(), own / "home", Silent())
    assert set(IDX_COLUMNS) <= {feature.name for feature in found.attribution.features}


def audited(own: Path) -> dict[str, bool | None]:
    config = replace(
        asked(f"{own}/IDX.csv@XNYS", known_ahead=own / "earnings.csv"),
        exchange="XLON",
        split=SplitConfig(HISTORY.session(420), HISTORY.session(500)),
    )
    found = pipeline.audit(str(own / "FAKE.csv"), ALL, config, own / "home", Silent())
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

    prices, covariates = to_frame([HISTORY]), to_frame([INDEX])
    quick = replace(CONFIG, training=replace(CONFIG.training, final_fit=False))
    model = fit(prices, quick, covariates=covariates)
    assert set(IDX_COLUMNS) <= set(model.file.manifest["features"])
    with pytest.raises(DataError, match="looks at IDX, whose prices came from a frame"):
        predict(model, prices)
    day = HISTORY.session(600)
    found = predict(model, prices, covariates=covariates, as_of=day)
    early = covariates[covariates["ds"] <= np.datetime64(day)]
    assert predict(model, prices, covariates=early, as_of=day).equals(found)


def test_python_takes_files_and_known_dates_as_the_command_line_does(own: Path) -> None:
    from stockcast import backtest, fit, predict

    prices, covariates = str(own / "FAKE.csv"), CovariatesConfig((str(own / "IDX.csv"),), str(own / "earnings.csv"))
    model = fit(prices, CONFIG, covariates=covariates)
    assert model.model_id == model_of(own / "home", "FAKE").model_id
    column = predict(model, prices)["stockcast"]
    assert column.iloc[0] == predicted(own).median
    tested = backtest(prices, WALK, covariates=[own / "IDX.csv"], home=own / "home")
    same = backtested(own, replace(WALK, covariates=CovariatesConfig((str(own / "IDX.csv"),))))
    assert all(fold.resumed for fold in same.folds)
    assert tested.summary.results[0].scores == same.scores
