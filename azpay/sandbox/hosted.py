"""The bank's page for 3D Secure, as a customer would see it: one question, two buttons."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from azpay.sandbox.currencies import major
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.forms import decode
from azpay.sandbox.wire import Response

if TYPE_CHECKING:
    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.wire import Json

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
<meta name="color-scheme" content="light dark">
<title>3D Secure test page</title>
<style>
:root {{ color-scheme: light dark; --ink: light-dark(#1a1f36, #e6e8ee); --soft: light-dark(#5b6275, #a3a9b8);
  --paper: light-dark(#fff, #1b1e27); --desk: light-dark(#f2f4f8, #101218);
  --act: light-dark(#4338ca, #8b83ff) }}
body {{ background: var(--desk); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; margin: 0 }}
main {{ background: var(--paper); border-radius: .75rem; box-shadow: 0 1px 6px #0003; margin: 12vh auto;
  max-width: 24rem; padding: 1.5rem 2rem }}
h1 {{ font-size: 1.1rem; margin: 0 }}
p {{ margin: 1rem 0 }}
.what {{ font-size: 1.5rem; font-weight: 600; margin: .25rem 0 }}
.soft {{ color: var(--soft); font-size: .875rem }}
form {{ display: flex; gap: .75rem; margin-top: 1.5rem }}
button {{ background: none; border: 1px solid var(--soft); border-radius: .5rem; color: inherit;
  cursor: pointer; flex: 1; font: inherit; padding: .6rem 1rem }}
button:focus-visible {{ outline: 3px solid var(--act); outline-offset: 2px }}
.yes {{ background: var(--act); border-color: var(--act); color: var(--paper); font-weight: 600 }}
</style>
<main>
<h1>3D Secure test page</h1>
{content}
</main>
</html>
"""
_QUESTION = """<p class="soft">Your bank asks whether this is you.</p>
<p class="what">{what}</p>
<p class="soft">{card}</p>
<form method="post">
<button class="yes" name="decision" value="approve">Approve</button>
<button name="decision" value="fail">Fail</button>
</form>"""


def hosted_page(sandbox: Sandbox, method: str, path: str, body: bytes) -> Response:
    """GET asks, POST answers and sends the customer back to where the merchant wants them."""
    intent_id = path.removeprefix(PREFIX)
    try:
        if method == "POST":
            return _decide(sandbox, intent_id, body)
        return _page(200, _question(sandbox.awaiting_authentication(intent_id)))
    except StripeError as error:
        return _page(error.status, f"<p>{escape(error.message)}</p>")


def _question(intent: Json) -> str:
    setup = intent["object"] == "setup_intent"
    what = "Save this card" if setup else f"{intent['currency'].upper()} {_major(intent)}"
    card = intent["payment_method"]["card"]
    return _QUESTION.format(what=what, card=f"{card['brand'].capitalize()} ending in {card['last4']}")


def _major(intent: Json) -> str:
    return major(intent["amount"], intent["currency"])


def _decide(sandbox: Sandbox, intent_id: str, body: bytes) -> Response:
    decision = decode(body).get("decision")
    if decision not in ("approve", "fail"):
        raise bad_request("Choose one of the two buttons: approve or fail.", param="decision")
    approve = decision == "approve"
    back = sandbox.authenticate(intent_id, approve=approve)
    if back is not None:
        return Response(303, {"Location": back}, b"")
    return _page(200, f"<p>{'Approved' if approve else 'Failed'}. You may close this page.</p>")


def _page(status: int, content: str) -> Response:
    return Response(status, _HEADERS, _PAGE.format(content=content).encode())
