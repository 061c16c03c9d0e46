"""A store that goes away at whichever moment of a command that moves something: what is said of it is true.

Each command is typed again and again, and the store goes away a transaction later each time, until the
command ends before that. While nothing was asked of Stripe it says so, and never else.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from azpay import operations, payments
from azpay.access import Guards
from azpay.payments import methods, refunds_waiting
from tests.access.scenes import held_to
from tests.support.builders import a_charge
from tests.support.cases import cases
from tests.support.stripe_transport import Answer, InProcessHTTPClient

from .moves import gateway_over
from .running import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

NOT_ASKED = "Stripe was not asked: this moved nothing."
UNAVAILABLE, UNKNOWN = 5, 8
ADA, BOB = "ada@example.com", "bob@example.com"


class Counting(InProcessHTTPClient):
    """How often Stripe was asked for something, rather than looked at."""

    posts = 0

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: object
    ) -> Answer:
        self.posts += method == "post"
        return super().request(method, url, headers, post_data)


@contextmanager
def gone_from(db: Database, number: int) -> Iterator[list[int]]:
    """From the n-th transaction on there is no store. Yields those that were begun in vain."""
    begun, in_vain = count(1), list[int]()

    def fail(connection: Connection) -> None:
        if (this := next(begun)) >= number:
            in_vain.append(this)
            connection.exec_driver_sql("SELECT gone FROM nowhere")

    event.listen(db.engine, "begin", fail)
    try:
        yield in_vain
    finally:
        event.remove(db.engine, "begin", fail)


def nothing(_azpay: Azpay, _folder: Path) -> str:
    return ""


def held(azpay: Azpay, _folder: Path) -> str:
    request = a_charge(700, authorize_only=True)
    return payments.charge(azpay.db, azpay.gateway, request, now=azpay.now()).id


def paid(azpay: Azpay, _folder: Path) -> str:
    return payments.charge(azpay.db, azpay.gateway, a_charge(900), now=azpay.now()).id


def saved(azpay: Azpay, _folder: Path) -> str:
    return methods.add(azpay.db, azpay.gateway, "pm_card_visa", ADA, now=azpay.now()).payment_method


def asked_for(azpay: Azpay, folder: Path) -> str:
    """A refund that somebody else asked for."""
    ann = held_to(azpay, Guards(approval_above=({"usd": 100},)))
    assert run(ann, "refund", paid(azpay, folder), "--yes").exit_code == 8
    return refunds_waiting(azpay.db, now=azpay.now())[0].id


def charges(_azpay: Azpay, folder: Path) -> str:
    (folder / "rows.csv").write_text("amount,currency,method\n5.00,usd,pm_card_visa\n6.00,usd,pm_card_visa\n")
    return str(folder / "rows.csv")


def refunds(azpay: Azpay, folder: Path) -> str:
    payment = paid(azpay, folder)
    (folder / "rows.csv").write_text(f"payment,amount\n{payment},1.00\n{payment},2.00\n")
    return str(folder / "rows.csv")


def left_open(azpay: Azpay, _folder: Path) -> str:
    """The operation of a charge that was only written down."""
    with gone_from(azpay.db, 2):
        assert run(azpay, *CHARGE).exit_code == UNKNOWN
    return operations.page(azpay.db, operations.Query()).operations[0].id


CHARGE = ("charge", "5", "usd", "--method", "pm_card_visa", "--reference", "new")
ACTS: dict[str, tuple[Callable[[Azpay, Path], str], tuple[str, ...]]] = {
    "charge": (nothing, CHARGE),
    "charge of a new customer": (nothing, (*CHARGE, "--customer", BOB)),
    "charge under a key": (nothing, (*CHARGE, "--idempotency-key", "k")),
    "capture": (held, ("capture", "IT")),
    "cancel": (held, ("cancel", "IT")),
    "refund": (paid, ("refund", "IT", "--yes")),
    "approve": (asked_for, ("refund", "approve", "IT", "--yes")),
    "methods add": (saved, ("methods", "add", "pm_card_visa", "--customer", ADA)),
    "methods add of a new customer": (nothing, ("methods", "add", "pm_card_visa", "--customer", BOB)),
    "methods add --default": (saved, ("methods", "add", "pm_card_visa", "--customer", ADA, "--default")),
    "methods add --off-session": (saved, ("methods", "add", "IT", "--customer", ADA, "--off-session")),
    "methods default": (saved, ("methods", "default", "IT")),
    "methods remove": (saved, ("methods", "remove", "IT", "--yes")),
    "charge --file": (charges, ("charge", "--file", "IT", "--at-once", "1")),
    "refund --file": (refunds, ("refund", "--file", "IT", "--at-once", "2", "--yes")),
    "ops resolve": (left_open, ("ops", "resolve", "IT")),
}


@pytest.mark.parametrize("name", cases(ACTS, always=ACTS.keys() - {"charge --file", "refund --file"}))
def test_a_store_that_goes_away_says_that_nothing_was_asked_when_nothing_was(
    azpay: Azpay, stripe: Sandbox, clock: Clock, tmp_path: Path, name: str
) -> None:
    prepare, words = ACTS[name]
    typed = [word.replace("IT", prepare(azpay, tmp_path)) if word == "IT" else word for word in words]
    wire, said = Counting(stripe), set[bool]()
    bob = replace(azpay, gateway=gateway_over(wire)).by("cli:bob")

    for number in count(1):
        clock.advance(minutes=11)
        before = wire.posts
        with gone_from(azpay.db, number) as in_vain:
            result = run(bob, *typed)
        if not in_vain:
            break
        asked, told = wire.posts > before, NOT_ASKED in result.stderr
        said.add(told)
        assert result.stderr.count(NOT_ASKED) <= 1
        assert not (asked and told), (number, result.stderr)
        assert result.exit_code != UNAVAILABLE or asked or told, (number, result.stderr)

    assert True in said
