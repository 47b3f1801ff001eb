"""What the repository tells of its own installation: names, versions, bounds, instructions that lead nowhere else."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockcast.cli.console import PACKAGES
from stockcast.versions import VERSION, installed_version
from tests.processes import ROOT, cold

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

INSTALLS = re.compile(
    r"""\b(?:(?:pip[\d.]*|pipx|uv|poetry|pdm|rye|conda|mamba)\s+(?:[a-z]+\s+)?(?:install|inject|add|run|upgrade|download)
        |uvx|pipx\s+run)\b
        [^`\n;|&]*?[\s=]["']?stockcast(?:-cli)?(?![\w./-])""",
    re.VERBOSE,
)
"""An installation by name. From the checkout it is a path; a wheel's file name goes on after the name."""


def instructions(text: str) -> list[str]:
    """Installations by name in a text, a list of words in a program and a continued line included."""
    plain = re.sub(r"""["']\s*,\s*["']""", " ", text.replace("\\\n", " "))
    return [found.group() for found in INSTALLS.finditer(plain)]


def texts() -> Iterator[tuple[str, str]]:
    """Name and content of each text file that git tracks."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in names.decode().split("\0"):
        if name and (ROOT / name).is_file() and b"\0" not in (data := (ROOT / name).read_bytes()):
            yield name, data.decode(errors="replace")


def test_nothing_in_the_repository_installs_stockcast_by_its_name() -> None:
    found = {name: hits for name, text in texts() if (hits := instructions(text))}
    assert found == {}


@pytest.mark.parametrize("name", ["stockcast", "stockcast-cli"])
@pytest.mark.parametrize(
    "form",
    ["pip install {}", "pip3 install {}", "pip install '{}[export]'", 'pip install -U "{}[test]==0.1"', "uv add {}",
     "python -m pip install --upgrade {}", "uv pip install {}", "uv tool install --python 3.12 {}", "pipx install {}",
     "pipx run {} predict AAPL", "uvx {} --help", "pip install onnx {}", 'run(["pip", "install", "{}"])',
     "pip install \\\n  {}", "pipx inject {} onnx"],
)  # fmt: skip
def test_each_form_of_such_an_instruction_is_found(form: str, name: str) -> None:
    assert instructions(form.format(name))


@pytest.mark.parametrize(
    "fine",
    ["pip install .", "pip install '.[export]'", "`pip install .`, then `stockcast --help`", "pip install onnx",
     "pip install dist/stockcast_cli-0.1.0-py3-none-any.whl", "pipx install ./stockcast", "uv run python -m pytest"],
)  # fmt: skip
def test_an_installation_from_the_checkout_is_fine(fine: str) -> None:
    assert instructions(fine) == []


def test_the_distribution_is_not_the_strangers_and_its_command_is_ours() -> None:
    assert PROJECT["project"]["name"] == "stockcast-cli"
    assert list(PROJECT["project"]["scripts"]) == ["stockcast"]


def test_a_strangers_stockcast_does_not_lend_us_its_version(tmp_path: Path) -> None:
    info = tmp_path / "stockcast-99.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stockcast\nVersion: 99.9\n")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from importlib.metadata import version
from stockcast.versions import installed_version, versions
print(version("stockcast"), installed_version("stockcast"), versions()["stockcast"])
"""
    assert cold(code=code, folder=ROOT).succeeded().out.split() == ["99.9", VERSION, VERSION]


def test_nothing_else_looks_our_version_up() -> None:
    lookup = re.compile(r"""\b(?:version|distribution|metadata)\(\s*["']stockcast""")
    allowed = "tests/test_packaging.py"
    assert [name for name, text in texts() if name.endswith(".py") and name != allowed and lookup.search(text)] == []


def test_versions_are_those_of_the_packages_and_one_that_is_missing_is_none() -> None:
    assert installed_version("no-such-distribution") is None
    assert [name for name in PACKAGES if installed_version(name) is None] == []


def test_each_upper_bound_has_its_reason_beside_it() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    bound = re.compile(r'^\s*"[\w.-]+(?:>=[\w.]+)?,?<[\w.]+",?(?P<rest>.*)$')
    bounded = [found for line in lines if (found := bound.match(line))]
    assert len(bounded) >= 3
    assert [found.string for found in bounded if not re.match(r"\s*# \w+", found["rest"])] == []


def test_every_dependency_has_a_lowest_version_to_be_tested_with() -> None:
    project = PROJECT["project"]
    asked = (
        project["dependencies"] + project["optional-dependencies"]["test"] + project["optional-dependencies"]["export"]
    )
    assert [text for text in asked if ">=" not in text] == []
