"""Who may do what, and how much, as a profile's `access` table says it.

    [profiles.shop.access]
    default_role = "viewer"

    [profiles.shop.access.charges]
    largest = "eur:500.00,usd:500.00"

    [profiles.shop.access.actors."cli:ann"]
    role = "admin"

What it means is `azpay.access`'s business. Like every reader of settings it raises `ValueError` with the end
of a sentence.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from azpay.errors import Usage
from azpay.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

    Amounts = Mapping[str, int]
    """Minor units by currency."""

ROLES = ("customer", "viewer", "operator", "admin")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
ACTOR = re.compile(r"worker|[a-z]{1,16}:[!-~]{1,200}")
MOST = 1_000_000
"""More operations a day than anybody makes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one kind an actor may move. None is no limit; a currency that is not named gets nothing."""

    largest: Amounts | None = None
    day: Amounts | None = None
    day_count: int | None = None
    run: Amounts | None = None
    run_count: int | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What is said of one actor alone; None where what is said of all holds."""

    role: str | None = None
    charges: Limits = Limits()
    refunds: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Permissions:
    """The whole table. Without one, whoever has the key and the book may do all."""

    default_role: str = "admin"
    charges: Limits = Limits()
    refunds: Limits = Limits()
    refund_approval_above: Amounts | None = None
    actors: Mapping[str, Grant] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        named = "".join(
            f", {actor} {grant.role or self.default_role}" for actor, grant in self.actors.items()
        )
        return f"{self.default_role} by default{named}"


def actor_name(text: str) -> str:
    """A person's name, as it stands in an actor after `cli:`."""
    if NAME.fullmatch(text) is None:
        raise ValueError(f"is {text[:60]!a}; a name has letters, digits and . _ @ + - only, such as ann.")
    return text


def amounts(text: str) -> Amounts:
    """`eur:500.00,usd:500.00`, in minor units by currency."""
    pairs = [part.strip().partition(":") for part in text.split(",")]
    try:
        found = [Money.parse(major.strip(), currency.strip()) for currency, _, major in pairs]
    except Usage as wrong:
        raise ValueError(
            f"is {text[:60]!a}: {wrong.message} Write amounts such as eur:500.00,usd:500.00."
        ) from wrong
    if len({money.currency for money in found}) < len(found):
        raise ValueError(f"is {text[:60]!a}, which names a currency twice.")
    return MappingProxyType({money.currency: money.amount for money in found})


def permissions(text: str) -> Permissions:
    """The table, written as JSON."""
    said = _table(
        "", json.loads(text), {"default_role", "charges", "refunds", "refund_approval_above", "actors"}
    )
    actors = _table("actors", said.get("actors", {}))
    if actors and "default_role" not in said:
        raise ValueError(f"names actors and no default_role: say what everybody else may be ({_listed()}).")
    above = said.get("refund_approval_above")
    return Permissions(
        default_role=_role("default_role", said.get("default_role", "admin")),
        charges=_limits("charges", said.get("charges", {})),
        refunds=_limits("refunds", said.get("refunds", {})),
        refund_approval_above=None if above is None else _amounts("refund_approval_above", above),
        actors=MappingProxyType({actor: _grant(actor, grant) for actor, grant in actors.items()}),
    )


def _grant(actor: str, said: object) -> Grant:
    if ACTOR.fullmatch(actor) is None:
        raise ValueError(
            f'names the actor {actor[:60]!a}; write it as `azpay whoami` shows it: actors."cli:ann".'
        )
    where = f"actors.{actor}"
    table = _table(where, said, {"role", "charges", "refunds"})
    return Grant(
        role=_role(f"{where}.role", table["role"]) if "role" in table else None,
        charges=_limits(f"{where}.charges", table.get("charges", {})),
        refunds=_limits(f"{where}.refunds", table.get("refunds", {})),
    )


def _limits(where: str, said: object) -> Limits:
    table = _table(where, said, set(Limits.__dataclass_fields__))
    read = {
        name: _count(f"{where}.{name}", value)
        if name.endswith("_count")
        else _amounts(f"{where}.{name}", value)
        for name, value in table.items()
    }
    return Limits(**read)  # type: ignore[arg-type]  # each by its name


def _table(where: str, said: object, known: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise ValueError(f"has {where} = {said!a}, which must be a table.")  # noqa: TRY004 - as all readers do
    stray = [] if known is None else sorted(said.keys() - known)
    if stray:
        inside = f"{where}.{stray[0]}" if where else stray[0]
        raise ValueError(f"has {inside[:60]!a}; it may hold {', '.join(sorted(known or ()))}.")
    return said


def _role(where: str, said: object) -> str:
    if said not in ROLES:
        raise ValueError(f"has {where} = {said!a}; a role is one of {_listed()}.")
    return str(said)


def _count(where: str, said: object) -> int:
    if type(said) is not int or not 0 <= said <= MOST:
        raise ValueError(f"has {where} = {said!a}; a whole number from 0 to {MOST}.")
    return said


def _amounts(where: str, said: object) -> Amounts:
    try:
        return amounts(",".join(said) if isinstance(said, list) else said)  # type: ignore[arg-type]
    except (TypeError, AttributeError):
        raise ValueError(f'has {where} = {said!a}; write amounts in quotes: "eur:500.00".') from None
    except ValueError as wrong:
        raise ValueError(f"has {where}, which {wrong}") from wrong


def _listed() -> str:
    return ", ".join(ROLES)
