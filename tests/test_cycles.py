"""The check of `make lint` for files that import each other in a circle finds one, and the package has none."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

grimp = pytest.importorskip("grimp", reason="comes with the checks of the tree")


def check() -> ModuleType:
    """The script, which stands beside the package."""
    spec = spec_from_file_location("cycles", Path(__file__).parents[1] / ".ci" / "cycles.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def graph() -> Any:
    """Who imports whom, but for types alone."""
    return grimp.build_graph("stockcast", exclude_type_checking_imports=True, cache_dir=None)


def test_no_file_imports_another_in_a_circle(graph: Any) -> None:
    assert check().cycles(graph) == []


def test_a_circle_over_several_files_is_found(graph: Any) -> None:
    graph.add_import(importer="stockcast.errors", imported="stockcast.pipeline.source")
    (found,) = check().cycles(graph)
    assert {"stockcast.errors", "stockcast.pipeline.source", "stockcast.prices.checks"} <= {*found}
