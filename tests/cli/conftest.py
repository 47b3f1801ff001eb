"""A command line in this process, with a pipeline that is faked."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from typer.main import get_command

import stockcast
from stockcast.cli.commands import application
from tests.cli.fakes import Call, FakePipeline
from tests.processes import COMMAND, Completed

FAKED = f"from tests.cli.fakes import install; install(); {COMMAND}"
"""The command line as Python code, with the fake pipeline."""


@dataclass(frozen=True)
class Run:
    """Runs a command line here, with the fake pipeline."""

    pipeline: FakePipeline
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Completed:
        self.capsys.readouterr()
        code = get_command(application(words)).main(list(words), standalone_mode=False)
        return Completed(code, *self.capsys.readouterr())

    @property
    def calls(self) -> list[Call]:
        """What the pipeline was asked for, in order."""
        return self.pipeline.calls

    def of(self, name: str) -> list[Call]:
        """The calls of one of its functions."""
        return [call for call in self.calls if call.name == name]

    def last(self, name: str) -> Call:
        """The last of them."""
        return self.of(name)[-1]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """A command line with the fake pipeline."""
    pipeline, real = FakePipeline(), stockcast.pipeline
    monkeypatch.setitem(sys.modules, "stockcast.pipeline", pipeline)
    monkeypatch.setattr(stockcast, "pipeline", pipeline, raising=False)
    handler = signal.getsignal(signal.SIGINT)
    yield Run(pipeline, capsys)
    signal.signal(signal.SIGINT, handler)
    # What is imported meanwhile of the real one would stay unknown to it.
    for name, module in list(sys.modules.items()):
        if name.rpartition(".")[0] == real.__name__:
            setattr(real, name.rpartition(".")[2], module)
