"""What we were told: Stripe's events, kept once and applied once."""

from azpay.inbox.again import YOUNGEST, Chosen, NoneChosen, TooYoung, purge, replay, retry
from azpay.inbox.handling import FetchFirst, Group, Handler, Handlers, Together, Waiting, Weighed
from azpay.inbox.intake import EventNotOurs, EventUnreadable, Received, keep, read, require_ours
from azpay.inbox.looking import (
    Backlog,
    EventUnknown,
    Match,
    about,
    backlog,
    body_of,
    lead,
    matches,
    one,
    page,
)
from azpay.inbox.models import EventState, InboxBody, InboxEvent
from azpay.inbox.outcomes import Outcome, Progress, Spent
from azpay.inbox.processing import process
from azpay.inbox.registration import EndpointURLInvalid, Registered, SecretNotKnown, register
from azpay.inbox.sweeping import ALARM, SWEEP, Ours, Swept, sweep
from azpay.inbox.sweeping import age as sweep_age
from azpay.inbox.waking import listen

__all__ = [
    "ALARM",
    "SWEEP",
    "YOUNGEST",
    "Backlog",
    "Chosen",
    "EndpointURLInvalid",
    "EventNotOurs",
    "EventState",
    "EventUnknown",
    "EventUnreadable",
    "FetchFirst",
    "Group",
    "Handler",
    "Handlers",
    "InboxBody",
    "InboxEvent",
    "Match",
    "NoneChosen",
    "Ours",
    "Outcome",
    "Progress",
    "Received",
    "Registered",
    "SecretNotKnown",
    "Spent",
    "Swept",
    "Together",
    "TooYoung",
    "Waiting",
    "Weighed",
    "about",
    "backlog",
    "body_of",
    "keep",
    "lead",
    "listen",
    "matches",
    "one",
    "page",
    "process",
    "purge",
    "read",
    "register",
    "replay",
    "require_ours",
    "retry",
    "sweep",
    "sweep_age",
]
