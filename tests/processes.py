"""Command lines and scripts in processes of their own, and how they ended.

Most are forked from a process that has imported stockcast and what is large: importing is four fifths of a short
training. What a cold start needs is tested by processes that begin from nothing.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

import stockcast
from tests.goldens import schemas

ROOT = Path(__file__).parents[1]
COMMAND = "from stockcast.cli.app import main; main()"
"""The command line as Python code."""

LIMIT = 300  # s, for a process that would never end

_context = multiprocessing.get_context("forkserver")
# Not matplotlib: it looks for its folders when it is imported, and each test has its own. yfinance does so, too, but
# stockcast opens nothing there, as a test of processes that begin from nothing shows.
_context.set_forkserver_preload(
    ["torch", "pandas", "scipy.optimize", "scipy.stats", "arch.univariate", "exchange_calendars", "curl_cffi.requests",
     "bs4", "peewee", "yfinance", "rich.console", "rich.table", "typer",
     *(module.name for module in pkgutil.walk_packages(stockcast.__path__, "stockcast."))]
)  # fmt: skip


@dataclass(frozen=True)
class Completed:
    """How a command line ended: its exit code and what it wrote. A traceback on stderr fails the test."""

    code: int
    out: str
    err: str

    def __post_init__(self) -> None:
        assert "Traceback (most" not in self.err, self.err

    @property
    def json(self) -> Any:
        """stdout as the one JSON object that it must be, and as its published schema says."""
        document = json.loads(self.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        assert not schemas.problems_of(document)
        return document

    @property
    def data(self) -> Any:
        """`data` of that object."""
        return self.json["data"]

    @property
    def errors(self) -> list[dict[str, str | None]]:
        """`errors` of that object."""
        found: list[dict[str, str | None]] = self.json["errors"]
        return found

    def succeeded(self) -> Completed:
        """Itself; the test fails where the command did."""
        assert self.code == 0, self.err
        return self

    def failed(self, code: int, *words: str) -> Completed:
        """Itself; the test fails unless the command ended with this code, these words, a hint, and no answer."""
        assert self.code == code, self.err
        for word in (*words, "error: ", "  hint: "):
            assert word in self.err
        assert self.out == ""
        return self


class Process:
    """A command line at work, or a script where one is given; warnings are errors there.

    It is waited for and signalled as a `subprocess.Popen` is.
    """

    def __init__(
        self,
        words: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str],
        script: Path | None = None,
        umask: int = 0o022,
    ) -> None:
        (out, into_out), (err, into_err) = (_context.Pipe(duplex=False) for _ in range(2))
        arguments = ([str(word) for word in words], folder, dict(environment), script, umask, into_out, into_err)
        self._process = _context.Process(target=_begin, args=arguments, daemon=True)
        self._process.start()
        self.stdout, self.stderr = (os.fdopen(os.dup(pipe.fileno()), encoding="utf-8") for pipe in (out, err))
        for pipe in (out, into_out, err, into_err):
            pipe.close()

    @property
    def returncode(self) -> int | None:
        """Its exit code; minus the signal that ended it; None while it is at work."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self._process.exitcode is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._process.kill()

    def completed(self, timeout: float = LIMIT) -> Completed:
        """Wait until it has ended."""
        try:
            out, err = self.communicate(timeout)
        finally:
            self.kill()
        assert self.returncode is not None
        return Completed(self.returncode, out, err)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it has written, once it has ended. Kills it and raises TimeoutError after `timeout` s."""
        with self.stdout, self.stderr, ThreadPoolExecutor(2) as readers:
            out, err = readers.submit(self.stdout.read), readers.submit(self.stderr.read)
            self._process.join(timeout)
            if self._process.exitcode is None:
                self.kill()
                raise TimeoutError(f"still at work after {timeout} s")
            return out.result(), err.result()


def _begin(
    words: list[str],
    folder: Path,
    environment: dict[str, str],
    script: Path | None,
    umask: int,
    out: Connection,
    err: Connection,
) -> None:
    """Take up the environment of a process that was begun for this, and go to work."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None
    os.chdir(folder)
    os.umask(umask)
    for pipe, number in ((out, 1), (err, 2)):
        os.dup2(pipe.fileno(), number)
        pipe.close()
    if script is not None:
        sys.argv = [str(script), *words]
        warnings.simplefilter("error")
        runpy.run_path(str(script), run_name="__main__")
        return
    sys.argv = ["stockcast", *words]
    from stockcast.cli.app import main

    main()


def forked(
    *words: str | Path, folder: Path | None = None, script: Path | None = None, env: Mapping[str, str] | None = None
) -> Completed:
    """Run a command line or a script in a process that had imported everything before it began.

    Args:
        words: Its arguments.
        folder: Where it works; here if none is given.
        script: A file of Python to run in the place of the command line.
        env: All variables of its environment; this process's if none are given.

    """
    return Process(words, folder or Path.cwd(), os.environ if env is None else env, script).completed()


def cold(
    *words: str | Path,
    folder: Path | None = None,
    stdin: str | None = None,
    code: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Run a command line, or Python code with these arguments, in a process that begins from nothing, as a user's does.

    Args:
        words: Its arguments.
        folder: Where it works; here if none is given.
        stdin: What it reads.
        code: Python to run in the place of the command line; it may import the tests of this tree.
        env: All variables of its environment; `environment()` if none are given.

    """
    start = ["-m", "stockcast"] if code is None else ["-c", code]
    done = subprocess.run(
        [sys.executable, "-P", *start, *map(str, words)], cwd=folder, env=environment() if env is None else env,
        input=stdin, capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    return Completed(done.returncode, done.stdout, done.stderr)


def loaded(*words: str | Path, code: str = COMMAND, folder: Path | None = None) -> set[str]:
    """The modules in the memory of a process when a command line, or other code, has ended well in it."""
    listing = "import atexit, sys; atexit.register(lambda: print('loaded:', *sys.modules, file=sys.stderr)); "
    done = cold(*words, code=listing + code, folder=folder).succeeded()
    return set(done.err.rpartition("loaded: ")[2].split())


def packages_loaded(*words: str | Path, code: str = COMMAND, folder: Path | None = None) -> set[str]:
    """The top-level packages of those modules."""
    return {name.partition(".")[0] for name in loaded(*words, code=code, folder=folder)}


def environment(**more: str) -> dict[str, str]:
    """The environment of a process that imports stockcast and the tests from this tree."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}
