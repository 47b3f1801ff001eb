"""Reproductions: whether training again gave the same model, and what differs where it did not."""

from __future__ import annotations

from dataclasses import dataclass, field

KINDS = ("identical", "other-versions", "other-device", "other-processor", "unknown-processor", "damaged")
"""What became of a reproduction. Bytes are promised for the same versions and processor: only then is it damage."""


@dataclass(frozen=True)
class TensorDifference:
    """A tensor that is not the same byte by byte. values: how many of `size` differ; largest: by how much at most.

    Both are None where the shapes differ or one of the models lacks it.
    """

    name: str
    size: int
    values: int | None = None
    largest: float | None = None


@dataclass(frozen=True)
class Reproduction:
    """What `reproduce` found. model_id: of the saved model; again: of the one trained now.

    identical: every tensor, every parameter and the id are the same. tensors: how many there are; different: those that
    differ. parameters: places in the manifest whose values differ. versions: by package, the version then and now where
    they differ; None where it was not known. machine: the same of the processor and what the packages make of it.
    device: what trained it.
    """

    model: str
    members: int
    model_id: str
    again: str
    identical: bool
    tensors: int
    different: tuple[TensorDifference, ...]
    parameters: tuple[str, ...]
    versions: dict[str, tuple[str | None, str | None]]
    device: str
    machine: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Whether it is the same, and what may be to blame where it is not: one of KINDS."""
        if self.identical:
            return "identical"
        if self.versions:
            return "other-versions"
        if self.device != "cpu":
            return "other-device"
        if any(then is None for then, _ in self.machine.values()):
            return "unknown-processor"
        return "other-processor" if self.machine else "damaged"
