"""What the endpoint promises Stripe: 200 means kept, and nothing that is not Stripe's is ever kept."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import stripe as sdk
from sqlalchemy import event

from azpay import inbox, payments
from azpay.http.app import build
from azpay.http.webhooks import NoWebhookSecret
from azpay.inbox import EventState
from azpay.payments import Origin
from azpay.settings import Secret
from tests.support.clock import NOON
from tests.support.events import PATH, an_event, encoded, signed
from tests.support.forgeries import BODIES, COMPRESSED, OF_OTHERS, SIGNATURES
from tests.support.webhooks import SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import aiohttp

    from azpay.bootstrap import Azpay
    from azpay.db import Database
    from azpay.sandbox import Sandbox
    from tests.http.conftest import Serving, ServingAs
    from tests.support.clock import Clock
    from tests.support.forgeries import Forged
    from tests.support.webhooks import Webhooks


async def post(
    client: aiohttp.ClientSession, body: bytes | AsyncIterator[bytes], headers: dict[str, str]
) -> int:
    async with client.post(PATH, data=body, headers=headers) as answer:
        return answer.status


async def test_an_event_is_kept_as_it_came_before_it_is_answered(serving: Serving, db: Database) -> None:
    body = encoded(an_event("evt_1"))

    async with serving() as client:
        status = await post(client, body, signed(body))
        kept = inbox.one(db, "evt_1")

    assert status == 200
    assert inbox.body_of(db, "evt_1") == body
    assert (kept.state, kept.type) == (EventState.RECEIVED, "coupon.created")
    assert (kept.object_id, kept.received_at, kept.secret) == ("cou_1", NOON, SECRET[-4:])


async def test_the_same_event_a_hundred_times_at_once_is_one_row_and_200_each_time(
    serving: Serving, db: Database
) -> None:
    body = encoded(an_event())

    async with serving() as client:
        statuses = await asyncio.gather(*(post(client, body, signed(body)) for _ in range(100)))

    assert set(statuses) == {200}
    assert len(inbox.page(db)) == 1


async def test_many_events_share_a_few_commits(serving: Serving, db: Database) -> None:
    bodies = [encoded(an_event(f"evt_{number}")) for number in range(200)]
    commits: list[None] = []
    with counting_commits(db, commits):
        async with serving() as client:
            statuses = await asyncio.gather(*(post(client, body, signed(body)) for body in bodies))

    assert set(statuses) == {200}
    assert len(inbox.page(db, limit=1000)) == 200
    assert len(commits) < 100


@pytest.mark.parametrize("forged", SIGNATURES.values(), ids=SIGNATURES)
async def test_a_request_that_stripe_did_not_sign_is_refused_and_not_kept(
    serving: Serving, db: Database, forged: Forged
) -> None:
    body, headers = forged

    async with serving() as client:
        answer = await client.post(PATH, data=body, headers=headers)
        problem = await answer.json(content_type="application/problem+json")

    assert answer.status == 400
    assert problem["code"] in {"signature_invalid", "signature_untimely", "bad_request"}
    assert inbox.page(db) == []


@pytest.mark.parametrize("forged", BODIES.values(), ids=BODIES)
async def test_a_signed_body_that_is_no_event_is_refused_and_not_kept(
    serving: Serving, db: Database, forged: Forged
) -> None:
    body, headers = forged

    async with serving() as client:
        answer = await client.post(PATH, data=body, headers=headers)
        problem = await answer.json(content_type="application/problem+json")

    assert (answer.status, problem["code"]) == (400, "event_unreadable")
    assert inbox.page(db) == []


@pytest.mark.parametrize("foreign", OF_OTHERS.values(), ids=OF_OTHERS)
async def test_an_event_of_another_mode_or_account_is_refused_and_not_kept(
    serving: Serving, db: Database, foreign: Forged
) -> None:
    body, headers = foreign

    async with serving() as client:
        answer = await client.post(PATH, data=body, headers=headers)
        problem = await answer.json(content_type="application/problem+json")

    assert (answer.status, problem["code"]) == (400, "event_not_ours")
    assert inbox.page(db) == []


async def test_while_a_secret_is_rotated_both_are_accepted(azpay: Azpay, serving_as: ServingAs) -> None:
    secrets = (Secret("whsec_the_new_one"), Secret("whsec_the_old_one"))
    first, second = encoded(an_event("evt_1")), encoded(an_event("evt_2"))

    async with serving_as(dataclasses.replace(azpay.settings, webhook_secrets=secrets)) as client:
        with_old = await post(client, first, signed(first, secret="whsec_the_old_one"))
        with_new = await post(client, second, signed(second, secret="whsec_the_new_one"))
        with_neither = await post(client, first, signed(first))

    assert (with_old, with_new, with_neither) == (200, 200, 400)
    assert inbox.one(azpay.db, "evt_1").secret == "_one"


async def test_a_live_daemon_takes_live_events_and_no_others(azpay: Azpay, serving_as: ServingAs) -> None:
    live, test = encoded(an_event("evt_live", livemode=True)), encoded(an_event("evt_test"))

    async with serving_as(dataclasses.replace(azpay.settings, live=True)) as client:
        statuses = [await post(client, body, signed(body)) for body in (live, test)]

    assert statuses == [200, 400]
    assert [event.event for event in inbox.page(azpay.db)] == ["evt_live"]


async def test_a_replay_after_a_day_is_refused_and_a_new_signature_changes_nothing(
    serving: Serving, db: Database, clock: Clock
) -> None:
    body = encoded(an_event())
    async with serving() as client:
        assert await post(client, body, signed(body)) == 200
        clock.advance(days=1)

        replayed = await post(client, body, signed(body))
        signed_again = await post(client, body, signed(body, at=clock.now()))

    assert (replayed, signed_again) == (400, 200)
    assert [event.received_at for event in inbox.page(db)] == [NOON]


async def test_a_body_of_256_kilobytes_is_taken_and_a_larger_one_is_not(
    serving: Serving, db: Database
) -> None:
    body = encoded(an_event())
    full, larger = body.ljust(256 * 1024), body.ljust(256 * 1024 + 1)

    async with serving() as client:
        statuses = [await post(client, each, signed(each)) for each in (larger, full)]
        unannounced = await post(client, in_pieces(larger), signed(larger))

    assert statuses == [413, 200]
    assert unannounced == 413
    assert len(inbox.page(db)) == 1


async def test_a_compressed_body_is_not_unpacked(serving: Serving, db: Database) -> None:
    body = gzip.compress(encoded(an_event()))

    async with serving() as client:
        status = await post(client, body, signed(body) | {"Content-Encoding": "gzip"})

    assert status == 415
    assert inbox.page(db) == []


@pytest.mark.parametrize("coding", COMPRESSED)
async def test_a_body_that_is_said_to_be_compressed_is_not_even_read(
    serving: Serving, db: Database, coding: str
) -> None:
    body = encoded(an_event())

    async with serving() as client:
        status = await post(client, body, signed(body) | {"Content-Encoding": coding})

    assert status == 415
    assert inbox.page(db) == []


async def test_while_the_store_fails_the_answer_is_503_and_afterwards_200(
    serving: Serving, db: Database
) -> None:
    body = encoded(an_event())
    async with serving() as client:
        rename(db, "inbox_events", "elsewhere")
        failing = await client.post(PATH, data=body, headers=signed(body))
        problem = await failing.json(content_type="application/problem+json")
        rename(db, "elsewhere", "inbox_events")

        afterwards = await post(client, body, signed(body))

    assert (failing.status, problem["code"]) == (503, "event_not_kept")
    assert "elsewhere" not in str(problem)
    assert afterwards == 200
    assert len(inbox.page(db)) == 1


async def test_an_event_signed_by_stripes_own_library_reaches_the_history(
    azpay: Azpay, stripe: Sandbox, serving: Serving, webhooks: Webhooks
) -> None:
    azpay.gateway.create_payment_intent(
        {"amount": 700, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa",
         "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}, key="made_elsewhere"
    )  # fmt: skip
    bodies = [encoded(event) for event in webhooks.new()]

    async with serving() as client:
        for body in bodies:
            header = sdk.WebhookSignature.generate_signature_header(
                body.decode(), SECRET, int(NOON.timestamp())
            )
            assert await post(client, body, {"Stripe-Signature": header}) == 200
    progress = webhooks.apply()

    (payment,) = payments.history(azpay.db, payments.Query()).payments
    assert (payment.amount, payment.currency, payment.status) == (700, "eur", "succeeded")
    assert payment.origin == Origin.ELSEWHERE
    assert progress == inbox.Progress(done=len(bodies))
    assert webhooks.apply() == inbox.Progress()


def test_a_daemon_without_a_secret_does_not_start(azpay: Azpay) -> None:
    unsigned = dataclasses.replace(azpay, settings=dataclasses.replace(azpay.settings, webhook_secrets=()))

    with pytest.raises(NoWebhookSecret) as refused:
        build(unsigned, None)

    assert "AZPAY_WEBHOOK_SECRETS" in (refused.value.hint or "")


def rename(db: Database, table: str, to: str) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {to}")


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """Without a Content-Length."""
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@contextmanager
def counting_commits(db: Database, commits: list[None]) -> Iterator[None]:
    def count(_connection: object) -> None:
        commits.append(None)

    event.listen(db.engine, "commit", count)
    yield
    event.remove(db.engine, "commit", count)
