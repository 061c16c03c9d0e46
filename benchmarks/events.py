"""How fast one worker works through a backlog: `python benchmarks/events.py [EVENTS [ADDRESS]]`.

The sandbox makes a payment and its refund; their events, in Stripe's layout, are repeated under other ids.
Ledger lines are on record beforehand, so that nothing waits for Stripe. Before them stand, in the same run,
what no worker can exceed: the inbox claimed and marked done, unread; the same with each body opened and read.
The book is made in SQLite among the temporary files of the system, unless ADDRESS names an empty database;
the processor time is this process's alone, without a server's.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from sqlalchemy import insert, select, update

from azpay import inbox
from azpay.bootstrap import HANDLERS, tables
from azpay.credentials import RootKey
from azpay.db import Database, Ring, migrations, sealing
from azpay.gateway.objects import Event
from azpay.gateway.stripe import connect
from azpay.inbox import EventState, Handlers, Received
from azpay.inbox.intake import Envelope
from azpay.inbox.models import WAITS
from azpay.payments import Payment, Refund
from azpay.sandbox import DEFAULT_KEY, Request, Sandbox
from azpay.settlement import BalanceTransaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BATCH = 500
PAYMENT = {
    "amount": "1999",
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "description": "Order 1047 of the blue shop",
    "receipt_email": "ada@example.com",
    "metadata[order]": "1047",
    "metadata[cart]": "a pair of shoes",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}
OF_A_PAYMENT = ("payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "charge.updated")
OF_A_REFUND = ("refund.created", "charge.refunded", "refund.updated", "charge.refund.updated")
NOBODY = connect(DEFAULT_KEY, "http://127.0.0.1:9")
EVENTS = inbox.InboxEvent.__table__  # type: ignore[attr-defined]
BODIES = inbox.InboxBody.__table__  # type: ignore[attr-defined]


class Scene(NamedTuple):
    """One payment's life, to be repeated: its events, and the ids that differ from copy to copy."""

    events: dict[str, str]
    ids: tuple[str, ...]
    lines: tuple[str, ...]


class Clock:
    at = NOON

    def now(self) -> datetime:
        return self.at


def a_scene() -> Scene:
    clock = Clock()
    sandbox = Sandbox(now=clock.now, seed=7)
    intent = post(sandbox, "/v1/payment_intents", PAYMENT)
    post(sandbox, "/v1/refunds", {"payment_intent": intent["id"], "amount": "500"})
    clock.at += timedelta(seconds=5)
    sandbox.tick()
    made = {event["type"]: event for event in sandbox.events}
    objects = [event["data"]["object"] for event in made.values()]
    lines = {str(each["balance_transaction"]) for each in objects if each.get("balance_transaction")}
    ids = {each["id"] for each in objects} | lines
    return Scene({type_: json.dumps(made[type_], indent=2) for type_ in made}, (*ids,), (*lines,))


def post(sandbox: Sandbox, path: str, params: dict[str, str]) -> Any:
    headers = {"authorization": f"Bearer {DEFAULT_KEY}", "content-type": "application/x-www-form-urlencoded"}
    return json.loads(sandbox.handle(Request("POST", path, "", headers, urlencode(params).encode())).body)


def copies(scene: Scene, types: Sequence[str], payments: range) -> Iterator[Received]:
    for number in payments:
        for position, type_ in enumerate(types):
            body = scene.events[type_]
            body = body.replace(json.loads(body)["id"], f"evt_{number:020}{position}")
            for each in scene.ids:
                body = body.replace(each, renamed(each, number))
            yield Received(msgspec.json.decode(body, type=Envelope), body.encode(), "test")


def renamed(identity: str, number: int) -> str:
    return f"{identity[:-10]}{number:010}"


def fill(db: Database, scene: Scene, types: Sequence[str], payments: range) -> int:
    """Keep the events, as the daemon does; the size of one."""
    made = list(copies(scene, types, payments))
    for start in range(0, len(made), BATCH):
        inbox.keep(db, made[start : start + BATCH], now=NOON)
    return sum(len(each.body) for each in made) // len(made)


def know_the_lines(db: Database, scene: Scene, payments: int) -> None:
    line = {
        "type": "charge", "reporting_category": "charge", "currency": "usd", "amount": 1999, "fee": 88,
        "net": 1911, "available_on": NOON, "created_at": NOON,
    }  # fmt: skip
    ids = [renamed(each, number) for each in scene.lines for number in range(payments)]
    with db.writing() as session:
        session.connection().execute(
            insert(BalanceTransaction), [{**line, "balance_transaction": each} for each in ids]
        )


def only_claimed(db: Database) -> int:
    return claim(db, lambda _ring, _rows: None)


def claimed_and_read(db: Database) -> int:
    return claim(db, read)


def read(ring: Ring, rows: Sequence[Any]) -> None:
    for row in rows:
        msgspec.json.decode(sealing.opened(ring, BODIES.c.body, row.event, row.body), type=Event)


def claim(db: Database, look: Callable[[Ring, Sequence[Any]], None]) -> int:
    """What a worker that has nothing to apply would do."""
    due = (
        select(EVENTS.c.event, BODIES.c.body)
        .join(BODIES, BODIES.c.event == EVENTS.c.event)
        .where(WAITS, EVENTS.c.due_at <= NOON)
        .order_by(EVENTS.c.due_at, EVENTS.c.received_at, EVENTS.c.event)
        .limit(BATCH)
        .with_for_update(of=EVENTS, skip_locked=True)
    )
    with db.writing() as session:
        rows = session.connection().execute(due).all()
        look(db.ring, rows)
        if rows:
            mark = update(EVENTS).where(EVENTS.c.event.in_([row.event for row in rows]))
            done = {"state": EventState.DONE, "attempts": EVENTS.c.attempts + 1, "processed_at": NOON}
            session.connection().execute(mark.values(done))
    return len(rows)


def applied(db: Database, handlers: Handlers = HANDLERS) -> int:
    progress = inbox.process(db, NOBODY, handlers, now=NOON, limit=BATCH)
    assert progress.taken == progress.done, progress
    return progress.done


def applied_singly(db: Database) -> int:
    return applied(db, replace(HANDLERS, together=None))


def measure(name: str, db: Database, work: Callable[[Database], int], expected: int) -> None:
    wall, processor = perf_counter(), process_time()
    done = 0
    while batch := work(db):
        done += batch
    wall, processor = perf_counter() - wall, process_time() - processor
    assert done == expected
    print(
        f"{name:<44}{done / wall:>10,.0f}{1e6 * wall / done:>10,.0f}"
        f"{done / processor:>14,.0f}{1e6 * processor / done:>10,.0f}",
        flush=True,
    )


def due_again(db: Database) -> None:
    inbox.replay(db, inbox.again.Chosen(until=NOON + timedelta(days=1)), now=NOON)


def main(events: int, address: str) -> None:
    db, scene = Database.open(address, Ring.of(RootKey.make())), a_scene()
    migrations.upgrade(db)
    payments = events // len(OF_A_PAYMENT)
    events = payments * len(OF_A_PAYMENT)
    few = max(payments // 10, 1)
    know_the_lines(db, scene, payments + few)
    size = fill(db, scene, OF_A_PAYMENT, range(payments))
    print(f"{events:,} events of {size:,} bytes, {BATCH} in a batch")
    print(f"{'':<44}{'events/s':>10}{'µs each':>10}{'a processor-s':>14}{'µs each':>10}")
    for name, ceiling in (
        ("claimed, marked done", only_claimed),
        ("claimed, read, marked", claimed_and_read),
    ):
        measure(name, db, ceiling, events)
        due_again(db)
    measure("new payments applied", db, applied, events)
    due_again(db)
    measure("the same again, known by now", db, applied, events)
    forget(db)
    fill(db, scene, OF_A_REFUND, range(payments))
    measure("refunds of known payments applied", db, applied, events)
    forget(db)
    fill(db, scene, OF_A_PAYMENT, range(payments, payments + few))
    measure("new payments, each event by itself", db, applied_singly, few * len(OF_A_PAYMENT))
    assert kept(db) == (payments + few, payments)
    db.close()


def forget(db: Database) -> None:
    with db.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM inbox_events")


def kept(db: Database) -> tuple[int, int]:
    with db.reading() as session:
        counts = [
            session.connection().exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
            for table in (Payment.__tablename__, Refund.__tablename__)
        ]
    return (*counts,)  # type: ignore[return-value]


if __name__ == "__main__":
    assert tables().sorted_tables
    with tempfile.TemporaryDirectory() as folder:
        here = f"sqlite:///{Path(folder) / 'book.db'}"
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, sys.argv[2] if len(sys.argv) > 2 else here)
