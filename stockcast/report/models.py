"""Saved models as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stockcast.report.data import plain
from stockcast.report.tables import Column, Table
from stockcast.report.text import Heading, Page, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stockcast.storage.modelfile import ModelSummary

LONGEST = 8  # members of a list that are shown; longer ones are counted

# What a model looks at beside the prices, in two parts of its manifest, has a line of its own.
_COVARIATES = ("covariates", "covariate_sources")

# Parameters of interest to machines alone; `models show --json` has them.
_SKIPPED = frozenset(
    {"base_scale", "baselines", "closures", "extras", "scores", "sentences", "machine", "reading", *_COVARIATES}
)


def models_text(models: Sequence[ModelSummary], page: Page) -> str:
    """The list of models, one row each, as far as their manifests can be read."""
    return render([Table(_MODELS, tuple(models))], page)


def model_text(model: ModelSummary, page: Page) -> str:
    """One model's manifest, a line per value; long lists are counted, parameters left out."""
    damage = [f"damaged: {model.damage}"] if model.damage else []
    lines = [f"{name}: {value}" for name, value in _flat(plain(model.manifest))]
    covariates = ", ".join(_covariates(*(model.manifest.get(part) for part in _COVARIATES)))
    looks = [f"looks at: {covariates}"] if covariates else []
    return render([Heading(model.name), f"folder: {model.path}", *damage, *lines, *_read_with(model), *looks], page)


def _read_with(model: ModelSummary) -> list[str]:
    """What was said of how to read its prices, as options."""
    reading = model.manifest.get("reading")
    if not isinstance(reading, dict) or not reading:
        return []
    words = " ".join(f"--{name.replace('_', '-')} {_word(value)}" for name, value in reading.items())
    return [f"read with: {words}"]


def _at(tree: Any, *keys: str) -> Any:
    """The value that the keys lead to; None where the manifest has none, as a damaged one may."""
    for key in keys:
        if not isinstance(tree, dict) or key not in tree:
            return None
        tree = tree[key]
    return tree


def _of(*keys: str) -> Callable[[ModelSummary], Any]:
    return lambda model: _at(model.manifest, *keys)


_MODELS: tuple[Column[ModelSummary], ...] = (
    Column("model", lambda model: model.name, align="left"),
    Column("ticker", _of("ticker"), align="left"),
    Column("cell", _of("config", "network", "cell"), rank=1, align="left"),
    Column("served by", _of("served_by"), align="left"),
    Column("trained to", lambda m: _of("served", "cutoff")(m) or _of("scored", "cutoff")(m), align="left"),
    Column("state", lambda model: f"damaged: {model.damage}" if model.damage else "ready", align="words"),
)


def _covariates(known: Any, places: Any) -> Iterator[str]:
    """Each covariate with its exchange and where it was found; of a damaged manifest what can be read."""
    sources = _at(places, "series") or []
    for one, place in zip(_at(known, "series") or [], sources, strict=False):
        yield f"{_word(_at(one, 'name'))} ({_word(_at(one, 'exchange'))}, from {_word(_at(place, 'source') or None)})"
    if _at(places, "known_ahead") is not None:
        yield f"dates known ahead (from {_at(places, 'known_ahead')})"


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
