"""The one place where concrete things are chosen and joined."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from azpay import access, audit, payments, settlement
from azpay.access import UNGUARDED, Guards
from azpay.credentials import BookKeys
from azpay.db import Database, Ring, Row, book_keys, new_id, schema
from azpay.db.postgres import Limits
from azpay.errors import NotAllowed
from azpay.inbox import Handlers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import MetaData

    from azpay.credentials import Credentials, RootKey
    from azpay.db.caches import Cache
    from azpay.db.rekeying import Follow
    from azpay.gateway.stripe import Gateway
    from azpay.operations import Errands
    from azpay.settings import Settings

ERRANDS = payments.ERRANDS
HANDLERS = Handlers(
    events={**payments.EVENTS, **settlement.EVENTS},
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
    guards: Guards = UNGUARDED
    errands: Errands = ERRANDS
    chance: Random = field(default_factory=SystemRandom)
    """Whatever is left to it comes from here, so that tests can have it their way."""
    cache: Cache | None = None

    def by(self, actor: str) -> Azpay:
        """The same, for another who acts."""
        return replace(self, db=self.db.by(actor))


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

    made = _make_key(db, settings, keeper) if schema.has_no_key(db, found) else None
    changed = migrations.upgrade(db)
    if made is not None:
        audit.note(db, "key.made", audit.About("key", made.id), now=wall_clock())
    if changed:
        about = audit.About("revision", schema.HEAD)
        audit.note(db, "book.upgraded", about, now=wall_clock(), details={"before": str(found)})
        tell(f"{'Made' if found is schema.State.EMPTY else 'Upgraded'} the book at {db.where}.")
    return changed


def _make_key(db: Database, settings: Settings, keeper: Keeper | None) -> RootKey | None:
    """The key, if one was made; not where the settings name it."""
    keys = keys_of(settings, keeper)
    made = keys.establish()
    db.ring.reload()
    db.engine.dispose()  # connections of a book without a key would write in clear
    if made is not None and keeper is not None:
        keeper.show(made, keys.where or "")
    return made


def follow_a_rekey() -> dict[str, Follow]:
    """What depends on encrypted values elsewhere, by their table."""
    return {"payments": payments.reindex}


def connect(settings: Settings, *, within: float | None = None) -> Gateway:
    """Stripe, under the profile's key, for so many seconds in all. Raises NoKey."""
    from azpay.gateway import stripe

    if settings.stripe_api_key is None:
        raise NoKey(settings.profile)
    key, base = settings.stripe_api_key.reveal(), settings.stripe_api_base
    return stripe.connect(key, base, within=within, clock=wall_clock)


def wire(
    settings: Settings,
    *,
    tell: Callable[[str], None],
    keeper: Keeper | None = None,
    within: float | None = None,
) -> Azpay:
    """Everything, joined, for whoever is at the terminal; Stripe may keep it waiting for `within` seconds."""
    gateway = connect(settings, within=within)
    cache = cache_of(settings)
    db = open_book(settings, tell=tell, keeper=keeper).by(actor_at_terminal(settings))
    return Azpay(settings, db, gateway, HANDLERS, wall_clock, guards_of(settings), cache=cache)


def cache_of(settings: Settings) -> Cache | None:
    """What is quick to ask again, where one is configured. Raises RedisMissing."""
    if settings.redis_url is None:
        return None
    from azpay.db.caches import RedisCache

    return RedisCache(settings.redis_url.reveal())


def actor_at_terminal(settings: Settings) -> str:
    """Who acts: the name that is set, else the system's user."""
    return access.at_terminal(settings.actor, user=access.system_user())


def guards_of(settings: Settings) -> Guards:
    """What this process is held to. It is a run of its own."""
    thresholds = (settings.refund_approval_above, settings.access.refund_approval_above)
    return Guards(
        permissions=settings.access,
        approval_above=tuple(each for each in thresholds if each is not None),
        approval_life=timedelta(hours=settings.refund_approval_hours),
        run=new_id("do", wall_clock()),
    )


def tables() -> MetaData:
    """Every table of the book, for the migration tool to compare with."""
    from azpay.db.schedules import Schedule
    from azpay.payments.batches.models import Batch
    from azpay.receipts.models import Receipt
    from azpay.reconciliation.models import Run

    assert Receipt.metadata is Run.metadata is Schedule.metadata is Batch.metadata is Row.metadata  # noqa: S101
    return Row.metadata
