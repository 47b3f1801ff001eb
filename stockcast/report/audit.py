"""An audit as text and JSON: what was checked, with what, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.config.models import SCRATCH
from stockcast.report.asjson import plain
from stockcast.report.figures import count
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from stockcast.results.audit import AuditCheck, AuditResult

_COLUMNS = (Column("check", right=False), Column("", right=False), Column("what was compared", right=False))
_NAME_WIDTH = 32  # characters before the last column: what remains of the page is its


def audits_text(results: Sequence[AuditResult], page: Page) -> str:
    """What `audit` shows: a section for each source, an empty line between them."""
    return "\n".join(_section(result, page) for result in results)


def audit_data(results: Sequence[AuditResult]) -> list[dict[str, Any]]:
    """`data` of `audit`: one entry per source."""
    return [plain(result) for result in results]


def state(check: AuditCheck) -> str:
    """The word for what became of a check."""
    return "pass" if check.ok else "warn" if check.ok is None else "FAIL"


def _section(result: AuditResult, page: Page) -> str:
    from textwrap import fill

    width = max(page.width - _NAME_WIDTH, 40)
    rows = [[check.name, state(check), fill(check.detail, width, break_on_hyphens=False)] for check in result.checks]
    items: list[RenderableType] = [
        heading(f"{result.ticker}: {count(len(result.checks), 'check')} for a forecast that looks ahead"),
        paragraph(_settings(result), page),
        "",
        table(_COLUMNS, rows, page),
        *(paragraph(f"not checked: {line}", page) for line in result.left_out),
        "",
        heading("Verdict"),
        paragraph(result.verdict, page),
    ]
    return render(items, page)


def _beginning(s: Mapping[str, Any]) -> str:
    """What the network begins with, if it is not trained from scratch."""
    return f" that begins with {s['init']}" if s.get("init", SCRATCH) != SCRATCH else ""


def _settings(result: AuditResult) -> str:
    s = result.settings
    parts = (
        f"{s['first']} to {s['last']}; learns before {s['validate_from']}, chooses up to {s['cutoff']}, test part from "
        f"{s['test_from']}."
    )
    network = (
        f"{s['cell']}{_beginning(s)}, {count(s['hidden_size'], 'unit')}, {count(s['layers'], 'layer')}, lookback "
        f"{s['lookback']}, {count(s['seeds'], 'seed')} from {s['seed']}, at most {count(s['steps'], 'step')}, "
        f"{s['supervision']}."
    )
    compared = (
        f"Origins {', '.join(s['origins'])}; {s['horizons'][0]} to {s['horizons'][-1]} sessions ahead; "
        f"{count(len(s['competitors']), 'competitor')}."
    )
    return f"{parts} {network} {compared}"
