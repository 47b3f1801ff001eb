"""Settings: what is needed to make the same page again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stockcast.report.html.blocks import Facts, Section

if TYPE_CHECKING:
    from stockcast.results.report import Report


def settings_section(report: Report) -> Section:
    """Settings, the data and its hash, notes on the data, version and time."""
    facts = [
        ("source", report.source),
        *([("sessions", f"to {report.dates[-1]}")] if report.dates else []),
        ("SHA-256 of the data", report.result.data_sha256),
        *(("note on the data", note) for note in report.result.notes),
        *report.configuration.items(),
        ("stockcast", report.version),
        ("made at", report.created_at),
    ]
    return Section("settings", "Settings and data", (Facts(tuple(facts)),))
