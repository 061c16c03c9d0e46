"""Everything that one account knows: its objects, its balance, its clock, and what is still to happen.

Resources act on a `World`; nothing in it knows about HTTP.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING

from azpay.sandbox import versions
from azpay.sandbox.announcing import News, Newsroom
from azpay.sandbox.database import Database
from azpay.sandbox.faults import Faults
from azpay.sandbox.ids import Ids
from azpay.sandbox.ledger import Ledger
from azpay.sandbox.policy import Policy
from azpay.sandbox.scheduler import Schedule
from azpay.sandbox.store import Collection
from azpay.sandbox.upsets import Upsets
from azpay.sandbox.webhooks import RETRY_AFTER, Deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from azpay.sandbox.wire import Json


_ALIASES = {"py": "ch"}
"""A charge of a bank account goes by another prefix."""

EVENTS_KEPT_FOR = 30 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    country: str
    currency: str
    api_version: str = versions.ACCOUNT_DEFAULT


@dataclass(frozen=True, slots=True)
class Cause:
    """The request that events are put down to. What happens by the clock has none."""

    request: str
    idempotency_key: str | None


class World:
    """`database` opens one with these tables: a fresh one, or one that has been used before."""

    def __init__(
        self,
        account: Account,
        *,
        seed: int,
        time: int,
        retry_after: Sequence[int] = RETRY_AFTER,
        database: Callable[[str], Database] = Database.in_memory,
    ) -> None:
        self.account = account
        self.opened = self.time = time
        self.past: Json | None = None
        self.cause: Cause | None = None
        self.base_url = "http://127.0.0.1:12111"
        self.ids = Ids(seed)
        self.faults = Faults()
        self.upsets = Upsets()
        self.payment_intents = Collection("payment_intent", "customer", tally=received)
        self.charges = Collection("charge", "customer", "payment_intent", "transfer_group")
        self.policy = Policy()
        self.refunds = Collection("refund", "charge", "payment_intent", "_waits_for", tally=paid_back)
        self.disputes = Collection("dispute", "charge", "payment_intent")
        self.early_fraud_warnings = Collection("radar.early_fraud_warning", "charge", "payment_intent")
        self.reviews = Collection("review", "charge", "open")
        self.payouts = Collection("payout", "destination", "status", "_batch")
        self.bank_accounts = Collection("bank_account")
        self.files = Collection("file", "purpose")
        self.report_runs = Collection("reporting.report_run")
        self.customers = Collection("customer", "email")
        self.payment_methods = Collection("PaymentMethod", "customer")
        self.setup_intents = Collection("setupintent", "customer", "payment_method")
        self.setup_attempts = Collection("setup_attempt", "setup_intent")
        self.mandates = Collection("mandate", "payment_method")
        self.events = Collection("event", "type", "_undelivered", opaque="data")
        self.webhook_endpoints = Collection("webhook_endpoint")
        self.event_destinations = Collection("event_destination")
        self.listeners = Collection("stripecli_session")
        self.ledger = Ledger()
        self.next_payouts: int | None = None
        self.collections = {
            "pi": self.payment_intents,
            "ch": self.charges,
            "re": self.refunds,
            "du": self.disputes,
            "issfr": self.early_fraud_warnings,
            "prv": self.reviews,
            "po": self.payouts,
            "ba": self.bank_accounts,
            "file": self.files,
            "frr": self.report_runs,
            "cus": self.customers,
            "pm": self.payment_methods,
            "seti": self.setup_intents,
            "setatt": self.setup_attempts,
            "mandate": self.mandates,
            "evt": self.events,
            "we": self.webhook_endpoints,
            "ed": self.event_destinations,
            "wsid": self.listeners,
            "txn": self.ledger.transactions,
        }
        """By the prefix of the ids that live there."""
        self.database = database("".join(rows.schema for rows in self.collections.values()))
        for rows in self.collections.values():
            rows.bind(self.database)
        self.schedule = Schedule(self.database)
        self.deliveries = Deliveries(self.database, retry_after)

    def find(self, identifier: str) -> Json | None:
        """Whatever has this id."""
        prefix = identifier.partition("_")[0]
        collection = self.collections.get(_ALIASES.get(prefix, prefix))
        return None if collection is None else collection.find(identifier)

    def emit(self, kind: str, subject: Json, *, previous: Json | None = None) -> None:
        """Make an event of what just happened, and send it to whoever listens."""
        cause = self.cause
        request = {"id": cause and cause.request, "idempotency_key": cause and cause.idempotency_key}
        news = News(kind, subject, previous, self.time, self.account.api_version, request)
        newsroom = Newsroom(self.events, self.deliveries, self.upsets, self.ids)
        newsroom.announce(news, self.listening())

    def listening(self) -> Iterator[Json]:
        """Everyone who hears events: endpoints, destinations, and the Stripe CLI's listeners."""
        return chain(self.webhook_endpoints, self.event_destinations, self.listeners)

    def listener(self, identifier: str) -> Json:
        """Who of those has this id."""
        found = self.find(identifier)
        return self.webhook_endpoints.get(identifier) if found is None else found

    def release_at(self, ready: int) -> None:
        """Money that is pending until then has been taken in."""
        if self.ledger.expects(ready):
            self.schedule.plan(ready, "release_funds", str(ready))

    def flush(self) -> None:
        """Write what has changed since the last commit, and let go of it: the unit of work has ended."""
        for rows in self.collections.values():
            rows.flush()
        for rows in self.collections.values():
            rows.evict()

    def forget(self) -> None:
        """Nothing has happened since the last commit."""
        for rows in self.collections.values():
            rows.forget()
        self.schedule.forget()

    def discard_old_events(self) -> None:
        """Stripe keeps them for thirty days."""
        if self.events.discard(until=self.time - EVENTS_KEPT_FOR):
            self.deliveries.forget_lost_events()

    def dump(self) -> Json:
        """What is not in a table."""
        return {
            "account": asdict(self.account),
            "opened": self.opened,
            "time": self.time,
            "past": self.past,
            "base_url": self.base_url,
            "policy": self.policy.as_json(),
            "ledger": self.ledger.dump(),
            "next_payouts": self.next_payouts,
            "ids": self.ids.dump(),
            "faults": self.faults.dump(),
            "upsets": self.upsets.dump(),
            "deliveries": self.deliveries.dump(),
            "sums": {prefix: rows.dump() for prefix, rows in self.collections.items()},
        }

    def recall(self, data: Json) -> None:
        """Be as `dump` was."""
        self.account = Account(**data["account"])
        self.opened, self.time, self.past = data["opened"], data["time"], data["past"]
        self.base_url = data["base_url"]
        self.policy = Policy().changed(data["policy"])
        self.ledger.recall(data["ledger"])
        self.next_payouts = data["next_payouts"]
        self.ids.recall(data["ids"])
        self.faults = Faults.load(data["faults"])
        self.upsets = Upsets.load(data["upsets"])
        self.deliveries.recall(data["deliveries"])
        for prefix, rows in self.collections.items():
            rows.recall(data["sums"][prefix])


def received(intent: Json) -> Mapping[str, int]:
    return {intent["currency"]: intent["amount_received"]}


def paid_back(refund: Json) -> Mapping[str, int]:
    stands = refund["status"] in ("succeeded", "pending")
    return {refund["currency"]: refund["amount"]} if stands else {}
