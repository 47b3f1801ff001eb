from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stockcast.config import NetworkConfig, TrainConfig, TrainingConfig
from stockcast.config.runs import RetrainConfig
from stockcast.engine.pieces import AT_ITS_TURN, Steps, run_here
from stockcast.errors import DataError, ModelError
from stockcast.forecasting import Fit, TrainedModel
from stockcast.pipeline import retraining, scoring
from stockcast.pipeline.models import model_of
from stockcast.pipeline.retraining import REST, due, retrained
from stockcast.pipeline.series import PriceSeries
from stockcast.pipeline.source import PriceSource
from stockcast.pipeline.training import Candidate
from stockcast.prices.history import Floats, History
from stockcast.prices.hours import TradingHours
from stockcast.prices.sessions import load_calendar
from stockcast.progress import Silent
from stockcast.results import Retraining
from stockcast.storage import modelfile
from stockcast.storage.database import Database
from stockcast.storage.ledger import recording
from stockcast.storage.ledger.recording import Training
from tests import synthetic

SMALL = TrainConfig(
    NetworkConfig(cell="gru", hidden_size=4, lookback=20), TrainingConfig(seeds=1, steps=10, final_fit=False)
)


def series_of(history: History) -> PriceSeries:
    calendar = load_calendar("weekdays", history.first, history.last)
    return PriceSeries(history, calendar, TradingHours("UTC", ((None, "24:00"),)), history.last)


HISTORY = synthetic.history(500)
SERIES = series_of(HISTORY)
ALARM = "over the last 60 sessions worse than HAR-t"


def session(back: int) -> date:
    """The session so many before the newest one."""
    return HISTORY.session(-1 - back)


# When a training is due.


def old_model(cutoff: date, model_id: str = "id") -> TrainedModel:
    return cast(TrainedModel, SimpleNamespace(name="FAKE", model_id=model_id, served=SimpleNamespace(cutoff=cutoff)))


def trained_on(db: Database, day: date, outcome: str = "replaced") -> None:
    recording.note_training(
        db, Training("FAKE", "FAKE", day, "2013-01-01T00:00:00+00:00", outcome, "why", None, None, 0, "id")
    )


def asked(
    db: Database, home: Path, cutoff: date, every: int = 63, on_decay: bool = True, model_id: str = "id"
) -> str | None:
    return due(db, home, old_model(cutoff, model_id), SERIES, RetrainConfig(every=every, on_decay=on_decay))


def test_a_model_is_due_at_its_age(db: Database, home: Path) -> None:
    assert asked(db, home, session(62)) is None
    assert asked(db, home, session(63)) == f"63 sessions since the last training, on {session(63)}"
    assert asked(db, home, session(63), every=0) is None


def test_a_training_that_left_the_old_model_counts_too(db: Database, home: Path) -> None:
    trained_on(db, session(5), "kept")
    assert asked(db, home, session(200)) is None
    assert asked(db, home, session(200), every=5) == f"5 sessions since the last training, on {session(5)}"


def test_a_training_by_hand_after_the_last_one_counts_too(db: Database, home: Path) -> None:
    trained_on(db, session(100))
    assert asked(db, home, session(3), model_id="by hand") is None


def test_a_training_whose_model_was_never_saved_does_not_count(db: Database, home: Path) -> None:
    trained_on(db, session(5))
    assert asked(db, home, session(70), model_id="before") == f"70 sessions since the last training, on {session(70)}"


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize(("rested", "reason"), [(REST - 1, None), (REST, ALARM)])
def test_a_model_that_has_decayed_is_due_once_it_has_rested(
    by_hand: bool, rested: int, reason: str | None, db: Database, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "alarm_of", lambda *_: ALARM)
    if not by_hand:
        trained_on(db, session(rested))
    cutoff = session(rested if by_hand else 200)
    assert asked(db, home, cutoff, every=0) == reason
    assert asked(db, home, cutoff, every=0, on_decay=False) is None


def test_a_model_that_has_not_decayed_is_not_due(db: Database, home: Path) -> None:
    assert asked(db, home, session(REST), every=0) is None


# What becomes of the candidate.


@dataclass(frozen=True)
class Bench:
    """A candidate, its baselines from the best to the worst of its test part, and where a training ends up."""

    candidate: Candidate
    ranked: Sequence[str]
    db: Database
    home: Path
    patch: pytest.MonkeyPatch

    def served_by(self, name: str) -> Candidate:
        return replace(self.candidate, model=replace(self.candidate.model, served_by=name, model_id="new"))

    def old(self, name: str, cutoff: date | None = None, strange: bool = False) -> TrainedModel:
        """The same fit as a model that is served by another competitor, and has seen more."""
        fit = self.candidate.model.scored
        ensemble = fit.ensemble
        if strange:
            ensemble = replace(
                ensemble, standardiser=replace(ensemble.standardiser, names=(*ensemble.standardiser.names, "moon"))
            )
        ensemble = replace(ensemble, cutoff=cutoff or fit.cutoff)
        served = Fit(ensemble, fit.baselines, fit.shocks)
        return replace(self.candidate.model, fits={"scored": fit, "served": served}, served_by=name, model_id="old")

    def meet(self, old: TrainedModel | None, candidate: Candidate | Exception) -> Retraining:
        def made(*_: object) -> Steps[Candidate]:
            yield AT_ITS_TURN
            if isinstance(candidate, Exception):
                raise candidate
            return candidate

        self.patch.setattr(Candidate, "of_trainer", made)
        steps = retrained(self.db, PriceSource(self.home), old, SERIES, SMALL, "63 sessions", Silent())
        return run_here(steps, Silent())

    @property
    def noted(self) -> Training:
        (training,) = recording.all_trainings(self.db)
        return training

    def crps(self, name: str, since: int = 0) -> float:
        return float(crps_of(self.candidate)[name][since:].mean())

    @property
    def saved(self) -> str | None:
        """What serves the saved model; None without one."""
        try:
            return model_of(self.home, "FAKE").served_by
        except ModelError:
            return None


def crps_of(candidate: Candidate) -> dict[str, Floats]:
    """CRPS of the test part by competitor."""
    (tested,) = candidate.judgement.results
    return {rows.model: rows.crps for rows in tested.rows}


@pytest.fixture(scope="module")
def candidate() -> Candidate:
    return Candidate.of(SERIES, SMALL, Path("nowhere"), "FAKE", Silent())


@pytest.fixture
def bench(candidate: Candidate, db: Database, home: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    crps = crps_of(candidate)
    ranked = sorted(candidate.judgement.baselines, key=lambda name: float(crps[name].mean()))
    return Bench(candidate, ranked, db, home, monkeypatch)


def test_a_first_model_is_saved_whatever_it_scores(bench: Bench) -> None:
    done = bench.meet(None, bench.served_by(bench.ranked[-1]))
    assert (done.outcome, bench.saved) == ("first", bench.ranked[-1])
    assert "63 sessions" in done.reason
    assert (bench.noted.outcome, bench.noted.session, bench.noted.model_id) == (
        "first", HISTORY.last, model_of(bench.home, "FAKE").model_id
    )  # fmt: skip


def test_a_training_that_is_killed_before_its_model_is_saved_is_done_again_and_noted_once(bench: Bench) -> None:
    best, old = bench.ranked[0], bench.old(bench.ranked[-1])
    with bench.patch.context() as patch:
        patch.setattr(modelfile, "save_model", raises)
        with pytest.raises(KeyboardInterrupt):
            bench.meet(old, bench.served_by(best))
    assert (bench.noted.outcome, bench.saved) == ("replaced", None)
    assert due(bench.db, bench.home, old, SERIES, RetrainConfig(every=1)) is not None
    assert bench.meet(old, bench.served_by(best)).outcome == "replaced"
    assert (bench.noted.model_id, bench.saved) == (model_of(bench.home, "FAKE").model_id, best)


def raises(*_: object) -> None:
    """What the end of the process looks like from within."""
    raise KeyboardInterrupt


def test_a_better_candidate_takes_the_place_of_the_old_model(bench: Bench) -> None:
    best, worst = bench.ranked[0], bench.ranked[-1]
    done = bench.meet(bench.old(worst), bench.served_by(best))
    assert (done.outcome, bench.saved, done.sessions) == ("replaced", best, len(bench.candidate.trainer.parts.test))
    assert done.new_crps == pytest.approx(bench.crps(best), rel=1e-12)
    assert done.old_crps == pytest.approx(bench.crps(worst), rel=1e-12)
    assert done.reason.startswith("replaced (63 sessions): CRPS ")
    assert bench.noted.new_crps == done.new_crps


def test_an_equal_candidate_takes_the_place_of_the_old_model(bench: Bench) -> None:
    best = bench.ranked[0]
    assert bench.meet(bench.old(best), bench.served_by(best)).outcome == "replaced"


def test_a_worse_candidate_leaves_the_old_model_and_the_reason_is_noted(bench: Bench) -> None:
    done = bench.meet(bench.old(bench.ranked[0]), bench.served_by(bench.ranked[-1]))
    assert (done.outcome, bench.saved) == ("kept", None)
    assert done.reason.startswith("the old model stays: CRPS ")
    assert (bench.noted.reason, bench.noted.model_id) == (done.reason, "old")


def test_only_sessions_that_the_old_model_has_not_seen_are_compared(bench: Bench) -> None:
    best, worst = bench.ranked[0], bench.ranked[-1]
    done = bench.meet(bench.old(worst, session(10)), bench.served_by(best))
    assert done.sessions == 10
    assert done.new_crps == pytest.approx(bench.crps(best, -10), rel=1e-12)
    assert done.old_crps == pytest.approx(bench.crps(worst, -10), rel=1e-12)


def test_without_such_a_session_the_old_model_is_replaced(bench: Bench) -> None:
    done = bench.meet(bench.old(bench.ranked[0], HISTORY.last), bench.served_by(bench.ranked[-1]))
    assert (done.outcome, done.sessions, done.old_crps) == ("replaced", 0, None)
    assert "no test session" in done.reason


def test_an_old_model_that_cannot_read_these_prices_is_replaced(bench: Bench) -> None:
    done = bench.meet(bench.old("gru", strange=True), bench.served_by(bench.ranked[0]))
    assert (done.outcome, bench.saved) == ("replaced", bench.ranked[0])
    assert "moon" in done.reason


def test_an_old_model_whose_score_is_no_number_is_replaced(bench: Bench) -> None:
    duel = cast(Any, retraining._Duel)
    bench.patch.setattr(duel, "of", lambda *_: duel(float("nan"), 0.01, 9))
    assert bench.meet(bench.old("gru"), bench.served_by(bench.ranked[0])).outcome == "replaced"


def test_a_training_that_fails_leaves_the_old_model_and_rests(bench: Bench) -> None:
    done = bench.meet(bench.old(bench.ranked[0]), DataError("too few sessions"))
    assert (done.outcome, bench.saved) == ("kept", None)
    assert "training failed: too few sessions" in done.reason
    assert bench.noted.model_id == "old"
    assert due(bench.db, bench.home, bench.old("gru"), SERIES, RetrainConfig()) is None


def test_a_first_training_that_fails_is_an_error(bench: Bench) -> None:
    with pytest.raises(DataError, match="too few sessions"):
        bench.meet(None, DataError("too few sessions"))
    assert recording.all_trainings(bench.db) == []
