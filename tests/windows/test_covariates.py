"""Covariates: the newest session that was over, against a search over instants, and nothing of later bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.evaluation.audit import CHANGES
from stockcast.prices.csvfile.knowndates import KnownDates
from stockcast.prices.history import Dates, History
from stockcast.prices.hours import Closing, TradingHours, load_hours
from stockcast.prices.sessions import load_calendar
from stockcast.windows.covariates import (
    COLUMNS,
    KNOWN_NAMES,
    LEAST,
    Covariate,
    Covariates,
    CovariatesRecord,
    extended,
    group_of,
    groups_of,
)
from stockcast.windows.features import BURN_IN, features
from tests import synthetic

FIRST, LAST = date(2012, 1, 3), date(2014, 12, 31)
CALENDAR = load_calendar("XNYS", FIRST, LAST)
HISTORY = synthetic.history(400)
NEW_YORK, LONDON, TOKYO, CBOE = (
    Closing(name, load_hours(name, FIRST, LAST)) for name in ("XNYS", "XLON", "XTKS", "XCBF")
)


def covariate(closing: Closing, name: str = "IDX", sessions: int = 400, seed: int = 5) -> Covariate:
    return Covariate(name, f"/{name}.csv", synthetic.history(sessions, seed=seed, ticker=name), closing)


def seen(one: Covariate, series: Closing, dates: Dates) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return one.on(dates, series)


def test_the_columns_are_those_of_its_own_bars_and_of_its_level() -> None:
    one = covariate(NEW_YORK)
    f = features(one.history)
    assert one.names == tuple(f"IDX:{column}" for column in COLUMNS)
    own = f.x_TF[BURN_IN:, [f.names.index(name) for name in COLUMNS[:-1]]]
    assert one.values_DC[:, :-1].tobytes() == np.ascontiguousarray(own).tobytes()
    ln_close = np.log(one.history.adjusted_close)
    level = [ln_close[t] - ln_close[max(0, t - 249) : t + 1].mean() for t in range(BURN_IN + 1, 400)]
    np.testing.assert_allclose(one.values_DC[:, -1], level, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("closing", "series", "sessions_before"),
    [(TOKYO, NEW_YORK, 0), (NEW_YORK, TOKYO, 1), (NEW_YORK, LONDON, 1), (CBOE, NEW_YORK, 1), (NEW_YORK, NEW_YORK, 0)],
)
def test_an_origin_sees_the_newest_session_that_was_over(
    closing: Closing, series: Closing, sessions_before: int
) -> None:
    one = covariate(closing)
    rows = seen(one, series, one.history.dates)
    first = BURN_IN + 1 + sessions_before
    assert (rows[:first] == 0).all()
    assert rows[first:].tobytes() == one.values_DC[: len(rows) - first].tobytes()


def test_a_covariate_that_pauses_or_ends_is_carried_forward() -> None:
    one = covariate(NEW_YORK)
    kept = np.r_[0:100, 110:200]
    short = replace(one, history=_taken(one.history, kept))
    rows = seen(short, NEW_YORK, HISTORY.dates)
    assert (rows[99:110] == rows[99]).all()
    assert (rows[199:] == rows[199]).all()
    assert not (rows[110] == rows[99]).all()


CLOCKS = st.sampled_from(["09:30", "13:00", "15:15", "16:00", "16:15", "20:00", "24:00"])
HOURS = st.builds(
    lambda zone, close: TradingHours(zone, ((None, close),)),
    st.sampled_from(["America/New_York", "Europe/London", "Asia/Tokyo", "Pacific/Auckland", "UTC"]),
    CLOCKS,
)
SUBSETS = st.lists(st.booleans(), min_size=120, max_size=120)


@settings(max_examples=40)
@given(HOURS, HOURS, SUBSETS, SUBSETS)
def test_alignment_is_what_a_search_over_all_instants_finds(
    own: TradingHours, series: TradingHours, traded: list[bool], asked: list[bool]
) -> None:
    """Whatever the holidays of either, in winter and in summer: nothing over is missed, nothing running is seen."""
    kept = np.flatnonzero(traded)
    if len(kept) < LEAST:
        return
    one = covariate(Closing("A", own), sessions=120)
    one = replace(one, history=_taken(one.history, kept))
    origins = HISTORY.dates[np.flatnonzero(asked)]
    rows = seen(one, Closing("B", series), origins)
    closes: list[tuple[date, datetime]] = [(day, own.close_of(day)) for day in one.dates_D.tolist()]
    for row, origin in zip(rows, origins.tolist(), strict=True):
        end = series.close_of(origin)
        over = [at for at, (day, close) in enumerate(closes) if close <= end and day <= origin]
        expected = one.values_DC[over[-1]] if over else np.zeros(len(COLUMNS))
        assert row.tobytes() == expected.tobytes()


@pytest.mark.parametrize("change", list(CHANGES.values()), ids=list(CHANGES))
@pytest.mark.parametrize(
    ("closing", "series"), [(NEW_YORK, NEW_YORK), (NEW_YORK, LONDON), (TOKYO, NEW_YORK), (CBOE, NEW_YORK)]
)
def test_bars_that_an_origin_cannot_know_change_no_byte_of_its_columns(
    closing: Closing, series: Closing, change: Callable[[History, int], History]
) -> None:
    covariates = Covariates(series, (covariate(closing), covariate(closing, "OTHER", 380, 9)))
    f = extended(features(HISTORY), CALENDAR, (), None, covariates)
    for row in (50, 200, 350):
        session = f.session_returns.dates[row].astype(object)
        changed = covariates.changed(change, session)
        g = extended(features(HISTORY), CALENDAR, (), None, changed)
        assert g.x_TF[: row + 1].tobytes() == f.x_TF[: row + 1].tobytes()
        assert g.x_TF[row + 2 :].tobytes() != f.x_TF[row + 2 :].tobytes()


def test_columns_follow_the_own_ones_and_know_their_group() -> None:
    days = np.array(["2012-05-01"], dtype="datetime64[D]")
    covariates = Covariates(NEW_YORK, (covariate(NEW_YORK), covariate(NEW_YORK, "^VIX")), KnownDates(days))
    own = features(HISTORY)
    f = extended(own, CALENDAR, {"days"}, None, covariates)
    names = [f"{name}:{column}" for name in ("IDX", "^VIX") for column in COLUMNS]
    assert f.names[len(own.names) + 4 :] == (*names, *KNOWN_NAMES)
    assert np.isfinite(f.x_TF).all()
    assert {group_of(name) for name in names} == {"covariates"}
    assert groups_of(f.names) == {"own", "days", "covariates", "known"}
    assert f.schedule is not None
    assert covariates.names == ("IDX", "^VIX", "known dates")


def test_known_dates_are_those_of_the_ticker() -> None:
    days = np.array(["2012-05-01", "2012-05-08"], dtype="datetime64[D]")
    covariates = Covariates(NEW_YORK, (), KnownDates(days, ("AAPL", "MSFT")))
    f = extended(features(HISTORY), CALENDAR, (), None, covariates.of("aapl"))
    events = f.session_returns.dates[f.x_TF[:, f.names.index("known:before")] == 1]
    assert events.tolist() == [date(2012, 5, 1)]


def test_a_record_remembers_places_and_hashes() -> None:
    one = covariate(NEW_YORK)
    days = np.array(["2012-05-01"], dtype="datetime64[D]")
    record = CovariatesRecord.of(Covariates(LONDON, (one,), KnownDates(days, (), "/earnings.csv")))
    assert record.names == ("IDX", "known dates")
    assert (record.series[0].source, record.series[0].sha256) == ("/IDX.csv", one.history.sha256())
    assert record.known_ahead is not None
    assert record.known_ahead[0] == "/earnings.csv"


def _taken(h: History, kept: np.ndarray[tuple[int], np.dtype[np.intp]]) -> History:
    columns = ("dates", "open", "high", "low", "close", "adjusted_close", "volume")
    return replace(h, **{name: getattr(h, name)[kept] for name in columns})


def test_a_day_has_one_close_in_every_zone() -> None:
    """What the search over instants rests on: closes of one exchange follow one another as dates do."""
    for closing in (NEW_YORK, LONDON, TOKYO, CBOE):
        assert closing.hours is not None
        closes = [closing.hours.close_of(FIRST + timedelta(days=k)) for k in range(900)]
        assert closes == sorted(set(closes))
