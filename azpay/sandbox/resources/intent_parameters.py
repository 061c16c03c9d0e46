"""What may be said about a payment intent, and what can be refused without looking at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import currencies, wording
from azpay.sandbox.bank_accounts import CURRENCIES
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
from azpay.sandbox.resources.described_methods import DATA, NETWORK
from azpay.sandbox.resources.mandates import MANDATE_DATA, MANDATE_OPTIONS
from azpay.sandbox.resources.method_types import check_types, types_of

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

_CAPTURE_METHOD = choice("automatic", "automatic_async", "manual")
_FUTURE_USAGE = choice("off_session", "on_session")
_USAGE_OF_KIND = choice("none", "off_session", "on_session")
_TYPES = array_of(text())
_CARD_OPTIONS = shape(
    capture_method=clearable(choice("manual")),
    cvc_token=opaque,
    installments=opaque,
    mandate_options=opaque,
    moto=boolean,
    network=NETWORK,
    request_extended_authorization=choice("if_available", "never"),
    request_incremental_authorization=choice("if_available", "never"),
    request_multicapture=choice("if_available", "never"),
    request_overcapture=choice("if_available", "never"),
    request_three_d_secure=choice("any", "automatic", "challenge"),
    require_cvc_recollection=boolean,
    setup_future_usage=clearable(_USAGE_OF_KIND),
    statement_descriptor_suffix_kana=opaque,
    statement_descriptor_suffix_kanji=opaque,
    three_d_secure=opaque,
)
_DEBIT_OPTIONS = shape(
    financial_connections=opaque,
    mandate_options=MANDATE_OPTIONS,
    preferred_settlement_speed=opaque,
    setup_future_usage=clearable(_USAGE_OF_KIND),
    target_date=text(),
    transaction_purpose=opaque,
    verification_method=choice("automatic", "instant", "microdeposits"),
)
_OPTIONS = shape(
    card=hash_of(_CARD_OPTIONS),
    link=opaque,
    **{kind: hash_of(_DEBIT_OPTIONS) for kind in CURRENCIES},
)
_AUTOMATIC = shape(allow_redirects=choice("always", "never"), enabled=boolean).requiring("enabled")
_COMMON = shape(
    amount_details=opaque,
    capture_method=_CAPTURE_METHOD,
    excluded_payment_method_types=clearable(_TYPES),
    allowed_payment_method_types=_TYPES,
    hooks=opaque,
    payment_details=opaque,
    payment_method=text(),
    payment_method_data=hash_of(DATA.requiring("type")),
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
    mandate=text(),
    mandate_data=clearable(MANDATE_DATA),
    off_session=choice("false", "one_off", "recurring", "true"),
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
    check_descriptors(params)
    check_types(params, version)
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


def check_descriptors(params: Json) -> None:
    for name in ("statement_descriptor", "statement_descriptor_suffix"):
        _check_descriptor(params.get(name), name)


def _check_descriptor(descriptor: str | None, name: str) -> None:
    if descriptor is None:
        return
    forbidden = any(character in descriptor for character in "<>'\"*\\")
    if forbidden or not _is_latin(descriptor) or not any(map(str.isalpha, descriptor)):
        raise bad_request(wording.BAD_DESCRIPTOR, param=name)


def _is_latin(text: str) -> bool:
    return all(ord(character) < 0x250 for character in text)  # noqa: PLR2004 - where Latin letters end


def check_statement(intent: Json, params: Json) -> None:
    """A card's statement begins with the account's own name; only what follows can be chosen."""
    if params.get("statement_descriptor") is not None and "card" in types_of(intent):
        raise bad_request(wording.NO_STATEMENT_DESCRIPTOR, param="statement_descriptor")
