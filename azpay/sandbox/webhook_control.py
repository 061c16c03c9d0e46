"""Steering webhooks: what befalls events, when deliveries are repeated, and new secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

from azpay.sandbox.upsets import UpsetKind
from azpay.sandbox.webhooks import SCHEDULES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.wire import Json

Times: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Seconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=366 * 24 * 60 * 60)]
Types: TypeAlias = Annotated[list[str], msgspec.Meta(min_length=1, max_length=300)]

FOR_EVER: Literal["for ever"] = "for ever"


class _Upset(msgspec.Struct, forbid_unknown_fields=True):
    upset: UpsetKind
    types: Types
    times: Times | Literal["for ever"] = 1
    seconds: Seconds = 0


class _Retries(msgspec.Struct, forbid_unknown_fields=True):
    retry: Literal["test", "live", "none"] | Annotated[list[Seconds], msgspec.Meta(max_length=50)]


class _Roll(msgspec.Struct, forbid_unknown_fields=True):
    endpoint: str
    overlap: Seconds = 24 * 60 * 60


def _upset(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_Upset)
    times = None if order.times == FOR_EVER else order.times
    sandbox.upset_events(order.upset, *order.types, times=times, seconds=order.seconds)
    return {"armed": sandbox.armed_upsets}


def _armed(sandbox: Sandbox, _body: bytes) -> Json:
    return {"armed": sandbox.armed_upsets}


def _calm(sandbox: Sandbox, _body: bytes) -> Json:
    sandbox.calm_events()
    return {"armed": sandbox.armed_upsets}


def _retry(sandbox: Sandbox, body: bytes) -> Json:
    retry = msgspec.json.decode(body, type=_Retries).retry
    seconds = SCHEDULES[retry] if isinstance(retry, str) else retry
    sandbox.retry_webhooks_after(seconds)
    return {"retry_after": list(seconds)}


def _roll(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_Roll)
    return {"secret": sandbox.roll_secret(order.endpoint, overlap=order.overlap)}


HANDLERS: Mapping[tuple[str, str], Callable[[Sandbox, bytes], Json]] = {
    ("POST", "events"): _upset,
    ("GET", "events"): _armed,
    ("DELETE", "events"): _calm,
    ("POST", "retries"): _retry,
    ("POST", "secrets"): _roll,
}
