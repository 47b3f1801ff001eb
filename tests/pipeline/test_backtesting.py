"""Backtests: folds stand alone, nothing that comes later moves them, and what was done is not done again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config.models import BacktestConfig, FoldConfig
from stockcast.errors import ConfigError, DataError
from stockcast.evaluation import metrics
from stockcast.evaluation.audit import shuffled
from stockcast.evaluation.scores import PERCENTILES
from stockcast.evaluation.verdict import BacktestResult
from stockcast.models import training
from stockcast.models.baselines import ALL_BASELINES
from stockcast.models.baselines.garch import GarchT
from stockcast.models.baselines.simple import HarT
from stockcast.models.distribution import StudentT
from stockcast.pipeline.walking import Walk
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.windows.features import features
from stockcast.windows.splits import walk_forward
from tests import synthetic
from tests.pipeline import walks
from tests.pipeline.walks import EVERY, FIRST, HISTORY, row_bytes, rows_of
from tests.progress import ProgressLog
from tests.synthetic import replaced

CONFIG = replace(walks.CONFIG, training=replace(walks.CONFIG.training, batch_size=6, checks=2))


def backtest(h: History, home: Path, config: BacktestConfig = CONFIG, progress: Silent | None = None) -> BacktestResult:
    return walks.backtest(h, home, config, progress)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which every fold is finished."""
    home = tmp_path_factory.mktemp("whole")
    backtest(HISTORY, home)
    return home


@pytest.fixture(scope="module")
def whole(done: Path) -> BacktestResult:
    """The backtest that the tests compare with, read back from its fold files."""
    found = backtest(HISTORY, done)
    return replace(found, folds=tuple(replace(fold, resumed=False) for fold in found.folds))


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """First forecast session of every network that is trained."""
    made: list[str] = []
    original = training.learn

    def counted(series, *rest, **more):  # type: ignore[no-untyped-def]
        (one,) = series
        made.append(str(one.load().session_returns.dates[one.validation.stop + 1 + CONFIG.folds.embargo]))
        return original(series, *rest, **more)

    monkeypatch.setattr(training, "learn", counted)
    return made


def test_every_session_from_the_date_on_is_forecast_once_by_everyone(whole: BacktestResult) -> None:
    assert [rows.model for rows in whole.rows] == ["lstm", *CONFIG.baselines]
    for rows in whole.rows:
        np.testing.assert_array_equal(rows.target_sessions, HISTORY.dates[FIRST:])
        np.testing.assert_array_equal(rows.origins, HISTORY.dates[FIRST - 1 : -1])
        assert (np.diff(rows.quantiles_NQ, axis=1) > 0).all()
    assert [fold.test[2] for fold in whole.folds] == [40, 40, 40]
    assert [len(fold.steps["lstm"]) for fold in whole.folds] == [1, 1, 1]


def test_the_plan_is_what_the_backtest_does(whole: BacktestResult, tmp_path: Path) -> None:
    path = synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY)
    planned = pipeline.plan(str(path), ReadOptions(), CONFIG, tmp_path, Silent())
    assert planned.folds == tuple(
        replace(fold, steps={}, curves={}, initialised_from=None, served_by={}) for fold in whole.folds
    )
    assert (planned.ticker, planned.pieces) == ("FAKE", len(whole.folds))
    assert planned.seconds > 0
    assert not (tmp_path / "backtests").exists()


def test_a_fold_is_what_it_is_in_a_backtest_that_ends_with_it(whole: BacktestResult, tmp_path: Path) -> None:
    for folds in (1, 2):
        short = backtest(HISTORY.rows(0, FIRST + folds * EVERY), tmp_path / str(folds))
        assert row_bytes(short, 999) == row_bytes(whole, folds * EVERY)


def test_folds_fitted_in_reverse_are_the_same_to_the_byte(done: Path, tmp_path: Path) -> None:
    folds = walk_forward(HISTORY.dates[1:], CONFIG.folds, CONFIG.network.lookback)
    walk = Walk(HISTORY, features(HISTORY), CONFIG, tmp_path, Silent())
    for fold in folds[::-1]:
        assert walk.fold(fold, len(folds)).resumed is False
    forwards, backwards = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (done / "backtests/FAKE", tmp_path)
    )
    assert len(backwards) == len(folds)
    assert backwards == forwards


@pytest.mark.parametrize(
    ("change", "supervision"), [(shuffled, "every-step"), (replaced, "every-step"), (replaced, "last-step")]
)
def test_bars_that_come_later_change_no_byte_of_an_earlier_fold(
    change: Callable[[History, int], History], supervision: str, whole: BacktestResult, tmp_path: Path
) -> None:
    config = replace(CONFIG, training=replace(CONFIG.training, supervision=supervision))
    bars = FIRST + EVERY
    h = HISTORY if supervision == "every-step" else HISTORY.rows(0, bars + EVERY)
    before = whole if supervision == "every-step" else backtest(h, tmp_path / "before", config)
    changed = backtest(change(h, bars), tmp_path / "changed", config)
    assert row_bytes(changed, EVERY) == row_bytes(before, EVERY)
    for model, found in row_bytes(changed, 999).items():
        assert found != row_bytes(before, 999)[model], model
    assert changed.verdict.strongest_baseline == before.verdict.strongest_baseline
    assert changed.validation_crps == before.validation_crps


def test_a_target_within_the_embargo_teaches_nothing(tmp_path: Path) -> None:
    """The bar before the first origin moves its forecast, as an input; as a target it would move the fits, too."""
    config = replace(CONFIG, folds=replace(CONFIG.folds, embargo=60), baselines=("har-t",))
    bars = FIRST - 60
    dists = []
    for name, h in (("as it was", HISTORY), ("changed", replaced(HISTORY, bars))):
        f = features(h)
        (fold, *_) = walk_forward(h.dates[1:], config.folds, config.network.lookback)
        walk = Walk(h, f, config, tmp_path / name, Silent())
        made = walk.fold(fold, 1).file
        har = made.dists["har-t"]
        assert isinstance(har, StudentT)
        dists.append((har.loc[0], har.nu[0], made.about))
    assert dists[0] == dists[1]


def test_an_interrupted_backtest_goes_on_where_it_was(whole: BacktestResult, fits: list[str], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        backtest(HISTORY, tmp_path, progress=ProgressLog(stop_at="fold 2 of 3: baselines"))
    assert len(fits) == 2
    progress_log = ProgressLog()
    resumed = backtest(HISTORY, tmp_path, progress=progress_log)
    assert fits == [str(HISTORY.session(FIRST + k * EVERY)) for k in (0, 1, 1, 2)]
    assert [fold.resumed for fold in resumed.folds] == [True, False, False]
    assert "FAKE: fold 1 of 3 was there already" in progress_log.details
    assert row_bytes(resumed, 999) == row_bytes(whole, 999)
    as_new = replace(resumed, rows=(), record=None, folds=tuple(replace(fold, resumed=False) for fold in resumed.folds))
    assert as_new == replace(whole, rows=(), record=None)


def test_a_finished_backtest_is_not_fitted_again_but_a_damaged_fold_is(
    whole: BacktestResult, done: Path, fits: list[str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(done, home)
    assert all(fold.resumed for fold in backtest(HISTORY, home).folds)
    assert fits == []
    damaged = sorted((home / "backtests" / "FAKE").iterdir())[1]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    assert row_bytes(backtest(HISTORY, home), 999) == row_bytes(whole, 999)
    assert len(fits) == 1


def key(config: BacktestConfig, h: History = HISTORY, fold: int = 0) -> str:
    walk = Walk(h, features(h), config, Path(), Silent())
    return walk.key(walk_forward(h.dates[1:], config.folds, config.network.lookback)[fold])


def variants(config: BacktestConfig) -> dict[str, BacktestConfig]:
    network, taught, folds = config.network, config.training, config.folds
    return {
        "cells": replace(config, cells=("gru",)),
        "baselines": replace(config, baselines=("har-t",)),
        "hidden size": replace(config, network=replace(network, hidden_size=5)),
        "layers": replace(config, network=replace(network, layers=2)),
        "dropout": replace(config, network=replace(network, dropout=0.2)),
        "lookback": replace(config, network=replace(network, lookback=21)),
        "seeds": replace(config, training=replace(taught, seeds=2)),
        "seed": replace(config, training=replace(taught, seed=1)),
        "rate": replace(config, training=replace(taught, learning_rate=0.03)),
        "decay": replace(config, training=replace(taught, weight_decay=0.1)),
        "supervision": replace(config, training=replace(taught, supervision="last-step")),
        "batch": replace(config, training=replace(taught, batch_size=8)),
        "steps": replace(config, training=replace(taught, steps=6)),
        "epochs": replace(config, training=replace(taught, steps=None, epochs=1)),
        "chunk": replace(config, training=replace(taught, chunk=41)),
        "warm-up": replace(config, training=replace(taught, warmup=11)),
        "checks": replace(config, training=replace(taught, checks=3)),
        "device": replace(config, training=replace(taught, device="auto")),
        "final fit": replace(config, training=replace(taught, final_fit=False)),
        "first session": replace(config, folds=replace(folds, test_from=HISTORY.session(FIRST + 1))),
        "refits": replace(config, folds=replace(folds, refit_every=41)),
        "window": replace(config, folds=replace(folds, window=330)),
        "embargo": replace(config, folds=replace(folds, embargo=4)),
        "validation": replace(config, folds=replace(folds, validation_share=0.3)),
        "validation's beginning": replace(config, folds=replace(folds, validate_from=HISTORY.session(FIRST - 100))),
        "sessions ahead": replace(config, horizon=2),
    }


def test_a_folds_name_changes_with_every_setting_and_with_its_bars_but_not_with_later_ones() -> None:
    names = {key(CONFIG)} | {key(config) for config in variants(CONFIG).values()}
    assert len(names) == 1 + len(variants(CONFIG))
    assert key(replace(CONFIG, cost=9.0)) == key(CONFIG)
    end = FIRST + EVERY
    assert key(CONFIG, replaced(HISTORY, end)) == key(CONFIG)
    assert key(CONFIG, HISTORY.rows(0, end)) == key(CONFIG)
    assert key(CONFIG, replaced(HISTORY, end - 1)) != key(CONFIG)
    assert key(CONFIG, replaced(HISTORY, 30)) != key(CONFIG)
    for name in ("open", "volume"):
        assert key(CONFIG, replace(HISTORY, **{name: None})) != key(CONFIG)
    later = replace(HISTORY, dates=HISTORY.dates + np.where(np.arange(620) > 610, 1, 0))
    assert key(CONFIG, later, 2) != key(CONFIG, fold=2)


def test_a_baseline_that_cannot_be_fitted_is_left_out_with_a_note(
    monkeypatch: pytest.MonkeyPatch, whole: BacktestResult, tmp_path: Path
) -> None:
    original, made = HarT.fit.__func__, []  # type: ignore[attr-defined]

    def failing(cls, f, start, stop):  # type: ignore[no-untyped-def]
        made.append(stop)
        if len(made) == 3:  # the second fold's first
            raise DataError("the optimiser is tired")
        return original(cls, f, start, stop)

    monkeypatch.setattr(HarT, "fit", classmethod(failing))
    progress_log = ProgressLog()
    found = backtest(HISTORY, tmp_path, progress=progress_log)
    assert found.left_out == ("har-t",)
    assert "FAKE: har-t is left out: the optimiser is tired" in progress_log.notes
    assert {score.model for score in found.scores} == {"lstm", "random-walk", "fhs-garch"}
    assert {c.baseline for c in found.comparisons} == {"random-walk", "fhs-garch"}
    assert found.verdict.strongest_baseline != "har-t"
    kept = {name: value for name, value in row_bytes(whole, 999).items() if name != "har-t"}
    assert row_bytes(found, 999) == kept


def test_without_any_baseline_there_is_nothing_to_compare_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(cls, f, start, stop):  # type: ignore[no-untyped-def]  # noqa: ARG001
        raise DataError("no")

    monkeypatch.setattr(HarT, "fit", classmethod(failing))
    with pytest.raises(DataError, match="FAKE: no baseline could be fitted"):
        backtest(HISTORY.rows(0, FIRST + EVERY), tmp_path, replace(CONFIG, baselines=("har-t",)))


def test_an_unknown_baseline_is_refused_before_anything_is_fitted(fits: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown baseline 'garch'") as caught:
        backtest(HISTORY, tmp_path, replace(CONFIG, baselines=("garch",)))
    assert "garch-t" in caught.value.hint
    assert fits == []


def test_all_baselines_that_need_no_dates_compete_where_none_is_named() -> None:
    walk = Walk(HISTORY, features(HISTORY), replace(CONFIG, baselines=()), Path(), Silent())
    assert walk.baselines == tuple(name for name in ALL_BASELINES if name != "har-t-events")


def test_two_cells_compete_side_by_side_and_the_first_folds_validation_chooses(
    whole: BacktestResult, tmp_path: Path
) -> None:
    two = 2 * EVERY
    found = backtest(HISTORY.rows(0, FIRST + two), tmp_path, replace(CONFIG, cells=("gru", "lstm")))
    assert [(score.model, score.kind) for score in found.scores[:3]] == [
        ("gru", "network"), ("lstm", "network"), ("random-walk", "baseline"),
    ]  # fmt: skip
    assert {(c.model, c.baseline) for c in found.comparisons} == {
        (cell, name) for cell in ("gru", "lstm") for name in CONFIG.baselines
    }
    assert row_bytes(found, 999)["lstm"] == row_bytes(whole, two)["lstm"]
    assert row_bytes(found, 999)["gru"] != row_bytes(found, 999)["lstm"]
    assert found.network == min(("gru", "lstm"), key=lambda cell: found.validation_crps[cell])
    assert set(found.folds[0].steps) == {"gru", "lstm"}


def test_the_verdict_is_against_the_baseline_that_was_strongest_on_the_first_folds_validation(
    whole: BacktestResult,
) -> None:
    strongest = min(CONFIG.baselines, key=lambda name: whole.validation_crps[name])
    assert whole.verdict.strongest_baseline == strongest
    (against,) = [c for c in whole.comparisons if c.baseline == strongest]
    assert (whole.verdict.crps_skill, whole.verdict.dm_p) == (against.crps_skill, against.dm_p)
    f = features(HISTORY)
    fold = walk_forward(HISTORY.dates[1:], CONFIG.folds, CONFIG.network.lookback)[0]
    train, choosing = fold.split.train, fold.split.validation
    dist = HarT.fit(f, train.start, train.stop).forecast(f, choosing.start, choosing.stop)
    y_N = f.session_returns.r_T[choosing.start + 1 : choosing.stop + 1]
    assert whole.validation_crps["har-t"] == pytest.approx(
        metrics.crps_student_t(y_N, dist.loc, dist.scale, dist.nu).mean()
    )


def test_scores_are_those_of_the_rows(whole: BacktestResult) -> None:
    for score in whole.scores:
        rows = rows_of(whole, score.model)
        y_N, q_NQ = rows.realised_return, rows.quantiles_NQ
        assert score.n == len(y_N) == 120
        assert score.crps == pytest.approx(rows.crps.mean())
        assert score.coverage_90 == pytest.approx(metrics.coverage(y_N, q_NQ[:, 4], q_NQ[:, 94]))
        assert score.coverage_50 == pytest.approx(metrics.coverage(y_N, q_NQ[:, 24], q_NQ[:, 74]))
        assert score.pinball == pytest.approx(metrics.pinball(y_N, q_NQ, PERCENTILES).mean())
        median_N = rows.last_close * np.exp(q_NQ[:, 49])
        errors = [metrics.mae(rows.last_close * np.exp(y_N), guess_N) for guess_N in (median_N, rows.last_close)]
        assert score.mae_ratio == pytest.approx(errors[0] / errors[1])
        assert ((rows.pit >= 0) & (rows.pit <= 1)).all()
        if score.log_score is None:
            assert np.isnan(rows.log_score).all()
        else:
            assert score.log_score == pytest.approx(rows.log_score.mean())
    ours = rows_of(whole, "lstm").crps.mean()
    for c in whole.comparisons:
        assert c.crps_skill == pytest.approx(1 - ours / rows_of(whole, c.baseline).crps.mean())


def test_the_outcomes_are_those_of_the_history(whole: BacktestResult) -> None:
    rows = whole.rows[0]
    np.testing.assert_allclose(rows.realised_return, np.diff(np.log(HISTORY.close))[FIRST - 1 :], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(rows.last_close, HISTORY.close[FIRST - 1 : -1])
    assert whole.data_sha256 == HISTORY.sha256()


def test_a_sample_grows_from_fold_to_fold_and_no_row_is_scored_by_another_sample(whole: BacktestResult) -> None:
    """Each row's CRPS is that of the residuals that its own fold knew."""
    f, rows = features(HISTORY), rows_of(whole, "fhs-garch")
    for k, fold in enumerate(walk_forward(HISTORY.dates[1:], CONFIG.folds, CONFIG.network.lookback)):
        fitted = ALL_BASELINES["fhs-garch"].fit(f, fold.seen.start, fold.seen.stop)
        dist = fitted.forecast(f, fold.split.test.start, fold.split.test.stop)
        mine = slice(k * EVERY, (k + 1) * EVERY)
        np.testing.assert_array_equal(rows.quantiles_NQ[mine], dist.quantile(PERCENTILES))
        np.testing.assert_array_equal(
            rows.crps[mine],
            metrics.crps_empirical(rows.realised_return[mine], dist.values_NK),  # type: ignore[attr-defined]
        )


def wild(h: History, bars: int) -> History:
    """The first `bars` bars of another life: five times as wide, and quiet where volume is loud."""
    draw = np.random.default_rng(5)
    returns = 0.05 * draw.standard_t(3, bars)
    close = h.close.copy()
    close[:bars] = h.close[bars] * np.exp(returns[::-1].cumsum()[::-1].clip(-3, 3))
    scale = close / h.close
    assert h.volume is not None
    volume = np.concatenate([np.round(1e12 / h.volume[:bars]), h.volume[bars:]])
    moved = {name: getattr(h, name) * scale for name in ("open", "high", "low", "close", "adjusted_close")}
    return replace(h, **moved, volume=volume)


@pytest.mark.parametrize("supervision", ["every-step", "last-step"])
def test_what_a_sliding_window_has_left_behind_teaches_nobody(supervision: str, tmp_path: Path) -> None:
    """Long before the window, so that no average remembers it, prices were another stock's."""
    long = synthetic.history(1000, seed=3)
    config = replace(
        CONFIG,
        training=replace(CONFIG.training, supervision=supervision, steps=20, final_fit=False),
        folds=FoldConfig(long.session(960), "year", window=320),
        # Baselines know nothing of supervision: all of them once.
        baselines=("garch-t", "drift", "mean", "ewma-t", "har-t", "ar1", "fhs-garch")
        if supervision == "every-step"
        else ("drift",),
    )
    as_was, changed = (
        backtest(h, tmp_path / name, config) for name, h in (("as it was", long), ("changed", wild(long, 260)))
    )
    for before, after in zip(as_was.rows, changed.rows, strict=True):
        np.testing.assert_allclose(after.quantiles_NQ, before.quantiles_NQ, rtol=1e-3, atol=2e-5, err_msg=after.model)


def test_without_a_sliding_window_the_distant_past_does_teach(tmp_path: Path) -> None:
    long = synthetic.history(1000, seed=3)
    config = replace(CONFIG, folds=FoldConfig(long.session(960), "year"), baselines=("garch-t", "drift"))
    as_was, changed = (
        backtest(h, tmp_path / name, config) for name, h in (("as it was", long), ("changed", wild(long, 260)))
    )
    for before, after in zip(as_was.rows, changed.rows, strict=True):
        assert abs(after.quantiles_NQ - before.quantiles_NQ).max() > 1e-4, after.model


def test_garch_in_a_sliding_window_is_the_garch_of_those_returns(tmp_path: Path) -> None:
    config = replace(CONFIG, folds=replace(CONFIG.folds, window=320, embargo=0), baselines=("garch-t",))
    rows = rows_of(backtest(HISTORY.rows(0, FIRST + EVERY), tmp_path, config), "garch-t")
    fold = walk_forward(HISTORY.dates[1:], config.folds, config.network.lookback)[0]
    begin = fold.split.train.start - 22  # the month on which filters start
    f = features(HISTORY.rows(begin, len(HISTORY)))
    dist = GarchT.fit(f, 22, 22 + 320).forecast(f, 22 + 320, 22 + 320 + EVERY)
    np.testing.assert_allclose(rows.quantiles_NQ[:EVERY], dist.quantile(PERCENTILES), rtol=1e-6, atol=1e-9)


def test_closes_alone_are_enough(tmp_path: Path) -> None:
    bare = replace(HISTORY, open=None, high=None, low=None, volume=None)
    bare = bare.rows(0, FIRST + EVERY)
    found = backtest(bare, tmp_path, replace(CONFIG, training=replace(CONFIG.training, final_fit=False)))
    assert {score.n for score in found.scores} == {EVERY}


def test_a_short_test_span_has_calibration_and_economics_all_the_same(tmp_path: Path) -> None:
    found = backtest(HISTORY.rows(0, FIRST + 2), tmp_path)
    assert [score.n for score in found.scores] == [2] * 4
    assert found.calibration is not None
    assert [e.n for e in found.economics] == [2] * 4


def test_the_cost_of_trading_arrives_in_the_economics_and_fits_nothing_again(
    whole: BacktestResult, done: Path, fits: list[str]
) -> None:
    free = backtest(HISTORY, done, replace(CONFIG, cost=0.0))
    assert fits == []
    assert {e.cost_bp for e in whole.economics} == {5.0}
    assert {e.cost_bp for e in free.economics} == {0.0}
    for before, after in zip(whole.economics, free.economics, strict=True):
        assert after.annual_return > before.annual_return


@pytest.mark.parametrize("ticker", ["../../outside", "^GSPC", "é" * 300, ".."])
def test_a_ticker_never_leads_out_of_the_home(ticker: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    path = synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY.rows(0, FIRST + 5))
    training = replace(CONFIG.training, steps=1, final_fit=False)
    config = replace(CONFIG, training=training, baselines=("random-walk",))
    found = pipeline.backtest(str(path), ReadOptions(ticker=ticker), config, home, Silent())
    assert (found.ticker, found.rows) == (ticker, ())
    assert {entry.name for entry in tmp_path.iterdir()} == {"home", "FAKE.csv"}
    (folder,) = (home / "backtests").iterdir()
    assert len(list(folder.iterdir())) == 1
