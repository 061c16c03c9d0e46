"""What we were told: Stripe's events, kept once and applied once."""

from azpay.inbox.again import YOUNGEST, Chosen, NoneChosen, TooYoung, purge, replay, retry
from azpay.inbox.handling import FetchFirst, Handler, Handlers
from azpay.inbox.intake import EventNotOurs, EventUnreadable, Received, keep, read, require_ours
from azpay.inbox.looking import Backlog, EventUnknown, Match, about, backlog, matches, one, page
from azpay.inbox.models import EventState, InboxEvent
from azpay.inbox.outcomes import Progress
from azpay.inbox.processing import process

__all__ = [
    "YOUNGEST",
    "Backlog",
    "Chosen",
    "EventNotOurs",
    "EventState",
    "EventUnknown",
    "EventUnreadable",
    "FetchFirst",
    "Handler",
    "Handlers",
    "InboxEvent",
    "Match",
    "NoneChosen",
    "Progress",
    "Received",
    "TooYoung",
    "about",
    "backlog",
    "keep",
    "matches",
    "one",
    "page",
    "process",
    "purge",
    "read",
    "replay",
    "require_ours",
    "retry",
]
