"""What is asked of a sandbox over its own address, and not over Stripe's API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from azpay.sandbox.control import control

if TYPE_CHECKING:
    from azpay.sandbox import Sandbox


def order(sandbox: Sandbox, name: str, **fields: Any) -> dict[str, Any]:
    """An order that is sure to be carried out."""
    reply = control(sandbox, "POST", f"/_sandbox/{name}", json.dumps(fields).encode())
    assert reply.status == 200, reply.body
    return reply.body


def refusal(sandbox: Sandbox, name: str, **fields: Any) -> str:
    """Why an order cannot be carried out."""
    reply = control(sandbox, "POST", f"/_sandbox/{name}", json.dumps(fields).encode())
    assert reply.status == 400, reply.body
    return str(reply.body["error"])
