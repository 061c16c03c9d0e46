"""What one unit of each currency means to Stripe.

The facts are Stripe's, from https://docs.stripe.com/currencies, not ISO 4217's or CLDR's.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from azpay.errors import Usage
from azpay.money.names import NAMES, SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnknownCurrency(Usage):
    """Not the code of a currency that Stripe charges in."""

    code = "unknown_currency"

    def __init__(self, code: str) -> None:
        super().__init__(f"{code[:20]!a} is not a currency Stripe charges in.", hint=_did_you_mean(code))


@dataclass(frozen=True, slots=True)
class Currency:
    """How Stripe counts a currency. Everything but `decimals` is in minor units.

    `step` divides what can be charged, `payout_step` what can be paid out; `symbol` is empty where the
    sign would not tell this currency from another.
    """

    code: str
    name: str
    symbol: str
    decimals: int
    step: int
    payout_step: int
    minimum: int
    maximum: int

    @property
    def unit(self) -> int:
        """Minor units in one major unit."""
        return _UNITS[self.decimals]


_UNITS = {0: 1, 2: 100, 3: 1000}

_ZERO_DECIMAL = frozenset({
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
})  # fmt: skip

# The last digit must be 0: card networks keep two.
_THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})

# Zero-decimal to the card networks, two-decimal on the wire: 5 ISK is 500, and 501 is refused.
_WHOLE_UNITS_ON_THE_WIRE = frozenset({"isk", "ugx"})

# Charged in hundredths, paid out in whole units.
_WHOLE_UNITS_PAID_OUT = frozenset({"huf", "twd"})

# In minor units. Where Stripe publishes none, it converts the minimum of the account's own currency, which
# only Stripe can do.
_MINIMUM = {
    "aed": 2_00, "ars": 50, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "cop": 50, "czk": 15_00, "dkk": 2_50,
    "eur": 50, "gbp": 30, "hkd": 4_00, "huf": 175_00, "idr": 50, "ils": 50, "inr": 50, "jpy": 50, "krw": 50,
    "mxn": 10_00, "myr": 2_00, "nok": 3_00, "nzd": 50, "php": 50, "pln": 2_00, "ron": 2_00, "rub": 50,
    "sek": 3_00, "sgd": 50, "thb": 10_00, "usd": 50, "zar": 50,
}  # fmt: skip

# The API reference says eight digits. The currencies page allows cards up to twelve, American Express nine,
# some JPY cards eight; but a charge is checked here before its method is known, and a slip of the finger is
# likelier than a ten-million-dollar sale. Only currencies whose own limit is longer for every method differ.
_MAXIMUM = 99_999_999
_LONGER_MAXIMUM = {"idr": 999_999_999_999, "cop": 9_999_999_999, "inr": 999_999_999}


def _decimals(code: str) -> int:
    if code in _ZERO_DECIMAL:
        return 0
    return 3 if code in _THREE_DECIMAL else 2


def _step(code: str) -> int:
    if code in _WHOLE_UNITS_ON_THE_WIRE:
        return 100
    return 10 if code in _THREE_DECIMAL else 1


def _described(code: str, name: str) -> Currency:
    step = _step(code)
    return Currency(
        code=code,
        name=name,
        symbol=SYMBOLS.get(code, ""),
        decimals=_decimals(code),
        step=step,
        payout_step=100 if code in _WHOLE_UNITS_PAID_OUT else step,
        minimum=_MINIMUM.get(code, step),
        maximum=_LONGER_MAXIMUM.get(code, _MAXIMUM),
    )


CURRENCIES: Mapping[str, Currency] = MappingProxyType(
    {code: _described(code, name) for code, name in NAMES.items()}
)


def currency(code: str) -> Currency:
    """The currency a person or Stripe means by `code`, in either case."""
    known = CURRENCIES.get(code.lower()) if code.isascii() else None
    if known is None:
        raise UnknownCurrency(code)
    return known


def _did_you_mean(code: str) -> str:
    from difflib import get_close_matches  # only a mistake pays for it

    near = get_close_matches(code[:20].lower(), NAMES)
    if not near:
        return "Use a three-letter code, such as EUR, USD or JPY."
    return f"Did you mean {', '.join(match.upper() for match in near)}?"
