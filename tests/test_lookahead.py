"""No look-ahead, as the design defines it: the same history up to the origin gives the same bytes of forecast.

Bars after the origin, and bars after the training cutoff, are removed, shuffled and replaced by other valid bars, for
every cell, every competitor and every feature. The last tests leak on purpose and demand that the check finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast import forecasting, pipeline
from stockcast.config import (
    CovariatesConfig,
    NetworkConfig,
    PredictConfig,
    SplitConfig,
    TrainConfig,
    TrainingConfig,
    now,
)
from stockcast.config.models import TUNING, BacktestConfig, FoldConfig
from stockcast.evaluation.audit import removed
from stockcast.pipeline import initial
from stockcast.pipeline.auditchecks import differing, forecast_bytes
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.markets import MarketSource
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.storage import modelfile, trainedmodel
from stockcast.windows.features import features
from stockcast.windows.splits import split_by_date
from tests import leaks, synthetic
from tests.learning import learn
from tests.synthetic import FUTURES, replaced

BARS = 420
"""Bars up to the origin; its target session is the first one of the test part."""
HISTORY = synthetic.history(500)
TEST_FROM = HISTORY.session(BARS)
ORIGIN = HISTORY.session(BARS - 1)
CONFIG = TrainConfig(
    NetworkConfig(hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, steps=12, chunk=40, warmup=10, learning_rate=0.02, final_fit=False),
    SplitConfig(HISTORY.session(340), TEST_FROM),
)


CHANGES: dict[str, Callable[[History, int], History]] = FUTURES | {
    "removed": lambda h, bars: removed(h, bars + 60),
}
"""Other bars after the first so many; of those that are removed, as many stay as a test part needs."""


def trained_bytes(h: History, config: TrainConfig, home: Path, as_of: date, every: bool = False) -> dict[str, bytes]:
    """Train on a history, then forecast from `as_of` with the network and with every baseline of the saved model.

    every: all baselines there are. They know nothing of the network, and need not be fitted again for each.
    """
    path = synthetic.write_csv(home / "FAKE.csv", h)
    with nullcontext() if every else synthetic.only_baselines("random-walk", "har-t"):
        pipeline.train(str(path), ReadOptions(), config, home, None, Silent())
    model = trainedmodel.from_file(modelfile.load_model(home / "models", "FAKE"))
    history = pipeline.load(str(path), ReadOptions())
    if model.covariates is not None:
        # The whole of them, as of the history: what an origin may know is for the forecast to see to.
        source = CovariateSource(CovariatesConfig(), PriceSource(), Silent(), strict=False)
        model = source.again(model, PriceSeries(history).on(model.calendar))
    found = {}
    for name in (config.network.cell, *model.scored.baselines):
        made = forecasting.forecast(
            replace(model, served_by=name), history, PredictConfig(as_of=as_of, horizon=2, paths=200), now()
        ) + forecasting.forecast(replace(model, served_by=name), history, PredictConfig(as_of=as_of), now())
        found[name] = b"".join(map(forecast_bytes, made))
    found["served_by"] = model.served_by.encode()
    found["init"] = repr(modelfile.load_model(home / "models", "FAKE").manifest.get("init")).encode()
    found["cutoff"] = model.scored.ensemble.cutoff.isoformat().encode()
    return found


def moved_by_another_future(made: Callable[[History, Path], dict[str, bytes]], folder: Path) -> list[str]:
    """The competitors whose forecast from ORIGIN is another one where the bars after it are replaced."""
    both = []
    for name, h in (("as it was", HISTORY), ("changed", replaced(HISTORY, BARS))):
        home = folder / name
        home.mkdir()
        both.append(made(h, home))
    return differing(*both)


@pytest.fixture(scope="module", params=["lstm", "gru", "rnn"])
def as_it_was(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainConfig, dict[str, bytes]]:
    """Settings with one of the cells, and the forecasts from ORIGIN on the history as it was."""
    config = replace(CONFIG, network=replace(CONFIG.network, cell=request.param))
    home = tmp_path_factory.mktemp(request.param)
    return config, trained_bytes(HISTORY, config, home, ORIGIN, every=request.param == "lstm")


@pytest.mark.parametrize("change", list(CHANGES))
def test_the_future_changes_no_byte_of_a_trained_models_forecast(
    as_it_was: tuple[TrainConfig, dict[str, bytes]], change: str, tmp_path: Path
) -> None:
    config, before = as_it_was
    changed = CHANGES[change](HISTORY, BARS)
    after = trained_bytes(changed, config, tmp_path, ORIGIN, every=config.network.cell == "lstm")
    assert differing(before, after) == []


def test_every_feature_is_in_the_check() -> None:
    f = features(HISTORY)
    assert f.names == (
        "signed_return", "absolute_return", "ewma_over_year", "day_over_week", "week_over_month", "month_over_year",
        "gap", "volume_surprise", "volume_trend",
    )  # fmt: skip
    for column, name in enumerate(f.names):
        assert np.ptp(f.x_TF[:, column]) > 0, name


def test_closes_alone_do_not_look_ahead_either(tmp_path: Path) -> None:
    bare = {"open": None, "high": None, "low": None, "volume": None}
    assert (
        moved_by_another_future(
            lambda h, home: trained_bytes(replace(h, **bare), CONFIG, home, ORIGIN, every=True), tmp_path
        )
        == []
    )


def test_the_network_that_is_checked_has_learnt_something(tmp_path: Path) -> None:
    """A network without a correction would hide a leak into its inputs."""
    path = synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY)
    result = pipeline.train(str(path), ReadOptions(), CONFIG, tmp_path, None, Silent())
    assert min(result.steps) > 0


TUNED = TrainConfig(
    training=replace(
        TUNING, seeds=3, learning_rate=0.03, steps=12, batch_size=4, chunk=40, warmup=10, checks=12, final_fit=False
    ),
    split=CONFIG.split,
    init="general",
)
"""Large steps and a look at each, so that another part to stop by stops elsewhere."""


def tuned_bytes(h: History, home: Path) -> dict[str, bytes]:
    """`trained_bytes` of the general model tuned on a history, the tuned networks taken whatever they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initial, "SIGNIFICANT", 2.0)
        return trained_bytes(h, TUNED, home, ORIGIN)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return tuned_bytes(HISTORY, tmp_path_factory.mktemp("tuned"))


@pytest.mark.parametrize("change", list(CHANGES))
def test_the_future_changes_no_byte_of_a_general_model_that_was_tuned(
    tuned: dict[str, bytes], change: str, tmp_path: Path
) -> None:
    assert b"'kept': False" in tuned["init"]
    assert differing(tuned, tuned_bytes(CHANGES[change](HISTORY, BARS), tmp_path)) == []


@pytest.mark.parametrize("leak", [leaks.early_stopping, leaks.tuning])
def test_a_tuning_that_knows_the_test_part_is_found(
    leak: leaks.Leak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leak(monkeypatch)
    assert moved_by_another_future(tuned_bytes, tmp_path) != []


def rows_that_differ() -> list[int]:
    """Rows of the test part that are not what a forecast was when their future did not exist yet."""
    f = features(HISTORY)
    split = split_by_date(f.session_returns.dates, CONFIG.split, CONFIG.network.lookback)
    ensemble, _ = learn(f, split, CONFIG, Silent())
    whole = ensemble.forecast(f, split.test.start, split.test.stop)
    differ = []
    for row in (0, 1, 57, len(split.test) - 1):
        origin = split.test.start + row
        alone = ensemble.forecast(features(HISTORY.rows(0, origin + 2)), origin, origin + 1)
        if any(getattr(alone, name)[0] != getattr(whole, name)[row] for name in ("loc", "scale", "nu")):
            differ.append(row)
    return differ


def test_the_backtest_holds_the_forecasts_that_were_possible_at_each_origin() -> None:
    assert rows_that_differ() == []


def test_a_feature_that_knows_tomorrow_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    leaks.features(monkeypatch)
    assert rows_that_differ() != []


@pytest.mark.parametrize("leak", [leaks.standardiser, leaks.base_scale, leaks.early_stopping, leaks.baselines])
def test_a_fit_that_knows_the_test_part_is_found(
    leak: leaks.Leak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leak(monkeypatch)
    assert moved_by_another_future(lambda h, home: trained_bytes(h, CONFIG, home, ORIGIN), tmp_path) != []


# Covariates: what an origin cannot know of them may change no byte either.

INDEX = synthetic.history(500, seed=47, ticker="IDX")
PAIRS = [("XNYS", "XNYS", 0), ("XLON", "XNYS", 1), ("XTKS", "XNYS", 1), ("XNYS", "XTKS", 0)]
"""Exchange of the stock, exchange of the covariate, and how many sessions before the origin its newest one is."""


def with_index(config: TrainConfig, home: Path, stock: str, index: str) -> TrainConfig:
    """The settings of a stock of one exchange, with the file of an index of another one beside it."""
    code = "" if stock == index else f"@{index}"
    return replace(config, exchange=stock, covariates=CovariatesConfig((f"{home / 'IDX.csv'}{code}",)))


def bytes_with_index(index: History, home: Path, pair: tuple[str, str, int]) -> dict[str, bytes]:
    """Forecasts from ORIGIN by a model that was trained with an index beside the stock."""
    home.mkdir(exist_ok=True)
    synthetic.write_csv(home / "IDX.csv", index)
    config = with_index(CONFIG, home, pair[0], pair[1])
    found = trained_bytes(HISTORY, config, home, ORIGIN)
    markets = MarketSource(PriceSource(home, ReadOptions()), (str(home / "FAKE.csv"),))
    made = pipeline.predict_with(markets, markets.sources[0], PredictConfig(as_of=ORIGIN), Silent())
    found["predict"] = b"".join(map(forecast_bytes, made))
    return found


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{stock} beside {index}" for stock, index, _ in PAIRS])
def test_what_an_origin_cannot_know_of_a_covariate_changes_no_byte(pair: tuple[str, str, int], tmp_path: Path) -> None:
    known = BARS - pair[2]
    before = bytes_with_index(INDEX, tmp_path / "before", pair)
    for name, change in CHANGES.items():
        after = bytes_with_index(change(INDEX, known), tmp_path / name, pair)
        assert differing(before, after) == []
    # One bar more is one that the origin does know, and sees.
    seen = bytes_with_index(replaced(INDEX, known - 1), tmp_path / "seen", pair)
    assert "lstm" in differing(before, seen)
    assert "predict" in differing(before, seen) or before["served_by"] != b"lstm"


def walk_bytes(index: History, home: Path, pair: tuple[str, str, int], last: int) -> dict[str, bytes]:
    """Every competitor's forecasts of a backtest up to the origin at bar `last`."""
    home.mkdir(exist_ok=True)
    fake = synthetic.write_csv(home / "FAKE.csv", HISTORY.rows(0, BARS + 50))
    synthetic.write_csv(home / "IDX.csv", index)
    covariates = with_index(CONFIG, home, pair[0], pair[1]).covariates
    config = BacktestConfig(
        network=CONFIG.network, training=CONFIG.training, folds=FoldConfig(TEST_FROM, 25), baselines=("har-t",),
        horizon=2, paths=100, covariates=covariates, exchange=pair[0],
    )  # fmt: skip
    result = pipeline.backtest(str(fake), ReadOptions(), config, home, Silent(), keep_rows=True)
    return {
        f"{rows.model} {rows.horizon}": rows.quantiles_NQ[rows.origins <= HISTORY.dates[last]].tobytes()
        for rows in result.rows
    }


@pytest.mark.parametrize("pair", PAIRS[:2], ids=["same exchange", "London beside New York"])
def test_no_row_of_a_backtest_knows_more_of_a_covariate_than_its_origin(
    pair: tuple[str, str, int], tmp_path: Path
) -> None:
    last = BARS + 35
    before = walk_bytes(INDEX, tmp_path / "before", pair, last)
    after = walk_bytes(replaced(INDEX, last + 1 - pair[2]), tmp_path / "after", pair, last)
    assert differing(before, after) == []
    seen = walk_bytes(replaced(INDEX, last - pair[2]), tmp_path / "seen", pair, last)
    assert {"lstm 1", "lstm 2"} <= set(differing(before, seen))


@pytest.mark.parametrize("leak", [leaks.same_date, leaks.next_session])
def test_an_alignment_that_looks_ahead_is_found(
    leak: leaks.Leak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """New York's session of the date for a London stock, and tomorrow's session for anybody."""
    leak(monkeypatch)
    pair, last = PAIRS[1], BARS + 35
    before = walk_bytes(INDEX, tmp_path / "before", pair, last)
    after = walk_bytes(replaced(INDEX, last), tmp_path / "after", pair, last)
    assert "lstm 1" in differing(before, after)


def test_dates_known_ahead_are_the_one_thing_that_looks_ahead(tmp_path: Path) -> None:
    """Dates long after the sessions of an origin change nothing; one on its target session is there to be seen."""
    both = {}
    for name, rows in (("before", (370, 440)), ("far", (370, 440, 480)), ("near", (370, BARS, 440))):
        home = tmp_path / name
        home.mkdir()
        (home / "known.csv").write_text("date\n" + "".join(f"{HISTORY.dates[row]}\n" for row in rows))
        config = replace(CONFIG, covariates=CovariatesConfig((), str(home / "known.csv")))
        both[name] = trained_bytes(HISTORY, config, home, ORIGIN)
    assert differing(both["before"], both["far"]) == []
    assert "lstm" in differing(both["before"], both["near"])
