"""Figures drawn with characters: bars, sparklines, shades. Plain letters where the page cannot carry blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stockcast.report.page import Page

_LEVELS, _PLAIN_LEVELS = "▁▂▃▄▅▆▇█", "_.-~=+*#"
_SHADES, _PLAIN_SHADES = "·░▒▓█", ".:-*#"


def sparkline(values: Sequence[float], page: Page, most: int) -> str:
    """One character for each value, its height between the lowest and the highest; at most `most` characters.

    More values than that are drawn as the means of as many runs of them.
    """
    drawn = _binned(values, most)
    return heights(drawn, min(drawn, default=0.0), max(drawn, default=0.0), page)


def heights(values: Sequence[float], low: float, high: float, page: Page) -> str:
    """One character for each value, the lowest at `low` and the highest at `high`; no value lies outside.

    For several lines on one scale. Where `low` is `high`, all are the lowest.
    """
    levels = _LEVELS if page.unicode else _PLAIN_LEVELS
    span = high - low
    return "".join(levels[round((value - low) / span * (len(levels) - 1)) if span else 0] for value in values)


def newest(values: Sequence[float], most: int) -> list[float]:
    """At most `most` of the values: where there are more, the last of each of as many runs, so that the last stays."""
    if len(values) <= most:
        return list(values)
    return [values[end - 1] for end in _edges(len(values), most)[1:]]


def signed_bar(value: float, largest: float, half: int, page: Page) -> str:
    """A bar to the right of the middle for a positive value and to its left for a negative one, `half` at `largest`."""
    block, middle = ("█", "│") if page.unicode else ("#", "|")
    length = min(round(half * abs(value) / largest), half) if largest else 0
    left, right = (length, 0) if value < 0 else (0, length)
    return (block * left).rjust(half) + middle + (block * right).ljust(half)


def signed_shade(value: float, largest: float, page: Page) -> str:
    """The sign and a shade for the size, `largest` being the darkest; a size of next to nothing has no sign."""
    shades = _SHADES if page.unicode else _PLAIN_SHADES
    depth = min(round((len(shades) - 1) * abs(value) / largest), len(shades) - 1) if largest else 0
    return " " + shades[0] if not depth else ("+" if value > 0 else "-") + shades[depth]


def shade_legend(page: Page) -> str:
    """The shades from nothing to the darkest."""
    return " ".join(_SHADES if page.unicode else _PLAIN_SHADES)


def _binned(values: Sequence[float], most: int) -> list[float]:
    count = len(values)
    if count <= most:
        return list(values)
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(_edges(count, most))]


def _edges(count: int, runs: int) -> list[int]:
    """Where the runs begin, and where the last one ends."""
    return [k * count // runs for k in range(runs + 1)]
