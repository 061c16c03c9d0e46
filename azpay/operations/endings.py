"""How an attempt at an operation can end, other than in Stripe's own words."""

from __future__ import annotations

from azpay.errors import AzpayError, Failed, OutcomeUnknown, Refused


class KeyTooOld(OutcomeUnknown):
    """The operation is open, and its key too old to be sent again safely."""

    code = "key_too_old"

    def __init__(self) -> None:
        super().__init__(
            "An earlier attempt at this is more than 23 hours old and its outcome is not known.",
            hint="Look at the payment in Stripe's dashboard, or run `azpay reconcile`.",
        )


class ParametersMissing(OutcomeUnknown):
    """The operation is from before parameters were kept: it can be looked up, and not sent again."""

    code = "parameters_missing"

    def __init__(self) -> None:
        super().__init__(
            "An older azpay began this and kept nothing to send again; Stripe shows no trace of it yet.",
            hint="The same command again asks Stripe under the same key.",
        )


class NeverHappened(Failed):
    """Stripe has no trace of it, long after it was asked."""

    code = "never_happened"

    def __init__(self) -> None:
        super().__init__(
            "An earlier attempt at this never reached Stripe; nothing was moved.",
            hint="Run the command again to make a new attempt.",
        )


class StillUnknown(OutcomeUnknown):
    """Stripe did not answer this attempt, and what became of another one is not known."""

    code = "still_unknown"

    def __init__(self, error: AzpayError) -> None:
        super().__init__(
            f"Stripe did not answer this attempt ({error.code}), and an earlier one may have taken effect.",
            hint="Do not start over: the same command again asks Stripe under the same key.",
        )


class AnswerNotKept(OutcomeUnknown):
    """Stripe did it, and the book did not take the answer."""

    code = "answer_not_kept"

    def __init__(self, answer: str) -> None:
        super().__init__(
            f"Stripe did it ({answer}), and the database did not take that down.",
            hint="The same command again, once the database is back, records it and moves nothing.",
        )


class NotSentYet(OutcomeUnknown):
    """It is on record, so that it will be done, and the book failed before Stripe was asked."""

    code = "not_sent_yet"

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(
            f"{reason} Stripe was not asked yet, and will be once the database is back: it is on record.",
            hint=f"`azpay ops resolve {operation}`, or the same command again. Do not start over.",
            operation=operation,
        )


class Underway(OutcomeUnknown):
    """A resolver asks Stripe about it just now."""

    code = "under_way"

    def __init__(self, operation: str) -> None:
        super().__init__(
            "Somebody else is asking Stripe what became of this, right now.",
            hint=f"`azpay ops show {operation}` in a minute.",
            operation=operation,
        )


class GivenUp(Failed):
    """A person has settled it by hand, and Stripe has no trace of it."""

    code = "given_up"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Given up: {reason}")
        self.reason = reason


class TooEarlyToGiveUp(Refused):
    """Its key still holds: asking Stripe settles it for certain, and giving it up would be a guess."""

    code = "too_early_to_give_up"

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"{operation} is less than 23 hours old: Stripe can still be asked under its key.",
            hint=f"`azpay ops resolve {operation}`.",
            operation=operation,
        )


WITHOUT_AN_ANSWER = (NeverHappened.code, GivenUp.code)
"""How one can have failed of which Stripe never said anything: it may arrive all the same."""
