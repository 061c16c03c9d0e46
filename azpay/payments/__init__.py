"""Payments, refunds and saved methods: taking money, giving it back, and what became of it."""

from azpay.payments.captures import NotCancelable, NotCapturable, cancel, capture
from azpay.payments.charges import SuspectedDuplicate, charge
from azpay.payments.counting import count_by_status
from azpay.payments.finding import PaymentUnknown, SeveralPayments, find, find_refund
from azpay.payments.handlers import EVENTS, OBJECTS, TOGETHER
from azpay.payments.history import Page, Story, count, history, story
from azpay.payments.models import (
    Customer,
    Origin,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Refund,
    RefundStatus,
)
from azpay.payments.queries import CursorInvalid, Query, Sort
from azpay.payments.refunds import NothingToRefund, RefundExceedsPayment, refund, underway
from azpay.payments.requests import (
    CANCEL_REASONS,
    REASONS,
    CardNumberRefused,
    ChargeRequest,
    RefundRequest,
    RequestInvalid,
)
from azpay.payments.searching import reindex

__all__ = [
    "CANCEL_REASONS",
    "EVENTS",
    "OBJECTS",
    "REASONS",
    "TOGETHER",
    "CardNumberRefused",
    "ChargeRequest",
    "CursorInvalid",
    "Customer",
    "NotCancelable",
    "NotCapturable",
    "NothingToRefund",
    "Origin",
    "Page",
    "Payment",
    "PaymentMethod",
    "PaymentStatus",
    "PaymentUnknown",
    "Query",
    "Refund",
    "RefundExceedsPayment",
    "RefundRequest",
    "RefundStatus",
    "RequestInvalid",
    "SeveralPayments",
    "Sort",
    "Story",
    "SuspectedDuplicate",
    "cancel",
    "capture",
    "charge",
    "count",
    "count_by_status",
    "find",
    "find_refund",
    "history",
    "refund",
    "reindex",
    "story",
    "underway",
]
