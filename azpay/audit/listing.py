"""Pages of the journal, in the order of time. A page continues after an entry: it costs the same anywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
from sqlalchemy import or_, tuple_
from sqlmodel import col, select

from azpay.audit.models import AuditEntry
from azpay.audit.reading import readable
from azpay.audit.recording import last
from azpay.db import paging
from azpay.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement

    from azpay.audit.chain import Entry, Head
    from azpay.db import Database

AT_ONCE = paging.MOST
SAME = "--asc/--desc"
_Cursor = tuple[
    bool, Annotated[datetime, msgspec.Meta(tz=True)], Annotated[int, msgspec.Meta(ge=1, lt=10**16)]
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which entries: of a period [since, until), by whom, of what kind, about what."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    action: str | None = None
    """One action, or all of a family: `charge` is `charge.planned`, `charge.succeeded`, `charge.failed`."""
    about: str | None = None
    """The id of the thing, or of the payment that it belongs to."""
    ascending: bool = False
    limit: int = 50
    cursor: str | None = None

    def __post_init__(self) -> None:
        paging.require_length(self.limit, "entries")
        if any("\0" in text for text in (self.actor, self.action, self.about) if text is not None):
            raise Usage("A filter holds a NUL character.", hint="Type it anew.")


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, and the cursor of the page after them when there is one."""

    entries: Sequence[Entry]
    next: str | None


def page(db: Database, query: Query) -> Page:
    """One page. Raises CursorInvalid, ValueTampered."""
    found = select(AuditEntry).where(*_conditions(query)).order_by(*_order(query)).limit(query.limit + 1)
    with db.reading() as session:
        rows = session.exec(found).all()
    shown = [readable(vars(row))[0] for row in rows[: query.limit]]
    return Page(shown, _cursor(query, shown[-1]) if len(rows) > query.limit else None)


def entries(db: Database, query: Query) -> Iterator[Entry]:
    """All of them, as they are read."""
    following: str | None = query.cursor
    while True:
        found = page(db, replace(query, limit=AT_ONCE, cursor=following))
        yield from found.entries
        following = found.next
        if following is None:
            return


def head(db: Database) -> tuple[Head, datetime] | None:
    """The end of the chain, and when that was."""
    with db.reading() as session:
        found = last(session)
        at = select(AuditEntry.at).where(AuditEntry.sequence == (found and found.sequence))
        return None if found is None else (found, session.exec(at).one())


def _conditions(query: Query) -> Iterator[ColumnElement[bool]]:
    yield from paging.within(col(AuditEntry.at), query.since, query.until)
    if query.actor is not None:
        yield col(AuditEntry.actor) == query.actor
    if query.action is not None:
        yield _acts(query.action)
    if query.about is not None:
        yield or_(col(AuditEntry.object_id) == query.about, col(AuditEntry.payment_id) == query.about)
    if query.cursor is not None:
        place, here = _place(query, query.cursor), tuple_(col(AuditEntry.at), col(AuditEntry.sequence))
        yield here > place if query.ascending else here < place


def _acts(action: str) -> ColumnElement[bool]:
    if "." in action:
        return col(AuditEntry.action) == action
    return col(AuditEntry.action).startswith(f"{action}.", autoescape=True)


def _order(query: Query) -> list[ColumnElement[object]]:
    columns = (col(AuditEntry.at), col(AuditEntry.sequence))
    return [column if query.ascending else column.desc() for column in columns]  # type: ignore[misc]


def _cursor(query: Query, last_shown: Entry) -> str:
    return paging.cursor_at((query.ascending, last_shown.at, last_shown.sequence))


def _place(query: Query, cursor: str) -> tuple[datetime, int]:
    ascending, at, sequence = paging.place_of(cursor, _Cursor, same=SAME)
    if ascending is not query.ascending:
        raise paging.CursorInvalid(SAME)
    return at, sequence
