"""Money is an integer and a currency.

Nothing here divides into a fraction or rounds: an amount that cannot be said exactly is an error, and the
person who typed it decides what they meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.errors import Usage
from azpay.money import typed
from azpay.money.currencies import CURRENCIES, Currency, UnknownCurrency
from azpay.money.currencies import currency as find_currency

if TYPE_CHECKING:
    from typing import Self

_STORABLE = 2**63 - 1  # what a BIGINT column holds


class InvalidAmount(Usage):
    """Not an amount, or not one in this currency."""

    code = "invalid_amount"


class AmountTooSmall(Usage):
    """Below what Stripe charges."""

    code = "amount_too_small"

    def __init__(self, money: Money, minimum: Money) -> None:
        super().__init__(
            f"{money} is too small to charge.", hint=f"Stripe charges {minimum} or more in this currency."
        )


class AmountTooLarge(Usage):
    """Above what Stripe charges at once."""

    code = "amount_too_large"

    def __init__(self, money: Money, maximum: Money) -> None:
        super().__init__(
            f"{money} is too large to charge.", hint=f"Stripe charges at most {maximum} at once."
        )


class CurrencyMismatch(Usage):
    """Two currencies met where only one makes sense."""

    code = "currency_mismatch"

    def __init__(self, left: Money, right: Money) -> None:
        super().__init__(f"{left} and {right} are in different currencies.")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units, as Stripe counts it: 1999 is 19.99 USD and 1999 JPY.

    Balances and fees may be zero or negative. `chargeable` and `payable_out` say what Stripe accepts.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise InvalidAmount(f"An amount is a whole number of minor units, not {self.amount!a}.")
        if self.currency not in CURRENCIES:
            raise UnknownCurrency(self.currency)
        if abs(self.amount) > _STORABLE:
            raise InvalidAmount("The amount is too large to keep.", hint="Check the number of digits.")

    @classmethod
    def parse(cls, major: str, currency: str) -> Self:
        """Read what a person typed. Never rounds: 19.999 USD is an error, not 20.00."""
        known = find_currency(currency)
        found = typed.MAJOR.fullmatch(major)
        if found is None or len(found["fraction"] or "") > known.decimals:
            raise InvalidAmount(
                f"{typed.quoted(major)} is not an amount in {known.code.upper()}.",
                hint=typed.hint(major, known.decimals),
            )
        return cls(int(found["whole"] + (found["fraction"] or "").ljust(known.decimals, "0")), known.code)

    @classmethod
    def parse_minor(cls, text: str, currency: str) -> Self:
        """Read a count of minor units: 1999 is 19.99 USD and 1999 JPY."""
        if typed.MINOR.fullmatch(text) is None:
            raise InvalidAmount(
                f"{typed.quoted(text)} is not a number of minor units.",
                hint="Type digits only: 1250 is 12.50 EUR and 1250 JPY.",
            )
        return cls(int(text), find_currency(currency).code)

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, find_currency(currency).code)

    def chargeable(self) -> Self:
        """This amount, unless Stripe would refuse to charge it.

        https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
        """
        known = self._known
        if self.amount < known.minimum:
            raise AmountTooSmall(self, Money(known.minimum, self.currency))
        if self.amount > known.maximum:
            raise AmountTooLarge(self, Money(known.maximum, self.currency))
        return self._in_steps_of(known.step, "charged")

    def payable_out(self) -> Self:
        """This amount, unless Stripe would refuse to pay it out: forints leave whole, for one."""
        if self.amount <= 0:
            raise InvalidAmount(f"{self} cannot be paid out.", hint="A payout is more than zero.")
        return self._in_steps_of(self._known.payout_step, "paid out")

    def major(self) -> str:
        """A plain decimal for files and machines: 1234.50."""
        return self._in_major_units(grouping="")

    def display(self) -> str:
        """For people to read: EUR 1,234.50."""
        return f"{self.currency.upper()} {self._in_major_units(grouping=',')}"

    def echo(self) -> str:
        """Both ways of counting, so that a slip of two digits shows: EUR 12.50 (1250 minor units)."""
        return f"{self} ({self.amount} minor units)"

    def __str__(self) -> str:
        return f"{self.currency.upper()} {self.major()}"

    def __add__(self, other: Self) -> Self:
        self._same_currency(other)
        return type(self)(self.amount + other.amount, self.currency)

    def __sub__(self, other: Self) -> Self:
        return self + -other

    def __neg__(self) -> Self:
        return type(self)(-self.amount, self.currency)

    def __lt__(self, other: Self) -> bool:
        self._same_currency(other)
        return self.amount < other.amount

    def __le__(self, other: Self) -> bool:
        self._same_currency(other)
        return self.amount <= other.amount

    @property
    def _known(self) -> Currency:
        return CURRENCIES[self.currency]

    def _same_currency(self, other: Self) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(self, other)

    def _in_steps_of(self, step: int, verb: str) -> Self:
        above = self.amount % step
        if above:
            below = Money(self.amount - above, self.currency)
            nearest = [money for money in (below, Money(below.amount + step, self.currency)) if money.amount]
            raise InvalidAmount(
                f"{self} cannot be {verb}: Stripe takes {self.currency.upper()} in steps of "
                f"{Money(step, self.currency).major()}.",
                hint=f"Use {' or '.join(money.major() for money in nearest)}.",
            )
        return self

    def _in_major_units(self, *, grouping: str) -> str:
        known = self._known
        whole, minor = divmod(abs(self.amount), known.unit)
        fraction = f".{minor:0{known.decimals}}" if known.decimals else ""
        return f"{'-' if self.amount < 0 else ''}{whole:{grouping}}{fraction}"
