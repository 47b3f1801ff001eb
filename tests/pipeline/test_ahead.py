"""Several sessions ahead: cumulated returns, scored where there is an outcome, blind to what comes later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scoringrules

from stockcast import pipeline
from stockcast.config.models import BacktestConfig
from stockcast.evaluation import metrics
from stockcast.evaluation.significance import diebold_mariano
from stockcast.evaluation.verdict import BacktestResult
from stockcast.models import training
from stockcast.models.distribution import Empirical
from stockcast.pipeline.judging import skill_table
from stockcast.pipeline.walking import Walk
from stockcast.prices.events import AFTER, BEFORE, EventCalendar, EventDates
from stockcast.prices.sessions import load_calendar
from stockcast.progress import Silent
from stockcast.report.backtest import backtest_text
from stockcast.report.text import Page
from stockcast.storage import foldfile
from stockcast.storage.foldfile import FoldFile
from stockcast.windows.events import features_with_events
from stockcast.windows.features import features
from stockcast.windows.splits import walk_forward
from tests.pipeline import walks
from tests.pipeline.walks import EVERY, FIRST, backtest, row_bytes, rows_of
from tests.synthetic import replaced

HISTORY = walks.HISTORY.rows(0, FIRST + EVERY + 20)
STEPS = (1, 2, 3)
ALONE = replace(
    walks.CONFIG,
    training=replace(walks.CONFIG.training, batch_size=6, checks=2),
    baselines=("random-walk", "random-walk-gaussian", "har-t", "fhs-garch"),
)
CONFIG = replace(ALONE, horizon=3, paths=100)
NAMES = ("lstm", *CONFIG.baselines)
QUICK = replace(
    CONFIG,
    training=replace(CONFIG.training, steps=1, final_fit=False),
    baselines=("random-walk", "random-walk-gaussian"),
)
"""For what hangs on paths, not on fits."""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home in which the folds of the walk are kept, once it is done."""
    return tmp_path_factory.mktemp("ahead")


@pytest.fixture(scope="module")
def whole(done: Path) -> BacktestResult:
    """The walk, fresh."""
    return backtest(HISTORY, done, CONFIG)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    """The same walk, of the next session alone."""
    return backtest(HISTORY, tmp_path_factory.mktemp("alone"), ALONE)


@pytest.fixture(scope="module")
def files(done: Path, whole: BacktestResult) -> list[FoldFile]:  # noqa: ARG001 - the walk leaves them behind
    """The folds as they were kept, oldest first: the second is the shorter one."""
    found = [foldfile.load_fold(path) for path in (done / "backtests" / "FAKE").iterdir()]
    return sorted((file for file in found if file is not None), key=lambda file: -len(file.dists["lstm"]))


def samples(files: list[FoldFile], name: str, step: int) -> np.ndarray:
    """The values that stand for a competitor's distributions of a step, over all folds."""
    dists = [file.ahead[name][step - 2] for file in files]
    assert all(isinstance(dist, Empirical) for dist in dists)
    return np.concatenate([dist.values_NK for dist in dists])  # type: ignore[attr-defined]


def test_the_first_step_is_what_it_is_without_the_others(whole: BacktestResult, alone: BacktestResult) -> None:
    assert row_bytes(whole, 999) == row_bytes(alone, 999)
    assert whole.scores_at(1) == alone.scores
    assert whole.comparisons_at(1) == alone.comparisons
    for name in ("verdict", "calibration", "calibrated", "economics", "validation_crps", "network"):
        # As text: what is undefined is NaN, and from Python 3.13 on a dataclass with one does not equal itself.
        assert repr(getattr(whole, name)) == repr(getattr(alone, name)), name


def test_every_step_has_the_rows_of_every_competitor_and_origins_without_a_target_are_left_out(
    whole: BacktestResult,
) -> None:
    assert whole.horizon == 3
    assert [(rows.horizon, rows.model) for rows in whole.rows] == [(step, name) for step in STEPS for name in NAMES]
    for rows in whole.rows:
        count = 60 - (rows.horizon - 1)
        assert len(rows.crps) == len(rows.quantiles_NQ) == count
        np.testing.assert_array_equal(rows.origins, HISTORY.dates[FIRST - 1 : FIRST - 1 + count])
        np.testing.assert_array_equal(rows.target_sessions, HISTORY.dates[FIRST - 1 + rows.horizon :])
        expected_N = np.log(HISTORY.close[FIRST - 1 + rows.horizon :] / HISTORY.close[FIRST - 1 : -rows.horizon])
        np.testing.assert_allclose(rows.realised_return, expected_N, rtol=0, atol=1e-13)
        assert (np.diff(rows.quantiles_NQ, axis=1) > 0).all()


def test_the_scores_of_a_step_are_those_of_its_rows(whole: BacktestResult) -> None:
    assert [(score.horizon, score.model) for score in whole.scores] == [(s, name) for s in STEPS for name in NAMES]
    for score in whole.scores:
        rows = rows_of(whole, score.model, score.horizon)
        y_N, q_NQ = rows.realised_return, rows.quantiles_NQ
        assert score.n == len(y_N)
        assert score.crps == pytest.approx(rows.crps.mean())
        inside_N = (y_N >= q_NQ[:, 4]) & (y_N <= q_NQ[:, 94])
        assert score.coverage_90 == pytest.approx(inside_N.mean())
        error_NQ = y_N[:, None] - q_NQ
        pinball = np.maximum(np.arange(1, 100) / 100 * error_NQ, (np.arange(1, 100) / 100 - 1) * error_NQ).mean()
        assert score.pinball == pytest.approx(pinball)
        assert score.crps == pytest.approx(2 * pinball, rel=0.04)
        assert (score.log_score is None) == (score.horizon > 1 or score.model in ("random-walk", "fhs-garch"))
        median_N = rows.last_close * np.exp(q_NQ[:, 49])
        price_N = rows.last_close * np.exp(y_N)
        expected = metrics.mae(price_N, median_N) / metrics.mae(price_N, rows.last_close)
        assert score.mae_ratio == pytest.approx(expected)


@pytest.mark.parametrize("step", [2, 3])
def test_a_row_is_scored_by_the_paths_of_its_own_origin(
    step: int, whole: BacktestResult, files: list[FoldFile]
) -> None:
    for name in NAMES:
        rows, values_NK = rows_of(whole, name, step), samples(files, name, step)
        assert values_NK.shape == (60 - (step - 1), 100)
        crps_N = scoringrules.crps_ensemble(rows.realised_return, values_NK, estimator="nrg")
        np.testing.assert_allclose(rows.crps, crps_N, rtol=1e-9)
        np.testing.assert_allclose(rows.quantiles_NQ[:, 49], np.median(values_NK, axis=1), rtol=1e-12)
        share_N = (values_NK <= rows.realised_return[:, None]).mean(axis=1)
        np.testing.assert_allclose(rows.pit, share_N, atol=0.011)  # a hundred values: one step of their shares


def test_skill_is_tested_with_the_overlap_of_the_step(whole: BacktestResult) -> None:
    assert len(whole.comparisons) == 3 * len(CONFIG.baselines)
    for c in whole.comparisons:
        ours, theirs = (rows_of(whole, name, c.horizon).crps for name in (c.model, c.baseline))
        assert c.crps_skill == pytest.approx(1 - ours.mean() / theirs.mean())
        assert c.dm_p == diebold_mariano(ours, theirs, 10, c.horizon).p_value


def test_a_gaussian_random_walk_widens_with_the_root_of_the_steps(whole: BacktestResult, files: list[FoldFile]) -> None:
    one_N = np.concatenate([file.dists["random-walk-gaussian"].std for file in files])
    for step in (2, 3):
        values_NK = samples(files, "random-walk-gaussian", step)
        count = len(values_NK)
        ratio_N = values_NK.std(axis=1) / one_N[:count] / np.sqrt(step)
        # A hundred paths know a deviation to 7 %, sixty origins with chances of their own to 1 %.
        assert ratio_N.mean() == pytest.approx(1.0, abs=0.04)
        assert 0.04 < ratio_N.std() < 0.10
        rows = rows_of(whole, "random-walk-gaussian", step)
        exact = scoringrules.crps_normal(rows.realised_return, 0.0, one_N[:count] * np.sqrt(step)).mean()
        assert rows.crps.mean() == pytest.approx(exact, rel=0.03)


def test_every_distribution_widens_from_step_to_step(whole: BacktestResult) -> None:
    for name in NAMES:
        quantiles = [rows_of(whole, name, step).quantiles_NQ for step in STEPS]
        widths = [float((q_NQ[:57, 94] - q_NQ[:57, 4]).mean()) for q_NQ in quantiles]
        assert 1.15 < widths[1] / widths[0] < 1.75, name
        assert 1.05 < widths[2] / widths[1] < 1.5, name


def test_two_hundred_values_score_as_all_paths_do(tmp_path: Path) -> None:
    config = replace(QUICK, horizon=2, paths=3000)
    found = backtest(HISTORY.rows(0, FIRST + EVERY), tmp_path, config)
    (file,) = [foldfile.load_fold(path) for path in (tmp_path / "backtests" / "FAKE").iterdir()]
    assert file is not None
    values_NK = samples([file], "random-walk-gaussian", 2)
    assert values_NK.shape == (EVERY - 1, 200)
    rows = rows_of(found, "random-walk-gaussian", 2)
    scale_N = file.dists["random-walk-gaussian"].std[: EVERY - 1] * np.sqrt(2)
    exact_N = scoringrules.crps_normal(rows.realised_return, 0.0, scale_N)
    assert rows.crps.mean() == pytest.approx(exact_N.mean(), rel=0.01)
    assert values_NK.std(axis=1).mean() == pytest.approx(scale_N.mean(), rel=0.02)
    # 117,000 paths: the standard error is 0.003, and a tail with a value more than the other one moves it by 0.017.
    assert (values_NK / scale_N[:, None]).mean() == pytest.approx(0.0, abs=0.01)


def test_bars_after_an_origin_change_no_byte_of_any_step(whole: BacktestResult, tmp_path: Path) -> None:
    """Also within a fold, whose name changes then: it is fitted anew, and forecasts the same."""
    bars = FIRST + 20
    changed = backtest(replaced(HISTORY, bars), tmp_path, CONFIG)
    assert changed.data_sha256 != whole.data_sha256
    for before, after in zip(whole.rows, changed.rows, strict=True):
        assert (before.model, before.horizon) == (after.model, after.horizon)
        known = 21  # the last of these origins is bar 519
        assert HISTORY.session(bars - 1) == before.origins[known - 1].astype(object)
        assert before.quantiles_NQ[:known].tobytes() == after.quantiles_NQ[:known].tobytes()
        settled = known - before.horizon  # and their targets, too, lie before the change
        assert before.crps[:settled].tobytes() == after.crps[:settled].tobytes()
        assert before.quantiles_NQ[known:].tobytes() != after.quantiles_NQ[known:].tobytes()
        assert before.crps[settled] != after.crps[settled]


def test_where_the_history_ends_sooner_the_steps_that_are_left_are_the_same(
    whole: BacktestResult, tmp_path: Path
) -> None:
    short = backtest(HISTORY.rows(0, FIRST + EVERY), tmp_path, CONFIG)
    for step in STEPS:
        forecasts = EVERY - (step - 1)
        assert {len(rows.crps) for rows in short.rows if rows.horizon == step} == {forecasts}
        assert row_bytes(short, 999, step) == row_bytes(whole, forecasts, step)


def test_finished_folds_are_read_back_with_all_their_steps(
    done: Path, whole: BacktestResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "learn", None)
    again = backtest(HISTORY, done, CONFIG)
    assert [fold.resumed for fold in whole.folds] == [False, False]
    assert [fold.resumed for fold in again.folds] == [True, True]
    assert (again.scores, again.comparisons) == (whole.scores, whole.comparisons)
    for step in STEPS:
        assert row_bytes(again, 999, step) == row_bytes(whole, 999, step)


def test_what_a_fold_keeps_of_its_fits_makes_the_forecasts_that_were_scored(files: list[FoldFile]) -> None:
    f = features(HISTORY)
    folds = walk_forward(HISTORY.dates[1:], CONFIG.folds, CONFIG.network.lookback)
    for fold, file in zip(folds, files, strict=True):
        fit, test, early = file.fits["lstm"], fold.split.test, fold.split.validation
        assert fit.cutoff == fold.cutoff
        for name in NAMES:
            dist, kept = fit.forecaster(name).forecast(f, test.start, test.stop), file.dists[name]
            assert dist.quantile(np.array([0.05, 0.5])).tobytes() == kept.quantile(np.array([0.05, 0.5])).tobytes()
        assert len(file.early["lstm"]) == len(early)
        assert set(file.early) == {"lstm"}


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> BacktestResult:
    return backtest(HISTORY, tmp_path_factory.mktemp("quick"), QUICK)


def variant(**folds: object) -> BacktestConfig:
    return replace(QUICK, folds=replace(QUICK.folds, **folds))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "skipped"),
    [
        (variant(test_from=HISTORY.session(FIRST + 7)), 7),
        (variant(refit_every=23), 0),
        (variant(window=320), 0),
        (replace(QUICK, baselines=("random-walk",)), 0),
    ],
    ids=["begins later", "other refits", "sliding window", "other competitors"],
)
def test_an_origin_draws_the_same_paths_in_whatever_walk_it_is(
    config: BacktestConfig, skipped: int, quick: BacktestResult, tmp_path: Path
) -> None:
    found = backtest(HISTORY.rows(0, FIRST + EVERY), tmp_path, config)
    for step in STEPS:
        before, after = (rows_of(result, "random-walk", step) for result in (quick, found))
        both = slice(skipped, EVERY - (step - 1))
        np.testing.assert_array_equal(before.origins[both], after.origins)
        assert before.quantiles_NQ[both].tobytes() == after.quantiles_NQ.tobytes()


def test_origins_draw_paths_of_their_own_and_another_seed_draws_others(quick: BacktestResult, tmp_path: Path) -> None:
    rows = rows_of(quick, "random-walk-gaussian", 2)
    middle_N = rows.quantiles_NQ[:, 49]
    assert len(np.unique(middle_N)) == len(middle_N)
    assert abs(np.corrcoef(middle_N[1:], middle_N[:-1])[0, 1]) < 0.45  # 59 pairs: 3.4 standard errors
    reseeded = backtest(HISTORY, tmp_path, replace(QUICK, training=replace(QUICK.training, seed=1)))
    assert row_bytes(reseeded, 999, 1)["random-walk"] == row_bytes(quick, 999, 1)["random-walk"]
    assert row_bytes(reseeded, 999, 2)["random-walk"] != row_bytes(quick, 999, 2)["random-walk"]


def test_a_horizon_beyond_the_end_leaves_out_origins_then_steps_and_is_read_back(tmp_path: Path) -> None:
    """12 sessions are forecast, the last of them by a fold of its own that has no second step at all."""
    h, config = HISTORY.rows(0, FIRST + 12), replace(variant(refit_every=11), horizon=60)
    found, again = backtest(h, tmp_path, config), backtest(h, tmp_path, config)
    assert [fold.test[2] for fold in found.folds] == [11, 1]
    assert found.horizon == 12
    assert [score.n for score in found.scores if score.model == "lstm"] == list(range(12, 0, -1))
    assert len(found.comparisons) == 12 * 2
    assert rows_of(found, "lstm", 12).target_sessions.tolist() == [h.last]
    assert all(fold.resumed for fold in again.folds)
    assert (again.scores, again.comparisons) == (found.scores, found.comparisons)
    # Three forecasts that overlap in nine steps of ten prove nothing.
    assert {c.dm_p for c in found.comparisons_at(10)} == {1.0}


def test_a_horizon_longer_than_the_test_part_is_walked_pooled_and_shown(tmp_path: Path) -> None:
    h = HISTORY.rows(0, FIRST + 2)
    found = backtest(h, tmp_path / "one", replace(QUICK, horizon=250))
    assert [(score.horizon, score.n) for score in found.scores if score.model == "lstm"] == [(1, 2), (2, 1)]
    longer = replace(backtest(HISTORY.rows(0, FIRST + 4), tmp_path / "two", QUICK), ticker="OTHER")
    summary = pipeline.pooled([found, longer])
    assert {c.horizon for c in summary.pooled} == {1, 2}
    assert [c.dates for c in summary.pooled if c.baseline == "random-walk"] == [4, 3]
    assert "Sessions ahead, all tickers" in backtest_text(summary, skill_table(summary), Page(100))
    single = backtest(HISTORY.rows(0, FIRST + 1), tmp_path / "three", replace(QUICK, horizon=2))
    assert (single.horizon, single.comparisons_at(2)) == (1, ())


def key(config: BacktestConfig, bars: int = len(walks.HISTORY)) -> str:
    """The first fold's name. bars: those of the history; the others are another one's."""
    h = replaced(walks.HISTORY, bars)
    walk = Walk(h, features(h), config, Path(), Silent())
    return walk.key(walk_forward(h.dates[1:], config.folds, config.network.lookback)[0])


def test_a_folds_name_changes_with_steps_and_paths_and_with_its_last_target() -> None:
    configs = [CONFIG, replace(CONFIG, horizon=2), replace(CONFIG, paths=101), replace(CONFIG, horizon=1)]
    assert len({key(config) for config in configs}) == 4
    assert key(replace(CONFIG, horizon=1, paths=101)) == key(ALONE)
    end = FIRST + EVERY + 2  # the last origin's third session is bar 541
    assert key(CONFIG, end) == key(CONFIG)
    assert key(CONFIG, end - 1) != key(CONFIG)


def test_a_folds_name_changes_with_the_hour_of_a_report_that_paths_of_an_older_snapshot_reach() -> None:
    def name(hour: str, horizon: int) -> str:
        days = np.array([walks.HISTORY.session(row) for row in (FIRST - 200, FIRST + 12)], dtype="datetime64[D]")
        older = EventDates(days, (BEFORE, hour), "made-up", walks.HISTORY.session(FIRST))
        newer = EventDates(days, (BEFORE, BEFORE), "made-up", walks.HISTORY.session(FIRST + 10))
        calendar = load_calendar("weekdays", walks.HISTORY.first, walks.HISTORY.last)
        f = features_with_events(replace(walks.HISTORY, events=EventCalendar((older, newer), calendar)))
        config = replace(CONFIG, horizon=horizon)
        walk = Walk(walks.HISTORY, f, config, Path(), Silent())
        return walk.key(walk_forward(walks.HISTORY.dates[1:], config.folds, config.network.lookback)[0])

    assert name(BEFORE, 5) == name(BEFORE, 5) != name(AFTER, 5)
    # The next session's forecasts know of it by the newer one alone.
    assert name(BEFORE, 1) == name(AFTER, 1)
