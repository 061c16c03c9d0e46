"""Taking in setup intents: a method is being saved, and its owner may have to confirm it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, or_, select

from azpay import operations
from azpay.db import new_id
from azpay.db.upsert import keep_new
from azpay.gateway import CardDeclined, objects
from azpay.inbox import FetchFirst
from azpay.inbox.handling import object_of
from azpay.payments import answers
from azpay.payments.models import Origin, PaymentMethod, PaymentStatus, SetupIntent
from azpay.payments.records import STATUSES, StatusUnheardOf, absorb_method, moment
from azpay.payments.transitions import OnlyStripeKnows, Standing, advance, advance_on_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from azpay.errors import AzpayError

    Advance = Callable[[Standing, Standing], Standing]

SETUP_INTENT, PAYMENT_METHOD = "setup_intent", "payment_method"
SETUP_KEY = "azpay_setup"


def on_setup_intent(session: Session, event: objects.Event, now: datetime) -> None:
    """A setup that succeeded has saved a method: one that is not on record is asked for."""
    told = object_of(event, objects.SetupIntent)
    try:
        with session.begin_nested():
            ours = _absorb(session, told, at=moment(event.created), now=now, advance=advance)
    except OnlyStripeKnows:
        raise FetchFirst(SETUP_INTENT, told.id) from None
    _settle(session, ours, told, now)
    _expect_method(session, ours)


def take_in_setup_intent(session: Session, answered: objects.SetupIntent, *, now: datetime) -> SetupIntent:
    """Record a setup intent as Stripe has it."""
    at = max(now, moment(answered.created))
    return _absorb(session, answered, at=at, now=now, advance=advance_on_answer)


def status_of(setup: objects.SetupIntent) -> PaymentStatus:
    """A setup's statuses are those of a payment, without the money."""
    if setup.status == "requires_payment_method" and setup.last_setup_error is not None:
        return PaymentStatus.FAILED
    try:
        return STATUSES[setup.status]
    except KeyError:
        raise StatusUnheardOf(setup.id, setup.status) from None


def _absorb(
    session: Session, told: objects.SetupIntent, *, at: datetime, now: datetime, advance: Advance
) -> SetupIntent:
    ours = _row(session, told, now)
    after = advance(Standing(ours.status, 0, ours.as_of), Standing(status_of(told), 0, at))
    if after.status is status_of(told):
        _describe(ours, told)
    ours.setup_intent = told.id
    ours.status, ours.as_of, ours.updated_at = after.status, after.at, now
    session.flush()
    if told.method is not None and told.method.customer is not None:
        absorb_method(session, told.method, now=now)
    return ours


def mark_failed(session: Session, identity: str, error: AzpayError, now: datetime) -> None:
    """Write down a no, where Stripe has no setup intent that says so itself."""
    ours = session.get_one(SetupIntent, identity, with_for_update=True)
    if ours.status is PaymentStatus.UNKNOWN:
        known = Standing(ours.status, 0, ours.as_of)
        ours.status = advance_on_answer(known, Standing(PaymentStatus.FAILED, 0, now)).status
        ours.failure_code, ours.failure_message, ours.updated_at = error.code, error.message, now


def _settle(session: Session, ours: SetupIntent, told: objects.SetupIntent, now: datetime) -> None:
    """Settle the operation that made it, once it is past being made."""
    made_by = next(iter(operations.of(session, ours.id)), None)
    operation = made_by and answers.unanswered(session, made_by.id, ours.id)
    if operation is None or ours.status is PaymentStatus.INCOMPLETE:
        return
    if status_of(told) is PaymentStatus.FAILED and told.last_setup_error is not None:
        declined = CardDeclined(told.last_setup_error)
        operations.fail(session, operation.id, declined, now=now, stripe_object=told.id)
    else:
        operations.succeed(session, operation.id, told.id, now=now)


def _describe(ours: SetupIntent, told: objects.SetupIntent) -> None:
    ours.customer = told.customer or ours.customer
    ours.payment_method = told.method_id or ours.payment_method
    redirect = told.next_action.redirect_to_url if told.next_action else None
    ours.next_action_url = redirect.url if redirect else None
    error = told.last_setup_error
    ours.failure_code = (error.decline_code or error.code) if error else None
    ours.failure_message = error.message if error else None


def _row(session: Session, told: objects.SetupIntent, now: datetime) -> SetupIntent:
    """Our record, locked: by Stripe's id, or by the mark that we left in its metadata; else a new one."""
    named = col(SetupIntent.setup_intent) == told.id
    marked = col(SetupIntent.id) == told.metadata.get(SETUP_KEY)
    unanswered = marked & col(SetupIntent.setup_intent).is_(None)
    query = select(SetupIntent).where(or_(named, unanswered)).with_for_update()
    found = session.exec(query).first()
    if found is not None:
        return found
    keep_new(session, [_found_elsewhere(told, now)])
    return session.exec(select(SetupIntent).where(named).with_for_update()).one()


def _found_elsewhere(told: objects.SetupIntent, now: datetime) -> SetupIntent:
    return SetupIntent(
        id=new_id("set", moment(told.created)),
        setup_intent=told.id,
        status=PaymentStatus.UNKNOWN,
        usage=told.usage,
        origin=Origin.ELSEWHERE,
        livemode=told.livemode,
        as_of=moment(told.created),
        created_at=moment(told.created),
        updated_at=now,
    )


def _expect_method(session: Session, ours: SetupIntent) -> None:
    method = ours.payment_method
    saved = ours.status is PaymentStatus.SUCCEEDED and ours.customer is not None and method is not None
    if saved and session.get(PaymentMethod, method) is None:
        raise FetchFirst(PAYMENT_METHOD, str(method))


def _take_in(session: Session, answered: objects.SetupIntent, now: datetime) -> None:
    _settle(session, take_in_setup_intent(session, answered, now=now), answered, now)


EVENTS: dict[str, Any] = dict.fromkeys(
    (
        "setup_intent.created",
        "setup_intent.requires_action",
        "setup_intent.setup_failed",
        "setup_intent.succeeded",
        "setup_intent.canceled",
    ),
    on_setup_intent,
)
OBJECTS: dict[str, Any] = {SETUP_INTENT: _take_in}
