"""What Stripe was asked meanwhile, for whoever keeps a record: each request's id, and how long it took."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Trace:
    """Requests that one thread made in a row."""

    requests: list[str] = field(default_factory=list)
    milliseconds: int = 0

    @property
    def last(self) -> str | None:
        """Stripe's id of the last request that it gave one."""
        return self.requests[-1] if self.requests else None


_OPEN: ContextVar[Trace | None] = ContextVar("azpay_stripe_trace", default=None)


@contextmanager
def traced() -> Iterator[Trace]:
    """Write down what this thread asks of Stripe, until the block ends."""
    trace = Trace()
    token = _OPEN.set(trace)
    try:
        yield trace
    finally:
        _OPEN.reset(token)


def note(request: str | None, milliseconds: int) -> None:
    """One request, with Stripe's id of it when an answer came."""
    trace = _OPEN.get()
    if trace is not None:
        trace.milliseconds += milliseconds
        trace.requests += [request] if request else []


@dataclass(slots=True)
class Watch:
    """Whether Stripe was asked for anything that has a key: by this thread, or those that share its context.

    Looking is not asking.
    """

    asked: bool = False


_WATCH: ContextVar[Watch | None] = ContextVar("azpay_stripe_watch", default=None)


def watch() -> Watch | None:
    """The one that is kept, if one is."""
    return _WATCH.get()


@contextmanager
def watched() -> Iterator[Watch]:
    """Keep watch until the block ends; whoever does so already goes on."""
    kept = _WATCH.get() or Watch()
    token = _WATCH.set(kept)
    try:
        yield kept
    finally:
        _WATCH.reset(token)


def asking() -> None:
    """Something with a key is about to be sent."""
    kept = _WATCH.get()
    if kept is not None:
        kept.asked = True
