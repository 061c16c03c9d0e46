"""What a page of history costs in a long book: `python benchmarks/history.py [PAYMENTS [ADDRESS]]`.

Each filter in each order: the first page, the page after row N/2 by cursor and by offset, and the count;
then how many payments leave the book in a second. Beside them stands what the bare driver takes for the same
rows, sealed as they are. Compare with that: seconds differ from machine to machine, and from hour to hour.

The book is made first, in SQLite among the temporary files of the system. At an ADDRESS it stays, and is used
again: sqlite:////path/to/book.db, or postgresql://… of an empty database.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import long_book
from long_book import BEGAN
from sqlalchemy import MetaData
from sqlmodel import Field, Session, SQLModel, col, select

from azpay import payments
from azpay.cli.exports import NOT_IN_CSV
from azpay.payments import PaymentStatus, Query, Sort
from azpay.payments.exports import exported
from azpay.payments.plain import PlainPayment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azpay.db import Database

TRIES = 7
IN_CLEAR = (*NOT_IN_CSV, "description")
PAGE = "SELECT {} FROM payments ORDER BY created_at DESC, id DESC LIMIT 50"


def filters(count: int) -> dict[str, dict[str, Any]]:
    middle = BEGAN + timedelta(seconds=31 * count)
    return {
        "nothing": {},
        "a status": {"statuses": [PaymentStatus.SUCCEEDED]},
        "a rare status": {"statuses": [PaymentStatus.UNKNOWN]},
        "two statuses": {"statuses": [PaymentStatus.SUCCEEDED, PaymentStatus.FAILED]},
        "a customer": {"customer": "cus_big"},
        "a reference": {"reference": "subscription"},
        "a currency": {"currency": "usd"},
        "amounts": {"currency": "usd", "least": 5_000, "most": 95_000},
        "a period": {"since": BEGAN + timedelta(days=1), "until": middle},
        "a common word": {"search": "shoes"},
        "a rare word": {"search": "cart-7"},
        "an e-mail": {"search": "payer7@example.com"},
    }


def best(work: Callable[[], Any], tries: int = TRIES) -> float:
    """Milliseconds of the fastest of some: others use the machine too."""
    times = []
    for _ in range(tries):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return min(times) * 1000


def measure(db: Database, count: int) -> None:
    with db.engine.connect() as connection:
        for what, columns in (("ids", "id"), ("whole rows, sealed", "*")):
            asked = PAGE.format(columns)
            bare = best(partial(lambda asked: connection.exec_driver_sql(asked).all(), asked))
            print(f"50 {what}, by the driver: {bare:.2f} ms")
    print(f"50 objects of SQLModel, sealed: {best(partial(objects, db)):.2f} ms")
    print(f"{'':16}{'order':9}{'first':>9}{'cursor':>9}{'offset':>9}{'count':>9}   ms")
    for name, wanted in filters(count).items():
        for sort in Sort:
            print(
                f"{name:16}{sort:9}" + "".join(f"{each:>9}" for each in costs(db, wanted, sort, count // 2))
            )


class Plainly(SQLModel, table=True):
    """The same table, in which nothing is opened and nothing has a type of ours."""

    metadata = MetaData()
    __tablename__ = "payments"

    id: str = Field(primary_key=True)
    payment_intent: str | None
    charge: str | None
    status: str
    currency: str
    amount: int
    amount_captured: int
    amount_refunded: int
    customer: str | None
    payment_method: str | None
    card_brand: str | None
    card_last4: str | None
    reference: str | None
    description: bytes | None
    receipt_email: bytes | None
    metadata_: bytes | None = Field(sa_column_kwargs={"name": "metadata"})
    failure_code: str | None
    failure_message: bytes | None
    next_action_url: bytes | None
    dispute: str | None
    capture_before: datetime | None
    origin: str
    livemode: bool
    as_of: datetime
    created_at: datetime
    updated_at: datetime


def objects(db: Database) -> list[Plainly]:
    """What a program makes that keeps payments in clear."""
    with Session(db.engine) as session:
        newest = (col(Plainly.created_at).desc(), col(Plainly.id).desc())
        return list(session.exec(select(Plainly).order_by(*newest).limit(50)))


def costs(db: Database, wanted: dict[str, Any], sort: Sort, deep: int) -> list[str]:
    query = Query(**wanted, sort=sort)
    far = Query(**wanted, sort=sort, offset=deep)
    cursor = payments.history(db, far).next
    after = Query(**wanted, sort=sort, cursor=cursor)
    return [
        f"{best(lambda: payments.history(db, query)):.2f}",
        f"{best(lambda: payments.history(db, after)):.2f}" if cursor else "-",
        f"{best(lambda: payments.history(db, far), 2):.1f}",
        f"{best(lambda: payments.count(db, query), 2):.1f}",
    ]


def stream(db: Database) -> None:
    """By processor time: an export computes, and a busy machine would be measured otherwise."""
    parts = (("all fields", ()), ("fields of csv", NOT_IN_CSV), ("in clear alone", IN_CLEAR))
    print(f"{'export':28}{'payments/s':>12}   of this process's time")
    for name, without in parts:
        ours = rate(lambda without=without: sum(1 for _ in exported(db, Query(), without=without)))
        print(f"{name:28}{ours:>12,.0f}")
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    for name, without in parts:
        bare = rate(lambda without=without: sum(len(batch) for batch in fetched(db, without)))
        print(f"{name + ', by the driver':28}{bare:>12,.0f}")


def rate(count: Callable[[], int]) -> float:
    began = process_time()
    return count() / (process_time() - began)


def fetched(db: Database, without: tuple[str, ...]) -> Iterator[Any]:
    """The same columns as the driver has them, nothing opened and nothing made of them."""
    names = ", ".join(name.rstrip("_") for name in PlainPayment._fields if name not in without)
    asked = f"SELECT {names} FROM payments ORDER BY created_at DESC, id DESC"  # noqa: S608 - our own names
    with db.engine.connect() as connection:
        rows = connection.execution_options(stream_results=True, yield_per=1000).exec_driver_sql(asked)
        yield from rows.partitions()


def main(count: int, address: str) -> None:
    db = long_book.opened(address)
    long_book.fill(db, count)
    print(f"{count:,} payments in {db.engine.dialect.name}")
    stream(db)
    measure(db, count)
    db.close()


if __name__ == "__main__":
    number = int(sys.argv[1]) if sys.argv[1:] else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        main(number, sys.argv[2] if sys.argv[2:] else f"sqlite:///{Path(folder) / 'book.db'}")
