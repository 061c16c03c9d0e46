"""A payment intent as it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.lists import chosen
from azpay.sandbox.params import merged_metadata
from azpay.sandbox.resources.method_types import ALLOWED, EXCLUDED, NAMED, automatic_methods, types_of

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_ASYNCHRONOUS_SINCE = "2024-04-10"
_PLAIN = (
    "amount", "capture_method", "description", "receipt_email", "setup_future_usage", "shipping",
    "statement_descriptor", "statement_descriptor_suffix", "transfer_group", ALLOWED, EXCLUDED,
)  # fmt: skip
_CARD_OPTIONS = {
    "installments": None,
    "mandate_options": None,
    "network": None,
    "request_three_d_secure": "automatic",
}
_OPTIONS_SHOWN = {
    "card": (
        "capture_method",
        "network",
        "request_extended_authorization",
        "request_three_d_secure",
        "require_cvc_recollection",
        "setup_future_usage",
    ),
    "us_bank_account": ("setup_future_usage", "target_date", "verification_method"),
    "sepa_debit": ("mandate_options", "setup_future_usage", "target_date"),
    "bacs_debit": ("mandate_options", "setup_future_usage", "target_date"),
    "au_becs_debit": ("setup_future_usage", "target_date"),
}
_OPTIONS: Json = {
    "card": _CARD_OPTIONS,
    "us_bank_account": {"verification_method": "automatic"},
    "sepa_debit": {},
    "bacs_debit": {},
    "au_becs_debit": {},
}


def new_intent(world: World, params: Json, *, customer: str | None, version: str) -> Json:
    identifier = world.ids.new("pi")
    capture_method = "automatic_async" if version[:10] >= _ASYNCHRONOUS_SINCE else "automatic"
    return {
        "id": identifier,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic_methods(params, version),
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": capture_method,
        "client_secret": f"{identifier}_{world.ids.new('secret')}",
        "confirmation_method": params.get("confirmation_method", "automatic"),
        "created": world.time,
        "currency": params["currency"].lower(),
        "customer": customer,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": [],
        "payment_record": None,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "_kind": "card",
        "_named_types": params.get(NAMED),
        "_return_url": None,
        "_off_session": False,
        "_authenticated_with": None,
        "_mandate": None,
        "_deposit_attempts": 0,
        "_updates": [world.time, 0],
        "_status_before": "requires_payment_method",
        "_status_since": world.time,
    }


def put(intent: Json, params: Json) -> None:
    """What may still be refused comes first, so that a refusal changes nothing."""
    if "metadata" in params:
        intent["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    intent.update(chosen(params, *_PLAIN))
    if "currency" in params:
        intent["currency"] = params["currency"].lower()
    if NAMED in params:
        intent["_named_types"] = params[NAMED]
    intent["payment_method_types"] = types_of(intent)
    intent["payment_method_options"] = _options(intent, params.get("payment_method_options", {}))


def _options(intent: Json, given: Json) -> Json:
    known = intent["payment_method_options"]
    return {
        kind: _merged({**_OPTIONS[kind], **known.get(kind, {})}, given.get(kind, {}), _OPTIONS_SHOWN[kind])
        for kind in intent["payment_method_types"]
    }


def _merged(known: Json, change: Json, shown: tuple[str, ...]) -> Json:
    """What was emptied goes back to what it is by default."""
    merged = {**known, **chosen(change, *shown)}
    return {name: value for name, value in merged.items() if value is not None or name in _CARD_OPTIONS}


def put_method(intent: Json, method: Json | None) -> None:
    if method is None:
        return
    intent.update(payment_method=method["id"], last_payment_error=None, next_action=None)
    intent.update(status="requires_confirmation", _kind=method["type"], _deposit_attempts=0)
