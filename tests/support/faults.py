"""What befalls a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from azpay.db import Database


def make_read_only(db: Database) -> None:
    """As a disk that was mounted so, or a server that follows another."""

    def forbid(connection: Connection) -> None:
        forbidden = "PRAGMA query_only=ON" if db.embedded else "SET TRANSACTION READ ONLY"
        connection.exec_driver_sql(forbidden)

    event.listen(db.engine, "begin", forbid)
