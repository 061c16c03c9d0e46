"""What saving a method with its owner's consent asks of Stripe, and what the answers change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay import operations
from azpay.gateway import CardDeclined, NoSuchObject
from azpay.payments.charging import CLOCK_ERROR, as_it_ended, marked
from azpay.payments.models import PaymentStatus, SetupIntent
from azpay.payments.setting_up import SETUP_KEY, mark_failed, status_of, take_in_setup_intent
from azpay.payments.transitions import TERMINAL

if TYPE_CHECKING:
    from datetime import datetime

    from sqlmodel import Session

    from azpay.errors import AzpayError
    from azpay.gateway import objects
    from azpay.gateway.stripe import Gateway
    from azpay.operations import Operation


def rebuild(session: Session, gateway: Gateway, operation: Operation, now: datetime) -> Saving:
    """The errand of a setup, from what is on record."""
    return Saving(gateway, session.get_one(SetupIntent, operation.subject), operation, now)


@dataclass(slots=True)
class Saving:
    """A new setup intent, confirmed at once."""

    gateway: Gateway
    setup: SetupIntent
    operation: Operation
    now: datetime
    seen: objects.SetupIntent | None = None
    """How Stripe has it, when the bank said no."""

    def ask(self, key: str) -> objects.SetupIntent:
        """Under a key that was sent before, Stripe repeats its first answer, whatever became of it since."""
        answer = self.gateway.create_setup_intent(operations.asked(self.operation), key=key)
        if not self.operation.attempts or status_of(answer) in TERMINAL:
            return answer
        return self._not_declined(self.gateway.setup_intent(answer.id))

    def look(self) -> objects.SetupIntent | None:
        """By its id when an event brought it, else by its mark among those of the customer."""
        found = self._found()
        return None if found is None else self._not_declined(found)

    def _found(self) -> objects.SetupIntent | None:
        if self.setup.setup_intent is not None:
            return self.gateway.setup_intent(self.setup.setup_intent)
        since = self.operation.created_at - CLOCK_ERROR
        try:
            there = list(self.gateway.setup_intents_of(str(self.setup.customer), since))
        except NoSuchObject:  # nothing is saved for a customer who is gone
            return None
        return marked(there, (SETUP_KEY, self.setup.id), self.gateway, self.now)

    def _not_declined(self, found: objects.SetupIntent) -> objects.SetupIntent:
        """Raises CardDeclined, as Stripe's answer would have."""
        if found.last_setup_error is not None and status_of(found) is PaymentStatus.FAILED:
            self.seen = found
            raise CardDeclined(found.last_setup_error)
        return found

    def hold(self, session: Session) -> None:
        session.get_one(SetupIntent, self.setup.id, with_for_update=True)

    def on_yes(self, session: Session, answer: objects.SetupIntent) -> SetupIntent:
        return take_in_setup_intent(session, answer, now=self.now)

    def on_no(self, session: Session, error: AzpayError) -> None:
        """A decline leaves a setup intent at Stripe; any other no leaves nothing there."""
        declined = error.setup_intent if isinstance(error, CardDeclined) else None
        there = declined or self.seen
        if there is not None:
            take_in_setup_intent(session, there, now=self.now)
        mark_failed(session, self.setup.id, error, self.now)

    def stands(self, session: Session, operation: Operation) -> SetupIntent:
        return as_it_ended(session.get_one(SetupIntent, self.setup.id), operation)
