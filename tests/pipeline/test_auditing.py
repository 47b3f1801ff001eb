"""The audit passes what is honest and names the place of every leak that is planted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.evaluation.audit import CHANGES, LaggedCopy
from stockcast.pipeline import auditing, walking
from stockcast.pipeline.auditchecks import calibration_check, days_check, lagged_copy_check, prices_check
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.prices import csvfile
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.history import History
from stockcast.prices.hours import Closing
from stockcast.prices.sessions import load_calendar
from stockcast.progress import Silent
from stockcast.results import AuditCheck, AuditResult
from stockcast.storage.database import Database
from stockcast.storage.ledger import reading, recording
from stockcast.windows.covariates import Covariate, Covariates
from tests import leaks, synthetic
from tests.engine.sent import Sent, found_by
from tests.pipeline.provider import Provider, series
from tests.progress import ProgressLog
from tests.storage.entries import FRI, MON, NOW, TUE, WED, entry, settle

GOOG = str(Path(__file__).parents[2] / "data" / "GOOG.csv")
SESSIONS, VALIDATE, TEST = 480, 340, 410
HISTORY = synthetic.history(SESSIONS)
CONFIG = TrainConfig(
    NetworkConfig(hidden_size=3, lookback=15),
    TrainingConfig(seeds=1, batch_size=6, steps=8, chunk=40, warmup=10, learning_rate=0.02, checks=4),
    SplitConfig(HISTORY.session(VALIDATE), HISTORY.session(TEST)),
)
FORECASTS = {f"forecasts, future {change}" for change in CHANGES}


def audited(tmp_path: Path, history: History = HISTORY, config: TrainConfig = CONFIG) -> AuditResult:
    path = synthetic.write_csv(tmp_path / "FAKE.csv", history)
    return pipeline.audit(str(path), ReadOptions(), config, tmp_path / "home", Silent())


@pytest.fixture(autouse=True)
def few_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few paths as there may be: one byte that differs is enough."""
    monkeypatch.setattr(auditing, "PATHS", 100)


@pytest.fixture
def few() -> Iterator[None]:
    """Baselines that are quickly fitted."""
    with synthetic.only_baselines("random-walk", "har-t"):
        yield


def test_an_honest_forecaster_passes_every_check(tmp_path: Path) -> None:
    result = audited(tmp_path)
    assert result.failed == ()
    assert "no forecast looks ahead" in result.verdict
    assert {check.name for check in result.checks} == {
        "prices", "days", "features", "base scale", "standardiser", "early stopping", "network weights", "baselines",
        "simulated bars", "validation scores", "choice", *FORECASTS, "one by one", "walk-forward", "lagged copy",
    }  # fmt: skip
    assert result.left_out == ("calibration by the ledger: forecasts of a file have none",)
    assert result.settings["competitors"][0] == "lstm"
    assert len(result.settings["competitors"]) == 13
    assert result.settings["test_from"] == HISTORY.session(TEST).isoformat()
    assert not (tmp_path / "home").exists()


@pytest.mark.usefixtures("few")
def test_pieces_that_are_done_elsewhere_where_no_home_is_find_the_same(tmp_path: Path) -> None:
    elsewhere, progress = Sent(tmp_path / "home"), ProgressLog()
    history = synthetic.history(530)
    path = str(synthetic.write_csv(tmp_path / "FAKE.csv", history))
    before, split = (SplitConfig(history.session(row), history.session(row + 70)) for row in (300, 380))
    pipeline.train(path, ReadOptions(), replace(CONFIG, split=before), tmp_path / "home", "teacher", progress)
    config = replace(CONFIG, network=NetworkConfig(), split=split, init="teacher")
    steps = pipeline.audit_steps(path, ReadOptions(), config, tmp_path / "home", progress)
    found = found_by(elsewhere, steps, progress)
    assert found == audited(tmp_path, history, config)
    assert (found.settings["init"], found.failed) == ("teacher", ())
    futures = ("as it is", *(f"future {change}" for change in CHANGES))
    assert sorted(elsewhere.done) == sorted(
        f"FAKE: {what}"
        for what in (
            "columns", "report dates", "forecasts one by one",
            *(f"{each} {future}" for each in ("fitted", "walk,", "forecasts,") for future in futures),
        )
    )  # fmt: skip


@pytest.mark.usefixtures("few")
def test_closes_alone_pass_too_with_another_cell(tmp_path: Path) -> None:
    config = replace(CONFIG, network=replace(CONFIG.network, cell="rnn"))
    assert audited(tmp_path, replace(HISTORY, open=None, high=None, low=None, volume=None), config).failed == ()


@pytest.mark.usefixtures("few")
def test_what_train_does_unasked_passes_and_its_walk_begins_with_the_general_model_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks.one_future(monkeypatch, "replaced")
    steps, begun, original = TrainingConfig.gradient_steps, [], walking.Walk.fold

    def watched(walk: walking.Walk, *rest: Any) -> walking.Stage:
        stage = original(walk, *rest)
        begun.append(stage.file.about["initialised_from"])
        return stage

    monkeypatch.setattr(TrainingConfig, "gradient_steps", lambda *told: min(6, steps(*told)))
    monkeypatch.setattr(walking.Walk, "fold", watched)
    history = synthetic.history(560)
    result = audited(tmp_path, history, TrainConfig(split=SplitConfig(history.session(370), history.session(470))))
    assert result.failed == ()
    assert result.settings["init"] == "general"
    assert begun.count("general") == 2  # a fold of backtest with its own future, and with another one


@pytest.mark.usefixtures("few")
def test_a_price_that_stands_still_in_the_whole_test_part_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks.one_future(monkeypatch, "replaced")
    close = np.concatenate((HISTORY.close[:TEST], np.full(SESSIONS - TEST, HISTORY.close[TEST - 1])))
    still = replace(HISTORY, close=close, adjusted_close=close, open=None, high=None, low=None, volume=None)
    result = audited(tmp_path, still)
    assert result.failed == ()
    assert "the price never moves" in next(check.detail for check in result.checks if check.name == "lagged copy")


@pytest.mark.usefixtures("few")
def test_shipped_prices_pass_with_the_shares_of_the_sessions_as_parts_and_the_third_cell(tmp_path: Path) -> None:
    config = replace(CONFIG, network=replace(CONFIG.network, cell="gru"), split=SplitConfig(), horizon=2)
    read = ReadOptions(end=pipeline.load(GOOG, ReadOptions()).session(450))
    result = pipeline.audit(GOOG, read, config, tmp_path, Silent())
    assert result.failed == ()
    assert result.settings["last"] == read.end.isoformat()  # type: ignore[union-attr]


@pytest.mark.usefixtures("few")
def test_where_no_step_was_chosen_a_network_that_took_all_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks.one_future(monkeypatch, "removed")
    hasty = replace(CONFIG, training=replace(CONFIG.training, learning_rate=1.0))
    leaks.centred_inputs(monkeypatch)
    result = audited(tmp_path, config=hasty)
    (check,) = (check for check in result.checks if check.name == "one by one")
    assert "took all of them" in check.detail
    assert check.ok is False
    assert "lstm from" in check.detail


LEAKS: dict[leaks.Leak, set[str]] = {
    leaks.features: {"features", "one by one", "walk-forward"},
    leaks.standardiser: {"standardiser", "network weights", "walk-forward"},
    leaks.base_scale: {"base scale", "network weights", "walk-forward"},
    leaks.early_stopping: {"early stopping", "walk-forward"},
    leaks.baselines: {"baselines", "validation scores", "walk-forward"},
    leaks.garch: {"baselines", "walk-forward"},
    leaks.bars_to_draw: {"simulated bars"},
    leaks.choice: {"choice"},
    leaks.batch_normalisation: {"one by one", "walk-forward"},
}
INNOCENT: dict[leaks.Leak, set[str]] = {
    leaks.features: {"prices", "base scale", "baselines"},
    leaks.standardiser: {"features", "base scale", "baselines"},
    leaks.base_scale: {"features", "standardiser", "baselines"},
    leaks.early_stopping: {"features", "standardiser", "base scale", "baselines", "simulated bars"},
    leaks.baselines: {"features", "base scale", "network weights", "one by one"},
    leaks.garch: {"features", "base scale", "network weights", "early stopping"},
    leaks.bars_to_draw: {"network weights", "baselines", "one by one", "walk-forward"},
    leaks.choice: {"features", "network weights", "validation scores", "one by one", "walk-forward"},
    leaks.batch_normalisation: {"features", "network weights", "baselines"},
}


# One of the futures has to be enough. Without any later bar there is no test part, by which `choice` could choose.
SEEN_BY: dict[leaks.Leak, str] = {
    leaks.features: "removed",
    leaks.standardiser: "shuffled",
    leaks.base_scale: "replaced",
    leaks.early_stopping: "shuffled",
    leaks.baselines: "removed",
    leaks.garch: "replaced",
    leaks.bars_to_draw: "removed",
    leaks.choice: "shuffled",
    leaks.batch_normalisation: "replaced",
}


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.__name__)
def test_a_leak_is_found_where_it_is(leak: leaks.Leak, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    leak(monkeypatch)
    leaks.one_future(monkeypatch, SEEN_BY[leak])
    with synthetic.only_baselines("random-walk", "har-t", *(["garch-t"] if leak is leaks.garch else [])):
        result = audited(tmp_path)
    failed = set(result.failed)
    assert LEAKS[leak] <= failed
    assert not INNOCENT[leak] & failed
    assert "looks ahead; " in result.verdict
    details = {check.name: check.detail for check in result.checks}
    assert all(details[name].startswith("differs: ") for name in failed)


@pytest.mark.parametrize("change", CHANGES)
def test_another_future_keeps_the_past_and_is_made_of_valid_bars(change: str) -> None:
    h = replace(HISTORY, adjusted_close=0.5 * HISTORY.adjusted_close, splits=np.ones(len(HISTORY)))
    other = CHANGES[change](h, TEST)
    for name in ("dates", "open", "high", "low", "close", "adjusted_close", "volume"):
        own, changed = getattr(h, name), getattr(other, name)
        assert changed[:TEST].tobytes() == own[:TEST].tobytes()
        assert change == "removed" or name == "dates" or not np.array_equal(changed[TEST:], own[TEST:])
    assert len(other) == (TEST if change == "removed" else len(h))
    assert np.all(other.low <= np.minimum(other.open, other.close) * (1 + 1e-12))
    assert np.all(other.high >= np.maximum(other.open, other.close) * (1 - 1e-12))
    assert np.all(other.low > 0)
    assert np.allclose(other.adjusted_close / other.close, 0.5)


def test_a_shuffled_future_has_the_same_returns_in_another_order() -> None:
    other = CHANGES["shuffled"](HISTORY, TEST)
    own, changed = (np.diff(np.log(h.close))[TEST - 1 :] for h in (HISTORY, other))
    assert not np.allclose(own, changed)
    assert np.allclose(np.sort(own), np.sort(changed))


@pytest.mark.usefixtures("few")
def test_a_ticker_is_audited_on_the_prices_in_the_store(
    provider: Provider, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks.one_future(monkeypatch, "removed")
    provider.listed["AAA"] = series("AAA", sessions=SESSIONS, seed=1)
    result = pipeline.audit("AAA", ReadOptions(), replace(CONFIG, split=SplitConfig()), home, Silent())
    assert result.failed == ()
    assert result.checks[0].name == "prices"
    assert result.checks[0].ok
    assert result.left_out == ("calibration by the ledger: no live forecast of AAA has been settled",)
    assert [path.name for path in home.iterdir() if path.is_dir()] in ([], ["yfinance"])


@pytest.mark.parametrize("leaking", [False, True])
def test_a_calibration_that_knows_later_targets_is_found(
    leaking: bool, provider: Provider, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.listed["AAPL"] = series("AAPL")
    found = PriceSource(home).load("AAPL")
    with Database.open(home) as db:
        recording.record(db, [entry(MON, TUE), entry(TUE, WED), entry(WED, FRI)], NOW)
        settle(db)
    if leaking:
        original = reading.recorded_misses
        monkeypatch.setattr(reading, "recorded_misses", lambda *known: original(*known[:-1], date(2100, 1, 1)))
    checks, left_out = calibration_check(home, found)
    assert left_out == []
    assert [(check.name, check.ok) for check in checks] == [("calibration", not leaking)]
    assert "3 settled forecasts" in checks[0].detail


def test_a_repair_that_looks_at_later_bars_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(synthetic.write_csv(tmp_path / "FAKE.csv", HISTORY))
    history = pipeline.load(path, ReadOptions())
    checks, _ = prices_check(PriceSource(), path, history, [350, 400])
    assert [check.ok for check in checks] == [True]

    as_it_is = csvfile.read

    def smoothed(source: str, read: ReadOptions) -> History:
        h = as_it_is(source, read)
        close = 0.5 * (h.close + np.append(h.close[1:], h.close[-1]))
        return replace(h, close=close, adjusted_close=close)

    monkeypatch.setattr(csvfile, "read", smoothed)
    checks, _ = prices_check(PriceSource(), path, smoothed(path, ReadOptions()), [350, 400])
    assert [check.ok for check in checks] == [False]
    assert f"up to {HISTORY.session(351)}" in checks[0].detail


NEW_YORK, TOKYO = (
    synthetic.on_exchange(ticker, date(2024, 6, 28), 300, calendar=exchange)
    for ticker, exchange in (("NY", "XNYS"), ("TK", "XTKS"))
)


def days_checked(history: History, covariate: History, exchange: str) -> AuditCheck:
    """The check of days of a New York history with a covariate of another exchange."""
    known = load_calendar("XNYS", history.first, date(2025, 6, 28))
    beside = Covariates(Closing("XNYS"), (Covariate("TK", "tk.csv", covariate, Closing(exchange)),))
    return days_check(history, known, beside)


@pytest.mark.parametrize("shift", [-1, 1])
def test_stamps_that_would_fit_a_day_later_or_earlier_fail(shift: int) -> None:
    moved = replace(TOKYO, dates=TOKYO.dates - np.timedelta64(shift, "D"))
    check = days_checked(NEW_YORK, moved, "XTKS")
    assert check.ok is False
    assert check.detail.startswith("TK: ")
    assert f"a day {'later' if shift > 0 else 'earlier'} they would fit" in check.detail
    own = days_checked(replace(NEW_YORK, dates=NEW_YORK.dates - np.timedelta64(shift, "D")), TOKYO, "XTKS")
    assert own.ok is False
    assert own.detail.startswith("NY: ")


def test_days_of_another_exchange_are_a_warning_and_the_own_ones_pass() -> None:
    assert days_checked(NEW_YORK, TOKYO, "XTKS").ok is True
    check = days_checked(NEW_YORK, TOKYO, "XNYS")
    assert check.ok is None
    assert "without a session of XNYS" in check.detail


def test_standard_input_is_not_read_twice() -> None:
    checks, left_out = prices_check(PriceSource(), "-", HISTORY, [350])
    assert checks == []
    assert left_out == ["prices: standard input cannot be read again up to an origin"]


COPY = LaggedCopy(to_last=0.001, to_next=0.011, last_correlation=0.9999, next_correlation=0.99, ratio=0.998)


@pytest.mark.parametrize(
    ("found", "ok", "words"),
    [
        (COPY, True, "0.10 % from today's close and 1.10 % from the next one"),
        (replace(COPY, ratio=1.0), None, "as a point it has no skill"),
        (replace(COPY, ratio=float("nan")), None, "the price never moves"),
        (replace(COPY, to_last=0.011, to_next=0.001, ratio=0.1), None, "look for a leak"),
    ],
)
def test_a_point_forecast_is_told_from_a_skill(found: LaggedCopy, ok: bool | None, words: str) -> None:
    check = lagged_copy_check(found, "lstm")
    assert check.ok is ok
    assert words in check.detail


def test_a_file_has_no_calibration_to_check(tmp_path: Path) -> None:
    assert calibration_check(tmp_path, PriceSeries(HISTORY))[0] == []
    assert list(tmp_path.iterdir()) == []
