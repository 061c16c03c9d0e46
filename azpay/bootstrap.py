"""The one place where concrete things are chosen and joined."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azpay import payments, settlement
from azpay.db import Database, Row, schema
from azpay.errors import NotAllowed
from azpay.inbox import Handlers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import MetaData

    from azpay.gateway.stripe import Gateway
    from azpay.settings import Settings

HANDLERS = Handlers(events=payments.EVENTS, objects={**payments.OBJECTS, **settlement.OBJECTS})


@dataclass(frozen=True, slots=True)
class Azpay:
    """Everything an entry point needs. Built once per process; tests build their own."""

    settings: Settings
    db: Database
    gateway: Gateway
    handlers: Handlers
    now: Callable[[], datetime]


class NoKey(NotAllowed):
    """There is no Stripe key to work with."""

    code = "no_api_key"

    def __init__(self, profile: str) -> None:
        super().__init__(
            f"There is no Stripe API key for the profile {profile!r}.",
            hint="Run `azpay login`, or try azpay without Stripe: `azpay sandbox`, then --profile sandbox.",
        )


def wall_clock() -> datetime:
    return datetime.now(UTC)


def open_book(settings: Settings, *, tell: Callable[[str], None]) -> Database:
    """The book that the settings name, with current tables.

    An embedded SQLite book is created and upgraded by itself, with a line to `tell`; any other store with
    pending migrations is refused with the command to run.
    """
    db = Database.open(settings.database_url.reveal())
    try:
        _bring_up_to_date(db, tell)
    except BaseException:
        db.close()
        raise
    return db


def _bring_up_to_date(db: Database, tell: Callable[[str], None]) -> None:
    if not db.embedded:
        schema.require_current(db)
        return
    found = schema.state(db)
    if found is not schema.State.CURRENT:
        from azpay.db import migrations

        if migrations.upgrade(db):
            tell(f"{'Made' if found is schema.State.EMPTY else 'Upgraded'} the book at {db.where}.")


def connect(settings: Settings) -> Gateway:
    """Stripe, under the profile's key. Raises NoKey."""
    from azpay.gateway import stripe

    if settings.stripe_api_key is None:
        raise NoKey(settings.profile)
    return stripe.connect(settings.stripe_api_key.reveal(), settings.stripe_api_base)


def wire(settings: Settings, *, tell: Callable[[str], None]) -> Azpay:
    """Everything, joined."""
    gateway = connect(settings)
    return Azpay(settings, open_book(settings, tell=tell), gateway, HANDLERS, wall_clock)


def tables() -> MetaData:
    """Every table of the book, for the migration tool to compare with."""
    from azpay.db.schedules import Schedule
    from azpay.receipts.models import Receipt
    from azpay.reconciliation.models import Run

    assert Receipt.metadata is Run.metadata is Schedule.metadata is Row.metadata  # noqa: S101
    return Row.metadata
