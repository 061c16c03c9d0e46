"""The one place where concrete things are chosen and joined."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azpay import payments, settlement
from azpay.credentials import BookKeys
from azpay.db import Database, Ring, Row, book_keys, schema
from azpay.db.postgres import Limits
from azpay.errors import NotAllowed
from azpay.inbox import Handlers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import MetaData

    from azpay.credentials import Credentials, RootKey
    from azpay.db.rekeying import Follow
    from azpay.gateway.stripe import Gateway
    from azpay.settings import Settings

HANDLERS = Handlers(
    events=payments.EVENTS,
    objects={**payments.OBJECTS, **settlement.OBJECTS},
    together=payments.TOGETHER,
)


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


@dataclass(frozen=True, slots=True)
class Keeper:
    """Where a book's key is kept, and who is shown the one that was made, with the place it is kept in."""

    credentials: Credentials
    show: Callable[[RootKey, str], None]


def open_book(settings: Settings, *, tell: Callable[[str], None], keeper: Keeper | None = None) -> Database:
    """The book that the settings name, with current tables, and its key at hand.

    An embedded SQLite book is created, encrypted and upgraded by itself, with a line to `tell`; any other
    store with pending migrations is refused with the command to run. Without a `keeper` the settings must
    name the key.
    """
    db = book_as_it_is(settings, keeper)
    try:
        if db.embedded:
            upgrade(db, settings, keeper, tell=tell)
        schema.require_current(db)
        with db.reading() as session:
            book_keys.in_use(session.connection())
    except BaseException:
        db.close()
        raise
    return db


def book_as_it_is(settings: Settings, keeper: Keeper | None) -> Database:
    """The book without a look at its tables."""
    ring = Ring(keys_of(settings, keeper).find)
    return Database.open(settings.database_url.reveal(), ring, limits_of(settings))


def limits_of(settings: Settings) -> Limits:
    """What a server's book may cost this process."""
    return Limits(
        settings.database_connections,
        settings.database_connect_seconds,
        settings.database_lock_seconds,
        settings.database_statement_seconds,
    )


def keys_of(settings: Settings, keeper: Keeper | None) -> BookKeys:
    """Where the root keys of the profile's book are found and kept."""
    given = [key.reveal() for key in settings.encryption_key]
    return BookKeys(settings.profile, given=given, credentials=keeper.credentials if keeper else None)


def upgrade(db: Database, settings: Settings, keeper: Keeper | None, *, tell: Callable[[str], None]) -> bool:
    """Make the book, encrypt it, or bring its tables up to date; False when nothing was to do.

    A key is made for a book that has none, and kept, before anything is encrypted with it.
    """
    found = schema.state(db)
    if found is schema.State.CURRENT and not schema.in_clear(db):
        return False
    from azpay.db import migrations

    if schema.has_no_key(db, found):
        _make_key(db, settings, keeper)
    changed = migrations.upgrade(db)
    if changed:
        tell(f"{'Made' if found is schema.State.EMPTY else 'Upgraded'} the book at {db.where}.")
    return changed


def _make_key(db: Database, settings: Settings, keeper: Keeper | None) -> None:
    keys = keys_of(settings, keeper)
    made = keys.establish()
    db.ring.reload()
    db.engine.dispose()  # connections of a book without a key would write in clear
    if made is not None and keeper is not None:
        keeper.show(made, keys.where or "")


def follow_a_rekey() -> dict[str, Follow]:
    """What depends on encrypted values elsewhere, by their table."""
    return {"payments": payments.reindex}


def connect(settings: Settings) -> Gateway:
    """Stripe, under the profile's key. Raises NoKey."""
    from azpay.gateway import stripe

    if settings.stripe_api_key is None:
        raise NoKey(settings.profile)
    return stripe.connect(settings.stripe_api_key.reveal(), settings.stripe_api_base)


def wire(settings: Settings, *, tell: Callable[[str], None], keeper: Keeper | None = None) -> Azpay:
    """Everything, joined."""
    gateway = connect(settings)
    return Azpay(settings, open_book(settings, tell=tell, keeper=keeper), gateway, HANDLERS, wall_clock)


def tables() -> MetaData:
    """Every table of the book, for the migration tool to compare with."""
    from azpay.db.schedules import Schedule
    from azpay.receipts.models import Receipt
    from azpay.reconciliation.models import Run

    assert Receipt.metadata is Run.metadata is Schedule.metadata is Row.metadata  # noqa: S101
    return Row.metadata
