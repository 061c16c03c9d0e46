"""A book in which somebody has lived, and words in it that nobody else may find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import select

from azpay.payments import Customer, charge, methods, refund
from tests.support.builders import a_charge, a_refund
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from tests.support.webhooks import Webhooks

EMAIL, NAME = "canary.mail@example.com", "Canary Name"
CANARIES = (EMAIL, NAME, "canary description", "canary note", "canary metadata", "canary payload")


def live_in(azpay: Azpay, webhooks: Webhooks) -> Azpay:
    """Every canary, where one of its kind would stand."""
    methods.add(azpay.db, azpay.gateway, "pm_card_visa", EMAIL, now=azpay.now())
    with azpay.db.writing() as session:
        session.exec(select(Customer)).one().name = NAME
    wanted = a_charge(1000, description=CANARIES[2], receipt_email=EMAIL, metadata={"note": CANARIES[4]})
    paid = charge(azpay.db, azpay.gateway, wanted, now=azpay.now())
    refund(azpay.db, azpay.gateway, a_refund(paid.id, 300, note=CANARIES[3]), now=azpay.now())
    webhooks.keep([an_event("evt_1", data={"object": {"id": "cou_1", "name": CANARIES[5]}})])
    return azpay
