"""Splits: by date, in the order of time, membership by the target's session."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.config import SplitConfig
from stockcast.errors import ConfigError, DataError
from stockcast.windows.splits import MIN_TEST, MIN_TRAIN, MIN_VALIDATION, first_origin, split_by_date

DATES = np.busday_offset("2010-01-04", np.arange(1500), roll="forward")


def test_parts_hold_the_targets_between_the_dates() -> None:
    split = split_by_date(DATES, SplitConfig(date(2013, 1, 1), date(2014, 6, 2)), lookback=60)
    summary = split.summary()
    assert summary["train"].last == date(2012, 12, 31)
    assert summary["validation"].first == date(2013, 1, 1)
    assert summary["validation"].last == date(2014, 5, 30)
    assert summary["test"].first == date(2014, 6, 2)
    assert summary["test"].last == DATES[-1].astype(object)
    assert split.scored_cutoff == date(2014, 5, 30)


@given(st.integers(2, 120), st.integers(1, 10))
def test_no_target_is_in_two_parts_and_none_precedes_its_window(lookback: int, horizon: int) -> None:
    split = split_by_date(DATES, SplitConfig(), lookback, horizon)
    assert split.train.start == first_origin(lookback)
    for earlier, later in ((split.train, split.validation), (split.validation, split.test)):
        last_target, first_target = earlier.stop - 1 + horizon, later.start + 1
        assert last_target < first_target
        assert first_target == last_target + 1
    assert split.test.stop - 1 + horizon == len(DATES) - 1


def test_shares_are_seventy_fifteen_fifteen() -> None:
    split = split_by_date(DATES, SplitConfig(), lookback=60)
    assert len(split.test) == pytest.approx(0.15 * len(DATES), abs=1)
    assert len(split.validation) == pytest.approx(0.15 * len(DATES), abs=1)


def test_one_date_leaves_the_other_to_the_shares() -> None:
    split = split_by_date(DATES, SplitConfig(test_from=date(2014, 6, 2)), lookback=60)
    assert split.summary()["test"].first == date(2014, 6, 2)
    assert len(split.validation) == pytest.approx((split.test.start + 1) * 15 / 85, abs=1)
    split = split_by_date(DATES, SplitConfig(validate_from=date(2013, 1, 1)), lookback=60)
    assert split.summary()["validation"].first == date(2013, 1, 1)
    assert len(split.test) == pytest.approx(len(split.validation), abs=1)


@given(st.integers(0, 900))
def test_a_history_is_split_or_refused_with_the_number_it_needs(sessions: int) -> None:
    if sessions < 475:
        with pytest.raises(DataError, match="too few"):
            split_by_date(DATES[:sessions], SplitConfig(), lookback=60)
        return
    split = split_by_date(DATES[:sessions], SplitConfig(), lookback=60)
    assert len(split.train) >= MIN_TRAIN
    assert len(split.validation) >= MIN_VALIDATION
    assert len(split.test) >= MIN_TEST


def test_dates_outside_the_history_and_out_of_order_are_refused() -> None:
    for outside in (SplitConfig(test_from=date(2009, 1, 1)), SplitConfig(validate_from=date(2030, 1, 1))):
        with pytest.raises(ConfigError, match="outside the history"):
            split_by_date(DATES, outside, lookback=60)
    with pytest.raises(ConfigError, match="not before"):
        SplitConfig(date(2014, 1, 1), date(2013, 1, 1))


def test_a_part_that_is_too_small_is_named() -> None:
    with pytest.raises(DataError, match="test part has 5 sessions"):
        split_by_date(DATES, SplitConfig(date(2013, 1, 1), DATES[-5].astype(object)), lookback=60)


@given(st.integers(1, 4000), st.integers(1, 10), st.booleans())
def test_a_test_part_that_begins_after_the_last_row_is_empty(days: int, horizon: int, dated: bool) -> None:
    test_from = (DATES[-1] + np.timedelta64(days, "D")).astype(object)
    split = split_by_date(DATES, SplitConfig(date(2013, 1, 1) if dated else None, test_from), 60, horizon)
    assert len(split.test) == 0
    assert split.validation.stop - 1 + horizon == len(DATES) - 1
    assert split.whole.stop == len(DATES) - 1
    assert len(split.train) >= MIN_TRAIN
    assert len(split.validation) >= MIN_VALIDATION
    assert split.scored_cutoff == DATES[-1].astype(object)


def test_an_empty_test_part_leaves_the_others_what_they_have_to_be() -> None:
    last = date(2016, 1, 1)
    with pytest.raises(DataError, match="validation part has 5 sessions"):
        split_by_date(DATES, SplitConfig(DATES[-5].astype(object), last), lookback=60)
