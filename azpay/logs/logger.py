from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Log:
    """A logger that may stand at the top of a module: it brings structlog in with its first line, if any.

    An event is a past fact in snake_case; what it is about stands in fields.
    """

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: object) -> None:
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """An error, with the traceback of the exception being handled and none of its local variables."""
        self._write(logging.ERROR, event, {"exc_info": True, **fields})

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        import structlog

        if not structlog.is_configured():
            configure("auto", "warning", sys.stderr)
        write = getattr(structlog.stdlib.get_logger(self._logger.name), logging.getLevelName(level).lower())
        write(event, **fields)


def get_logger(name: str) -> Log:
    return Log(name)


def configure(format: str, level: str, stream: TextIO, *, colors: bool | None = None) -> None:  # noqa: A002
    """Every log line of the process goes to `stream` from here on.

    `format` is console, json, or auto: console on a terminal and json elsewhere. `level` is debug, info,
    warning or error.
    """
    from azpay.logs import setup

    setup.configure(format, level, stream, colors=colors)


def bound(**fields: object) -> AbstractContextManager[None]:
    """Within this context every line carries these fields too: a request's id, an operation's."""
    from structlog.contextvars import bound_contextvars

    return bound_contextvars(**fields)
