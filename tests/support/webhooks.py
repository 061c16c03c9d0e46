"""From the sandbox's event to our record, without a socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from azpay import inbox
from tests.support.signing import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

SECRET = "whsec_test_of_azpay"


class Webhooks:
    """Signs what the sandbox has made, keeps it as the daemon would, and applies it as the worker would."""

    def __init__(self, azpay: Azpay, stripe: Sandbox, clock: Clock) -> None:
        self._azpay, self._stripe, self._clock = azpay, stripe, clock
        self._told: set[str] = set()

    def keep(self, events: Iterable[dict[str, Any]]) -> int:
        """Deliver these events; how many were new."""
        now = self._clock.now()
        received = []
        for event in events:
            body = json.dumps(event).encode()
            received.append(inbox.read(body, sign(body, SECRET, now=now), [SECRET], now=now))
        return inbox.keep(self._azpay.db, received, now=now)

    def new(self) -> list[dict[str, Any]]:
        """The events made since the last call, oldest first."""
        self._stripe.tick()
        fresh = [event for event in self._stripe.events if event["id"] not in self._told]
        self._told |= {event["id"] for event in fresh}
        return fresh

    def arrive(self, lost: Callable[[dict[str, Any]], bool] = lambda _event: False) -> inbox.Progress:
        """Deliver all that is new, except the lost ones, and apply until nothing is left."""
        self.keep(event for event in self.new() if not lost(event))
        return self.apply()

    def apply(self) -> inbox.Progress:
        """What the worker does, once."""
        azpay = self._azpay
        return inbox.process(azpay.db, azpay.gateway, azpay.handlers, now=self._clock.now())
