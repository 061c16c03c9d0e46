"""The commands that move money, each with something to move; and what is on record and at Stripe of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import stripe as sdk
from sqlmodel import col, select

from azpay import payments
from azpay.gateway.stripe import Gateway
from azpay.operations import Operation
from azpay.payments import Payment, Refund
from tests.support.builders import a_charge
from tests.support.stripe_transport import Answer, InProcessHTTPClient

from .running import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer.testing import Result

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

KEY = "sk_test_azpay_sandbox"
CHARGE, CAPTURE, CANCEL, REFUND = VERBS = ("charge", "capture", "cancel", "refund")
WORDS = {
    CHARGE: ["charge", "5", "usd", "--method", "pm_card_visa", "--reference", "new"],
    CAPTURE: ["capture", "held"],
    CANCEL: ["cancel", "held"],
    REFUND: ["refund", "paid", "--yes"],
}


class Standing(NamedTuple):
    """The states of the last operation, of its payment, and of its refund if it is one."""

    operation: str
    payment: str
    refund: str | None = None


OPEN = {
    CHARGE: Standing("unknown", "unknown"),
    CAPTURE: Standing("unknown", "authorized"),
    CANCEL: Standing("unknown", "authorized"),
    REFUND: Standing("unknown", "succeeded", "unknown"),
}
"""On record while nobody knows what became of it."""
NOT_DONE = {
    CHARGE: Standing("failed", "failed"),
    CAPTURE: Standing("failed", "authorized"),
    CANCEL: Standing("failed", "authorized"),
    REFUND: Standing("failed", "succeeded", "failed"),
}
DONE = {
    CHARGE: Standing("succeeded", "succeeded"),
    CAPTURE: Standing("succeeded", "succeeded"),
    CANCEL: Standing("succeeded", "canceled"),
    REFUND: Standing("succeeded", "succeeded", "succeeded"),
}
MOVED = {
    CHARGE: {"charged": [500], "canceled": 0, "returned": []},
    CAPTURE: {"charged": [700], "canceled": 0, "returned": []},
    CANCEL: {"charged": [0], "canceled": 1, "returned": []},
    REFUND: {"charged": [900], "canceled": 0, "returned": [900]},
}
"""What Stripe says when it was done once."""


@dataclass(frozen=True)
class Till:
    """One of the commands, typed at a book that holds just what it needs."""

    azpay: Azpay
    stripe: Sandbox
    clock: Clock
    verb: str

    def type(self, *more: str) -> Result:
        """A second later each time, so that what comes later sorts behind."""
        self.clock.advance(seconds=1)
        return run(self.azpay, *WORDS[self.verb], *more)

    def over(self, gateway: Gateway) -> Till:
        return replace(self, azpay=replace(self.azpay, gateway=gateway))

    @property
    def standing(self) -> Standing:
        return standing(self.azpay.db)

    @property
    def moved(self) -> dict[str, Any]:
        """In minor units, as Stripe has it."""
        intents = self.stripe.payment_intents
        return {
            "charged": [each["amount_captured"] for each in self.stripe.charges],
            "canceled": sum(intent["status"] == "canceled" for intent in intents),
            "returned": [refund["amount"] for refund in self.stripe.refunds],
        }


def a_till(azpay: Azpay, stripe: Sandbox, clock: Clock, verb: str) -> Till:
    if verb != CHARGE:
        held = verb != REFUND
        request = a_charge(900 if verb == REFUND else 700, reference=WORDS[verb][1], authorize_only=held)
        payments.charge(azpay.db, azpay.gateway, request, now=azpay.now())
    return Till(azpay, stripe, clock, verb)


def standing(db: Database) -> Standing:
    with db.reading() as session:
        newest = select(Operation).order_by(col(Operation.created_at).desc(), col(Operation.id).desc())
        operation = session.exec(newest).first()
        assert operation is not None
        refund = session.get(Refund, operation.subject)
        payment = session.get_one(Payment, refund.payment_id if refund else operation.subject)
        return Standing(operation.state, payment.status, refund.status if refund else None)


def told(result: Result) -> tuple[str, str]:
    """What went wrong and what is next, as a person reads it; without the ids."""
    lines = result.stderr.splitlines()
    first = next(line for line in lines if line.startswith("Error: "))
    following = next((line for line in lines if line.startswith("  Next: ")), "")
    return first.removeprefix("Error: "), following.removeprefix("  Next: ")


class Saying(InProcessHTTPClient):
    """Says the same to whatever moves money, as long as it has an answer; looking is the sandbox's."""

    answer: Answer | None = None

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        if method == "post" and self.answer is not None:
            return self.answer
        return super().request(method, url, headers, post_data)


def gateway_over(transport: InProcessHTTPClient, key: str = KEY) -> Gateway:
    client = sdk.StripeClient(key, http_client=transport, max_network_retries=0)
    return Gateway(client, pause=lambda _seconds: None)
