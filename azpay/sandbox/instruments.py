"""What a payment method stands for: one of Stripe's test cards or test bank accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from azpay.sandbox.bank_accounts import BANK_ACCOUNTS, BankAccount
from azpay.sandbox.cards import CARDS, Card

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.cards import Behaviour
    from azpay.sandbox.wire import Json

Instrument: TypeAlias = Card | BankAccount

INSTRUMENTS: Mapping[str, Instrument] = {**CARDS, **BANK_ACCOUNTS}
"""By the token that names them in a request."""


def instrument_of(method: Json) -> Instrument:
    return INSTRUMENTS[method["_token"]]


def behaviour_of(method: Json) -> Behaviour:
    return instrument_of(method).behaviour
