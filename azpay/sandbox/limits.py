"""Stripe's rate limits: so many requests in one second of the sandbox's clock, in all and per endpoint.

Off unless asked for: a test suite is faster than any merchant.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.sandbox.mishaps import NAMED

if TYPE_CHECKING:
    from azpay.sandbox.mishaps import Mishap
    from azpay.sandbox.routing import Route

_PER_ENDPOINT = 25
_SEARCH = 20
_PAYOUTS = 15


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests per second. `endpoint` is what an endpoint without a limit of its own may take."""

    everything: int
    endpoint: int = _PER_ENDPOINT

    def of(self, route: Route) -> int:
        if route.pattern.endswith("/search"):
            return _SEARCH
        if (route.method, route.pattern) == ("POST", "/v1/payouts"):
            return _PAYOUTS
        return self.endpoint


LIMITS = {"off": None, "test": RateLimits(25), "live": RateLimits(100)}
"""By the names that `azpay sandbox --rate-limits` and the control API know."""


class Meter:
    """Counts requests by the second. What was counted in another second is forgotten."""

    def __init__(self, limits: RateLimits | None = None) -> None:
        self.limits = limits
        self._second: int | None = None
        self._all = 0
        self._endpoints = Counter[tuple[str, str]]()

    def admit(self, now: int) -> Mishap | None:
        """Count a request. The answer is why it is refused, if it is."""
        if self.limits is None:
            return None
        if now != self._second:
            self._second, self._all = now, 0
            self._endpoints.clear()
        self._all += 1
        return NAMED["global-rate"] if self._all > self.limits.everything else None

    def admit_to(self, route: Route) -> Mishap | None:
        """Count it at its endpoint, too."""
        if self.limits is None:
            return None
        endpoint = (route.method, route.pattern)
        self._endpoints[endpoint] += 1
        return NAMED["endpoint-rate"] if self._endpoints[endpoint] > self.limits.of(route) else None
