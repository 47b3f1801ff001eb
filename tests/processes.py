"""Command lines and scripts in processes of their own, forked from one that has imported stockcast and what is large.

Importing is four fifths of a short training. What a cold start needs is tested by processes that begin from nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import runpy
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import stockcast

_context = multiprocessing.get_context("forkserver")
# Not matplotlib: it looks for its folders when it is imported, and each test has its own. yfinance does so, too, but
# stockcast opens nothing there, as a test of processes that begin from nothing shows.
_context.set_forkserver_preload(
    ["torch", "pandas", "scipy.optimize", "scipy.stats", "arch.univariate", "exchange_calendars", "curl_cffi.requests",
     "bs4", "peewee", "yfinance", "rich.console", "rich.table", "typer",
     *(module.name for module in pkgutil.walk_packages(stockcast.__path__, "stockcast."))]
)  # fmt: skip


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
