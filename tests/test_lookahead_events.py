"""No look-ahead by the dates of reports: what lies after a target session, or was told later, changes no byte.

Dates after the target session are added, moved and taken away, snapshots are taken on the target day and later, and
bars after the origin are others: what is seen at the origin, forecast from it and fitted up to it stays to the byte.
The last tests leak on purpose and demand that the check finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.config import NetworkConfig, SplitConfig, TrainConfig, TrainingConfig
from stockcast.evaluation.audit import dist_bytes
from stockcast.models.baselines import HarTEvents
from stockcast.models.ensemble import Ensemble
from stockcast.models.eventlayer import USUAL
from stockcast.models.problem import Series
from stockcast.models.simulation import PathPlan, Shocks
from stockcast.pipeline import initial
from stockcast.pipeline.auditchecks import differing
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, WHENS, EventCalendar, EventDates
from stockcast.prices.history import History
from stockcast.prices.sessions import load_calendar
from stockcast.progress import Silent
from stockcast.windows.events import features_with_events
from stockcast.windows.features import BURN_IN
from stockcast.windows.splits import Part, split_by_date
from tests import leaks, synthetic
from tests.learning import learn
from tests.synthetic import FUTURES

BARS, HORIZON = 425, 3
HISTORY = synthetic.reporting(synthetic.history(BARS), whens=(BEFORE, AFTER, UNKNOWN), every=21)
CALENDAR = load_calendar("weekdays", HISTORY.first, HISTORY.last + timedelta(days=400))
BEGIN, END = HISTORY.first, HISTORY.last + timedelta(days=60)
CONFIG = TrainConfig(
    NetworkConfig(hidden_size=4, lookback=20),
    TrainingConfig(seeds=1, steps=12, chunk=40, warmup=10, learning_rate=0.02, final_fit=False),
    SplitConfig(HISTORY.session(300), HISTORY.session(362)),
)
FITTED = HarTEvents((0.0, 0.05, 0.15, 0.2, 0.1, -0.05), 2e-4, 6.0, 0.9)
DAYS = st.dates(BEGIN, END)


def with_dates(h: History, *snapshots: EventDates) -> History:
    return replace(h, events=EventCalendar(snapshots, CALENDAR))


@st.composite
def told(draw: st.DrawFn, first: date = BEGIN) -> dict[date, str]:
    """Days from `first` on with their hours."""
    return draw(st.dictionaries(st.dates(first, max(first, END)), st.sampled_from(WHENS), max_size=12))


def snapshot(days: dict[date, str], taken: date | None) -> EventDates:
    ordered = sorted(days)
    return EventDates(np.array(ordered, dtype="datetime64[D]"), tuple(days[day] for day in ordered), "made-up", taken)


def days_of(dates: EventDates) -> dict[date, str]:
    return dict(zip(dates.days.astype(object).tolist(), dates.whens, strict=True))


@st.composite
def calendars(draw: st.DrawFn) -> tuple[EventDates, ...]:
    """Quarterly dates as they turned out, told by nobody knows whom, or by several snapshots, each with some moved."""
    assert HISTORY.events is not None
    usual = days_of(HISTORY.events.newest)
    if draw(st.booleans()):
        return (snapshot(usual | draw(told()), None),)
    taken = sorted(draw(st.lists(DAYS, min_size=1, max_size=4, unique=True)))
    return tuple(snapshot(usual | draw(told()), day) for day in taken)


@st.composite
def other_dates(draw: st.DrawFn, known: Sequence[EventDates], target: date, last: date) -> tuple[EventDates, ...]:
    """The same to somebody who knows what was told before `target`, and looks no further than to `last`.

    Of the dates that were told before, those after `last` are others; what was told on the day of the target and later
    may be anything at all where something was told before.
    """
    before = [one for one in known if one.taken is not None and one.taken < target]
    kept = before or list(known[:1])
    other = [
        snapshot(
            draw(told(last + timedelta(days=1))) | {day: hour for day, hour in days_of(one).items() if day <= last},
            one.taken,
        )
        for one in kept
    ]
    if kept[-1].taken is None:
        return tuple(other)
    earliest = max(target, kept[-1].taken + timedelta(days=1))
    later = sorted(draw(st.lists(st.dates(earliest, max(earliest, END)), max_size=2, unique=True)))
    return (*other, *(snapshot(draw(told()), day) for day in later))


@cache
def network() -> Ensemble:
    """A network that has learnt something, with an event layer."""
    f = features_with_events(HISTORY)
    split = split_by_date(f.session_returns.dates, CONFIG.split, CONFIG.network.lookback)
    return replace(learn(f, split, CONFIG, Silent())[0], layer=USUAL)


def seen_bytes(h: History, row: int, steps: int) -> dict[str, bytes]:
    """All that is seen at the rows up to one, what is forecast from them, and the first steps of paths from the last.

    Row t of the columns belongs to bar t + 1.
    """
    f = features_with_events(h)
    assert f.events is not None
    clean, rows = f.events.clean(f), f.events.rows(0, row + 1)
    found = {f"row's {name}": values.tobytes() for name, values in vars(rows).items()}
    found |= {f"column {place}": values.tobytes() for place, values in enumerate(f.events.arrays(row + 1))}
    found |= {"clean HAR": clean.har_TK[: row + 1].tobytes(), "clean leverage": clean.leverage_T[: row + 1].tobytes()}
    found["clean variance"] = clean.session_returns.v_T[: row + 1].tobytes()
    found["reacts"] = f.events.reacts(0, row + 1).tobytes()
    shocks = Shocks.of(f, network().base, BURN_IN, 200)
    for name, known in {"network": network(), "har-t-events": FITTED}.items():
        start = max(row - 30, CONFIG.network.lookback)
        found[f"forecasts of {name}"] = dist_bytes(known.forecast(f, start, row + 1), 0, row + 1 - start)
        paths_HP = known.simulate(f, row, PathPlan(HORIZON, 20, shocks, np.random.default_rng(0)))
        found[f"paths of {name}"] = paths_HP[:steps].tobytes()
    return found


def moved(known: Sequence[EventDates], other: Sequence[EventDates], row: int, steps: int, future: str) -> list[str]:
    """What differs at a row with other dates, and other bars after it."""
    changed = HISTORY if future == "as it is" else FUTURES[future](HISTORY, row + 2)
    return differing(
        seen_bytes(with_dates(HISTORY, *known), row, steps), seen_bytes(with_dates(changed, *other), row, steps)
    )


def target_of(row: int, steps: int = 1) -> date:
    return CALENDAR.next_sessions(HISTORY.session(row + 1), steps)[-1]


@settings(max_examples=40)
@given(
    st.data(), calendars(), st.integers(280, BARS - 5), st.integers(1, HORIZON), st.sampled_from(["as it is", *FUTURES])
)
def test_dates_after_a_target_and_what_was_told_later_change_no_byte(
    data: st.DataObject, known: tuple[EventDates, ...], row: int, steps: int, future: str
) -> None:
    other = data.draw(other_dates(known, target_of(row), target_of(row, steps)))
    assert moved(known, other, row, steps, future) == []


def dated(*bars: int, taken: int | None = None, hour: str = BEFORE) -> EventDates:
    """Reports before the sessions of some bars, told after the session of another one."""
    days = {HISTORY.session(bar): hour for bar in bars}
    return snapshot(days, None if taken is None else HISTORY.session(taken))


PAST = (60, 81, 102, 123, 144, 165, 186, 207, 228, 249, 270)
ROW = 299
"""Its own bar is bar 300, its target session bar 301."""


@pytest.mark.parametrize(
    "other",
    [
        (dated(*PAST),),
        (dated(*PAST[:-1], 301),),
        (dated(*PAST, 301, hour=UNKNOWN),),
        (dated(*PAST, taken=100), dated(*PAST, taken=300), dated(*PAST, 301, taken=301)),
    ],
    ids=["no report on the target", "one reaction less", "other hours", "moved on the day before"],
)
def test_what_was_told_before_of_the_target_and_the_past_is_seen(other: tuple[EventDates, ...]) -> None:
    """Nothing that nobody looks at would be found to look ahead."""
    found = moved((dated(*PAST, 301),), other, ROW, 1, "as it is")
    assert {"forecasts of network", "forecasts of har-t-events"} <= set(found)


def test_a_snapshot_of_the_day_of_the_target_is_not_seen_where_there_is_an_earlier_one() -> None:
    both = dated(*PAST, taken=100), dated(*PAST, 301, taken=301)
    assert moved(both[:1], both, ROW, 1, "as it is") == []
    # The session after it may know of both.
    assert moved(both[:1], both, ROW + 1, 1, "as it is") != []


def fitted_bytes(h: History, stop: int) -> dict[str, bytes]:
    """What is fitted on the origins up to `stop`, whose last target is the session of row `stop`."""
    f = features_with_events(h)
    layered = initial.with_layer(replace(network(), layer=None), [Series.of(f, Part(BURN_IN, stop))])
    return {"har-t-events": repr(HarTEvents.fit(f, BURN_IN, stop)).encode(), "layer": repr(layered.layer).encode()}


def fits_moved(known: Sequence[EventDates], other: Sequence[EventDates], stop: int, future: str) -> list[str]:
    """The fits that differ with other dates, and other bars after the last target."""
    changed = HISTORY if future == "as it is" else FUTURES[future](HISTORY, stop + 2)
    return differing(*(fitted_bytes(with_dates(h, *some), stop) for h, some in ((HISTORY, known), (changed, other))))


@settings(max_examples=6)
@given(st.data(), calendars(), st.integers(280, 360), st.sampled_from(["as it is", *FUTURES]))
def test_dates_after_the_last_target_change_no_fit(
    data: st.DataObject, known: tuple[EventDates, ...], stop: int, future: str
) -> None:
    last = HISTORY.session(stop + 1)
    assert fits_moved(known, data.draw(other_dates(known, last, last)), stop, future) == []


def test_the_fits_that_are_checked_rest_on_the_dates() -> None:
    assert HISTORY.events is not None
    usual = (HISTORY.events.newest,)
    assert fits_moved(usual, (dated(*PAST),), 340, "as it is") == ["har-t-events", "layer"]


def scheduled(*bars: int, taken: int, hour: str) -> EventDates:
    """Past reports after the close, and others of that hour, told after the session of another bar."""
    return snapshot(days_of(dated(*PAST, hour=AFTER)) | days_of(dated(*bars, hour=hour)), HISTORY.session(taken))


def leaking(hour: str) -> set[str]:
    """What differs at a row with later snapshots, and with any other bars after it."""
    known = scheduled(301, taken=100, hour=hour), scheduled(301, 320, taken=250, hour=hour)
    later = (*known, scheduled(275, 302, 320, taken=301, hour=hour))
    return {name for future in FUTURES for name in moved(known, later, ROW, 1, future)}


@pytest.mark.parametrize(
    ("leak", "hour"), [(leaks.newest_dates, BEFORE), (leaks.reaction_size, BEFORE), (leaks.reaction_session, UNKNOWN)]
)
def test_dates_that_were_told_later_and_reactions_that_are_still_to_come_are_found(
    leak: leaks.Leak, hour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leaking(hour) == set()
    leak(monkeypatch)
    assert {"forecasts of network", "forecasts of har-t-events"} <= leaking(hour)


def test_a_layer_that_knows_the_test_part_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    known = (scheduled(301, taken=100, hour=BEFORE),)
    later = (*known, scheduled(275, 302, taken=341, hour=BEFORE))
    assert fits_moved(known, later, 340, "replaced") == []
    leaks.event_layer(monkeypatch)
    assert fits_moved(known, later, 340, "replaced") == ["layer"]
