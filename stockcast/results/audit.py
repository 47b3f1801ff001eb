"""Audits: whether a forecast looks ahead, by what was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AuditCheck:
    """One thing that was checked. ok: True, False where something looks ahead, None for a warning."""

    name: str
    ok: bool | None
    detail: str


@dataclass(frozen=True)
class AuditResult:
    """The audit of one source.

    settings: what it was made with, plain values by name. left_out: what was not checked, and why. verdict: a sentence.
    """

    ticker: str
    settings: Mapping[str, Any]
    checks: tuple[AuditCheck, ...]
    left_out: tuple[str, ...]
    verdict: str

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(check.name for check in self.checks if check.ok is False)
