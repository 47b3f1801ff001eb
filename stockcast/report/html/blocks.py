"""What a page is made of: sections of blocks. A block says what is shown; the template says how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stockcast.report.html.figure import Chart
from stockcast.report.page import Column


@dataclass(frozen=True)
class Prose:
    """A paragraph. manner: plain; quiet, a note on what stands above it; lead, what nobody is to overlook."""

    kind: ClassVar[str] = "prose"
    text: str
    manner: str = "plain"


@dataclass(frozen=True)
class Headline:
    """The sentence that the whole page is about."""

    kind: ClassVar[str] = "headline"
    text: str


@dataclass(frozen=True)
class Card:
    """One key figure, what it is of, and what qualifies it, a line each."""

    label: str
    figure: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Cards:
    """Key figures side by side."""

    kind: ClassVar[str] = "cards"
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class DataTable:
    """A table; the first cell of a row names it. marked: indices of rows set apart. folded: shown on demand."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: frozenset[int] = frozenset()
    folded: bool = False


@dataclass(frozen=True)
class Drawing:
    """A chart with a note below it. narrow: the same for a phone; None: one serves both."""

    chart: Chart
    note: str
    narrow: Chart | None = None


@dataclass(frozen=True)
class Figures:
    """Charts, two in a row where there is room and none of them is for the full width."""

    kind: ClassVar[str] = "figures"
    drawings: tuple[Drawing, ...]

    @property
    def full(self) -> bool:
        """Whether each has a row of its own."""
        return any(drawing.narrow is not None for drawing in self.drawings)


@dataclass(frozen=True)
class Facts:
    """Names and what they stand for."""

    kind: ClassVar[str] = "facts"
    facts: tuple[tuple[str, str], ...]


Block = Prose | Headline | Cards | DataTable | Figures | Facts


@dataclass(frozen=True)
class Section:
    """One part of the page. anchor: where links lead to; unique."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
