"""A report as one HTML page that needs nothing else, and its charts as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stockcast.evaluation.tuned import TuneResult
    from stockcast.results import Report

__all__ = ["report_html", "report_plots", "study_html"]


def report_html(report: Report) -> str:
    """The whole page: text, tables and charts in one HTML document without scripts, links or references elsewhere.

    It follows the reader's light or dark setting, fits a phone, and prints. The same report gives the same text. Parts
    that the report does not have are left out.
    """
    from stockcast.report.html.page import document
    from stockcast.report.html.sections import dateline, sections

    return document(report.result.ticker, dateline(report), report.version, sections(report))


def report_plots(report: Report) -> dict[str, bytes]:
    """The charts of the page as PNG files by name, such as price-and-fan.png, in the colours of the light page."""
    from stockcast.report.html.figure import png
    from stockcast.report.html.page import Figures
    from stockcast.report.html.sections import sections

    drawings = [
        drawing
        for section in sections(report)
        for element in section.elements
        if isinstance(element, Figures)
        for drawing in element.drawings
    ]
    return {f"{drawing.chart.name}.png": png(drawing.chart) for drawing in drawings}


def study_html(result: TuneResult) -> str:
    """A study as a page of its own, as `report_html` makes one."""
    from stockcast.report.html.study import document_of

    return document_of(result)
