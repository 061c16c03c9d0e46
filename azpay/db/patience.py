"""Connections that give a silent server up.

A server bounds its own statements, and the system notices a line that is cut. Nobody notices a server that
was stopped, or a proxy that keeps its connections and forwards nothing: what it was sent is acknowledged, and
no answer ever comes. Such a connection is closed after a while, as if it had been lost.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from psycopg import Connection, OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sqlalchemy.engine import Connection as Borrowed

GRACE_SECONDS = 2
"""What a server may take, beyond a statement's own bound, to say that the bound was reached."""


class Patient(Connection[Any]):
    """`patience` is how long the server may be silent, in seconds; None is for ever."""

    patience: float | None = None

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        if self.patience is None:
            return super().wait(gen, *args, **kwargs)
        return super().wait(self._heard_of(gen, self.patience), *args, **kwargs)

    def _heard_of(self, gen: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
        """The same exchange with the server. The driver says each moment whether there was word."""
        until = monotonic() + seconds
        try:
            wanted = next(gen)
            while True:
                word = yield wanted
                now = monotonic()
                until = now + seconds if word else until
                if now > until:
                    self.close()
                    raise OperationalError(f"the server has said nothing for {seconds:g} seconds")
                wanted = gen.send(word)
        except StopIteration as done:
            return done.value


def connector(statement_seconds: int) -> Callable[..., Patient]:
    """What makes the connections of an engine whose statements are bounded so."""

    def connect(_dialect: object, _record: object, args: Any, parameters: Any) -> Patient:
        made = Patient.connect(*args, **parameters)
        made.patience = statement_seconds + GRACE_SECONDS if statement_seconds else None
        return made

    return connect


def lift(connection: Borrowed) -> None:
    """Let this transaction's statements take as long as they take."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    driver: Any = connection.connection.driver_connection
    connection.info.setdefault("azpay_patience", driver.patience)
    driver.patience = None


def restore(connection: Borrowed) -> None:
    """For the next transaction on the same connection."""
    if "azpay_patience" in connection.info:
        driver: Any = connection.connection.driver_connection
        driver.patience = connection.info.pop("azpay_patience")
