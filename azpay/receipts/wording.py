"""What a receipt says, in words: facts in, a sheet of plain text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.money import Money
from azpay.payments import RefundStatus
from azpay.receipts.texts import BOX, ours, theirs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from azpay.payments import Payment, PaymentMethod, Refund
    from azpay.receipts.facts import Facts, Merchant

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
NAMES = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
    "ideal": "iDEAL",
    "p24": "Przelewy24",
    "paypal": "PayPal",
    "sepa_debit": "SEPA debit",
    "us_bank_account": "US bank account",
}
DASH = "\N{EN DASH}"
REFUNDS_SHOWN = 3
ADDRESS_LINES = 5
LAST4 = 4


@dataclass(frozen=True, slots=True)
class Sum:
    """A line of the account; the last one is what it comes to."""

    label: str
    money: Money
    note: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """A labelled value, which may fill so many lines; ids are quiet."""

    label: str
    value: str
    lines: int = 1
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Hero:
    """The one figure that matters, and how it stands."""

    label: str
    money: Money
    standing: str
    below: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is drawn, in reading order."""

    title: str
    number: str
    issued: str
    merchant: str
    address: Sequence[str]
    hero: Hero
    test: bool
    sums: Sequence[Sum]
    details: Sequence[Detail]
    notes: Sequence[str]
    support: str


def sheet(facts: Facts, merchant: Merchant, zone: tzinfo) -> Sheet:
    """Raises GlyphMissing when a setting of the merchant's cannot be drawn."""
    return _refund_sheet(facts, merchant, zone) if facts.refund else _payment_sheet(facts, merchant, zone)


def _payment_sheet(facts: Facts, merchant: Merchant, zone: tzinfo) -> Sheet:
    when, method = facts.payment.created_at, _method(facts.payment, facts.method)
    details = [
        Detail("Paid on", _moment(when, zone)),
        Detail("Paid with", method),
        *_about(facts.payment),
        *_payment_ids(facts.payment),
    ]
    hero = Hero("Amount paid", facts.paid, _standing(facts), _line(_date(when, zone), method))
    return _sheet("Payment receipt", facts, merchant, zone, hero, details)


def _refund_sheet(facts: Facts, merchant: Merchant, zone: tzinfo) -> Sheet:
    refund = facts.refund
    assert refund is not None  # noqa: S101
    when, method = refund.created_at, _method(facts.payment, facts.method)
    paid = _moment(facts.payment.created_at, zone)
    details = [
        Detail("Refunded on", _moment(when, zone)),
        Detail("Refunded to", method),
        Detail("For the payment of", _line(paid, _number(facts, ""))),
        *_about(facts.payment),
        Detail("Refund", refund.id, quiet=True),
        Detail("Stripe refund", refund.refund or "", quiet=True),
        *_payment_ids(facts.payment),
    ]
    label, standing = ("Amount refunded", "Refunded") if _arrived(refund) else ("Refund failed", "Failed")
    hero = Hero(label, Money(refund.amount, refund.currency), standing, _line(_date(when, zone), method))
    return _sheet("Refund receipt", facts, merchant, zone, hero, details)


def _sheet(
    title: str, facts: Facts, merchant: Merchant, zone: tzinfo, hero: Hero, details: Sequence[Detail]
) -> Sheet:
    shown = [detail for detail in details if detail.value]
    return Sheet(
        title=title,
        number=facts.receipt.number,
        issued=f"Issued {_date(facts.receipt.issued_at, zone)}",
        merchant=ours(merchant.name or "", "AZPAY_MERCHANT_NAME"),
        address=_address(merchant),
        hero=hero,
        test=not facts.payment.livemode,
        sums=_sums(facts, zone),
        details=shown,
        notes=_notes(title, facts, merchant, shown),
        support=ours(merchant.support or "", "AZPAY_MERCHANT_SUPPORT"),
    )


def _address(merchant: Merchant) -> list[str]:
    lines = [ours(line, "AZPAY_MERCHANT_ADDRESS") for line in (merchant.address or "").splitlines()]
    if len(lines) > ADDRESS_LINES:
        lines = [*lines[: ADDRESS_LINES - 1], ", ".join(lines[ADDRESS_LINES - 1 :])]
    tax = ours(merchant.tax_id or "", "AZPAY_MERCHANT_TAX_ID")
    return [line for line in (*lines, f"Tax ID {tax}" if tax else "") if line]


def _sums(facts: Facts, zone: tzinfo) -> list[Sum]:
    """What was paid, what went back, what is left: the figures add up."""
    returned = _returned(facts) if facts.refund else _refunds(facts, zone)
    lines = [Sum("Payment", facts.paid), *returned, Sum("Net paid", facts.paid - facts.returned)]
    return [line for line in lines if line.money.amount or line is lines[-1]]


def _returned(facts: Facts) -> list[Sum]:
    this = facts.sum_of([refund for refund in facts.succeeded if refund is facts.refund])
    return [Sum("This refund", -this), Sum("Other refunds to date", this - facts.returned)]


def _refunds(facts: Facts, zone: tzinfo) -> list[Sum]:
    succeeded = facts.succeeded
    earlier = [] if len(succeeded) <= REFUNDS_SHOWN else succeeded[: 1 - REFUNDS_SHOWN]
    return [
        Sum(f"{len(earlier)} earlier refunds", -facts.sum_of(earlier)),
        *(_refund_line(facts, refund, zone) for refund in succeeded[len(earlier) :]),
    ]


def _refund_line(facts: Facts, refund: Refund, zone: tzinfo) -> Sum:
    label = f"Refund of {_date(refund.created_at, zone)}"
    return Sum(label, -Money(refund.amount, refund.currency), _number(facts, refund.id))


def _about(payment: Payment) -> list[Detail]:
    return [
        Detail("Description", theirs(payment.description or ""), lines=4),
        Detail("Reference", theirs(payment.reference or ""), lines=2),
    ]


def _payment_ids(payment: Payment) -> list[Detail]:
    return [
        Detail("Payment", payment.id, quiet=True),
        Detail("Stripe payment", payment.payment_intent or "", quiet=True),
        Detail("Stripe charge", payment.charge or "", quiet=True),
    ]


def _notes(title: str, facts: Facts, merchant: Merchant, details: Sequence[Detail]) -> list[str]:
    notes = []
    if facts.on_its_way.amount:
        notes.append(f"Refunds of {facts.on_its_way.display()} are on their way and not counted yet.")
    if facts.refund is not None and not _arrived(facts.refund):
        notes.append("The bank could not take this refund: the money was not returned.")
    if not facts.payment.livemode:
        notes.append("Test mode: no real money was moved.")
    if any(BOX in detail.value for detail in details):
        notes.append(f"{BOX} stands for a character that this document cannot show.")
    tax = "this document itemises no tax" if merchant.tax_id else "not a tax invoice"
    return [*notes, f"{title} {DASH} {tax}."]


def _arrived(refund: Refund) -> bool:
    """A refund that had succeeded can still fail, days later, with its receipt given out."""
    return refund.status is RefundStatus.SUCCEEDED


def _standing(facts: Facts) -> str:
    if facts.returned.amount == 0:
        return "Paid"
    return "Refunded" if facts.returned == facts.paid else "Partly refunded"


def _number(facts: Facts, refund_id: str) -> str:
    receipt = facts.receipts.get(refund_id)
    return "" if receipt is None else receipt.number


def _method(payment: Payment, method: PaymentMethod | None) -> str:
    """A brand and four digits; never more of a card, nor when it expires."""
    if payment.card_last4:
        brand = payment.card_brand or "card"
        return f"{_name(brand)} •••• {theirs(payment.card_last4[-LAST4:])}"
    return "" if method is None else _name(method.type)


def _name(word: str) -> str:
    return NAMES.get(word) or theirs(word.replace("_", " ").capitalize())


def _line(*parts: str) -> str:
    return "  ·  ".join(part for part in parts if part)


def _date(when: datetime, zone: tzinfo) -> str:
    here = when.astimezone(zone)
    return f"{here.day} {MONTHS[here.month - 1]} {here.year}"


def _moment(when: datetime, zone: tzinfo) -> str:
    """With the distance from UTC: names of zones, such as IST, mean several."""
    offset = when.astimezone(zone).strftime("%z")
    zoned = "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{_date(when, zone)}, {when.astimezone(zone):%H:%M} {zoned}"
