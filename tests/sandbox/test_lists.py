from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import stripe

from tests.sandbox.conftest import NOON
from tests.sandbox.payments import pay

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

    from azpay.sandbox import Sandbox


@pytest.fixture
def names(client: V1Services, sandbox: Sandbox) -> list[str]:
    """The ids of seven customers, newest first, made a second apart."""
    made = []
    for _ in range(7):
        made.append(client.customers.create().id)
        sandbox.advance(1)
    return made[::-1]


def test_a_list_is_newest_first_and_says_whether_there_is_more(client: V1Services, names: list[str]) -> None:
    page = client.customers.list({"limit": 3})

    assert [customer.id for customer in page.data] == names[:3]
    assert (page.has_more, page.url) == (True, "/v1/customers")
    assert client.customers.list({"limit": 7}).has_more is False


def test_pages_follow_each_other(client: V1Services, names: list[str]) -> None:
    walked = [customer.id for customer in client.customers.list({"limit": 2}).auto_paging_iter()]

    assert walked == names


def test_pages_can_be_walked_backwards(client: V1Services, names: list[str]) -> None:
    page = client.customers.list({"limit": 2, "ending_before": names[4]})

    assert [customer.id for customer in page.data] == names[2:4]
    assert page.has_more is True
    assert client.customers.list({"ending_before": names[2]}).has_more is False


@pytest.mark.parametrize(
    ("bounds", "places"),
    [
        ({"gte": 2, "lt": 4}, [3, 4]),
        ({"gt": 2, "lte": 4}, [2, 3]),
        ({"gt": 6}, []),
        ({"lt": 1}, [6]),
    ],
)
def test_a_list_can_be_cut_by_time(
    client: V1Services, names: list[str], bounds: dict[str, Any], places: list[int]
) -> None:
    start = int(NOON.timestamp())
    created: Any = {bound: start + second for bound, second in bounds.items()}

    found = client.customers.list({"created": created})

    assert [customer.id for customer in found.data] == [names[place] for place in places]


def test_a_moment_can_be_named_exactly(client: V1Services, names: list[str]) -> None:
    found = client.customers.list({"created": int(NOON.timestamp()) + 2})

    assert [customer.id for customer in found.data] == [names[4]]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"starting_after": "cus_no"}, "starting_after"),
        ({"ending_before": "cus_no"}, "ending_before"),
    ],
)
def test_a_wrong_page_is_refused(
    client: V1Services, params: stripe.params.CustomerListParams, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.customers.list(params)

    assert (refused.value.http_status, refused.value.param) == (400, param)


def test_one_reads_in_one_direction(client: V1Services, names: list[str]) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="only one"):
        client.customers.list({"starting_after": names[0], "ending_before": names[3]})


def test_a_filter_and_a_cursor_work_together(client: V1Services) -> None:
    ada, bob = client.customers.create(), client.customers.create()
    paid = [pay(client, customer=customer.id).id for customer in (ada, bob, ada, bob, ada)]

    page = client.payment_intents.list({"customer": ada.id, "limit": 1, "starting_after": paid[3]})

    assert [intent.id for intent in page.data] == [paid[2]]
    assert page.has_more is True


def test_lists_can_be_expanded(client: V1Services, sandbox: Sandbox) -> None:
    pay(client, capture_method="automatic", customer=client.customers.create({"name": "Ada"}).id)

    charge = client.charges.list(
        {"expand": ["data.balance_transaction.source", "data.customer", "data.refunds"]}
    ).data[0]

    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert isinstance(charge.balance_transaction.source, stripe.Charge)
    assert isinstance(charge.customer, stripe.Customer)
    assert charge.refunds is not None
    assert charge.refunds.data == []


def test_expanding_changes_the_answer_and_nothing_else(client: V1Services, sandbox: Sandbox) -> None:
    customer = client.customers.create({"payment_method": "pm_card_visa"})
    method = client.payment_methods.list({"customer": customer.id}).data[0].id
    client.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method}})

    client.customers.retrieve(customer.id, {"expand": ["invoice_settings.default_payment_method"]})

    assert sandbox.customers[0]["invoice_settings"]["default_payment_method"] == method


def test_balance_transactions_are_found_by_what_made_them(client: V1Services, sandbox: Sandbox) -> None:
    paid = pay(client, capture_method="automatic")
    refund = client.refunds.create({"payment_intent": paid.id, "amount": 100})

    by_source = client.balance_transactions.list({"source": refund.id})
    by_type = client.balance_transactions.list({"type": "charge"})

    assert [transaction.net for transaction in by_source.data] == [-100]
    assert [transaction.source for transaction in by_type.data] == [paid.latest_charge]
    assert client.balance_transactions.retrieve(by_source.data[0].id).reporting_category == "refund"


def test_money_becomes_available_after_two_days(client: V1Services, sandbox: Sandbox) -> None:
    pay(client, capture_method="automatic")
    pay(client, "pm_card_bypassPending", capture_method="automatic")
    before = client.balance.retrieve()
    assert (before.available[0].amount, before.pending[0].amount) == (1912, 1912)

    sandbox.advance(2 * 24 * 60 * 60)

    after = client.balance.retrieve()
    assert (after.available[0].amount, after.pending[0].amount) == (3824, 0)
    assert {transaction["status"] for transaction in sandbox.balance_transactions} == {"available"}
    assert sandbox.events[-1]["type"] == "balance.available"
