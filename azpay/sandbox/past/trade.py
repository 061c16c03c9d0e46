"""A shop's days: how much is bought when, by whom, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

from azpay.sandbox.ledger import DAY, available_on
from azpay.sandbox.past.people import Person, person
from azpay.sandbox.past.scenes import Cast, Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.sandbox.past.orders import Order

_HOUR = 60 * 60
_WEEK = (98, 96, 100, 102, 118, 130, 84)
"""How much is bought on each day of a week, Thursdays first, as 1970 began."""
_HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 11, 14, 16, 17, 18, 17, 16, 16, 17, 19, 22, 24, 21, 15, 9, 5)
_GROWTH = 40
"""Per cent more at the end than at the beginning."""
_NEWCOMERS, _GUESTS = 30, 25
"""Of a hundred purchases."""
_DECLINES = (
    "pm_card_chargeDeclined",
    "pm_card_chargeDeclinedInsufficientFunds",
    "pm_card_chargeDeclinedInsufficientFunds",
    "pm_card_chargeDeclinedExpiredCard",
    "pm_card_chargeDeclinedIncorrectCvc",
    "pm_card_chargeDeclinedFraudulent",
)
_ENDINGS = (
    (Ending.DECLINED, 85),
    (Ending.AUTHENTICATED, 60),
    (Ending.NOT_AUTHENTICATED, 12),
    (Ending.REFUNDED, 35),
    (Ending.REFUNDED_IN_PART, 18),
    (Ending.REFUND_FAILED, 2),
    (Ending.DISPUTED, 4),
)
"""Of a thousand purchases; the others are simply paid."""
_FATES = tuple(ending for ending, times in _ENDINGS for _ in range(times))
_LONGEST_ANSWER = 23
"""Days after which no bank waits for an answer any more."""
_SHORTEST_ANSWER = 7
_NEW_CARD = (Ending.DECLINED, Ending.AUTHENTICATED, Ending.NOT_AUTHENTICATED, Ending.REFUND_FAILED)


@dataclass(frozen=True, slots=True)
class Purchase:
    """`acts` are the times at which its scene goes on. Whoever `arrives` was not known to the shop before."""

    number: int
    buyer: int
    person: Person
    cast: Cast
    ending: Ending
    acts: tuple[int, ...]
    amount: int
    part: int
    arrives: bool
    settled: bool


class Shop:
    """One shop, from its first purchase to its last. Two with the same order sell the same."""

    def __init__(self, order: Order, *, since: int, until: int) -> None:
        self._order = order
        self._since, self._until = since, until
        self._chance = Random(order.seed)  # noqa: S311 - believable figures, not secrets
        self._known = 0
        self._sold = 0

    def purchases(self) -> Iterator[Purchase]:
        """In the order of time."""
        for day, count in enumerate(self._volumes()):
            begins = self._since + day * DAY
            for at in sorted(begins + self._time_of_day() for _ in range(count)):
                yield self._purchase(at)

    def _volumes(self) -> list[int]:
        """How many purchases on each day; all together as many as were ordered."""
        days = (self._until - self._since) // DAY
        first = self._since // DAY
        weights = [
            _WEEK[(first + day) % 7] * (100 + _GROWTH * day // days) * (85 + self._chance.randrange(31))
            for day in range(days)
        ]
        ends = [self._order.payments * reached // sum(weights) for reached in accumulate(weights)]
        return [end - begin for begin, end in zip([0, *ends], ends, strict=False)]

    def _time_of_day(self) -> int:
        hour: int = self._chance.choice(_BY_HOUR)
        return hour * _HOUR + self._chance.randrange(_HOUR)

    def _purchase(self, at: int) -> Purchase:
        self._sold += 1
        buyer, arrives = self._buyer()
        who = person(self._order.seed, buyer)
        ending, acts = self._fate(at)
        market, amount = who.market, self._amount(who)
        saved = buyer > 0 and ending not in _NEW_CARD
        card = self._chance.choice(_DECLINES) if ending is Ending.DECLINED else who.card
        if ending in (Ending.AUTHENTICATED, Ending.NOT_AUTHENTICATED, Ending.REFUND_FAILED):
            card = ""
        return Purchase(
            number=self._sold,
            buyer=buyer,
            person=who,
            cast=Cast(card, market.currency, customer=buyer > 0, saved=saved),
            ending=ending,
            acts=acts,
            amount=amount,
            part=max(amount // self._chance.randrange(2, 6), 1),
            arrives=arrives,
            settled=available_on(at) < self._until,
        )

    def _buyer(self) -> tuple[int, bool]:
        """A number, and whether it is a new one. Whoever came early has come more often."""
        lot = self._chance.randrange(100)
        if lot < _GUESTS:
            return -self._sold, False
        if lot < _GUESTS + _NEWCOMERS or not self._known:
            self._known += 1
            return self._known, True
        return 1 + self._chance.randrange(self._known), False

    def _amount(self, who: Person) -> int:
        chance, market = self._chance, who.market
        pieces = chance.choice((1, 1, 1, 1, 2, 2, 3))
        return pieces * chance.choice(market.prices) + chance.choice(market.shipping)

    def _fate(self, at: int) -> tuple[Ending, tuple[int, ...]]:
        lot = self._chance.randrange(1000)
        ending = _FATES[lot] if lot < len(_FATES) else Ending.PAID
        if ending in (Ending.REFUNDED, Ending.REFUNDED_IN_PART, Ending.REFUND_FAILED):
            return self._refunded(ending, at)
        return self._disputed(at) if ending is Ending.DISPUTED else (ending, (at,))

    def _refunded(self, ending: Ending, at: int) -> tuple[Ending, tuple[int, ...]]:
        """After three days at the earliest, when the money is there to be paid back."""
        then = self._later(at, 3, 20)
        return (ending, (at, then)) if then + DAY < self._until else (Ending.PAID, (at,))

    def _disputed(self, at: int) -> tuple[Ending, tuple[int, ...]]:
        """What has not been decided when history ends is open."""
        then = self._later(at, 5, 40)
        days_left = (self._until - then) // DAY
        if days_left < 1:
            return Ending.PAID, (at,)
        if days_left < _SHORTEST_ANSWER:
            return Ending.DISPUTED, (at, then)
        if days_left > _LONGEST_ANSWER and self._chance.randrange(3):
            return Ending.DISPUTE_LOST, (at, then)
        return Ending.DISPUTE_WON, (at, then, self._later(then, 2, 5))

    def _later(self, at: int, least: int, most: int) -> int:
        """So many days on, in the hours in which people work."""
        day = at // DAY + self._chance.randrange(least, most + 1)
        return day * DAY + 8 * _HOUR + self._chance.randrange(9 * _HOUR)


_BY_HOUR = tuple(hour for hour, weight in enumerate(_HOURS) for _ in range(weight))
