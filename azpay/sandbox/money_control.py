"""Steering money: what the account has agreed with Stripe, and what banks and customers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import msgspec

from azpay.sandbox import incidents
from azpay.sandbox.versions import LATEST, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azpay.sandbox.engine import Sandbox
    from azpay.sandbox.wire import Json
    from azpay.sandbox.world import World

Amount: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10**12)]


class _DisputeOrder(msgspec.Struct, forbid_unknown_fields=True):
    charge: str
    kind: str = "fraudulent"
    reason: str | None = None
    amount: Amount | None = None


class _AppealOrder(msgspec.Struct, forbid_unknown_fields=True):
    dispute: str


class _WarningOrder(msgspec.Struct, forbid_unknown_fields=True):
    charge: str
    fraud_type: str = "misc"


class _ReviewOrder(msgspec.Struct, forbid_unknown_fields=True):
    charge: str


class _RefundOrder(msgspec.Struct, forbid_unknown_fields=True):
    """Without `fail`, the customer answers."""

    refund: str
    fail: str | None = None


class _PayoutOrder(msgspec.Struct, forbid_unknown_fields=True):
    payout: str
    fail: str


def _policy(sandbox: Sandbox, body: bytes) -> Json:
    sandbox.agree(sandbox.policy.changed(msgspec.json.decode(body)))
    return sandbox.policy.as_json()


def _tell_policy(sandbox: Sandbox, _body: bytes) -> Json:
    return sandbox.policy.as_json()


def _dispute(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_DisputeOrder)

    def deed(world: World) -> Json:
        charge = incidents.charge_of(world, order.charge)
        return incidents.dispute(world, charge, order.kind, reason=order.reason, amount=order.amount)

    return _done(sandbox, deed)


def _appeal(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_AppealOrder)
    return _done(sandbox, lambda world: incidents.appeal(world, order.dispute))


def _warn(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_WarningOrder)
    return _done(
        sandbox,
        lambda world: incidents.warn(world, incidents.charge_of(world, order.charge), order.fraud_type),
    )


def _review(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_ReviewOrder)
    return _done(sandbox, lambda world: incidents.review(world, incidents.charge_of(world, order.charge)))


def _refund(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_RefundOrder)
    reason = order.fail
    if reason is None:
        return _done(sandbox, lambda world: incidents.answer_refund(world, order.refund))
    return _done(sandbox, lambda world: incidents.fail_refund(world, order.refund, reason))


def _payout(sandbox: Sandbox, body: bytes) -> Json:
    order = msgspec.json.decode(body, type=_PayoutOrder)
    return _done(sandbox, lambda world: incidents.fail_payout(world, order.payout, order.fail))


def _done(sandbox: Sandbox, deed: Callable[[World], Json]) -> Json:
    return visible(sandbox.act(deed), LATEST)


HANDLERS: Mapping[tuple[str, str], Callable[[Sandbox, bytes], Json]] = {
    ("GET", "policy"): _tell_policy,
    ("POST", "policy"): _policy,
    ("POST", "disputes"): _dispute,
    ("POST", "appeals"): _appeal,
    ("POST", "early_fraud_warnings"): _warn,
    ("POST", "reviews"): _review,
    ("POST", "refunds"): _refund,
    ("POST", "payouts"): _payout,
}
