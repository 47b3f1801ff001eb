"""Owner of stdout and stderr: stdout carries the answer, stderr the log. Nothing else in stockcast writes to either.

What went wrong outside the exception tree is made fit for a reader here: crashes, interruptions, full disks.

Levels are those of `logging`, which is not imported for three numbers.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stockcast.cli.interruption import answered
from stockcast.errors import Failure, StockcastError, StorageError
from stockcast.text import printable
from stockcast.versions import installed_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import NoReturn

    from stockcast.cli.options import Common
    from stockcast.report.text import Page


PACKAGES = ("stockcast", "numpy", "torch", "pandas", "scipy", "arch", "typer", "rich", "exchange-calendars", "pyarrow")

CRASH_LOGS = 20
"""Logs of crashes that are kept, the newest."""


_NO_MEMORY = re.compile(
    "failed to map segment from shared object(?!: Oper)|an(not|'t) allocate memory|can't start new thread|bad_alloc"
)
"""How libraries say it that is no MemoryError of theirs; an operation that is not permitted is no matter of memory."""


class UnexpectedError(StockcastError):
    """A mistake of ours: an exception that nobody expected."""

    kind = "unexpected"


class InterruptedRun(StockcastError):  # noqa: N818 - the name says what happened
    """The user pressed Ctrl-C."""

    exit_code = 130
    kind = "interrupted"


def explainable(error: Exception, home: Path | None) -> StockcastError:
    """The exception as one that a user can act on; an unexpected one leaves its traceback in a log under `home`."""
    if isinstance(error, StockcastError):
        return error
    for cause in _causes(error):
        if (limit := _limit(cause)) is not None:
            return limit
    summary = " ".join(f"unexpected {type(error).__name__}: {error}".split())
    return UnexpectedError(summary, _log(error, home))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, and what it came of, or what was being handled when it came: libraries' handlers fail, too."""
    seen: list[BaseException] = []
    here: BaseException | None = error
    while here is not None and here not in seen:
        seen.append(here)
        yield here
        here = here.__cause__ or (None if here.__suppress_context__ else here.__context__)


def _limit(error: BaseException) -> StockcastError | None:
    """What the machine, or a limit that was set, did not give; None where it is something else."""
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT):
        place = f" ({error.filename})" if isinstance(error, OSError) and error.filename else ""
        return StorageError(f"{os.strerror(code)}{place}", "free some space and run it again")
    if isinstance(error, MemoryError) or code == errno.ENOMEM or _NO_MEMORY.search(str(error)):
        return StockcastError(
            "there is not enough memory",
            "ask for less at once: fewer sources, or a lower --jobs; or allow the process more: ulimit -v",
        )
    if code in (errno.EMFILE, errno.ENFILE):
        return StorageError(os.strerror(code), "allow the process more open files: ulimit -n")
    return None


def interrupted(kept: Sequence[str] = ()) -> InterruptedRun:
    """What Ctrl-C left behind: nothing, or the models of the sources that were done before."""
    if CommandState.answering:
        return InterruptedRun("interrupted in the middle of the answer; the work was done")
    if not kept:
        return InterruptedRun("interrupted; nothing was saved")
    return InterruptedRun(f"interrupted; saved before that: {', '.join(kept)}")


def _log(error: Exception, home: Path | None) -> str:
    moment = datetime.now(UTC)
    target: Path | None = None
    try:
        from stockcast.config import default_home
        from stockcast.storage.files import open_private, private_folder

        folder = (home or default_home()) / "logs"
        target = folder / f"crash-{moment:%Y%m%dT%H%M%S.%f}Z.log"
        private_folder(folder)
        _forget_old(folder)
        with open(target, "x", encoding="utf-8", errors="backslashreplace", opener=open_private) as log:
            log.write(printable(_report(error, moment), keep="\n\t"))
    except Exception as refusal:  # noqa: BLE001 - whatever stops the log must not hide the crash
        return f"its traceback could not be written to {target or 'the log'} ({refusal}); name a folder with --home"
    return f"the traceback is in {target}"


def _forget_old(folder: Path) -> None:
    """Leave room for one more log of a crash."""
    for old in sorted(folder.glob("crash-*.log"))[: 1 - CRASH_LOGS]:  # by their names: the time
        with suppress(OSError):
            old.unlink()


def _report(error: Exception, moment: datetime) -> str:
    import platform
    import traceback

    lines = [
        f"time: {moment.isoformat()}",
        f"command: {sys.argv}",
        f"python: {sys.version}",
        f"platform: {platform.platform()}",
        *(f"{name}: {installed_version(name) or 'not installed'}" for name in PACKAGES),
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(lines)


DETAIL, STORY, ERRORS = 10, 20, 40
_LINE_END = re.compile("(\r\n)")
_KEPT = re.compile("(\r\n|\x1b\\[[0-9;]*m)")  # and Rich's colours

FILE_WIDTH = 120  # characters of a table that goes to a file or a pipe
NARROWEST, WIDEST = 40, 1000  # characters of what goes to a terminal, whatever is told of it


@dataclass(frozen=True)
class Console:
    """What one command may say, and how much of it."""

    level: int = STORY

    def say(self, line: str, detail: bool = False) -> None:
        """One line of the log; `detail` for the curious only."""
        if self.level <= (DETAIL if detail else STORY):
            log(line)


def log(line: str) -> None:
    """Write one line to stderr; a stderr that is closed or full is no reason to fail."""
    with suppress(OSError, ValueError):
        _write(sys.stderr, printable(line, keep="\n\t") + "\n")


class CommandState:
    """How far the command is.

    Attributes:
        answering: The answer, which is one document, has begun to be written.
        saved: The sources whose models are on the disk.
    """

    answering = False
    saved: tuple[str, ...] = ()

    @classmethod
    def begin(cls) -> None:
        """A command begins."""
        cls.answering, cls.saved = False, ()


def answer(content: str) -> None:
    """Write the answer to stdout, whole.

    What is not for the eye, and no colour of a table on a terminal, becomes a question mark. A reader that has gone
    away (`| head -1`) is no error.

    Raises:
        StorageError: Where stdout cannot be written.
    """
    shown = _shown(content)
    with writing():
        CommandState.answering = True
        _write(sys.stdout, shown)
        answered()


@contextmanager
def writing() -> Iterator[None]:
    """Write to stdout inside.

    Raises:
        StorageError: Where stdout cannot be written, unless its reader has gone away.
    """
    try:
        yield
    except KeyboardInterrupt:
        abandon_stdout()  # its reader may not take the rest, ever
        raise
    except BrokenPipeError:
        abandon_stdout()
    except OSError as error:
        abandon_stdout()
        raise unwritable(error) from error


def unwritable(error: OSError) -> StorageError:
    """What to tell when stdout refuses its bytes."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    hint = "free some space, or send the output elsewhere" if is_full(error) else "send the output elsewhere"
    return StorageError(f"cannot write to standard output: {reason}", hint)


def is_full(error: OSError) -> bool:
    """Whether a disk or a quota is used up."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def abandon_stdout() -> None:
    """Send what stdout still holds to nowhere, so that the interpreter's last flush cannot fail."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def errors(failures: Sequence[Failure]) -> None:
    """Tell each failure on stderr: what is wrong, and what to do next."""
    for failure in failures:
        log(error_lines(failure))


def error_lines(failure: Failure) -> str:
    """One failure in one line, and its hint in a second; the source is named where the message does not name it."""
    # A line each: a line feed in a file's name could begin what looks like another message.
    parts = (failure.error.message, failure.source, failure.error.hint)
    message, source, hint = (" ".join(words.splitlines()) for words in parts)
    if isinstance(failure.error, InterruptedRun):
        return message
    named = message if not source or source in message else f"{source}: {message}"
    lines = [f"error: {named}"]
    if hint:
        lines.append(f"  hint: {hint}")
    return "\n".join(lines)


def deliver(
    schema: str,
    common: Common,
    failures: Sequence[Failure],
    data: Callable[[], object],
    text: Callable[[Page], str] | None = None,
) -> NoReturn:
    """End a command: failures on stderr, its answer on stdout, and the highest exit code.

    Args:
        schema: The command's name in the JSON envelope.
        common: Whether JSON is wanted.
        failures: What went wrong, of sources or as a whole.
        data: Makes what the envelope carries.
        text: Makes what a reader sees on this page; None where there is nothing to see.
    """
    import typer

    errors(failures)
    if common.as_json:
        from stockcast.report.data import envelope

        answer(envelope(schema, data(), failures))
    elif text is not None:
        answer(text(stdout_page()))
    raise typer.Exit(worst(failures))


def worst(failures: Sequence[Failure]) -> int:
    """The highest exit code, 0 without failures."""
    return max((failure.error.exit_code for failure in failures), default=0)


def save(path: Path | None, write: Callable[[Path], object], said: str, common: Common) -> list[Failure]:
    """Write a file that was asked for, and say so; where it cannot be written, the answer is still printed.

    Args:
        path: The file; None where none was asked for.
        write: Writes it.
        said: What the log says before its name.
        common: Who speaks.

    Returns:
        The failure, if any.
    """
    if path is None:
        return []
    try:
        write(path)
    except StockcastError as error:
        return [Failure("", error)]
    common.console.say(f"{said} {path}")
    return []


def stdout_page() -> Page:
    """The sheet for tables on stdout: a terminal's width and colours, or a plain one for files and pipes."""
    from shutil import get_terminal_size

    from stockcast.report.text import Page

    terminal = is_terminal(sys.stdout)
    width = get_terminal_size((FILE_WIDTH, 24)).columns if terminal or os.environ.get("COLUMNS") else FILE_WIDTH
    return Page(width=max(width, NARROWEST), colour=_coloured(terminal), unicode=_draws_lines())


def fit_width() -> None:
    """Let the environment tell a terminal's width that something can be read in, or none."""
    for name in ("COLUMNS", "TERMINAL_WIDTH"):  # Typer has a name of its own
        told = os.environ.pop(name, "")[:9]
        if told.isdecimal() and int(told):
            os.environ[name] = str(min(max(int(told), NARROWEST), WIDEST))


def file_page() -> Page:
    """The sheet for tables in a file."""
    from stockcast.report.text import Page

    return Page(width=FILE_WIDTH)


def is_terminal(stream: object) -> bool:
    """Whether a person looks at the stream."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined] # what has none is no terminal
    except (AttributeError, ValueError):
        return False


def _shown(content: str) -> str:
    kept = _KEPT if _coloured(is_terminal(sys.stdout)) else _LINE_END
    # `split` with a group: what is kept has the odd places.
    parts = enumerate(kept.split(content))
    return "".join(part if place % 2 else printable(part, keep="\n\t") for place, part in parts)


def _coloured(terminal: bool) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (terminal and os.environ.get("TERM") != "dumb")


def _draws_lines() -> bool:
    try:
        "─".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write(stream: object, content: str) -> None:
    try:
        stream.write(content)  # type: ignore[attr-defined]
    except UnicodeEncodeError as error:
        stream.write(content.encode(error.encoding, "replace").decode(error.encoding))  # type: ignore[attr-defined]
    stream.flush()  # type: ignore[attr-defined]
