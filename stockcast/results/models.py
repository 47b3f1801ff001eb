"""Saved models, as they are listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ModelSummary:
    """A saved model, as `models list` and `models show` know it; `damage` says why it cannot be used."""

    name: str
    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)
    damage: str | None = None
