"""What is fuzzed: everything that reads what somebody else may have written."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from datetime import date
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from stockcast.config import ReadOptions
from stockcast.config.runfile import parse_run_config
from stockcast.config.runs import config_text
from stockcast.config.sources import read_watchlist
from stockcast.pipeline.source import PriceSource
from stockcast.prices import csvfile
from stockcast.prices.csvfile.eventdates import EventTable
from stockcast.prices.csvfile.knowndates import read_known_dates
from stockcast.storage.foldfile import load_fold, save_fold
from stockcast.storage.modelfile import ModelFile, load_model, model_id, model_names, save_model
from stockcast.storage.trainedmodel import from_file
from tests import synthetic
from tests.prices import test_csvfile_properties as texts
from tests.prices.layouts import Written
from tests.storage.test_foldfile import fit, fold
from tests.torture import mutation
from tests.torture.answers import answers, rows
from tests.torture.fuzzing import Case, Reader

SAVED = Path(__file__).parents[1] / "goldens" / "saved" / "models"


@cache
def _written() -> Written:
    h = synthetic.on_exchange("AAPL", date(2021, 4, 30), 40, 1)
    two = {name: np.round(getattr(h, name), 2) for name in ("open", "high", "low", "close")}
    return Written(h.dates, **two, volume=np.round(h.volume, -3))


def _csv(draw: Random, folder: Path) -> Callable[[], Case]:
    bases = [layout(_written()) for layout in texts.LAYOUTS]

    def following() -> Case:
        content = mutation.encoded(draw, mutation.text_of(draw, draw.choice(bases)))
        name = draw.choice(("A.csv",) * 8 + ("A.csv.gz", "A.txt", "A.json"))
        path = folder / name
        path.write_bytes(gzip.compress(content, 1) if name.endswith("gz") and draw.random() < 0.8 else content)
        return partial(csvfile.read, str(path), ReadOptions())

    return following


def _door(draw: Random, folder: Path) -> Callable[[], Case]:
    """The same bars through the door that every command takes: with an exchange, and its calendar."""
    files = _csv(draw, folder)

    def following() -> Case:
        path = files().args[0]  # type: ignore[attr-defined]
        return lambda: PriceSource(None, ReadOptions()).load(path).history

    return following


def _parquet(draw: Random, folder: Path) -> Callable[[], Case]:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    w = _written()
    columns: dict[str, Any] = {
        "Date": pd.to_datetime(w.dates), "Open": w.open, "High": w.high, "Low": w.low, "Close": w.close,
        "Adj Close": w.adjusted, "Volume": w.volume,
    }  # fmt: skip
    path = folder / "A.parquet"

    def column(name: str) -> Any:
        values, kind = list(pd.Series(columns[name])), draw.randrange(6)
        if kind == 0:
            return pa.array(_leaves(draw, len(values)))
        if kind == 1:
            values[draw.randrange(len(values))] = None
            return pa.array(values, from_pandas=True)
        if kind == 2:
            return pa.array([[1.0, 2.0]] * len(values))
        if kind == 3:
            return pa.array([float(leaf) for leaf in draw.choices(mutation.NUMBERS, k=len(values))])
        if kind == 4:
            return pa.array([draw.randrange(-(2**62), 2**62) for _ in values]).cast(
                draw.choice(
                    (pa.int64(), pa.timestamp("ns"), pa.timestamp("s"), pa.duration("ns"), pa.timestamp("us", "UTC"))
                )
            )
        return pa.array([draw.randbytes(3) for _ in values])

    def following() -> Case:
        made = {name: pa.array(pd.Series(values)) for name, values in columns.items()}
        for name in draw.sample(list(made), draw.choice((0, 1, 1, 2))):
            made[name] = column(name)
        if draw.random() < 0.3:
            made[draw.choice(mutation.TEXTS).encode("utf-8", "replace").decode()] = made.pop(draw.choice(list(made)))
        buffer = io.BytesIO()
        try:
            pq.write_table(pa.table(made), buffer)
        except pa.ArrowInvalid:  # a table that no file can hold
            return following()
        content = buffer.getvalue()
        path.write_bytes(mutation.bytes_of(draw, content) if draw.random() < 0.3 else content)
        return partial(csvfile.read, str(path), ReadOptions())

    return following


def _leaves(draw: Random, count: int) -> list[str]:
    return [text.encode("utf-8", "replace").decode() for text in draw.choices(mutation.TEXTS, k=count)]


def _dates(draw: Random, folder: Path) -> Callable[[], Case]:
    days = [str(day) for day in _written().dates]
    bases = (
        "\n".join(["date", *days]), "\n".join(days), "\n".join(["date,ticker", *(f"{day},AAA" for day in days)]),
        "\n".join(["date;when;ticker", *(f"{day};{draw.choice(('bmo', 'amc', '16:30'))};AAA" for day in days)]),
        "\n".join(["datetime,x", *(f"{day}T16:30:00-04:00,1" for day in days)]),
    )  # fmt: skip
    path = folder / "dates.csv"

    def following() -> Case:
        path.write_bytes(mutation.encoded(draw, mutation.text_of(draw, draw.choice(bases))))
        if draw.random() < 0.5:
            return lambda: read_known_dates(str(path)).of("AAA")
        exchange = draw.choice(("XNYS", "XTKS", "24/7"))
        return lambda: EventTable.read(str(path)).of_ticker("AAA", exchange)

    return following


def _toml(draw: Random, folder: Path) -> Callable[[], Case]:
    full = config_text(["AAA", "BBB"])
    bare = "\n".join(line.removeprefix("# ") for line in full.split("\n") if line[:1] != "#" or "=" in line)
    watched = "AAA\nBBB # two\n\n^GSPC\n"
    path = folder / "stockcast.toml"

    def following() -> Case:
        if draw.random() < 0.1:
            path.write_bytes(mutation.encoded(draw, mutation.text_of(draw, watched)))
            return partial(read_watchlist, path)
        base = draw.choice((full, bare, bare))
        text = mutation.text_of(draw, base, "=") if draw.random() < 0.7 else _other_value(draw, base)
        return partial(parse_run_config, path, text)

    return following


def _other_value(draw: Random, text: str) -> str:
    """The text of a configuration with the value of a key put otherwise."""
    rows = text.split("\n")
    at = draw.choice([k for k, row in enumerate(rows) if "=" in row])
    key, _, _ = rows[at].partition("=")
    value = draw.choice((*mutation.NUMBERS, *(json.dumps(leaf) for leaf in mutation.LEAVES[:-6])))
    rows[at] = f"{key.lstrip('# ')}= {value}"
    return "\n".join(rows)


@cache
def _models() -> tuple[ModelFile, ...]:
    return tuple(load_model(SAVED, name) for name in model_names(SAVED))


_BODY = ("config", "served_by", "features", "scored", "served", "pool", "covariates")


def _manifests(draw: Random, _folder: Path) -> Callable[[], Case]:
    def following() -> Case:
        base = draw.choice(_models())
        return partial(_trained, base.name, mutation.tree_of(draw, base.manifest), base.tensors)

    return following


def _tensors(draw: Random, folder: Path) -> Callable[[], Case]:
    base = _models()[0]
    save_model(folder, base)
    manifest, weights = (folder / base.name / name for name in ("manifest.json", "weights.safetensors"))
    whole, plain = manifest.read_bytes(), weights.read_bytes()

    def following() -> Case:
        if draw.random() < 0.6:
            one = draw.choice(_models())
            return partial(_trained, one.name, one.manifest, mutation.arrays_of(draw, one.tensors))
        # Whoever changes the weights may know how to change their hash, too.
        content = mutation.bytes_of(draw, plain)
        said = whole.replace(hashlib.sha256(plain).hexdigest().encode(), hashlib.sha256(content).hexdigest().encode())
        weights.write_bytes(content)
        manifest.write_bytes(_signed(said) if draw.random() < 0.8 else mutation.bytes_of(draw, said))
        return lambda: from_file(load_model(folder, base.name))

    return following


def _signed(manifest: bytes) -> bytes:
    from stockcast.storage.codec import sha256

    said = json.loads(manifest)
    said["manifest_sha256"] = sha256({key: value for key, value in said.items() if key != "manifest_sha256"})
    return json.dumps(said).encode()


def _trained(name: str, manifest: Any, tensors: Any) -> object:
    """The model of a manifest and arrays under the id that is theirs."""
    if isinstance(manifest, dict):
        body = {key: manifest[key] for key in _BODY if key in manifest}
        try:
            manifest = {**manifest, "model_id": model_id(body, tensors)}
        except (TypeError, ValueError):
            return None  # it is no JSON: no file can say it
    else:
        return None
    return from_file(ModelFile(name, manifest, tensors))


def _folds(draw: Random, folder: Path) -> Callable[[], Case]:
    path = folder / "f.npz"
    made = fold()
    save_fold(path, type(made)(made.dists, made.about, fits={"lstm": fit("lstm", 1)}))
    whole = path.read_bytes()
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "sha256"}

    def following() -> Case:
        if draw.random() < 0.5:
            path.write_bytes(mutation.bytes_of(draw, whole))
        else:
            changed = mutation.arrays_of(draw, arrays)
            for name in ("about", "fits"):
                if name in changed and draw.random() < 0.5:
                    changed[name] = np.frombuffer(mutation.bytes_of(draw, arrays[name].tobytes()), np.uint8)
            changed["sha256"] = np.frombuffer(model_id({}, changed).encode(), np.uint8)
            buffer = io.BytesIO()
            np.savez(buffer, **changed)
            path.write_bytes(buffer.getvalue())
        return partial(load_fold, path)

    return following


# What is quick has more turns.
READERS: tuple[tuple[str, Reader], ...] = (
    *[("CSV", _csv)] * 3, ("a file", _door), *[("Parquet", _parquet)] * 2, *[("dates", _dates)] * 3,
    *[("TOML", _toml)] * 4, *[("manifest", _manifests)] * 4, *[("tensors", _tensors)] * 2, ("fold", _folds),
    *[("row", rows)] * 3, ("answer", answers),
)  # fmt: skip
