"""How lines are made: ours and the standard library's take the same way, and are scrubbed on it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TextIO

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.stdlib import ProcessorFormatter

from azpay.logs.handler import Handler
from azpay.logs.scrubbing import indented, scrub

if TYPE_CHECKING:
    from structlog.typing import Processor

# What these say below their floor is bodies, headers, row values, and addresses with an e-mail in the query.
_FLOORS = {
    "aiohttp.access": logging.CRITICAL + 1,
    "httpcore": logging.INFO,
    "httpx": logging.WARNING,
    "sqlalchemy.engine": logging.WARNING,
    "stripe": logging.WARNING,
}


def configure(format: str, level: str, stream: TextIO, *, colors: bool | None = None) -> None:  # noqa: A002
    terminal = stream.isatty()
    style = ("console" if terminal else "json") if format == "auto" else format
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_chain(), ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _install(Handler(stream), _formatter(style, colors=terminal if colors is None else colors))
    _set_levels(level.upper())


def _chain() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        scrub,
    ]


def _formatter(style: str, *, colors: bool) -> logging.Formatter:
    renderer: list[Processor] = [structlog.processors.JSONRenderer()]
    if style == "console":
        renderer = [indented, ConsoleRenderer(colors=colors, exception_formatter=plain_traceback)]
    return ProcessorFormatter(
        foreign_pre_chain=_chain(), processors=[ProcessorFormatter.remove_processors_meta, *renderer]
    )


def _install(handler: Handler, formatter: logging.Formatter) -> None:
    root = logging.getLogger()
    for installed in [each for each in root.handlers if isinstance(each, Handler)]:
        root.removeHandler(installed)
    handler.setFormatter(formatter)
    root.addHandler(handler)


def _set_levels(level: str) -> None:
    root = logging.getLogger()
    root.setLevel(level)
    for name, floor in _FLOORS.items():
        logging.getLogger(name).setLevel(max(floor, root.level))
