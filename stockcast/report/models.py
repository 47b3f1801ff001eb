"""Saved models as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.report.asjson import plain
from stockcast.report.page import Column, Page, heading, paragraph, render, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stockcast.results.models import ModelSummary

LONGEST = 8  # members of a list that are shown; longer ones are counted

# What a model looks at beside the prices, in two parts of its manifest, has a line of its own.
_BESIDE = ("covariates", "covariate_sources")

# Parameters of interest to machines alone; `models show --json` has them.
_SKIPPED = frozenset({"base_scale", "baselines", "closures", "extras", "scores", "sentences", "machine", *_BESIDE})

_COLUMNS = (
    Column("model", right=False),
    Column("ticker", right=False),
    Column("cell", rank=1, right=False),
    Column("served by", right=False),
    Column("trained to", right=False),
    Column("state", right=False),
)


def models_text(models: Sequence[ModelSummary], page: Page) -> str:
    """The list of models, one row each, as far as their manifests can be read."""
    return render([table(_COLUMNS, [_row(model) for model in models], page)], page)


def model_text(model: ModelSummary, page: Page) -> str:
    """One model's manifest, a line per value; long lists are counted, parameters left out."""
    lines = [paragraph(f"{name}: {value}", page) for name, value in _flat(plain(model.manifest))]
    beside = ", ".join(_beside(*(model.manifest.get(part) for part in _BESIDE)))
    if beside:
        lines.append(paragraph(f"looks at: {beside}", page))
    if model.damage:
        lines.insert(0, paragraph(f"damaged: {model.damage}", page))
    return render([heading(model.name), paragraph(f"folder: {model.path}", page), *lines], page)


def _beside(known: Any, places: Any) -> Iterator[str]:
    """Each covariate with its exchange and where it was found; of a damaged manifest what can be read."""
    sources = _at(places, "series") or []
    for one, place in zip(_at(known, "series") or [], sources, strict=False):
        yield f"{_word(_at(one, 'name'))} ({_word(_at(one, 'exchange'))}, from {_word(_at(place, 'source') or None)})"
    if _at(places, "known_ahead") is not None:
        yield f"dates known ahead (from {_at(places, 'known_ahead')})"


def _row(model: ModelSummary) -> list[str]:
    m = model.manifest
    cutoff = _at(m, "served", "cutoff") or _at(m, "scored", "cutoff")
    return [
        model.name,
        _word(_at(m, "ticker")),
        _word(_at(m, "config", "network", "cell")),
        _word(_at(m, "served_by")),
        _word(cutoff),
        f"damaged: {model.damage}" if model.damage else "ready",
    ]


def _at(tree: Any, *keys: str) -> Any:
    """The value that the keys lead to; None where the manifest has none, as a damaged one may."""
    for key in keys:
        if not isinstance(tree, dict) or key not in tree:
            return None
        tree = tree[key]
    return tree


def _word(value: Any) -> str:
    return "-" if value is None else str(value)


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if key in _SKIPPED:
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif name == "data" and value and isinstance(value, list):
            yield name, _series(value)
        elif isinstance(value, list):
            brief = len(value) <= LONGEST and not any(isinstance(member, dict | list) for member in value)
            yield name, ", ".join(_word(member) for member in value) if brief else f"{len(value)} values"
        else:
            yield name, _word(value)


def _series(data: list[Any]) -> str:
    """The series of a pool, in a line."""
    wanted = {"first": str, "last": str, "sessions": int}
    known = [
        one
        for one in data
        if isinstance(one, dict) and all(isinstance(one.get(key), kind) for key, kind in wanted.items())
    ]
    if not known:
        return f"{len(data)} values"
    sessions = sum(one["sessions"] for one in known)
    first, last = min(one["first"] for one in known), max(one["last"] for one in known)
    return f"{len(known):,} series with {sessions:,} sessions, {first} to {last}"
