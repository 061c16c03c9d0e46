"""A command that ends in the middle, in this process: killed, as by `kill -9`, or interrupted by Ctrl-C.

Nothing of azpay's is changed: the store's own events and the transport under Stripe's SDK say where it is.
What kill -9 would undo is undone by giving the connections back; what it would leave, stays.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.support.stripe_transport import Answer, InProcessHTTPClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy.engine import Engine

    from azpay.sandbox import Sandbox


class Killed(BaseException):
    """Whoever meets it is dead, and only does not know it yet."""


class Boundary(StrEnum):
    STATEMENT = "before a statement"
    RESULT = "after a statement"
    COMMIT = "before a commit"
    KEPT = "after a commit"
    REQUEST = "before a request"
    ANSWER = "after a request"


@dataclass(frozen=True, slots=True)
class End:
    """Where a command ends: at the boundary of this number among those of its kind, counted from 1."""

    boundary: Boundary
    number: int
    interrupted: bool = False


class Mortality:
    """Hears of each boundary, and ends the command at the chosen one. The dead touch nothing any more."""

    def __init__(self) -> None:
        self.dead = False
        self._end: End | None = None
        self._left = 0

    @contextmanager
    def until(self, end: End | None) -> Iterator[None]:
        """The command in this block ends there, if it comes so far."""
        self._end, self._left = end, end.number if end else 0
        try:
            yield
        finally:
            self._end = None

    def pass_by(self, boundary: Boundary) -> None:
        if self.dead:
            raise Killed
        end = self._end
        if end is None or end.boundary is not boundary:
            return
        self._left -= 1
        if not self._left:
            self._end = None
            self._strike(end)

    def _strike(self, end: End) -> None:
        if end.interrupted:
            raise KeyboardInterrupt
        self.dead = True
        raise Killed

    @contextmanager
    def watching(self, engine: Engine) -> Iterator[None]:
        """Every statement and commit of the store."""
        heard = {
            (engine, "before_cursor_execute"): lambda *_: self.pass_by(Boundary.STATEMENT),
            (engine, "after_cursor_execute"): lambda *_: self.pass_by(Boundary.RESULT),
            (engine, "commit"): lambda _connection: self.pass_by(Boundary.COMMIT),
            (Session, "after_commit"): lambda _session: self.pass_by(Boundary.KEPT),
        }
        for (where, what), listener in heard.items():
            event.listen(where, what, listener)
        try:
            yield
        finally:
            for (where, what), listener in heard.items():
                event.remove(where, what, listener)


class MortalHTTPClient(InProcessHTTPClient):
    """Every request to Stripe, before it leaves and when it is answered. `sent` hears the keys that leave."""

    def __init__(self, sandbox: Sandbox, mortality: Mortality, sent: Callable[[str], None]) -> None:
        super().__init__(sandbox)
        self._mortality, self._sent = mortality, sent

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        self._mortality.pass_by(Boundary.REQUEST)
        if headers and "Idempotency-Key" in headers:
            self._sent(headers["Idempotency-Key"])
        answer = super().request(method, url, headers, post_data)
        self._mortality.pass_by(Boundary.ANSWER)
        return answer
