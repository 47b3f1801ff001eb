"""The state of an installation: what `doctor` found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    ok: True where it works, False where something cannot, None for a warning. message: what was found. hint: what to
    do about it.
    """

    name: str
    ok: bool | None
    message: str
    hint: str = ""

    @property
    def state(self) -> str:
        """The word for `ok`: ok, warning or broken."""
        return "ok" if self.ok else "warning" if self.ok is None else "broken"


@dataclass(frozen=True)
class Diagnosis:
    """All that was looked at, in that order."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is broken; warnings are allowed."""
        return all(check.ok is not False for check in self.checks)
