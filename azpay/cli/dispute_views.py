"""Disputes, early fraud warnings and reviews as people see them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from azpay.cli.dates import shown
from azpay.cli.tables import Block, Column, Fields, Table
from azpay.money import Money
from azpay.payments.dispute_transitions import AWAITED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from azpay.payments.disputes import Case, CaseStory, Objections
    from azpay.payments.objections import EarlyFraudWarning, Review
    from azpay.settlement import BalanceTransaction

WORDS: Mapping[str, str] = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry sent",
    "warning_closed": "inquiry over",
    "needs_response": "needs answer",
    "under_review": "under review",
    "appeal_needs_response": "appealed",
    "appeal_under_review": "appeal sent",
    "unheard_of": "new to azpay",
}
"""What people see in the place of Stripe's longer words."""
STYLES: Mapping[str, str] = {
    "needs answer": "bold red",
    "inquiry": "yellow",
    "appealed": "bold red",
    "new to azpay": "bold red",
    "under review": "yellow",
    "lost": "red",
    "won": "green",
}
ADVICE: Mapping[str, str] = {
    "warning_needs_response": "Answer the inquiry in Stripe's dashboard, or refund in full: that ends it.",
    "warning_under_review": "Wait for the bank; a refund in full ends it.",
    "needs_response": "Answer it in Stripe's dashboard, once and whole; without an answer it is lost.",
    "under_review": "Wait for the bank: it takes up to 75 days, and refunds are not possible meanwhile.",
    "appeal_needs_response": "The bank appealed: answer in Stripe's dashboard.",
    "appeal_under_review": "Wait for the bank's last word.",
    "unheard_of": "Look at it in Stripe's dashboard; a newer azpay may have a word for its status.",
    "lost": "The money stays with the customer: there is nothing left to refund.",
}


def status_word(status: str) -> str:
    return WORDS.get(status, status)


def deadline(due: datetime | None, now: datetime) -> str:
    """How long until an answer is due, in days that are left in full; `2 days late` after it."""
    if due is None:
        return ""
    late, left = due < now, abs(due - now)
    days, hours = left.days, left // timedelta(hours=1)
    told = _counted(days, "day") if days else _counted(hours, "hour")
    return f"{told} late" if late else f"{told} left"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def table(cases: Sequence[Case], now: datetime, zone: tzinfo) -> Table:
    """Disputes, a line each."""
    columns = [
        Column("Raised"),
        Column("Dispute"),
        Column("Amount", right=True),
        Column("Status", style=STYLES),
        Column("Answer by", drop=1),
        Column("Taken", right=True, drop=3),
        Column("Reason", drop=2),
        Column("Payment", drop=4),
    ]
    return Table(columns, [_row(case, now, zone) for case in cases], empty="No disputes.")


def _row(case: Case, now: datetime, zone: tzinfo) -> list[str]:
    dispute = case.dispute
    return [
        shown(dispute.created_at, zone)[:10],
        dispute.dispute,
        Money(dispute.amount, dispute.currency).display(),
        status_word(dispute.status),
        deadline(dispute.due_at, now) if dispute.status in AWAITED else "",
        taken(case),
        dispute.reason,
        dispute.payment_id or "",
    ]


def taken(case: Case) -> str:
    """What it has cost the balance, the fee included; nothing where nothing moved."""
    return Money(case.taken, case.lines[0].currency).display() if case.lines else ""


def warnings_table(warnings: Sequence[EarlyFraudWarning], zone: tzinfo) -> Table:
    columns = [
        Column("Warned"),
        Column("Warning"),
        Column("Fraud", fold=True),
        Column("A refund helps", drop=1),
        Column("Payment", drop=2),
    ]
    rows = [
        [
            shown(warning.created_at, zone)[:10],
            warning.warning,
            warning.fraud_type.replace("_", " "),
            "yes" if warning.actionable else "no longer",
            warning.payment_id or "",
        ]
        for warning in warnings
    ]
    return Table(columns, rows)


def fields(case: Case, now: datetime, zone: tzinfo) -> Fields:
    """One dispute: what is at stake and what to do first, what it is called after."""
    dispute = case.dispute
    pairs: list[tuple[str, str | None]] = [
        ("Dispute", dispute.dispute),
        ("Answer by", _answer_by(case, now, zone)),
        ("At stake", _at_stake(case)),
        ("What to do", ADVICE.get(dispute.status)),
        ("Reason", _reason(case)),
        ("Evidence", _evidence(case)),
        ("Payment", dispute.payment_id),
        ("Charge", dispute.charge),
        ("Raised", shown(dispute.created_at, zone)),
    ]
    amount = Money(dispute.amount, dispute.currency)
    return Fields(
        [(label, value) for label, value in pairs if value],
        title=f"{status_word(dispute.status)}  {amount.display()}",
    )


def _answer_by(case: Case, now: datetime, zone: tzinfo) -> str | None:
    dispute = case.dispute
    if dispute.due_at is None or dispute.status not in AWAITED:
        return None
    return f"{shown(dispute.due_at, zone)} ({deadline(dispute.due_at, now)})"


def _at_stake(case: Case) -> str:
    if not case.lines:
        amount = Money(case.dispute.amount, case.dispute.currency).display()
        return f"{amount}, which has not moved"
    currency = case.lines[0].currency
    fee = Money(case.fee, currency).display()
    return f"{Money(case.taken, currency).display()} taken from the balance, {fee} of it Stripe's fee"


def _reason(case: Case) -> str:
    code = case.dispute.network_reason_code
    return case.dispute.reason.replace("_", " ") + (f" (the network's {code})" if code else "")


def _evidence(case: Case) -> str:
    if case.dispute.submissions:
        return f"sent {_counted(case.dispute.submissions, 'time')}"
    return "staged, not sent" if case.dispute.has_evidence else "none"


def story(told: CaseStory, now: datetime, zone: tzinfo) -> list[Block]:
    """One dispute with all that is known of it; a part that is empty is left out."""
    parts: list[Block] = [fields(told.case, now, zone)]
    if told.case.lines:
        parts += ["\nMoney at Stripe", lines_table(told.case.lines, zone)]
    if told.warnings:
        parts += ["\nEarly fraud warnings", warnings_table(told.warnings, zone)]
    if told.events:
        rows = [[shown(event.created_at, zone), event.type, event.event] for event in told.events]
        parts += ["\nWhat Stripe told", Table([Column("When"), Column("Event"), Column("Id", drop=1)], rows)]
    return parts


def lines_table(lines: Sequence[BalanceTransaction], zone: tzinfo) -> Table:
    """Lines of Stripe's ledger."""
    columns = [
        Column("When"),
        Column("Line"),
        Column("What"),
        *(Column(title, right=True) for title in ("Amount", "Fee", "Net")),
    ]
    rows = [
        [
            shown(line.created_at, zone)[:10],
            line.balance_transaction,
            line.reporting_category or line.type,
            *(Money(part, line.currency).display() for part in (line.amount, line.fee, line.net)),
        ]
        for line in lines
    ]
    return Table(columns, rows)


def objections(found: Objections, now: datetime, zone: tzinfo) -> list[Block]:
    """What stands against a payment; a part that is empty is left out."""
    parts: list[Block] = []
    if found.disputes:
        parts += ["\nDisputes", table(found.disputes, now, zone)]
    if found.warnings:
        parts += ["\nEarly fraud warnings", warnings_table(found.warnings, zone)]
    if found.reviews:
        parts += ["\nReviews", _reviews_table(found.reviews, zone)]
    return parts


def _reviews_table(reviews: Sequence[Review], zone: tzinfo) -> Table:
    columns = [Column("Opened"), Column("Review"), Column("Why"), Column("Outcome")]
    rows = [
        [
            shown(review.created_at, zone)[:10],
            review.review,
            review.reason,
            "open" if review.open else (review.closed_reason or "closed").replace("_", " "),
        ]
        for review in reviews
    ]
    return Table(columns, rows)
