"""Stripe's own command-line tool against the sandbox, as its users run it."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.clients.programs import NO_STRIPE, STRIPE, StripeCli, a_sandbox, eventually
from tests.e2e.shop import Shop, finish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.clients.programs import Sandbox

pytestmark = [pytest.mark.stripe_cli, pytest.mark.skipif(STRIPE is None, reason=NO_STRIPE)]

TRIGGERS = (
    "balance.available", "charge.captured", "charge.dispute.closed", "charge.dispute.created",
    "charge.dispute.updated", "charge.failed", "charge.refund.updated", "charge.refunded", "charge.succeeded",
    "customer.created", "customer.deleted", "customer.updated",
    "payment_intent.amount_capturable_updated", "payment_intent.canceled", "payment_intent.created",
    "payment_intent.payment_failed", "payment_intent.processing", "payment_intent.requires_action",
    "payment_intent.succeeded", "payment_method.attached", "payment_method.detached",
    "payment_method.updated", "payout.created", "payout.updated", "reporting.report_run.succeeded",
    "setup_intent.canceled",
    "setup_intent.created", "setup_intent.requires_action", "setup_intent.setup_failed",
    "setup_intent.succeeded",
)  # fmt: skip
FAMILIES = (
    "balance",
    "charge",
    "customer",
    "payment_intent",
    "payment_method",
    "payout",
    "refund",
    "setup_intent",
)
OUT_OF_SCOPE = {
    "customer.discount.created", "customer.discount.deleted", "customer.discount.updated",
    "customer.source.created", "customer.source.updated",
    "customer.subscription.created", "customer.subscription.deleted", "customer.subscription.paused",
    "customer.subscription.trial_will_end", "customer.subscription.updated",
    "payment_intent.partially_funded",
}  # fmt: skip
"""They are about coupons, sources, subscriptions and bank transfers, which the sandbox does not have."""

BACK = "setup_intent:return_url=https://shop.example/back"
NEEDS = {"payment_method.updated": ("--add", BACK), "setup_intent.requires_action": ("--add", BACK)}
"""Their fixtures confirm with any method of the account, and Stripe wants to know where to go back to."""


@pytest.mark.parametrize("event", TRIGGERS)
def test_an_event_is_triggered(sandbox: Sandbox, stripe: StripeCli, event: str) -> None:
    before = sandbox.events(event)

    said = stripe.run("trigger", event, *NEEDS.get(event, ()))
    sandbox.control("clock", advance=5)

    assert "Trigger succeeded" in said
    assert sandbox.events(event) - before


def test_every_trigger_of_these_families_is_tried_or_named_as_missing(stripe: StripeCli) -> None:
    offered = set(re.findall(r"^  ([a-z_]+\.[a-z_.]+)$", stripe.run("trigger", "--help"), re.MULTILINE))

    wanted = {event for event in offered if event.startswith(tuple(f"{family}." for family in FAMILIES))}

    assert wanted
    assert wanted - set(TRIGGERS) == OUT_OF_SCOPE


@contextmanager
def a_daemon(folder: Path, sandbox: Sandbox) -> Iterator[tuple[Shop, str]]:
    """`azpay serve` on a book of its own, and where it takes webhooks."""
    shop = Shop(folder, sandbox.url)
    daemon = shop.start("serve", "--port", "0", "--json")
    assert daemon.stdout is not None
    try:
        told = json.loads(daemon.stdout.readline())["data"]
        yield shop, told["address"] + told["webhook_path"]
    finally:
        daemon.terminate()
        finish(daemon)


@pytest.mark.slow
def test_what_is_heard_is_forwarded_to_azpay_and_becomes_its_history(tmp_path: Path) -> None:
    """On a sandbox of its own: the daemon sweeps, and would find what other tests made."""
    with (
        a_sandbox(tmp_path) as sandbox,
        a_daemon(tmp_path, sandbox) as (shop, webhooks),
        (stripe := StripeCli(sandbox, tmp_path)).listening(
            "--all-snapshot", "--forward-to", webhooks
        ) as said,
    ):
        stripe.run("trigger", "payment_intent.succeeded")
        stripe.run("trigger", "charge.refunded")
        stripe.run("trigger", "payment_intent.payment_failed")
        eventually(lambda: len(shop.on_record()) == 3)
        eventually(lambda: any(each.amount_refunded for each in shop.on_record()))
        eventually(lambda: "failed" in {str(each.status) for each in shop.on_record()})

        recorded = {(each.payment_intent, str(each.status), each.amount) for each in shop.on_record()}
        made = sandbox.list("payment_intents")

    assert "<--  [200] POST" in said.read_text()
    assert {(each["id"], each["amount"]) for each in made} == {(id_, amount) for id_, _, amount in recorded}
    assert sorted(status for _, status, _ in recorded) == [
        "failed",
        "succeeded",
        "succeeded",
    ]


def test_only_what_was_asked_for_is_forwarded(sandbox: Sandbox, stripe: StripeCli) -> None:
    with stripe.listening("--events", "customer.deleted", "--print-json") as said:
        stripe.run("trigger", "customer.deleted")
        eventually(lambda: "customer.deleted" in said.read_text())

        assert "customer.created" not in said.read_text()


def test_an_event_is_sent_again_to_those_who_listen(sandbox: Sandbox, stripe: StripeCli) -> None:
    stripe.run("trigger", "customer.created")
    event = sandbox.list("events", "type=customer.created")[0]["id"]

    with stripe.listening("--all-snapshot") as said:
        resent = stripe.json("events", "resend", event)
        eventually(lambda: event in said.read_text())

    assert resent["id"] == event


def test_the_newest_version_can_be_listened_to(sandbox: Sandbox, stripe: StripeCli) -> None:
    with stripe.listening("--all-snapshot", "--latest", "--format", "JSON") as said:
        stripe.run("trigger", "charge.succeeded")
        eventually(lambda: '"charge.succeeded"' in said.read_text())

    assert "2026-10-28.endive" in said.read_text()
    assert '"api_version":"2026-05-27.dahlia"' not in said.read_text()


def test_thin_events_can_be_listened_to(stripe: StripeCli) -> None:
    with stripe.listening("--all-thin") as said:
        stripe.run("trigger", "customer.created")

        eventually(lambda: "v1.customer.created" in said.read_text())


FIXTURE = {
    "_meta": {"template_version": 0},
    "fixtures": [
        {
            "name": "ada",
            "path": "/v1/customers",
            "method": "post",
            "params": {"name": "Ada", "email": "ada@example.com"},
        },
        {
            "name": "payment",
            "path": "/v1/payment_intents",
            "method": "post",
            "params": {
                "customer": "${ada:id}",
                "amount": 4200,
                "currency": "eur",
                "payment_method": "pm_card_visa",
                "payment_method_types": ["card"],
                "receipt_email": "${ada:email}",
                "confirm": True,
            },
        },
        {
            "name": "refund",
            "path": "/v1/refunds",
            "method": "post",
            "params": {"payment_intent": "${payment:id}", "amount": 200},
        },
    ],
}


def test_fixtures_refer_to_each_other(sandbox: Sandbox, stripe: StripeCli, tmp_path: Path) -> None:
    file = tmp_path / "fixture.json"
    file.write_text(json.dumps(FIXTURE))

    stripe.run("fixtures", str(file))

    refund = sandbox.list("refunds")[0]
    payment = next(each for each in sandbox.list("payment_intents") if each["id"] == refund["payment_intent"])
    customer = next(each for each in sandbox.list("customers") if each["id"] == payment["customer"])
    assert (refund["amount"], payment["amount"], payment["currency"]) == (200, 4200, "eur")
    assert payment["receipt_email"] == customer["email"] == "ada@example.com"


def test_objects_are_made_listed_retrieved_and_changed(sandbox: Sandbox, stripe: StripeCli) -> None:
    made = stripe.json("customers", "create", "-d", "name=Grace", "-d", "metadata[team]=navy")

    listed = stripe.json("customers", "list", "--limit", "1")
    changed = stripe.json("post", f"/v1/customers/{made['id']}", "-d", "name=Grace Hopper")
    retrieved = stripe.json("customers", "retrieve", made["id"])
    gone = stripe.json("delete", f"/v1/customers/{made['id']}", "--confirm")

    assert [each["id"] for each in listed["data"]] == [made["id"]]
    assert changed["name"] == retrieved["name"] == "Grace Hopper"
    assert retrieved["metadata"] == {"team": "navy"}
    assert gone["deleted"] is True


@pytest.mark.parametrize(
    "kind", ["balance_transactions", "charges", "disputes", "events", "payment_intents", "payouts", "refunds"]
)
def test_lists_are_read(sandbox: Sandbox, stripe: StripeCli, kind: str) -> None:
    stripe.run("trigger", "charge.refunded")

    listed = stripe.json(kind, "list", "--limit", "3")

    assert listed["object"] == "list"
    assert listed["url"] == f"/v1/{kind}"


def test_the_same_key_makes_the_same_thing_once(sandbox: Sandbox, stripe: StripeCli) -> None:
    command = ("customers", "create", "-d", "name=Emmy", "--idempotency", "emmy-1")

    assert stripe.json(*command)["id"] == stripe.json(*command)["id"]


def test_a_refusal_is_stripes(sandbox: Sandbox, stripe: StripeCli) -> None:
    told = stripe.json("charges", "retrieve", "ch_no")

    assert told["error"]["code"] == "resource_missing"
