"""A Stripe client to whose requests something happens on the way: another process, or a rate limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import stripe as sdk

from azpay.gateway.stripe import Gateway
from tests.support.stripe_transport import Answer, InProcessHTTPClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpay.sandbox import Sandbox

KEY = "sk_test_azpay_sandbox"


class Meddling(InProcessHTTPClient):
    """Calls `before` once, ahead of the first POST, and `after` once, behind it."""

    def __init__(
        self, sandbox: Sandbox, *, before: Callable[[], object] | None, after: Callable[[], object] | None
    ) -> None:
        super().__init__(sandbox)
        self._before, self._after = before, after

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        if method == "get":
            return super().request(method, url, headers, post_data)
        before, self._before = self._before, None
        if before is not None:
            before()
        answer = super().request(method, url, headers, post_data)
        after, self._after = self._after, None
        if after is not None:
            after()
        return answer


def meddled_gateway(
    sandbox: Sandbox,
    *,
    before: Callable[[], object] | None = None,
    after: Callable[[], object] | None = None,
) -> Gateway:
    """The real gateway over the real SDK, with something happening around its first POST."""
    transport = Meddling(sandbox, before=before, after=after)
    return Gateway(
        sdk.StripeClient(KEY, http_client=transport, max_network_retries=0), pause=lambda _seconds: None
    )
