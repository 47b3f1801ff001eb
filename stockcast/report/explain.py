"""An explanation as a page for the terminal."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log
from typing import TYPE_CHECKING, NamedTuple

from stockcast.report.forecast import event_words
from stockcast.report.tables import Column, Table, count, number, percent
from stockcast.report.text import (
    Block,
    Heading,
    Line,
    Page,
    render,
    shade_legend,
    signed_bar,
    signed_shade,
    sparkline,
)
from stockcast.report.words import GATE_WORDS, KEEPING, meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stockcast.explanation import Attribution, Explanation, FeatureEffect, GateReading, UnitReading, Width

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


def explain_text(result: Explanation, page: Page) -> str:
    """What `explain` shows: a sentence, the width, the features, the sessions, the gates, and what this is not."""
    blocks: list[Block] = [lead(result), _facts(result)]
    blocks += [Heading("\nWhere the width comes from"), *_width(result.width, page), *_report(result)]
    blocks += [Heading("\nFeatures, the most important first"), *_features(result.attribution, page)]
    blocks += [Heading("\nSessions of the window"), *_lags(result.attribution, page)]
    blocks += [Heading(f"\nInside the {result.subject.cell.upper()}"), *_gates(result, page)]
    blocks += [Heading("\nHow far to trust this"), *_caveats(result)]
    return render(blocks, page)


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
        f"trained to {s.cutoff}); {result.attribution.method.replace('-', ' ')}."
    )
    if s.served_by == s.cell:
        return facts
    return f"{facts} predict serves {s.served_by}: the network's correction is not in that forecast."


def _width(width: Width, page: Page) -> list[Block]:
    terms = [(_TERMS.get(term.name, term.name), term.effect) for term in width.terms]
    terms.append(("the network's correction", width.network_effect))
    if width.event_effect:
        terms.append(("the dates of reports", width.event_effect))
    columns: tuple[Column[tuple[str, float]], ...] = (
        Column("what", lambda term: term[0], align="left"),
        Column("effect", lambda term: term[1], _points),
        Column("", lambda term: term[1], _bars([effect for _, effect in terms], page), rank=1, align="left"),
    )
    words = (
        f"Usual scale {percent(width.usual, 2)} of the price; with today's ranges {percent(width.base, 2)} (the base "
        f"scale, HAR); with the network {percent(width.scale / exp(width.event_effect), 2)}"
    )
    shares = f"the base scale has {percent(width.base_share, 0)}"
    if width.event_effect:
        words += f"; with the dates of reports {percent(width.scale, 2)}"
        shares += f", the network {percent(width.network_share, 0)} and the dates {percent(width.event_share, 0)}"
    else:
        shares += f" and the network {percent(width.network_share, 0)}"
    words += f". Of what is unusual about today's width, {shares}."
    bound = (
        ["The network asked for more than it is allowed to: its correction is at the bound."] if width.limited else []
    )
    return [Table(columns, tuple(terms)), words, *bound]


def _report(result: Explanation) -> list[str]:
    s = result.subject
    return [] if result.event is None else [event_words(result.event, s.target_session, s.cell, s.ticker)]


class _Effect(NamedTuple):
    """A row of the table of features. today: None for those that matter least, together."""

    letter: str
    name: str
    today: float | None
    effect: float
    share: float
    meaning: str


def _features(attribution: Attribution, page: Page) -> list[Block]:
    letters, listed = _letters(attribution), _listed(attribution)
    rows = [_Effect(letters[f.name], f.name, f.value, f.effect, f.share, meaning(f.name)) for f in listed]
    if others := attribution.features[len(listed) :]:
        effect, share = sum(f.effect for f in others), sum(f.share for f in others)
        rows.append(_Effect("", f"{len(others)} others", None, effect, share, "all of them: --json"))
    bars = _bars([feature.effect for feature in attribution.features], page)
    columns: tuple[Column[_Effect], ...] = (
        Column("", lambda row: row.letter, align="left"),
        Column("feature", lambda row: row.name, align="left"),
        Column("today", lambda row: row.today, lambda value: f"{value:+.1f}", rank=3, missing=""),
        Column("effect", lambda row: row.effect, _points),
        Column("", lambda row: None if row.today is None else row.effect, bars, rank=1, align="left", missing=""),
        Column("share", lambda row: row.share, lambda share: percent(share, 0), rank=2),
        Column("meaning", lambda row: row.meaning, rank=4, align="words"),
    )
    memory = sum(feature.effect for feature in attribution.features) - attribution.direct
    words = (
        f"effect: {_TARGETS[attribution.target][2]}. today: standard deviations from the training mean. share: of all "
        f"that pushes either way. Straight from the last session's features: {_points(attribution.direct)}; through "
        f"the memory: {_points(memory)}."
    )
    return [Table(columns, tuple(rows)), words, _sum(attribution)]


def _bars(effects: Sequence[float], page: Page) -> Callable[[float], str]:
    """How an effect is drawn: the largest of them has the longest bar."""
    largest = max(map(abs, effects), default=0.0)
    half = _BAR if page.width >= _NARROW else _NARROW_BAR
    return lambda effect: signed_bar(effect, largest, half, page)


def _sum(attribution: Attribution) -> str:
    """How the effects add up, or that they do not."""
    effects = sum(feature.effect for feature in attribution.features)
    parts = (_points(value) for value in (attribution.correction, attribution.average, effects))
    words = "Correction {} = average {} + effects {}".format(*parts)
    if abs(attribution.remainder) < _TINY:
        return f"{words}."
    return f"{words} + what no single value accounts for {_points(attribution.remainder)}."


def _lags(attribution: Attribution, page: Page) -> list[Block]:
    sizes = [lag.size for lag in reversed(attribution.lags)]
    busiest = max(attribution.lags, key=lambda lag: lag.size)
    ago = "" if busiest.lag == 0 else f", {count(busiest.lag, 'session')} ago"
    words = (
        f"Size of the effects, {attribution.sessions[0]} to {attribution.sessions[-1]}; the largest share, "
        f"{percent(busiest.share, 0)}, is {busiest.session}'s{ago}."
    )
    up, down, _ = _TARGETS[attribution.target]
    shown = len(_mapped(attribution, page))
    first, row = "", "the row"
    if shown < len(attribution.features):
        first, row = f", the first {shown}", "all features"
    legend = (
        f"Columns: the features above by letter{first}. + {up}, - {down}; {shade_legend(page)} from nothing to the "
        f"largest of the table. sum: effect of {row}."
    )
    return [Line(sparkline(sizes, page, page.width)), words, "", _heat_map(attribution, page), legend]


class _Lags(NamedTuple):
    """Effects of a group of sessions: by feature, and of all features together."""

    ago: str
    effects: list[float]
    total: float


def _heat_map(attribution: Attribution, page: Page) -> Table[_Lags]:
    features = _mapped(attribution, page)
    places = [attribution.names.index(feature.name) for feature in features]
    newest_first = attribution.effects[::-1]
    rows = []
    for a, b in _groups(len(newest_first)):
        group = newest_first[a:b]
        effects = [sum(row[place] for row in group) for place in places]
        rows.append(_Lags(str(a) if b == a + 1 else f"{a}-{b - 1}", effects, sum(map(sum, group))))
    largest = max(abs(effect) for row in rows for effect in row.effects)

    def shade(effect: float) -> str:
        return signed_shade(effect, largest, page)

    letters = _letters(attribution)
    columns: tuple[Column[_Lags], ...] = (
        Column("sessions ago" if page.width >= _NARROW else "ago", lambda row: row.ago),
        *(Column[_Lags](letters[f.name], _effect_of(k), shade) for k, f in enumerate(features)),
        Column("sum", lambda row: row.total, _points, rank=1),
    )
    return Table(columns, tuple(rows))


def _effect_of(place: int) -> Callable[[_Lags], float]:
    return lambda row: row.effects[place]


def _groups(lookback: int) -> list[tuple[int, int]]:
    """Lags in groups that widen into the past: 0, 1, 2, 3-4, 5-9, 10-19, 20-39, ..."""
    edges = [0, 1, 2, 3]
    step = 5
    while edges[-1] < lookback:
        edges.append(step)
        step *= 2
    edges = [edge for edge in edges if edge < lookback] + [lookback]
    return list(pairwise(edges))


def _gates(result: Explanation, page: Page) -> list[Block]:
    first, last = result.attribution.sessions[0], result.attribution.sessions[-1]
    depth = max(reading.layer for reading in result.gates)
    words = (
        f"Mean over all units of {count(result.subject.members, 'member')}, {first} to {last}, each line between "
        "its own lowest and highest. States and candidates as sizes: the sign of a unit is arbitrary."
    )
    blocks: list[Block] = [words, _SYMBOLS]
    for reading in result.gates:
        layer = f", layer {reading.layer} of {depth}" if depth > 1 else ""
        blocks += _gate(reading, result.subject.cell, layer, page)
    return [*blocks, *(Line(_unit(unit, depth, page)) for unit in result.units)]


def _unit(unit: UnitReading, depth: int, page: Page) -> str:
    layer = f"layer {unit.layer} " if depth > 1 else ""
    drawn = sparkline(unit.values, page, max(page.width - 40, 8))
    ends = f"{number(min(unit.values), 2)} .. {number(max(unit.values), 2)}"
    return f"{layer}member {unit.member} unit {unit.unit} {drawn} {ends}"


def _gate(reading: GateReading, cell: str, layer: str, page: Page) -> list[Block]:
    title, what, how = GATE_WORDS[cell, reading.name]
    extremes = (
        f"lowest {number(min(reading.values), 2)} on {reading.lowest}, highest {number(max(reading.values), 2)} on "
        f"{reading.highest}, mean {number(reading.mean, 2)}"
    )
    words = f"{what} {how}"
    if KEEPING.get(cell) == reading.name and 0.0 < reading.mean < 1.0:
        words += (
            f" At the mean of {number(reading.mean, 2)}, half of a memory is gone after "
            f"{number(log(0.5) / log(reading.mean), 1)} sessions."
        )
    return [Heading(f"\n{title}{layer}"), Line(sparkline(reading.values, page, page.width)), extremes, words]


def _caveats(result: Explanation) -> list[str]:
    words = [
        "This explains the network, not the market: what moved a forecast need not move the price.",
        "Features that say much the same share one effect; who gets which part of it hangs on the training's seeds.",
        "Effects are against a window of training means, which is no window that ever was.",
        *([] if result.units else ["A gate's mean over units hides that units differ: --units GATE shows each."]),
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


def _points(effect: float) -> str:
    """In hundredths, with a sign."""
    return f"{100.0 * effect:+.2f}" if abs(effect) >= _TINY else "0.00"
