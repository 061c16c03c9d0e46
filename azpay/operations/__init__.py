"""What we are about to do: one stored intent, with its key, for everything we ask of Stripe."""

from azpay.gateway.freshness import KEY_LIFE
from azpay.operations.ages import is_old
from azpay.operations.answers import Answers
from azpay.operations.counting import count_by_state
from azpay.operations.endings import (
    AnswerNotKept,
    GivenUp,
    KeyTooOld,
    NeverHappened,
    NotSentYet,
    ParametersMissing,
    StillUnknown,
    TooEarlyToGiveUp,
    Underway,
)
from azpay.operations.errands import Errand, carry_out
from azpay.operations.journal import (
    FailedBefore,
    KeyTaken,
    about,
    asked,
    asking,
    before_asking,
    fail,
    fingerprint,
    plan,
    say_unasked,
    succeed,
    underway,
)
from azpay.operations.leases import TRIES
from azpay.operations.looking import (
    Page,
    Query,
    Record,
    of,
    one,
    open_among,
    open_by_kind,
    open_now,
    page,
    unanswered_charges,
    waiting_for_a_person,
)
from azpay.operations.models import OPEN, Attempt, Kind, Operation, Outcome, State, Step
from azpay.operations.plain import Plain
from azpay.operations.resolving import Errands, OperationUnknown, Resolved, Resolver

__all__ = [
    "KEY_LIFE",
    "OPEN",
    "TRIES",
    "AnswerNotKept",
    "Answers",
    "Attempt",
    "Errand",
    "Errands",
    "FailedBefore",
    "GivenUp",
    "KeyTaken",
    "KeyTooOld",
    "Kind",
    "NeverHappened",
    "NotSentYet",
    "Operation",
    "OperationUnknown",
    "Outcome",
    "Page",
    "ParametersMissing",
    "Plain",
    "Query",
    "Record",
    "Resolved",
    "Resolver",
    "State",
    "Step",
    "StillUnknown",
    "TooEarlyToGiveUp",
    "Underway",
    "about",
    "asked",
    "asking",
    "before_asking",
    "carry_out",
    "count_by_state",
    "fail",
    "fingerprint",
    "is_old",
    "of",
    "one",
    "open_among",
    "open_by_kind",
    "open_now",
    "page",
    "plan",
    "say_unasked",
    "succeed",
    "unanswered_charges",
    "underway",
    "waiting_for_a_person",
]
