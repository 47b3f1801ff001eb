from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, TrainConfig, TrainingConfig
from stockcast.config.policy import PolicyConfig
from stockcast.config.runs import ForecastConfig, LimitsConfig, OutputConfig, RetrainConfig, RunConfig, config_text
from stockcast.config.sources import FetchConfig, ReadOptions
from stockcast.engine.pieces import AT_ITS_TURN, Steps
from stockcast.errors import DataError, LockedError, ModelError, StockcastError
from stockcast.pipeline import running
from stockcast.pipeline.models import model_of
from stockcast.prices.events import EventDates
from stockcast.prices.yahoo.failures import NoNetwork
from stockcast.progress import Silent
from stockcast.results import Retraining, RunResult, TickerRun
from stockcast.storage import eventstore, modelfile
from stockcast.storage.database import Database
from stockcast.storage.ledger import reading, recording
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import MONDAY, THURSDAY, TUESDAY, WEDNESDAY, Provider, evening, series
from tests.progress import ProgressLog

SESSIONS = 500
SMALL = TrainConfig(
    NetworkConfig(cell="gru", hidden_size=4, lookback=20), TrainingConfig(seeds=1, steps=10, final_fit=False)
)


def config(home: Path, tickers: Sequence[str] = ("AAA",), **parts: Any) -> RunConfig:
    plain = RunConfig(
        tickers=tuple(tickers),
        retrain=RetrainConfig(every=0, on_decay=False),
        train=SMALL,
        output=OutputConfig(folder=home / "out"),
        limits=LimitsConfig(pause=0),
    )
    return replace(plain, **parts)


@dataclass(frozen=True)
class Done:
    """What a run came to, ticker by ticker."""

    tickers: dict[str, TickerRun]
    failed: dict[str, StockcastError]
    result: RunResult
    log: ProgressLog


def run(wanted: RunConfig, home: Path) -> Done:
    done: dict[str, TickerRun] = {}
    failed: dict[str, StockcastError] = {}
    log = ProgressLog()
    with running.run(wanted, home) as work:
        for ticker in wanted.tickers:
            try:
                done[ticker] = work.ticker(ticker, log)
            except StockcastError as error:
                failed[ticker] = error
        return Done(done, failed, work.finish(log), log)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a first run of AAA on Thursday evening."""
    home = tmp_path_factory.mktemp("trained") / "home"
    with pytest.MonkeyPatch.context() as patch:
        Provider(series("AAA", SESSIONS, seed=1)).install(patch)
        patch.setenv("STOCKCAST_NOW", evening(THURSDAY).isoformat())
        done = run(config(home), home)
    assert done.tickers["AAA"].training is not None
    assert done.tickers["AAA"].training.outcome == "first"
    return home


@pytest.fixture
def home(trained: Path, home: Path) -> Path:
    """A copy of it."""
    shutil.copytree(trained, home)
    return home


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A provider that lists AAA and BBB for long enough to train on."""
    found = Provider(series("AAA", SESSIONS, seed=1), series("BBB", SESSIONS, seed=2))
    return found.install(monkeypatch)


def tables(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    names = ("instruments", "prices", "forecasts", "laws", "outcomes", "baseline_scores", "trainings", "runs")
    with Database.open(home) as db:
        return {name: db.rows(f"SELECT * FROM {name}") for name in names}  # noqa: S608 - the names are above


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def origins(home: Path, kind: str = "live") -> list[date]:
    with Database.open(home) as db:
        return [row.forecast.origin for row in reading.rows(db, kind=kind)]


# Dates of reports.


def test_dates_that_moved_since_a_forecast_was_recorded_are_told(home: Path, clock: SetClock, tmp_path: Path) -> None:
    file = tmp_path / "dates.csv"

    def told(day: date, now: date) -> tuple[TickerRun, list[str]]:
        file.write_text(f"ticker,date,when\nAAA,2020-12-01,amc\nAAA,{day},amc\n")
        clock(evening(now))
        done = run(config(home, read=ReadOptions(events=str(file))), home)
        return done.tickers["AAA"], [note for note in done.log.notes if "report" in note]

    # Thursday's forecast had been recorded before there were dates.
    (note,) = told(THURSDAY, THURSDAY)[1]
    due = "AAA: a report on 2021-04-01 after the close is due now (dates.csv)"
    assert note == f"{due}; the forecast for 2021-04-05 was recorded without it"
    done, notes = told(MONDAY, MONDAY)
    (event,) = [forecast.event for forecast in done.forecasts]
    assert event is not None
    assert (event.day, event.sessions, event.source, event.as_of) == (MONDAY, (TUESDAY,), str(file), None)
    assert notes == told(MONDAY, MONDAY)[1] == []
    done, notes = told(WEDNESDAY, MONDAY)
    moved = "AAA: the report of 2021-04-05 is now on 2021-04-07 after the close (dates.csv)"
    assert notes == [f"{moved}; the forecast for 2021-04-06 was recorded with the earlier date"]
    assert [forecast.event for forecast in done.forecasts] == [event]


def test_a_provider_that_moves_a_report_is_told_with_the_day_of_its_word(
    home: Path, clock: SetClock, provider: Provider
) -> None:
    past, ahead = (date(2020, 12, 1), "amc"), ForecastConfig(horizon=3, paths=100)
    provider.reports["AAA"] = [past, (WEDNESDAY, "amc")]
    with Database.open(home) as db:
        eventstore.keep_snapshot(db, "AAA", EventDates.merged(provider.reports["AAA"], "yahoo", THURSDAY), THURSDAY)
    clock(evening(MONDAY))
    done = run(config(home, forecast=ahead), home).tickers["AAA"]
    first, second, third = (forecast.event for forecast in done.forecasts)
    assert (first, second) == (None, None)
    assert third is not None
    assert (third.day, third.source, third.as_of) == (WEDNESDAY, "yahoo", THURSDAY)
    provider.reports["AAA"] = [past, (date(2021, 4, 12), "bmo")]
    clock(evening(TUESDAY))
    (note,) = [note for note in run(config(home, forecast=ahead), home).log.notes if "report" in note]
    moved = "AAA: the report of 2021-04-07 is now on 2021-04-12 before the open (Yahoo, as of 2021-04-06)"
    assert note == f"{moved}; the forecast for 2021-04-08 was recorded with the earlier date"


# Whole runs.


def test_a_first_run_trains_forecasts_and_writes(home: Path) -> None:
    assert origins(home) == [THURSDAY]
    assert sorted(files(home / "out")) == ["forecasts.csv", "forecasts.jsonl", "latest.json"]
    with Database.open(home) as db:
        (training,) = recording.all_trainings(db)
        (record,) = recording.last_runs(db)
    assert (training.outcome, training.session) == ("first", THURSDAY)
    assert training.model_id == model_of(home, "AAA").model_id
    assert record.summary == {"tickers": ["AAA"], "new": 1, "settled": 0, "failed": {}}


def test_the_next_session_settles_and_forecasts(home: Path, clock: SetClock) -> None:
    clock(evening(MONDAY))
    done = run(config(home), home).tickers["AAA"]
    assert (done.origin, done.fetched, done.settled, done.void, done.new) == (MONDAY, 1, 1, 0, 1)
    assert (done.training, done.missed, done.restated) == (None, (), None)
    (forecast,) = done.forecasts
    assert (forecast.target_session, forecast.data_age_sessions) == (TUESDAY, 0)
    assert origins(home) == [THURSDAY, MONDAY]


@pytest.mark.parametrize("later", [evening(THURSDAY), datetime(2021, 4, 4, 12, tzinfo=UTC)], ids=["now", "on Sunday"])
def test_a_second_run_of_a_session_changes_nothing(later: datetime, home: Path, clock: SetClock) -> None:
    before = tables(home), files(home / "out")
    clock(later)
    done = run(config(home), home)
    assert (tables(home), files(home / "out")) == before
    assert done.result.written == ()
    assert (done.tickers["AAA"].new, done.tickers["AAA"].forecasts[0].origin) == (0, THURSDAY)


def test_a_forecast_that_is_made_after_its_targets_close_is_not_live(
    home: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prices were the newest when they were loaded; the training lasts until the close of the next session."""
    closing = datetime(2021, 4, 6, 20, tzinfo=UTC)

    def kept(*_: Any) -> Steps[Retraining]:
        clock(closing)
        yield AT_ITS_TURN
        return Retraining("kept", "worse")

    monkeypatch.setattr(running, "retrained", kept)
    far = config(home, retrain=RetrainConfig(every=1), forecast=ForecastConfig(horizon=2, paths=200))
    clock(evening(MONDAY))
    assert run(far, home).tickers["AAA"].new == 2
    with Database.open(home) as db:
        kinds = {row.forecast.target_session: row.kind for row in reading.rows(db) if row.forecast.origin == MONDAY}
    assert kinds == {TUESDAY: "replay", WEDNESDAY: "live"}


def test_a_record_from_a_later_session_is_enough_to_show_that_the_clock_is_behind(home: Path, clock: SetClock) -> None:
    with Database.open(home) as db:
        db.execute("DELETE FROM prices WHERE ticker = 'AAA' AND session >= ?", (THURSDAY.isoformat(),))
    clock(datetime(2021, 4, 1, 19, 59, tzinfo=UTC))  # a minute before the close
    with pytest.raises(DataError, match=f"the clock is wrong: .* the store has AAA up to the session of {THURSDAY}"):
        run(config(home), home)
    clock(datetime(2021, 4, 1, 20, tzinfo=UTC))
    assert not run(config(home), home).failed


def test_a_clock_that_goes_back_during_a_run_makes_replays(home: Path, clock: SetClock) -> None:
    clock(evening(WEDNESDAY))
    run(config(home), home)
    with running.run(config(home), home) as work:
        clock(evening(TUESDAY))
        assert work.ticker("AAA", Silent()).new == 1
        work.finish(Silent())
    assert (origins(home), origins(home, "replay")) == ([THURSDAY, WEDNESDAY], [TUESDAY])


def test_missed_sessions_are_listed_and_not_made_up(home: Path, clock: SetClock) -> None:
    clock(evening(WEDNESDAY))
    done = run(config(home), home).tickers["AAA"]
    assert (done.fetched, done.settled, done.missed) == (3, 1, (MONDAY, TUESDAY))
    assert origins(home) == [THURSDAY, WEDNESDAY]
    assert origins(home, "replay") == []


def test_several_sessions_ahead_are_recorded_and_settled_one_by_one(home: Path, clock: SetClock) -> None:
    far = config(home, forecast=ForecastConfig(horizon=3, paths=200))
    clock(evening(MONDAY))
    first = run(far, home).tickers["AAA"]
    assert (first.new, first.settled) == (3, 1)
    assert [f.target_session for f in first.forecasts] == [TUESDAY, WEDNESDAY, date(2021, 4, 8)]
    assert run(far, home).tickers["AAA"].new == 0
    clock(evening(TUESDAY))
    assert run(far, home).tickers["AAA"].settled == 1


def test_a_longer_horizon_adds_the_steps_that_are_not_on_record(home: Path) -> None:
    done = run(config(home, forecast=ForecastConfig(horizon=2, paths=200)), home).tickers["AAA"]
    assert done.new == 1
    assert len(origins(home)) == 2


def test_a_run_reads_a_ticker_as_its_model_was_and_settles_what_was_forecast_before(
    home: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = modelfile.load_model(home / "models", "AAA")
    modelfile.save_model(home / "models", replace(file, manifest={**file.manifest, "reading": {"start": "2021-04-02"}}))
    asked: list[Any] = []

    def kept(*given: Any) -> Steps[Retraining]:
        asked.append(given)
        yield AT_ITS_TURN
        return Retraining("kept", "worse")

    monkeypatch.setattr(running, "retrained", kept)
    clock(evening(TUESDAY))
    done = run(config(home, retrain=RetrainConfig(every=1)), home)
    # Two bars are left, from which nothing can be forecast; Thursday's forecast is settled all the same.
    assert (asked[0][3].read, len(asked[0][3].history)) == (ReadOptions(start=date(2021, 4, 2)), 2)
    assert told(done.log.notes, "read as for the training of AAA: --start 2021-04-02")
    with Database.open(home) as db:
        assert [row.outcome is not None for row in reading.rows(db)] == [True]


# What fails.


def test_a_failing_ticker_does_not_stop_the_others(home: Path, clock: SetClock) -> None:
    clock(evening(MONDAY))
    done = run(config(home, ("ZZZ", "AAA")), home)
    assert isinstance(done.failed["ZZZ"], DataError)
    assert done.tickers["AAA"].new == 1
    with Database.open(home) as db:
        record = recording.last_runs(db, 1)[0]
    assert record.summary is not None
    assert list(record.summary["failed"]) == ["ZZZ"]


def test_what_is_stored_is_settled_even_where_fetching_fails(home: Path, clock: SetClock, provider: Provider) -> None:
    clock(evening(MONDAY))
    pipeline.fetch(["AAA"], home, FetchConfig(), lambda _: Silent())("AAA")
    clock(evening(TUESDAY))
    provider.troubles = [NoNetwork("down")]
    done = run(config(home), home)
    assert isinstance(done.failed["AAA"], NoNetwork)
    assert len(tables(home)["outcomes"]) == 1
    assert origins(home) == [THURSDAY]


def test_an_old_bar_makes_no_forecast_unless_that_is_allowed(home: Path, clock: SetClock, provider: Provider) -> None:
    clock(evening(MONDAY))
    known = provider.listed["AAA"]
    provider.listed["AAA"] = known.take(known.dates < np.datetime64(MONDAY))
    done = run(config(home), home)
    assert "1 session behind 2021-04-05" in str(done.failed["AAA"])
    allowed = run(config(home, forecast=ForecastConfig(allow_stale=True)), home)
    assert allowed.tickers["AAA"].forecasts[0].origin == THURSDAY


def test_without_a_model_a_run_that_may_not_train_says_so(home: Path) -> None:
    done = run(config(home, ("BBB", "AAA"), retrain=RetrainConfig(first=False)), home)
    assert isinstance(done.failed["BBB"], ModelError)
    assert "AAA" in done.tickers


def test_one_run_at_a_time_and_the_lock_goes_with_its_holder(home: Path) -> None:
    with (
        running.run(config(home), home),
        pytest.raises(LockedError, match="another run holds"),
        running.run(config(home), home),
    ):
        pass
    assert run(config(home), home).failed == {}


def test_a_run_that_breaks_off_is_on_record_and_the_next_one_completes_it(home: Path, clock: SetClock) -> None:
    clock(evening(MONDAY))
    before = files(home / "out")
    # Left without `finish`, as by Ctrl-C between two tickers.
    with running.run(config(home), home) as work:
        work.ticker("AAA", Silent())
    with Database.open(home) as db:
        assert recording.last_runs(db, 1)[0].finished_at is None
    assert files(home / "out") == before
    done = run(config(home), home)
    assert len(done.result.written) == 3
    assert origins(home) == [THURSDAY, MONDAY]


# Retraining.


def test_a_due_training_is_done_and_told(home: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    clock(evening(MONDAY))
    asked: list[tuple[str, str]] = []

    def kept(*given: Any) -> Steps[Retraining]:
        asked.append((given[2].name, given[5]))
        yield AT_ITS_TURN
        return Retraining("kept", "the old model stays: worse")

    monkeypatch.setattr(running, "retrained", kept)
    done = run(config(home, retrain=RetrainConfig(every=1)), home)
    assert asked == [("AAA", f"1 sessions since the last training, on {THURSDAY}")]
    assert done.tickers["AAA"].new == 1
    assert told(done.log.notes, "the old model stays: worse")


def test_a_damaged_model_is_trained_anew_where_first_models_are(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "models" / "AAA" / "manifest.json").write_bytes(b"{")
    asked: list[object] = []

    def failing(*given: Any) -> Retraining:
        asked.append(given[2])
        raise DataError("no training in this test")

    monkeypatch.setattr(running, "retrained", failing)
    assert isinstance(run(config(home), home).failed["AAA"], DataError)
    assert asked == [None]


def told(notes: Iterable[str], words: str) -> bool:
    return any(words in note for note in notes)


# What a run advises, it has.


@pytest.mark.parametrize("trained_before", [True, False])
def test_a_stock_that_stands_still_is_to_be_taken_out_of_the_run(
    trained_before: bool, home: Path, clock: SetClock, provider: Provider
) -> None:
    clock(evening(MONDAY))
    if not trained_before:
        shutil.rmtree(home)
    whole = provider.listed["AAA"]
    prices = ("open", "high", "low", "close", "adjusted_close")
    still = np.arange(SESSIONS) > 200
    provider.listed["AAA"] = replace(
        whole, **{name: np.where(still, whole.close[200], getattr(whole, name)) for name in prices}
    )
    refused = run(config(home, ("AAA", "BBB")), home)
    assert [*refused.failed] == ["AAA"]
    assert "has not moved for" in refused.failed["AAA"].message
    assert refused.failed["AAA"].hint.startswith("take AAA out of the tickers in the configuration until")
    assert not run(config(home, ("BBB",)), home).failed


def test_a_key_of_the_configuration_stands_in_the_place_of_an_option(
    home: Path, clock: SetClock, provider: Provider
) -> None:
    clock(evening(MONDAY))
    provider.withdraw("AAA", slice(0, -20))
    stale = run(config(home), home).failed["AAA"]
    found = re.search(r"forecast from what is there with (\w+) in (\[\w+\])$", stale.hint)
    assert found is not None
    section = config_text(("AAA",)).partition(f"\n{found[2]}\n")[2].partition("\n[")[0]
    assert f"\n{found[1]} = false" in section


def test_the_position_of_a_policy_is_on_record_with_its_sentence(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STOCKCAST_NOW", evening(THURSDAY).isoformat())
    home = tmp_path / "home"
    done = run(config(home, train=replace(SMALL, policy=PolicyConfig(wanted=True))), home)
    (forecast,) = done.tickers["AAA"].forecasts
    assert provider.asked
    assert forecast.policy is not None
    (latest,) = json.loads((home / "out" / "latest.json").read_text("utf-8"))["data"]
    assert latest["policy"] == asdict(forecast.policy)
    assert latest["policy"]["sentence"].startswith("Policy: no evidence of skill over holding (")
    with Database.open(home) as db:
        assert [row.forecast.policy for row in reading.rows(db)] == [forecast.policy]
