"""What may be said about a payment intent, and what can be refused without looking at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import currencies, wording
from azpay.sandbox.errors import bad_request
from azpay.sandbox.params import (
    EMAIL,
    SHIPPING,
    Shape,
    array_of,
    boolean,
    choice,
    clearable,
    hash_of,
    integer,
    metadata,
    opaque,
    shape,
    text,
    unsupported,
    url,
)
from azpay.sandbox.resources import payment_methods
from azpay.sandbox.versions import is_endive

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

_ALLOWED, _ALLOWED_SINCE = "allowed_payment_method_types", "2026-07-29"
_OTHER_CHOICES = {"automatic_payment_methods", "payment_method_types", "excluded_payment_method_types"}
_CAPTURE_METHOD = choice("automatic", "automatic_async", "manual")
_FUTURE_USAGE = choice("off_session", "on_session")
_TYPES = array_of(text())
_CARD_OPTIONS = shape(
    capture_method=clearable(choice("manual")),
    cvc_token=opaque,
    installments=opaque,
    mandate_options=opaque,
    moto=boolean,
    network=text(),
    request_extended_authorization=choice("if_available", "never"),
    request_incremental_authorization=choice("if_available", "never"),
    request_multicapture=choice("if_available", "never"),
    request_overcapture=choice("if_available", "never"),
    request_three_d_secure=choice("any", "automatic", "challenge"),
    require_cvc_recollection=boolean,
    setup_future_usage=unsupported,
    statement_descriptor_suffix_kana=opaque,
    statement_descriptor_suffix_kanji=opaque,
    three_d_secure=opaque,
)
_OPTIONS = shape(card=hash_of(_CARD_OPTIONS), link=opaque, us_bank_account=opaque, sepa_debit=opaque)
_AUTOMATIC = shape(allow_redirects=choice("always", "never"), enabled=boolean).requiring("enabled")
_COMMON = shape(
    amount_details=opaque,
    capture_method=_CAPTURE_METHOD,
    excluded_payment_method_types=clearable(_TYPES),
    allowed_payment_method_types=_TYPES,
    hooks=opaque,
    payment_details=opaque,
    payment_method=text(),
    payment_method_data=hash_of(payment_methods.DATA.requiring("type")),
    payment_method_options=hash_of(_OPTIONS),
    payment_method_types=_TYPES,
    receipt_email=clearable(EMAIL),
    setup_future_usage=clearable(_FUTURE_USAGE),
    shipping=clearable(hash_of(SHIPPING)),
)
UPDATE = _COMMON.with_(
    amount=integer(),
    application_fee_amount=unsupported,
    currency=text(),
    customer=text(),
    customer_account=unsupported,
    description=clearable(text(1000)),
    metadata=metadata,
    payment_method_configuration=unsupported,
    statement_descriptor=clearable(text(22)),
    statement_descriptor_suffix=clearable(text(22)),
    transfer_data=unsupported,
    transfer_group=text(),
)
_CONFIRMING = shape(
    confirmation_token=unsupported,
    error_on_requires_action=boolean,
    mandate=unsupported,
    mandate_data=opaque,
    off_session=boolean,
    radar_options=opaque,
    return_url=url(),
    use_stripe_sdk=boolean,
)
CREATE: Shape = (
    UPDATE.with_(**_CONFIRMING.readers)
    .with_(
        automatic_payment_methods=hash_of(_AUTOMATIC),
        confirm=boolean,
        confirmation_method=choice("automatic", "manual"),
        on_behalf_of=unsupported,
    )
    .requiring("amount", "currency")
)
CONFIRM = _COMMON.with_(**_CONFIRMING.readers).with_(amount_to_confirm=integer(), client_secret=text())


def check_unconfirmed(params: Json) -> None:
    for name in ("off_session", "error_on_requires_action", "return_url", "mandate_data"):
        if name in params:
            raise bad_request(f"You can only set `{name}` when `confirm` is true.", param=name)


def check_parameters(params: Json, version: str) -> None:
    """What can be said about the parameters by themselves."""
    currency = currencies.check_currency(params.get("currency", "usd"))
    if "amount" in params and "currency" in params:
        check_amount(params["amount"], currency)
    if "statement_descriptor" in params and params["statement_descriptor"] is not None:
        raise bad_request(wording.NO_STATEMENT_DESCRIPTOR, param="statement_descriptor")
    _check_descriptor(params.get("statement_descriptor_suffix"))
    _check_types(params, version)
    if "payment_method" in params and "payment_method_data" in params:
        raise bad_request(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            code="parameters_exclusive",
        )


def check_amount(amount: int, currency: str) -> None:
    if amount < 1:
        raise bad_request(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    currencies.check_amount(amount, currency)


def _check_descriptor(suffix: str | None) -> None:
    if suffix is None:
        return
    if any(character in suffix for character in "<>'\"*\\") or not any(map(str.isalpha, suffix)):
        raise bad_request(wording.BAD_DESCRIPTOR, param="statement_descriptor_suffix")


def _check_types(params: Json, version: str) -> None:
    """Which parameter names the kinds of payment depends on the version."""
    if "payment_method_types" in params and is_endive(version):
        code = "payment_method_types_no_longer_supported"
        raise bad_request(wording.NO_MORE_TYPES, code=code, param="payment_method_types")
    if _ALLOWED in params:
        _check_allowed(params, version)
    for name in (_ALLOWED, "payment_method_types"):
        if name in params and "card" not in params[name]:
            raise bad_request("The sandbox takes cards only.", param=name)
    if "card" in (params.get("excluded_payment_method_types") or ()):
        raise bad_request("The sandbox takes cards only.", param="excluded_payment_method_types")


def _check_allowed(params: Json, version: str) -> None:
    """Newer than other ways to choose, and not to be mixed with them."""
    if version[:10] < _ALLOWED_SINCE:
        message = f"Received unknown parameter: {_ALLOWED}"
        raise bad_request(message, code="parameter_unknown", param=_ALLOWED)
    others = sorted(_OTHER_CHOICES & params.keys())
    if others:
        message = f"You may only specify one of these parameters: {_ALLOWED}, {', '.join(others)}."
        raise bad_request(message, code="parameters_exclusive", param=_ALLOWED)
