"""Webhooks: who hears of what happens, and what came of telling it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.sandbox import mailing
from azpay.sandbox.ledger import DAY
from azpay.sandbox.resources import stripecli, webhook_endpoints
from azpay.sandbox.running import Running, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azpay.sandbox.wire import Delivery, Json


class Posting(Running):
    @one_at_a_time
    def subscribe(self, url: str, *, secret: str) -> None:
        """Post every event to `url`, signed with `secret`."""
        webhook_endpoints.subscribe(self._world, url, secret)

    @one_at_a_time
    def due_deliveries(self) -> list[Delivery]:
        """What is to be posted now. Say what came of each with `delivered`."""
        self.tick()
        return mailing.due_deliveries(self._world, signed_at=self.clock.outside())

    @one_at_a_time
    def delivered(self, delivery: Delivery, status: int | None) -> None:
        """The endpoint's HTTP status, or None when there was no answer."""
        self.tick()
        mailing.settle(self._world, delivery, status)

    @one_at_a_time
    def retry_webhooks_after(self, seconds: Sequence[int]) -> None:
        """From now on, a delivery that failed is repeated after these times."""
        self._world.deliveries.repeat_after(seconds)

    @one_at_a_time
    def roll_secret(self, endpoint: str, *, overlap: int = DAY) -> str:
        """A new secret for an endpoint. Raises `StripeError` when there is none with this id."""
        self.tick()
        return webhook_endpoints.roll_secret(self._world, endpoint, overlap=overlap)

    @one_at_a_time
    def listen(self, listener: str, *, listens: bool) -> Json | None:
        """A listener of the Stripe CLI has come or gone. None when there is none with this id."""
        return stripecli.listen(self._world, listener, listens=listens)

    @property
    def waiting_deliveries(self) -> int:
        """How many webhooks are still to be posted, or to be settled."""
        return len(self._world.deliveries)
