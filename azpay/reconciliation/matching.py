"""Two books in, differences out. Pure: what either side says was read before.

Lines are paired by Stripe's id; where we never recorded it, by the mark that we left at Stripe. Each pair has
at most one difference, so that no amount is in question twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from azpay.money import Money, UnknownCurrency
from azpay.reconciliation.lines import UNANSWERED
from azpay.reconciliation.models import DriftKind, ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from azpay.reconciliation.lines import Line


@dataclass(frozen=True, slots=True)
class Pair:
    """What each side says of the same thing; None where a side says nothing."""

    here: Line | None
    there: Line | None


@dataclass(frozen=True, slots=True)
class Difference:
    """`amount` is what is in question, in minor units of `currency`."""

    kind: DriftKind
    pair: Pair
    currency: str
    amount: int
    said_here: str | None
    said_there: str | None


class Facet(NamedTuple):
    """One thing that both sides speak of, and by how much they differ."""

    here: str
    there: str
    apart: int


def pairs(ours: Iterable[Line], theirs: Iterable[Line]) -> Iterator[Pair]:
    """Every line of both books, once."""
    left = list(ours)
    by_id = {line.theirs: line for line in left if line.theirs is not None}
    unanswered = {line.ours: line for line in left if line.theirs is None}
    for there in theirs:
        here = by_id.pop(there.theirs, None) if there.theirs else None
        if here is None and there.ours:
            here = unanswered.pop(there.ours, None)
        yield Pair(here, there)
    yield from (Pair(here, None) for here in (*by_id.values(), *unanswered.values()))


def differences(ours: Iterable[Line], theirs: Iterable[Line]) -> list[Difference]:
    """Where two books disagree, in both directions."""
    found = (difference(pair) for pair in pairs(ours, theirs))
    return [each for each in found if each is not None]


def difference(pair: Pair) -> Difference | None:
    """What is wrong with one pair, if anything is."""
    here, there = pair.here, pair.there
    if here is not None and there is not None:
        return _between(pair, here, there)
    if here is not None:
        return _only_here(pair, here)
    if there is not None and there.bookable:
        return Difference(
            DriftKind.MISSING_HERE,
            pair,
            there.currency,
            there.amount,
            said_here=None,
            said_there=_told(there),
        )
    return None


def _only_here(pair: Pair, here: Line) -> Difference | None:
    """A charge that was refused before it began left nothing at Stripe: there is nothing to miss."""
    if here.status == UNANSWERED:
        kind = DriftKind.UNRESOLVED
    elif here.theirs is not None:
        kind = DriftKind.MISSING_THERE
    else:
        return None
    return Difference(kind, pair, here.currency, here.amount, said_here=_told(here), said_there=None)


def _between(pair: Pair, here: Line, there: Line) -> Difference | None:
    facets = list(_facets(here, there))
    if not facets:
        return None
    kind = _kind(here, there)
    return Difference(
        kind,
        pair,
        there.currency,
        _in_question(kind, here, there, facets),
        said_here=", ".join(facet.here for facet in facets),
        said_there=", ".join(facet.there for facet in facets),
    )


def _kind(here: Line, there: Line) -> DriftKind:
    if here.status == UNANSWERED:
        return DriftKind.UNRESOLVED
    return DriftKind.AMOUNT if here.status == there.status else DriftKind.STATUS


def _facets(here: Line, there: Line) -> Iterator[Facet]:
    """What differs. A refund's `moved` follows from its status and amount."""
    if here.status != there.status:
        yield Facet(here.status, there.status, 0)
    if (here.amount, here.currency) != (there.amount, there.currency):
        yield _amounts("", here, here.amount, there, there.amount)
    if here.object_type is ObjectType.REFUND:
        return
    if here.moved != there.moved:
        yield _amounts("captured ", here, here.moved, there, there.moved)
    if here.refunded not in {here.returned, there.refunded}:
        yield _amounts("refunded ", here, here.refunded, there, there.refunded)


def _amounts(word: str, here: Line, said_here: int, there: Line, said_there: int) -> Facet:
    return Facet(
        word + in_words(said_here, here.currency),
        word + in_words(said_there, there.currency),
        abs(said_here - said_there),
    )


def _in_question(kind: DriftKind, here: Line, there: Line, facets: list[Facet]) -> int:
    """The difference where both agree what became of it; else all of it."""
    if kind is DriftKind.AMOUNT and here.currency == there.currency:
        return max(facet.apart for facet in facets)
    return max(here.amount, there.amount)


def _told(line: Line) -> str:
    return f"{line.status}, {in_words(line.amount, line.currency)}"


def in_words(amount: int, currency: str) -> str:
    """For people; in minor units where Stripe uses a currency that we have no decimals for."""
    try:
        return Money(amount, currency).display()
    except UnknownCurrency:
        return f"{amount} minor units of {currency.upper()}"
