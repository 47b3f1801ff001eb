"""The sheet that a report is rendered on: its width, whether it has colour, and which characters it can carry.

Rich is imported when something is rendered, not before: JSON and CSV never need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.table import Table

NARROW = 100  # characters: below this a table gives up its less telling columns
TINY = 76


@dataclass(frozen=True)
class Page:
    """Width in characters; colour: escape sequences may be used; unicode: it can carry lines and dots."""

    width: int = 120
    colour: bool = False
    unicode: bool = True


@dataclass(frozen=True)
class Column:
    """One column of a table; it is left out of pages narrower than `from_width` characters."""

    title: str
    from_width: int = 0
    right: bool = True


def render(items: Sequence[RenderableType], page: Page) -> str:
    """The items as text, one below the other, no line longer than the page is wide. Ends with a line feed."""
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
    for item in items:
        console.print(item)
    lines = (line.rstrip() for line in sheet.getvalue().split("\n"))
    return "\n".join(lines)


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], page: Page, marked: int | None = None) -> Table:
    """A Rich table of the columns that fit the page; `marked` is the index of a row to be set apart."""
    from rich import box
    from rich.table import Table

    drawn = Table(
        box=box.SIMPLE_HEAD if page.unicode else box.ASCII2,
        show_edge=False,
        pad_edge=False,
        header_style="bold",
        padding=(0, 1 if page.width >= NARROW else 0, 0, 1 if page.width >= NARROW else 0),
    )
    shown = [index for index, column in enumerate(columns) if page.width >= column.from_width]
    for index in shown:
        column = columns[index]
        drawn.add_column(column.title, justify="right" if column.right else "left", no_wrap=False)
    for number, row in enumerate(rows):
        drawn.add_row(*(row[index] for index in shown), style="bold green" if number == marked else None)
    return drawn


def heading(text: str) -> RenderableType:
    """A line in bold."""
    from rich.text import Text

    return Text(text, style="bold")


def paragraph(text: str) -> RenderableType:
    """A sentence or more, wrapped at the page's width."""
    from rich.text import Text

    return Text(text)
