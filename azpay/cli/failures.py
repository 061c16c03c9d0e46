"""The end of a command that did not go well: words on stderr, a status for the shell.

Statuses are an interface: scripts act on them. A bug of ours has status 1 like any failure, and says that it
is a bug.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from azpay import errors
from azpay.cli.options import globals_of
from azpay.cli.terminal import styled, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer import _click

EXIT_STATUS: dict[type[errors.AzpayError], int] = {
    errors.Failed: 1,
    errors.Usage: 2,
    errors.Declined: 3,
    errors.NotAllowed: 4,
    errors.Unavailable: 5,
    errors.Refused: 6,
    errors.Conflict: 7,
    errors.OutcomeUnknown: 8,
}
BUG = "bug"
FAILED = 1
USAGE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141  # as a shell reports SIGPIPE: neither done nor failed, the reader left

ARGUMENTS = "azpay.cli.arguments"


class Failure(NamedTuple):
    """What is said of an error, and the status that goes with it."""

    code: str
    message: str
    hint: str | None
    operation: str | None
    exit_status: int


@contextmanager
def reported(ctx: _click.Context) -> Iterator[None]:
    """Whatever goes wrong inside is told to the person who typed the command."""
    try:
        yield
        sys.stdout.flush()
    except (typer.Exit, SystemExit):
        raise
    except BaseException as error:
        raise typer.Exit(report(error, ctx)) from None


def report(error: BaseException, ctx: _click.Context | None = None) -> int:
    """Say what happened, and return the exit status."""
    failure = describe(error)
    if failure.message:
        _say(failure)
    if failure.code == BUG and _is_verbose(ctx):
        _show_traceback(error)
    if ctx is not None and _wants_json(ctx):
        _write_document(failure)
    _let_go_of_stdout()
    return failure.exit_status


def describe(error: BaseException) -> Failure:
    if isinstance(error, errors.AzpayError):
        return _describe_ours(error)
    if isinstance(error, typer.TyperException):
        return _describe_usage(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return Failure("interrupted", "Interrupted.", "The same command again resumes.", None, INTERRUPTED)
    if isinstance(error, BrokenPipeError):
        return Failure("broken_pipe", "", None, None, BROKEN_PIPE)
    if isinstance(error, OSError):
        return Failure("system", _system_message(error), None, None, FAILED)
    return _describe_bug(error)


def exit_status(error: errors.AzpayError) -> int:
    return next((EXIT_STATUS[kind] for kind in type(error).__mro__ if kind in EXIT_STATUS), FAILED)


def _describe_ours(error: errors.AzpayError) -> Failure:
    hint = error.hint
    if hint is None and error.operation and isinstance(error, errors.OutcomeUnknown):
        hint = f"`azpay ops resolve {error.operation}`. Do not start anew; the same command goes on with it."
    return Failure(error.code, error.message, hint, error.operation, exit_status(error))


def _describe_usage(error: typer.TyperException) -> Failure:
    ctx = getattr(error, "ctx", None)
    hint = f"{ctx.command_path} --help" if ctx is not None else None
    return Failure("usage", error.format_message(), hint, None, USAGE)


def _system_message(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."


def _describe_bug(error: BaseException) -> Failure:
    return Failure(
        BUG,
        f"This is a bug in azpay: {type(error).__name__}{_place(error)}.",
        "AZPAY_DEBUG=1 shows the details. If money was to move, look at `azpay history` first.",
        None,
        FAILED,
    )


def _place(error: BaseException) -> str:
    """Where in our code it happened; the message itself may hold what must not be shown."""
    package = Path(errors.__file__).parent
    place, trace = "", error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.is_relative_to(package):
            place = f" at {file.relative_to(package.parent)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _say(failure: Failure) -> None:
    interrupted = failure.exit_status == INTERRUPTED
    label = "" if interrupted else styled("Error: ", sys.stderr, "red")
    lines = [label + _lines(failure.message)]
    if failure.hint:
        lines.append(f"  Next: {_lines(failure.hint)}")
    if failure.operation:
        lines.append(f"  Operation: {visible(failure.operation)}")
    with suppress(OSError):
        typer.echo("\n".join(lines), err=True, color=True)


def _lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))


def _write_document(failure: Failure) -> None:
    from azpay.cli.output import write_document

    with suppress(OSError):
        write_document("azpay.error/1", failure._asdict())


def _wants_json(ctx: _click.Context) -> bool:
    """Also when the command line was too wrong to be read to its end."""
    typed: tuple[str, ...] = ctx.meta.get(ARGUMENTS, ())
    options = typed[: typed.index("--")] if "--" in typed else typed
    return globals_of(ctx).json or "--json" in options


def _is_verbose(ctx: _click.Context | None) -> bool:
    asked = ctx is not None and globals_of(ctx).verbosity > 1
    return asked or os.environ.get("AZPAY_DEBUG", "0") not in {"", "0"}


def _show_traceback(error: BaseException) -> None:
    import traceback

    from azpay.logs import redact

    typer.echo(redact("".join(traceback.format_exception(error))), err=True)


def _let_go_of_stdout() -> None:
    """The reader left, as in `azpay history | head -1`, or the disk is full: Python must not fail at it."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
