"""Saving a method that its owner may have to confirm with the bank first.

The operation says whether Stripe has made the setup intent, and the setup's own row what became of that. The
same request again goes on with what is open, and for a day with what was done: a second setup intent would
only ask the owner twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlmodel import Session, col, select

from azpay import operations
from azpay.db import new_id, take_turn
from azpay.operations import Kind, Operation
from azpay.payments.customers import identify
from azpay.payments.models import Origin, PaymentMethod, PaymentStatus, SetupIntent
from azpay.payments.records import OPERATION_KEY, absorb_method
from azpay.payments.requests import check_customer, check_method, check_return_url
from azpay.payments.saving import Saving
from azpay.payments.setting_up import SETUP_KEY, mark_failed, take_in_setup_intent

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway

GONE_ON_WITH = (
    PaymentStatus.UNKNOWN,
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.PROCESSING,
    PaymentStatus.SUCCEEDED,
)
OFF_SESSION, ON_SESSION = "off_session", "on_session"


class Wanted(NamedTuple):
    """A method, the customer it is to be saved for, and whether they will be there when it is charged."""

    customer: str
    method: str
    usage: str


@operations.before_asking()
def set_up(  # noqa: PLR0913 - what a setup needs to know
    db: Database,
    gateway: Gateway,
    method: str,
    who: str,
    *,
    usage: str = OFF_SESSION,
    return_url: str | None = None,
    now: datetime,
) -> SetupIntent:
    """Save a method for a customer, known by id or e-mail; `requires_action` when they must confirm it.

    Raises CardDeclined, AnswerLost, and what the gateway raises.
    https://docs.stripe.com/api/setup_intents/create
    """
    check_method(method)
    check_customer(who)
    check_return_url(return_url)
    wanted = Wanted(identify(db, gateway, who, now=now), method, usage)
    ours, operation = _intend(db, wanted, return_url, now=now)
    if operation is not None:
        return operations.carry_out(db, operation, Saving(gateway, ours, operation, now), now=now)
    answer = gateway.setup_intent(str(ours.setup_intent))
    return db.write(lambda session: take_in_setup_intent(session, answer, now=now))


def saved_by(db: Database, gateway: Gateway, done: SetupIntent, *, now: datetime) -> PaymentMethod:
    """The method that a setup which succeeded has saved; as Stripe has it, where the book does not yet."""
    with db.reading() as session:
        known = session.get(PaymentMethod, done.payment_method)
    if known is not None:
        return known
    answer = gateway.payment_method(str(done.payment_method))
    return db.write(lambda session: absorb_method(session, answer, now=now))


def _intend(
    db: Database, wanted: Wanted, return_url: str | None, *, now: datetime
) -> tuple[SetupIntent, Operation | None]:
    """The setup for this request, new or standing; and its operation, while Stripe has not answered it."""
    identity = new_id("set", now)
    return db.write(lambda session: _intended(session, identity, wanted, return_url, now))


def _intended(
    session: Session, identity: str, wanted: Wanted, return_url: str | None, now: datetime
) -> tuple[SetupIntent, Operation | None]:
    take_turn(session, "setup", *wanted)
    standing = _standing(session, wanted, now)
    if standing is None:
        ours, operation = _planned(session, identity, wanted, now)
        operations.asking(operation, _parameters(wanted, ours, operation, return_url))
        return ours, operation
    if standing.setup_intent is not None:
        return standing, None
    return standing, operations.of(session, standing.id)[0]


def _standing(session: Session, wanted: Wanted, now: datetime) -> SetupIntent | None:
    """The same, of the last day. Whoever took the method away meanwhile wants it saved anew."""
    removed = select(PaymentMethod.payment_method).where(col(PaymentMethod.removed_at).is_not(None))
    same = select(SetupIntent).where(
        SetupIntent.customer == wanted.customer,
        SetupIntent.payment_method == wanted.method,
        SetupIntent.usage == wanted.usage,
        col(SetupIntent.status).in_(GONE_ON_WITH),
        col(SetupIntent.created_at) > now - operations.KEY_LIFE,
        col(SetupIntent.payment_method).not_in(removed),
    )
    return session.exec(same.order_by(col(SetupIntent.created_at).desc()).limit(1)).first()


def _planned(session: Session, identity: str, wanted: Wanted, now: datetime) -> tuple[SetupIntent, Operation]:
    digest = operations.fingerprint(Kind.SETUP, **wanted._asdict())
    before = operations.underway(session, digest)
    operation, new = operations.plan(session, Kind.SETUP, identity, digest=digest, now=now)
    if not new:
        return session.get_one(SetupIntent, operation.subject), operation
    if before is not None:  # too old to ask with, and given up for this one
        mark_failed(session, before.subject, operations.KeyTooOld(), now)
    ours = _written_down(identity, wanted, now)
    session.add(ours)
    return ours, operation


def _written_down(identity: str, wanted: Wanted, now: datetime) -> SetupIntent:
    return SetupIntent(
        id=identity,
        status=PaymentStatus.UNKNOWN,
        customer=wanted.customer,
        payment_method=wanted.method,
        usage=wanted.usage,
        origin=Origin.AZPAY,
        as_of=now,
        created_at=now,
        updated_at=now,
    )


def _parameters(
    wanted: Wanted, ours: SetupIntent, operation: Operation, return_url: str | None
) -> dict[str, Any]:
    return {
        "customer": wanted.customer,
        "payment_method": wanted.method,
        "usage": wanted.usage,
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": {SETUP_KEY: ours.id, OPERATION_KEY: operation.id},
        **({"return_url": return_url} if return_url is not None else {}),
    }
