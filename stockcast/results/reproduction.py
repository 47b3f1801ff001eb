"""Reproductions: whether training again gave the same model, and what differs where it did not."""

from __future__ import annotations

from dataclasses import dataclass


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
    they differ; None where it was not known. device: what trained it.
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
