"""Which kinds of payment an intent takes.

Chosen by Stripe from what suits the currency, unless the call names them itself. How it may name them depends
on the API version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.bank_accounts import CURRENCIES
from azpay.sandbox.errors import StripeError, bad_request, unknown
from azpay.sandbox.versions import is_endive

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

ALLOWED, NAMED, EXCLUDED = (
    "allowed_payment_method_types",
    "payment_method_types",
    "excluded_payment_method_types",
)
SUPPORTED = ("card", *CURRENCIES)

_ALLOWED_SINCE, _AUTOMATIC_SINCE = "2026-07-29", "2023-08-16"
_OTHER_CHOICES = {"automatic_payment_methods", NAMED, EXCLUDED}


def check_types(params: Json, version: str) -> None:
    """What can be refused without looking at an intent."""
    if NAMED in params and is_endive(version):
        code = "payment_method_types_no_longer_supported"
        raise bad_request(wording.NO_MORE_TYPES, code=code, param=NAMED)
    if ALLOWED in params:
        _check_allowed(params, version)
    if NAMED in params and "automatic_payment_methods" in params:
        raise _exclusive(NAMED, ["automatic_payment_methods"])
    _check_supported(params)


def _check_allowed(params: Json, version: str) -> None:
    """Newer than other ways to choose, and not to be mixed with them."""
    if version[:10] < _ALLOWED_SINCE:
        raise unknown(ALLOWED)
    others = sorted(_OTHER_CHOICES & params.keys())
    if others:
        raise _exclusive(ALLOWED, others)


def _exclusive(name: str, others: list[str]) -> StripeError:
    message = f"You may only specify one of these parameters: {name}, {', '.join(others)}."
    return bad_request(message, code="parameters_exclusive", param=name)


def _check_supported(params: Json) -> None:
    if NAMED not in params:
        return
    unknown = [kind for kind in params[NAMED] if kind not in SUPPORTED]
    if unknown or not params[NAMED]:
        named = unknown[0] if unknown else "(none)"
        raise bad_request(wording.type_not_activated(named), param=NAMED)


def automatic_methods(params: Json, version: str) -> Json | None:
    """On by default since 2023, unless the call itself says which kinds of payment there are."""
    if {NAMED, ALLOWED} & set(params):
        return None
    default = {"enabled": version[:10] >= _AUTOMATIC_SINCE}
    given = params.get("automatic_payment_methods", default)
    return {"allow_redirects": "always", **given} if given["enabled"] else None


def types_of(intent: Json) -> list[str]:
    """The kinds that this intent takes as it stands now."""
    if intent["_named_types"] is not None:
        return list(intent["_named_types"])
    if intent["automatic_payment_methods"] is None and intent[ALLOWED] is None:
        return ["card"]
    allowed = intent[ALLOWED] or SUPPORTED
    excluded = intent[EXCLUDED] or ()
    return [kind for kind in SUPPORTED if _suits(kind, intent) and kind in allowed and kind not in excluded]


def _suits(kind: str, intent: Json) -> bool:
    """A debit takes one currency, and cannot be held back for a capture by hand. A setup has no currency."""
    if kind == "card" or "currency" not in intent:
        return True
    return CURRENCIES[kind] == intent["currency"] and bool(intent["capture_method"] != "manual")


def check_named(intent: Json) -> None:
    """Kinds that the merchant names must suit the intent; those that Stripe chooses do."""
    for kind in intent["_named_types"] or ():
        if not _suits(kind, intent):
            raise _unsuited(kind, intent)
    if not types_of(intent):
        raise bad_request(wording.NO_TYPES, code="payment_intent_invalid_parameter")


def _unsuited(kind: str, intent: Json) -> StripeError:
    code = "payment_intent_invalid_parameter"
    if CURRENCIES[kind] != intent["currency"]:
        message = wording.wrong_currency(intent["currency"], kind, CURRENCIES[kind])
        return bad_request(message, code=code, param="currency")
    return bad_request(f"{kind} does not support manual capture.", code=code, param="capture_method")


def check_method(intent: Json, method: Json, noun: str) -> None:
    allowed = types_of(intent)
    if method["type"] not in allowed:
        code = "payment_intent_incompatible_payment_method" if noun == "PaymentIntent" else None
        raise bad_request(
            wording.method_not_allowed(method["type"], allowed, noun), code=code, param="payment_method"
        )
