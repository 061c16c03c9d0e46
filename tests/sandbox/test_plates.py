"""What is shown of the past unread is what is read of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from azpay.sandbox import Sandbox
from azpay.sandbox.changes import previous_attributes
from azpay.sandbox.past.orders import Order
from tests.sandbox.conftest import NOON
from tests.sandbox.payments import get, post

if TYPE_CHECKING:
    from pathlib import Path

DAHLIA, ENDIVE = "2026-05-27.dahlia", "2026-10-28.endive"
ORDER = Order(payments=400, months=3, seed=7)
LISTS = (
    "balance_transactions",
    "charges",
    "customers",
    "disputes",
    "events",
    "payment_intents",
    "payouts",
    "refunds",
)


@pytest.fixture(scope="module")
def written() -> Sandbox:
    """To be looked at only."""
    sandbox = Sandbox(now=lambda: NOON)
    sandbox.seed(ORDER)
    return sandbox


@pytest.fixture
def aged(written: Sandbox) -> Sandbox:
    """One that may be changed."""
    return Sandbox.restore(written.snapshot(), now=lambda: NOON)


def listed(sandbox: Sandbox, path: str, query: str = "", version: str = DAHLIA) -> list[dict[str, Any]]:
    answer = get(sandbox, f"/v1/{path}", f"limit=100&{query}", stripe_version=version)
    rows: list[dict[str, Any]] = json.loads(answer.body)["data"]
    return rows


def read(sandbox: Sandbox, path: str, version: str = DAHLIA) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(get(sandbox, f"/v1/{path}", stripe_version=version).body)
    return told


@pytest.mark.parametrize("version", [DAHLIA, ENDIVE])
@pytest.mark.parametrize("path", LISTS)
def test_a_list_shows_of_each_object_what_it_says_of_itself(
    written: Sandbox, path: str, version: str
) -> None:
    page = listed(written, path, version=version)

    assert page != []
    assert page == [read(written, f"{path}/{row['id']}", version) for row in page]


def test_what_an_older_version_does_not_know_it_does_not_list(written: Sandbox) -> None:
    older, newer = listed(written, "charges")[0], listed(written, "charges", version=ENDIVE)[0]

    assert newer.keys() - older.keys() == {"authorization_code", "level3"}
    assert not [name for name in newer if name.startswith("_")]


def test_events_are_listed_in_the_version_of_the_account(aged: Sandbox) -> None:
    before = listed(aged, "events", "type=charge.succeeded")
    aged.api_version = ENDIVE

    after = listed(aged, "events", "type=charge.succeeded")

    assert [event["id"] for event in after] == [event["id"] for event in before]
    assert {event["api_version"] for event in after} == {ENDIVE}
    assert "level3" in after[0]["data"]["object"]
    assert "level3" not in before[0]["data"]["object"]


def test_a_list_of_the_past_can_be_expanded(written: Sandbox) -> None:
    intents = listed(written, "payment_intents", "expand[]=data.latest_charge.balance_transaction")

    attempted = [intent for intent in intents if intent["latest_charge"] is not None]
    assert len(attempted) > len(intents) // 2
    for intent in attempted:
        charge = intent["latest_charge"]
        assert charge["payment_intent"] == intent["id"]
        assert charge["paid"] == (charge["balance_transaction"] is not None)


def test_what_has_changed_is_shown_so_and_nothing_else_has(aged: Sandbox, tmp_path: Path) -> None:
    before = listed(aged, "charges")
    changed = before[5]["id"]

    post(aged, f"/v1/charges/{changed}", {"metadata[noted]": "today"})

    expected = [dict(row) for row in before]
    expected[5]["metadata"] = {**before[5]["metadata"], "noted": "today"}
    assert listed(aged, "charges") == expected
    (tmp_path / "state.db").write_bytes(aged.snapshot())
    again = Sandbox.open(tmp_path / "state.db", now=lambda: NOON)
    assert listed(again, "charges") == expected
    again.close()


def test_what_happens_now_is_listed_before_the_past(aged: Sandbox) -> None:
    before = listed(aged, "customers")

    made = json.loads(post(aged, "/v1/customers", {"name": "Ada"}).body)

    assert listed(aged, "customers") == [made, *before][:100]


@pytest.mark.parametrize(
    "query", ["type=charge.succeeded", "types[]=charge.*", "types[]=charge.succeeded&types[]=charge.failed"]
)
def test_events_are_chosen_by_their_types(written: Sandbox, query: str) -> None:
    wanted = ("charge.succeeded",) if query.startswith("type=") else ("charge.",)

    chosen = listed(written, "events", query)

    assert chosen != []
    assert {event["type"] for event in chosen} <= {event["type"] for event in written.events}
    assert all(event["type"].startswith(wanted) for event in chosen)


def test_two_filters_find_what_both_of_them_let_through(written: Sandbox) -> None:
    both = listed(written, "balance_transactions", "type=charge&currency=eur")

    kept = [
        row for row in written.balance_transactions if (row["type"], row["currency"]) == ("charge", "eur")
    ]
    assert [row["id"] for row in both] == [row["id"] for row in reversed(kept)][:100]


def test_what_was_there_before_a_change_is_told_in_the_order_of_the_fields() -> None:
    before = dict.fromkeys("gfedcba", 1)

    told = previous_attributes(before, dict.fromkeys("abcdefg", 2))

    assert list(told) == list("gfedcba")
