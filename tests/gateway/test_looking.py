"""Looking things up: whole lists, page after page, and one object of each kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import stripe as sdk

from azpay.gateway import NoSuchObject
from azpay.gateway.stripe import Gateway
from azpay.payments import charge, refund
from tests.support.builders import a_charge, a_refund
from tests.support.stripe_transport import InProcessHTTPClient

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock


def many_charges(azpay: Azpay, count: int) -> None:
    for number in range(count):
        azpay.gateway.create_payment_intent(
            {"amount": 500 + number, "currency": "usd"}, key=f"charge-{number}"
        )


@pytest.mark.parametrize("count", [0, 1, 100, 101, 230])
def test_a_list_is_read_to_its_end_without_repeats(azpay: Azpay, clock: Clock, count: int) -> None:
    many_charges(azpay, count)

    found = list(azpay.gateway.payment_intents(clock.now() - timedelta(1), clock.now() + timedelta(1)))

    assert sorted(intent.amount for intent in found) == [500 + number for number in range(count)]


def test_a_period_is_half_open(azpay: Azpay, clock: Clock) -> None:
    many_charges(azpay, 1)
    at = clock.now()

    from_then = list(azpay.gateway.payment_intents(at, at + timedelta(seconds=1)))
    until_then = list(azpay.gateway.payment_intents(at - timedelta(seconds=1), at))

    assert (len(from_then), len(until_then)) == (1, 0)


def test_each_kind_of_object_can_be_fetched(azpay: Azpay, stripe: Sandbox) -> None:
    payment = charge(azpay.db, azpay.gateway, a_charge(customer="ada@example.com"), now=azpay.now())
    refund(azpay.db, azpay.gateway, a_refund(payment.id), now=azpay.now())
    found = {
        "payment_intent": stripe.payment_intents[0]["id"],
        "refund": stripe.refunds[0]["id"],
        "customer": stripe.customers[0]["id"],
        "payment_method": stripe.payment_methods[0]["id"],
        "balance_transaction": stripe.balance_transactions[0]["id"],
    }

    fetched = {kind: azpay.gateway.fetch(kind, identity).id for kind, identity in found.items()}

    assert fetched == found


def test_what_is_not_there_is_no_such_object(azpay: Azpay) -> None:
    with pytest.raises(NoSuchObject) as missing:
        azpay.gateway.refund("re_nothing")

    assert "account and mode" in str(missing.value.hint)


@pytest.mark.parametrize(
    ("header", "understood"),
    [
        ({}, None),
        ({"date": "Mon, 02 Mar 2026 12:00:00 GMT"}, datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ({"date": "noon"}, None),
    ],
)
def test_stripes_clock_is_read_from_its_last_answer_and_goes_on(
    stripe: Sandbox, header: dict[str, str], understood: datetime | None
) -> None:
    class Dated(InProcessHTTPClient):
        def request(self, *args: object, **more: object) -> tuple[str, int, dict[str, str]]:
            body, status, _ = super().request(*args, **more)  # type: ignore[arg-type]
            return body, status, header

    client = sdk.StripeClient("sk_test_azpay_sandbox", http_client=Dated(stripe), max_network_retries=0)
    seconds = [0]
    gateway = Gateway(client, timer=lambda: seconds[0])

    gateway.account()
    seconds[0] = 30

    assert gateway.server_time() == (understood and understood + timedelta(seconds=30))
