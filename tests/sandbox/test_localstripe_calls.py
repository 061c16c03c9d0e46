"""What users of localstripe do with payment intents, methods and refunds works here, too.

The calls are theirs, as forms without an SDK: cards by test tokens, since Stripe takes no card numbers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from azpay.sandbox import DEFAULT_KEY, Request
from azpay.sandbox.control import control
from tests.sandbox.payments import get, post, sums

if TYPE_CHECKING:
    from azpay.sandbox import Sandbox

NO_REDIRECTS = {
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
}

AUTHORIZED = {"authorization": f"Bearer {DEFAULT_KEY}"}


class Caller:
    """Answers as JSON, and their statuses."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def post(self, path: str, **form: str) -> tuple[int, dict[str, Any]]:
        answer = post(self._sandbox, f"/v1/{path}", form)
        return answer.status, json.loads(answer.body)

    def made(self, path: str, **form: str) -> dict[str, Any]:
        status, told = self.post(path, **form)
        assert status == 200, told
        return told

    def got(self, path: str, query: str = "") -> dict[str, Any]:
        answer = get(self._sandbox, f"/v1/{path}", query)
        assert answer.status == 200, answer.body
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def paid(self, amount: str, **form: str) -> dict[str, Any]:
        usual = {"currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
        return self.made("payment_intents", amount=amount, **(usual | NO_REDIRECTS | form))


@pytest.fixture
def call(sandbox: Sandbox) -> Caller:
    return Caller(sandbox)


@pytest.fixture
def customer(call: Caller) -> str:
    return str(call.made("customers", description="This is a customer", email="james@example.com")["id"])


def card_of(call: Caller, customer: str, card: str = "pm_card_visa") -> str:
    return str(call.made(f"payment_methods/{card}/attach", customer=customer)["id"])


def test_a_customer_is_made_changed_and_deleted(call: Caller, sandbox: Sandbox, customer: str) -> None:
    call.made(f"customers/{customer}", description="Another description")
    call.made(f"customers/{customer}", **{"preferred_locales[0]": "fr-FR", "preferred_locales[1]": "es-ES"})
    changed = call.got(f"customers/{customer}", "expand[]=default_source")

    gone = sandbox.handle(Request("DELETE", f"/v1/customers/{customer}", "", AUTHORIZED))

    assert (changed["description"], changed["default_source"]) == ("Another description", None)
    assert changed["preferred_locales"] == ["fr-FR", "es-ES"]
    assert json.loads(gone.body) == {"id": customer, "object": "customer", "deleted": True}
    assert call.got(f"customers/{customer}")["deleted"] is True
    assert call.post(f"customers/{customer}", description="Too late")[0] == 404


def test_a_customer_comes_with_a_card_or_not_at_all(call: Caller) -> None:
    kept = call.made("customers", payment_method="pm_card_visa")

    status, _ = call.post("customers", payment_method="pm_doesnotexist")

    assert status == 400
    assert len(call.got("payment_methods", f"customer={kept['id']}&type=card")["data"]) == 1
    assert [each["id"] for each in call.got("customers")["data"]] == [kept["id"]]


def test_the_same_card_has_the_same_fingerprint(call: Caller, customer: str) -> None:
    cards = [card_of(call, customer, card) for card in ("pm_card_visa", "pm_card_visa", "pm_card_mastercard")]

    one, same, other = (call.got(f"payment_methods/{card}")["card"]["fingerprint"] for card in cards)

    assert one == same != other


def test_a_customer_keeps_cards_and_loses_them(call: Caller, customer: str) -> None:
    first, second = card_of(call, customer), card_of(call, customer, "pm_card_mastercard")

    call.made(f"payment_methods/{first}/detach")

    listed = call.got("payment_methods", f"customer={customer}&type=card")["data"]
    assert [each["id"] for each in listed] == [second]
    assert call.got(f"payment_methods/{first}")["customer"] is None


def test_a_default_card_is_set_and_expanded(call: Caller, customer: str) -> None:
    card = card_of(call, customer)

    call.made(f"customers/{customer}", **{"invoice_settings[default_payment_method]": card})

    shown = call.got(f"customers/{customer}", "expand[]=invoice_settings.default_payment_method")
    assert shown["invoice_settings"]["default_payment_method"]["id"] == card


def test_a_card_of_a_customer_is_charged_and_its_charges_are_listed(call: Caller, customer: str) -> None:
    card = card_of(call, customer)

    payment = call.paid("1000", customer=customer, payment_method=card)

    assert (payment["status"], payment["amount_received"]) == ("succeeded", 1000)
    charges = call.got("charges", f"customer={customer}&created[gte]={payment['created']}")["data"]
    assert [each["id"] for each in charges] == [payment["latest_charge"]]
    assert charges[0]["payment_intent"] == payment["id"]


def test_an_intent_is_made_first_and_confirmed_later(call: Caller) -> None:
    made = call.made("payment_intents", amount="1000", currency="eur", **NO_REDIRECTS)

    confirmed = call.made(f"payment_intents/{made['id']}/confirm", payment_method="pm_card_visa")

    assert made["status"] == "requires_payment_method"
    assert confirmed["status"] == "succeeded"
    assert call.got(f"payment_intents/{made['id']}")["status"] == "succeeded"


@pytest.mark.parametrize(("part", "captured"), [({}, 1000), ({"amount_to_capture": "800"}, 800)])
def test_what_was_authorized_is_captured_whole_or_in_part(
    call: Caller, part: dict[str, str], captured: int
) -> None:
    held = call.paid("1000", capture_method="manual")

    taken = call.made(f"payment_intents/{held['id']}/capture", **part)

    assert (held["status"], held["amount_capturable"]) == ("requires_capture", 1000)
    assert (taken["status"], taken["amount_received"]) == ("succeeded", captured)
    charge = call.got(f"charges/{taken['latest_charge']}")
    assert (charge["captured"], charge["amount_captured"]) == (True, captured)


def test_more_than_was_authorized_is_not_captured(call: Caller) -> None:
    held = call.paid("1000", capture_method="manual")

    status, told = call.post(f"payment_intents/{held['id']}/capture", amount_to_capture="2000")

    assert status == 400
    assert told["error"]["type"] == "invalid_request_error"


def test_an_intent_is_canceled_once(call: Caller) -> None:
    held = call.paid("1000", capture_method="manual")

    canceled = call.made(f"payment_intents/{held['id']}/cancel")

    assert canceled["status"] == "canceled"
    assert call.post(f"payment_intents/{held['id']}/cancel")[0] == 400
    assert call.post(f"payment_intents/{held['id']}/capture")[0] == 400


@pytest.mark.parametrize("by", ["charge", "payment_intent"])
def test_a_payment_is_paid_back_in_parts_and_not_beyond(call: Caller, by: str) -> None:
    payment = call.paid("1000")
    of = {by: payment["latest_charge"] if by == "charge" else payment["id"]}

    first = call.made("refunds", **of, amount="300")
    rest = call.made("refunds", **of)
    status, _ = call.post("refunds", **of)

    assert (first["amount"], rest["amount"], status) == (300, 700, 400)
    charge = call.got(f"charges/{payment['latest_charge']}", "expand[]=refunds")
    assert (charge["refunded"], charge["amount_refunded"]) == (True, 1000)
    assert [each["id"] for each in charge["refunds"]["data"]] == [rest["id"], first["id"]]
    assert len(call.got("refunds", f"charge={payment['latest_charge']}")["data"]) == 2


def test_a_refund_has_its_row_in_the_balance_which_adds_up(call: Caller, sandbox: Sandbox) -> None:
    payment = call.paid("1000")
    sandbox.advance(5)

    refund = call.made("refunds", charge=payment["latest_charge"])

    row = call.got(f"balance_transactions/{refund['balance_transaction']}")
    assert (row["amount"], row["type"], row["source"]) == (-1000, "refund", refund["id"])
    assert call.got("balance_transactions", f"source={refund['id']}")["data"] == [row]
    held, booked = sums(sandbox)
    assert held == booked


def test_a_declined_card_cannot_be_kept(call: Caller, customer: str) -> None:
    status, told = call.post("payment_methods/pm_card_visa_chargeDeclined/attach", customer=customer)

    assert (status, told["error"]["code"]) == (402, "card_declined")
    assert call.got("payment_methods", f"customer={customer}")["data"] == []


def test_a_card_that_can_be_kept_may_be_declined_later(call: Caller, customer: str) -> None:
    card = card_of(call, customer, "pm_card_chargeCustomerFail")

    status, told = call.post(
        "payment_intents",
        **NO_REDIRECTS,
        amount="1000",
        currency="usd",
        customer=customer,
        payment_method=card,
        confirm="true",
    )

    assert (status, told["error"]["code"]) == (402, "card_declined")
    failed = told["error"]["payment_intent"]
    assert (failed["status"], failed["last_payment_error"]["code"]) == (
        "requires_payment_method", "card_declined",
    )  # fmt: skip
    assert call.post("refunds", payment_intent=failed["id"])[0] == 400
    assert call.got(f"charges/{failed['latest_charge']}")["status"] == "failed"


@pytest.mark.parametrize(("approve", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
def test_a_customer_approves_or_refuses(call: Caller, sandbox: Sandbox, approve: bool, status: str) -> None:
    asked = call.paid("1000", payment_method="pm_card_threeDSecure2Required")
    order = json.dumps({"payment_intent": asked["id"], "approve": approve}).encode()

    control(sandbox, "POST", "/_sandbox/authenticate", order)

    assert asked["status"] == "requires_action"
    assert call.got(f"payment_intents/{asked['id']}")["status"] == status


def test_a_card_is_set_up_for_later_and_charged_then(call: Caller, customer: str) -> None:
    setup = call.made(
        "setup_intents", **NO_REDIRECTS, customer=customer, payment_method="pm_card_visa", confirm="true"
    )

    payment = call.paid("1000", customer=customer, payment_method=setup["payment_method"], off_session="true")

    assert (setup["status"], payment["status"]) == ("succeeded", "succeeded")


def test_a_setup_is_left_open_and_canceled(call: Caller) -> None:
    setup = call.made("setup_intents", **NO_REDIRECTS)

    unready, _ = call.post(f"setup_intents/{setup['id']}/confirm")
    canceled = call.made(f"setup_intents/{setup['id']}/cancel")

    assert (setup["status"], unready, canceled["status"]) == ("requires_payment_method", 400, "canceled")
    assert setup["client_secret"].startswith(f"{setup['id']}_secret_")


def test_nobody_is_off_session_before_the_payment_is_confirmed(call: Caller) -> None:
    status, told = call.post(
        "payment_intents", amount="1000", currency="usd", off_session="true", confirm="false"
    )

    assert (status, told["error"]["param"]) == (400, "off_session")


def test_a_hold_has_no_row_in_the_balance_before_it_is_captured(call: Caller, sandbox: Sandbox) -> None:
    held = call.paid("1000", capture_method="manual")
    before = call.got(f"charges/{held['latest_charge']}")

    call.made(f"payment_intents/{held['id']}/capture")
    sandbox.advance(5)

    after = call.got(f"charges/{held['latest_charge']}", "expand[]=balance_transaction")
    assert before["balance_transaction"] is None
    assert after["balance_transaction"]["source"] == after["id"]


def test_a_payout_is_canceled_while_it_waits(call: Caller) -> None:
    call.paid("5000", payment_method="pm_card_bypassPending")
    payout = call.made("payouts", amount="1100", currency="usd")

    canceled = call.made(f"payouts/{payout['id']}/cancel")

    assert (payout["status"], canceled["status"]) == ("pending", "canceled")
    assert call.got(f"payouts/{payout['id']}")["status"] == "canceled"


def test_the_events_come_to_an_end(call: Caller) -> None:
    call.paid("1000")
    events = call.got("events", "limit=100")

    beyond = call.got("events", f"starting_after={events['data'][-1]['id']}")

    assert (events["has_more"], events["data"] != []) == (False, True)
    assert (beyond["has_more"], beyond["data"]) == (False, [])


@pytest.mark.parametrize("query", ["doesnotexist=1", "expand[]=data.doesnotexist", "limit=0"])
def test_what_cannot_be_asked_for_is_refused(sandbox: Sandbox, query: str) -> None:
    answer = get(sandbox, "/v1/charges", query)

    assert answer.status == 400
    assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"


def test_metadata_is_kept_changed_and_cleared(call: Caller) -> None:
    payment = call.paid("1000", **{"metadata[order]": "1", "metadata[shop]": "north"})

    changed = call.made(f"payment_intents/{payment['id']}", **{"metadata[order]": "2", "metadata[shop]": ""})

    assert changed["metadata"] == {"order": "2"}


def test_a_page_follows_the_other(call: Caller) -> None:
    made = [call.paid("1000")["id"] for _ in range(5)]

    first = call.got("payment_intents", "limit=3")
    second = call.got("payment_intents", f"limit=3&starting_after={first['data'][-1]['id']}")

    listed = [each["id"] for page in (first, second) for each in page["data"]]
    assert listed == made[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_webhooks_tell_of_it(call: Caller, sandbox: Sandbox) -> None:
    call.made(
        "webhook_endpoints",
        url="http://127.0.0.1:3000/hook",
        **{"enabled_events[0]": "payment_intent.succeeded"},
    )

    payment = call.paid("1000")

    delivery = sandbox.due_deliveries()[0]
    assert json.loads(delivery.body)["data"]["object"]["id"] == payment["id"]


@pytest.mark.parametrize(
    "path",
    ["payment_intents/pi_no", "charges/ch_no", "refunds/re_no", "payment_methods/pm_no", "customers/cus_no"],
)
def test_what_is_not_there_is_not_found(sandbox: Sandbox, path: str) -> None:
    answer = get(sandbox, f"/v1/{path}")

    assert answer.status == 404
    assert json.loads(answer.body)["error"]["code"] == "resource_missing"
