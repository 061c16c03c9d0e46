"""What a charge tells of the card or the bank account that paid it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azpay.sandbox.cards import Authentication
from azpay.sandbox.ids import scramble
from azpay.sandbox.instruments import behaviour_of

if TYPE_CHECKING:
    from azpay.sandbox.cards import Behaviour
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_OF_THE_ACCOUNT = (
    "account_holder_type", "account_type", "bank_code", "bank_name", "branch_code", "bsb_number", "country",
    "fingerprint", "last4", "routing_number", "sort_code",
)  # fmt: skip
_DEBITED_AFTER = 3 * 24 * 60 * 60


def bank_details(world: World, method: Json) -> Json:
    account = method[method["type"]]
    told: Json = {name: account[name] for name in _OF_THE_ACCOUNT if name in account}
    told["expected_debit_date"] = str(datetime.fromtimestamp(world.time + _DEBITED_AFTER, UTC).date())
    if method["type"] == "us_bank_account":
        told["payment_reference"] = None
    return told


def card_details(intent: Json, method: Json, identifier: str) -> Json:
    card, behaviour = method["card"], behaviour_of(method)
    checks = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
    return {
        "amount_authorized": intent["amount"],
        "authorization_code": authorization_code(identifier),
        "brand": card["brand"],
        "checks": {**checks, **behaviour.checks},
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": str(int(scramble(f"network:{identifier}", 8), 36) % 10**12),
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": _three_d_secure(intent, method, behaviour),
        "wallet": None,
    }


def authorization_code(charge: str) -> str:
    return scramble(f"authorization:{charge}", 6).upper()


def _three_d_secure(intent: Json, method: Json, behaviour: Behaviour) -> Json | None:
    if behaviour.authentication is Authentication.NEVER or intent["_authenticated_with"] != method["id"]:
        return None
    return {**authentication(intent["id"]), "exemption_indicator": None}


def authentication(intent: str) -> Json:
    """3D Secure that went well."""
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": scramble(f"3ds:{intent}", 36),
        "version": "2.2.0",
    }
