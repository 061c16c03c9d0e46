"""Two ways in: read, or write.

`with db.reading() as session` sees one consistent moment. `with db.writing() as session` commits at its end,
or rolls back when the body raises. No network call belongs inside either.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlmodel import Session

from azpay.db.engines import WRITES, open_engine
from azpay.db.ring import OPTION
from azpay.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from azpay.db.ring import Ring


OF_THE_STATEMENT = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
"""What a driver says of the statement; all else that it says is of the store."""


class DatabaseUnavailable(Unavailable):
    """The database did not answer, or would not take the write. What was asked is not recorded."""

    code = "database_unavailable"


class Database:
    """One book. Cheap to build; connects when first used; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**{WRITES: True})

    @classmethod
    def open(cls, address: str, ring: Ring) -> Self:
        """The book at `sqlite:///FILE` or `postgresql://…`, read and written with the keys on the ring."""
        return cls(open_engine(address, ring))

    @property
    def ring(self) -> Ring:
        """The keys that it is read and written with."""
        ring: Ring = self.engine.get_execution_options()[OPTION]
        return ring

    @property
    def embedded(self) -> bool:
        """Whether the book is a file of ours rather than a server that others look after."""
        return self.engine.dialect.name == "sqlite"

    @property
    def where(self) -> str:
        """The book's address without a password, for people."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking. Rows stay usable after it closes."""
        with _translated(self.where), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits when the block ends; on SQLite its first statement takes the write lock."""
        with (
            _translated(self.where),
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """Turn the store's trouble into ours; constraint violations pass, they are answers."""
    try:
        yield
    except OF_THE_STATEMENT:
        raise
    except (DBAPIError, PoolExhausted) as error:
        raise DatabaseUnavailable(
            f"The database did not take it: {reason(error)}.",
            hint=f"Look at {where}, then run `azpay db check`.",
        ) from error


def reason(error: DBAPIError | PoolExhausted) -> str:
    """The driver's first line; those after it may show values."""
    said = str(error.orig) if isinstance(error, DBAPIError) else "all of its connections are in use"
    return said.strip().partition("\n")[0].rstrip(".") or "no reason given"
