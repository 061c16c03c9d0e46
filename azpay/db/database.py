"""Three ways in: look, write, or have something written.

`with db.reading() as session` sees one consistent moment. `with db.writing() as session` commits at its end,
or rolls back when the body raises. `db.write(work)` does that with `work(session)`, and once more when the
store asks for it. No network call belongs inside any of them.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Self, TypeVar

from sqlmodel import Session

from azpay.db import postgres
from azpay.db.engines import LIMITS, WRITES, open_engine
from azpay.db.ring import OPTION
from azpay.db.trouble import DatabaseUnavailable, is_passing, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Engine

    from azpay.db.postgres import Limits
    from azpay.db.ring import Ring


__all__ = ["Database", "DatabaseUnavailable"]

Result = TypeVar("Result")

PAUSES = (timedelta(milliseconds=50), timedelta(milliseconds=300))
"""Between three tries: whoever won the deadlock has gone on by then."""

AZPAY, ACTOR = "azpay", "actor"
"""Who acts when nobody said who: the program by itself, as a worker does."""

ONE_MOMENT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True, postgres.BINARY: True}
ROW_BY_ROW = {"isolation_level": "READ COMMITTED", postgres.BINARY: True}


def actor_of(session: Session) -> str:
    """Who writes in this session."""
    return str(session.info.get(ACTOR, AZPAY))


class Database:
    """One book. Cheap to build; connects when first used; safe to share between threads."""

    def __init__(self, engine: Engine, actor: str = AZPAY) -> None:
        self.engine = engine
        self.actor = actor
        looking, writing = ({}, {}) if self.embedded else (ONE_MOMENT, ROW_BY_ROW)
        self._reader = engine.execution_options(**looking)
        self._writer = engine.execution_options(**writing, **{WRITES: True})

    @classmethod
    def open(cls, address: str, ring: Ring, limits: Limits = LIMITS) -> Self:
        """The book at `sqlite:///FILE` or `postgresql://…`, read and written with the keys on the ring.

        The limits are for a server's book.
        """
        return cls(open_engine(address, ring, limits))

    def by(self, actor: str) -> Self:
        """The same book, written by someone else: what records who did it reads `actor_of(session)`."""
        return type(self)(self.engine, actor)

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
        return self.engine.url.render_as_string() if self.embedded else postgres.shown(self.engine.url)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking. Rows stay usable after it closes."""
        with translated(self.where), self._session(self._reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session that commits when the block ends; on SQLite its first statement takes the write lock."""
        with translated(self.where), self._transaction() as session:
            yield session

    def write(self, work: Callable[[Session], Result]) -> Result:
        """What `work` returns, once it is kept. Three tries where the store says that another would do.

        A deadlock undoes all of it. After a connection was lost, at the commit perhaps, nobody can say: so
        `work` must be something that may be done twice, with its ids made outside.
        """
        with translated(self.where):
            for pause in PAUSES:
                try:
                    return self._done(work)
                except Exception as error:
                    if not is_passing(error):
                        raise
                time.sleep(pause.total_seconds())
            return self._done(work)

    def _done(self, work: Callable[[Session], Result]) -> Result:
        with self._transaction() as session:
            return work(session)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with self._session(self._writer) as session, session.begin():
            yield session

    def _session(self, engine: Engine) -> Session:
        return Session(engine, expire_on_commit=False, info={ACTOR: self.actor})

    @contextmanager
    def listening(self, channel: str) -> Iterator[Callable[[timedelta], bool]]:
        """On a server alone: wait so long at most, and say whether there was word on the channel."""
        with translated(self.where), postgres.listening(self.engine, channel) as wait:
            yield wait

    def close(self) -> None:
        self.engine.dispose()
