"""Payments, refunds and saved methods: taking money, giving it back, and what became of it."""

from azpay.payments.approvals import (
    AmountChanged,
    approve_refund,
    look_at_approval,
    refunds_waiting,
    reject_refund,
)
from azpay.payments.captures import NotCancelable, NotCapturable, cancel, capture
from azpay.payments.charges import SuspectedDuplicate, charge
from azpay.payments.counting import count_by_status
from azpay.payments.errands import ERRANDS
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
from azpay.payments.previews import (
    Preview,
    preview_cancel,
    preview_capture,
    preview_charge,
    preview_refund,
)
from azpay.payments.queries import Query, Sort
from azpay.payments.refundable import NothingToRefund, PaymentDisputed, RefundExceedsPayment
from azpay.payments.refunds import refund, underway
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
    "ERRANDS",
    "EVENTS",
    "OBJECTS",
    "REASONS",
    "TOGETHER",
    "AmountChanged",
    "CardNumberRefused",
    "ChargeRequest",
    "Customer",
    "NotCancelable",
    "NotCapturable",
    "NothingToRefund",
    "Origin",
    "Page",
    "Payment",
    "PaymentDisputed",
    "PaymentMethod",
    "PaymentStatus",
    "PaymentUnknown",
    "Preview",
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
    "approve_refund",
    "cancel",
    "capture",
    "charge",
    "count",
    "count_by_status",
    "find",
    "find_refund",
    "history",
    "look_at_approval",
    "preview_cancel",
    "preview_capture",
    "preview_charge",
    "preview_refund",
    "refund",
    "refunds_waiting",
    "reindex",
    "reject_refund",
    "story",
    "underway",
]
