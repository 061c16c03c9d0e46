"""What Stripe's JSON can say and a store's column cannot hold: it is kept, it is said, and others go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from azpay import inbox
from azpay.payments import Query, charge, history
from tests.support.builders import a_charge

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.webhooks import Webhooks

FAR = 2**63


def changed(event: dict[str, Any], number: int, **fields: object) -> dict[str, Any]:
    """The same news under another name, with something else in it."""
    data = event["data"] | {"object": event["data"]["object"] | fields}
    return event | {"id": f"evt_odd{number}", "data": data}


@pytest.mark.parametrize(
    "fields",
    [
        {"description": "shoes\0and tea"},
        {"metadata": {"order": "shoes\0", "k\0": "v"}},
        {"receipt_email": "ann\0@example.com"},
        {"customer": "cus_\0"},
        {"latest_charge": "ch_\0"},
        {"currency": "u\0d"},
        {"amount": FAR, "amount_received": FAR},
        {"amount": -FAR - 1},
        {"amount_received": FAR - 1},
        {"created": FAR},
        {"created": -FAR},
        {"last_payment_error": {"code": "no\0", "message": "not\0now", "type": "card_error"}},
    ],
    ids=lambda fields: "-".join(fields),
)
def test_what_no_column_can_hold_spoils_nothing_else(
    azpay: Azpay, stripe: Sandbox, webhooks: Webhooks, fields: dict[str, object]
) -> None:
    charge(azpay.db, azpay.gateway, a_charge(1000, reference="ours"), now=azpay.now())
    news = next(each for each in stripe.events if each["type"] == "payment_intent.succeeded")
    intent = news["data"]["object"]
    elsewhere = changed(news, 2, id="pi_elsewhere", metadata={})
    odd = changed(elsewhere, 1, **{"id": "pi_odd", **fields})
    webhooks.keep([changed(news, 0, id=intent["id"], **fields), odd, elsewhere, news])

    webhooks.apply()

    states = {each.event: each.state for each in inbox.page(azpay.db)}
    assert (states[news["id"]], states["evt_odd2"]) == ("done", "done")
    found = {each.payment_intent: each for each in history(azpay.db, Query()).payments}
    assert found["pi_elsewhere"].amount == 1000
    assert (found[intent["id"]].amount_captured, found[intent["id"]].amount_refunded) == (1000, 0)
