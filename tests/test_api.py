"""The public Python API: complete, loaded only when it is asked for, and the same as the command line."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pandas as pd
import pytest

import stockcast
import stockcast.api
from stockcast import (
    BacktestConfig,
    FoldConfig,
    LeftOut,
    Model,
    NetworkConfig,
    PolicyConfig,
    PredictConfig,
    ReadOptions,
    Silent,
    SplitConfig,
    TrainConfig,
    TrainingConfig,
    backtest,
    fit,
    load,
    open_model,
    pipeline,
    predict,
    to_frame,
)
from stockcast.errors import ConfigError, DataError, ModelError, StockcastError
from stockcast.evaluation.verdict import BacktestResult
from stockcast.results import TrainResult
from tests import synthetic
from tests.processes import ROOT, environment, packages_loaded
from tests.progress import ProgressLog

HISTORY = synthetic.history(900)
CONFIG = TrainConfig(
    NetworkConfig(cell="gru", hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, steps=10),
    SplitConfig(date(2014, 1, 2), date(2014, 9, 1)),
)
FOLDS = BacktestConfig(
    network=NetworkConfig(hidden_size=4, lookback=20),
    training=TrainingConfig(seeds=1, steps=5, chunk=40, warmup=10),
    folds=FoldConfig(HISTORY.session(800)),
    baselines=("random-walk", "har-t"),
)


def docstrings() -> list[doctest.DocTest]:
    """Those with examples."""
    modules = [import_module(f"stockcast.api.{module.name}") for module in iter_modules(stockcast.api.__path__)]
    return [test for module in modules for test in doctest.DocTestFinder().find(module) if test.examples]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainResult]:
    """A home with a model that the pipeline has trained on a file, as the command line does."""
    home = tmp_path_factory.mktemp("home")
    file = synthetic.write_csv(home / "FAKE.csv", HISTORY)
    return home, pipeline.train(str(file), ReadOptions(), CONFIG, home, "mine", Silent(), keep_rows=True)


@pytest.fixture(scope="module")
def model() -> Model:
    """The same, from a frame, in memory."""
    return fit(to_frame([HISTORY]), CONFIG)


@pytest.mark.parametrize("test", docstrings(), ids=lambda test: test.name)
def test_the_examples_of_a_docstring_are_true(test: doctest.DocTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    told: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert not told, "".join(told)


def test_every_function_of_the_api_shows_how_it_is_used() -> None:
    shown = {test.name.rpartition(".")[2] for test in docstrings()}
    assert shown >= {"load", "fit", "predict", "backtest", "to_frame", "to_histories"}


def test_every_public_name_is_there() -> None:
    for name in stockcast.__all__:
        assert getattr(stockcast, name) is not None
    assert dir(stockcast) == sorted(stockcast.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        stockcast.nonsense  # noqa: B018 - the access is what is tested


def test_importing_stockcast_imports_nothing_else() -> None:
    assert packages_loaded(code="import stockcast").isdisjoint({"numpy", "typer"})


def test_the_pipeline_of_the_command_line_can_be_called(trained: tuple[Path, TrainResult], tmp_path: Path) -> None:
    home, result = trained
    assert result.splits["test"].first == date(2014, 9, 1)
    stockcast.save_rows(tmp_path / "rows.csv", [result])
    assert (tmp_path / "rows.csv").stat().st_size > 0
    found = pipeline.predict(str(home / "FAKE.csv"), ReadOptions(), PredictConfig(model="mine"), home, Silent())
    assert found[0].quantiles == result.forecasts[0].quantiles


def test_a_frame_trains_the_same_model_as_its_file(trained: tuple[Path, TrainResult], model: Model) -> None:
    home, result = trained
    assert model.model_id == result.model_id
    assert model.verdict == result.verdict.sentence == model.verdict_on("FAKE")
    assert (model.tickers, model.served_by, model.cutoff) == (("FAKE",), result.verdict.served_by, HISTORY.last)
    assert fit(load(home / "FAKE.csv"), CONFIG).model_id == model.model_id
    scores = model.scores().set_index("model")["crps"]
    assert scores.to_dict() == {score.model: score.crps for score in result.scores}


def test_forecasts_are_those_of_the_command_line_in_columns(trained: tuple[Path, TrainResult], model: Model) -> None:
    home, _ = trained
    config = PredictConfig(model="mine", horizon=3, as_of=HISTORY.session(-5))
    expected = pipeline.predict(str(home / "FAKE.csv"), ReadOptions(), config, home, Silent())
    frame = predict(open_model("mine", home), home / "FAKE.csv", horizon=3, as_of=HISTORY.session(-5), levels=(90, 50))
    assert frame.columns.tolist() == [
        "unique_id", "ds", "stockcast", "stockcast-lo-90", "stockcast-lo-50", "stockcast-hi-50", "stockcast-hi-90",
    ]  # fmt: skip
    assert frame["ds"].dt.date.tolist() == [forecast.target_session for forecast in expected]
    for column, level in (("stockcast", "0.5"), ("stockcast-lo-90", "0.05"), ("stockcast-hi-50", "0.75")):
        np.testing.assert_allclose(frame[column], [one.quantiles[level] for one in expected], rtol=1e-15)
    in_memory = predict(model, to_frame([HISTORY]), horizon=3, as_of=HISTORY.session(-5), levels=(90, 50))
    pd.testing.assert_frame_equal(in_memory, frame, check_exact=True)


def test_bars_after_the_date_do_not_change_a_forecast(model: Model) -> None:
    day = HISTORY.session(-5)
    frame = to_frame([HISTORY])
    expected = predict(model, frame, as_of=day)
    other = frame.assign(y=frame["y"].where(frame["ds"].dt.date <= day, -1.0), volume=7.0 * frame["volume"])
    pd.testing.assert_frame_equal(predict(model, other, as_of=day), expected, check_exact=True)
    cut = frame[frame["ds"].dt.date <= day]
    pd.testing.assert_frame_equal(predict(model, cut), expected, check_exact=True)


def test_a_model_forecasts_series_that_it_was_not_trained_on(model: Model) -> None:
    others = [synthetic.history(950, seed=seed, ticker=f"T{seed}") for seed in (1, 2)]
    found = predict(model, to_frame(others), levels=(95, 99.5))
    assert found["unique_id"].tolist() == ["T1", "T2"]
    assert (found["stockcast-lo-99.5"] < found["stockcast-lo-95"]).all()
    assert (found["stockcast-hi-99.5"] > found["stockcast-hi-95"]).all()


def test_nothing_is_kept_without_a_home_and_the_command_line_finds_what_is_kept(
    model: Model, tmp_path: Path, home: Path
) -> None:
    assert not home.exists()
    model.save(tmp_path)
    model.save(str(tmp_path), "second")
    assert sorted(one.name for one in pipeline.list_models(tmp_path)) == ["FAKE", "second"]
    back = open_model("second", str(tmp_path))
    assert (back.name, back.model_id, back.verdict) == ("second", model.model_id, model.verdict)
    assert pipeline.show_model(tmp_path, "second").manifest["name"] == "second"
    assert repr(back) == f"Model('second', 1 series up to {HISTORY.last}, served by {model.served_by})"
    with pytest.raises(ModelError, match="no model named third"):
        open_model("third", tmp_path)


def test_several_series_are_one_pool_and_a_pool_can_be_kept(tmp_path: Path) -> None:
    members = [synthetic.history(620, seed=seed, ticker=f"T{seed}") for seed in range(3)]
    config = replace(CONFIG, split=SplitConfig(members[0].session(420), members[0].session(520)))
    log = ProgressLog()
    bare = replace(members[2], volume=None)
    pool = fit(to_frame([*members[:2], bare]), config, home=str(tmp_path), name="three", progress=log)
    assert pool.tickers == ("T0", "T1", "T2")
    assert any(note.startswith("T2: No volume") for note in log.notes)
    forecasts = predict(pool, to_frame(members), horizon=2)
    assert forecasts["unique_id"].tolist() == ["T0", "T0", "T1", "T1", "T2", "T2"]
    assert set(pool.scores()["unique_id"]) == set(pool.tickers)
    assert open_model("three", tmp_path).model_id == pool.model_id
    with pytest.raises(ConfigError, match="there are 2 series, and a model without a pool has one"):
        fit(to_frame(members[:2]), config, pool=False)


_SCRIPT = """
from tests import synthetic
from tests.test_api import CONFIG, FOLDS, backtest, fit, to_frame
some = [synthetic.history(900, seed, ticker=name) for seed, name in enumerate("ABCDEF")]
for jobs in (1, 2):
    fit(to_frame(some), CONFIG, jobs=jobs, home=f"{jobs}")
    backtest(to_frame(some[:2]), FOLDS, jobs=jobs).forecasts().to_csv(f"{jobs}.csv")
"""


def test_several_jobs_make_the_bytes_of_one_in_a_plain_script(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(_SCRIPT, encoding="utf-8")
    env = environment(STOCKCAST_NOW="2026-03-01T22:00:00Z")
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    one, two = (sorted(tmp_path.glob(f"{jobs}/*/*/*")) for jobs in (1, 2))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two] != []
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


@pytest.mark.parametrize(("jobs", "words"), [(0, "0 jobs are not within"), ("two", "jobs is 'two'")])
def test_a_number_of_jobs_that_cannot_be_is_refused(jobs: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        backtest(to_frame([HISTORY]), FOLDS, jobs=jobs)


def test_a_pool_takes_the_given_series_for_its_market_after_its_own_sessions(tmp_path: Path) -> None:
    members = [synthetic.history(700, seed=seed, ticker=f"T{seed}") for seed in range(5)]
    sources = [str(synthetic.write_csv(tmp_path / f"{one.ticker}.csv", one)) for one in members]
    split = SplitConfig(members[0].session(520), members[0].session(590))
    with synthetic.only_baselines("random-walk", "har-t"):
        pool = fit(to_frame([one.rows(0, 660) for one in members]), replace(CONFIG, split=split), home=tmp_path)
    assert pool.trained.market is not None
    markets = pipeline.MarketSource(pipeline.PriceSource(tmp_path, ReadOptions()), sources)
    expected = pipeline.predict_with(markets, sources[0], PredictConfig(model="pool"), Silent())
    together = predict(pool, to_frame(members))
    assert together["stockcast"][0] == expected[0].median
    by_itself = predict(pool, to_frame(members[:1]))
    assert by_itself["stockcast"][0] != together["stockcast"][0]
    longer = [members[0].rows(0, 690), *members[1:]]
    shorter = [one.rows(0, 690) for one in members]
    first, second = (predict(pool, to_frame(given)).head(1) for given in (longer, shorter))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_a_models_network_forecasts_the_folds_also_of_a_series_that_it_never_saw(tmp_path: Path) -> None:
    members = [synthetic.history(800, seed=seed, ticker=f"T{seed}") for seed in range(6)]
    sources = [str(synthetic.write_csv(tmp_path / f"{one.ticker}.csv", one)) for one in members]
    split = SplitConfig(members[0].session(520), members[0].session(590))
    training = replace(CONFIG.training, final_fit=False)
    with synthetic.only_baselines("random-walk", "har-t"):
        pool = fit(
            to_frame([one.rows(0, 660) for one in members[:5]]),
            replace(CONFIG, split=split, training=training), home=tmp_path,
        )  # fmt: skip
    config = BacktestConfig(baselines=("har-t",))
    notes = ProgressLog()
    forecasts = backtest(to_frame(members[5:]), config, model=pool, progress=notes).forecasts()
    assert forecasts["unique_id"].unique().tolist() == ["T5"]
    assert forecasts["cutoff"].min().date() >= pool.cutoff
    assert any("market of" in note for note in notes.notes)
    together = backtest(to_frame(members), config, model=pool).summary.results
    given = pipeline.PretrainedBacktest(
        "pool", pipeline.MarketSource(pipeline.PriceSource(tmp_path, ReadOptions()), sources)
    )
    assert together[5].scores == pipeline.backtest_pretrained(sources[5], given, config, Silent(), True).scores
    early = replace(config, folds=FoldConfig(members[0].session(550)))
    with pytest.raises(ModelError, match="cannot be scored"):
        backtest(to_frame(members), early, model=pool)


def test_prices_have_to_be_there_and_of_one_name_each() -> None:
    with pytest.raises(DataError, match="no prices are given"):
        fit([])
    file = ROOT / "data" / "GOOG.csv"
    with pytest.raises(DataError, match="2 series are named GOOG"):
        fit([file, file])
    with pytest.raises(ConfigError, match="need a folder to be kept in"):
        load("AAPL")


@pytest.mark.parametrize("level", [0, 100, -5, float("nan")])
def test_a_level_is_a_percentage(model: Model, level: float) -> None:
    with pytest.raises(ConfigError, match=r"is not within 0 \.\. 100 %"):
        predict(model, to_frame([HISTORY]), levels=[level])


def test_a_backtest_has_every_forecast_with_its_cutoff(tmp_path: Path) -> None:
    other = synthetic.history(900, seed=1, ticker="OTHER")
    found = backtest(to_frame([HISTORY, other]), replace(FOLDS, horizon=2, paths=100), home=tmp_path)
    frame = found.forecasts(levels=(80, 90))
    names = ("lstm", "random-walk", "har-t")
    assert frame.columns.tolist() == [
        "unique_id", "ds", "cutoff", "y",
        *(f"{name}{end}" for name in names for end in ("", "-lo-90", "-lo-80", "-hi-80", "-hi-90")),
    ]  # fmt: skip
    first = frame[frame["unique_id"] == "FAKE"]
    assert first["cutoff"].iloc[:2].dt.date.tolist() == [HISTORY.session(799)] * 2
    assert first["ds"].iloc[:2].dt.date.tolist() == [HISTORY.session(800), HISTORY.session(801)]
    assert not frame.isna().any().any()
    closes = to_frame([HISTORY, other])[["unique_id", "ds", "y"]]
    merged = frame.merge(closes, on=["unique_id", "ds"], suffixes=("", "_there"))
    np.testing.assert_allclose(merged["y"], merged["y_there"], rtol=1e-12)
    there = next(rows for rows in as_the_command_line_does(tmp_path).rows if rows.model == "lstm" and rows.horizon == 1)
    medians = there.last_close * np.exp(there.quantiles_NQ[:, 49])
    np.testing.assert_array_equal(first.groupby("cutoff")["lstm"].first(), medians)
    assert set(found.verdicts()) == {"FAKE", "OTHER"}
    assert found.skill()[["unique_id", "baseline", "horizon"]].drop_duplicates().shape == (8, 3)
    assert found.scores()["model"].nunique() == 3
    assert found.pooled()["tickers"].unique().tolist() == [2]
    with pytest.raises(ConfigError, match="the interval of 95 % does not end on one"):
        found.forecasts(levels=(95,))


def as_the_command_line_does(home: Path) -> BacktestResult:
    """The same backtest of a file, in the same home: its folds are there already."""
    file = synthetic.write_csv(home / "FAKE.csv", HISTORY)
    return pipeline.backtest(str(file), ReadOptions(), replace(FOLDS, horizon=2, paths=100), home, Silent(), True)


def short_of(frame: pd.DataFrame, bars: int, name: str = "SHORT") -> pd.DataFrame:
    """The first bars of a frame's first series as a series of their own."""
    return frame.head(bars).assign(unique_id=name)


def test_one_series_that_cannot_be_forecast_leaves_the_others_standing(model: Model) -> None:
    frame = to_frame([HISTORY])
    expected = predict(model, frame)
    early = short_of(frame, 500, "EARLY")  # ends before the model's cutoff
    broken = frame.assign(
        unique_id="BROKEN", y=frame["y"].where(frame.index != 7, np.nan).where(frame.index != 8, -1.0)
    )
    text = frame.assign(unique_id="TEXT", y=frame["y"].astype(object).where(frame.index != 9, "dear"))
    undated = frame.assign(unique_id="UNDATED", ds=frame["ds"].where(frame.index != 3, pd.NaT))
    together = pd.concat([early, broken, frame, text, undated, short_of(frame, 30)], ignore_index=True)
    with pytest.warns(LeftOut) as told:
        found = predict(model, together)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    [warning] = told
    assert warning.filename == __file__
    assert isinstance(warning.message, LeftOut)
    assert set(warning.message.failures) == {"EARLY", "BROKEN", "TEXT", "UNDATED", "SHORT"}
    assert isinstance(warning.message.failures["EARLY"], ModelError)
    for reason in (
        "5 series are left out",
        "EARLY: model FAKE was trained on sessions up to",
        "BROKEN: BROKEN in the frame, row 508",
        "TEXT: row 2309: y 'dear' is not a number",
        "UNDATED: row 3203: ds NaT is not a date",
        "SHORT: 30 sessions up to",
    ):
        assert reason in str(warning.message)


def test_the_first_failure_is_raised_where_that_is_asked_for_and_where_nothing_is_left(model: Model) -> None:
    frame = to_frame([HISTORY])
    together = pd.concat([frame, short_of(frame, 30), short_of(frame, 500, "EARLY")])
    with pytest.raises(DataError, match="30 sessions up to") as raised:
        predict(model, together, on_error="raise")
    assert any(note.startswith("SHORT: ") for note in raised.value.__notes__)
    with pytest.raises(DataError, match="30 sessions up to") as raised:
        predict(model, together[together["unique_id"] != "FAKE"])
    assert [note.partition(":")[0] for note in raised.value.__notes__] == ["SHORT", "EARLY"]


def test_a_source_that_cannot_be_read_is_left_out_of_what_is_loaded(tmp_path: Path) -> None:
    good = synthetic.write_csv(tmp_path / "GOOD.csv", HISTORY)
    (tmp_path / "BAD.csv").write_text("<html>too many requests</html>")
    sources = [tmp_path / "BAD.csv", good, tmp_path / "NONE.csv", "AAPL"]
    with pytest.warns(LeftOut, match="3 series are left out") as told:
        frame = load(sources)
    assert frame["unique_id"].unique().tolist() == ["GOOD"]
    assert [str(source) for source in sources if source != good] == list(told[0].message.failures)
    with pytest.raises(DataError, match="is not a price file"):
        load(sources, on_error="raise")
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "NONE.csv")
    other = synthetic.write_csv(tmp_path / "OTHER.csv", HISTORY)
    with pytest.warns(LeftOut, match="GOOD: 2 series are named GOOD"):
        frame = load([good, good, other])
    assert frame["unique_id"].unique().tolist() == ["OTHER"]
    with pytest.raises(DataError, match="2 series are named GOOD"):
        load([good, good])


def test_a_series_too_short_to_teach_is_left_out_of_a_pool_before_it_is_trained() -> None:
    members = to_frame([synthetic.history(620, seed=seed, ticker=f"T{seed}") for seed in range(2)])
    config = replace(CONFIG, split=SplitConfig(date(2013, 8, 1), date(2014, 1, 2)))
    together = pd.concat([short_of(members, 25), members], ignore_index=True)
    with (
        synthetic.only_baselines("random-walk", "har-t"),
        pytest.warns(LeftOut, match=r"SHORT: 25 sessions are too few for a window of 20: at least 43 are needed"),
    ):
        pool = fit(together, config)
    assert pool.tickers == ("T0", "T1")
    with pytest.raises(DataError, match="25 sessions are too few"):
        fit(together, config, on_error="raise")
    with pytest.raises(ConfigError, match="there are 3 series"):
        fit(together, config, pool=False)
    one = together[together["unique_id"] != "T1"]
    with synthetic.only_baselines("random-walk", "har-t"), pytest.warns(LeftOut, match="SHORT"):
        alone = fit(one, config)
    assert (alone.name, alone.tickers) == ("pool", ("T0",))


def test_a_series_that_cannot_be_walked_is_left_out_of_a_backtest() -> None:
    frame = to_frame([HISTORY])
    together = pd.concat([short_of(frame, 100), frame], ignore_index=True)
    with pytest.warns(LeftOut, match="SHORT: "):
        found = backtest(together, FOLDS)
    assert list(found.verdicts()) == ["FAKE"]
    with pytest.raises(DataError):
        backtest(together, FOLDS, on_error="raise")
    with pytest.raises(ConfigError, match="on_error is 'ignore', and it may be 'warn' or 'raise'"):
        backtest(together, FOLDS, on_error="ignore")  # type: ignore[arg-type] - what is tested


@pytest.mark.parametrize("call", [load, fit, backtest])
@pytest.mark.parametrize(
    ("prices", "message"),
    [
        (None, "the prices are None"),
        (7, "the prices are 7"),
        ({"GOOG": [1.0]}, "the prices are a dict"),
        ([pd.DataFrame()], "item 0 of the prices is a DataFrame of pandas, no file or ticker"),
        (["data/GSPC.csv", None], "item 1 of the prices is None"),
        ("", "item 0 of the prices is '', no file or ticker"),
        ([], "no prices are given"),
    ],
)
def test_what_is_no_prices_at_all_is_refused_in_words(
    call: Callable[..., object], prices: object, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        call(prices)


def test_parameters_of_a_wrong_type_are_refused_in_words(model: Model) -> None:
    frame = to_frame([HISTORY])
    day = pd.Timestamp(HISTORY.session(-5))
    pd.testing.assert_frame_equal(predict(model, frame, as_of=day), predict(model, frame, as_of=day.date()))
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: predict("FAKE", frame), "model is 'FAKE', and has to be what fit or open_model returns"),
        (lambda: predict(model, frame, as_of="2014-01-02"), "as_of is '2014-01-02', and has to be a date"),
        (lambda: predict(model, frame, levels=90), "levels is 90, and has to be a list of percentages"),
        (lambda: predict(model, frame, levels=["90"]), "a level of '90' is not within"),
        (lambda: predict(model, frame, horizon="2"), "horizon is '2', and has to be a whole number"),
        (lambda: predict(model, frame, horizon=0), "horizon 0 is not within"),
        (lambda: fit(frame, FOLDS), "config is a BacktestConfig, and has to be a TrainConfig"),
        (lambda: backtest(frame, CONFIG), "config is a TrainConfig, and has to be a BacktestConfig"),
        (lambda: fit(frame, CONFIG, home=5), "home is 5, and has to be a folder"),
        (lambda: open_model("FAKE", None), "home is None, and has to be a folder"),
        (lambda: backtest(frame, FOLDS, model="FAKE"), "model is 'FAKE'"),
        (lambda: fit(frame, CONFIG, covariates=5), "the covariates are 5"),
    ]  # type: ignore[arg-type] - what is tested
    for call, message in wrong:
        with pytest.raises(StockcastError, match=re.escape(message)):
            call()
    with pytest.raises(DataError, match="load reads files and tickers, and this is a frame already"):
        load(frame)


@pytest.mark.parametrize("name", [name for name in stockcast.__all__ if inspect.isroutine(getattr(stockcast, name))])
def test_a_public_function_documents_each_of_its_parameters(name: str) -> None:
    function = getattr(stockcast, name)
    assert function.__doc__
    if not function.__module__.startswith("stockcast.api"):
        return
    for parameter in list(inspect.signature(function).parameters)[1:]:
        if parameter not in {"progress", "name", "home"}:  # said in a sentence
            assert re.search(rf"\b{parameter}\b", function.__doc__), (name, parameter)


def test_every_public_name_has_a_docstring_of_its_own() -> None:
    for name in stockcast.__all__:
        doc = inspect.getdoc(getattr(stockcast, name))
        assert doc, name
        assert not doc.startswith(f"{name}("), f"{name} has the signature that dataclass writes"


def test_a_policy_stands_in_the_frames_and_never_without_what_may_be_said_of_it(tmp_path: Path) -> None:
    frame, asked = to_frame([HISTORY]), PolicyConfig(long_only=True, cost=0.0)
    made = fit(frame, CONFIG, policy=asked, home=tmp_path)
    assert made.trained.policy is not None
    assert made.trained.config.policy == replace(asked, wanted=True)
    assert made.policy_verdict is not None
    assert made.policy_verdict.startswith("Policy (long only): no evidence of skill over holding")
    held = predict(open_model(made.name, tmp_path), frame, horizon=2)["policy-position"]
    assert 0.0 <= held[0] <= 1.0
    assert np.isnan(held[1])
    assert fit(frame, CONFIG).policy_verdict is None


def test_a_policy_is_of_one_series_and_is_learnt(model: Model) -> None:
    frame = to_frame([HISTORY])
    both = to_frame([HISTORY, synthetic.history(900, seed=1, ticker="OTHER")])
    with pytest.raises(ConfigError, match="a policy is learnt from one series"):
        fit(both, CONFIG, policy=True)
    with pytest.raises(ConfigError, match="a policy is learnt in each fold"):
        backtest(frame, BacktestConfig(policy=PolicyConfig(wanted=True)), model=model)


def test_a_backtest_has_what_each_policy_held_at_each_cutoff_whatever_the_jobs() -> None:
    prices, config = to_frame([HISTORY]), replace(FOLDS, policy=PolicyConfig(wanted=True))
    found = backtest(prices, config, jobs=2)
    frame, (result,) = found.forecasts(), found.summary.results
    for name, held in result.positions.items():
        np.testing.assert_array_equal(frame[f"{name}-position"], held)
    assert backtest(prices, config).forecasts().equals(frame)
