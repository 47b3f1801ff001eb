"""Verdict: the sentence, the figures that it rests on, and the next forecast in words."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from stockcast.evaluation.skillpath import skill
from stockcast.evaluation.verdict import LEVEL, display
from stockcast.report.figures import count, p_value, percent, price
from stockcast.report.html.blocks import Block, Card, Cards, Headline, Prose, Section
from stockcast.report.html.records import network_rows, one_step, paired

if TYPE_CHECKING:
    from stockcast.results.report import Report


def verdict_section(report: Report) -> Section:
    """What comes first, and for many readers last."""
    blocks: list[Block] = [Headline(report.result.verdict.sentence), Cards(_cards(report))]
    if report.fan:
        blocks.append(Prose(_next(report), "lead"))
    blocks.append(Prose(_reading(report), "quiet"))
    return Section("verdict", "Verdict", tuple(blocks))


def _cards(report: Report) -> tuple[Card, ...]:
    v = report.result.verdict
    strongest = Card(
        f"Skill over {display(v.strongest_baseline)}, the strongest baseline",
        percent(v.crps_skill, 1, signed=True),
        (f"p {p_value(v.dm_p)}: {_claim(v.dm_p)}", *_band(report, v.strongest_baseline)),
    )
    garch = Card(
        "Skill over GARCH-t",
        percent(v.garch_skill, 1, signed=True),
        (f"p {p_value(v.garch_p)}: {_claim(v.garch_p)}", *_band(report, "garch-t")),
    )
    rows = network_rows(report)
    of = (f"of {count(len(rows.crps), 'forecast')}",) if rows is not None else ()
    narrow = f"50 % intervals: {percent(v.coverage_50)}"
    coverage = Card("90 % intervals that held", percent(v.coverage_90), (*of, narrow))
    direction = Card(
        "Direction called right",
        percent(v.hit_rate),
        (f"p {p_value(v.direction_p)}: {_claim(v.direction_p)}", f"the price rose on {percent(v.always_up)}"),
    )
    with_garch = v.garch_skill is not None and v.strongest_baseline != "garch-t"
    return (strongest, *([garch] if with_garch else []), coverage, direction)


def _claim(p: float | None) -> str:
    return "beyond luck" if p is not None and p < LEVEL else "no evidence of skill"


def _band(report: Report, baseline: str) -> tuple[str, ...]:
    """The 90 % confidence interval of a skill, where the forecasts are there to compute it from."""
    rows, other = network_rows(report), one_step(report).get(baseline)
    if rows is None or other is None:
        return ()
    pair = paired(rows, other)
    found = skill(pair.loss_N, pair.baseline_N)
    if not isfinite(found.low):
        return ()
    return (f"90 % confidence: {percent(found.low, 1, signed=True)} to {percent(found.high, 1, signed=True)}",)


def _next(report: Report) -> str:
    first, last = report.fan[0], report.fan[-1]
    currency = f" {report.currency}" if report.currency else ""
    from_close = ""
    if report.closes:
        from_close = f" The last close is {price(report.closes[-1])}{currency} on {report.dates[-1]}."
    words = (
        f"Next session, {first.target_session}: {display(report.forecaster)} puts the close between "
        f"{price(first.quantiles[0.05])} and {price(first.quantiles[0.95])}{currency} with 90 % probability, and gives "
        f"{price(first.median)} as likely to be passed as not.{from_close}"
    )
    if len(report.fan) == 1:
        return words
    return (
        f"{words} {len(report.fan)} sessions ahead, {last.target_session}: between {price(last.quantiles[0.05])} and "
        f"{price(last.quantiles[0.95])}, median {price(last.median)}."
    )


def _reading(report: Report) -> str:
    network = display(report.result.network)
    return (
        f"Skill: how much lower the {network}'s CRPS, the error of its whole distribution, is than that of a forecast "
        "without a network; half a per cent is much. p: the chance of such a difference or a larger one if there were "
        f"none (one-sided); a claim is made below {LEVEL:g}. The strongest baseline was chosen before the forecasts "
        "that are scored here. Direction counts before any trading cost."
    )
