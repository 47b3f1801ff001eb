"""A diagnosis as text: what was looked at, and what to mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.figures import count
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from stockcast.results.doctor import Check, Diagnosis

_COLUMNS = (Column("check", right=False), Column("state", right=False), Column("found", right=False))


def diagnosis_text(diagnosis: Diagnosis, page: Page) -> str:
    """A row per check; below, what to mend, the broken before the warnings; at the end, a sentence for all."""
    rows = [[check.name, check.state, check.message] for check in diagnosis.checks]
    parts = [render([table(_COLUMNS, rows, page)], page)]
    ailing = sorted((check for check in diagnosis.checks if check.ok is not True and check.hint), key=_urgency)
    if ailing:
        remedies = [paragraph(f"{check.name}: {check.hint}", page) for check in ailing]
        parts.append(render([heading("To mend"), *remedies], page))
    parts.append(render([paragraph(_sentence(diagnosis), page)], page))
    return "\n".join(parts)


def _urgency(check: Check) -> bool:
    return check.ok is None


def _sentence(diagnosis: Diagnosis) -> str:
    states = [check.state for check in diagnosis.checks]
    broken, warnings = states.count("broken"), states.count("warning")
    found = [f"{broken:,} broken"] * bool(broken) + [count(warnings, "warning")] * bool(warnings)
    return f"{count(len(states), 'check')}: {', '.join(found) or 'all is well'}"
