"""The audit of dates of reports: it passes what is honest and names what knows more of them than an origin may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.evaluation.audit import CHANGES
from stockcast.pipeline import auditing
from stockcast.pipeline.eventaudit import LATER, OTHER_DATES, retold, with_later, with_other_dates
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, EventCalendar, EventDates
from stockcast.prices.history import History
from stockcast.progress import Silent
from stockcast.results import AuditResult
from tests import leaks, synthetic

SESSIONS, VALIDATE, TEST = 480, 340, 410
HISTORY = synthetic.reporting(synthetic.history(SESSIONS), whens=(BEFORE, UNKNOWN, AFTER), every=21)
CONFIG = TrainConfig(
    NetworkConfig(hidden_size=3, lookback=15),
    TrainingConfig(seeds=1, batch_size=6, steps=8, chunk=40, warmup=10, learning_rate=0.02, checks=4),
    SplitConfig(HISTORY.session(VALIDATE), HISTORY.session(TEST)),
)


def known_of(h: History) -> EventCalendar:
    assert h.events is not None
    return h.events


def audited(folder: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> AuditResult:
    """The audit of a file of prices with a file of dates, with one other future of the bars."""
    leaks.one_future(monkeypatch, change)
    monkeypatch.setattr(auditing, "PATHS", 100)
    newest = known_of(HISTORY).newest
    lines = [f"{day},{when}" for day, when in zip(newest.days, newest.whens, strict=True)]
    (folder / "dates.csv").write_text("\n".join(["date,when", *lines]) + "\n")
    path = synthetic.write_csv(folder / "FAKE.csv", HISTORY)
    read = ReadOptions(events=str(folder / "dates.csv"))
    return pipeline.audit(str(path), read, CONFIG, folder / "home", Silent())


@pytest.fixture(autouse=True)
def few() -> Iterator[None]:
    """Baselines that are quickly fitted, one of which looks at dates."""
    with synthetic.only_baselines("random-walk", "har-t-events"):
        yield


def test_an_honest_forecaster_passes_with_dates_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = audited(tmp_path, monkeypatch, "replaced")
    assert result.failed == ()
    found = {check.name: check for check in result.checks}
    assert {"report dates", "forecasts, future other dates"} <= set(found)
    # The network and two baselines from three origins.
    assert "columns, and 9 distributions" in found["report dates"].detail
    assert "with other dates of reports" in result.verdict


@pytest.mark.parametrize(
    ("leak", "change", "failing", "named"),
    [
        (leaks.newest_dates, "removed", {"report dates", "features", "forecasts, future other dates"}, "report dates"),
        (leaks.reaction_size, "replaced", {"features"}, "features"),
        (leaks.event_layer, "replaced", {"network weights"}, "network weights"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_leak_through_dates_is_found_where_it_is(
    leak: leaks.Leak, change: str, failing: set[str], named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leak(monkeypatch)
    result = audited(tmp_path, monkeypatch, change)
    assert failing <= set(result.failed)
    detail = next(check.detail for check in result.checks if check.name == named)
    words = {"report dates": "(dates told again)", "features": "reaction size", "network weights": "event layer"}
    assert words[named] in detail
    assert "looks ahead; " in result.verdict


TARGET = HISTORY.session(TEST)


@pytest.mark.parametrize("name", LATER)
def test_other_dates_are_other_after_the_target_alone(name: str) -> None:
    known = known_of(HISTORY)
    changed = with_later(known, name, TARGET)
    cut = np.datetime64(TARGET)
    before, after = known.newest.days <= cut, known.newest.days > cut
    assert np.array_equal(changed.newest.days[changed.newest.days <= cut], known.newest.days[before])
    assert changed.newest.whens[: before.sum()] == known.newest.whens[: before.sum()]
    assert not np.array_equal(changed.newest.days[changed.newest.days > cut], known.newest.days[after])
    assert changed.newest.taken is None


def test_what_is_told_again_is_told_on_the_day_of_the_target_and_not_used_for_it() -> None:
    known = known_of(HISTORY)
    told = retold(known, TARGET, HISTORY.first)
    assert [dates.taken for dates in told.snapshots] == [HISTORY.first - timedelta(days=1), TARGET]
    assert told.snapshots[0].tells_as(known.newest)
    assert not told.newest.tells_as(known.newest)
    targets = np.array([HISTORY.session(20), TARGET, HISTORY.session(TEST + 1)], dtype="datetime64[D]")
    assert told.places_N(targets).tolist() == [0, 0, 1]
    several = replace(known, snapshots=(taken(known, 100), taken(known, TEST - 1), taken(known, TEST + 3)))
    again = retold(several, TARGET, HISTORY.first)
    assert [dates.taken for dates in again.snapshots] == [HISTORY.session(100), HISTORY.session(TEST - 1), TARGET]


def taken(known: EventCalendar, row: int) -> EventDates:
    return replace(known.newest, taken=HISTORY.session(row))


def test_without_dates_there_is_no_other_future_and_with_them_one_that_keeps_the_sessions_ahead() -> None:
    assert list(with_other_dates(CHANGES, replace(HISTORY, events=None), 3)) == list(CHANGES)
    changes = with_other_dates(CHANGES, HISTORY, 3)
    assert list(changes) == [*CHANGES, OTHER_DATES]
    other = changes[OTHER_DATES](HISTORY, TEST)
    assert other.close.tobytes() == HISTORY.close.tobytes()
    last = np.datetime64(HISTORY.session(TEST + 2))
    first, second = known_of(other).snapshots
    assert second.taken == TARGET
    newest = known_of(HISTORY).newest
    assert np.array_equal(first.days[first.days <= last], newest.days[newest.days <= last])
    assert not np.array_equal(first.days, newest.days)
