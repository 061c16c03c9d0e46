"""Payment methods described in place: `type=card` with a token, or a debit with the number of a test account.

Never a card number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.bank_accounts import BANK_ACCOUNTS, CURRENCIES
from azpay.sandbox.cards import CARDS, TOKEN_PREFIX
from azpay.sandbox.errors import StripeError, bad_request, no_such
from azpay.sandbox.params import (
    ADDRESS,
    EMAIL,
    choice,
    clearable,
    hash_of,
    integer,
    merged_metadata,
    metadata,
    missing,
    opaque,
    shape,
    text,
)
from azpay.sandbox.resources.method_details import ADDRESS_FIELDS, new_method

if TYPE_CHECKING:
    from azpay.sandbox.bank_accounts import BankAccount
    from azpay.sandbox.cards import Card
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_OTHER_TYPES = (
    "acss_debit", "affirm", "afterpay_clearpay", "alipay", "alma", "amazon_pay", "bancontact", "billie",
    "bizum", "blik", "boleto", "cashapp", "crypto", "custom", "customer_balance", "eps", "fpx", "giropay",
    "grabpay", "ideal", "interac_present", "kakao_pay", "klarna", "konbini", "kr_card", "link", "mb_way",
    "mobilepay", "multibanco", "naver_pay", "nz_bank_account", "oxxo", "p24", "pay_by_bank", "payco",
    "paynow", "paypal", "payto", "pix", "promptpay", "revolut_pay", "samsung_pay", "satispay", "scalapay",
    "sofort", "sunbit", "swish", "twint", "upi", "wechat_pay", "zip",
)  # fmt: skip
"""Stripe has them. The sandbox knows their names, and says that it does not take them."""

TYPE = choice("card", *CURRENCIES, *_OTHER_TYPES)
ALLOW_REDISPLAY = choice("always", "limited", "unspecified")
TOKEN_ALIAS = "tok_"  # noqa: S105 - the prefix of public test tokens

BILLING_DETAILS = shape(
    address=clearable(hash_of(ADDRESS)),
    email=clearable(EMAIL),
    name=clearable(text()),
    phone=clearable(text()),
    tax_id=clearable(text()),
)
NETWORK = choice(
    "amex", "cartes_bancaires", "diners", "discover", "eftpos_au", "girocard", "interac", "jcb", "link",
    "mastercard", "unionpay", "unknown", "visa",
)  # fmt: skip
HOLDER_TYPE = choice("company", "individual")
ACCOUNT_TYPE = choice("checking", "savings")
_CARD = shape(
    token=text(), number=text(), exp_month=integer(), exp_year=integer(), cvc=text(), networks=opaque
)
_US_BANK_ACCOUNT = shape(
    account_holder_type=HOLDER_TYPE,
    account_number=text(),
    account_type=ACCOUNT_TYPE,
    financial_connections_account=opaque,
    routing_number=text(),
).requiring("account_number", "routing_number")
DATA = shape(
    allow_redisplay=ALLOW_REDISPLAY,
    au_becs_debit=hash_of(shape(account_number=text(), bsb_number=text()).requiring("account_number")),
    bacs_debit=hash_of(shape(account_number=text(), sort_code=text()).requiring("account_number")),
    billing_details=hash_of(BILLING_DETAILS),
    card=hash_of(_CARD),
    metadata=metadata,
    radar_options=opaque,
    sepa_debit=hash_of(shape(iban=text()).requiring("iban")),
    type=TYPE,
    us_bank_account=hash_of(_US_BANK_ACCOUNT),
    **dict.fromkeys(_OTHER_TYPES, opaque),
)
_NUMBERS = {
    "us_bank_account": "account_number",
    "sepa_debit": "iban",
    "bacs_debit": "account_number",
    "au_becs_debit": "account_number",
}
_PART_OF_DEBIT = ("account_holder_type", "account_type", "routing_number", "sort_code", "bsb_number")


def from_data(world: World, data: Json) -> Json:
    kind = data.get("type")
    if kind == "card":
        method = new_method(world, _described_card(data.get("card", {})))
    elif kind in _NUMBERS:
        method = _described_debit(world, kind, data)
    else:
        raise bad_request(f"The sandbox takes cards and bank debits, not {kind}.", param="type")
    put(method, {name: value for name, value in data.items() if name in ("allow_redisplay", "metadata")})
    method["billing_details"] = _merged_billing(method["billing_details"], data.get("billing_details", {}))
    return world.payment_methods.add(method)


def _described_card(card: Json) -> Card:
    if "number" in card:
        raise StripeError(402, wording.CARD_NUMBER)
    if "token" not in card:
        raise missing("card")
    token: str = card["token"]
    known = CARDS.get(token.replace(TOKEN_ALIAS, TOKEN_PREFIX, 1))
    if known is None:
        raise no_such("token", token, param="card[token]", status=400)
    return known


def _described_debit(world: World, kind: str, data: Json) -> Json:
    if kind not in data:
        raise missing(kind)
    for name in ("name", "email") if kind == "sepa_debit" else ("name",):
        if not data.get("billing_details", {}).get(name):
            raise missing(f"billing_details[{name}]")
    method = new_method(world, _described_account(kind, data[kind]))
    method["billing_details"] = {**method["billing_details"], "email": None}
    method["_verified"] = kind != "us_bank_account"
    method[kind].update({name: data[kind][name] for name in _PART_OF_DEBIT if name in data[kind]})
    return method


def _described_account(kind: str, given: Json) -> BankAccount:
    """Stripe's test accounts are told apart by their last digits."""
    name = _NUMBERS[kind]
    number = "".join(given[name].split())
    country = number[:2].upper() if kind == "sepa_debit" else ""
    for account in BANK_ACCOUNTS.values():
        if account.kind == kind and number.endswith(account.last4) and country in ("", account.country):
            return account
    raise bad_request(
        "You must use a test bank account number in test mode. See "
        "https://stripe.com/docs/testing#non-card-payments for the numbers that exist.",
        code="account_number_invalid",
        param=f"{kind}[{name}]",
    )


def put(method: Json, params: Json) -> None:
    """Change what of a method can be changed."""
    if "metadata" in params:
        method["metadata"] = merged_metadata(method["metadata"], params["metadata"])
    if "allow_redisplay" in params:
        method["allow_redisplay"] = params["allow_redisplay"]
    if "billing_details" in params:
        method["billing_details"] = _merged_billing(method["billing_details"], params["billing_details"])
    kind = method["type"]
    details = {name: value for name, value in params.get(kind, {}).items() if name != "networks"}
    if details:
        method[kind] = {**method[kind], **details}


def _merged_billing(known: Json, change: Json) -> Json:
    address = change.get("address", known["address"])
    empty = dict.fromkeys(ADDRESS_FIELDS)
    return {**known, **change, "address": {**empty, **(address or {})}}
