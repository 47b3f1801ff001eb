"""A command line in this process, with a pipeline that is faked."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator

import pytest
from typer.main import get_command

import stockcast
from stockcast.cli.commands import application
from tests.cli import fakes
from tests.processes import COMMAND, Completed

FAKED = f"from tests.cli.fakes import install; install(); {COMMAND}"
"""The command line as Python code, with the fake pipeline."""


Run = Callable[..., Completed]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command line here, with the fake pipeline."""
    fake = fakes.module()
    monkeypatch.setitem(sys.modules, "stockcast.pipeline", fake)
    monkeypatch.setattr(stockcast, "pipeline", fake, raising=False)
    fakes.CALLS.clear()
    handler = signal.getsignal(signal.SIGINT)

    def command_line(*words: str) -> Completed:
        capsys.readouterr()
        code = get_command(application(words)).main(list(words), standalone_mode=False)
        out, err = capsys.readouterr()
        return Completed(code, out, err)

    yield command_line
    signal.signal(signal.SIGINT, handler)
