"""A run whose trainings are done elsewhere and end in any order leaves what one job leaves, row by row."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from stockcast.config.runs import RetrainConfig, RunConfig
from stockcast.engine.pieces import Done, Finished, Piece, Task, run_all
from stockcast.errors import PieceLost
from stockcast.pipeline import running
from stockcast.progress import Silent
from stockcast.results import Retraining, RunResult, TickerRun
from stockcast.storage.database import Database
from stockcast.storage.ledger import recording
from tests.engine.pieces import Shuffled
from tests.engine.sent import absent
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import MONDAY, THURSDAY, Provider, evening, series
from tests.pipeline.test_running import SESSIONS, config, files, run, tables

TICKERS = ("ZZZ", "BBB", "SHORT", "AAA", "OLD", "BBC")
"""Nobody knows the first; the third is too short to be trained on; AAA is due, OLD is not, the others have no model,
and names that are near to each other.
"""


class Losing(Shuffled):
    """Loses the processes that train two tickers."""

    def finished(self) -> Done:
        done = super().finished()
        lost = done.piece.label in {"AAA: training", "BBB: training"}
        return Done(done.piece, error=PieceLost(f"{done.piece.label}: killed, twice", "fewer")) if lost else done


@pytest.fixture(autouse=True)
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    return listed().install(monkeypatch)


def listed() -> Provider:
    long = (series(name, SESSIONS, seed=seed) for seed, name in enumerate(("AAA", "BBB", "BBC", "OLD")))
    return Provider(*long, series("SHORT", 150, seed=9))


def monday(home: Path) -> RunConfig:
    return config(home, TICKERS, retrain=RetrainConfig(every=2))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home on Monday evening. AAA and OLD were trained on Thursday, and OLD's training counts as of today."""
    home = tmp_path_factory.mktemp("before") / "home"
    with pytest.MonkeyPatch.context() as patch:
        listed().install(patch)
        patch.setenv("STOCKCAST_NOW", evening(THURSDAY).isoformat())
        assert not run(config(home, ("AAA", "OLD")), home).failed
        with Database.open(home) as db:
            db.execute("UPDATE trainings SET session = '2021-03-30' WHERE ticker = 'AAA'")
        yield home


@pytest.fixture
def home(before: Path, home: Path) -> Path:
    shutil.copytree(before, home)
    return home


@pytest.fixture(scope="module")
def one_job(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one job leaves."""
    home = tmp_path_factory.mktemp("one") / "home"
    shutil.copytree(before, home)
    with pytest.MonkeyPatch.context() as patch:
        listed().install(patch)
        patch.setenv("STOCKCAST_NOW", evening(MONDAY).isoformat())
        done = run(monday(home), home)
    assert [*done.failed] == ["ZZZ", "SHORT"]
    trained = {ticker: one.training.outcome for ticker, one in done.tickers.items() if one.training}
    assert list(trained) == ["BBB", "AAA", "BBC"]
    return home


def together(
    wanted: RunConfig, home: Path, engine: Shuffled, ahead: int
) -> tuple[list[Finished[TickerRun]], RunResult]:
    with running.run(wanted, home) as work:
        tasks = [Task(partial(work.steps, ticker, Silent()), Silent()) for ticker in wanted.tickers]
        found = list(run_all(tasks, engine, ahead, in_order=True))
        return found, work.finish(Silent())


def models(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.glob("models/*/*")}


@pytest.mark.parametrize(("order", "ahead"), [((), 9), ((0, 2, 1, 1, 0, 1), 9), ((1, 1, 1, 2), 3)])
def test_trainings_that_end_in_any_order_leave_what_one_job_leaves(
    order: tuple[int, ...], ahead: int, home: Path, one_job: Path, clock: SetClock
) -> None:
    clock(evening(MONDAY))
    found, result = together(monday(home), home, Shuffled(2, iter(order)), ahead)
    assert [one.place for one in found] == [*range(len(TICKERS))]
    assert [done.ticker for done in result.tickers] == ["BBB", "AAA", "OLD", "BBC"]
    expected, got = tables(one_job), tables(home)
    assert [name for name in expected if expected[name] != got[name]] == []
    assert files(home / "out") == files(one_job / "out")
    assert models(home) == models(one_job)


def test_a_training_whose_process_is_lost_leaves_its_ticker_the_old_model_and_concerns_no_other(
    home: Path, clock: SetClock
) -> None:
    clock(evening(MONDAY))
    found, result = together(monday(home), home, Losing(2, iter(())), 9)
    failed = {TICKERS[one.place]: one.error for one in found if one.error is not None}
    assert list(failed) == ["ZZZ", "BBB", "SHORT"]  # BBB has no model to forecast with
    assert isinstance(failed["BBB"], PieceLost)
    (lost,) = (done for done in result.tickers if done.ticker == "AAA")
    assert lost.training == Retraining("kept", "the old model stays for this run: training: killed, twice; fewer")
    assert lost.new > 0
    with Database.open(home) as db:
        (record,) = recording.last_runs(db, 1)
        assert [training.ticker for training in recording.all_trainings(db)][2:] == ["BBC"]
    assert record.summary is not None
    assert list(record.summary["failed"]) == ["ZZZ", "BBB", "SHORT"]
    # The next run trains it again.
    done = run(config(home, ("AAA",), retrain=RetrainConfig(every=2)), home)
    assert done.tickers["AAA"].training is not None


def test_a_piece_neither_reads_nor_writes_the_home(home: Path, clock: SetClock) -> None:
    clock(evening(MONDAY))
    with running.run(config(home, ("BBB",)), home) as work:
        steps = work.steps("BBB", Silent())
        (piece,) = next(steps)
        assert isinstance(piece, Piece)
        with absent(home):
            piece.work(piece.shared, Silent())
        steps.close()
