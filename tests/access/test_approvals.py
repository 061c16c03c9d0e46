"""Four eyes: what one person asks for, another decides, once, and within its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from azpay.access import (
    AlreadyDecided,
    Approval,
    ApprovalExpired,
    ApprovalNeeded,
    ApprovalUnknown,
    Decision,
    Guards,
    OverBudget,
    OverLimit,
    OwnApproval,
    RoleMissing,
)
from azpay.errors import Conflict, Refused
from azpay.gateway import AnswerLost, StripeRefused
from azpay.payments import (
    AmountChanged,
    Payment,
    Refund,
    approve_refund,
    look_at_approval,
    refunds_waiting,
    reject_refund,
)
from azpay.settings.permissions import Grant, Limits, Permissions
from tests.access.scenes import AT_ONCE, all_at_once, charged, held_to, refunded, the_approvals, used
from tests.audit.acts import the_entries
from tests.operations.journals import the_operations, the_refunds
from tests.support.crowds import crowded_gateway

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

GUARDS = Guards(approval_above=({"usd": 50000},), approval_life=timedelta(hours=2))


@pytest.fixture
def ann(azpay: Azpay) -> Azpay:
    return held_to(azpay, GUARDS)


@pytest.fixture
def bob(azpay: Azpay) -> Azpay:
    return held_to(azpay, GUARDS, "cli:bob")


@pytest.fixture
def payment(azpay: Azpay) -> Payment:
    """900.00 USD."""
    return charged(azpay, 90000)


def asked(azpay: Azpay, payment: Payment, amount: int | None = None, **wanted: object) -> Approval:
    with pytest.raises(ApprovalNeeded) as needed:
        refunded(azpay, payment, amount, **wanted)
    return needed.value.approval


def approved(azpay: Azpay, approval: Approval) -> Refund:
    return approve_refund(azpay.db, azpay.gateway, approval.id, now=azpay.now(), guards=azpay.guards)


def rejected(azpay: Azpay, approval: Approval, reason: str | None = None) -> Approval:
    return reject_refund(azpay.db, approval.id, reason=reason, now=azpay.now(), guards=azpay.guards)


def waiting(azpay: Azpay) -> list[str]:
    return [each.id for each in refunds_waiting(azpay.db, now=azpay.now())]


def test_up_to_the_threshold_nobody_else_is_needed(ann: Azpay, payment: Payment, stripe: Sandbox) -> None:
    refunded(ann, payment, 50000)

    assert [each["amount"] for each in stripe.refunds] == [50000]
    assert the_approvals(ann) == []


def test_a_minor_unit_more_waits_and_nothing_is_sent_or_set_aside(
    ann: Azpay, payment: Payment, stripe: Sandbox
) -> None:
    approval = asked(ann, payment, 50001, note="a late parcel")

    assert (approval.state, approval.money.amount, approval.asked_by) == ("waiting", 50001, "cli:ann")
    assert approval.expires_at - approval.asked_at == timedelta(hours=2)
    assert stripe.refunds == []
    assert the_refunds(ann.db) == []
    assert len(the_operations(ann.db)) == 1
    assert waiting(ann) == [approval.id]


def test_who_needs_a_second_person_is_told_what_that_one_types(ann: Azpay, payment: Payment) -> None:
    with pytest.raises(ApprovalNeeded) as needed:
        refunded(ann, payment)

    assert isinstance(needed.value, Refused)
    assert "A refund of USD 900.00 waits for somebody else's approval" in needed.value.message
    assert f"`azpay refund approve {needed.value.approval.id}`" in str(needed.value.hint)


def test_another_approves_and_exactly_what_was_asked_for_is_given_back(
    ann: Azpay, bob: Azpay, payment: Payment, stripe: Sandbox
) -> None:
    approval = asked(ann, payment, 60000, reason="duplicate", note="twice", idempotency_key="r-1")

    refund = approved(bob, approval)

    kept = look_at_approval(ann.db, approval.id)
    assert (refund.amount, refund.reason, refund.note, refund.status) == (
        60000,
        "duplicate",
        "twice",
        "succeeded",
    )
    assert (kept.state, kept.decided_by, kept.decided_at) == ("approved", "cli:bob", bob.now())
    assert kept.outcome == refund.id
    assert "r-1" in {operation.idempotency_key for operation in the_operations(ann.db)}
    assert len(stripe.refunds) == 1
    assert waiting(ann) == []


def test_who_asked_does_not_approve(ann: Azpay, payment: Payment, stripe: Sandbox) -> None:
    approval = asked(ann, payment)

    with pytest.raises(OwnApproval, match="was asked for by cli:ann") as own:
        approved(ann, approval)

    assert isinstance(own.value, Refused)
    assert stripe.refunds == []
    assert waiting(ann) == [approval.id]


def test_the_book_itself_refuses_one_person_with_two_hats(ann: Azpay, payment: Payment) -> None:
    asked(ann, payment)

    with ann.db.engine.connect() as connection, pytest.raises(IntegrityError, match="four_eyes"):
        connection.exec_driver_sql("UPDATE approvals SET state = 'approved'")


def test_nothing_is_approved_twice(ann: Azpay, bob: Azpay, payment: Payment, stripe: Sandbox) -> None:
    approval = asked(ann, payment, 60000)
    refund = approved(bob, approval)

    for again in (bob, bob.by("cli:carl"), ann):
        with pytest.raises(AlreadyDecided, match=f"was approved by cli:bob, as {refund.id}") as decided:
            approved(again, approval)

    assert isinstance(decided.value, Conflict)
    assert len(stripe.refunds) == 1


def test_asking_again_waits_once_whoever_asks(ann: Azpay, bob: Azpay, payment: Payment) -> None:
    first = asked(ann, payment)

    again, others = asked(ann, payment), asked(bob, payment)

    assert {again.id, others.id} == {first.id}
    assert others.asked_by == "cli:ann"


def test_the_same_command_after_the_approval_returns_what_became_of_it(
    ann: Azpay, bob: Azpay, payment: Payment, stripe: Sandbox
) -> None:
    refund = approved(bob, asked(ann, payment, idempotency_key="r-1"))

    again = refunded(ann, payment, idempotency_key="r-1")

    assert again.id == refund.id
    assert len(stripe.refunds) == 1


def test_what_nobody_decided_in_time_is_over_and_can_be_asked_for_anew(
    ann: Azpay, bob: Azpay, payment: Payment, clock: Clock, stripe: Sandbox
) -> None:
    late = asked(ann, payment)
    clock.advance(hours=2)
    for decide in (approved, rejected):
        with pytest.raises(ApprovalExpired, match="nobody decided in time") as expired:
            decide(bob, late)
    none = waiting(bob)

    anew = asked(ann, payment)

    assert isinstance(expired.value, Conflict)
    assert (none, waiting(bob)) == ([], [anew.id])
    assert look_at_approval(ann.db, late.id).state is Decision.EXPIRED
    assert approved(bob, anew).amount == 90000
    assert len(stripe.refunds) == 1


def test_a_second_before_its_end_it_can_be_approved(
    ann: Azpay, bob: Azpay, payment: Payment, clock: Clock
) -> None:
    approval = asked(ann, payment)
    clock.advance(hours=1, minutes=59, seconds=59)

    assert approved(bob, approval).amount == 90000


def test_what_was_rejected_is_over(ann: Azpay, bob: Azpay, payment: Payment, stripe: Sandbox) -> None:
    approval = asked(ann, payment)

    rejected(bob, approval, "ask the customer")

    with pytest.raises(AlreadyDecided, match="was rejected by cli:bob"):
        approved(bob.by("cli:carl"), approval)
    kept = look_at_approval(ann.db, approval.id)
    assert (kept.state, kept.reason, kept.outcome) == ("rejected", "ask the customer", None)
    assert stripe.refunds == []
    assert asked(ann, payment).id != approval.id


def test_who_asked_may_take_it_back(ann: Azpay, payment: Payment) -> None:
    approval = rejected(ann, asked(ann, payment))

    assert (approval.state, approval.decided_by, waiting(ann)) == ("rejected", "cli:ann", [])


def test_small_refunds_of_one_payment_within_a_day_count_together(
    ann: Azpay, payment: Payment, clock: Clock
) -> None:
    refunded(ann, payment, 30000)
    refunded(ann, payment, 20000)

    approval = asked(ann, payment, 1)
    clock.advance(hours=24)
    refunded(ann, payment, 2)

    assert approval.amount == 1
    assert [each.amount for each in the_refunds(ann.db)] == [30000, 20000, 2]


def test_a_refund_that_failed_counts_no_more(ann: Azpay, payment: Payment, stripe: Sandbox) -> None:
    stripe.fail_next(400)
    with pytest.raises(StripeRefused):
        refunded(ann, payment, 30000)

    refunded(ann, payment, 40000)

    assert the_approvals(ann) == []


def test_another_payments_refunds_do_not_count(ann: Azpay, payment: Payment) -> None:
    refunded(ann, payment, 50000)

    refunded(ann, charged(ann, 50000), 50000)

    assert the_approvals(ann) == []


def test_a_currency_without_a_threshold_always_waits(ann: Azpay) -> None:
    assert asked(ann, charged(ann, 100, "eur"), 1).currency == "eur"


def test_what_is_left_is_looked_at_anew(
    ann: Azpay, bob: Azpay, azpay: Azpay, payment: Payment, stripe: Sandbox
) -> None:
    all_of_it, most_of_it = asked(ann, payment), asked(ann, payment, 80000)
    refunded(azpay, payment, 20000)

    with pytest.raises(AmountChanged, match=r"is for USD 900\.00, and USD 700\.00 is what is left"):
        approved(bob, all_of_it)
    with pytest.raises(Conflict, match=r"USD 800\.00 is more than the USD 700\.00"):
        approved(bob, most_of_it)

    assert set(waiting(bob)) == {all_of_it.id, most_of_it.id}
    assert [each["amount"] for each in stripe.refunds] == [20000]


def test_an_approved_refund_whose_answer_was_lost_is_gone_on_with_by_who_approved_it(
    ann: Azpay, bob: Azpay, payment: Payment, stripe: Sandbox
) -> None:
    approval = asked(ann, payment)
    stripe.drop_next_answer(times=4)
    with pytest.raises(AnswerLost):
        approved(bob, approval)
    with pytest.raises(AlreadyDecided):
        approved(bob.by("cli:carl"), approval)

    refund = approved(bob, approval)

    assert refund.status == "succeeded"
    assert len(stripe.refunds) == 1


def test_who_approves_is_held_to_a_role_limits_and_budgets_of_their_own(
    azpay: Azpay, ann: Azpay, payment: Payment
) -> None:
    approval = asked(ann, payment)
    guards = replace(
        GUARDS,
        permissions=Permissions(
            actors={
                "cli:olga": Grant(role="operator"),
                "cli:carl": Grant(refunds=Limits(largest={"usd": 60000})),
                "cli:dora": Grant(refunds=Limits(day={"usd": 60000})),
            }
        ),
    )

    for name, error in {"olga": RoleMissing, "carl": OverLimit, "dora": OverBudget}.items():
        with pytest.raises(error):
            approved(held_to(azpay, guards, f"cli:{name}"), approval)
    with pytest.raises(RoleMissing):
        rejected(held_to(azpay, guards, "cli:olga"), approval)

    approved(held_to(azpay, guards, "cli:bob"), approval)
    assert used(azpay)["2026-03-02 cli:bob refund usd"] == (1, 90000)
    assert not any("carl" in name or "dora" in name for name in used(azpay))


def test_only_an_admin_may_ask(azpay: Azpay, payment: Payment) -> None:
    guards = replace(GUARDS, permissions=Permissions(default_role="operator"))

    with pytest.raises(RoleMissing, match="may not refund"):
        refunded(held_to(azpay, guards), payment)

    assert the_approvals(azpay) == []


@pytest.mark.parametrize("named", ["apr_none", "", "apr_\x00", "päy"])
def test_an_approval_that_is_not_there(bob: Azpay, named: str) -> None:
    with pytest.raises(ApprovalUnknown, match="No approval goes by"):
        look_at_approval(bob.db, named)


def test_a_note_is_not_kept_in_clear(ann: Azpay, payment: Payment) -> None:
    asked(ann, payment, note="CANARY of a note")

    with ann.db.engine.connect() as connection:
        [[kept]] = connection.exec_driver_sql("SELECT request FROM approvals").all()
    assert b"CANARY" not in bytes(kept)


@pytest.mark.slow
def test_of_many_who_approve_at_once_one_does(
    azpay: Azpay, ann: Azpay, payment: Payment, stripe: Sandbox
) -> None:
    approval = asked(ann, payment, 60000)
    crowd = replace(held_to(azpay, GUARDS), gateway=crowded_gateway(stripe))

    outcome = all_at_once(lambda number: approved(crowd.by(f"cli:admin{number}"), approval))

    assert outcome == {"done": 1, "already_decided": AT_ONCE - 1}
    assert [each["amount"] for each in stripe.refunds] == [60000]
    assert len(the_refunds(azpay.db)) == 1


@pytest.mark.slow
def test_of_an_approval_and_a_rejection_at_once_one_holds(
    azpay: Azpay, ann: Azpay, payment: Payment, stripe: Sandbox
) -> None:
    approval = asked(ann, payment)
    crowd = replace(held_to(azpay, GUARDS), gateway=crowded_gateway(stripe))

    outcome = all_at_once(
        lambda number: (approved if number % 2 else rejected)(crowd.by(f"cli:admin{number}"), approval)
    )

    kept = look_at_approval(azpay.db, approval.id)
    assert outcome == {"done": 1, "already_decided": AT_ONCE - 1}
    assert len(stripe.refunds) == (1 if kept.state is Decision.APPROVED else 0)


@pytest.mark.slow
def test_many_small_refunds_at_once_do_not_pass_the_threshold_together(
    azpay: Azpay, ann: Azpay, payment: Payment, stripe: Sandbox
) -> None:
    crowd = replace(ann, gateway=crowded_gateway(stripe))

    outcome = all_at_once(lambda number: refunded(crowd, payment, 12000 + number))

    assert outcome["approval_needed"] == AT_ONCE - outcome["done"]
    assert sum(each["amount"] for each in stripe.refunds) <= 50000
    assert outcome["done"] == 4


def test_the_journal_of_acts_tells_who_asked_and_who_decided(
    ann: Azpay, bob: Azpay, payment: Payment
) -> None:
    approval = asked(ann, payment)
    asked(ann, payment)
    other = asked(ann, payment, 70000)
    approve_refund(bob.db, bob.gateway, approval.id, now=bob.now(), guards=GUARDS)
    reject_refund(bob.db, other.id, reason="too much", now=bob.now(), guards=GUARDS)

    told = [
        (entry.action, entry.object_id, entry.actor, entry.reason)
        for entry in the_entries(ann.db)
        if entry.object_kind == "approval"
    ]

    assert told == [
        ("refund.approval_asked", approval.id, "cli:ann", None),
        ("refund.approval_asked", other.id, "cli:ann", None),
        ("refund.approved", approval.id, "cli:bob", None),
        ("refund.rejected", other.id, "cli:bob", "too much"),
    ]
