"""Fold files: the forecasts of one stage of a backtest, so that an interrupted one goes on where it was."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from stockcast.errors import ModelError
from stockcast.models.distribution import Distribution, Empirical, StudentT
from stockcast.storage.files import storage_error, write_atomic

_FORMAT = "stockcast.fold/1"
"""To be raised when the same settings and prices come to give other forecasts."""

# A torn archive, one of another kind, or one whose arrays are no laws.
_UNREADABLE = (
    OSError, EOFError, BadZipFile, zlib.error, NotImplementedError,
    ValueError, KeyError, TypeError, AttributeError, ModelError,
)  # fmt: skip


@dataclass(frozen=True)
class FoldFile:
    """laws: of every competitor at the fold's origins, by name. about: what else is known of the fold, plain JSON."""

    laws: Mapping[str, Distribution]
    about: Mapping[str, Any]


def key_of(described: Mapping[str, Any], *arrays: Any) -> str:
    """Name of a fold: the hash of all that its forecasts depend on. `described` is plain JSON."""
    digest = hashlib.sha256(json.dumps({"format": _FORMAT, **described}, sort_keys=True, allow_nan=False).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:24]


def save(path: Path, fold: FoldFile) -> None:
    """Write a fold, whole or not at all. Raises StorageError."""
    arrays: dict[str, Any] = {"about": np.frombuffer(json.dumps(dict(fold.about), allow_nan=False).encode(), np.uint8)}
    for name, law in fold.laws.items():
        if isinstance(law, StudentT):
            arrays[f"t:{name}"] = np.stack([law.loc, law.scale, law.nu])
        elif isinstance(law, Empirical):
            arrays[f"e:{name}"] = law.values_NK
        else:
            raise TypeError(f"no file format for {type(law).__name__}")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(path, error) from error
    write_atomic(path, buffer.getvalue())


def load(path: Path) -> FoldFile | None:
    """The fold in `path`; None where there is none, or none that can be read whole: it is made again then."""
    try:
        # Opened here: NumPy leaves a torn archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            laws: dict[str, Distribution] = {}
            for entry in arrays.files:
                family, _, name = entry.partition(":")
                if family == "t":
                    loc, scale, nu = arrays[entry]
                    laws[name] = StudentT(loc, scale, nu)
                elif family == "e":
                    laws[name] = Empirical(arrays[entry])
            return FoldFile(laws, about) if laws and isinstance(about, dict) else None
    except _UNREADABLE:
        return None
