"""Stripe's ledger lines: each once, as it was first told, and never one that does not add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from azpay import settlement
from azpay.gateway import objects
from azpay.inbox import FetchFirst
from azpay.payments import charge, refund
from azpay.settlement import BalanceTransaction
from tests.support.builders import a_charge, a_refund
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

UNIX = int(NOON.timestamp())


def a_line(identity: str = "txn_1", **told: Any) -> objects.BalanceTransaction:
    return objects.BalanceTransaction(
        **{
            "id": identity,
            "amount": 500,
            "fee": 45,
            "net": 455,
            "currency": "usd",
            "type": "charge",
            "created": UNIX,
            "available_on": UNIX + 86_400,
            "source": "ch_1",
            **told,
        }
    )


def the_lines(db: Database) -> list[BalanceTransaction]:
    with db.reading() as session:
        return list(session.exec(select(BalanceTransaction)))


def test_a_line_is_kept_once_and_its_first_copy_is_the_last(db: Database) -> None:
    for line in (a_line(), a_line(), a_line(amount=600, net=555)):
        with db.writing() as session:
            settlement.take_in(session, line, NOON)

    assert [(line.amount, line.fee, line.net) for line in the_lines(db)] == [(500, 45, 455)]


def test_a_line_that_does_not_add_up_is_refused(db: Database) -> None:
    with pytest.raises(IntegrityError, match="net_is_amount_less_fee"), db.writing() as session:
        settlement.take_in(session, a_line(net=456), NOON)


def test_a_line_that_is_only_named_is_asked_for(db: Database) -> None:
    with db.writing() as session, pytest.raises(FetchFirst) as wanted:
        settlement.expect(session, "txn_1", NOON)

    assert (wanted.value.kind, wanted.value.identity) == (settlement.KIND, "txn_1")


@pytest.mark.parametrize("told", [None, "txn_1", a_line()])
def test_a_line_that_is_here_or_that_is_told_in_full_is_not_asked_for(
    db: Database, told: str | objects.BalanceTransaction | None
) -> None:
    with db.writing() as session:
        settlement.take_in(session, a_line(), NOON)

        settlement.expect(session, told, NOON)

    assert len(the_lines(db)) == 1


def test_lines_are_found_by_what_moved_the_money_oldest_first(db: Database) -> None:
    with db.writing() as session:
        for identity, source, created in (("txn_2", "re_1", 2), ("txn_1", "ch_1", 1), ("txn_3", "ch_2", 3)):
            settlement.take_in(session, a_line(identity, source=source, created=UNIX + created), NOON)

    with db.reading() as session:
        found = [line.balance_transaction for line in settlement.of(session, ["ch_1", "re_1"])]

    assert found == ["txn_1", "txn_2"]


@dataclass(frozen=True)
class Money:
    amount: int
    fee: int
    net: int


def test_the_lines_of_a_day_are_stripes_own(
    azpay: Azpay, stripe: Sandbox, clock: Clock, webhooks: Webhooks
) -> None:
    for amount in (500, 700):
        payment = charge(azpay.db, azpay.gateway, a_charge(amount), now=azpay.now())
        refund(azpay.db, azpay.gateway, a_refund(payment.id, 100), now=azpay.now())

    clock.advance(minutes=1)
    webhooks.arrive()

    ours = {line.balance_transaction: Money(line.amount, line.fee, line.net) for line in the_lines(azpay.db)}
    theirs = {
        line["id"]: Money(line["amount"], line["fee"], line["net"]) for line in stripe.balance_transactions
    }
    assert ours == theirs
    assert len(ours) == 4
