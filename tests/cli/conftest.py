"""Ways to run a command line: in this process with a pipeline that is faked, and in one of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import stockcast
from stockcast.cli.commands import application
from tests.cli import fakes
from tests.processes import Process

ROOT = Path(__file__).parents[2]
FAKED = "from tests.cli.fakes import install; install(); from stockcast.cli.app import main; main()"
REAL = "from stockcast.cli.app import main; main()"


@dataclass(frozen=True)
class Outcome:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as the one object that it must be."""
        return json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command line here, with the fake pipeline."""
    fake = fakes.module()
    monkeypatch.setitem(sys.modules, "stockcast.pipeline", fake)
    monkeypatch.setattr(stockcast, "pipeline", fake, raising=False)
    fakes.CALLS.clear()
    handler = signal.getsignal(signal.SIGINT)

    def command_line(*words: str) -> Outcome:
        capsys.readouterr()
        code = get_command(application(words)).main(list(words), standalone_mode=False)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    yield command_line
    signal.signal(signal.SIGINT, handler)


def environment() -> dict[str, str]:
    """The environment of a process that imports stockcast and the tests from this tree."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def forked(*words: str, folder: Path | None = None) -> Outcome:
    """Run the command line, in a folder, in a process that had imported everything before it began."""
    process = Process(words, folder or Path.cwd(), os.environ)
    out, err = process.communicate(timeout=100)
    assert process.returncode is not None
    return Outcome(process.returncode, out, err)


def python(code: str, *words: str) -> Outcome:
    """Run Python code in a process of its own, with these arguments."""
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, env=environment(), check=False, timeout=50
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
