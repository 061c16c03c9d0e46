"""What a handler is, and how it says that only Stripe can tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

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


@dataclass(frozen=True, slots=True)
class Handlers:
    """Which function applies each type of event, and which takes in each kind of object."""

    events: Mapping[str, Handler]
    objects: Mapping[str, TakeIn]


def object_of(event: Event, into: type[T]) -> T:
    """What the event speaks of."""
    return msgspec.convert(event.data.object, into, strict=False)
