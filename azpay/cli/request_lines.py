"""What the sandbox's server tells, a line each: for people as wide as their terminal, or as JSON."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import typer

from azpay.cli.terminal import styled, visible

if TYPE_CHECKING:
    from azpay.sandbox.loglines import Log, LogLine

_LEAST = 14
"""Characters of an address or a code that remain in the narrowest terminal."""


def telling(log_format: str) -> Log:
    """`console`, `json`, or `auto`: console on a terminal and JSON elsewhere."""
    if log_format == "json" or (log_format == "auto" and not sys.stderr.isatty()):
        return _as_json()
    return _for_people


def _as_json() -> Log:
    from azpay import logs

    logs.configure("json", "info", sys.stderr)
    log = logs.get_logger("azpay.sandbox")
    return lambda line: log.info(line.what, **line.fields)


def _for_people(line: LogLine) -> None:
    width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    typer.echo(line_for_people(line, width), err=True, color=True)


def line_for_people(line: LogLine, width: int | None) -> str:
    """Without a width, nothing is cut."""
    return _SHOWN.get(line.what, _anything)(line, width)


def _request(line: LogLine, width: int | None) -> str:
    """Method, status, milliseconds, request id, path, error code."""
    told = _Told(line.fields)
    facts = _facts(told("method"), told("status"), told("ms"), told("request"))
    return _coloured(facts, line) + _side_by_side(told("path"), "  ", told("code"), facts, width)


def _webhook(line: LogLine, width: int | None) -> str:
    """The same columns: status, milliseconds, which attempt, type, endpoint."""
    told = _Told(line.fields)
    attempt = told("attempt")
    which = "once" if attempt == "0" else f"attempt {attempt}"
    facts = _facts("hook", told("status") or "---", told("ms"), which)
    to = told("url").removeprefix("http://") or "stripe listen"
    return _coloured(facts, line) + _side_by_side(told("type"), " > ", to, facts, width)


def _facts(what: str, status: str, ms: str, which: str) -> str:
    return f"{what:<6} {status:>3} {ms:>5} ms  {which:<18}  "


def _side_by_side(first: str, between: str, second: str, facts: str, width: int | None) -> str:
    """Two texts in the room that is left; of the first, at least its ends remain."""
    if width is None:
        return first + (between + second if second else "")
    room = max(width - len(facts), 2 * _LEAST)
    if not second:
        return _cut(first, room)
    second = _cut(second, max(room - len(first) - len(between), room - _LEAST - len(between)))
    return _cut(first, room - len(between) - len(second)) + between + second


def _anything(line: LogLine, _width: int | None) -> str:
    fields = "  ".join(f"{name}={value}" for name, value in line.fields.items() if value is not None)
    return f"{line.what}  {visible(fields)}"


def _failure(line: LogLine, _width: int | None) -> str:
    told = _Told(line.fields)
    return f"{styled('failed', sys.stderr, 'red')} {told('path')}\n{line.fields['error']}"


_SHOWN: Mapping[str, Callable[[LogLine, int | None], str]] = {
    "request_answered": _request,
    "request_failed": _failure,
    "webhook_posted": _webhook,
}


class _Told:
    """The fields of a line as text that may be shown."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields

    def __call__(self, name: str) -> str:
        value = self._fields.get(name)
        return "" if value is None else visible(str(value))


def _cut(text: str, room: int) -> str:
    """The middle goes: an address is known by its beginning and its end."""
    if len(text) <= room:
        return text
    kept = room - 1
    return f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"


def _coloured(text: str, line: LogLine) -> str:
    status = line.fields.get("status")
    if not isinstance(status, int) or status >= 500:  # noqa: PLR2004 - what HTTP calls the server's fault
        return styled(text, sys.stderr, "red")
    return styled(text, sys.stderr, "yellow" if status >= 300 else "green")  # noqa: PLR2004 - not a success
