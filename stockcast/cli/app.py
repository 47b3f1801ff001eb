"""The console entry. It imports next to nothing, so that Ctrl-C is answered from the first moment on."""

from __future__ import annotations

import os

INTERRUPTED = 130

try:
    import sys
    from contextlib import suppress

    from stockcast.cli.interruption import answered, listen
except KeyboardInterrupt:
    os._exit(INTERRUPTED)


def main() -> None:
    """Run the command line in `sys.argv` and leave the process with its exit code."""
    listen(lambda: os._exit(INTERRUPTED))
    _fill_gaps()
    if not sys.warnoptions:
        import warnings

        # What libraries warn about is for developers; python -W shows it.
        warnings.simplefilter("ignore")
    # PyTorch's kernels tell stderr what this processor lacks.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    # Nothing here multiplies large matrices; OpenBLAS's idle threads would cost more than all of a forecast.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = _run(sys.argv[1:])
    finally:
        # All is written. While the interpreter takes itself apart, a Ctrl-C finds nobody who would catch it.
        answered()
    if code == INTERRUPTED:
        _leave_at_once()
    sys.exit(code)


def _fill_gaps() -> None:
    """Open nothing in the place of each standard stream that is closed.

    A file of ours would take its number otherwise, and what a library writes to the stream would go into the file. And
    libraries flush what Python has in its place, which is None.
    """
    for number in () if os.name == "nt" else (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it has the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process


def _run(arguments: list[str]) -> int:
    """The exit code of a command line."""
    try:
        from typer.main import get_command

        from stockcast.cli.commands import application, completing
        from stockcast.cli.console import fit_width

        fit_width()
        asked = completing()
        command = get_command(application(arguments if asked is None else asked))
        code: int = command.main(arguments, prog_name="stockcast", standalone_mode=False)
        return code
    except KeyboardInterrupt:
        answered()
        from stockcast.cli.commands import stop

        return stop(arguments)


def _leave_at_once() -> None:
    """End with the exit code of an interruption.

    An interruption that passed through `exec`, as an import that makes dataclasses does, has Python kill itself by
    SIGINT at a regular exit, and the code that was promised is lost.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(INTERRUPTED)
