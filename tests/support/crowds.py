"""Stripe as many meet it at once: one request at a time for a key, and 409 for whoever comes in between."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import stripe as sdk

from azpay.gateway.stripe import Gateway
from tests.support.stripe_transport import Answer, InProcessHTTPClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox import Sandbox

KEY = "sk_test_azpay_sandbox"
IN_USE = {
    "error": {
        "type": "idempotency_error",
        "code": "idempotency_key_in_use",
        "message": "There is currently another in-progress request using this Idempotent Key.",
    }
}


class Crowded(InProcessHTTPClient):
    """Safe for threads, as the sandbox's engine is not; a request takes a moment on its way."""

    def __init__(self, sandbox: Sandbox, *, takes: float) -> None:
        super().__init__(sandbox)
        self._takes = takes
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        key = (headers or {}).get("Idempotency-Key", f"none-{threading.get_ident()}")
        with self._lock:
            if key in self._under_way:
                return json.dumps(IN_USE), 409, {}
            self._under_way.add(key)
        try:
            time.sleep(self._takes)
            with self._lock:
                return super().request(method, url, headers, post_data)
        finally:
            with self._lock:
                self._under_way.discard(key)


def crowded_gateway(sandbox: Sandbox, *, takes: float = 0.02) -> Gateway:
    """The real gateway over the real SDK; `takes` seconds go by between a request and its effect."""
    transport = Crowded(sandbox, takes=takes)
    return Gateway(
        sdk.StripeClient(KEY, http_client=transport, max_network_retries=0), pause=lambda _seconds: None
    )
