"""The store's trouble in our words: which of it is worth another try, and which is nobody's answer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from azpay.errors import NotAllowed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_THE_STATEMENT = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
"""What a driver says of the statement; all else that it says is of the store."""

UNDONE = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: https://www.postgresql.org/docs/current/errcodes-appendix.html"""
FORBIDDEN = "42501"
GONE = frozenset({"42P01", "42703", "3F000"})
"""A table, column or schema that is not there: somebody is changing the book."""


class DatabaseUnavailable(Unavailable):
    """The database did not answer, or would not take the write. Whatever was asked may be asked again."""

    code = "database_unavailable"


class DatabaseForbids(NotAllowed):
    """The database knows who asks, and does not let them."""

    code = "database_forbids"


TROUBLE = (DatabaseUnavailable, DatabaseForbids)


def is_passing(error: Exception) -> bool:
    """Whether the same transaction, begun anew, may well succeed."""
    return isinstance(error, DBAPIError) and (error.connection_invalidated or sqlstate(error) in UNDONE)


def of_the_store(error: Exception) -> bool:
    """Whether it is no answer to the statement, but a store that cannot answer."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolExhausted)
    return not isinstance(error, OF_THE_STATEMENT) or sqlstate(error) in {FORBIDDEN, *GONE}


def sqlstate(error: DBAPIError) -> str | None:
    """PostgreSQL's code for what happened; SQLite has none."""
    return getattr(error.orig, "sqlstate", None)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn the store's trouble into ours; constraint violations pass, they are answers."""
    try:
        yield
    except (DBAPIError, PoolExhausted) as error:
        if isinstance(error, DBAPIError) and sqlstate(error) == FORBIDDEN:
            raise DatabaseForbids(
                f"The database does not allow it: {reason(error)}.",
                hint=f"Grant it to the role that azpay logs in as, or look at {where}.",
            ) from error
        if not of_the_store(error):
            raise
        said = reason(error)
        raise DatabaseUnavailable(
            f"The database did not take it: {said}.",
            hint=f"{_remedy(said)} Look at {where}, then run `azpay db check`.".lstrip(),
        ) from error


REMEDIES = (
    ("locked", "Something else holds it: try again in a minute."),
    ("readonly", "Let azpay write there, and ask again."),
    ("read-only", "Let azpay write there, and ask again."),
    ("disk is full", "Make room on its disk, and ask again."),
    ("No space left", "Make room on its disk, and ask again."),
    ("connection", "See that the server runs and can be reached, and ask again."),
)
"""What drivers say, and what helps."""


def _remedy(said: str) -> str:
    return next((remedy for words, remedy in REMEDIES if words in said), "")


def reason(error: DBAPIError | PoolExhausted) -> str:
    """The driver's first line; those after it may show values."""
    said = str(error.orig) if isinstance(error, DBAPIError) else "all of its connections are in use"
    return said.strip().partition("\n")[0].rstrip(".") or "no reason given"
