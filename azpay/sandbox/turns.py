"""Taking turns: one caller at a time, and what a turn has done is kept when it ends well, or undone."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from azpay.sandbox.errors import StripeError
from azpay.sandbox.wire import Lost

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_ANSWERS = (StripeError, Lost)
"""Errors that are answers: what was done before them has happened."""


class Turn:
    """A turn inside a turn of the same thread is a part of it."""

    def __init__(self, keep: Callable[[], None], undo: Callable[[], None]) -> None:
        self._lock = RLock()
        self._depth = 0
        self._keep = keep
        self._undo = undo

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._depth == 1:
                self._end(well=error is None or isinstance(error, _ANSWERS))
        finally:
            self._depth -= 1
            self._lock.release()

    def _end(self, *, well: bool) -> None:
        if not well:
            self._undo()
            return
        try:
            self._keep()
        except BaseException:
            self._undo()
            raise
