"""What can be asked for. A request that exists is well-formed; whether Stripe agrees is another matter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from azpay.errors import Usage
from azpay.logs import looks_like_card_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.money import Money

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
"""https://docs.stripe.com/api/refunds/create"""

CANCEL_REASONS = (*REASONS, "abandoned")
"""https://docs.stripe.com/api/payment_intents/cancel"""

LIMITS = {"description": 1000, "reference": 200, "note": 500, "receipt_email": 512, "idempotency_key": 200}
METADATA_KEYS, METADATA_KEY, METADATA_VALUE = 46, 40, 500
"""Stripe takes fifty keys (https://docs.stripe.com/api/metadata); four of them are ours."""

SUFFIX = re.compile(r"(?! )[ !#$%&()+,\-./0-9:;=?@A-Z\[\]^_`a-z{|}~]{1,22}(?<! )")
RETURN_URL = re.compile(r"https?://[!-~]{1,2000}")
KEY = re.compile(r"[!-~](?:[ -~]*[!-~])?")
EMAIL = re.compile(r"[^@\s,;<>\x00-\x1f]{1,64}@[^@\s,;<>\x00-\x1f]{1,255}")


class RequestInvalid(Usage):
    """The request cannot be carried out as it stands."""

    code = "request_invalid"


class CardNumberRefused(Usage):
    """A card number was given. azpay takes Stripe's ids only, so that no card number ever enters it."""

    code = "card_number_refused"

    def __init__(self, where: str) -> None:
        super().__init__(
            f"The {where} looks like a card number, which azpay never takes.",
            hint="Collect the card with Stripe (Elements, Checkout, a setup intent) and give its pm_… id.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """Take `money` from a saved or a one-time method. Half an answer is enough to ask again with."""

    money: Money
    payment_method: str | None = None
    customer: str | None = None
    reference: str | None = None
    description: str | None = None
    receipt_email: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    authorize_only: bool = False
    off_session: bool = False
    statement_suffix: str | None = None
    return_url: str | None = None
    idempotency_key: str | None = None
    allow_duplicate: bool = False

    def __post_init__(self) -> None:
        self.money.chargeable()
        if self.payment_method is None and self.customer is None:
            raise RequestInvalid(
                "There is nothing to charge.",
                hint="Give --method pm_…, or --customer with a default method (`azpay methods list`).",
            )
        check_method(self.payment_method)
        check_customer(self.customer)
        _texts(self, "reference", "description", "receipt_email", "idempotency_key")
        _key(self.idempotency_key)
        _email("receipt e-mail", self.receipt_email)
        _suffix(self.statement_suffix)
        check_return_url(self.return_url)
        _metadata(self.metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Give back `amount` minor units of a payment, or everything that is left."""

    payment: str
    amount: int | None = None
    reason: str | None = None
    note: str | None = None
    idempotency_key: str | None = None
    allow_duplicate: bool = False

    def __post_init__(self) -> None:
        if self.amount is not None and self.amount <= 0:
            raise RequestInvalid(
                "A refund is for more than nothing.", hint="Leave AMOUNT out to refund the rest."
            )
        _choice("reason", self.reason, REASONS)
        _texts(self, "note", "idempotency_key")
        _key(self.idempotency_key)


def _identified(what: str, value: str | None, *prefixes: str) -> None:
    if value is None:
        return
    if looks_like_card_number(value):
        raise CardNumberRefused(what)
    if not value.startswith(prefixes) or not re.fullmatch(r"\w{4,255}", value, re.ASCII):
        raise RequestInvalid(
            f"{value!r} is not the id of a {what}.", hint=f"Stripe's {what} ids begin with {prefixes[0]}."
        )


def check_method(value: str | None) -> None:
    """Refuse what cannot be the id of a payment method."""
    _identified("payment method", value, "pm_", "card_", "ba_", "src_")


def check_customer(value: str | None) -> None:
    """Refuse what is neither a customer's id nor an e-mail address."""
    if value is not None and "@" in value:
        _email("customer", value)
    else:
        _identified("customer", value, "cus_")


def _suffix(value: str | None) -> None:
    """What stands on the statement after the account's own name: https://docs.stripe.com/get-started/account/statement-descriptors"""
    if value is None:
        return
    if looks_like_card_number(value):
        raise CardNumberRefused("statement suffix")
    if not SUFFIX.fullmatch(value) or not any(character.isalpha() for character in value):
        raise RequestInvalid(
            f"{value!r} cannot stand on a bank statement.",
            hint="Up to 22 ASCII characters with a letter among them, and none of < > \\ ' \" *.",
        )


def check_return_url(value: str | None) -> None:
    """Refuse what is no address on the web."""
    if value is not None and not RETURN_URL.fullmatch(value):
        raise RequestInvalid(
            f"{value[:100]!r} is no address that a customer can come back to.",
            hint="Give it whole, such as https://shop.example/thanks.",
        )


def _email(what: str, value: str | None) -> None:
    if value is not None and not (EMAIL.fullmatch(value) and storable(value)):
        raise RequestInvalid(
            f"The {what} {value!r} is not one e-mail address.", hint="Such as ada@example.com."
        )


def _choice(what: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise RequestInvalid(f"{value!r} is no {what}.", hint=f"Choose one of: {', '.join(choices)}.")


def _texts(request: object, *names: str) -> None:
    for name in names:
        text(name, getattr(request, name))


def text(name: str, value: str | None) -> None:
    """Refuse a text that Stripe would refuse, or that holds a card number."""
    if value is None:
        return
    what = name.replace("_", " ")
    if looks_like_card_number(value):
        raise CardNumberRefused(what)
    if not value.strip() or len(value) > LIMITS[name]:
        raise RequestInvalid(
            f"The {what} must have 1 to {LIMITS[name]} characters; this one has {len(value)}.",
            hint=f"Shorten the {what}, or leave it out.",
        )
    if not storable(value) or set("\r\n") & set(value):
        raise RequestInvalid(
            f"The {what} holds a line break or something that is no text.", hint="Put it on one line."
        )


def storable(value: str) -> bool:
    """Whether a database and a form can hold it: no NUL, and no half of a character."""
    return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _key(value: str | None) -> None:
    """A key travels in a header, and there " a" and "a" are the same."""
    if value is not None and not KEY.fullmatch(value):
        raise RequestInvalid(
            "An idempotency key has printable ASCII characters only, and no space at either end.",
            hint="Such as invoice-2026-0007.",
        )


def _metadata(values: Mapping[str, str]) -> None:
    if len(values) > METADATA_KEYS:
        raise RequestInvalid(f"Metadata may have {METADATA_KEYS} keys.", hint="Keep what you look up by.")
    for key, value in values.items():
        if not 0 < len(key) <= METADATA_KEY or set("[]") & set(key) or key.startswith("azpay_"):
            raise RequestInvalid(
                f"{key!r} cannot be a metadata key.",
                hint=f"Up to {METADATA_KEY} characters, no brackets, not beginning with azpay_.",
            )
        if not storable(key + value):
            raise RequestInvalid(f"The metadata {key!r} holds something that is no text.")
        if len(value) > METADATA_VALUE:
            raise RequestInvalid(f"The metadata {key!r} is longer than {METADATA_VALUE} characters.")
        if looks_like_card_number(value) or looks_like_card_number(key):
            raise CardNumberRefused(f"metadata {key!r}")
