"""The page: sections of blocks, put into its template with its style. Everything that is text is escaped there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar

from stockcast.report.html.figure import DARK, LIGHT, Chart, declarations, svg
from stockcast.report.tables import Table

if TYPE_CHECKING:
    from markupsafe import Markup

_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")
_TIES = (
    (re.compile(r" (?=%)"), "\xa0"),
    (re.compile(r" (=|&lt;) "), "\xa0\\1\xa0"),
    (re.compile(r"\bp (?=\d|&lt;)"), "p\xa0"),
)


@dataclass(frozen=True)
class Prose:
    """A paragraph.

    Attributes:
        text: What it says.
        manner: plain; quiet, a note on what stands above it; lead, what nobody is to overlook; headline, what the whole
            page is about.
    """

    kind: ClassVar[str] = "prose"
    text: str
    manner: str = "plain"


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
class Grid:
    """A table.

    Attributes:
        table: What it shows.
        folded: It is shown on demand.
    """

    kind: ClassVar[str] = "table"
    table: Table[Any]
    folded: bool = False


@dataclass(frozen=True)
class Drawing:
    """A chart with a note below it.

    Attributes:
        chart: For a wide page.
        note: What stands below it.
        narrow: The same for a phone; None: one serves both.
    """

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


Element = Prose | Cards | Grid | Figures | Facts


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        anchor: Where links lead to; unique.
        title: Its heading.
        elements: From top to bottom.
    """

    anchor: str
    title: str
    elements: tuple[Element, ...]


def document(ticker: str, dateline: str, version: str, sections: Sequence[Section]) -> str:
    """The HTML document.

    Args:
        ticker: Its title.
        dateline: What stands below the title.
        version: Of stockcast.
        sections: From top to bottom.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["svg"] = _svg
    environment.filters["tied"] = _tied
    template = environment.from_string(_packaged("page.html.jinja"))
    page = template.render(
        ticker=ticker, dateline=dateline, sections=sections, style=_as_markup(_style()), version=version
    )
    return page.strip() + "\n"


def _style() -> str:
    """The style sheet; paper is always light."""
    themes = (
        f":root {{ {declarations(LIGHT)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {declarations(DARK)} }} }}\n"
    )
    return themes + _packaged("page.css")


def _packaged(name: str) -> str:
    return files("stockcast.report.html").joinpath(name).read_text("utf-8")


def _tied(text: str) -> Markup:
    """Text, escaped, that no line breaks within a figure or a date, and with minus signs where it has hyphens."""
    tied = _MINUS.sub("\u2212", escape(text.replace("\n", " ")))
    for loose, fast in _TIES:
        tied = loose.sub(fast, tied)
    return _as_markup(_DATE.sub(r'<span class="whole">\g<0></span>', tied))


def _svg(chart: Chart) -> Markup:
    return _as_markup(svg(chart))


def _as_markup(text: str) -> Markup:
    """Text that is markup: the package's own style, drawings that matplotlib has escaped, and what is escaped above."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - see above: nothing that a file says
