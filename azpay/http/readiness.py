"""Whether the daemon can do its work, check by check: what `/readyz` and `azpay doctor` ask alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from azpay import inbox
from azpay.db import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.settings import Settings
    from azpay.worker import Worker

SKEW = timedelta(seconds=60)
"""Stripe's signatures are refused when they are five minutes old: one clock is wrong long before that."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is well, a sentence for a person, and the facts for a program."""

    name: str
    ok: bool
    detail: str
    facts: dict[str, Any] = field(default_factory=dict)


def of_the_book(azpay: Azpay) -> Iterator[Check]:
    """The store, its tables and what waits in it. Raises DatabaseUnavailable, and NotOurDatabase."""
    state = schema.state(azpay.db)
    current = state is schema.State.CURRENT
    yield Check("database", ok=True, detail="it answers")
    yield Check(
        "migrations", ok=current, detail=f"this program's is revision {schema.HEAD}", facts={"state": state}
    )
    if current:
        now = azpay.now()
        yield of_the_inbox(azpay.db, azpay.settings, now=now)
        skew = clock_skew(azpay.db, azpay.gateway, now=now)
        if skew is not None:
            yield of_the_clock(skew)


def of_the_inbox(db: Database, settings: Settings, *, now: datetime) -> Check:
    """Whether the oldest event that is due has been due for longer than `inbox_minutes`."""
    backlog = inbox.backlog(db)
    age = max(now - backlog.oldest, timedelta()) if backlog.oldest else timedelta()
    most = timedelta(minutes=settings.inbox_minutes)
    seconds = int(age.total_seconds())
    return Check(
        "inbox",
        ok=not most or age <= most,
        detail=f"{backlog.waiting} events waiting, the oldest due for {seconds} s",
        facts={"waiting": backlog.waiting, "oldest_seconds": seconds, "dead": backlog.dead},
    )


def of_the_clock(skew: timedelta) -> Check:
    seconds = int(skew.total_seconds())
    ok = skew <= SKEW
    said = f"within {max(seconds, 1)} s of Stripe's" if ok else f"{seconds} s from Stripe's"
    return Check("clock", ok=ok, detail=said, facts={"skew_seconds": seconds})


def clock_skew(db: Database, gateway: Gateway, *, now: datetime) -> timedelta | None:
    """By Stripe's last answer to us; without one, by events that say they were made after they came.

    None when neither says anything.
    """
    theirs = gateway.server_time()
    return inbox.lead(db, now=now) if theirs is None else abs(now - theirs)


def of_the_worker(worker: Worker) -> Check:
    return Check("worker", ok=worker.alive, detail="it works" if worker.alive else "it has ended")
