"""What the headers say: who is asking, what they may do, and for which version."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING

from azpay.sandbox import wording
from azpay.sandbox.errors import StripeError, bad_request
from azpay.sandbox.multipart import is_multipart
from azpay.sandbox.versions import check_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azpay.sandbox.keys import Keys
    from azpay.sandbox.routing import Route
    from azpay.sandbox.wire import Request

_SHOWN = 4


def check_encoding(request: Request) -> None:
    """What is not text cannot be named in an answer."""
    try:
        "".join((request.path, request.query, *request.headers.values())).encode()
    except UnicodeEncodeError:
        raise bad_request("Invalid UTF-8 in the request's address or headers.") from None


def check_key(headers: Mapping[str, str], keys: Keys) -> str:
    """The key of a request that may come in. Raises Stripe's 401 for any other."""
    key = _key(headers.get("authorization", ""))
    if not key:
        raise StripeError(401, wording.NO_KEY)
    if key.startswith("pk_"):
        raise StripeError(401, wording.PUBLISHABLE_KEY, code="secret_key_required")
    if keys.has_expired(key):
        raise StripeError(401, f"Expired API Key provided: {masked(key)}", code="api_key_expired")
    if key not in keys:
        raise StripeError(401, f"Invalid API Key provided: {masked(key)}")
    return key


def check_permission(key: str, keys: Keys, route: Route, account: str) -> None:
    """Raises Stripe's 403, which names the permission that a restricted key lacks."""
    lacking = keys.lacking(key, route)
    if lacking is not None:
        raise StripeError(403, wording.permission_missing(masked(key), account, lacking))


def _key(authorization: str) -> str:
    """`Bearer sk_…`, or `Basic` with the key for a user name."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(credentials, validate=True).decode("ascii").partition(":")[0]
    except (Base64Error, ValueError):
        return ""


def masked(key: str) -> str:
    """Enough of a key to recognise it by."""
    prefix = "_".join(key.split("_")[:2]) + "_" if key.count("_") > 1 else ""
    return f"{prefix[:12]}****{key[-_SHOWN:]}" if len(key) > len(prefix) + _SHOWN else "****"


def check_account(headers: Mapping[str, str], account: str) -> None:
    asked = headers.get("stripe-account", account)
    if asked != account:
        raise StripeError(403, wording.no_access(asked), code="account_invalid")


def requested_version(headers: Mapping[str, str], default: str) -> str:
    asked = headers.get("stripe-version")
    return default if asked is None else check_version(asked)


def is_second_api(path: str) -> bool:
    """Whether parameters come as JSON, and not as a form."""
    return path.startswith("/v2/")


def _expected(path: str) -> str:
    return "application/json" if is_second_api(path) else "application/x-www-form-urlencoded"


def check_content_type(request: Request, route: Route) -> None:
    """Files come as `multipart/form-data`, and nothing else does."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if route.takes_file:
        if not is_multipart(request):
            raise bad_request(wording.NOT_MULTIPART)
    elif request.body and kind not in ("", _expected(request.path)):
        raise bad_request(wording.wrong_content_type(_expected(request.path)))
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise bad_request(wording.COMPRESSED)
