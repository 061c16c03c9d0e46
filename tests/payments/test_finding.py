"""Which payment or refund is meant, by any of its names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.errors import NotFound
from azpay.payments import PaymentUnknown, SeveralPayments, charge, find, find_refund, refund
from tests.support.builders import a_charge, a_refund

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database


def test_a_payment_goes_by_its_id_its_intent_its_charge_and_its_reference(azpay: Azpay) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(reference="order-1"), now=azpay.now())

    with azpay.db.reading() as session:
        found = {
            find(session, str(name)).id
            for name in (payment.id, payment.payment_intent, payment.charge, "order-1")
        }

    assert found == {payment.id}


def test_a_reference_of_several_payments_lists_them(azpay: Azpay) -> None:
    made = [
        charge(azpay.db, azpay.gateway, a_charge(amount, reference="order-1"), now=azpay.now())
        for amount in (500, 700)
    ]

    with azpay.db.reading() as session, pytest.raises(SeveralPayments) as several:
        find(session, "order-1")

    assert all(payment.id in several.value.message for payment in made)


@pytest.mark.parametrize(
    "name", ["pay_1", "pi_1", "ch_1", "py_1", "order", "", "\0", "\ud800", "%", "' OR 1=1"]
)
def test_a_name_that_nobody_has_finds_nothing(db: Database, name: str) -> None:
    with db.reading() as session:
        with pytest.raises(PaymentUnknown):
            find(session, name)
        with pytest.raises(NotFound):
            find_refund(session, name)


def test_a_refund_goes_by_its_id_and_stripes(azpay: Azpay) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    ours = refund(azpay.db, azpay.gateway, a_refund(payment.id, 200), now=azpay.now())

    with azpay.db.reading() as session:
        found = {find_refund(session, str(name)).id for name in (ours.id, ours.refund)}

    assert found == {ours.id}
