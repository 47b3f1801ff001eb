"""The page's sections in reading order: what was found, what it rests on, how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.html.sections.calibration import calibration_section
from stockcast.report.html.sections.folds import folds_section
from stockcast.report.html.sections.prices import prices_section
from stockcast.report.html.sections.scores import economics_section, scores_section
from stockcast.report.html.sections.settings import settings_section
from stockcast.report.html.sections.skill import skill_section
from stockcast.report.html.sections.verdict import verdict_section
from stockcast.report.html.sections.worst import worst_section

if TYPE_CHECKING:
    from stockcast.report.html.blocks import Section
    from stockcast.results.report import Report

_ALL = (
    verdict_section,
    prices_section,
    skill_section,
    calibration_section,
    scores_section,
    economics_section,
    worst_section,
    folds_section,
    settings_section,
)


def sections(report: Report) -> tuple[Section, ...]:
    """All that the report has something for."""
    found = (make(report) for make in _ALL)
    return tuple(section for section in found if section is not None)
