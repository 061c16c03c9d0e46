"""Search: its language, its pages, and that it comes too late."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from azpay.sandbox import Sandbox
from azpay.sandbox.errors import StripeError
from azpay.sandbox.policy import Policy
from azpay.sandbox.search_language import Fields, Kind, parse
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, pay
from tests.support.openapi import complaints, schemas

if TYPE_CHECKING:
    from stripe._v1_services import V1Services

FIELDS = Fields(
    "payment_intents",
    {
        "amount": Kind.NUMBER,
        "created": Kind.NUMBER,
        "currency": Kind.WORD,
        "email": Kind.TEXT,
        "metadata": Kind.WORD,
        "status": Kind.WORD,
    },
)
DOCUMENT: dict[str, Any] = {
    "amount": 2000,
    "created": 1_700_000_000,
    "currency": "usd",
    "email": "Ada@Example.com",
    "metadata": {"order": "7", "it's": 'a "b"'},
    "status": "succeeded",
}


@pytest.fixture
def sandbox() -> Sandbox:
    """An index that is never behind, for the tests of what it finds."""
    return Sandbox(now=lambda: NOON, policy=Policy(search_lag=0))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('status:"succeeded"', True),
        ("status:'SUCCEEDED'", True),
        ('-status:"succeeded"', False),
        ('status:"succeeded" AND amount>1999', True),
        ('status:"succeeded" amount>=2001', False),
        ('status:"canceled" OR amount<=2000', True),
        ('status:"canceled" OR amount<2000', False),
        ('amount:2000 AND created>1600000000 AND currency:"usd"', True),
        ('metadata["order"]:"7"', True),
        ('metadata["order"]:"8"', False),
        ('metadata["other"]:null', True),
        ('-metadata["order"]:null', True),
        ('metadata[\'it\\\'s\']:"a \\"b\\""', True),
        ('email~"example"', True),
        ('email~"nobody"', False),
        ('email:"ada@example.com"', True),
        ('email:"ada"', False),
        ("email:null", False),
    ],
)
def test_a_query_means_what_it_says(query: str, found: bool) -> None:
    assert parse(query, FIELDS).matches(DOCUMENT) is found


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("", "unable to parse"),
        ("succeeded", "unable to parse"),
        ("status:succeeded", "unable to parse"),
        ('status:"succeeded', "unable to parse"),
        ('status:"a" AND', "unable to parse"),
        ('AND status:"a"', "unable to parse"),
        ('status:"a"amount:1', "unable to parse"),
        ('metadata:"a"', "unable to parse"),
        ('status["a"]:"b"', "unable to parse"),
        ('amount:"much"', "unable to parse"),
        ('nonsense:"a"', "unsupported search field"),
        ('status>"a"', "operator"),
        ('amount~"1"', "operator"),
        ('email~"ab"', "at least 3"),
        ('status:"a" AND status:"b" OR status:"c"', "AND and OR"),
        (" ".join(['status:"a"'] * 11), "at most 10"),
    ],
)
def test_a_query_that_means_nothing_is_refused(query: str, complaint: str) -> None:
    with pytest.raises(StripeError, match=complaint):
        parse(query, FIELDS)


@given(st.text(max_size=200) | st.from_regex(r"-?[a-z]{1,8}[:~<>]=?[\"']?[a-z0-9]*[\"']?( AND| OR)?"))
def test_no_query_is_more_than_refused(query: str) -> None:
    with suppress(StripeError):
        assert parse(query, FIELDS).matches(DOCUMENT) in (True, False)


def test_a_long_query_is_read_quickly() -> None:
    query = 'metadata["' + "\\" * 5000

    with pytest.raises(StripeError, match="unable to parse"):
        parse(query, FIELDS)


def test_payments_are_found_by_what_the_merchant_wrote_on_them(client: V1Services) -> None:
    wanted = pay(client, metadata={"order": "7"})
    pay(client, metadata={"order": "8"})

    found = client.payment_intents.search({"query": 'metadata["order"]:"7" AND status:"succeeded"'})

    assert [intent.id for intent in found] == [wanted.id]


def test_payments_are_found_by_their_customer(client: V1Services) -> None:
    ada, bob = client.customers.create().id, client.customers.create().id
    of_ada, of_bob, of_nobody = pay(client, customer=ada).id, pay(client, customer=bob).id, pay(client).id

    def found(query: str) -> list[str]:
        return [intent.id for intent in client.payment_intents.search({"query": query})]

    assert found(f'customer:"{ada}" AND amount>0') == [of_ada]
    assert found(f'customer:"{ada}" AND customer:"{bob}"') == []
    assert found(f'customer:"{ada}" OR customer:"{bob}"') == [of_bob, of_ada]
    assert found(f'-customer:"{ada}"') == [of_nobody, of_bob]
    assert found("customer:null") == [of_nobody]


def test_charges_are_found_by_their_card_and_by_what_was_refunded(client: V1Services) -> None:
    part, whole, none = (pay(client, "pm_card_amex") for _ in range(3))
    client.refunds.create({"payment_intent": part.id, "amount": 500})
    client.refunds.create({"payment_intent": whole.id})

    def found(query: str) -> list[str | stripe.PaymentIntent | None]:
        query = f'payment_method_details.card.brand:"amex" AND {query}'
        return [charge.payment_intent for charge in client.charges.search({"query": query})]

    assert found('refunded:"true"') == [whole.id]
    assert found('refunded:"false"') == [part.id]
    assert found("refunded:null") == [none.id]
    assert found('payment_method_details.card.last4:"0005" AND disputed:"false"') == [
        none.id,
        whole.id,
        part.id,
    ]


def test_customers_are_found_by_a_part_of_their_address(client: V1Services) -> None:
    ada = client.customers.create({"email": "ada@example.com", "name": "Ada"})
    client.customers.create({"email": "bob@example.org"})

    assert [c.id for c in client.customers.search({"query": 'email~"EXAMPLE.COM"'})] == [ada.id]
    assert [c.id for c in client.customers.search({"query": 'name:"ada"'})] == [ada.id]


def test_a_search_is_read_page_by_page(client: V1Services) -> None:
    paid = [pay(client).id for _ in range(5)]

    first = client.payment_intents.search({"query": 'status:"succeeded"', "limit": 2})

    assert first.has_more
    assert [intent.id for intent in first.auto_paging_iter()] == paid[::-1]


def test_what_was_found_can_be_expanded(client: V1Services) -> None:
    pay(client)

    found = client.payment_intents.search({"query": "amount>0", "expand": ["data.latest_charge"]})

    assert isinstance(found.data[0].latest_charge, stripe.Charge)


@pytest.mark.parametrize("page", ["nonsense", "%%%", "cGlfMQ=="])
def test_a_page_that_was_never_named_is_refused(client: V1Services, page: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.search({"query": "amount>0", "page": page})

    assert refused.value.param == "page"


@pytest.mark.parametrize("kind", ["payment_intents", "charges", "customers"])
def test_a_search_needs_a_query_and_fits_stripes_document(sandbox: Sandbox, kind: str) -> None:
    missing = get(sandbox, f"/v1/{kind}/search")
    wrong = get(sandbox, f"/v1/{kind}/search", 'query=nonsense:"a"')
    found = get(sandbox, f"/v1/{kind}/search", "query=created>0")

    assert json.loads(missing.body)["error"]["code"] == "parameter_missing"
    assert (wrong.status, json.loads(wrong.body)["error"].get("code")) == (400, None)
    assert complaints(schemas(), "error", wrong) == []
    assert json.loads(found.body) == {
        "object": "search_result",
        "data": [],
        "has_more": False,
        "next_page": None,
        "url": f"/v1/{kind}/search",
    }


class TestAMinuteBehind:
    @pytest.fixture
    def sandbox(self) -> Sandbox:
        return Sandbox(now=lambda: NOON)

    def test_what_was_just_written_is_not_found(self, client: V1Services, sandbox: Sandbox) -> None:
        paid = pay(client, metadata={"order": "7"})
        query: Any = {"query": 'metadata["order"]:"7"'}
        assert client.payment_intents.search(query).data == []

        sandbox.advance(60)

        assert [intent.id for intent in client.payment_intents.search(query)] == [paid.id]

    def test_a_change_of_status_is_heard_of_late(self, client: V1Services, sandbox: Sandbox) -> None:
        held = pay(client, capture_method="manual")
        sandbox.advance(60)
        client.payment_intents.capture(held.id)

        old = client.payment_intents.search({"query": 'status:"requires_capture"'}).data
        assert [(intent.id, intent.status) for intent in old] == [(held.id, "succeeded")]

        sandbox.advance(60)

        assert client.payment_intents.search({"query": 'status:"requires_capture"'}).data == []
