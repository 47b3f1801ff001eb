"""A reproduction as text and JSON: identical, or what differs and what may be the cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import plain
from stockcast.report.figures import count
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stockcast.results.reproduction import Reproduction, TensorDifference

_COLUMNS = (Column("tensor", right=False), Column("values"), Column("differ"), Column("largest difference"))
_SHOWN = 12


def reproduction_data(found: Reproduction) -> dict[str, Any]:
    """`data` of `reproduce`."""
    return {**plain(found), "kind": found.kind, "different": [plain(one) for one in found.different]}


def reproduction_text(found: Reproduction, page: Page) -> str:
    """What `reproduce` shows."""
    if found.identical:
        what = "model" if found.members == 1 else f"pool of {found.members} series"
        said = (
            f"{found.model}: the {what} was trained again and is the same: all {count(found.tensors, 'tensor')} byte "
            f"by byte, every parameter, and the id {found.model_id}."
        )
        return render([paragraph(said, page)], page)
    items: list[RenderableType] = [heading(found.model), paragraph(difference(found), page)]
    if found.different:
        items += ["", table(_COLUMNS, [_row(one) for one in found.different[:_SHOWN]], page)]
        if len(found.different) > _SHOWN:
            items.append(paragraph(f"and {len(found.different) - _SHOWN} more", page))
    if found.parameters:
        items += ["", paragraph(f"parameters that differ: {_listed(found.parameters)}", page)]
    return render([*items, "", paragraph(cause(found), page)], page)


def difference(found: Reproduction) -> str:
    """What differs, in a sentence."""
    parts = [f"{len(found.different)} of {count(found.tensors, 'tensor')}"] if found.different else []
    parts += [count(len(found.parameters), "parameter")] if found.parameters else []
    largest = max((one.largest or 0.0 for one in found.different), default=0.0)
    by = f", by at most {largest:.2g}" if largest else ""
    return (
        f"trained again, {found.model} is not the same: {' and '.join(parts) or 'the id'} differ{by}; "
        f"it was {found.model_id} and is {found.again}"
    )


def cause(found: Reproduction) -> str:
    """What may have made the difference."""
    if found.kind == "other-versions":
        return f"it was trained with {_then_and_now(found.versions)}: bytes are promised for the same versions only"
    if found.kind == "other-device":
        return f"it was trained with --device {found.device}: bytes are promised for the cpu only"
    if found.kind == "unknown-processor":
        return "the versions are the same, and nobody knows the processor of then: another one adds in another order"
    if found.kind == "other-processor":
        where = _then_and_now({name.replace("_", " "): pair for name, pair in found.machine.items()})
        return f"it was trained on another processor, which adds in another order: {where}"
    return (
        "it is damaged: versions and processor are those of then, for which bytes are promised. Either it was changed "
        "after its training, or its prices were, in a digit after the sixth"
    )


def _then_and_now(changed: dict[str, tuple[str | None, str | None]]) -> str:
    return "; ".join(f"{name} {then or 'unknown'}, now {now or 'missing'}" for name, (then, now) in changed.items())


def _row(one: TensorDifference) -> list[str]:
    values = "shape" if one.values is None else f"{one.values:,}"
    return [one.name, f"{one.size:,}", values, "-" if one.largest is None else f"{one.largest:.2g}"]


def _listed(places: tuple[str, ...]) -> str:
    shown = ", ".join(places[:_SHOWN])
    return shown if len(places) <= _SHOWN else f"{shown} and {len(places) - _SHOWN} more"
