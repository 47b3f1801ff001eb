"""What dates of reports say at each origin: a slow version day by day, and the same bytes whatever comes later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, WHENS, EventCalendar, EventDates
from stockcast.prices.history import ONE_DAY
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.windows.events import EventColumns, EventRows, features_with_events, reaction_days
from stockcast.windows.features import SessionReturns, features, features_of, session_returns
from stockcast.windows.seasonality import seasonality_columns, target_sessions
from tests import synthetic
from tests.windows.panel import picked

SESSIONS = 420
CALENDAR = load_calendar("XNYS", date(2011, 1, 1), date(2016, 12, 30))
FIRST = date(2012, 1, 3)
DAYS = np.array(CALENDAR.next_sessions(FIRST, SESSIONS), dtype="datetime64[D]")
H = replace(synthetic.history(SESSIONS, seed=4), dates=DAYS)
M = session_returns(H)
Told = list[tuple[date, str]]


def told(events: Told, taken: date | None = None) -> EventDates:
    return EventDates(
        np.array([day for day, _ in events], "datetime64[D]"), tuple(when for _, when in events), "", taken
    )


def columns(*snapshots: EventDates, m: SessionReturns = M, calendar: SessionCalendar = CALENDAR) -> EventColumns:
    return EventColumns.of(EventCalendar(snapshots, calendar), m)


def rows(columns: EventColumns) -> EventRows:
    return columns.rows(0, len(columns.m))


def day(row: int, after: int = 0) -> date:
    """Of a session, or so many days after it."""
    found: date = M.dates[row].astype(object) + timedelta(days=after)
    return found


def sessions_that_react(day: date, when: str, calendar: SessionCalendar) -> list[date]:
    first = day + timedelta(days=when == AFTER)
    while not calendar.is_session(first):
        first += timedelta(days=1)
    return [first, *calendar.next_sessions(first, 1)] if when == UNKNOWN else [first]


@dataclass(frozen=True)
class Slow:
    """One snapshot, looked through from its beginning for each question."""

    events: Told
    m: SessionReturns
    calendar: SessionCalendar

    @cached_property
    def reacting(self) -> list[tuple[str, list[date]]]:
        return [(when, sessions_that_react(day, when, self.calendar)) for day, when in self.events]

    def past(self, row: int) -> list[tuple[str, list[float]]]:
        """The hour of each event that has happened, and the variances of its sessions, in the order of the last."""
        seen = dict(zip(self.m.dates[: row + 1].tolist(), self.m.v_T[: row + 1], strict=True))
        found = [(days, when) for when, days in self.reacting if all(day in seen for day in days)]
        return [(when, [seen[day] for day in days]) for days, when in sorted(found, key=lambda one: one[0][-1])]

    def q(self, row: int, target: date) -> float:
        hits = [float(v[0] > v[1]) if when == UNKNOWN else float(when == BEFORE) for when, v in self.past(row)[-20:]]
        p = (2 + sum(hits)) / (4 + len(hits))
        return max(
            (self.share(when, days, row, target, p) for when, days in self.reacting if target in days), default=0.0
        )

    def share(self, when: str, days: list[date], row: int, target: date, p: float) -> float:
        """Of one event in one of its sessions; what is seen of the first one moves the second by Bayes' rule."""
        if when != UNKNOWN or target == days[0]:
            return p if when == UNKNOWN else 1.0
        seen = self.m.dates[: row + 1].tolist()
        if days[0] not in seen:
            return 1 - p
        first = seen.index(days[0])
        month = float(np.mean(self.m.v_T[max(0, first - 22) : first])) if first else float(self.m.v_T[0])
        reaction = month + np.exp(2 * self.ln_size(row, month))
        v = float(self.m.v_T[first])
        likely = [stats.expon.logpdf(v, scale=mean) for mean in (month, reaction)]
        return (1 - p) / (1 - p + p * np.exp(min(likely[1] - likely[0], 50)))

    def ln_size(self, row: int, year: float) -> float:
        sizes = [0.5 * np.log(max(v)) - 0.15 * (when == UNKNOWN) for when, v in self.past(row)[-8:]]
        return float(np.mean([*sizes, *[0.5 * np.log(year) + 0.65] * 2]))

    def known(self, target: date) -> bool:
        begun = [days[0] for _, days in self.reacting if days[0] <= target]
        return bool(begun) and (target - max(begun)).days <= 200

    def clean(self) -> np.ndarray:
        may = {day for _, days in self.reacting for day in days}
        clean: list[float] = []
        for day, v in zip(self.m.dates.tolist(), self.m.v_T.tolist(), strict=True):
            before = clean[-22:]
            clean.append(min(v, float(np.mean(before))) if day in may and before else v)
        return np.array(clean)


def require_as_slow(found: EventColumns, events: Told) -> None:
    """Every column at every row as the slow version has it, one session ahead."""
    slow = Slow(events, found.m, found.known.calendar)
    clean = slow.clean()
    said = rows(found)
    np.testing.assert_allclose(found.v_T, clean, rtol=1e-12)
    for row in range(len(found.m)):
        target = found.known.calendar.next_sessions(found.m.dates[row].astype(object), 1)[0]
        assert said.q_N[row] == pytest.approx(slow.q(row, target), abs=1e-12)
        assert said.known_N[row] == slow.known(target)
        assert said.ln_size_N[row] == pytest.approx(slow.ln_size(row, clean[max(0, row - 249) : row + 1].mean()))


@st.composite
def calendars(draw: st.DrawFn) -> Told:
    """Events on any days, weekends and holidays among them, some before the first bar and some after the last."""
    days = draw(st.lists(st.integers(-60, 660), min_size=1, max_size=30, unique=True))
    whens = draw(st.lists(st.sampled_from(WHENS), min_size=len(days), max_size=len(days)))
    return [(FIRST + timedelta(days=day), when) for day, when in zip(sorted(days), whens, strict=True)]


@settings(max_examples=12, deadline=None)
@given(events=calendars(), missing=st.sets(st.integers(1, SESSIONS - 2), max_size=40))
def test_columns_are_those_of_a_search_day_by_day(events: Told, missing: set[int]) -> None:
    m = picked(M, np.array([row for row in range(len(M)) if row not in missing]))
    require_as_slow(columns(told(events), m=m), events)


@settings(max_examples=15, deadline=None)
@given(events=calendars(), row=st.integers(30, SESSIONS - 30))
def test_later_bars_and_later_dates_change_nothing(events: Told, row: int) -> None:
    target = CALENDAR.next_sessions(day(row), 1)[0]
    known = [one for one in events if one[0] <= target]
    other = session_returns(synthetic.replaced(H, row + 2))
    before, after = columns(told(events)), columns(told(known), m=other)
    for a, b in zip(before.arrays(row + 1), after.arrays(row + 1), strict=True):
        assert a.tobytes() == b.tobytes()
    assert before.reacts(0, row + 1).tobytes() == after.reacts(0, row + 1).tobytes()
    for name, values_N in vars(before.rows(0, row + 1)).items():
        assert getattr(after.rows(0, row + 1), name).tobytes() == values_N.tobytes(), name


@pytest.mark.parametrize(
    ("day", "when", "reacts"),
    [
        ("2012-05-24", BEFORE, ["2012-05-24"]),
        ("2012-05-24", AFTER, ["2012-05-25"]),
        ("2012-05-24", UNKNOWN, ["2012-05-24", "2012-05-25"]),
        # A Friday before Memorial Day, the Saturday after it, and the holiday itself.
        ("2012-05-25", AFTER, ["2012-05-29"]),
        ("2012-05-25", UNKNOWN, ["2012-05-25", "2012-05-29"]),
        ("2012-05-26", BEFORE, ["2012-05-29"]),
        ("2012-05-26", AFTER, ["2012-05-29"]),
        ("2012-05-28", UNKNOWN, ["2012-05-29", "2012-05-30"]),
        # The exchange was closed for a storm.
        ("2012-10-26", AFTER, ["2012-10-31"]),
    ],
)
def test_the_session_that_reacts_is_the_exchanges_next_one(day: str, when: str, reacts: list[str]) -> None:
    first_E, last_E = reaction_days(told([(date.fromisoformat(day), when)]), CALENDAR)
    assert sorted({str(first_E[0]), str(last_E[0])}) == reacts


def test_a_weekend_with_two_events_keeps_their_order_in_time() -> None:
    """The first may react a session later than the second, which is known to the hour."""
    saturday = next(day(row, 1) for row in range(200, 210) if day(row).weekday() == 4)
    every = [*quarterly(UNKNOWN, 3), (saturday, UNKNOWN), (saturday + timedelta(days=1), BEFORE)]
    require_as_slow(columns(told(every)), every)


def test_two_events_that_react_in_one_session_are_one_certainty_and_two_past_reactions() -> None:
    both = [(day(100), AFTER), (day(101), BEFORE)]
    found = rows(columns(told(both)))
    assert np.flatnonzero(found.q_N).tolist() == [100]
    assert found.q_N[100] == 1.0
    require_as_slow(columns(told(both)), both)


def quarterly(when: str, count: int = 6, every: int = 63) -> Told:
    return [(day(20 + every * k), when) for k in range(count)]


def test_of_an_unknown_hour_the_sessions_share_what_past_ones_did() -> None:
    """Reactions that came in the second session shift the odds there, once the second session is over."""
    v_T = np.full(len(M), 1e-4)
    second = [int(np.searchsorted(M.dates, np.datetime64(one))) + 1 for one, _ in quarterly(UNKNOWN)]
    v_T[second] = 1e-2
    said = rows(columns(told(quarterly(UNKNOWN)), m=replace(M, v_T=v_T)))
    for past, row in enumerate(second):
        # The row before a session is the one that forecasts it.
        p = 2 / (4 + past)
        assert said.q_N[row - 2] == pytest.approx(p)
        # The first session was as quiet as any: more is left for the second than what is not p.
        ratio = np.exp(2 * said.ln_size_N[row - 1]) / 1e-4
        odds = p / (1 - p) * np.exp(ratio / (1 + ratio)) / (1 + ratio)
        assert said.q_N[row - 1] == pytest.approx(1 / (1 + odds))
        assert said.q_N[row - 1] > 1 - p
    assert np.count_nonzero(said.q_N) == 2 * len(second)


def test_once_the_first_session_was_loud_little_is_left_for_the_second() -> None:
    v_T = np.full(len(M), 1e-4)
    (first,) = np.flatnonzero(M.dates == np.datetime64(day(200)))
    left = []
    for loud in (1.0, 3.0, 10.0, 1000.0):
        v_T[first] = loud * 1e-4
        found = columns(told([(day(200), UNKNOWN)]), m=replace(M, v_T=v_T))
        assert rows(found).q_N[first - 1] == 0.5
        assert found.ahead(first - 1, 2).q_N.tolist() == [0.5, 0.5]
        left.append(rows(found).q_N[first])
    assert left == sorted(left, reverse=True)
    assert left[0] > 0.6
    assert left[2] < 0.01
    assert left[3] < 1e-20


def test_a_reaction_of_known_size_is_expected_again_and_shrunk_to_the_usual_one() -> None:
    v_T = np.full(len(M), 1e-4)
    reacts = [int(np.searchsorted(M.dates, np.datetime64(one))) for one, _ in quarterly(BEFORE)]
    v_T[reacts] = 4e-2
    found = columns(told(quarterly(BEFORE)), m=replace(M, v_T=v_T))
    # What is not a reaction is alike, so that a clean session is, too.
    np.testing.assert_allclose(found.v_T, 1e-4)
    usual = 2 * (np.log(1e-2) + 0.65)
    for past, row in enumerate(reacts):
        expected = (past * np.log(0.2) + usual) / (past + 2)
        assert rows(found).ln_size_N[row - 1] == pytest.approx(expected)


def test_half_yearly_reports_are_known_all_year_and_a_ticker_that_stopped_telling_is_not() -> None:
    halves = [(day(10), BEFORE), (day(10, 182), BEFORE)]
    known_T = rows(columns(told(halves))).known_N
    target_T = target_sessions(M.dates, CALENDAR)
    np.testing.assert_array_equal(
        known_T, (target_T >= np.datetime64(halves[0][0])) & (target_T <= np.datetime64(day(10, 382)))
    )
    assert known_T.any()
    assert not known_T.all()


def test_events_before_the_first_bar_and_after_the_last_one() -> None:
    early, late = [(day(0, -30), BEFORE), (day(0, -120), AFTER)][::-1], (day(SESSIONS - 2, 1), BEFORE)
    found = columns(told([*early, late]))
    said = rows(found)
    assert said.known_N[0]
    # The newest origin forecasts a session without a bar yet.
    assert np.flatnonzero(said.q_N).tolist() == [len(M) - 1]
    np.testing.assert_array_equal(found.v_T, M.v_T)
    np.testing.assert_allclose(said.ln_size_N, 0.5 * found.har_TK[:, -1] + 0.65)


def test_a_session_that_reacts_without_a_bar_is_no_past_reaction() -> None:
    event = [(day(100), BEFORE)]
    halted = picked(M, np.arange(len(M)) != 100)
    found = columns(told(event), m=halted)
    assert rows(found).q_N[99] == 1.0
    assert not found.reacts_T.any()
    np.testing.assert_allclose(rows(found).ln_size_N, 0.5 * found.har_TK[:, -1] + 0.65)


def test_a_calendar_without_a_date_says_nothing() -> None:
    assert EventCalendar.of([told([])], CALENDAR) is None
    empty = columns(told([]))
    assert not rows(empty).q_N.any()
    assert not rows(empty).known_N.any()
    np.testing.assert_array_equal(empty.v_T, M.v_T)
    nothing = columns(told(quarterly(AFTER)), m=picked(M, slice(0, 0)))
    assert len(rows(nothing).q_N) == 0
    assert features_with_events(H).events is None


def test_a_forecast_knows_the_newest_dates_that_were_told_before_its_target() -> None:
    """Each origin has the columns of one snapshot alone, and of what it was told on the target's own day nothing."""
    moved = [(one + timedelta(days=3), when) for one, when in quarterly(BEFORE)]
    snapshots = [told(quarterly(BEFORE), day(100)), told([], day(180)), told(moved, day(250))]
    found, alone = rows(columns(*snapshots)), [rows(columns(one)) for one in snapshots]
    target_T = target_sessions(M.dates, CALENDAR)
    calendar = EventCalendar(tuple(snapshots), CALENDAR)
    for row, target in enumerate(target_T.tolist()):
        at = 2 if target > day(250) else 1 if target > day(180) else 0
        assert found.q_N[row] == alone[at].q_N[row]
        assert found.known_N[row] == alone[at].known_N[row]
        assert calendar.places_N(target_T[row : row + 1])[0] == at
        assert calendar.is_hindsight_N(target_T[row : row + 1])[0] == (target <= day(100))
    assert calendar.newest is snapshots[-1]
    assert EventCalendar((told(moved),), CALENDAR).is_hindsight_N(target_T).all()


def test_several_sessions_ahead_are_seen_with_what_the_origin_knows() -> None:
    events = sorted([*quarterly(UNKNOWN, 4), (day(300), AFTER), (day(304), BEFORE), (day(311), UNKNOWN)])
    found, origin = columns(told(events)), 299
    ahead = found.ahead(origin, 15)
    slow = Slow(events, M, CALENDAR)
    targets = CALENDAR.next_sessions(day(origin), 15)
    np.testing.assert_allclose(ahead.q_N, [slow.q(origin, target) for target in targets])
    assert ahead.known_N.tolist() == [slow.known(target) for target in targets]
    np.testing.assert_array_equal(ahead.ln_size_N, np.full(15, rows(found).ln_size_N[origin]))
    for name, values_N in vars(found.rows(origin, origin + 1)).items():
        assert getattr(ahead.at(0), name).tobytes() == values_N.tobytes(), name


def test_paths_know_no_dates_that_were_told_after_their_first_session() -> None:
    first = [(day(20), BEFORE), (day(303), BEFORE)]
    corrected = [(day(20), BEFORE), (day(305), BEFORE)]
    found = columns(told(first, day(10)), told(corrected, day(301)))
    assert np.flatnonzero(found.ahead(300, 10).q_N).tolist() == [2]
    assert np.flatnonzero(found.ahead(301, 10).q_N).tolist() == [3]


def test_the_echo_is_the_mean_shock_of_eight_quarters_counted_from_none() -> None:
    target_T = target_sessions(M.dates, CALENDAR)
    echo_T = seasonality_columns(M, target_T, np.zeros(len(M)))["echo_mean_4"]
    np.testing.assert_allclose(rows(columns(told(quarterly(AFTER)))).echo_N, np.clip(echo_T + 1, 0, 6))


def test_clean_features_are_those_of_bars_whose_reactions_were_as_large_as_their_month() -> None:
    f = features_with_events(replace(H, events=EventCalendar((told(quarterly(UNKNOWN)),), CALENDAR)))
    assert f.events is not None
    clean = f.events.clean(f)
    calm = features_of(replace(M, v_T=Slow(quarterly(UNKNOWN), M, CALENDAR).clean()))
    np.testing.assert_allclose(clean.har_TK, calm.har_TK, rtol=1e-9)
    np.testing.assert_allclose(clean.leverage_T, calm.leverage_T, rtol=1e-9)
    # What the network looks at, and what is scored, stay as they were.
    np.testing.assert_array_equal(clean.x_TF, features(H).x_TF)
    np.testing.assert_array_equal(clean.session_returns.r_T, M.r_T)


def test_rows_that_are_remembered_alone_are_not_counted() -> None:
    found = columns(told(quarterly(UNKNOWN)))
    later = found.without_first(40)
    for name, values_N in vars(found.rows(140, 160)).items():
        np.testing.assert_array_equal(getattr(later.rows(100, 120), name), values_N)
    np.testing.assert_array_equal(later.reacts(100, 120), found.reacts(140, 160))
    np.testing.assert_array_equal(later.ahead(100, 5).q_N, found.ahead(140, 5).q_N)


@pytest.mark.parametrize(
    ("days", "whens"),
    [(["2012-02-01", "2012-02-01"], (AFTER, AFTER)), (["2012-02-02", "2012-02-01"], (AFTER, AFTER)),
     (["2012-02-01"], ()), (["2012-02-01"], ("noon",)), (["NaT"], (AFTER,))],
)  # fmt: skip
def test_dates_that_do_not_ascend_or_have_no_hour_are_refused(days: list[str], whens: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="event"):
        EventDates(np.array(days, "datetime64[D]"), whens, "")


def test_who_told_them_makes_no_other_dates() -> None:
    events = quarterly(AFTER)
    assert told(events, date(2020, 1, 1)).tells_as(told(events))
    assert not told(events).tells_as(told(quarterly(BEFORE)))
    assert not told(events).tells_as(told(events[1:]))
    assert (told(events).days + ONE_DAY)[0] == np.datetime64(day(20, 1))


@pytest.mark.parametrize(
    "days", [(), (None, None), (None, date(2020, 1, 1)), (date(2020, 1, 2), date(2020, 1, 1)), (date(2020, 1, 1),) * 2]
)
def test_snapshots_that_are_not_in_the_order_of_their_days_are_refused(days: tuple[date | None, ...]) -> None:
    with pytest.raises(ValueError, match="order of their days"):
        EventCalendar(tuple(told(quarterly(AFTER), one) for one in days), load_calendar("weekdays", date.min, date.max))
