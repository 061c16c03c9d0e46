"""The merchant's own bank accounts, which payouts go to. Stripe's test accounts fail in known ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox.ids import scramble

if TYPE_CHECKING:
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

TOKENS = {
    "btok_us_verified": "6789",
    "btok_us_verified_noAccount": "1116",
    "btok_us_verified_accountClosed": "1113",
    "btok_us_verified_insufficientFunds": "2227",
    "btok_us_verified_debitNotAuthorized": "3335",
    "btok_us_verified_invalidCurrency": "4440",
}
"""Stripe's tokens, and how the numbers of the accounts behind them end."""
_FAILURES = {
    "000111111116": "no_account",
    "000111111113": "account_closed",
    "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized",
    "000444444440": "invalid_currency",
}
_GOOD = "000123456789"
NUMBERS = {token: next((n for n in _FAILURES if n.endswith(end)), _GOOD) for token, end in TOKENS.items()}
_ROUTING = "110000000"


def default_for(world: World, currency: str) -> Json:
    """Where payouts of a currency go. An account that was never added is there all the same."""
    for account in world.bank_accounts:
        if account["currency"] == currency and account["default_for_currency"]:
            return account
    return add(world, currency, number=_GOOD)


def add(world: World, currency: str, *, number: str, country: str | None = None, **fields: object) -> Json:
    """The first account of a currency is the one that payouts go to, and so is one that is said to be."""
    first = not any(known["currency"] == currency for known in world.bank_accounts)
    account = {
        "id": world.ids.new("ba"),
        "object": "bank_account",
        "account": world.account.id,
        "account_holder_name": None,
        "account_holder_type": None,
        "account_type": None,
        "available_payout_methods": ["standard", "instant"],
        "bank_name": "STRIPE TEST BANK",
        "country": country or world.account.country,
        "created": world.time,
        "currency": currency,
        "default_for_currency": first,
        "fingerprint": scramble(f"bank:{world.account.id}:{number}", 16),
        "future_requirements": None,
        "last4": number[-4:],
        "metadata": {},
        "requirements": None,
        "routing_number": _ROUTING,
        "status": "new",
        "_fails": _FAILURES.get(number),
        **fields,
    }
    world.bank_accounts.add(account)
    if account["default_for_currency"]:
        prefer(world, account)
    return account


def prefer(world: World, account: Json) -> None:
    """Payouts of its currency go there from now on."""
    for known in world.bank_accounts:
        if known["currency"] == account["currency"]:
            known["default_for_currency"] = known["id"] == account["id"]
