"""What befalls a store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

    from azpay.db import Database


def make_read_only(db: Database) -> None:
    """As a disk that was mounted so, or a server that follows another."""

    def forbid(connection: Connection) -> None:
        forbidden = "PRAGMA query_only=ON" if db.embedded else "SET TRANSACTION READ ONLY"
        connection.exec_driver_sql(forbidden)

    event.listen(db.engine, "begin", forbid)


@contextmanager
def losing_the_answer_to(db: Database, number: int) -> Iterator[list[int]]:
    """A server's n-th commit of what was written is done, and its connection breaks before it can say so.

    Yields a list that is empty until that has happened.
    """
    done: list[int] = []
    seen = 0

    def lose(connection: Connection) -> None:
        nonlocal seen
        if connection.get_execution_options().get("azpay_writes"):
            seen += 1
            if seen == number:
                done.append(seen)
                driver: Any = connection.connection.driver_connection
                driver.execute("COMMIT")
                driver.pgconn.finish()

    event.listen(db.engine, "commit", lose)
    try:
        yield done
    finally:
        event.remove(db.engine, "commit", lose)
