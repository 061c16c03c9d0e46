"""Reading a listing off an index, on either store, however many payments there are.

Every filter stands first in an index that goes on in each of the two orders, so rows come as they are wanted
and nothing is sorted. Three things need help:

- Several statuses are as many walks, merged; each says its order, or PostgreSQL would sort them all.
- Of several filters the most telling chooses the index. SQLite counts nothing beforehand, and would guess; a
  range of amounts in the order of time, or the reverse, it would gather as a whole and sort.
- Rows are skipped by their ids alone; only those of the page are read.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select, tuple_, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col

from azpay.payments.models import Payment
from azpay.payments.plain import read, wanted
from azpay.payments.queries import Sort

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlmodel import Session

    from azpay.db import Ring
    from azpay.payments.plain import PlainPayment
    from azpay.payments.queries import Place, Query

    Conditions = Sequence[ColumnElement[bool]]

IDENTITY: Any = col(Payment.id)
PLACES: dict[Sort, Any] = {Sort.CREATED: col(Payment.created_at), Sort.AMOUNT: col(Payment.amount)}
TELLING: tuple[tuple[str, Any], ...] = (
    ("reference", col(Payment.reference)),
    ("customer", col(Payment.customer)),
    ("statuses", col(Payment.status)),
    ("currency", col(Payment.currency)),
)
"""The filters, most telling first: of several, the first chooses the index."""
NOT_GIVEN: tuple[Any, ...] = (None, (), [])
BOUNDS = (
    ("since", Sort.CREATED, operator.ge),
    ("until", Sort.CREATED, operator.lt),
    ("least", Sort.AMOUNT, operator.ge),
    ("most", Sort.AMOUNT, operator.le),
)


class Aside(FunctionElement[Any]):
    """A column that is compared, and does not choose the index."""

    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(Aside)
def _plainly(element: Aside, compiler: SQLCompiler, **options: Any) -> str:
    """PostgreSQL knows how many rows a range has, and chooses well."""
    return compiler.process(element.clauses, **options)


@compiles(Aside, "sqlite")
def _unindexed(element: Aside, compiler: SQLCompiler, **options: Any) -> str:
    """https://sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_"""
    return f"+{compiler.process(element.clauses, **options)}"


def find(session: Session, ring: Ring, query: Query, also: Conditions = ()) -> list[PlainPayment]:
    """The payments of a page, and one more if there is one; `also` must hold too. Raises CursorInvalid."""
    most, connection = query.limit + 1, session.connection()
    if not query.offset and len(query.statuses) <= 1:
        rows = connection.execute(walk(query, wanted(), also).limit(most)).all()
        return list(read(rows, ring, connection.dialect))
    identities = connection.scalars(_walks(query, also).offset(query.offset).limit(most)).all()
    rows = connection.execute(wanted().where(IDENTITY.in_(identities))).all()
    found = {payment.id: payment for payment in read(rows, ring, connection.dialect)}
    return [found[identity] for identity in identities]


def count(session: Session, query: Query, also: Conditions = ()) -> int:
    """How many payments are on all pages together."""
    matching = _matching(replace(query, cursor=None))
    return session.scalars(select(func.count()).select_from(Payment).where(*matching, *also)).one()


def walk(query: Query, rows: Select[Any], also: Conditions = ()) -> Select[Any]:
    """The rows of all pages from the cursor on, in order."""
    return rows.where(*_matching(query), *also).order_by(*_ordered(query, PLACES[query.sort], IDENTITY))


def _walks(query: Query, also: Conditions) -> Any:
    """The ids of those rows, one status after the other and merged."""
    place = select(IDENTITY.label("id"), PLACES[query.sort].label("place"))
    each = [replace(query, statuses=[status]) for status in dict.fromkeys(query.statuses)] or [query]
    walks = [walk(part, place, also).subquery() for part in each]
    merged = union_all(*(select(one.c.id, one.c.place) for one in walks))
    return merged.order_by(*_ordered(query, merged.selected_columns.place, merged.selected_columns.id))


def _matching(query: Query) -> Iterator[ColumnElement[bool]]:
    after = query.after()
    telling = [each for each in TELLING if getattr(query, each[0]) not in NOT_GIVEN]
    for number, (name, column) in enumerate(telling):
        value = getattr(query, name)
        values = [value] if isinstance(value, str) else value
        compared = Aside(column) if number else column
        yield compared == values[0] if len(values) == 1 else compared.in_(values)
    for name, sort, holds in BOUNDS:
        bound = getattr(query, name)
        if bound is not None and not _goes_without_saying(query, after, sort, holds, bound):
            yield holds(PLACES[sort] if sort is query.sort else Aside(PLACES[sort]), bound)
    if after is not None:
        here = tuple_(PLACES[query.sort], IDENTITY)
        yield here > after if query.ascending else here < after


def _goes_without_saying(query: Query, after: Place | None, sort: Sort, holds: Any, bound: Any) -> bool:
    """Past the cursor every row keeps the bound behind it. Said all the same, a walk would begin there."""
    behind = (holds is operator.ge) is query.ascending
    return after is not None and sort is query.sort and behind and bool(holds(after[0], bound))


def _ordered(query: Query, *columns: Any) -> list[Any]:
    return list(columns) if query.ascending else [column.desc() for column in columns]
