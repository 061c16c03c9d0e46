"""Requests to the webhook endpoint that must not be believed: what is wrong, then a body and its headers."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

from tests.support.clock import NOON
from tests.support.events import an_event, encoded, signed
from tests.support.webhooks import SECRET

Forged = tuple[bytes, dict[str, str]]

BODY = encoded(an_event("evt_forged"))
TIME = int(NOON.timestamp())
DIGEST = hmac.new(SECRET.encode(), b"%d." % TIME + BODY, hashlib.sha256).hexdigest()


def header(value: str, body: bytes = BODY) -> Forged:
    return body, {"Stripe-Signature": value}


def signed_body(body: bytes) -> Forged:
    return body, signed(body)


def signed_event(**changed: Any) -> Forged:
    return signed_body(json.dumps(an_event("evt_forged", **changed)).encode())


SIGNATURES: dict[str, Forged] = {
    "no header": (BODY, {}),
    "an empty header": header(""),
    "another secret": (BODY, signed(BODY, secret="whsec_of_someone_else")),
    "another body": (BODY + b" ", signed(BODY)),
    "only the old scheme": header(f"t={TIME},v0={DIGEST}"),
    "no signature": header(f"t={TIME}"),
    "no timestamp": header(f"v1={DIGEST}"),
    "two timestamps": header(f"t={TIME},t={TIME},v1={DIGEST}"),
    "another timestamp": header(f"t={TIME + 1},v1={DIGEST}"),
    "a timestamp in words": header(f"t=now,v1={DIGEST}"),
    "a negative timestamp": header(f"t=-{TIME},v1={DIGEST}"),
    "an endless timestamp": header(f"t={'9' * 5000},v1={DIGEST}"),
    "digits of another script": header(f"t=١٢٣,v1={DIGEST}"),
    "a signature that is not ASCII": header(f"t={TIME},v1=é{DIGEST}"),
    "a signature cut short": header(f"t={TIME},v1={DIGEST[:-1]}"),
    "more signatures than Stripe has secrets": header(f"t={TIME}" + ",v1=00" * 1000 + f",v1={DIGEST}"),
    "twenty thousand signatures": header(f"t={TIME}" + ",v1=00" * 20_000 + f",v1={DIGEST}"),
    "too old": (BODY, signed(BODY, at=NOON - timedelta(seconds=301))),
    "from the future": (BODY, signed(BODY, at=NOON + timedelta(seconds=301))),
}

BODIES: dict[str, Forged] = {
    "nothing": signed_body(b""),
    "not UTF-8": signed_body(BODY[:-1] + b', "note": "\xff\xfe"}'),
    "not JSON": signed_body(b"{"),
    "NaN": signed_body(BODY[:-1] + b', "amount": NaN}'),
    "a list": signed_body(b"[]"),
    "a text": signed_body(b'"evt_forged"'),
    "null": signed_body(b"null"),
    "a number": signed_body(b"7"),
    "an abyss": signed_body(b'{"id": "evt_forged", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a deeper abyss": signed_body(b"[" * 200_000),
    "an id that is a number": signed_event(id=7),
    "an id of something else": signed_event(id="pi_1"),
    "an id of 300 characters": signed_event(id="evt_" + "1" * 300),
    "an id with a NUL": signed_event(id="evt_\x00"),
    "an id that ends in a line break": signed_event(id="evt_1\n"),
    "a type with a NUL": signed_event(type="coupon\x00"),
    "no type": signed_event(type=None),
    "a time before all time": signed_event(created=-1),
    "a time after all time": signed_event(created=10**18),
    "a time in words": signed_event(created="yesterday"),
    "an object that is a list": signed_event(data={"object": []}),
    "no data": signed_event(data=None),
    "another kind of event": signed_event(object="v2.core.event"),
}

COMPRESSED = ("gzip", "deflate", "br", "zstd", "gzip, identity", "compress", "x")
"""What a body is said to be packed in, whether it is or not."""

OF_OTHERS: dict[str, Forged] = {
    "a live event, and we are in test mode": signed_event(livemode=True),
    "an event of another account": signed_event(account="acct_1SomeoneElse"),
}
