"""The verdict: what a backtest allows to be said about a model, in one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping

from stockcast.evaluation.backtest import Entry
from stockcast.evaluation.significance import diebold_mariano, pesaran_timmermann
from stockcast.results.training import Comparison, Verdict

LEVEL = 0.05
"""Skill is claimed below this one-sided p-value, and not above."""

_DISPLAY = {
    "random-walk": "the random walk",
    "random-walk-gaussian": "the Gaussian random walk",
    "random-walk-t": "the Student-t random walk",
    "drift": "drift",
    "mean": "the historical mean",
    "ar1": "AR(1)",
    "ewma-gaussian": "EWMA-Gaussian",
    "ewma-t": "EWMA-t",
    "har-t": "HAR-t",
    "garch-t": "GARCH-t",
    "gjr-garch-t": "GJR-GARCH-t",
    "fhs-garch": "FHS-GARCH",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn": "RNN",
}


def display(name: str) -> str:
    """A competitor's name as a sentence writes it."""
    return _DISPLAY.get(name, name)


def verdict(
    network: Entry, baselines: Mapping[str, Entry], validation_crps: Mapping[str, float], serves: bool = True
) -> Verdict:
    """Judge the network on the test part, against the baseline that was strongest on the validation part.

    validation_crps: mean CRPS by competitor on the validation part. It alone names the strongest baseline and whether
    the network or that baseline is served; the test part only judges. serves: the sentence says who makes forecasts.
    """
    strongest = min(baselines, key=lambda name: validation_crps[name])
    served_by = network.model if validation_crps[network.model] < validation_crps[strongest] else strongest
    against = network.compare(baselines[strongest])
    garch = network.compare(baselines["garch-t"]) if "garch-t" in baselines else None
    o, score = network.outcomes, network.score()
    naive_error_N = abs(o.price_N - o.last_close_N)
    direction_p = pesaran_timmermann(o.y_N, network.up_N).p_value
    return Verdict(
        sentence=sentence_of(network.model, strongest, against, garch, direction_p, served_by, serves),
        strongest_baseline=strongest,
        crps_skill=against.crps_skill,
        dm_p=against.dm_p,
        garch_skill=garch.crps_skill if garch else None,
        garch_p=garch.dm_p if garch else None,
        point_ratio=score.mae_ratio,
        point_p=diebold_mariano(network.absolute_error_N, naive_error_N).p_value,
        hit_rate=score.hit_rate,
        always_up=score.always_up,
        direction_p=direction_p,
        coverage_50=score.coverage_50,
        coverage_90=score.coverage_90,
        served_by=served_by,
    )


def sentence_of(
    network: str, strongest: str, against: Comparison, garch: Comparison | None, direction_p: float, served_by: str,
    serves: bool,
) -> str:  # fmt: skip
    """The verdict in words. serves: say who makes the forecasts where that is not the network."""
    sentence = f"{_intervals(strongest, against, garch)} {_direction(direction_p)}"
    if served_by != network:
        sentence += f" The {display(network)} did not beat {display(strongest)} on the validation part"
        sentence += f", so {display(served_by)} makes the forecasts." if serves else "."
    return sentence


def _intervals(strongest: str, against: Comparison, garch: Comparison | None) -> str:
    claimed = against.dm_p < LEVEL
    if claimed:
        text = f"Intervals: better than the strongest baseline ({display(strongest)}) by {_figures(against)}"
    else:
        text = f"Intervals: no evidence of skill over the strongest baseline ({display(strongest)}; {_signed(against)})"
    if garch is None or strongest == "garch-t":
        return text + "."
    if garch.dm_p < LEVEL:
        return f"{text}{' and than' if claimed else ', though better than'} GARCH by {_figures(garch)}."
    return f"{text}{', but no evidence of skill' if claimed else ', nor'} over GARCH ({_signed(garch)})."


def _direction(p: float) -> str:
    if p < LEVEL:
        return f"Price direction: called better than by luck ({_p(p)}), before any trading cost."
    return f"Price direction: no evidence of skill ({_p(p)})."


def _figures(c: Comparison) -> str:
    return f"{100 * c.crps_skill:.1f} % ({_p(c.dm_p)})"


def _signed(c: Comparison) -> str:
    return f"{100 * c.crps_skill:+.1f} %, {_p(c.dm_p)}"


def _p(p: float) -> str:
    """A p-value with the digits that say something; never rounded across the level."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.01 or LEVEL - 0.005 <= p < LEVEL + 0.005 else f"p = {p:.2f}"
