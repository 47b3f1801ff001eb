"""The sheet that a report is rendered on: its width, whether it has colour, and which characters it can carry.

Rich is imported when something is rendered, not before: JSON and CSV never need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from stockcast.results.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

_WIDE_GAP, _NARROW_GAP = 3, 1  # characters between columns
_TIES = ((" %", "\xa0%"), (" = ", "\xa0=\xa0"))  # what a line must not break at


@dataclass(frozen=True)
class Page:
    """Width in characters; colour: escape sequences may be used; unicode: it can carry lines and dots."""

    width: int = 120
    colour: bool = False
    unicode: bool = True


@dataclass(frozen=True)
class Column:
    """One column of a table.

    rank: 0 for a column that stays; where the page is too narrow, those of the highest rank go first.
    """

    title: str
    rank: int = 0
    right: bool = True


def render(items: Sequence[RenderableType], page: Page) -> str:
    """The items as text, one below the other. Ends with a line feed."""
    from rich.console import Console
    from rich.text import Text

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
    for item in (printable(item, keep="\n") if isinstance(item, str) else item for item in items):
        written = isinstance(item, str | Text)
        console.print(item, crop=False, no_wrap=written, overflow="ignore" if written else None)
    lines = (line.rstrip() for line in sheet.getvalue().split("\n"))
    return "\n".join(lines)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], page: Page, marked: int | None = None) -> Table:
    """A Rich table of the columns that fit the page; `marked` is the index of a row to be set apart."""
    from rich import box
    from rich.table import Table

    rows = [[printable(cell, keep="\n") for cell in row] for row in rows]
    shown, gap = _fitting(columns, rows, page.width)
    before = (gap - 1) // 2
    drawn = Table(
        box=box.SIMPLE_HEAD if page.unicode else box.ASCII2,
        show_edge=False,
        pad_edge=False,
        header_style="bold",
        padding=(0, gap - 1 - before, 0, before),
    )
    for index in shown:
        column = columns[index]
        drawn.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
    for number, row in enumerate(rows):
        drawn.add_row(*(row[index] for index in shown), style="bold green" if number == marked else None)
    return drawn


def heading(words: str) -> Text:
    """A line in bold."""
    from rich.text import Text

    return Text(printable(words, keep="\n"), style="bold")


def paragraph(words: str, page: Page) -> Text:
    """A sentence or more, wrapped at the page's width, but neither within a figure nor within a long path."""
    from textwrap import fill

    from rich.text import Text

    for loose, tied in _TIES:
        words = words.replace(loose, tied)
    wrapped = fill(words, page.width, break_long_words=False, break_on_hyphens=False)
    return Text(printable(wrapped.replace("\xa0", " "), keep="\n"))


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> tuple[list[int], int]:
    """Indices of the columns that are shown, and the gap between them."""
    from rich.cells import cell_len

    needed = [
        max([cell_len(column.title), *(cell_len(row[index]) for row in rows)]) for index, column in enumerate(columns)
    ]
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
