"""Every payment of a query, one after the other, in memory that does not grow with their number.

They come over a cursor of the store's own. One statement sees one moment, however long the reader takes.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import merge
from typing import TYPE_CHECKING, Any

from azpay.db.postgres import without_hurry
from azpay.payments import listing, plain
from azpay.payments.searching import mentions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlmodel import Session

    from azpay.db import Database, Ring
    from azpay.payments.plain import PlainPayment
    from azpay.payments.queries import Query

BATCH = 1000


def exported(db: Database, query: Query, *, without: Sequence[str] = ()) -> Iterator[PlainPayment]:
    """All pages of a query, from its cursor on. Fields `without` are not read: they are None."""
    with db.reading() as session:
        also = [mentions(session, query.search)] if query.search is not None else []
        if not db.embedded:
            without_hurry(session.connection())
        each = [replace(query, statuses=[status]) for status in dict.fromkeys(query.statuses)] or [query]
        walks = [_walk(session, db.ring, part, also, tuple(without)) for part in each]
        yield from (
            walks[0] if len(walks) == 1 else merge(*walks, key=query.place_of, reverse=not query.ascending)
        )


def _walk(
    session: Session, ring: Ring, query: Query, also: Sequence[Any], without: tuple[str, ...]
) -> Iterator[PlainPayment]:
    connection = session.connection()
    asked = listing.walk(query, plain.wanted(without), also)
    rows = connection.execute(asked, execution_options={"yield_per": BATCH})
    for batch in rows.partitions():
        yield from plain.read(batch, ring, connection.dialect, without)
