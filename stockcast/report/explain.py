"""An explanation as a page for the terminal, and as JSON."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log
from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import plain
from stockcast.report.drawing import shade_legend, signed_bar, signed_shade, sparkline
from stockcast.report.featurewords import meaning
from stockcast.report.figures import count, number, percent
from stockcast.report.gatewords import GATES, KEEPING
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from stockcast.results.explanation import Attribution, Explanation, FeatureEffect, GateReading, UnitReading, Width

_TINY = 5e-5
_LEAST_MAPPED = 9
_MOST_LISTED, _LISTED = 25, 20
_BAR, _NARROW_BAR, _NARROW = 12, 5, 70

_TERMS = {
    "range_1": "range of the last session",
    "range_5": "range of the week",
    "range_22": "range of the month",
    "range_250": "range of the year",
    "leverage": "fall of the last session",
}
_SYMBOLS = (
    "In the equations x_t is what session t brings, h_{t-1} what the layer showed the session before; W, U and b are "
    "learnt; sigmoid turns any number into a share between 0 and 1, tanh into one between -1 and 1; * is unit by unit."
)
_TARGETS = {
    "scale": ("widens", "narrows", "hundredths of the log of the width: +1 is about 1 % wider"),
    "location": ("raises", "lowers", "hundredths of the base scale"),
    "nu": ("thins", "fattens", "hundredths of the log of the degrees of freedom above 2.05"),
}


def explain_data(result: Explanation) -> dict[str, Any]:
    """`data` of `explain`: the subject's fields, then each part by name."""
    data: dict[str, Any] = plain(result)
    subject: dict[str, Any] = data.pop("subject")
    return {**subject, **data}


def explain_text(result: Explanation, page: Page) -> str:
    """What `explain` shows: a sentence, the width, the features, the sessions, the gates, and what this is not."""
    items: list[RenderableType] = [paragraph(lead(result), page), paragraph(_facts(result), page)]
    items += [heading("\nWhere the width comes from"), *_width(result.width, page)]
    items += [heading("\nFeatures, the most important first"), *_features(result.attribution, page)]
    items += [heading("\nSessions of the window"), *_lags(result.attribution, page)]
    items += [heading(f"\nInside the {result.subject.cell.upper()}"), *_gates(result, page)]
    items += [heading("\nHow far to trust this"), *(paragraph(words, page) for words in _caveats(result))]
    return render(items, page)


def lead(result: Explanation) -> str:
    """One sentence: what the network does to the base scale's forecast, and which features do it."""
    attribution, target = result.attribution, result.subject.target_session
    up, down, _ = _TARGETS[attribution.target]
    what = "the tails" if attribution.target == "nu" else "it"
    moves = sorted(attribution.features, key=lambda feature: feature.effect)
    parts = []
    if moves and moves[-1].effect > _TINY:
        parts.append(f"{moves[-1].name} {up} {what} most ({percent(moves[-1].effect, 1, True)})")
    if moves and moves[0].effect < -_TINY:
        parts.append(f"{moves[0].name} {down} {what} most ({percent(moves[0].effect, 1, True)})")
    if attribution.correction < 0:
        parts.reverse()
    if abs(attribution.average) > max(_TINY, *(abs(feature.effect) for feature in moves)):
        parts.append(f"most is there whatever the window holds ({percent(attribution.average, 1, True)})")
    if not parts:
        return f"{_headline(result, target.isoformat())}: nothing in the window moves it."
    return f"{_headline(result, target.isoformat())}: {', '.join(parts)}."


def _headline(result: Explanation, target: str) -> str:
    attribution = result.attribution
    if attribution.target == "scale":
        change = exp(result.width.network_effect) - 1.0
        return f"The network makes the interval for {target} {_compared(change, 'wider', 'narrower')} the base scale's"
    if attribution.target == "location":
        change = attribution.correction
        return (
            f"The network moves the centre of the forecast for {target} by {percent(change, 2, True)} of a base scale"
        )
    change = exp(attribution.correction) - 1.0
    more = "more" if change > 0 else "fewer"
    return (
        f"The network gives the forecast for {target} {percent(abs(change))} {more} degrees of freedom above 2.05 than "
        "the base scale has"
    )


def _compared(change: float, more: str, less: str) -> str:
    if abs(change) < 0.0005:
        return "as wide as"
    return f"{percent(abs(change))} {more if change > 0 else less} than"


def _facts(result: Explanation) -> str:
    s = result.subject
    facts = (
        f"{s.ticker} from {s.origin}; model {s.model} ({s.cell}, {count(s.members, 'member')}, "
        f"learnt up to {s.cutoff}); {result.attribution.method.replace('-', ' ')}."
    )
    if s.served_by == s.cell:
        return facts
    return f"{facts} predict serves {s.served_by}: the network's correction is not in that forecast."


def _width(width: Width, page: Page) -> list[RenderableType]:
    rows = [(_TERMS.get(term.name, term.name), term.effect) for term in width.terms]
    rows.append(("the network's correction", width.network_effect))
    half = _half(page)
    largest = max(abs(effect) for _, effect in rows)
    columns = [Column("what", right=False), Column("effect"), Column("", rank=1, right=False)]
    drawn = table(columns, [[name, _points(e), signed_bar(e, largest, half, page)] for name, e in rows], page)
    words = (
        f"Usual scale {percent(width.usual, 2)} of the price; with today's ranges {percent(width.base, 2)} (the base "
        f"scale, HAR); with the network {percent(width.scale, 2)}. Of what is unusual about today's width, the base "
        f"scale has {percent(width.base_share, 0)} and the network {percent(width.network_share, 0)}."
    )
    bound = (
        ["The network asked for more than it is allowed to: its correction is at the bound."] if width.limited else []
    )
    return [drawn, *(paragraph(sentence, page) for sentence in (words, *bound))]


def _features(attribution: Attribution, page: Page) -> list[RenderableType]:
    columns = [
        Column("", right=False),
        Column("feature", right=False),
        Column("today", rank=3),
        Column("effect"),
        Column("", rank=1, right=False),
        Column("share", rank=2),
        Column("meaning", rank=4, right=False),
    ]
    largest = max((abs(feature.effect) for feature in attribution.features), default=0.0)
    letters = _letters(attribution)
    listed = _listed(attribution)
    rows = [_feature_row(letters[f.name], f, largest, page) for f in listed]
    if len(listed) < len(attribution.features):
        rows.append(_others_row(attribution.features[len(listed) :]))
    memory = sum(feature.effect for feature in attribution.features) - attribution.direct
    words = (
        f"effect: {_TARGETS[attribution.target][2]}. today: standard deviations from the training mean. share: of all "
        f"that pushes either way. Straight from the last session's features: {_points(attribution.direct)}; through "
        f"the memory: {_points(memory)}."
    )
    return [table(columns, rows, page), paragraph(words, page), paragraph(_sum(attribution), page)]


def _sum(attribution: Attribution) -> str:
    """How the effects add up, or that they do not."""
    effects = sum(feature.effect for feature in attribution.features)
    parts = (_points(value) for value in (attribution.correction, attribution.average, effects))
    words = "Correction {} = average {} + effects {}".format(*parts)
    if abs(attribution.remainder) < _TINY:
        return f"{words}."
    return f"{words} + what no single value accounts for {_points(attribution.remainder)}."


def _feature_row(letter: str, f: FeatureEffect, largest: float, page: Page) -> list[str]:
    bar = signed_bar(f.effect, largest, _half(page), page)
    return [letter, f.name, f"{f.value:+.1f}", _points(f.effect), bar, percent(f.share, 0), meaning(f.name)]


def _others_row(others: Sequence[FeatureEffect]) -> list[str]:
    """Those that matter least, together."""
    effect, share = sum(f.effect for f in others), sum(f.share for f in others)
    return ["", f"{len(others)} others", "", _points(effect), "", percent(share, 0), "all of them: --json"]


def _lags(attribution: Attribution, page: Page) -> list[RenderableType]:
    sizes = [lag.size for lag in reversed(attribution.lags)]
    line = sparkline(sizes, page, page.width)
    busiest = max(attribution.lags, key=lambda lag: lag.size)
    words = (
        f"Size of the effects, {attribution.sessions[0]} to {attribution.sessions[-1]}; the largest share, "
        f"{percent(busiest.share, 0)}, is {busiest.session}'s{_ago(busiest.lag)}."
    )
    up, down, _ = _TARGETS[attribution.target]
    count_shown = len(_mapped(attribution, page))
    first, row = "", "the row"
    if count_shown < len(attribution.features):
        first, row = f", the first {count_shown}", "all features"
    legend = (
        f"Columns: the features above by letter{first}. + {up}, - {down}; {shade_legend(page)} from nothing to the "
        f"largest of the table. sum: effect of {row}."
    )
    return [line, paragraph(words, page), "", _heat_map(attribution, page), paragraph(legend, page)]


def _heat_map(attribution: Attribution, page: Page) -> Table:
    shown = _mapped(attribution, page)
    order = [attribution.names.index(feature.name) for feature in shown]
    newest_first = attribution.effects[::-1]
    groups = _groups(len(newest_first))
    every = [sum(sum(row) for row in newest_first[a:b]) for a, b in groups]
    sums = [[sum(row[f] for row in newest_first[a:b]) for f in order] for a, b in groups]
    largest = max(abs(value) for row in sums for value in row)
    letters = _letters(attribution)
    columns = [Column("sessions ago")] if page.width >= _NARROW else [Column("ago")]
    columns += [Column(letters[feature.name]) for feature in shown]
    columns.append(Column("sum", rank=1))
    rows = [
        [_span(a, b), *(signed_shade(value, largest, page) for value in row), _points(total)]
        for (a, b), row, total in zip(groups, sums, every, strict=True)
    ]
    return table(columns, rows, page)


def _groups(lookback: int) -> list[tuple[int, int]]:
    """Lags in groups that widen into the past: 0, 1, 2, 3-4, 5-9, 10-19, 20-39, ..."""
    edges = [0, 1, 2, 3]
    step = 5
    while edges[-1] < lookback:
        edges.append(step)
        step *= 2
    edges = [edge for edge in edges if edge < lookback] + [lookback]
    return list(pairwise(edges))


def _span(start: int, stop: int) -> str:
    return str(start) if stop == start + 1 else f"{start}-{stop - 1}"


def _gates(result: Explanation, page: Page) -> list[RenderableType]:
    first, last = result.attribution.sessions[0], result.attribution.sessions[-1]
    depth = max(reading.layer for reading in result.gates)
    items: list[RenderableType] = [
        paragraph(
            f"Mean over all units of {count(result.subject.members, 'member')}, {first} to {last}, each line between "
            "its own lowest and highest. States and candidates as sizes: the sign of a unit is arbitrary.",
            page,
        ),
        paragraph(_SYMBOLS, page),
    ]
    for reading in result.gates:
        layer = f", layer {reading.layer} of {depth}" if depth > 1 else ""
        items += _gate(reading, result.subject.cell, layer, page)
    items += [
        f"{_unit_name(unit, depth)} {sparkline(unit.values, page, max(page.width - 40, 8))} "
        f"{number(min(unit.values), 2)} .. {number(max(unit.values), 2)}"
        for unit in result.units
    ]
    return items


def _unit_name(unit: UnitReading, depth: int) -> str:
    return f"{f'layer {unit.layer} ' if depth > 1 else ''}member {unit.member} unit {unit.unit}"


def _gate(reading: GateReading, cell: str, layer: str, page: Page) -> list[RenderableType]:
    title, what, how = GATES[cell, reading.name]
    extremes = (
        f"lowest {number(min(reading.values), 2)} on {reading.lowest}, highest {number(max(reading.values), 2)} on "
        f"{reading.highest}, mean {number(reading.mean, 2)}"
    )
    words = [what, how]
    if KEEPING.get(cell) == reading.name and 0.0 < reading.mean < 1.0:
        words.append(
            f"At the mean of {number(reading.mean, 2)}, half of a memory is gone after "
            f"{number(log(0.5) / log(reading.mean), 1)} sessions."
        )
    return [
        heading(f"\n{title}{layer}"),
        sparkline(reading.values, page, page.width),
        paragraph(extremes, page),
        paragraph(" ".join(words), page),
    ]


def _caveats(result: Explanation) -> list[str]:
    words = [
        "This explains the network, not the market: what moved a forecast need not move the price.",
        "Features that say much the same share one effect; who gets which part of it hangs on the training's seeds.",
        "Effects are against a window of training means, which is no window that ever was.",
        "A gate's mean over units hides that units differ: --units GATE shows each.",
        "What a ticker's live record adds to its interval, or takes from it, comes after the network and is not here.",
    ]
    if result.attribution.method == "occlusion":
        words[1:1] = ["Occlusion blanks one value at a time: what two values do only together is left out."]
    return words


def _letters(attribution: Attribution) -> dict[str, str]:
    return {f.name: _letter(k) for k, f in enumerate(attribution.features)}


def _letter(place: int) -> str:
    """a to z, then aa, ab and so on: covariates bring many features."""
    return (_letter(place // 26 - 1) if place >= 26 else "") + chr(ord("a") + place % 26)


def _listed(attribution: Attribution) -> tuple[FeatureEffect, ...]:
    """The features with a line of their own: all of them, or of very many the most important ones."""
    return attribution.features if len(attribution.features) <= _MOST_LISTED else attribution.features[:_LISTED]


def _mapped(attribution: Attribution, page: Page) -> tuple[FeatureEffect, ...]:
    """The features that the heat map has room for, the most important ones."""
    return _listed(attribution)[: max(_LEAST_MAPPED, (page.width - 22) // 5)]


def _half(page: Page) -> int:
    return _BAR if page.width >= _NARROW else _NARROW_BAR


def _points(effect: float) -> str:
    """In hundredths, with a sign."""
    return f"{100.0 * effect:+.2f}" if abs(effect) >= _TINY else "0.00"


def _ago(lag: int) -> str:
    return "" if lag == 0 else f", {count(lag, 'session')} ago"
