from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import stripe

from azpay.sandbox import DEFAULT_ACCOUNT, Sandbox
from azpay.sandbox.policy import Policy
from tests.sandbox.conftest import NOON
from tests.sandbox.orders import order, refusal
from tests.sandbox.payments import get, pay, post, sums, types

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

DAY = 24 * 60 * 60


def fund(client: V1Services, **params: Any) -> None:
    """19.12 USD that can be paid out at once."""
    pay(client, "pm_card_bypassPending", capture_method="automatic", **params)


def pay_out(client: V1Services, amount: int = 1000, **params: Any) -> stripe.Payout:
    asked: Any = {"amount": amount, "currency": "usd", **params}
    return client.payouts.create(asked)


def daily(sandbox: Sandbox) -> None:
    answer = post(sandbox, "/v1/balance_settings", {"payments[payouts][schedule][interval]": "daily"})
    assert answer.status == 200


def rows(client: V1Services, payout: str) -> list[stripe.BalanceTransaction]:
    page = client.balance_transactions.list({"payout": payout, "limit": 2})
    return list(page.auto_paging_iter())


def test_a_payout_goes_from_the_balance_to_the_bank(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)

    payout = pay_out(client, description="rent", statement_descriptor="AZPAY")
    seen = [payout.status]
    for wait in (60 * 60, 3 * DAY):
        sandbox.advance(wait)
        seen.append(client.payouts.retrieve(payout.id).status)

    assert seen == ["pending", "in_transit", "paid"]
    arrived = client.payouts.retrieve(payout.id, {"expand": ["balance_transaction", "destination"]})
    assert isinstance(arrived.balance_transaction, stripe.BalanceTransaction)
    taken = arrived.balance_transaction
    assert (taken.type, taken.reporting_category, taken.net) == ("payout", "payout", -1000)
    assert isinstance(arrived.destination, stripe.BankAccount)
    assert arrived.trace_id is not None
    assert (arrived.trace_id.status, arrived.reconciliation_status) == ("supported", "not_applicable")
    told = [kind for kind in types(sandbox) if kind.startswith("payout.")]
    assert told == ["payout.created", "payout.updated", "payout.paid", "payout.updated"]
    assert sums(sandbox) == ({"usd": 912}, {"usd": 912})


def test_banks_rest_at_weekends(client: V1Services) -> None:
    fund(client)

    payout = pay_out(client)

    assert datetime.fromtimestamp(payout.arrival_date, UTC).isoformat() == "2026-11-23T00:00:00+00:00"


def test_an_instant_payout_takes_half_an_hour(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    payout = pay_out(client, method="instant")

    sandbox.advance(30 * 60)

    assert client.payouts.retrieve(payout.id).status == "paid"


def test_only_what_is_available_can_be_paid_out(client: V1Services) -> None:
    pay(client, capture_method="automatic")

    with pytest.raises(stripe.InvalidRequestError, match="card balance is too low") as refused:
        pay_out(client)

    assert refused.value.code == "balance_insufficient"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"amount": "0"}, "greater than or equal to 1"),
        ({"currency": "xxx"}, "Invalid currency"),
        ({"currency": "huf", "amount": "150"}, "multiple of 100"),
        ({"source_type": "fpx"}, "fpx balance is too low"),
        ({"destination": "ba_no"}, "No such external account"),
        ({"method": "pigeon"}, "must be one of instant or standard"),
        ({"statement_descriptor": "x" * 23}, "at most 22"),
    ],
)
def test_a_payout_that_cannot_be_is_explained(
    client: V1Services, sandbox: Sandbox, params: dict[str, str], message: str
) -> None:
    fund(client)

    answer = post(sandbox, "/v1/payouts", {"amount": "100", "currency": "usd", **params})

    assert answer.status == 400
    assert message in json.loads(answer.body)["error"]["message"]


def test_a_pending_payout_can_be_canceled(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    payout = pay_out(client)

    canceled = client.payouts.cancel(payout.id, {"expand": ["failure_balance_transaction"]})

    assert isinstance(canceled.failure_balance_transaction, stripe.BalanceTransaction)
    back = canceled.failure_balance_transaction
    assert (back.type, back.reporting_category, back.net) == ("payout_cancel", "payout_reversal", 1000)
    assert (canceled.status, types(sandbox)[-1]) == ("canceled", "payout.canceled")
    sandbox.advance(5 * DAY)
    assert client.payouts.retrieve(payout.id).status == "canceled"
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})


def test_a_payout_that_has_left_cannot_be_canceled(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    payout = pay_out(client)
    sandbox.advance(60 * 60)

    with pytest.raises(stripe.InvalidRequestError, match="only be canceled while they are pending"):
        client.payouts.cancel(payout.id)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("btok_us_verified_noAccount", "no_account"),
        ("btok_us_verified_accountClosed", "account_closed"),
        ("btok_us_verified_insufficientFunds", "insufficient_funds"),
        ("btok_us_verified_debitNotAuthorized", "debit_not_authorized"),
        ("btok_us_verified_invalidCurrency", "invalid_currency"),
    ],
)
def test_some_bank_accounts_take_no_payout(
    client: V1Services, sandbox: Sandbox, token: str, code: str
) -> None:
    fund(client)
    bank = client.accounts.external_accounts.create(DEFAULT_ACCOUNT, {"external_account": token})
    payout = pay_out(client, destination=bank.id)

    sandbox.advance(4 * DAY)

    failed = client.payouts.retrieve(payout.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_code) == ("failed", code)
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)
    assert failed.failure_balance_transaction.type == "payout_failure"
    assert types(sandbox)[-1] == "payout.failed"
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})


def test_an_account_is_known_by_its_number_too(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    account: Any = {
        "object": "bank_account",
        "country": "US",
        "currency": "usd",
        "account_number": "000111111113",
        "routing_number": "110000000",
    }
    client.accounts.external_accounts.create(DEFAULT_ACCOUNT, {"external_account": account})
    payout = pay_out(client)

    sandbox.advance(4 * DAY)

    assert client.payouts.retrieve(payout.id).failure_code == "account_closed"


def test_payouts_go_to_the_account_that_is_the_default(client: V1Services) -> None:
    fund(client)
    banks = client.accounts.external_accounts
    first, second = (
        banks.create(DEFAULT_ACCOUNT, {"external_account": "btok_us_verified"}) for _ in range(2)
    )
    assert pay_out(client, 100).destination == first.id

    banks.update(DEFAULT_ACCOUNT, second.id, {"default_for_currency": True})
    banks.delete(DEFAULT_ACCOUNT, first.id)

    assert pay_out(client, 100).destination == second.id
    assert [bank.id for bank in banks.list(DEFAULT_ACCOUNT).data] == [second.id]
    with pytest.raises(stripe.InvalidRequestError, match="cannot delete the default"):
        banks.delete(DEFAULT_ACCOUNT, second.id)


def test_a_paid_payout_may_fail_on_order(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    payout = pay_out(client)
    sandbox.advance(4 * DAY)

    order(sandbox, "payouts", payout=payout.id, fail="could_not_process")

    assert client.payouts.retrieve(payout.id).status == "failed"
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})
    assert "is failed already" in refusal(sandbox, "payouts", payout=payout.id, fail="declined")
    assert "There is no 'rain'" in refusal(sandbox, "payouts", payout=payout.id, fail="rain")


def test_a_payout_can_be_reversed_once(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    payout = pay_out(client)
    with pytest.raises(stripe.InvalidRequestError, match="Only paid payouts"):
        client.payouts.reverse(payout.id)
    sandbox.advance(4 * DAY)

    reversal = client.payouts.reverse(payout.id, {"metadata": {"why": "wrong account"}})

    assert (reversal.amount, reversal.original_payout) == (-1000, payout.id)
    assert client.payouts.retrieve(payout.id).reversed_by == reversal.id
    assert sums(sandbox) == ({"usd": 1912}, {"usd": 1912})
    with pytest.raises(stripe.InvalidRequestError, match="already been reversed"):
        client.payouts.reverse(payout.id)
    sandbox.advance(4 * DAY)
    assert client.payouts.retrieve(reversal.id).status == "paid"


def test_nothing_is_paid_out_by_itself_unless_that_was_agreed(client: V1Services, sandbox: Sandbox) -> None:
    pay(client)

    sandbox.advance(40 * DAY)

    assert client.payouts.list().data == []


@pytest.mark.parametrize(
    ("interval", "day"),
    [("daily", "2026-11-21"), ("weekly", "2026-11-23"), ("monthly", "2026-12-01")],
)
def test_automatic_payouts_keep_to_their_days(interval: Any, day: str) -> None:
    sandbox = Sandbox(now=lambda: NOON, policy=Policy(payouts=interval))
    post(
        sandbox,
        "/v1/payment_intents",
        {
            "amount": "2000",
            "currency": "usd",
            "confirm": "true",
            "payment_method": "pm_card_bypassPending",
            "automatic_payment_methods[enabled]": "true",
            "automatic_payment_methods[allow_redirects]": "never",
        },
    )

    sandbox.advance(15 * DAY)

    [payout] = json.loads(get(sandbox, "/v1/payouts").body)["data"]
    assert datetime.fromtimestamp(payout["created"], UTC).isoformat() == f"{day}T04:00:00+00:00"


def test_an_automatic_payout_is_made_of_its_rows(client: V1Services, sandbox: Sandbox) -> None:
    daily(sandbox)
    for _ in range(3):
        pay(client)
    refunded = pay(client, "pm_card_bypassPending")
    sandbox.advance(2)
    client.refunds.create({"payment_intent": refunded.id, "amount": 100})
    sandbox.advance(10 * DAY)

    payouts = client.payouts.list().data
    listed = {payout.id: rows(client, payout.id) for payout in payouts}

    assert [payout.automatic for payout in payouts] == [True, True]
    assert {payout.reconciliation_status for payout in payouts} == {"completed"}
    for payout in payouts:
        own = [row for row in listed[payout.id] if row.type == "payout"]
        rest = [row for row in listed[payout.id] if row.type != "payout"]
        assert [(row.source, row.net) for row in own] == [(payout.id, -payout.amount)]
        assert sum(row.net for row in rest) == payout.amount
    times = Counter(row.id for found in listed.values() for row in found)
    assert set(times.values()) == {1}
    assert len(times) == len(sandbox.balance_transactions)
    assert sums(sandbox) == ({}, {})


def test_what_failed_or_went_by_hand_is_in_the_next_payout(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    daily(sandbox)
    sandbox.advance(2 * DAY)
    [first] = client.payouts.list().data
    order(sandbox, "payouts", payout=first.id, fail="declined")
    by_hand = pay_out(client, 500)

    sandbox.advance(8 * DAY)

    second = client.payouts.list({"limit": 1}).data[0]
    inside = [row for row in rows(client, second.id) if row.source != second.id]
    assert {row.source for row in inside} == {first.id, by_hand.id}
    assert second.amount == 1912 - 500 == sum(row.net for row in inside)


def test_a_debt_is_not_paid_out(client: V1Services, sandbox: Sandbox) -> None:
    daily(sandbox)
    fund(client)
    order(sandbox, "disputes", charge=client.charges.list().data[0].id)

    sandbox.advance(10 * DAY)

    assert client.payouts.list().data == []
    assert sums(sandbox) == ({"usd": -1588}, {"usd": -1588})


def test_the_rows_of_a_payout_are_known_when_stripe_says_so(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    daily(sandbox)
    sandbox.advance(DAY)
    [payout] = client.payouts.list().data
    with pytest.raises(stripe.InvalidRequestError) as early:
        rows(client, payout.id)

    sandbox.advance(4 * DAY)

    assert early.value.code == "payout_reconciliation_not_ready"
    assert len(rows(client, payout.id)) == 2
    assert "payout.reconciliation_completed" in types(sandbox)


def test_manual_payouts_have_no_rows(client: V1Services) -> None:
    fund(client)
    payout = pay_out(client)

    with pytest.raises(stripe.InvalidRequestError, match="only be filtered on automatic transfers"):
        rows(client, payout.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such payout") as unknown:
        rows(client, "po_no")

    assert unknown.value.param == "payout"


def test_automatic_payouts_cannot_be_canceled(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    daily(sandbox)
    sandbox.advance(DAY - 60 * 60 * 7)
    [payout] = client.payouts.list().data

    with pytest.raises(stripe.InvalidRequestError, match="Automatic payouts cannot be canceled"):
        client.payouts.cancel(payout.id)


def test_payouts_are_found_by_what_they_are(client: V1Services, sandbox: Sandbox) -> None:
    fund(client)
    first = pay_out(client, 100)
    sandbox.advance(4 * DAY)
    second = pay_out(client, 200)

    def found(**filters: Any) -> list[str]:
        return [payout.id for payout in client.payouts.list(filters).data]  # type: ignore[arg-type]

    assert found(status="paid") == [first.id]
    assert found(arrival_date={"gt": first.arrival_date}) == [second.id]
    assert found(arrival_date=first.arrival_date) == [first.id]
    assert found(destination=str(first.destination)) == [second.id, first.id]
    assert found(created={"lt": second.created}) == [first.id]


def test_schedules_survive_a_restart_and_a_change_of_mind(client: V1Services, sandbox: Sandbox) -> None:
    for _ in range(3):
        daily(sandbox)
        order(sandbox, "policy", payouts="manual")
    daily(sandbox)
    fund(client)

    copy = Sandbox.restore(sandbox.snapshot(), now=lambda: NOON)
    copy.advance(3 * DAY)

    [payout] = json.loads(get(copy, "/v1/payouts").body)["data"]
    assert payout["amount"] == 1912
    assert copy.policy.payouts == "daily"
    assert sums(copy) == ({}, {})


def test_the_schedule_is_told_where_stripe_tells_it(client: V1Services, sandbox: Sandbox) -> None:
    told = json.loads(get(sandbox, "/v1/balance_settings").body)["payments"]["payouts"]["schedule"]
    assert told == {"interval": "manual"}

    client.balance_settings.update({"payments": {"payouts": {"schedule": {"interval": "daily"}}}})

    account = json.loads(get(sandbox, "/v1/account").body)
    assert account["settings"]["payouts"]["schedule"] == {"delay_days": 2, "interval": "daily"}
    assert types(sandbox) == ["balance_settings.updated"]


@pytest.mark.parametrize(
    "policy",
    [
        {"payouts": "hourly"},
        {"dispute_fee": -1},
        {"dispute_fee": 1.5},
        {"generosity": True},
        {"payouts": None},
    ],
)
def test_a_policy_that_cannot_be_is_refused(sandbox: Sandbox, policy: dict[str, Any]) -> None:
    before = sandbox.policy

    assert refusal(sandbox, "policy", **policy)

    assert sandbox.policy == before
