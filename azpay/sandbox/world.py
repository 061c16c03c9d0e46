"""Everything that one account knows: its objects, its balance, its clock, and what is still to happen.

Resources act on a `World`; nothing in it knows about HTTP.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import msgspec

from azpay.sandbox import versions
from azpay.sandbox.faults import Faults
from azpay.sandbox.ids import Ids
from azpay.sandbox.ledger import Ledger
from azpay.sandbox.policy import Policy
from azpay.sandbox.scheduler import Schedule
from azpay.sandbox.store import Collection
from azpay.sandbox.webhooks import Deliveries, wants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.sandbox.wire import Json


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
        self.deliveries = Deliveries(retry_after)
        self.payment_intents = Collection("payment_intent", "customer")
        self.charges = Collection("charge", "customer", "payment_intent", "transfer_group")
        self.policy = Policy()
        self.refunds = Collection("refund", "charge", "payment_intent", "_waits_for")
        self.disputes = Collection("dispute", "charge", "payment_intent")
        self.early_fraud_warnings = Collection("radar.early_fraud_warning", "charge", "payment_intent")
        self.reviews = Collection("review", "charge", "open")
        self.payouts = Collection("payout", "destination", "status")
        self.bank_accounts = Collection("bank_account")
        self.files = Collection("file", "purpose")
        self.report_runs = Collection("reporting.report_run")
        self.customers = Collection("customer", "email")
        self.payment_methods = Collection("PaymentMethod", "customer")
        self.events = Collection("event", "type", "_undelivered")
        self.webhook_endpoints = Collection("webhook_endpoint")
        self.ledger = Ledger()
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
            "evt": self.events,
            "we": self.webhook_endpoints,
            "txn": self.ledger.transactions,
        }
        """By the prefix of the ids that live there."""

    def find(self, identifier: str) -> Json | None:
        """Whatever has this id."""
        collection = self.collections.get(identifier.partition("_")[0])
        return None if collection is None else collection.find(identifier)

    def emit(self, kind: str, subject: Json, *, previous: Json | None = None) -> None:
        """Make an event of what just happened, and send it to whoever listens."""
        if self.faults.is_unmade(kind):
            return
        event = self._event(kind, subject, previous)
        listening = [endpoint for endpoint in self.webhook_endpoints if wants(endpoint, kind)]
        event["_awaited"] = [endpoint["id"] for endpoint in listening]
        event["pending_webhooks"] = len(listening)
        event["_undelivered"] = bool(listening)
        self.events.add(event)
        if self.faults.loses(kind):
            return
        for endpoint in listening:
            self.deliveries.send(event["id"], endpoint["id"], due=self.time)

    def _event(self, kind: str, subject: Json, previous: Json | None) -> Json:
        data: Json = {"object": versions.visible(subject, versions.LATEST)}
        if previous is not None:
            data["previous_attributes"] = previous
        cause = self.cause
        return {
            "id": self.ids.new("evt"),
            "object": "event",
            "api_version": self.account.api_version,
            "created": self.time,
            "data": msgspec.Raw(msgspec.json.encode(data)),
            "livemode": False,
            "pending_webhooks": 0,
            "request": {
                "id": cause and cause.request,
                "idempotency_key": cause and cause.idempotency_key,
            },
            "type": kind,
        }

    def dump(self) -> Json:
        return {
            "account": asdict(self.account),
            "time": self.time,
            "base_url": self.base_url,
            "policy": self.policy.as_json(),
            "batches": self.ledger.batches,
            "ids": self.ids.dump(),
            "schedule": self.schedule.dump(),
            "faults": self.faults.dump(),
            "deliveries": self.deliveries.dump(),
            "objects": {prefix: rows.dump() for prefix, rows in self.collections.items()},
        }

    @classmethod
    def load(cls, data: Json) -> World:
        world = cls(Account(**data["account"]), seed=0, time=data["time"], retry_after=())
        world.base_url = data["base_url"]
        world.policy = Policy().changed(data.get("policy", {}))
        world.ledger.batches.update(data.get("batches", {}))
        world.ids = Ids(**data["ids"])
        world.faults = Faults.load(data["faults"])
        world.deliveries = Deliveries.load(data["deliveries"])
        objects = data["objects"]
        world.ledger.load(objects.pop("txn"))
        for event in objects["evt"]:
            event["data"] = msgspec.Raw(msgspec.json.encode(event["data"]))
        for prefix, rows in objects.items():
            world.collections[prefix].load(rows)
        world.schedule = Schedule.load(data["schedule"])
        return world
