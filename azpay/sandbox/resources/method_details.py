"""A new payment method, as Stripe shows the card or the bank account that it stands for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azpay.sandbox.cards import Card
from azpay.sandbox.ids import scramble

if TYPE_CHECKING:
    from azpay.sandbox.bank_accounts import BankAccount
    from azpay.sandbox.instruments import Instrument
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

ADDRESS_FIELDS = ("city", "country", "line1", "line2", "postal_code", "state")

_NOBODY = {
    "address": dict.fromkeys(ADDRESS_FIELDS),
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}
_HOLDER = {"name": "Jenny Rosen", "email": "jenny.rosen@example.com"}
"""A bank asks who holds the account; test accounts have a holder."""


def new_method(world: World, instrument: Instrument) -> Json:
    is_card = isinstance(instrument, Card)
    kind = "card" if isinstance(instrument, Card) else instrument.kind
    return {
        "id": world.ids.new("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": _NOBODY if is_card else {**_NOBODY, **_HOLDER},
        kind: _details(world, instrument),
        "created": world.time,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
        "_token": instrument.token,
        "_spent": False,
        "_set_up": False,
        "_verified": isinstance(instrument, Card) or instrument.verified,
        "_mandate": None,
    }


def _details(world: World, instrument: Instrument) -> Json:
    return _card(world, instrument) if isinstance(instrument, Card) else _bank_account(world, instrument)


def _card(world: World, card: Card) -> Json:
    today = datetime.fromtimestamp(world.time, UTC)
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None},
        "country": card.country,
        "display_brand": card.cobrand or card.brand,
        "exp_month": today.month,
        "exp_year": today.year + 1,
        "fingerprint": scramble(f"{world.account.id}:{card.brand}:{card.country}:{card.last4}", 16),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": card.networks, "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": card.behaviour.three_d_secure},
        "wallet": None,
    }


def _bank_account(world: World, account: BankAccount) -> Json:
    number = f"{world.account.id}:{account.kind}:{account.country}:{account.last4}"
    common = {"fingerprint": scramble(number, 16), "last4": account.last4}
    return {**common, **_bank(account)}


def _bank(account: BankAccount) -> Json:
    """How the country names the bank."""
    banks: Json = {
        "us_bank_account": {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": None,
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": {},
        },
        "sepa_debit": {
            "bank_code": "37040044",
            "branch_code": None,
            "country": account.country,
            "generated_from": {"charge": None, "setup_attempt": None},
        },
        "bacs_debit": {"sort_code": "108800"},
        "au_becs_debit": {"bsb_number": "000000"},
    }
    named: Json = banks[account.kind]
    return named
