"""The group that every command belongs to. It catches errors, once, and turns them into a line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import typer
from typer.core import TyperGroup

from stockcast.cli import console
from stockcast.cli.coercion import lighten
from stockcast.cli.failures import explain, interrupted
from stockcast.cli.interruption import answered
from stockcast.cli.peek import Peek, peek
from stockcast.errors import Failure, StockcastError, UsageError


@runtime_checkable
class Complaint(Protocol):
    """What Typer raises about a command line; it exports the subclass BadParameter, but not the base."""

    exit_code: int

    def format_message(self) -> str:
        """The complaint in words."""
        ...


class Group(TyperGroup):
    """A Typer group whose parameters are cheap to parse and whose errors are caught here."""

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """The command of that name, or None."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            lighten(command.get_params(ctx))
        return command

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Take the group's own options from the arguments."""
        lighten(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,  # noqa: ARG002
        standalone_mode: bool = True,
        windows_expand_args: bool = True,  # noqa: ARG002
        **extra: Any,
    ) -> Any:
        """Run one command line; every exit code of the program comes from here."""
        arguments = list(sys.argv[1:] if args is None else args)
        code = self._guarded(arguments, prog_name or "stockcast", extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _guarded(self, arguments: list[str], program: str, extra: dict[str, Any]) -> int:
        try:
            with self.make_context(program, list(arguments), **extra) as context:
                self.invoke(context)
        except typer.Exit as leaving:
            return leaving.exit_code
        except KeyboardInterrupt:
            return stop(arguments)
        except BrokenPipeError:
            console.abandon_stdout()
        except SystemExit as leaving:
            # Rich, too, notices a reader that has gone away, and leaves by this door.
            return 0 if isinstance(leaving.__context__, BrokenPipeError) else _code(leaving)
        except Exception as error:  # noqa: BLE001 - the one place that catches everything
            seen = peek(arguments)
            return fail(seen, _explained(error, seen))
        return 0


def fail(seen: Peek, error: StockcastError) -> int:
    """Tell an error that concerns the whole command, on stderr and, under --json, on stdout. Returns its exit code."""
    failures = (Failure("", error),)
    console.errors(failures)
    if seen.as_json:
        from stockcast.report.data import envelope

        try:
            console.answer(envelope(seen.command, None, failures))
        except StockcastError as second:
            console.errors((Failure("", second),))
    return error.exit_code


def stop(arguments: list[str]) -> int:
    """End after Ctrl-C."""
    answered()
    return fail(peek(arguments), interrupted())


def _explained(error: Exception, seen: Peek) -> StockcastError:
    if isinstance(error, Complaint):
        program = " ".join(["stockcast", *(seen.command.split(".") if seen.command else [])])
        message = " ".join(error.format_message().split()).rstrip(".")
        return UsageError(message[:1].lower() + message[1:], f"see '{program} --help'")
    return explain(error, seen.home)


def _code(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    return leaving.code if isinstance(leaving.code, int) else 1
