"""A saved network in a walk-forward: it forecasts what `predict` would have, and what it learnt is not scored."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.config.models import BacktestConfig, FoldConfig
from stockcast.errors import ModelError
from stockcast.evaluation.audit import removed
from stockcast.evaluation.verdict import BacktestResult
from stockcast.forecasting import TrainedModel, View
from stockcast.models import training
from stockcast.pipeline.backtesting import PretrainedBacktest
from stockcast.pipeline.markets import ELSEWHERE, MarketSource
from stockcast.pipeline.models import model_of
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.prices.sessions import load_calendar
from stockcast.progress import Silent
from stockcast.windows.features import session_returns
from stockcast.windows.market import Market
from tests import synthetic
from tests.pipeline.smallpool import (
    CUTOFF,
    DAYS,
    NAMES,
    POOLED,
    SESSIONS,
    TEST_FROM,
    day,
    files,
    saved,
    with_common_news,
)
from tests.pipeline.walks import rows_of
from tests.processes import forked
from tests.progress import ProgressLog
from tests.synthetic import FUTURES

ALL = [with_common_news(name) for name in NAMES]
STRANGER = with_common_news("Z")
CONFIG = BacktestConfig(baselines=("random-walk", "har-t"))
LEVELS = np.arange(1, 100) / 100


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two models of the pool: "pool", and "final", which has learnt from all its sessions afterwards."""
    place = tmp_path_factory.mktemp("pool")
    saved(place)
    saved(place, "final", final_fit=True)
    return place


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A home with the models and without any fold."""
    shutil.copytree(trained / "models", tmp_path / "models")
    return tmp_path


@pytest.fixture(scope="module")
def before(trained: Path) -> BacktestResult:
    """The walk over the first history beside all the others."""
    (result,) = walked(trained, ALL)
    return result


@pytest.fixture
def used(before: BacktestResult, trained: Path, place: Path) -> Path:  # noqa: ARG001 - it made the folds
    """A home with the models and the folds of that walk."""
    shutil.copytree(trained / "backtests", place / "backtests")
    return place


@cache
def text_of(place: int) -> str:
    """The file of one of all histories: most walks read them, and writing out every digit takes its time."""
    with TemporaryDirectory() as folder:
        (path,) = files(Path(folder), [ALL[place]])
        return Path(path).read_text()


def written(folder: Path, histories: Sequence[History]) -> list[str]:
    """Each history as a file."""
    sources = []
    for h in histories:
        known = [place for place, one in enumerate(ALL) if one is h]
        if known:
            folder.mkdir(exist_ok=True)
            path = folder / f"{h.ticker}.csv"
            path.write_text(text_of(known[0]))
            sources.append(str(path))
        else:
            sources += files(folder, [h])
    return sources


def walked(
    place: Path, histories: Sequence[History], config: BacktestConfig = CONFIG, name: str = "pool",
    only: int | None = 1, progress: Silent | None = None,
) -> list[BacktestResult]:  # fmt: skip
    """Backtests of the first `only` histories beside the others."""
    sources = written(place / "prices", histories)
    given = PretrainedBacktest(name, MarketSource(PriceSource(place, ReadOptions()), sources))
    return [
        pipeline.backtest_pretrained(source, given, config, progress or Silent(), keep_rows=True)
        for source in sources[:only]
    ]


def from_test(row: int) -> BacktestConfig:
    return replace(CONFIG, folds=FoldConfig(day(row)))


def predicted(model: TrainedModel, h: History, row: int) -> np.ndarray:
    """Percentiles as `predict` has them from an origin."""
    (dist,) = View.of(model, h, PredictConfig(as_of=day(row))).dists("lstm")
    return np.ravel(dist.quantile(LEVELS))


def whole_market() -> Market:
    return Market.of({h.ticker: session_returns(h) for h in ALL})


@pytest.mark.parametrize("first", [ALL[1], STRANGER], ids=["a member", "a ticker that it never saw"])
def test_the_network_forecasts_what_predict_does_on_both_sides_of_the_end_of_its_market(
    place: Path, first: History
) -> None:
    (result,) = walked(place, [first, *(h for h in ALL if h.ticker != first.ticker)])
    rows = rows_of(result, "lstm")
    np.testing.assert_array_equal(rows.target_sessions, DAYS[600:])
    model = model_of(place, "pool")
    assert model.market is not None
    assert model.market.dates_D[-1] == DAYS[POOLED - 1]
    of_call = Market.of({h.ticker: session_returns(h) for h in (*ALL, first)})
    later_D = of_call.dates_D >= DAYS[POOLED]
    market = Market(
        np.concatenate([model.market.dates_D, of_call.dates_D[later_D]]),
        np.concatenate([model.market.values_DM, of_call.values_DM[later_D]]),
        np.concatenate([model.market.shock_D, of_call.shock_D[later_D]]),
    )
    for row in (599, 650, 699, 700, 740, 758):
        expected = predicted(replace(model, market=market), first, row)
        assert rows.quantiles_NQ[row - 599].tobytes() == expected.tobytes(), row


def test_nothing_is_trained_and_baselines_are_fitted_again_every_january(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a network was trained")

    for name in ("learn", "relearn"):
        monkeypatch.setattr(training, name, never)
    (result,) = walked(place, ALL)
    first, *_, last = [fold.test[0] for fold in result.folds]
    assert (first, last.month) == (TEST_FROM, 1)
    assert result.network == "lstm"
    assert {score.model for score in result.scores} == {"lstm", "random-walk", "har-t"}
    assert result.folds[0].steps == {"lstm": ()}


def test_what_the_model_has_learnt_from_is_not_scored(place: Path) -> None:
    with pytest.raises(
        ModelError, match=f"trained on sessions up to {CUTOFF}.* cannot be scored from {CUTOFF} on"
    ) as e:
        walked(place, ALL, from_test(599))
    assert e.value.hint == f"its cutoff is {CUTOFF}: use --test-from {TEST_FROM} or later"
    assert e.value.exit_code == 6
    assert walked(place, ALL, from_test(600))[0].folds[0].test[0] == TEST_FROM


def test_a_ticker_without_a_bar_at_the_cutoff_begins_a_session_later(place: Path) -> None:
    h = with_common_news("A")
    kept = np.flatnonzero(~np.isin(DAYS, np.datetime64(CUTOFF)))
    names = ("dates", "open", "high", "low", "close", "adjusted_close", "volume")
    gap = replace(h, **{name: getattr(h, name)[kept] for name in names})
    (result,) = walked(place, [gap, *ALL[1:]])
    assert result.folds[0].test[0] == day(601)
    with pytest.raises(ModelError, match="without looking ahead"):
        walked(place, [gap, *ALL[1:]], from_test(600))


def test_the_fit_that_has_learnt_from_everything_forecasts_what_came_later(place: Path) -> None:
    model = model_of(place, "final")
    assert model.served.cutoff == day(POOLED - 1)
    for first_target, fit in ((POOLED - 1, model.scored), (POOLED, model.served)):
        (result,) = walked(place, ALL, from_test(first_target), "final")
        expected = predicted(replace(model, fits={"scored": fit}, market=whole_market()), ALL[0], 740)
        assert rows_of(result, "lstm").quantiles_NQ[741 - first_target].tobytes() == expected.tobytes()
    assert walked(place, ALL, name="final")[0].folds[0].test[0] == TEST_FROM


def test_an_embargo_lies_between_the_cutoff_and_the_first_target(place: Path) -> None:
    (result,) = walked(place, ALL, replace(CONFIG, folds=FoldConfig(embargo=5)))
    assert result.folds[0].test[0] == day(605)
    with pytest.raises(ModelError, match="without looking ahead"):
        walked(place, ALL, replace(CONFIG, folds=FoldConfig(day(604), embargo=5)))


def test_a_ticker_listed_late_is_scored_once_baselines_can_be_fitted(place: Path) -> None:
    # 22 sessions of burn-in and a window of 20, 250 to learn from, 60 to choose on; the first bar has no return.
    pre_validation = with_common_news("Z").between(day(300), None)
    (result,) = walked(place, [pre_validation, *ALL])
    assert result.folds[0].test[0] == day(300 + 1 + 41 + 250 + 60 + 1)
    with pytest.raises(ModelError, match=f"{day(500)} to {day(SESSIONS - 1)}, leave nothing to score"):
        walked(place, [with_common_news("Z").between(day(500), None), *ALL])
    with pytest.raises(ModelError, match="leave nothing to score"):
        walked(place, [removed(ALL[0], 600), *ALL[1:]])


@pytest.mark.parametrize(("change", "bars"), [("removed", 650), ("shuffled", 650), ("removed", 720), ("replaced", 720)])
def test_the_future_of_the_other_tickers_moves_no_forecast_before_it(
    before: BacktestResult, used: Path, change: str, bars: int
) -> None:
    (after,) = walked(used, [ALL[0], *(FUTURES[change](h, bars) for h in ALL[1:])])
    past = bars - 600 + 1
    for name in ("lstm", "random-walk", "har-t"):
        ours, theirs = rows_of(before, name).quantiles_NQ, rows_of(after, name).quantiles_NQ
        assert ours[:past].tobytes() == theirs[:past].tobytes()
    # In the same home: a fold that was there already, from another market, would not have moved.
    first_moved = max(bars, POOLED) - 600 + 1
    ours, theirs = rows_of(before, "lstm").quantiles_NQ, rows_of(after, "lstm").quantiles_NQ
    assert (ours[first_moved:] != theirs[first_moved:]).any(axis=1).all()


@pytest.mark.parametrize("change", FUTURES.values(), ids=FUTURES)
def test_its_own_future_moves_no_forecast_before_it(
    before: BacktestResult, used: Path, change: Callable[[History, int], History]
) -> None:
    (after,) = walked(used, [change(ALL[0], 720), *ALL[1:]])
    ours, theirs = rows_of(before, "lstm").quantiles_NQ, rows_of(after, "lstm").quantiles_NQ
    # With the rest removed the newest bar has no target, and is no origin.
    assert ours[:120].tobytes() == theirs[:120].tobytes()


def test_after_the_market_of_the_pool_too_few_sources_leave_the_network_without_one(
    before: BacktestResult, place: Path
) -> None:
    log = ProgressLog()
    (result,) = walked(place, ALL[:4], progress=log)
    (note,) = [note for note in log.notes if "origins" in note]
    # The newest bar is no origin: what comes after it is not known.
    assert note.startswith(f"A: the market of {SESSIONS - POOLED - 1} of {SESSIONS - 600} origins is not known")
    assert note.endswith("Name at least 5 stocks of its exchange in one call.")
    rows, model = rows_of(result, "lstm"), model_of(place, "pool")
    known = POOLED - 599
    assert rows.quantiles_NQ[:known].tobytes() == rows_of(before, "lstm").quantiles_NQ[:known].tobytes()
    for row in (POOLED, 758):
        expected = predicted(replace(model, market=None), ALL[0], row)
        assert rows.quantiles_NQ[row - 599].tobytes() == expected.tobytes()


def test_within_the_market_of_the_pool_one_source_is_enough_and_nothing_is_said(place: Path) -> None:
    log = ProgressLog()
    (result,) = walked(place, [removed(STRANGER, POOLED)], progress=log)
    assert not [note for note in log.notes if "market" in note]
    expected = predicted(model_of(place, "pool"), STRANGER, 690)
    assert rows_of(result, "lstm").quantiles_NQ[690 - 599].tobytes() == expected.tobytes()


def test_a_pool_too_small_for_a_market_needs_none(place: Path) -> None:
    saved(place, "small", members=NAMES[:3])
    log = ProgressLog()
    (result,) = walked(place, [STRANGER], name="small", progress=log)
    assert not [note for note in log.notes if "market" in note]
    expected = predicted(model_of(place, "small"), STRANGER, 740)
    assert rows_of(result, "lstm").quantiles_NQ[740 - 599].tobytes() == expected.tobytes()


def test_a_ticker_of_another_exchange_has_no_market(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PriceSeries, "is_stored", property(lambda _: True))
    monkeypatch.setattr(PriceSeries, "exchange", property(lambda _: "XTKS"))
    log = ProgressLog()
    (result,) = walked(place, ALL, progress=log)
    assert any(note.endswith(ELSEWHERE) for note in log.notes)
    expected = predicted(replace(model_of(place, "pool"), market=None), ALL[0], 640)
    assert rows_of(result, "lstm").quantiles_NQ[640 - 599].tobytes() == expected.tobytes()


@pytest.mark.parametrize("count", [4, 6])
def test_steps_ahead_leave_the_first_one_as_it_is(place: Path, count: int) -> None:
    histories = [removed(h, 725) for h in ALL[:count]]
    (one,) = walked(place, histories, from_test(690))
    (two,) = walked(place, histories, replace(from_test(690), horizon=2, paths=100))
    for name in ("lstm", "har-t"):
        assert rows_of(one, name).quantiles_NQ.tobytes() == rows_of(two, name).quantiles_NQ.tobytes()
        assert len(rows_of(two, name, 2).crps) == len(rows_of(one, name).crps) - 1


def test_a_sliding_window_is_for_the_baselines_alone(before: BacktestResult, used: Path) -> None:
    (window,) = walked(used, ALL, replace(CONFIG, folds=FoldConfig(window=350)))
    assert rows_of(before, "lstm").quantiles_NQ.tobytes() == rows_of(window, "lstm").quantiles_NQ.tobytes()
    assert rows_of(before, "har-t").quantiles_NQ.tobytes() != rows_of(window, "har-t").quantiles_NQ.tobytes()


def test_the_settings_of_the_network_come_from_the_model(place: Path) -> None:
    given = PretrainedBacktest("pool", MarketSource(PriceSource(place, ReadOptions()), ()))
    config = given.configured(ALL[0], replace(CONFIG, cells=("gru", "rnn"), horizon=3))
    model = model_of(place, "pool")
    assert (config.cells, config.network, config.training) == (("lstm",), model.config.network, model.config.training)
    assert (config.baselines, config.horizon, config.folds.test_from) == (CONFIG.baselines, 3, TEST_FROM)
    assert given.configured(ALL[0], from_test(650)).folds.test_from == day(650)


def test_the_folds_can_be_drawn_beforehand(place: Path) -> None:
    (source,) = files(place / "prices", ALL[:1])
    given = PretrainedBacktest("pool", MarketSource(PriceSource(place, ReadOptions()), (source,)))
    planned = pipeline.plan_pretrained(source, given, CONFIG, Silent())
    (result,) = walked(place, ALL[:1])
    assert [fold.test for fold in planned.folds] == [fold.test for fold in result.folds]
    with pytest.raises(ModelError):
        pipeline.plan_pretrained(source, given, from_test(400), Silent())


def test_a_model_of_one_ticker_is_scored_too_on_others(place: Path) -> None:
    config = TrainConfig(
        NetworkConfig("gru", hidden_size=3, lookback=20), TrainingConfig(seeds=1, steps=3, final_fit=False),
        SplitConfig(day(500), TEST_FROM),
    )  # fmt: skip
    (source,) = files(place / "prices", ALL[:1])
    with synthetic.only_baselines("random-walk", "har-t"):
        pipeline.train(source, ReadOptions(), config, place, "one", Silent())
    (result,) = walked(place, [STRANGER], name="one")
    view = View.of(model_of(place, "one"), STRANGER, PredictConfig(as_of=day(700)))
    expected = view.dists("gru")[0].quantile(LEVELS)[0]
    assert rows_of(result, "gru").quantiles_NQ[700 - 599].tobytes() == expected.tobytes()
    assert {score.model for score in result.scores} == {"gru", "random-walk", "har-t"}


def test_a_history_beyond_the_calendar_of_the_model_is_given_a_longer_one(place: Path) -> None:
    model = model_of(place, "pool")
    given = PretrainedBacktest("pool", MarketSource(PriceSource(place, ReadOptions()), ()))
    given.__dict__["model"] = replace(model, calendar=load_calendar("XNYS", day(0), day(650)))
    walk = given.walk(PriceSeries(removed(ALL[0], POOLED)), CONFIG, Silent())
    expected = predicted(model, ALL[0], 690)
    row = walk.pretrained.forecast(walk.f, 689, 690) if walk.pretrained is not None else None
    assert row is not None
    assert row.quantile(LEVELS)[0].tobytes() == expected.tobytes()


def test_the_command_scores_members_and_strangers_together(place: Path) -> None:
    sources = files(place / "prices", [*ALL[:2], STRANGER])
    words = ["backtest", *sources, "--model", "pool", "--baseline", "har-t", "--json", "--home", str(place)]
    done = forked(*words, folder=place).succeeded()
    *tickers, everything = done.data
    assert [entry["ticker"] for entry in tickers] == ["A", "B", "Z"]
    assert {entry["splits"]["test"]["first"] for entry in tickers} == {str(TEST_FROM)}
    assert everything["pooled"][0]["tickers"] == 3
    assert "Z: the market of 59 of 160 origins is not known" in done.err
