"""What a handler is, and how it says that only Stripe can tell."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from sqlmodel import Session

from azpay.gateway.objects import Event

T = TypeVar("T")

Handler = Callable[[Session, Event, datetime], None]
"""Applies one event, in the caller's transaction. May raise FetchFirst, once for each object."""

TakeIn = Callable[[Session, Any, datetime], None]
"""Records an object that Stripe was just asked for, in the caller's transaction."""


class FetchFirst(Exception):
    """The event cannot be applied on its own word: ask Stripe for this object, then try again."""

    def __init__(self, kind: str, identity: str) -> None:
        super().__init__(f"{kind} {identity}")
        self.kind = kind
        self.identity = identity


class Waiting(NamedTuple):
    """An event that is to be applied, locked by who claimed it."""

    event: str
    type: str
    object_id: str | None
    attempts: int
    payload: bytes


@dataclass(slots=True)
class Group:
    """Events about one thing, and what they come to: written all together, or not at all."""

    events: list[Waiting] = field(default_factory=list)
    changes: Any = None


Unclear = tuple[Waiting, FetchFirst]


class Weighed(NamedTuple):
    """What many events come to. An event that is named nowhere here is to be applied by itself."""

    groups: Sequence[Group]
    unclear: Sequence[Unclear]


class Together(Protocol):
    """Applies many events at once. Whatever it cannot do is left to their handlers."""

    @property
    def types(self) -> Collection[str]:
        """The types of events that it knows."""

    @property
    def fetches(self) -> Collection[str]:
        """The kinds of objects that it takes in as they are, when they were fetched for its events."""

    def weigh(
        self, session: Session, events: Sequence[Waiting], fetched: Sequence[object], now: datetime
    ) -> Weighed:
        """Lock and load what the events are about, and say what they come to. Writes nothing."""

    def write(self, session: Session, groups: Sequence[Group], now: datetime) -> None:
        """Write what the groups come to. May fail for one of them, in the database's words."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """Which function applies each type of event, which takes in each kind of object, and what goes faster."""

    events: Mapping[str, Handler]
    objects: Mapping[str, TakeIn]
    together: Together | None = None

    @property
    def swift(self) -> Collection[str]:
        """The types of events that are applied many at once."""
        return self.together.types if self.together else ()


def object_of(event: Event, into: type[T]) -> T:
    """What the event speaks of."""
    return msgspec.convert(event.data.object, into, strict=False)
