"""Settings of `explain`: what is explained, and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from stockcast.config.models import require

METHODS = ("integrated-gradients", "occlusion")
TARGETS = ("scale", "location", "nu")
"""What the network corrects: the width of the forecast, its centre, the weight of its tails."""


@dataclass(frozen=True)
class ExplainConfig:
    """One `explain`: the last session it may see, the model's name, the method, the correction that is explained.

    A None means the newest bar and the ticker's model. units: a gate that is also shown unit by unit.
    """

    as_of: date | None = None
    model: str | None = None
    method: str = METHODS[0]
    target: str = TARGETS[0]
    units: str | None = None

    def __post_init__(self) -> None:
        require(self.method in METHODS, f"unknown method {self.method!r}", f"choose one of {', '.join(METHODS)}")
        require(self.target in TARGETS, f"unknown target {self.target!r}", f"choose one of {', '.join(TARGETS)}")
