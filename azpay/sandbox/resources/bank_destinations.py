"""`/v1/accounts/{account}/external_accounts`: adding and removing the bank accounts that payouts go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import external_accounts, wording
from azpay.sandbox.currencies import check_currency
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.lists import chosen, list_page, paged
from azpay.sandbox.params import (
    boolean,
    choice,
    clearable,
    hash_of,
    merged_metadata,
    metadata,
    missing,
    shape,
    text,
)
from azpay.sandbox.routing import Call, Route

if TYPE_CHECKING:
    from azpay.sandbox.forms import Node
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

_URL = "/v1/accounts/{account}/external_accounts"
_MAX_DIGITS = 34
_DETAILS = shape(
    account_holder_name=text(),
    account_holder_type=choice("company", "individual"),
    account_number=text(),
    country=text(2),
    currency=text(),
    account_type=choice("checking", "futsu", "savings", "toza"),
    object=choice("bank_account"),
    routing_number=text(),
).requiring("account_number", "country", "currency")


def _token_or_details(node: Node, name: str) -> object:
    return text()(node, name) if isinstance(node, str) else hash_of(_DETAILS)(node, name)


_HOLDER = ("account_holder_name", "account_holder_type", "account_type")
_CREATE = shape(
    bank_account=_token_or_details,
    default_for_currency=boolean,
    external_account=_token_or_details,
    metadata=metadata,
)
_UPDATE = shape(
    account_holder_name=clearable(text()),
    account_holder_type=clearable(choice("company", "individual")),
    account_type=clearable(choice("checking", "futsu", "savings", "toza")),
    default_for_currency=boolean,
    metadata=metadata,
)


def _create(world: World, call: Call) -> Json:
    _check_account(world, call)
    given, fields = _given(call.params), _fields(call.params)
    if isinstance(given, str):
        return external_accounts.add(world, "usd", number=_number_behind(given), country="US", **fields)
    currency = check_currency(given["currency"], "external_account[currency]")
    fields |= chosen(given, *_HOLDER, "routing_number")
    number = _checked_number(given["account_number"])
    return external_accounts.add(world, currency, number=number, country=given["country"], **fields)


def _given(params: Json) -> str | Json:
    """A token, or the details of an account, under either name."""
    for name in ("external_account", "bank_account"):
        if name in params:
            given: str | Json = params[name]
            return given
    raise missing("external_account")


def _checked_number(given: str) -> str:
    number = given.replace(" ", "")
    if not number.isalnum() or not number.isascii() or len(number) > _MAX_DIGITS:
        raise bad_request("Invalid bank account number.", param="external_account[account_number]")
    return number


def _number_behind(token: str) -> str:
    if token not in external_accounts.NUMBERS:
        raise StripeError(400, f"No such token: '{token}'", code="resource_missing", param="external_account")
    return external_accounts.NUMBERS[token]


def _fields(params: Json) -> Json:
    fields: Json = {"metadata": merged_metadata({}, params.get("metadata"))}
    if params.get("default_for_currency"):
        fields["default_for_currency"] = True
    return fields


def _check_account(world: World, call: Call) -> None:
    if call.ids["account"] != world.account.id:
        raise StripeError(403, wording.no_access(call.ids["account"]), code="account_invalid")


def _retrieve(world: World, call: Call) -> Json:
    _check_account(world, call)
    return world.bank_accounts.get(call.ids["bank"])


def _update(world: World, call: Call) -> Json:
    account = _retrieve(world, call)
    account.update(chosen(call.params, *_HOLDER))
    if "metadata" in call.params:
        account["metadata"] = merged_metadata(account["metadata"], call.params["metadata"])
    if call.params.get("default_for_currency"):
        external_accounts.prefer(world, account)
    return account


def _delete(world: World, call: Call) -> Json:
    account = _retrieve(world, call)
    if account["default_for_currency"]:
        raise bad_request(
            "You cannot delete the default external account for your default currency. Please make another "
            "external account the default using the `default_for_currency` param, and then delete this one."
        )
    account["_deleted"] = True
    return account


def _list(world: World, call: Call) -> Json:
    _check_account(world, call)
    url = _URL.format(account=world.account.id)
    if call.params.get("object") == "card":
        return {"object": "list", "data": [], "has_more": False, "url": url}
    return list_page(world.bank_accounts, url, call.params)


ROUTES = (
    Route("POST", _URL, _CREATE, _create),
    Route("GET", _URL, paged(object=choice("bank_account", "card")), _list),
    Route("GET", _URL + "/{bank}", shape(), _retrieve),
    Route("POST", _URL + "/{bank}", _UPDATE, _update),
    Route("DELETE", _URL + "/{bank}", shape(), _delete),
)
