"""Taking in what Stripe was asked for, with whatever else turns out to be needed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.errors import Failed
from azpay.inbox.handling import FetchFirst

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.inbox.handling import Handlers

MOST = 6


class NeverEnough(Failed):
    """Stripe's word on one object leads to another, and on."""

    code = "never_enough"


def take_in(
    db: Database, gateway: Gateway, handlers: Handlers, kind: str, found: object, *, now: datetime
) -> None:
    """Record an object that Stripe answered with, as an event about it would have brought it.

    What it refers to and the book lacks (its payment, its ledger line) is asked for, outside any transaction.
    """
    needed = [(kind, found)]

    def record(session: Session) -> None:
        for each, answer in needed:
            handlers.objects[each](session, answer, now)
            session.flush()

    while len(needed) <= MOST:
        try:
            db.write(record)
        except FetchFirst as wanted:
            needed.insert(0, (wanted.kind, gateway.fetch(wanted.kind, wanted.identity)))
        else:
            return
    raise NeverEnough(f"{kind} asks for more and more; the last was {needed[0][0]}.", hint="Try again later.")
