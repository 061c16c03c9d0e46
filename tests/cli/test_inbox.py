"""Failing events are tried again, old ones are applied anew or removed, when an operator says so."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from azpay import inbox, payments
from azpay.cli.app import app
from azpay.inbox import EventState
from azpay.settings import Secret
from tests.support.builders import a_charge
from tests.support.events import an_event

if TYPE_CHECKING:
    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox
    from azpay.settings import Settings
    from tests.support.clock import Clock
    from tests.support.webhooks import Webhooks

UNREADABLE = {"object": {"id": "pi_1", "object": "payment_intent", "amount": "much"}}


def run(azpay: Azpay, *args: str) -> Result:
    return CliRunner().invoke(app, ["events", *args], obj=azpay)


def changed(result: Result) -> int:
    document = json.loads(result.stdout)
    assert document["schema"] == "azpay.events_changed/1"
    return int(document["data"]["events"])


def states(azpay: Azpay) -> dict[str, EventState]:
    return {event.event: event.state for event in inbox.page(azpay.db)}


@pytest.fixture
def dead(webhooks: Webhooks, clock: Clock, azpay: Azpay) -> str:
    """An event that cannot be applied, after its last try."""
    webhooks.keep([an_event("evt_dead", type="payment_intent.succeeded", data=UNREADABLE)])
    for _ in range(5):
        webhooks.apply()
        clock.advance(hours=1)
    assert states(azpay) == {"evt_dead": EventState.DEAD}
    return "evt_dead"


@pytest.mark.parametrize("named", [["evt_dead"], []])
def test_a_dead_event_gets_all_its_tries_again(
    azpay: Azpay, webhooks: Webhooks, dead: str, named: list[str]
) -> None:
    result = run(azpay, "retry", *named, "--json")

    assert changed(result) == 1
    assert states(azpay) == {dead: EventState.RECEIVED}
    webhooks.apply()
    event = inbox.one(azpay.db, dead)
    assert (event.state, event.attempts) == (EventState.FAILED, 1)


def test_an_event_that_was_applied_is_not_retried(azpay: Azpay, webhooks: Webhooks) -> None:
    webhooks.keep([an_event("evt_1")])
    webhooks.apply()

    assert changed(run(azpay, "retry", "--json")) == 0
    assert changed(run(azpay, "retry", "evt_1", "--json")) == 0
    assert states(azpay) == {"evt_1": EventState.DONE}


@pytest.mark.parametrize("command", ["retry", "replay"])
def test_an_event_that_never_came_is_named(azpay: Azpay, command: str) -> None:
    result = run(azpay, command, "evt_nowhere")

    assert result.exit_code == 1
    assert "evt_nowhere" in result.stderr


def test_old_news_applied_anew_change_nothing(azpay: Azpay, stripe: Sandbox, webhooks: Webhooks) -> None:
    payment = payments.charge(azpay.db, azpay.gateway, a_charge(), now=azpay.now())
    webhooks.arrive()
    before = payments.story(azpay.db, payment.id).payment.model_dump(exclude={"updated_at"})

    result = run(azpay, "replay", "--type", "payment_intent.succeeded", "--type", "charge.succeeded", "--yes")
    webhooks.apply()

    assert "2 events will be applied anew." in result.stdout
    assert set(states(azpay).values()) == {EventState.DONE}
    assert payments.story(azpay.db, payment.id).payment.model_dump(exclude={"updated_at"}) == before


def test_events_of_a_period_are_chosen_by_their_arrival(
    azpay: Azpay, webhooks: Webhooks, clock: Clock
) -> None:
    webhooks.keep([an_event("evt_early")])
    clock.advance(days=2)
    webhooks.keep([an_event("evt_late")])
    webhooks.apply()

    assert changed(run(azpay, "replay", "--since", "24h", "--yes", "--json")) == 1
    assert states(azpay) == {"evt_early": EventState.DONE, "evt_late": EventState.RECEIVED}


def test_replaying_everything_must_be_said(azpay: Azpay) -> None:
    nothing_chosen, not_agreed = run(azpay, "replay", "--yes"), run(azpay, "replay", "--since", "7d")

    assert (nothing_chosen.exit_code, not_agreed.exit_code) == (2, 6)
    assert "--type" in nothing_chosen.stderr
    assert "--yes" in not_agreed.stderr


def test_old_events_that_were_applied_are_removed(
    azpay: Azpay, webhooks: Webhooks, clock: Clock, dead: str
) -> None:
    webhooks.keep([an_event("evt_old")])
    webhooks.apply()
    clock.advance(days=91)
    webhooks.keep([an_event("evt_new")])
    webhooks.apply()

    assert changed(run(azpay, "purge", "--yes", "--json")) == 1
    assert states(azpay) == {dead: EventState.DEAD, "evt_new": EventState.DONE}


def test_events_that_stripe_may_send_again_are_not_removed(azpay: Azpay) -> None:
    result = run(azpay, "purge", "--older-than", "29d", "--yes")

    assert result.exit_code == 2
    assert "30d" in result.stderr


def test_many_old_events_are_removed_in_pieces(
    azpay: Azpay, webhooks: Webhooks, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("azpay.inbox.again.AT_ONCE", 2)
    webhooks.keep([an_event(f"evt_{number}") for number in range(5)])
    webhooks.apply()
    clock.advance(days=31)

    assert changed(run(azpay, "purge", "--older-than", "30d", "--yes", "--json")) == 5
    assert states(azpay) == {}


def test_the_secrets_that_still_match_are_told_by_their_ends(
    azpay: Azpay, webhooks: Webhooks, clock: Clock, settings: Settings
) -> None:
    webhooks.keep([an_event("evt_1"), an_event("evt_2")])
    both = dataclasses.replace(
        settings, webhook_secrets=(*settings.webhook_secrets, Secret("whsec_the_old_one"))
    )
    rotated = dataclasses.replace(azpay, settings=both)

    told = json.loads(run(rotated, "secrets", "--json").stdout)
    shown = run(rotated, "secrets").stdout
    clock.advance(days=8)
    later = json.loads(run(rotated, "secrets", "--json").stdout)

    assert told["data"]["secrets"] == [
        {"ends_in": "zpay", "listed": True, "events": 2, "last": "2026-03-02T12:00:00Z"},
        {"ends_in": "_one", "listed": True, "events": 0, "last": None},
    ]
    assert "can be dropped" in shown
    assert "the_old" not in shown
    assert [secret["events"] for secret in later["data"]["secrets"]] == [0, 0]
