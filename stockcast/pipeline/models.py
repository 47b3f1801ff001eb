"""Saved models: listed, shown, removed; and results written to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from stockcast.errors import ModelError
from stockcast.results.models import ModelSummary
from stockcast.results.training import ForecastRows, TrainResult
from stockcast.storage import modelfile, trainedmodel


def save_rows(path: Path, results: Sequence[TrainResult]) -> None:
    """Every test forecast of several trainings in one file, CSV or Parquet by its suffix, written atomically."""
    from stockcast.storage.forecastrows import write

    write(path, [rows for result in results for rows in result.test_forecasts])


def save_forecasts(path: Path, rows: Sequence[ForecastRows]) -> None:
    """Every forecast of a backtest in one file, CSV or Parquet by its suffix, written atomically."""
    from stockcast.storage.forecastrows import write

    write(path, rows)


def save_files(files: Mapping[Path, str | bytes]) -> None:
    """Write each file, whole or not at all, in folders made for them. Raises StorageError at the first that fails."""
    from stockcast.storage.files import storage_error, write_atomic

    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(path, error) from error
        write_atomic(path, content.encode() if isinstance(content, str) else content)


def list_models(home: Path) -> tuple[ModelSummary, ...]:
    """Every saved model, the damaged ones with what is wrong with them."""
    found = []
    for name in modelfile.list_models(home / "models"):
        try:
            found.append(show_model(home, name))
        except ModelError as error:
            found.append(ModelSummary(name, home / "models" / name, damage=error.message))
    return tuple(found)


def show_model(home: Path, name: str) -> ModelSummary:
    """One saved model. Raises ModelError where it is missing or damaged."""
    file = modelfile.load(home / "models", name)
    trainedmodel.from_file(file)
    return ModelSummary(name, home / "models" / name, file.manifest)


def remove_model(home: Path, name: str) -> None:
    """Delete a saved model. Raises ModelError where there is none, LockedError while another run writes it."""
    modelfile.remove(home / "models", name)
