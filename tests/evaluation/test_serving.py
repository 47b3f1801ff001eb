"""Serving: who makes the forecasts, by losses whose tests can be worked out by hand."""

from __future__ import annotations

from dataclasses import asdict, replace
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from stockcast.evaluation.scores import Comparison
from stockcast.evaluation.serving import WORSE, Choice, choice, choice_of, pooled_choice
from stockcast.evaluation.verdict import display, sentence_of
from stockcast.prices.history import Floats

N = 400


def losses(gap: float, n: int = N) -> Floats:
    """Losses whose differences to 1 have the mean `gap`, and the deviation 1 in blocks of 40: sums that change slowly
    enough for every lag of the test to have weight.
    """
    return 1.0 + gap + np.where(np.arange(n) // 40 % 2 == 0, 1.0, -1.0)


def p_of(gap: float, n: int = N) -> float:
    """Of `losses` against 1: a square wave of period 80, whose autocovariance falls linearly, worked out by hand.

    At lag l of blocks of 40, (40 - l) of 40 pairs within a block agree and l disagree, but for the end of the series.
    """
    wave = np.where(np.arange(n) // 40 % 2 == 0, 1.0, -1.0)
    lags = sum((1 - lag / 11) * 2 * sum(wave[i] * wave[i - lag] for i in range(lag, n)) / n for lag in range(1, 11))
    return float(t.cdf(-gap / sqrt((1.0 + lags) / n) * sqrt((n - 1) / n), n - 1))


BORDER = next(gap for gap in np.arange(0.01, 1.0, 0.005) if p_of(gap) < WORSE)
"""The smallest of some gaps that is significant."""


def of(gap: float, proven: bool, **others: float) -> Choice:
    """A network that is behind HAR-t by `gap` on average; others by their constant loss."""
    crps = {"lstm": losses(gap), "har-t": np.ones(N)} | {k.replace("_", "-"): np.full(N, v) for k, v in others.items()}
    return choice("lstm", crps, proven)


def test_a_proven_network_that_is_significantly_worse_gives_way_to_har() -> None:
    found = of(BORDER, True)
    assert (found.served_by, found.because, found.rival) == ("har-t", "worse", "har-t")
    assert found.p == pytest.approx(p_of(BORDER), rel=1e-9)
    assert found.p < 0.05


def test_a_proven_network_that_is_behind_by_luck_is_served() -> None:
    found = of(BORDER - 0.005, True)
    assert (found.served_by, found.because, found.rival) == ("lstm", "not worse", "har-t")
    assert found.p == pytest.approx(p_of(BORDER - 0.005), rel=1e-9)
    assert found.p >= 0.05


def test_a_network_from_scratch_has_to_be_ahead_whatever_luck_says() -> None:
    assert of(0.001, False) == Choice("har-t", "not ahead", "har-t")
    assert of(-0.001, False) == Choice("lstm", "ahead", "har-t")
    assert of(0.0, False).served_by == "har-t"  # the simpler one of two alike
    assert of(-0.001, False, ewma_t=0.9) == Choice("ewma-t", "not ahead", "ewma-t")


def test_har_takes_the_place_of_a_proven_network_whichever_baseline_is_strongest() -> None:
    assert of(BORDER, True, drift=0.5).served_by == "har-t"
    behind = of(-0.1, True, drift=0.5)
    assert (behind.served_by, behind.because) == ("lstm", "not worse")
    assert behind.p == pytest.approx(p_of(-0.1))


def test_har_that_knows_dates_is_asked_first() -> None:
    found = of(0.0, True, har_t_events=1.0 - BORDER)
    assert (found.served_by, found.rival) == ("har-t-events", "har-t-events")
    assert of(BORDER, True, har_t_events=1.0 + BORDER).served_by == "lstm"


def test_without_har_it_is_the_strongest_baseline() -> None:
    crps = {"lstm": losses(BORDER), "ewma-t": np.ones(N), "drift": np.full(N, 3.0)}
    assert choice("lstm", crps, True).served_by == "ewma-t"
    assert choice("lstm", crps | {"lstm": losses(BORDER - 0.005)}, True).served_by == "lstm"


@given(st.lists(st.floats(0.5, 1.5), min_size=30, max_size=60), st.integers(0, 100))
def test_who_earns_it_is_served_with_proof_as_well(network: list[float], seed: int) -> None:
    n = len(network)
    crps = {"lstm": np.array(network), "har-t": np.random.default_rng(seed).uniform(0.5, 1.5, n), "drift": np.ones(n)}
    earned, given_ = choice("lstm", crps, False), choice("lstm", crps, True)
    if earned.served_by == "lstm":
        assert given_.served_by == "lstm"
    assert given_.served_by in {"lstm", "har-t"}
    assert choice_of(asdict(given_)) == given_


def test_har_takes_a_pool_over_only_where_it_was_better_than_the_network() -> None:
    tickers = [{"lstm": 1.0, "har-t": 1.1, "garch-t": 0.9}, {"lstm": 20.0, "har-t": 19.0, "garch-t": 19.0}]
    assert pooled_choice("lstm", tickers, "garch-t") == Choice("lstm", "not worse", "har-t")
    assert pooled_choice("lstm", tickers, "har-t") == Choice("lstm", "ahead", "har-t")  # 1/1.1 + 20/19 < 2
    tickers[0]["har-t"] = 0.95
    assert pooled_choice("lstm", tickers, "garch-t") == Choice("har-t", "not ahead", "garch-t")
    assert pooled_choice("lstm", [{"lstm": 1.0, "ewma-t": 0.9}], "ewma-t").served_by == "har-t"


def test_forecasts_that_are_alike_are_no_evidence() -> None:
    same = choice("lstm", {"lstm": np.ones(N), "har-t": np.ones(N)}, True)
    assert (same.served_by, same.p) == ("lstm", 1.0)


AGAINST = Comparison("FAKE", "lstm", "har-t", 0.003, 0.2)
BEHIND = " The LSTM did not beat HAR-t on the validation part"
TAUGHT = "(p = 0.21), and many stocks have taught it, so it makes the forecasts."
DATED = display("har-t-events")
WORSE_THAN = " The LSTM, which many stocks have taught, was significantly worse than HAR-t on the validation part"


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (Choice("lstm", "ahead", "har-t"), ""),
        (Choice("lstm", "ahead", "har-t", 0.8), ""),
        (Choice("har-t", "not ahead", "har-t"), f"{BEHIND}, so HAR-t makes the forecasts."),
        (Choice("lstm", "not worse", "har-t", 0.21), f"{BEHIND}, but was not significantly worse {TAUGHT}"),
        (
            Choice("lstm", "not worse", "har-t-events", 0.21),
            f"{BEHIND}, but was not significantly worse than {DATED} {TAUGHT}",
        ),
        (Choice("har-t", "worse", "har-t", 0.004), f"{WORSE_THAN} (p = 0.004), so HAR-t makes the forecasts."),
    ],
)
def test_the_sentence_says_which_rule_spoke(chosen: Choice, says: str) -> None:
    sentence = sentence_of(AGAINST, None, 0.5, chosen)
    plain = sentence_of(AGAINST, None, 0.5, replace(chosen, because="ahead"))
    assert sentence == plain + says
    quiet = sentence_of(AGAINST, None, 0.5, chosen, serves=False)
    assert quiet == plain + (says.rsplit(", so", 1)[0] + "." if says else "")
