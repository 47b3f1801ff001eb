"""Pools: one model of many series. It is the same in any order, knows no future of any of them, and is kept whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from stockcast import forecasting, pipeline
from stockcast.config import NetworkConfig, PredictConfig, SplitConfig, TrainConfig, TrainingConfig, now
from stockcast.errors import ConfigError, DataError
from stockcast.evaluation.audit import shuffled
from stockcast.evaluation.significance import benjamini_hochberg
from stockcast.forecasting import TrainedModel
from stockcast.forecasts import Forecast
from stockcast.pipeline.pools import Pool
from stockcast.pipeline.series import calendar_over
from stockcast.pipeline.trainer import Trainer
from stockcast.pipeline.training import train_pool, train_pool_steps
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.results import PoolResult
from stockcast.storage import modelfile, trainedmodel
from stockcast.storage.panelfile import PanelFiles
from tests import synthetic
from tests.engine.sent import Sent, found_by
from tests.synthetic import replaced

COLUMNS = ("open", "high", "low", "close", "adjusted_close", "volume")
SESSIONS, VALIDATE, TEST = 560, 380, 460
WHOLE = synthetic.history(SESSIONS, seed=1, ticker="A")
VALIDATE_FROM, TEST_FROM = WHOLE.session(VALIDATE), WHOLE.session(TEST)
CUTOFF = WHOLE.session(TEST - 1)
CONFIG = TrainConfig(
    NetworkConfig(hidden_size=4, lookback=20),
    TrainingConfig(seeds=2, batch_size=6, steps=8, chunk=40, warmup=10, learning_rate=0.02, checks=4),
    SplitConfig(VALIDATE_FROM, TEST_FROM),
    exchange="weekdays",
)
QUICK = replace(CONFIG, training=replace(CONFIG.training, seeds=1, final_fit=False))


def taken(h: History, rows: np.ndarray) -> History:
    """Some of the bars alone."""
    return replace(h, dates=h.dates[rows], **{name: getattr(h, name)[rows] for name in COLUMNS})


def series() -> dict[str, History]:
    """A: all sessions. B: shorter. C: listed late. D: with gaps. E: all but the first. F: delisted before the test.

    G has a test part of a month alone. At least five of them trade in most sessions: there is a market.
    """
    full = {name: synthetic.history(SESSIONS, seed=1 + k, ticker=name) for k, name in enumerate("ABCDEFG")}
    rows = np.arange(SESSIONS)
    return full | {
        "B": full["B"].rows(50, SESSIONS),
        "C": full["C"].rows(70, SESSIONS),
        "D": taken(full["D"], rows[(rows % 97 != 5) & ((rows < 200) | (rows > 230)) & ((rows < 490) | (rows > 498))]),
        "E": full["E"].rows(1, SESSIONS),
        "F": full["F"].rows(0, TEST - 10),
        "G": full["G"].rows(0, TEST + 30),
    }


SERIES = series()


def pool_of(histories: Sequence[History], files: PanelFiles | None = None) -> Pool:
    return Pool.of(histories, calendar_over(histories, "weekdays"), files=files)


def few_baselines() -> AbstractContextManager[None]:
    """Those that are quickly fitted; with the settings of CONFIG there are all of them."""
    return synthetic.only_baselines("random-walk", "ewma-t", "har-t")


@dataclass(frozen=True)
class Kept:
    """A pool that was trained, and the model that was saved."""

    home: Path
    result: PoolResult
    model: TrainedModel


def trained(home: Path, histories: Sequence[History], config: TrainConfig = QUICK, keep_rows: bool = False) -> Kept:
    with few_baselines() if config is QUICK else nullcontext():
        result = train_pool(pool_of(histories), config, home, "pool", Silent(), keep_rows)
    return Kept(home, result, trainedmodel.from_file(modelfile.load_model(home / "models", "pool")))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """All seven, with a final fit."""
    return trained(tmp_path_factory.mktemp("pool"), list(SERIES.values()), CONFIG, keep_rows=True)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """All seven, one network, no final fit: what changed pools are compared with."""
    return trained(tmp_path_factory.mktemp("quick"), list(SERIES.values()))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The same in another order, with all percentiles."""
    histories = list(SERIES.values())
    order = np.random.default_rng(3).permutation(len(histories))
    return trained(tmp_path_factory.mktemp("mixed"), [histories[k] for k in order], keep_rows=True)


def figures(forecast: Forecast) -> bytes:
    """Every number of a forecast."""
    values = (forecast.median, forecast.mean, *forecast.quantiles.values(), forecast.p_up, forecast.scale)
    return np.array(values).tobytes() + forecast.target_session.isoformat().encode()


def from_origin(model: TrainedModel, h: History, origin: date | None, horizon: int = 2) -> bytes:
    made = forecasting.forecast(model, h, PredictConfig(as_of=origin, horizon=horizon), now())
    return b"".join(figures(forecast) for forecast in made)


def test_the_members_with_a_test_part_are_scored_and_the_others_are_named(kept: Kept) -> None:
    assert kept.result.members == tuple("ABCDEFG")
    assert [found.ticker for found in kept.result.summary.results] == list("ABCDE")
    assert kept.result.untested == ("F", "G")
    assert set(kept.result.sentences) == set(kept.result.adjusted_p) == set("ABCDE")
    assert kept.result.market


def test_each_ticker_is_scored_on_its_own_sessions_of_the_same_dates(kept: Kept) -> None:
    for found in kept.result.summary.results:
        dates = SERIES[found.ticker].dates
        for rows in found.rows:
            np.testing.assert_array_equal(rows.target_sessions, dates[dates >= np.datetime64(TEST_FROM)])
            assert rows.quantiles_NQ.shape == (len(rows.origins), 99)
        assert {rows.model for rows in found.rows} == {
            "lstm", "random-walk", "drift", "ewma-t", "har-t", "garch-t",
        }  # fmt: skip


def test_the_parts_are_those_of_the_sessions_that_any_series_has(kept: Kept) -> None:
    parts = kept.result.splits
    assert parts["train"].last < VALIDATE_FROM == parts["validation"].first
    assert parts["validation"].last == CUTOFF == kept.result.scored_cutoff
    assert (parts["test"].first, parts["test"].last) == (TEST_FROM, WHOLE.last)
    assert sum(part.count for part in parts.values()) == int((WHOLE.dates >= np.datetime64(parts["train"].first)).sum())
    assert kept.result.served_cutoff == WHOLE.last


def test_p_values_of_tickers_are_held_against_false_discoveries(kept: Kept) -> None:
    strongest = kept.result.verdict.strongest_baseline
    alone = [
        next(c.dm_p for c in found.comparisons if c.baseline == strongest) for found in kept.result.summary.results
    ]
    assert list(kept.result.adjusted_p.values()) == pytest.approx(benjamini_hochberg(alone).tolist())
    assert all("allow for 5 tickers" in sentence for sentence in kept.result.sentences.values())


def test_a_saved_pool_forecasts_the_bytes_of_the_one_in_memory(kept: Kept) -> None:
    again = trainedmodel.from_file(trainedmodel.to_file(kept.model))
    for name in "ABCDEG":
        h = SERIES[name]
        assert from_origin(again, h, None, 3) == from_origin(kept.model, h, None, 3)
    assert kept.model.model_id == kept.result.model_id


def test_the_network_in_memory_is_the_one_that_was_saved(quick: Kept) -> None:
    trainer = Trainer.of_pool(pool_of(list(SERIES.values())), QUICK, quick.home, Silent())
    network = trainer.learn(market=True).network
    assert quick.model.scored.ensemble.fingerprint() == network.fingerprint()
    assert quick.model.has_fallback
    assert quick.model.fits["alone_scored"].ensemble.fingerprint() == trainer.learn(market=False).network.fingerprint()
    assert quick.model.config.exchange == "weekdays"


def test_only_the_medians_are_kept_where_nobody_asked_for_all_percentiles(quick: Kept, mixed: Kept) -> None:
    many, few = (
        {(rows.ticker, rows.model): rows for found in one.result.summary.results for rows in found.rows}
        for one in (mixed, quick)
    )
    assert {rows.quantiles_NQ.shape[1] for rows in many.values()} == {99}
    assert {rows.quantiles_NQ.shape[1] for rows in few.values()} == {1}
    assert all(np.array_equal(many[key].median_N, few[key].median_N) for key in many)


def test_predict_serves_members_and_series_that_the_pool_never_saw(kept: Kept, tmp_path: Path) -> None:
    stranger = synthetic.history(300, seed=50, first="2014-01-06", ticker="NEW")
    for h in (SERIES["A"], SERIES["G"], stranger):
        path = synthetic.write_csv(tmp_path / f"{h.ticker}.csv", h)
        made = pipeline.predict(str(path), ReadOptions(), PredictConfig(model="pool", horizon=2), kept.home, Silent())
        assert [forecast.horizon for forecast in made] == [1, 2]
        assert all(np.isfinite(list(forecast.quantiles.values())).all() for forecast in made)
        assert made[0].model_id == kept.result.model_id
        measured_elsewhere = made[0].verdict.startswith("Measured on 5 tickers of the pool, not on this one.")
        assert measured_elsewhere == (h.ticker != "A")
    assert kept.model.sentence_for("A") == kept.result.sentences["A"]


def test_the_market_is_looked_at_where_it_is_known_and_done_without_where_it_is_not(kept: Kept) -> None:
    model = kept.model
    assert model.has_fallback
    assert model.fit_for(WHOLE.last, model.market) is model.served
    later = date.fromordinal(WHOLE.last.toordinal() + 30)
    assert model.fit_for(later, model.market) is model.fits["alone_served"]


def test_the_order_of_the_sources_does_not_matter(quick: Kept, mixed: Kept) -> None:
    assert mixed.result.model_id == quick.result.model_id


def test_pieces_that_are_done_elsewhere_make_the_same_files_and_a_second_training_takes_up_what_is_there(
    kept: Kept, tmp_path: Path
) -> None:
    def folds(home: Path) -> dict[Path, bytes]:
        return {path.relative_to(home): path.read_bytes() for path in home.glob("backtests/*/*")}

    learning = {
        "the pool: final fit", "the pool: final fit, without a market",
        "the pool: training lstm on 7 series", "the pool: training lstm on 7 series, without a market",
    }  # fmt: skip
    # Of those that have a validation part alone no fold is kept; a pool that lies in files learns here.
    for scored, files in (("ABCDEFG", None), ("FG", PanelFiles(tmp_path))):
        elsewhere, pool = Sent(tmp_path), pool_of(list(SERIES.values()), files)
        found = found_by(elsewhere, train_pool_steps(pool, CONFIG, tmp_path, "pool", Silent(), keep_rows=True))
        assert set(elsewhere.done) == {f"{name}: scoring" for name in scored} | (set() if files else learning)
        assert (found.model_id, found.sentences) == (kept.result.model_id, kept.result.sentences)
        assert found.summary.pooled == kept.result.summary.pooled
        assert folds(tmp_path) == folds(kept.home)
        assert list(trainedmodel.from_file(modelfile.load_model(tmp_path / "models", "pool")).fits) == list(
            kept.model.fits
        )


def test_files_make_the_same_model_as_histories_from_the_last_to_the_first(quick: Kept, tmp_path: Path) -> None:
    files = [str(synthetic.write_csv(tmp_path / f"{name}.csv", h)) for name, h in SERIES.items()]
    gathered = pipeline.gather(
        pipeline.PriceSource(tmp_path), [*files[::-1], str(tmp_path / "none.csv")], Silent(), "weekdays"
    )
    assert [failure.source for failure in gathered.failures] == [str(tmp_path / "none.csv")]
    with few_baselines():
        made = pipeline.train_pool_from(gathered, QUICK, tmp_path, "pool", Silent())
    assert (made.model_id, made.left_out) == (quick.result.model_id, {})


Change = Callable[[History, date], History]


def after(change: Callable[[History, int], History]) -> Change:
    """The change to the bars after a date."""
    return lambda h, cutoff: change(h, int(np.searchsorted(h.dates, np.datetime64(cutoff), side="right")))


def gone(h: History, cutoff: date) -> History:
    """Two thirds of the stocks are delisted at the cutoff, and no others than A and D remain."""
    return h if h.ticker in "AD" else h.between(None, cutoff)


@pytest.mark.parametrize("change", [after(replaced), gone], ids=["replaced", "gone"])
def test_what_comes_after_the_scored_cutoff_changes_nothing_that_was_learnt_or_chosen(
    quick: Kept, tmp_path: Path, change: Change
) -> None:
    changed = trained(tmp_path, [change(h, CUTOFF) for h in SERIES.values()])
    assert changed.model.scored.ensemble.fingerprint() == quick.model.scored.ensemble.fingerprint()
    assert changed.model.has_fallback
    assert quick.model.has_fallback
    alone, before = (kept.model.fits["alone_scored"].ensemble for kept in (changed, quick))
    assert alone.fingerprint() == before.fingerprint()
    np.testing.assert_array_equal(changed.model.scored.shocks.values_M4, quick.model.scored.shocks.values_M4)
    assert changed.model.served_by == quick.model.served_by
    assert changed.result.verdict.strongest_baseline == quick.result.verdict.strongest_baseline
    for name in "ABCDE":
        before, after = (from_origin(kept.model, SERIES[name], CUTOFF) for kept in (quick, changed))
        assert before == after


def first_rows(kept: Kept, ticker: str, origins: int) -> dict[str, bytes]:
    """The first test forecasts of every competitor."""
    found = next(found for found in kept.result.summary.results if found.ticker == ticker)
    return {rows.model: rows.quantiles_NQ[:origins].tobytes() for rows in found.rows}


@pytest.mark.parametrize("change", [after(shuffled), after(replaced)], ids=["shuffled", "replaced"])
def test_the_future_of_the_others_does_not_reach_a_tickers_forecasts(
    quick: Kept, tmp_path: Path, change: Change
) -> None:
    """Through the market columns it would."""
    origin = WHOLE.session(515)
    changed = trained(tmp_path, [h if h.ticker == "A" else change(h, origin) for h in SERIES.values()])
    count = int((WHOLE.dates <= np.datetime64(origin)).sum()) - (TEST - 1)
    assert first_rows(changed, "A", count) == first_rows(quick, "A", count)
    assert first_rows(changed, "A", count + 1)["lstm"] != first_rows(quick, "A", count + 1)["lstm"]
    for day in (CUTOFF, WHOLE.session(505), origin):
        assert from_origin(changed.model, SERIES["A"], day) == from_origin(quick.model, SERIES["A"], day)
    assert changed.model.scored.ensemble.fingerprint() == quick.model.scored.ensemble.fingerprint()


def test_the_networks_have_learnt_something_and_the_market_is_among_it(quick: Kept) -> None:
    """A network without a correction would hide a leak into its inputs."""
    assert min(quick.result.steps) > 0
    assert "market_return" in quick.model.scored.ensemble.standardiser.names
    assert quick.model.has_fallback
    assert "market_return" not in quick.model.fits["alone_scored"].ensemble.standardiser.names


def test_few_series_have_no_market_and_need_no_second_network(tmp_path: Path) -> None:
    found = trained(tmp_path, [SERIES["A"], SERIES["B"]])
    assert not found.result.market
    assert found.model.market is None
    assert not found.model.has_fallback


def test_a_market_that_comes_after_the_training_part_is_not_looked_at(tmp_path: Path) -> None:
    late = [replace(SERIES[name].rows(VALIDATE + 10, SESSIONS), ticker=f"{name}2") for name in "AE"]
    found = trained(tmp_path, [SERIES[name] for name in "ABE"] + late)
    assert not found.result.market


def test_what_a_late_listing_lacks_says_nothing_about_the_columns_of_those_that_teach(tmp_path: Path) -> None:
    late = replace(
        SERIES["A"].rows(VALIDATE + 10, SESSIONS), ticker="late", open=None, high=None, low=None, volume=None
    )
    found = trained(tmp_path, [SERIES["A"], SERIES["B"], late])
    assert {"gap", "volume_surprise"} <= set(found.model.scored.ensemble.standardiser.names)
    early = replace(SERIES["B"], volume=None)
    found = trained(tmp_path / "early", [SERIES["A"], early])
    assert "volume_surprise" not in found.model.scored.ensemble.standardiser.names


def test_two_series_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two series of the pool are named A"):
        trained(tmp_path, [SERIES["A"], replace(SERIES["B"], ticker="A")])


def test_a_pool_that_nothing_can_be_scored_on_is_refused_before_it_is_trained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no ticker has enough sessions around"):
        trained(tmp_path, [SERIES["F"], SERIES["C"].rows(220, 500)])
    assert not (tmp_path / "models").exists()


def test_a_name_that_no_model_can_have_is_refused_before_it_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="path separator"):
        train_pool(pool_of([SERIES["A"], SERIES["B"]]), QUICK, tmp_path, "a/b", Silent())


def test_a_pool_is_listed_and_shown_like_other_models(kept: Kept) -> None:
    (listed,) = pipeline.list_models(kept.home)
    assert (listed.name, listed.damage, listed.manifest["ticker"]) == ("pool", None, "7 tickers")
    shown = pipeline.show_model(kept.home, "pool").manifest
    assert [one["ticker"] for one in shown["data"]] == list("ABCDEFG")
    assert shown["pool"]["sentences"] == kept.result.sentences
