"""What we were told: Stripe's events, kept once and applied once."""

from azpay.inbox.handling import FetchFirst, Handler, Handlers
from azpay.inbox.intake import EventNotOurs, EventUnreadable, Received, keep, read, require_ours
from azpay.inbox.looking import Backlog, EventUnknown, about, backlog, one, page
from azpay.inbox.models import EventState, InboxEvent
from azpay.inbox.outcomes import Progress
from azpay.inbox.processing import process
from azpay.inbox.waking import listen

__all__ = [
    "Backlog",
    "EventNotOurs",
    "EventState",
    "EventUnknown",
    "EventUnreadable",
    "FetchFirst",
    "Handler",
    "Handlers",
    "InboxEvent",
    "Progress",
    "Received",
    "about",
    "backlog",
    "keep",
    "listen",
    "one",
    "page",
    "process",
    "read",
    "require_ours",
]
