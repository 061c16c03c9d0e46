"""From nothing to a webhook that arrives: Stripe is told where to post, and the daemon knows the secret."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from azpay.sandbox import DEFAULT_KEY
from tests.e2e.shop import AZPAY, finish, start
from tests.support import programs

if TYPE_CHECKING:
    from tests.e2e.shop import Process, Shop

KEPT = 'azpay_webhook_events_total{outcome="kept",type="charge.succeeded"} 1.0'


def azpay(shop: Shop, *words: str) -> Process:
    """On a server without a keyring, under a profile that has a key and no webhook secret."""
    return start(
        [*AZPAY, *words],
        shop.folder,
        AZPAY_DATA_DIR=str(shop.folder / "data"),
        AZPAY_STRIPE_API_BASE=shop.stripe,
        AZPAY_STRIPE_API_KEY=DEFAULT_KEY,
        PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring",
    )


def answer(shop: Shop, *words: str) -> Any:
    done = finish(azpay(shop, *words, "--json"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def told(address: str) -> bool:
    end = time.monotonic() + 20
    while KEPT not in (metrics := httpx.get(f"{address}/metrics").text) and time.monotonic() < end:
        time.sleep(0.1)
    return KEPT in metrics


def test_a_registered_daemon_hears_of_a_charge_without_any_secret_typed(shop: Shop) -> None:
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/api/webhooks/stripe"
    daemon = azpay(shop, "serve", "--port", port, "--register", url)
    try:
        address = programs.address(daemon)
        answer(shop, "charge", "19.99", "usd", "--method", "pm_card_visa")
        heard = told(address)
    finally:
        daemon.terminate()
        finish(daemon)

    endpoints = answer(shop, "events", "endpoint")["endpoints"]
    assert heard
    assert [(each["url"], each["missing"]) for each in endpoints] == [(url, [])]


@pytest.mark.further
def test_registering_again_says_that_nothing_changed_and_shows_no_secret(shop: Shop) -> None:
    url = "https://pay.example.com/api/webhooks/stripe"

    first = answer(shop, "events", "endpoint", url)
    again = answer(shop, "events", "endpoint", url)

    assert (first["changed"], again["changed"]) == ("made", "nothing")
    assert "whsec_" not in json.dumps([first, again])
