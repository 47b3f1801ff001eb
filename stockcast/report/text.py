"""Text: blocks on a sheet of a certain width, with colour or without, in the characters that it can carry.

Rich is imported when something is rendered, not before: JSON and CSV never need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from stockcast.report.tables import Column, Table
from stockcast.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table as RichTable

_WIDE_GAP, _NARROW_GAP = 3, 1  # characters between columns
_TIES = ((" %", "\xa0%"), (" = ", "\xa0=\xa0"))  # what a line must not break at
_LEVELS, _PLAIN_LEVELS = "▁▂▃▄▅▆▇█", "_.-~=+*#"
_SHADES, _PLAIN_SHADES = "·░▒▓█", ".:-*#"


@dataclass(frozen=True)
class Page:
    """The sheet that a text is written on.

    Attributes:
        width: Characters.
        colour: Escape sequences may be used.
        unicode: It can carry lines and dots.
    """

    width: int = 120
    colour: bool = False
    unicode: bool = True


@dataclass(frozen=True)
class Heading:
    """A line in bold; a line feed at its beginning leaves a line empty before it."""

    words: str


@dataclass(frozen=True)
class Line:
    """A line that is shown as it is, however long."""

    words: str


Block = str | Heading | Line | Table[Any]
"""What a text is made of; a `str` is a sentence or more, wrapped at the page's width, or an empty line."""


def render(blocks: Sequence[Block], page: Page) -> str:
    """The blocks as text, one below the other. Ends with a line feed."""
    from rich.console import Console

    sheet = StringIO()
    console = Console(
        file=sheet,
        width=page.width,
        force_terminal=page.colour,
        color_system="standard" if page.colour else None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )
    for block in blocks:
        grid = isinstance(block, Table)
        console.print(_drawn(block, page), crop=False, no_wrap=not grid, overflow=None if grid else "ignore")
    lines = (line.rstrip() for line in sheet.getvalue().split("\n"))
    return "\n".join(lines)


def render_all(sections: Sequence[Sequence[Block]], page: Page) -> str:
    """Several sections, an empty line between them."""
    return "\n".join(render(blocks, page) for blocks in sections)


def _drawn(block: Block, page: Page) -> RenderableType:
    from rich.text import Text

    if isinstance(block, Table):
        return _grid(block, page)
    if isinstance(block, str):
        return Text(_wrapped(block, page.width))
    return Text(printable(block.words, keep="\n"), style="bold" if isinstance(block, Heading) else "")


def _wrapped(words: str, width: int) -> str:
    """A paragraph whose lines break neither within a figure nor within a long path."""
    from textwrap import fill

    for loose, tied in _TIES:
        words = words.replace(loose, tied)
    wrapped = fill(words, width, break_long_words=False, break_on_hyphens=False)
    return printable(wrapped.replace("\xa0", " "), keep="\n")


def _grid(table: Table[Any], page: Page) -> RichTable:
    """A Rich table of the columns that fit the page; an arrow leads to the rows that are pointed at."""
    from rich import box
    from rich.table import Table as RichTable

    rows = [[printable(cell, keep="\n") for cell in row] for row in table.cells]
    if table.pointed:
        rows = [[f"{'>' if place in table.pointed else ' '} {row[0]}", *row[1:]] for place, row in enumerate(rows)]
    shown, gap = _fitting(table.columns, rows, page.width)
    before = (gap - 1) // 2
    grid = RichTable(
        box=box.SIMPLE_HEAD if page.unicode else box.ASCII2,
        show_edge=False,
        pad_edge=False,
        header_style="bold",
        padding=(0, gap - 1 - before, 0, before),
    )
    for column in (table.columns[index] for index in shown):
        side: Literal["left", "right"] = "right" if column.align == "right" else "left"
        grid.add_column(column.title, justify=side, overflow="fold", style=column.style)
    for place, row in enumerate(rows):
        grid.add_row(*(row[index] for index in shown), style="bold green" if place == table.chosen else None)
    return grid


def _fitting(columns: Sequence[Column[Any]], rows: Sequence[Sequence[str]], width: int) -> tuple[list[int], int]:
    """Indices of the columns that are shown, and the gap between them."""
    needed = widths(columns, rows)
    shown = list(range(len(columns)))
    while True:
        room = width - sum(needed[index] for index in shown)
        for gap in (_WIDE_GAP, _NARROW_GAP):
            if room >= gap * (len(shown) - 1):
                return shown, gap
        last = max(shown, key=lambda index: (columns[index].rank, index))
        if columns[last].rank == 0:
            return shown, _NARROW_GAP
        shown.remove(last)


def widths(columns: Sequence[Column[Any]], rows: Sequence[Sequence[str]]) -> list[int]:
    """How many characters each column needs."""
    from rich.cells import cell_len

    return [
        max(map(cell_len, (*column.title.split("\n"), *(row[index] for row in rows))))
        for index, column in enumerate(columns)
    ]


# Drawings of characters: plain letters where the page cannot carry blocks.


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
