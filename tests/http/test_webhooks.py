"""What the endpoint promises Stripe: 200 means kept, and nothing that is not Stripe's is ever kept."""

from __future__ import annotations

import asyncio
import gzip
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import stripe as sdk

from azpay import inbox
from azpay.inbox import EventState
from tests.support.clock import NOON
from tests.support.events import PATH, an_event, encoded, signed
from tests.support.webhooks import SECRET

if TYPE_CHECKING:
    from azpay.db import Database
    from tests.http.conftest import Serving


async def test_a_signed_event_is_kept_as_it_came_before_it_is_answered(
    serving: Serving, db: Database
) -> None:
    body = encoded(an_event("evt_1"))

    async with serving() as client:
        answer = await client.post(PATH, data=body, headers=signed(body))

    kept = inbox.one(db, "evt_1")
    assert answer.status == 200
    assert (kept.payload, kept.state, kept.type) == (body, EventState.RECEIVED, "coupon.created")
    assert kept.received_at == NOON
