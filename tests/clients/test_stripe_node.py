"""Stripe's library for Node against the sandbox, which is not made for Python alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from azpay.sandbox import DEFAULT_KEY

if TYPE_CHECKING:
    from tests.clients.programs import Sandbox

FOLDER = os.environ.get("STRIPE_NODE")
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.stripe_cli,
    pytest.mark.skipif(
        FOLDER is None or NODE is None,
        reason="Stripe's library for Node is not here: `npm install stripe@23.1.0` in a folder of its "
        "own, then set STRIPE_NODE to that folder.",
    ),
]


def test_a_shop_in_node_saves_a_card_is_paid_hears_of_it_and_pays_back(sandbox: Sandbox) -> None:
    assert NODE is not None
    assert FOLDER is not None
    script = Path(__file__).with_name("flow.mjs")

    finished = subprocess.run(
        [NODE, str(script), sandbox.url, DEFAULT_KEY, FOLDER],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout)
    assert told["setup"] == "succeeded"
    assert told["payment"] == {"status": "succeeded", "received": 4200, "brand": "visa"}
    assert told["refund"] == {"status": "succeeded", "amount": 200}
    assert told["refusal"] == {"type": "StripeCardError", "code": "insufficient_funds", "status": 402}
    assert told["listed"] == [*(f"Customer {number}" for number in range(11, -1, -1)), "Ada"]
    assert told["heard"] == ["charge.refunded", "payment_intent.succeeded"]
