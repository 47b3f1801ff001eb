"""Saved models, as they are listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ModelSummary:
    """A saved model, as `models list` and `models show` know it; `damage` says why it cannot be used."""

    name: str
    path: Path
    manifest: dict[str, Any] = field(default_factory=dict)
    damage: str | None = None


@dataclass(frozen=True)
class Export:
    """A network that was written for other programs. fit: which of the model's; cutoff: last session that it has seen.

    served_by: what makes the model's own forecasts, the network's cell or a baseline. features: in the order of the
    input's last axis. size: bytes.
    """

    model: str
    model_id: str
    path: Path
    format: str
    fit: str
    cell: str
    served_by: str
    cutoff: date
    lookback: int
    features: tuple[str, ...]
    size: int
