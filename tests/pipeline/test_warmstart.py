"""Warm starts: a fold goes on from the fold before, in whatever pieces the walk is done, and sees nothing ahead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stockcast.config.models import BacktestConfig
from stockcast.evaluation.scores import PERCENTILES
from stockcast.evaluation.verdict import BacktestResult
from stockcast.models import training
from stockcast.models.ensemble import Ensemble
from stockcast.pipeline.walking import Stage, Walk
from stockcast.progress import Silent
from stockcast.windows.features import features
from stockcast.windows.splits import walk_forward
from tests.pipeline import walks
from tests.pipeline.walks import EVERY, FIRST, HISTORY, backtest, row_bytes
from tests.progress import ProgressLog
from tests.synthetic import replaced

FRESH = replace(walks.CONFIG, baselines=("random-walk", "har-t"))
WARM = replace(FRESH, warm_start=True)


def bytes_of(result: BacktestResult, fold: int) -> bytes:
    """The network's forecasts of a fold, from 1 on."""
    rows = walks.rows_of(result, "lstm")
    return rows.quantiles_NQ[(fold - 1) * EVERY : fold * EVERY].tobytes()


def stages(config: BacktestConfig, folder: Path) -> list[Stage]:
    walk = Walk(HISTORY, features(HISTORY), config, folder, Silent())
    return walk.run(walk_forward(HISTORY.dates[1:], config.folds, config.network.lookback))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home in which both walks are kept."""
    return tmp_path_factory.mktemp("both")


@pytest.fixture(scope="module")
def fresh(home: Path) -> BacktestResult:
    return backtest(HISTORY, home, FRESH)


@pytest.fixture(scope="module")
def warm(home: Path, fresh: BacktestResult) -> BacktestResult:  # noqa: ARG001 - its folds lie beside these
    return backtest(HISTORY, home, WARM)


def test_the_first_fold_is_the_fresh_one_and_those_after_it_are_others(
    fresh: BacktestResult, warm: BacktestResult
) -> None:
    assert bytes_of(warm, 1) == bytes_of(fresh, 1)
    assert warm.folds[0] == fresh.folds[0]
    for fold in (2, 3):
        assert bytes_of(warm, fold) != bytes_of(fresh, fold)
    assert warm.validation_crps == fresh.validation_crps
    for name in FRESH.baselines:
        assert row_bytes(warm, 999)[name] == row_bytes(fresh, 999)[name]


def test_neither_walk_takes_the_others_folds_for_its_own(
    home: Path, fresh: BacktestResult, warm: BacktestResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(list((home / "backtests" / "FAKE").iterdir())) == 6
    assert not any(fold.resumed for result in (fresh, warm) for fold in result.folds)
    monkeypatch.setattr(training, "learn", None)
    for config, before in ((FRESH, fresh), (WARM, warm)):
        again = backtest(HISTORY, home, config)
        assert all(fold.resumed for fold in again.folds)
        assert row_bytes(again, 999) == row_bytes(before, 999)


@pytest.mark.parametrize("stop_at", ["fold 2 of 3: lstm", "fold 3 of 3: baselines"])
def test_a_walk_in_pieces_is_the_whole_one(stop_at: str, warm: BacktestResult, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        backtest(HISTORY, tmp_path, WARM, ProgressLog(stop_at))
    resumed = backtest(HISTORY, tmp_path, WARM)
    assert [fold.resumed for fold in resumed.folds] == [True, stop_at.startswith("fold 3"), False]
    assert row_bytes(resumed, 999) == row_bytes(warm, 999)
    assert [fold.curves for fold in resumed.folds] == [fold.curves for fold in warm.folds]


def test_a_lost_fold_is_made_again_and_the_ones_after_it_stay(warm: BacktestResult, tmp_path: Path) -> None:
    made = stages(WARM, tmp_path)
    (tmp_path / f"{made[1].key}.npz").unlink()
    again = stages(WARM, tmp_path)
    assert [stage.resumed for stage in again] == [True, False, True]
    assert [stage.key for stage in again] == [stage.key for stage in made]
    assert again[1].file.about["curves"] == made[1].file.about["curves"]
    dist, kept = (dists[1].file.dists["lstm"].quantile(PERCENTILES).tobytes() for dists in (again, made))
    assert dist == kept == bytes_of(warm, 2)


def test_bars_that_come_later_change_no_byte_of_an_earlier_fold(warm: BacktestResult, tmp_path: Path) -> None:
    changed = backtest(replaced(HISTORY, FIRST + 2 * EVERY), tmp_path / "changed", WARM)
    assert row_bytes(changed, 2 * EVERY) == row_bytes(warm, 2 * EVERY)
    assert row_bytes(changed, 999)["lstm"] != row_bytes(warm, 999)["lstm"]
    short = backtest(HISTORY.rows(0, FIRST + 2 * EVERY), tmp_path / "short", WARM)
    assert row_bytes(short, 999) == row_bytes(warm, 2 * EVERY)


def distance(one: Ensemble, two: Ensemble) -> float:
    """The largest difference of two networks' weights."""
    layer, other_layer = one.weights.layers[0], two.weights.layers[0]
    pairs = [
        (layer.hidden_SGDD, other_layer.hidden_SGDD),
        (one.weights.readout_SHD, two.weights.readout_SHD),
        (one.weights.skip_SHF, two.weights.skip_SHF),
    ]
    return max(float(np.abs(a - b).max()) for a, b in pairs)


@pytest.mark.parametrize("cells", [("lstm",), ("gru", "rnn")])
def test_a_cell_begins_with_its_own_weights_of_the_fold_before(cells: tuple[str, ...], tmp_path: Path) -> None:
    """The second fold learns next to nothing: what it has, it began with."""
    learning = replace(WARM, cells=cells, baselines=("random-walk",))
    still = replace(learning, training=replace(WARM.training, steps=1, learning_rate=1e-9, weight_decay=0.0))
    first, second, *_ = walk_forward(HISTORY.dates[1:], WARM.folds, WARM.network.lookback)
    f = features(HISTORY)
    before = Walk(HISTORY, f, learning, tmp_path, Silent()).fold(first, 3)
    walk = Walk(HISTORY, f, still, tmp_path, Silent())
    afresh, onwards = walk.fold(second, 3), walk.fold(second, 3, before)
    assert afresh.key != onwards.key
    for cell in cells:
        begun, kept = (stage.file.fits[cell].ensemble for stage in (before, onwards))
        assert begun.config.cell == kept.config.cell == cell
        assert distance(kept, begun) < 1e-6
        assert distance(onwards.file.pre_validation[cell].ensemble, before.file.pre_validation[cell].ensemble) < 1e-6
        assert distance(afresh.file.fits[cell].ensemble, begun) > 1e-3
        # What is fitted in one go is fitted anew.
        assert kept.base.weights == afresh.file.fits[cell].ensemble.base.weights != begun.base.weights
        assert kept.cutoff > begun.cutoff


def test_what_was_refitted_on_the_part_that_chooses_has_no_say_in_the_choice(
    warm: BacktestResult, tmp_path: Path
) -> None:
    """Weights that have learnt from a validation part would be the best on it: the choice is made by others."""
    config = replace(WARM, training=replace(WARM.training, final_fit=False))
    without = backtest(HISTORY, tmp_path, config)
    assert [fold.curves for fold in without.folds] == [fold.curves for fold in warm.folds]
    assert bytes_of(without, 2) != bytes_of(warm, 2)
