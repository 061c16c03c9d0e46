"""A plan is made for one book, reviewed, and applied as it was written or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azpay import reconciliation
from azpay.reconciliation import Plan, PlanAltered, PlanForAnother, PlanUnreadable, plans
from tests.reconciliation.scenes import charged, compared, paid_elsewhere, tampered

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.bootstrap import Azpay

ACCOUNT, PROFILE = "acct_1", "default"


def a_plan(azpay: Azpay) -> Plan:
    report = compared(azpay)
    return reconciliation.plan(report, account=ACCOUNT, profile=PROFILE, book="here", now=azpay.now())


def test_a_plan_is_read_as_it_was_written(azpay: Azpay) -> None:
    paid_elsewhere(azpay)
    made = a_plan(azpay)

    assert plans.load(plans.dump(made)) == made


def test_a_plan_says_what_it_repairs_and_what_it_leaves(azpay: Azpay) -> None:
    charged(azpay)
    intent = paid_elsewhere(azpay)
    tampered(azpay, "UPDATE payments SET payment_intent = 'pi_invented'")

    made = a_plan(azpay)

    assert intent.id in [repair.theirs for repair in made.repairs]
    assert [(left.kind, left.theirs) for left in made.left] == [("missing_there", "pi_invented")]


def test_a_person_can_read_it(azpay: Azpay) -> None:
    paid_elsewhere(azpay, 1234)

    text = plans.dump(a_plan(azpay)).decode()

    assert text.startswith('{\n  "schema": "azpay.plan/1",\n')
    assert '"said_there": "succeeded, USD 12.34"' in text


def raise_the_amount(document: dict[str, Any]) -> None:
    document["plan"]["repairs"][0]["amount"] += 1


def point_it_elsewhere(document: dict[str, Any]) -> None:
    document["plan"]["repairs"][0]["theirs"] = "pi_other"


def drop_a_repair(document: dict[str, Any]) -> None:
    document["plan"]["repairs"] = []


def forge_the_digest(document: dict[str, Any]) -> None:
    document["digest"] = "sha256:" + "0" * 64


@pytest.mark.parametrize("alter", [raise_the_amount, point_it_elsewhere, drop_a_repair, forge_the_digest])
def test_an_altered_plan_is_refused(azpay: Azpay, alter: Callable[[dict[str, Any]], None]) -> None:
    paid_elsewhere(azpay)
    document = json.loads(plans.dump(a_plan(azpay)))
    alter(document)

    with pytest.raises(PlanAltered):
        plans.load(json.dumps(document).encode())


def test_a_repair_that_the_run_did_not_find_is_refused_even_under_a_right_digest(azpay: Azpay) -> None:
    paid_elsewhere(azpay)
    made = a_plan(azpay)
    forged = msgspec.structs.replace(
        made, repairs=[msgspec.structs.replace(made.repairs[0], theirs="pi_other")]
    )

    with pytest.raises(PlanAltered):
        reconciliation.require_ours(
            azpay.db, plans.load(plans.dump(forged)), account=ACCOUNT, profile=PROFILE
        )


@pytest.mark.parametrize(
    ("account", "profile", "what"),
    [("acct_2", PROFILE, "account acct_1"), (ACCOUNT, "shop", "profile default")],
)
def test_a_plan_for_another_account_or_profile_is_refused(
    azpay: Azpay, account: str, profile: str, what: str
) -> None:
    made = a_plan(azpay)

    with pytest.raises(PlanForAnother, match=what):
        reconciliation.require_ours(azpay.db, made, account=account, profile=profile)


def test_a_plan_for_another_book_is_refused(azpay: Azpay) -> None:
    made = msgspec.structs.replace(a_plan(azpay), run="run_of_another_book")

    with pytest.raises(PlanForAnother, match="the book here"):
        reconciliation.require_ours(azpay.db, made, account=ACCOUNT, profile=PROFILE)


def test_a_plan_for_this_book_is_accepted(azpay: Azpay) -> None:
    paid_elsewhere(azpay)
    made = a_plan(azpay)

    reconciliation.require_ours(azpay.db, made, account=ACCOUNT, profile=PROFILE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"schema": "azpay.plan/0", "repairs": []}',
        b'{"schema": "azpay.plan/1"}',
        b'{"schema": 1}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_plan_or_an_old_one_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(PlanUnreadable):
        plans.load(content)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_crash(content: bytes) -> None:
    with pytest.raises((PlanUnreadable, PlanAltered)):
        plans.load(content)
