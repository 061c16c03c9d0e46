"""What may be said about a setup intent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.bank_accounts import CURRENCIES
from azpay.sandbox.errors import bad_request
from azpay.sandbox.lists import paged_by_time
from azpay.sandbox.params import (
    array_of,
    boolean,
    choice,
    clearable,
    hash_of,
    metadata,
    opaque,
    shape,
    text,
    unsupported,
    url,
)
from azpay.sandbox.resources.described_methods import DATA, NETWORK
from azpay.sandbox.resources.mandates import MANDATE_DATA, MANDATE_OPTIONS

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json

_TYPES = array_of(text())
_CARD_OPTIONS = shape(
    mandate_options=opaque,
    moto=boolean,
    network=NETWORK,
    request_three_d_secure=choice("any", "automatic", "challenge"),
    three_d_secure=opaque,
)
_DEBIT_OPTIONS = shape(
    financial_connections=opaque,
    mandate_options=MANDATE_OPTIONS,
    verification_method=choice("automatic", "instant", "microdeposits"),
)
_OPTIONS = shape(
    card=hash_of(_CARD_OPTIONS),
    link=opaque,
    **{kind: hash_of(_DEBIT_OPTIONS) for kind in CURRENCIES},
)
_METHOD = shape(
    payment_method=text(),
    payment_method_data=hash_of(DATA.requiring("type")),
    payment_method_options=hash_of(_OPTIONS),
)
UPDATE = _METHOD.with_(
    allowed_payment_method_types=_TYPES,
    attach_to_self=unsupported,
    customer=text(),
    customer_account=unsupported,
    description=clearable(text(1000)),
    excluded_payment_method_types=clearable(_TYPES),
    flow_directions=unsupported,
    metadata=metadata,
    payment_method_configuration=unsupported,
    payment_method_types=_TYPES,
)
_CONFIRMING = shape(
    confirmation_token=unsupported,
    mandate_data=clearable(MANDATE_DATA),
    return_url=url(),
    use_stripe_sdk=boolean,
)
_AUTOMATIC = shape(allow_redirects=choice("always", "never"), enabled=boolean).requiring("enabled")
CREATE = UPDATE.with_(
    automatic_payment_methods=hash_of(_AUTOMATIC),
    confirm=boolean,
    on_behalf_of=unsupported,
    single_use=unsupported,
    usage=choice("off_session", "on_session"),
    **_CONFIRMING.readers,
)
CONFIRM = _METHOD.with_(client_secret=text(), **_CONFIRMING.readers)
CANCEL = shape(cancellation_reason=choice("abandoned", "duplicate", "requested_by_customer"))
FILTERS = paged_by_time(
    attach_to_self=unsupported, customer=text(), customer_account=unsupported, payment_method=text()
)


def check_unconfirmed(params: Json) -> None:
    for name in ("mandate_data", "return_url"):
        if name in params:
            raise bad_request(f"You can only set `{name}` when `confirm` is true.", param=name)
