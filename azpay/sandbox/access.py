"""What the headers say: who is asking, and for which version."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.versions import check_version

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from azpay.sandbox.wire import Request

_SHOWN = 4


def check_key(headers: Mapping[str, str], known: Collection[str]) -> None:
    key = _key(headers.get("authorization", ""))
    if not key:
        raise StripeError(401, wording.NO_KEY)
    if key not in known:
        raise StripeError(401, f"Invalid API Key provided: {_masked(key)}")


def _key(authorization: str) -> str:
    """`Bearer sk_…`, or `Basic` with the key for a user name."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode("ascii").partition(":")[0]
    except (Base64Error, UnicodeDecodeError):
        return ""


def _masked(key: str) -> str:
    prefix = "_".join(key.split("_")[:2]) + "_" if key.count("_") > 1 else ""
    return f"{prefix[:12]}****{key[-_SHOWN:]}" if len(key) > len(prefix) + _SHOWN else "****"


def check_account(headers: Mapping[str, str], account: str) -> None:
    asked = headers.get("stripe-account", account)
    if asked != account:
        raise StripeError(403, wording.no_access(asked), code="account_invalid")


def requested_version(headers: Mapping[str, str], default: str) -> str:
    asked = headers.get("stripe-version")
    return default if asked is None else check_version(asked)


def check_content_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.body and kind not in ("", "application/x-www-form-urlencoded"):
        raise bad_request(wording.WRONG_CONTENT_TYPE)
