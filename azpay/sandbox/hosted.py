"""The bank's page for 3D Secure, as a customer would see it: one question, two buttons."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from azpay.sandbox.currencies import major
from azpay.sandbox.errors import StripeError
from azpay.sandbox.forms import decode
from azpay.sandbox.wire import Response

if TYPE_CHECKING:
    from azpay.sandbox.engine import Sandbox

PREFIX = "/_3ds/"

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>3D Secure test page</title>
<style>body {{ font: 1.1rem system-ui; margin: 4rem auto; max-width: 26rem; padding: 0 1rem }}
button {{ font: inherit; padding: .5rem 1rem }}</style>
<h1>3D Secure test page</h1>
{content}
</html>
"""
_QUESTION = """<p>{what} asks for your approval.</p>
<form method="post">
<button name="decision" value="approve">Approve</button>
<button name="decision" value="fail">Fail</button>
</form>"""


def hosted_page(sandbox: Sandbox, method: str, path: str, body: bytes) -> Response:
    """GET asks, POST answers and sends the customer back to where the merchant wants them."""
    intent_id = path.removeprefix(PREFIX)
    try:
        if method == "POST":
            return _decide(sandbox, intent_id, body)
        return _page(200, _QUESTION.format(what=_what(sandbox, intent_id)))
    except StripeError as error:
        return _page(error.status, f"<p>{escape(error.message)}</p>")


def _what(sandbox: Sandbox, intent_id: str) -> str:
    intent = sandbox.awaiting_authentication(intent_id)
    if intent["object"] == "setup_intent":
        return "A shop that wants to save your card"
    return f"A payment of {intent['currency'].upper()} {major(intent['amount'], intent['currency'])}"


def _decide(sandbox: Sandbox, intent_id: str, body: bytes) -> Response:
    approve = decode(body).get("decision") == "approve"
    back = sandbox.authenticate(intent_id, approve=approve)
    if back is not None:
        return Response(303, {"Location": back}, b"")
    return _page(200, f"<p>{'Approved' if approve else 'Failed'}. You may close this page.</p>")


def _page(status: int, content: str) -> Response:
    return Response(status, _HEADERS, _PAGE.format(content=content).encode())
