"""Stripe as verbs: what azpay asks of it, and nothing else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from azpay.gateway import wire
from azpay.gateway.line import Line
from azpay.gateway.objects import (
    Account,
    Balance,
    BalanceTransaction,
    Customer,
    Dispute,
    EarlyFraudWarning,
    Itemized,
    PaymentIntent,
    PaymentMethod,
    Payout,
    Refund,
    Review,
    SetupIntent,
    WebhookEndpoint,
)
from azpay.gateway.patience import Patience
from azpay.gateway.wire import API_VERSION

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from azpay.gateway.wire import Client, Params


def connect(
    api_key: str,
    api_base: str,
    *,
    within: float | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Gateway:
    """A gateway over HTTPS, or over plain HTTP to a sandbox on this machine.

    `within` is the seconds that all of its calls together may take; a daemon names none. By `clock`, too, no
    key is sent that has become too old.
    """
    patience = Patience(within)
    return Gateway(wire.open_client(api_key, api_base, patience, clock), patience=patience, clock=clock)


class Gateway:
    """Amounts are minor units; `key` is the idempotency key of a stored operation."""

    def __init__(
        self,
        client: Client,
        *,
        pause: Callable[[float], None] = time.sleep,
        timer: Callable[[], float] = time.monotonic,
        patience: Patience | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.line = Line(client, patience or Patience(pause=pause, timer=timer), clock)

    @property
    def calls(self) -> Counter[str]:
        """How many tries ended how since the start: `answered`, or the code of an error."""
        return self.line.calls

    # moving money

    def create_payment_intent(self, params: Params, *, key: str) -> PaymentIntent:
        """https://docs.stripe.com/api/payment_intents/create"""
        return self.line.post(
            "/v1/payment_intents", {**params, "expand": ["latest_charge"]}, PaymentIntent, key
        )

    def confirm_payment_intent(self, payment_intent: str, params: Params, *, key: str) -> PaymentIntent:
        """https://docs.stripe.com/api/payment_intents/confirm; another attempt at the same payment."""
        path = f"/v1/payment_intents/{payment_intent}/confirm"
        return self.line.post(path, {**params, "expand": ["latest_charge"]}, PaymentIntent, key)

    def capture_payment_intent(self, payment_intent: str, amount: int, *, key: str) -> PaymentIntent:
        """https://docs.stripe.com/api/payment_intents/capture; the rest of the authorization is released."""
        params = {"amount_to_capture": amount, "expand": ["latest_charge"]}
        return self.line.post(f"/v1/payment_intents/{payment_intent}/capture", params, PaymentIntent, key)

    def cancel_payment_intent(self, payment_intent: str, reason: str | None, *, key: str) -> PaymentIntent:
        """https://docs.stripe.com/api/payment_intents/cancel"""
        params = {"cancellation_reason": reason, "expand": ["latest_charge"]}
        return self.line.post(f"/v1/payment_intents/{payment_intent}/cancel", params, PaymentIntent, key)

    def create_refund(self, params: Params, *, key: str) -> Refund:
        """https://docs.stripe.com/api/refunds/create"""
        return self.line.post("/v1/refunds", params, Refund, key)

    # customers and their methods

    def create_customer(self, params: Params, *, key: str) -> Customer:
        """https://docs.stripe.com/api/customers/create"""
        return self.line.post("/v1/customers", params, Customer, key)

    def customers_with(self, email: str) -> list[Customer]:
        """Exact and case-sensitive, newest first; Stripe lets several customers share an address."""
        return list(self.line.pages("/v1/customers", {"email": email}, Customer))

    def customer(self, customer: str) -> Customer:
        return self.line.get(f"/v1/customers/{customer}", {}, Customer)

    def set_default_method(self, customer: str, payment_method: str, *, key: str) -> Customer:
        """The default for invoices at Stripe, and for azpay's own charges."""
        params = {"invoice_settings": {"default_payment_method": payment_method}}
        return self.line.post(f"/v1/customers/{customer}", params, Customer, key)

    def attach(self, payment_method: str, customer: str, *, key: str) -> PaymentMethod:
        """https://docs.stripe.com/api/payment_methods/attach"""
        path = f"/v1/payment_methods/{payment_method}/attach"
        return self.line.post(path, {"customer": customer}, PaymentMethod, key)

    def detach(self, payment_method: str, *, key: str) -> PaymentMethod:
        """For good: Stripe lets a detached method never be used again."""
        return self.line.post(f"/v1/payment_methods/{payment_method}/detach", {}, PaymentMethod, key)

    def payment_methods(self, customer: str) -> list[PaymentMethod]:
        return list(self.line.pages(f"/v1/customers/{customer}/payment_methods", {}, PaymentMethod))

    def create_setup_intent(self, params: Params, *, key: str) -> SetupIntent:
        """https://docs.stripe.com/api/setup_intents/create"""
        return self.line.post("/v1/setup_intents", {**params, "expand": ["payment_method"]}, SetupIntent, key)

    # where Stripe posts

    def webhook_endpoints(self) -> list[WebhookEndpoint]:
        return list(self.line.pages("/v1/webhook_endpoints", {}, WebhookEndpoint))

    def create_webhook_endpoint(self, params: Params, *, key: str) -> WebhookEndpoint:
        """https://docs.stripe.com/api/webhook_endpoints/create; its events come in the version we speak."""
        versioned = {**params, "api_version": API_VERSION}
        return self.line.post("/v1/webhook_endpoints", versioned, WebhookEndpoint, key)

    def update_webhook_endpoint(self, endpoint: str, params: Params, *, key: str) -> WebhookEndpoint:
        return self.line.post(f"/v1/webhook_endpoints/{endpoint}", params, WebhookEndpoint, key)

    # looking

    def account(self) -> Account:
        return self.line.get("/v1/account", {}, Account)

    def server_time(self) -> datetime | None:
        """What Stripe's clock says now, going by its last answer."""
        return self.line.server_time()

    def payment_intent(self, payment_intent: str) -> PaymentIntent:
        params = {"expand": ["latest_charge"]}
        return self.line.get(f"/v1/payment_intents/{payment_intent}", params, PaymentIntent)

    def refund(self, refund: str) -> Refund:
        return self.line.get(f"/v1/refunds/{refund}", {}, Refund)

    def payment_method(self, payment_method: str) -> PaymentMethod:
        return self.line.get(f"/v1/payment_methods/{payment_method}", {}, PaymentMethod)

    def balance_transaction(self, balance_transaction: str) -> BalanceTransaction:
        return self.line.get(f"/v1/balance_transactions/{balance_transaction}", {}, BalanceTransaction)

    def payment_intents(self, since: datetime, until: datetime | None = None) -> Iterator[PaymentIntent]:
        """All that were created in [since, until), newest first, a page at a time."""
        params = {**_created(since, until), "expand": ["data.latest_charge"]}
        return self.line.pages("/v1/payment_intents", params, PaymentIntent)

    def refunds(self, since: datetime, until: datetime) -> Iterator[Refund]:
        """All that were created in [since, until), newest first, a page at a time."""
        return self.line.pages("/v1/refunds", _created(since, until), Refund)

    def refunds_of(self, payment_intent: str) -> Iterator[Refund]:
        return self.line.pages("/v1/refunds", {"payment_intent": payment_intent}, Refund)

    def setup_intent(self, setup_intent: str) -> SetupIntent:
        return self.line.get(f"/v1/setup_intents/{setup_intent}", {"expand": ["payment_method"]}, SetupIntent)

    def setup_intents_of(self, customer: str, since: datetime) -> Iterator[SetupIntent]:
        """Those of a customer that were made since then, newest first."""
        params = {"customer": customer, **_created(since, None), "expand": ["data.payment_method"]}
        return self.line.pages("/v1/setup_intents", params, SetupIntent)

    def dispute(self, dispute: str) -> Dispute:
        return self.line.get(f"/v1/disputes/{dispute}", {}, Dispute)

    def disputes(self, since: datetime, until: datetime) -> Iterator[Dispute]:
        """All that were raised in [since, until), newest first, a page at a time."""
        return self.line.pages("/v1/disputes", _created(since, until), Dispute)

    def early_fraud_warning(self, warning: str) -> EarlyFraudWarning:
        return self.line.get(f"/v1/radar/early_fraud_warnings/{warning}", {}, EarlyFraudWarning)

    def early_fraud_warnings(self, since: datetime, until: datetime) -> Iterator[EarlyFraudWarning]:
        return self.line.pages("/v1/radar/early_fraud_warnings", _created(since, until), EarlyFraudWarning)

    def review(self, review: str) -> Review:
        return self.line.get(f"/v1/reviews/{review}", {}, Review)

    def payout(self, payout: str) -> Payout:
        return self.line.get(f"/v1/payouts/{payout}", {}, Payout)

    def payouts(self, since: datetime, until: datetime) -> Iterator[Payout]:
        """All that were made in [since, until), newest first, a page at a time."""
        return self.line.pages("/v1/payouts", _created(since, until), Payout)

    def itemized(self, payout: str) -> Itemized:
        """A payout and what it is made of: only of automatic ones, once Stripe has reconciled them.

        https://docs.stripe.com/payouts/reconciliation
        """
        lines = self.line.pages("/v1/balance_transactions", {"payout": payout}, BalanceTransaction)
        return Itemized(self.payout(payout), list(lines))

    def balance(self) -> Balance:
        return self.line.get("/v1/balance", {}, Balance)

    def events(
        self, since: datetime, types: list[str], *, delivered: bool | None = None
    ) -> Iterator[msgspec.Raw]:
        """Events of these types (20 at most) since then, newest first; only those not delivered, if asked."""
        params = {"created": {"gte": int(since.timestamp())}, "types": types, "delivery_success": delivered}
        return self.line.pages("/v1/events", params, msgspec.Raw)

    def fetch(self, kind: str, identity: str) -> Any:
        """One object of the kind that an event could not speak for."""
        lookups: dict[str, Callable[[str], Any]] = {
            "payment_intent": self.payment_intent,
            "refund": self.refund,
            "customer": self.customer,
            "payment_method": self.payment_method,
            "balance_transaction": self.balance_transaction,
            "setup_intent": self.setup_intent,
            "dispute": self.dispute,
            "early_fraud_warning": self.early_fraud_warning,
            "payout": self.payout,
            "payout_lines": self.itemized,
        }
        return lookups[kind](identity)


def _created(since: datetime, until: datetime | None) -> Params:
    before = {"lt": int(until.timestamp())} if until is not None else {}
    return {"created": {"gte": int(since.timestamp()), **before}}
