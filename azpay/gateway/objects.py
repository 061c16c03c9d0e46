"""Stripe's objects, reduced to the fields that we read.

Decoded straight from the JSON that Stripe sends: the SDK's own objects cost twelve to fifty times as much.
Everything Stripe may leave out or null has a default, because events arrive in the account's API version,
not in ours.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """Whether the network or Radar said no, and what to show: https://docs.stripe.com/declines"""

    type: str | None = None
    reason: str | None = None
    seller_message: str | None = None


class Card(msgspec.Struct, frozen=True):
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    fingerprint: str | None = None
    capture_before: int | None = None


class MethodDetails(msgspec.Struct, frozen=True):
    type: str | None = None
    card: Card | None = None


class Tried(msgspec.Struct, frozen=True):
    """The payment method that an attempt failed with."""

    id: str


class StripeError(msgspec.Struct, frozen=True):
    """The `error` of a refused call, and `last_payment_error`."""

    type: str | None = None
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    message: str | None = None
    param: str | None = None
    payment_method: Tried | None = None
    payment_intent: PaymentIntent | None = None
    setup_intent: SetupIntent | None = None


class BalanceTransaction(msgspec.Struct, frozen=True):
    id: str
    amount: int
    fee: int
    net: int
    currency: str
    type: str
    created: int
    available_on: int
    reporting_category: str = ""
    source: str | None = None


class Charge(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: str
    created: int
    amount_captured: int = 0
    amount_refunded: int = 0
    status: str = ""
    captured: bool = False
    payment_intent: str | None = None
    balance_transaction: str | BalanceTransaction | None = None
    payment_method_details: MethodDetails | None = None
    outcome: Outcome | None = None
    failure_code: str | None = None
    failure_message: str | None = None


class Redirect(msgspec.Struct, frozen=True):
    url: str | None = None


class NextAction(msgspec.Struct, frozen=True):
    type: str = ""
    redirect_to_url: Redirect | None = None


class PaymentIntent(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: str
    status: str
    created: int
    amount_received: int = 0
    amount_capturable: int = 0
    livemode: bool = False
    customer: str | None = None
    payment_method: str | None = None
    description: str | None = None
    receipt_email: str | None = None
    metadata: dict[str, str] = {}
    latest_charge: str | Charge | None = None
    last_payment_error: StripeError | None = None
    next_action: NextAction | None = None

    @property
    def charge(self) -> Charge | None:
        """The latest charge, when it was asked for with `expand`."""
        return self.latest_charge if isinstance(self.latest_charge, Charge) else None

    @property
    def method_id(self) -> str | None:
        """What it is paid with or, after a decline, what was declined: Stripe empties the field then."""
        error = self.last_payment_error
        tried = error.payment_method if error else None
        return self.payment_method or (tried.id if tried else None)

    @property
    def charge_id(self) -> str | None:
        return self.latest_charge.id if isinstance(self.latest_charge, Charge) else self.latest_charge


class Refund(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: str
    created: int
    status: str | None = None
    charge: str | None = None
    payment_intent: str | None = None
    reason: str | None = None
    failure_reason: str | None = None
    marks: dict[str, str] | None = msgspec.field(default=None, name="metadata")
    balance_transaction: str | BalanceTransaction | None = None
    failure_balance_transaction: str | BalanceTransaction | None = None

    @property
    def metadata(self) -> dict[str, str]:
        """Null where nobody set any: the only one of Stripe's objects that we read whose metadata may be."""
        return self.marks or {}


class EvidenceDetails(msgspec.Struct, frozen=True):
    due_by: int | None = None
    has_evidence: bool = False
    past_due: bool = False
    submission_count: int = 0


class Dispute(msgspec.Struct, frozen=True):
    """https://docs.stripe.com/api/disputes/object; its ledger lines come whole."""

    id: str
    amount: int
    currency: str
    created: int
    status: str
    charge: str
    reason: str = ""
    payment_intent: str | None = None
    is_charge_refundable: bool = False
    network_reason_code: str | None = None
    evidence_details: EvidenceDetails = EvidenceDetails()
    balance_transactions: list[BalanceTransaction] = []
    livemode: bool = False


class EarlyFraudWarning(msgspec.Struct, frozen=True):
    """https://docs.stripe.com/api/radar/early_fraud_warnings/object"""

    id: str
    charge: str
    created: int
    fraud_type: str
    actionable: bool
    payment_intent: str | None = None
    livemode: bool = False


class Review(msgspec.Struct, frozen=True):
    """https://docs.stripe.com/api/radar/reviews/object"""

    id: str
    created: int
    open: bool
    reason: str
    charge: str | None = None
    payment_intent: str | None = None
    opened_reason: str | None = None
    closed_reason: str | None = None
    ip_address: str | None = None
    billing_zip: str | None = None
    livemode: bool = False


class SetupIntent(msgspec.Struct, frozen=True):
    """https://docs.stripe.com/api/setup_intents/object"""

    id: str
    created: int
    status: str
    usage: str = "off_session"
    customer: str | None = None
    payment_method: str | PaymentMethod | None = None
    metadata: dict[str, str] = {}
    last_setup_error: StripeError | None = None
    next_action: NextAction | None = None
    livemode: bool = False

    @property
    def method(self) -> PaymentMethod | None:
        """What is saved, when it was asked for with `expand`."""
        return self.payment_method if isinstance(self.payment_method, PaymentMethod) else None

    @property
    def method_id(self) -> str | None:
        return (
            self.payment_method.id if isinstance(self.payment_method, PaymentMethod) else self.payment_method
        )


class TraceId(msgspec.Struct, frozen=True):
    status: str = ""
    value: str | None = None


class Payout(msgspec.Struct, frozen=True):
    """https://docs.stripe.com/api/payouts/object; less than nothing where a bank account is debited."""

    id: str
    amount: int
    currency: str
    created: int
    arrival_date: int
    status: str
    automatic: bool = False
    method: str = "standard"
    type: str = "bank_account"
    destination: str | None = None
    description: str | None = None
    statement_descriptor: str | None = None
    reconciliation_status: str = "not_applicable"
    trace_id: TraceId | None = None
    balance_transaction: str | BalanceTransaction | None = None
    failure_code: str | None = None
    failure_message: str | None = None
    failure_balance_transaction: str | BalanceTransaction | None = None
    original_payout: str | None = None
    reversed_by: str | None = None
    livemode: bool = False


class Itemized(msgspec.Struct, frozen=True):
    """A payout with the ledger lines that it is made of; not an object of Stripe's, but two answers."""

    payout: Payout
    lines: list[BalanceTransaction]


class Funds(msgspec.Struct, frozen=True):
    amount: int
    currency: str


class Balance(msgspec.Struct, frozen=True):
    """https://docs.stripe.com/api/balance/balance_object"""

    available: list[Funds] = []
    pending: list[Funds] = []
    livemode: bool = False


class InvoiceSettings(msgspec.Struct, frozen=True):
    default_payment_method: str | None = None


class Customer(msgspec.Struct, frozen=True):
    id: str
    created: int = 0
    email: str | None = None
    name: str | None = None
    deleted: bool = False
    invoice_settings: InvoiceSettings | None = None
    metadata: dict[str, str] = {}

    @property
    def default_method(self) -> str | None:
        return self.invoice_settings.default_payment_method if self.invoice_settings else None


class PaymentMethod(msgspec.Struct, frozen=True):
    id: str
    type: str
    created: int
    customer: str | None = None
    card: Card | None = None


class Account(msgspec.Struct, frozen=True):
    id: str
    country: str | None = None
    default_currency: str | None = None
    email: str | None = None
    charges_enabled: bool = False


class WebhookEndpoint(msgspec.Struct, frozen=True):
    id: str
    url: str
    status: str = "enabled"
    enabled_events: list[str] = []
    api_version: str | None = None
    created: int = 0
    metadata: dict[str, str] = {}
    secret: str | None = None
    """Only in the answer that made it."""


class EventData(msgspec.Struct, frozen=True):
    object: dict[str, Any]


class Event(msgspec.Struct, frozen=True):
    id: str
    type: str
    created: int
    data: EventData
    livemode: bool = False
    account: str | None = None
    api_version: str | None = None


def learn(*types: type[msgspec.Struct]) -> None:
    """Make types known to msgspec while one thread imports their module.

    It learns a type when it first decodes one, and a thread that comes with the same type meanwhile
    crashes the process.
    """
    for each in types:
        msgspec.json.Decoder(each)


learn(StripeError, PaymentIntent, Charge, BalanceTransaction, Refund, Customer, PaymentMethod, Account)
learn(Dispute, EarlyFraudWarning, Review, SetupIntent, Payout, Itemized, Balance, WebhookEndpoint, Event)
