"""Whether Stripe sent it: the `Stripe-Signature` header over the raw body.

https://docs.stripe.com/webhooks#verify-manually. Pure: bytes and a clock in, a verdict out. Every `v1` is
compared with every secret in constant time; other schemes are ignored; a timestamp too old or too far ahead
is refused.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from azpay.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

TOLERANCE_SECONDS = 300
MOST_SIGNATURES = 16
"""Stripe sends one for each live secret; a header with thousands is an attempt to keep us busy."""


class SignatureInvalid(Usage):
    """The request was not signed with any of our secrets, or too long ago."""

    code = "signature_invalid"


class SignatureUntimely(SignatureInvalid):
    """Its timestamp is far from our clock: a replay, or one of the two clocks is wrong."""

    code = "signature_untimely"


def verify(body: bytes, header: str | None, secrets: Sequence[str], *, now: datetime) -> str:
    """The secret that signed `body`. Raises SignatureInvalid and nothing else, whatever the header holds."""
    timestamp, signatures = _parse(header)
    if abs(now.timestamp() - timestamp) > TOLERANCE_SECONDS:
        raise SignatureUntimely("The signature's timestamp is too far from our clock.")
    signed = b"%d." % timestamp + body
    for secret in secrets:
        expected = hmac.digest(secret.encode(), signed, hashlib.sha256).hex().encode()
        if any(hmac.compare_digest(expected, signature) for signature in signatures):
            return secret
    raise SignatureInvalid("No signature matches any of our webhook secrets.")


def _parse(header: str | None) -> tuple[int, list[bytes]]:
    if not header:
        raise SignatureInvalid("The request carries no Stripe-Signature header.")
    if not header.isascii():
        raise SignatureInvalid("The Stripe-Signature header is not ASCII.")
    pairs = [item.strip().partition("=") for item in header.split(",", MOST_SIGNATURES + 2)]
    times = [value for name, _, value in pairs if name == "t"]
    signatures = [value.encode() for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not times[0].isdigit() or len(times[0]) > 12:  # noqa: PLR2004 - digits of a timestamp
        raise SignatureInvalid("The Stripe-Signature header has no timestamp.")
    if not signatures or len(signatures) > MOST_SIGNATURES:
        raise SignatureInvalid("The Stripe-Signature header has no v1 signature.")
    return int(times[0]), signatures
