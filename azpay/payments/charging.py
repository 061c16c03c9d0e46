"""What a charge asks of Stripe, and what the answers change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from azpay import operations
from azpay.errors import OutcomeUnknown
from azpay.gateway import AuthenticationNeeded, CardDeclined, WrongState, objects
from azpay.payments.models import Payment, PaymentStatus, SetupIntent
from azpay.payments.records import OPERATION_KEY, STATUSES, absorb_answer, status_of
from azpay.payments.transitions import TERMINAL, Standing, advance_on_answer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlmodel import Session

    from azpay.errors import AzpayError
    from azpay.gateway.stripe import Gateway
    from azpay.operations import Operation

Kept = TypeVar("Kept", Payment, SetupIntent)
Sent = TypeVar("Sent", objects.PaymentIntent, objects.SetupIntent)

CLOCK_ERROR = timedelta(hours=1)
"""How far our clock may differ from Stripe's when we look for what we sent."""
DECLINES = {kind.code: kind for kind in (CardDeclined, AuthenticationNeeded)}
CONFIRMS = "payment_intent"
"""The parameter that names what is confirmed. A new payment intent has no such parameter."""
GONE_ON = frozenset({"requires_action", "processing", "requires_capture", "succeeded"})
"""Statuses that a payment intent which was declined reaches by another attempt only."""


def rebuild(session: Session, gateway: Gateway, operation: Operation, now: datetime) -> Charging:
    """The errand of a charge, from what is on record."""
    return errand_of(gateway, session.get_one(Payment, operation.subject), operation, now)


def errand_of(gateway: Gateway, payment: Payment, operation: Operation, now: datetime) -> Charging:
    confirms = CONFIRMS in (operation.parameters or {})
    return (Confirming if confirms else Charging)(gateway, payment, operation, now)


class ClockWrong(OutcomeUnknown):
    """Looking by date finds nothing, and the date is wrong."""

    code = "clock_wrong"

    def __init__(self, theirs: datetime, ours: datetime) -> None:
        super().__init__(
            f"The outcome is not known: by this machine's clock it is {ours:%Y-%m-%d %H:%M} UTC, by Stripe's "
            f"{theirs:%Y-%m-%d %H:%M}, so that it cannot be looked up.",
            hint="Set this machine's clock by NTP; then the same command looks again.",
        )


@dataclass(slots=True)
class Charging:
    """A new payment intent, confirmed at once."""

    gateway: Gateway
    payment: Payment
    operation: Operation
    now: datetime
    seen: objects.PaymentIntent | None = None
    """How Stripe has it, when it would not take another attempt."""

    def ask(self, key: str) -> objects.PaymentIntent:
        return self._as_it_is(self.gateway.create_payment_intent(operations.asked(self.operation), key=key))

    def _as_it_is(self, answer: objects.PaymentIntent) -> objects.PaymentIntent:
        """Under a key that was sent before, Stripe repeats its first answer, however much has happened since.

        https://docs.stripe.com/api/idempotent_requests
        """
        if not self.operation.attempts or STATUSES.get(answer.status) in TERMINAL:
            return answer
        return _not_declined(self.gateway.payment_intent(answer.id))

    def look(self) -> objects.PaymentIntent | None:
        """By its id when an event brought it, else by the operation's mark, with a list call: search lags."""
        found = self._found()
        return None if found is None else _not_declined(found)

    def _found(self) -> objects.PaymentIntent | None:
        if self.payment.payment_intent is not None:
            return self.gateway.payment_intent(self.payment.payment_intent)
        since = self.gateway.payment_intents(self.operation.created_at - CLOCK_ERROR)
        return marked(since, (OPERATION_KEY, self.operation.id), self.gateway, self.now)

    def hold(self, session: Session) -> None:
        session.get_one(Payment, self.payment.id, with_for_update=True)

    def on_yes(self, session: Session, answer: objects.PaymentIntent) -> Payment:
        return absorb_answer(session, answer, now=self.now)

    def on_no(self, session: Session, error: AzpayError) -> None:
        """A decline still leaves a payment intent at Stripe; any other no leaves nothing new there."""
        intent = error.payment_intent if isinstance(error, CardDeclined) else self.seen
        if intent is not None:
            absorb_answer(session, intent, now=self.now)
        _mark_failed(session.get_one(Payment, self.payment.id, with_for_update=True), error, self.now)

    def stands(self, session: Session, operation: Operation) -> Payment:
        return as_it_ended(session.get_one(Payment, self.payment.id), operation)


def marked(things: Iterable[Sent], mark: tuple[str, str], gateway: Gateway, now: datetime) -> Sent | None:
    """The one with our mark in its metadata, of all since a moment of our clock. Raises ClockWrong.

    What such a list does not show is not there only if that clock is right.
    """
    key, name = mark
    found = next((each for each in things if each.metadata.get(key) == name), None)
    if found is None:
        _require_clock(gateway, now)
    return found


def _require_clock(gateway: Gateway, now: datetime) -> None:
    theirs = gateway.server_time()
    if theirs is not None and abs(theirs - now) > CLOCK_ERROR:
        raise ClockWrong(theirs, now)


class Confirming(Charging):
    """Another attempt at a payment intent that was declined, with a method of its own.

    https://docs.stripe.com/api/payment_intents/confirm
    """

    def ask(self, key: str) -> objects.PaymentIntent:
        asked = dict(operations.asked(self.operation))
        intent = asked.pop(CONFIRMS)
        try:
            return self._as_it_is(self.gateway.confirm_payment_intent(intent, asked, key=key))
        except WrongState:
            self.seen = self.gateway.payment_intent(intent)
            raise

    def look(self) -> objects.PaymentIntent | None:
        """The operation's mark is not on it, which Stripe takes only when it is made: its status tells."""
        self.seen = self.gateway.payment_intent(operations.asked(self.operation)[CONFIRMS])
        return self.seen if self.seen.status in GONE_ON else None


def _not_declined(found: objects.PaymentIntent) -> objects.PaymentIntent:
    """Raises CardDeclined, as Stripe's answer would have."""
    if found.last_payment_error is not None and status_of(found) is PaymentStatus.FAILED:
        declined = CardDeclined(found.last_payment_error)
        declined.payment_intent = found
        raise declined
    return found


def _mark_failed(payment: Payment, error: AzpayError, now: datetime) -> None:
    if payment.status is not PaymentStatus.UNKNOWN:
        return  # an event told of it: it is at Stripe, whatever became of this attempt
    known = Standing(payment.status, payment.amount_captured, payment.as_of)
    payment.status = advance_on_answer(known, Standing(PaymentStatus.FAILED, 0, now)).status
    payment.failure_code, payment.failure_message = error.code, error.message
    payment.updated_at = now


def as_it_ended(ours: Kept, operation: Operation) -> Kept:
    """What is on record, unless that is a no, which is raised."""
    if operation.error_code in DECLINES:
        raise _declined_before(ours, operation)
    if operation.state is operations.State.FAILED:
        raise operations.FailedBefore(operation)
    return ours


def _declined_before(ours: Payment | SetupIntent, operation: Operation) -> CardDeclined:
    """The same answer as the first time; a key is for one attempt."""
    said = objects.StripeError(decline_code=ours.failure_code, message=ours.failure_message)
    error = DECLINES[str(operation.error_code)](said)
    error.hint, error.operation = "Use a new idempotency key for a new attempt.", operation.id
    return error
