"""The document: sections put into the page's template, with its style. Everything that is text is escaped there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from stockcast.report.figures import count
from stockcast.report.html.blocks import Section
from stockcast.report.html.figure import svg
from stockcast.report.html.palette import DARK, LIGHT, declarations
from stockcast.report.html.records import network_rows

if TYPE_CHECKING:
    from markupsafe import Markup

    from stockcast.report.html.figure import Chart
    from stockcast.results.report import Report

_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")
_TIES = (
    (re.compile(r" (?=%)"), "\xa0"),
    (re.compile(r" (=|&lt;) "), "\xa0\\1\xa0"),
    (re.compile(r"\bp (?=\d|&lt;)"), "p\xa0"),
)


def document(report: Report, sections: Sequence[Section]) -> str:
    """The HTML document of a report with those sections."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["svg"] = _svg
    environment.filters["tied"] = _tied
    template = environment.from_string(_packaged("page.html.jinja"))
    page = template.render(
        ticker=report.result.ticker,
        dateline=_dateline(report),
        sections=sections,
        style=_as_markup(_style()),
        version=report.version,
    )
    return page.strip() + "\n"


def _dateline(report: Report) -> str:
    rows = network_rows(report)
    scored = ""
    if rows is not None and len(rows.crps):
        first, last = rows.target_sessions[0], rows.target_sessions[-1]
        scored = f"{count(len(rows.crps), 'forecast')}, {first} to {last}, of sessions that no forecaster had seen. "
    made = report.created_at.partition("T")[0]
    return f"{scored}Made on {made} from {report.source}."


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
    tied = _MINUS.sub("\u2212", escape(text))
    for loose, fast in _TIES:
        tied = loose.sub(fast, tied)
    return _as_markup(_DATE.sub(r'<span class="whole">\g<0></span>', tied))


def _svg(chart: Chart) -> Markup:
    return _as_markup(svg(chart))


def _as_markup(text: str) -> Markup:
    """Text that is markup: the package's own style, drawings that matplotlib has escaped, and what is escaped above."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - see above: nothing that a file says
