"""Saved methods: attached once, removed for good, and never a card's number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.gateway import AnswerLost, NoSuchObject
from azpay.gateway.line import TRIES
from azpay.operations import Resolver, State
from azpay.payments import CardNumberRefused, RequestInvalid, customers, methods
from azpay.payments.methods import MethodUnknown

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.payments import PaymentMethod
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

ADA, EVE = "ada@example.com", "eve@example.com"


def add(azpay: Azpay, method: str = "pm_card_visa", who: str = ADA) -> PaymentMethod:
    return methods.add(azpay.db, azpay.gateway, method, who, now=azpay.now())


def test_a_method_is_saved_as_a_reference(azpay: Azpay) -> None:
    saved = add(azpay)

    assert (saved.brand, saved.last4, saved.removed_at) == ("visa", "4242", None)
    assert [each.payment_method for each in methods.saved(azpay.db)] == [saved.payment_method]
    assert "4242424242424242" not in repr(saved)


def test_methods_are_listed_by_customer_newest_first(azpay: Azpay, clock: Clock) -> None:
    first = add(azpay)
    clock.advance(minutes=1)
    second = add(azpay, "pm_card_mastercard")
    add(azpay, "pm_card_amex", EVE)

    listed = methods.saved(azpay.db, first.customer)

    assert [each.payment_method for each in listed] == [second.payment_method, first.payment_method]
    assert len(methods.saved(azpay.db)) == 3


def test_a_lost_answer_attaches_once(azpay: Azpay, stripe: Sandbox) -> None:
    add(azpay, "pm_card_mastercard")
    stripe.drop_next_answer(path="/v1/payment_methods", times=4)
    with pytest.raises(AnswerLost):
        add(azpay)

    add(azpay)

    attached = [each for each in stripe.payment_methods if each["customer"] is not None]
    assert len(attached) == len(methods.saved(azpay.db)) == 2


def test_removing_is_for_good_and_twice_is_once(azpay: Azpay, stripe: Sandbox) -> None:
    saved = add(azpay)

    first = methods.remove(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())
    again = methods.remove(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())

    assert first.removed_at == again.removed_at == azpay.now()
    assert methods.saved(azpay.db) == []
    assert stripe.payment_methods[-1]["customer"] is None


def test_removing_the_default_leaves_no_default(azpay: Azpay) -> None:
    saved = add(azpay)
    methods.make_default(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())
    assert methods.defaults(azpay.db) == {saved.payment_method}

    methods.remove(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())

    assert methods.defaults(azpay.db) == set()


def test_a_default_whose_answer_was_lost_is_none_again_once_its_method_is_removed(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    saved = add(azpay)
    stripe.drop_next_answer(path="/v1/customers", times=TRIES)
    with pytest.raises(AnswerLost):
        methods.make_default(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())
    methods.remove(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())
    clock.advance(minutes=20)

    resolver = Resolver(azpay.db, azpay.gateway, azpay.errands, azpay.chance)
    [settled] = resolver.run(clock=azpay.now, stopping=lambda: False)

    assert settled.operation.state is State.SUCCEEDED
    assert methods.defaults(azpay.db) == set()


def test_a_customer_whose_answer_was_lost_keeps_the_default_that_was_chosen_since(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    stripe.spoil_next("drop-answer", path="/v1/customers", method="POST", times=TRIES)
    with pytest.raises(AnswerLost):
        customers.identify(azpay.db, azpay.gateway, ADA, now=azpay.now())
    saved = add(azpay)
    methods.make_default(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())
    clock.advance(minutes=20)

    resolver = Resolver(azpay.db, azpay.gateway, azpay.errands, azpay.chance)
    [settled] = resolver.run(clock=azpay.now, stopping=lambda: False)

    assert settled.operation.state is State.SUCCEEDED
    assert methods.defaults(azpay.db) == {saved.payment_method}


def test_a_method_of_another_customer_is_no_default(azpay: Azpay) -> None:
    saved = add(azpay)
    other = add(azpay, "pm_card_amex", EVE)

    with pytest.raises(Exception, match=r".") as refused:
        methods.make_default(
            azpay.db, azpay.gateway, saved.payment_method, str(other.customer), now=azpay.now()
        )

    assert type(refused.value).__module__.startswith("azpay.")
    assert methods.defaults(azpay.db) == set()


def test_a_default_for_an_email_that_nobody_has_is_refused(azpay: Azpay) -> None:
    saved = add(azpay)

    with pytest.raises(RequestInvalid, match="belongs to no customer"):
        methods.make_default(
            azpay.db, azpay.gateway, saved.payment_method, "nobody@example.com", now=azpay.now()
        )


def test_a_method_that_nobody_knows_cannot_be_removed(azpay: Azpay) -> None:
    with pytest.raises(MethodUnknown) as unknown:
        methods.remove(azpay.db, azpay.gateway, "pm_nothing", now=azpay.now())

    assert "azpay methods list" in str(unknown.value.hint)


def test_a_method_that_stripe_does_not_have_is_not_saved(azpay: Azpay) -> None:
    with pytest.raises(NoSuchObject):
        add(azpay, "pm_1234567890")

    assert methods.saved(azpay.db) == []


def test_a_card_number_is_never_taken_for_a_method(azpay: Azpay, stripe: Sandbox) -> None:
    with pytest.raises(CardNumberRefused):
        add(azpay, "4242424242424242")

    assert stripe.customers == []


def test_refreshing_takes_in_what_was_saved_elsewhere(azpay: Azpay) -> None:
    customer = azpay.gateway.create_customer({"email": ADA}, key="elsewhere")
    azpay.gateway.attach("pm_card_visa", customer.id, key="attach")

    listed = methods.refresh(azpay.db, azpay.gateway, customer.id, now=azpay.now())

    assert [each.last4 for each in listed] == ["4242"]


def test_refreshing_drops_what_was_removed_elsewhere(azpay: Azpay) -> None:
    saved = add(azpay)
    azpay.gateway.detach(saved.payment_method, key="elsewhere")

    listed = methods.refresh(azpay.db, azpay.gateway, str(saved.customer), now=azpay.now())

    assert listed == []


def test_removing_what_was_removed_elsewhere_is_success(azpay: Azpay) -> None:
    saved = add(azpay)
    azpay.gateway.detach(saved.payment_method, key="elsewhere")

    removed = methods.remove(azpay.db, azpay.gateway, saved.payment_method, now=azpay.now())

    assert removed.removed_at is not None
    assert methods.saved(azpay.db) == []
