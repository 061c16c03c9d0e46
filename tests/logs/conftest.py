from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from azpay.logs import configure

if TYPE_CHECKING:
    from collections.abc import Iterator


class Lines(io.StringIO):
    """A stream that reads back what was logged to it."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def lines() -> Lines:
    stream = Lines()
    configure("json", "debug", stream)
    return stream


@pytest.fixture
def console() -> Lines:
    stream = Lines()
    configure("console", "debug", stream, colors=False)
    return stream
