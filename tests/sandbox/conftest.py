from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import DEFAULT_KEY, Sandbox
from tests.support import openapi
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe, "enable_telemetry", False)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(now=lambda: NOON)


@pytest.fixture
def client(sandbox: Sandbox) -> V1Services:
    """Stripe's own client, pinned to the version that it was made for."""
    transport = InProcessHTTPClient(sandbox)
    return stripe.StripeClient(DEFAULT_KEY, http_client=transport, max_network_retries=2).v1


@pytest.fixture(scope="session")
def schemas() -> dict[str, Any]:
    """Stripe's objects as JSON Schema, for `complaints`."""
    return openapi.schemas()
