"""Everything that one account knows: its objects, its balance, its clock, and what is still to happen.

Resources act on a `World`; nothing in it knows about HTTP.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox import versions
from azpay.sandbox.announcing import announce
from azpay.sandbox.faults import Faults
from azpay.sandbox.ids import Ids
from azpay.sandbox.ledger import Ledger
from azpay.sandbox.policy import Policy
from azpay.sandbox.scheduler import Schedule
from azpay.sandbox.store import Collection
from azpay.sandbox.upsets import Upsets
from azpay.sandbox.webhooks import Deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from azpay.sandbox.wire import Json


_ALIASES = {"py": "ch"}
"""A charge of a bank account goes by another prefix."""


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
    def __init__(self, account: Account, *, seed: int, time: int, retry_after: Sequence[int]) -> None:
        self.account = account
        self.time = time
        self.cause: Cause | None = None
        self.base_url = "http://127.0.0.1:12111"
        self.ids = Ids(seed)
        self.schedule = Schedule()
        self.faults = Faults()
        self.upsets = Upsets()
        self.deliveries = Deliveries(retry_after)
        self.payment_intents = Collection("payment_intent", "customer")
        self.charges = Collection("charge", "customer", "payment_intent", "transfer_group")
        self.policy = Policy()
        self.refunds = Collection("refund", "charge", "payment_intent", "_waits_for")
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
        self.events = Collection("event", "type", "_undelivered")
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

    def find(self, identifier: str) -> Json | None:
        """Whatever has this id."""
        prefix = identifier.partition("_")[0]
        collection = self.collections.get(_ALIASES.get(prefix, prefix))
        return None if collection is None else collection.find(identifier)

    def emit(self, kind: str, subject: Json, *, previous: Json | None = None) -> None:
        """Make an event of what just happened, and send it to whoever listens."""
        announce(self, kind, subject, previous)

    def listening(self) -> Iterator[Json]:
        """Everyone who hears events: endpoints, destinations, and the Stripe CLI's listeners."""
        return chain(self.webhook_endpoints, self.event_destinations, self.listeners)

    def listener(self, identifier: str) -> Json:
        """Who of those has this id."""
        found = self.find(identifier)
        return self.webhook_endpoints.get(identifier) if found is None else found

    def dump(self) -> Json:
        return {
            "account": asdict(self.account),
            "time": self.time,
            "base_url": self.base_url,
            "policy": self.policy.as_json(),
            "batches": self.ledger.batches,
            "next_payouts": self.next_payouts,
            "ids": self.ids.dump(),
            "schedule": self.schedule.dump(),
            "faults": self.faults.dump(),
            "upsets": self.upsets.dump(),
            "deliveries": self.deliveries.dump(),
            "objects": {prefix: rows.dump() for prefix, rows in self.collections.items()},
        }

    @classmethod
    def load(cls, data: Json) -> World:
        world = cls(Account(**data["account"]), seed=0, time=data["time"], retry_after=())
        world.base_url = data["base_url"]
        world.policy = Policy().changed(data.get("policy", {}))
        world.ledger.batches.update(data.get("batches", {}))
        world.next_payouts = data.get("next_payouts")
        world.ids = Ids(**data["ids"])
        world.faults = Faults.load(data["faults"])
        world.upsets = Upsets.load(data["upsets"])
        world.deliveries = Deliveries.load(data["deliveries"])
        objects = data["objects"]
        world.ledger.load(objects.pop("txn"))
        for event in objects["evt"]:
            event["data"] = msgspec.Raw(msgspec.json.encode(event["data"]))
        for prefix, rows in objects.items():
            world.collections[prefix].load(rows)
        world.schedule = Schedule.load(data["schedule"])
        return world
