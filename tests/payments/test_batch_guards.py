"""A file is held to the same guards as a command, and the journal of acts tells of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from azpay.access import Guards, OverBudget
from azpay.payments import approve_refund, charge, refund
from azpay.payments.batches import BatchKind, FileEdited, RowState
from azpay.settings.permissions import Limits, Permissions
from tests.access.scenes import held_to, the_approvals
from tests.audit.acts import the_entries
from tests.support.builders import a_charge, a_refund
from tests.support.sheets import a_file, a_sheet, charges, run, statuses

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from tests.support.clock import Clock

DONE, REFUSED, PLANNED = RowState.SUCCEEDED, RowState.REFUSED, RowState.PLANNED


def test_a_row_over_the_limit_is_refused_and_stops_no_other(azpay: Azpay, stripe: Sandbox) -> None:
    ann = held_to(azpay, Guards(Permissions(charges=Limits(largest={"usd": 1100}))))

    results, trouble = run(ann, a_file(charges(3)))

    assert trouble is None
    assert statuses(results) == [DONE, DONE, REFUSED]
    assert results[2].code == "over_limit"
    assert len(stripe.payment_intents) == 2


def test_a_run_stops_at_its_budget_and_tomorrows_goes_on(azpay: Azpay, stripe: Sandbox) -> None:
    ann = held_to(azpay, Guards(Permissions(charges=Limits(run_count=2)), run="today"))
    tomorrow = replace(ann, guards=replace(ann.guards, run="tomorrow"))

    first, trouble = run(ann, a_file(charges(3)))
    again, none = run(tomorrow, a_file(charges(3)))

    assert isinstance(trouble, OverBudget)
    assert statuses(first) == [DONE, DONE, PLANNED]
    assert none is None
    assert statuses(again) == [DONE] * 3
    assert len(stripe.payment_intents) == 3


def test_a_row_that_waits_for_a_second_person_moves_once_when_they_approve(
    azpay: Azpay, stripe: Sandbox
) -> None:
    ann = held_to(azpay, Guards(approval_above=({"usd": 500},)))
    paid = charge(azpay.db, azpay.gateway, a_charge(2000), now=azpay.now())
    sheet = a_sheet(("payment", "amount"), [(paid.id, "4.00"), (paid.id, "6.00")])

    results, _ = run(ann, a_file(sheet, BatchKind.REFUND))
    [approval] = the_approvals(azpay)
    approve_refund(azpay.by("cli:bob").db, azpay.gateway, approval.id, now=azpay.now(), guards=ann.guards)
    again, _ = run(ann, a_file(sheet, BatchKind.REFUND))

    assert statuses(results) == [DONE, REFUSED]
    assert results[1].code == "approval_needed"
    assert statuses(again) == [DONE, DONE]
    assert sorted(each["amount"] for each in stripe.refunds) == [400, 600]


def test_a_row_that_was_approved_is_not_asked_for_anew_by_a_longer_file(
    azpay: Azpay, stripe: Sandbox, clock: Clock
) -> None:
    ann = held_to(azpay, Guards(approval_above=({"usd": 500},)))
    paid = charge(azpay.db, azpay.gateway, a_charge(2000), now=azpay.now())
    refund(azpay.db, azpay.gateway, a_refund(paid.id, 300), now=azpay.now())
    rows = [(paid.id, "4.00")]
    run(ann, a_file(a_sheet(("payment", "amount"), rows), BatchKind.REFUND))
    [approval] = the_approvals(azpay)
    approve_refund(azpay.by("cli:bob").db, azpay.gateway, approval.id, now=azpay.now(), guards=ann.guards)
    clock.advance(hours=25)
    longer = a_sheet(("payment", "amount"), [*rows, (paid.id, "1.00")])

    with pytest.raises(FileEdited):
        run(ann, a_file(longer, BatchKind.REFUND))
    results, _ = run(ann, a_file(longer, BatchKind.REFUND, new=True))

    assert statuses(results) == [RowState.DONE_BEFORE, DONE]
    assert sorted(each["amount"] for each in stripe.refunds) == [100, 300, 400]


def test_the_journal_tells_who_began_a_batch_and_what_it_came_to(azpay: Azpay) -> None:
    ann = held_to(azpay, Guards())

    run(ann, a_file(charges(2)))
    run(ann, a_file(charges(2)))

    [begun] = [entry for entry in the_entries(azpay.db) if entry.action == "batch.begun"]
    assert begun.actor == "cli:ann"
    assert begun.details == {"kind": "charge", "rows": 2, "usd": 2100}
