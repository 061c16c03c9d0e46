"""Saving a method that its owner may have to confirm with the bank first.

A setup intent moves no money, so its own row is all the journal it needs: the row is written before Stripe is
asked, and its id is the idempotency key. The same request again goes on with what is open. Only a no
that answers the request itself settles it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from azpay import operations
from azpay.db import new_id, take_turn
from azpay.errors import Conflict, Declined, Failed
from azpay.gateway import CardDeclined, KeyReused
from azpay.payments.customers import identify
from azpay.payments.models import Origin, PaymentMethod, PaymentStatus, SetupIntent
from azpay.payments.records import absorb_method
from azpay.payments.requests import check_customer, check_method, check_return_url
from azpay.payments.setting_up import SETUP_KEY, take_in_setup_intent
from azpay.payments.transitions import Standing, advance_on_answer

if TYPE_CHECKING:
    from datetime import datetime

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway

OPEN = (PaymentStatus.UNKNOWN, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING)
OFF_SESSION, ON_SESSION = "off_session", "on_session"


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
    customer = identify(db, gateway, who, now=now)
    ours = db.write(lambda session: _intended(session, customer, method, usage, now))
    if ours.setup_intent is not None:
        answer = gateway.setup_intent(ours.setup_intent)
    else:
        try:
            answer = gateway.create_setup_intent(_parameters(ours, return_url), key=ours.id)
        except KeyReused:
            raise  # an earlier request stands under the key, and was of other parameters
        except (Declined, Failed, Conflict) as refused:
            code = refused.decline_code if isinstance(refused, CardDeclined) else refused.code
            db.write(lambda session: _refused(session, ours.id, code, now))
            raise
    return db.write(lambda session: take_in_setup_intent(session, answer, now))


def saved_by(db: Database, gateway: Gateway, done: SetupIntent, *, now: datetime) -> PaymentMethod:
    """The method that a setup which succeeded has saved, as Stripe has it."""
    answer = gateway.payment_method(str(done.payment_method))
    return db.write(lambda session: absorb_method(session, answer, now=now))


def _intended(session: Session, customer: str, method: str, usage: str, now: datetime) -> SetupIntent:
    """The setup that stands open for the same, or a new one. No key is used for longer than a day."""
    take_turn(session, "setup", customer, method, usage)
    same = select(SetupIntent).where(
        SetupIntent.customer == customer,
        SetupIntent.payment_method == method,
        SetupIntent.usage == usage,
        col(SetupIntent.status).in_(OPEN),
        col(SetupIntent.created_at) > now - operations.KEY_LIFE,
    )
    standing = session.exec(same.order_by(col(SetupIntent.created_at).desc()).limit(1)).first()
    if standing is not None:
        return standing
    ours = SetupIntent(
        id=new_id("set", now),
        status=PaymentStatus.UNKNOWN,
        customer=customer,
        payment_method=method,
        usage=usage,
        origin=Origin.AZPAY,
        as_of=now,
        created_at=now,
        updated_at=now,
    )
    session.add(ours)
    return ours


def _parameters(ours: SetupIntent, return_url: str | None) -> dict[str, Any]:
    return {
        "customer": ours.customer,
        "payment_method": ours.payment_method,
        "usage": ours.usage,
        "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": {SETUP_KEY: ours.id},
        **({"return_url": return_url} if return_url is not None else {}),
    }


def _refused(session: Session, identity: str, code: str, now: datetime) -> None:
    ours = session.get_one(SetupIntent, identity, with_for_update=True)
    if ours.status is PaymentStatus.UNKNOWN:
        known = Standing(ours.status, 0, ours.as_of)
        ours.status = advance_on_answer(known, Standing(PaymentStatus.FAILED, 0, now)).status
        ours.failure_code, ours.updated_at = code, now
