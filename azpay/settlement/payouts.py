"""Taking in payouts and the balance, from events and from Stripe's own answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import update
from sqlmodel import Session, col

from azpay.db.upsert import keep_new
from azpay.gateway import objects
from azpay.inbox import FetchFirst
from azpay.inbox.handling import object_of
from azpay.settlement.lines import expect, take_in
from azpay.settlement.models import Balance, BalanceTransaction, Payout
from azpay.settlement.transitions import OnlyStripeKnows, advance, advance_on_answer, is_newer, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from azpay.settlement.models import PayoutStatus

    Advance = Callable[[PayoutStatus, PayoutStatus], PayoutStatus]

PAYOUT, PAYOUT_LINES = "payout", "payout_lines"
AT_ONCE = 500
DETAILS = (
    "amount", "currency", "automatic", "method", "type", "destination", "description", "statement_descriptor",
    "reconciliation_status", "failure_code", "failure_message", "original_payout", "reversed_by",
)  # fmt: skip


def on_payout(session: Session, event: objects.Event, now: datetime) -> None:
    told = object_of(event, objects.Payout)
    try:
        with session.begin_nested():
            _absorb_report(session, told, at=_moment(event.created), now=now)
    except OnlyStripeKnows:
        raise FetchFirst(PAYOUT, told.id) from None
    _expect_lines(session, told, now)


def on_reconciled(session: Session, event: objects.Event, _now: datetime) -> None:
    """From now on Stripe says what the payout is made of; once it has said so, it is never asked again."""
    told = object_of(event, objects.Payout)
    known = session.get(Payout, told.id)
    if known is None or known.itemized_at is None:
        raise FetchFirst(PAYOUT_LINES, told.id)


def take_in_payout(session: Session, answered: objects.Payout, now: datetime) -> None:
    """Record a payout as Stripe has it, with the lines of its going out and, if it did, its coming back."""
    ours = _row(session, answered, max(now, _moment(answered.created)), now)
    _tell(ours, answered, advance_on_answer, now)
    ours.as_of = max(ours.as_of, now)
    _expect_lines(session, answered, now)
    session.flush()


def take_in_itemized(session: Session, answered: objects.Itemized, now: datetime) -> None:
    """Record a payout with its ledger lines, each of which now says which payout brought it."""
    for line in answered.lines:
        take_in(session, line, now)
    take_in_payout(session, answered.payout, now)
    named = [line.id for line in answered.lines]
    for begin in range(0, len(named), AT_ONCE):
        some = col(BalanceTransaction.balance_transaction).in_(named[begin : begin + AT_ONCE])
        brought = update(BalanceTransaction).where(some).values(payout=answered.payout.id)
        session.connection().execute(brought)
    session.get_one(Payout, answered.payout.id).itemized_at = now
    session.flush()


def on_balance(session: Session, event: objects.Event, now: datetime) -> None:
    take_in_balance(session, object_of(event, objects.Balance), at=_moment(event.created), now=now)


def take_in_balance(session: Session, told: objects.Balance, *, at: datetime, now: datetime) -> None:
    """Record what the account holds in each currency, unless something newer is known."""
    available = {funds.currency: funds.amount for funds in told.available}
    pending = {funds.currency: funds.amount for funds in told.pending}
    for currency in sorted({*available, *pending}):
        held = Balance(currency=currency, available=0, pending=0, as_of=at, updated_at=now)
        keep_new(session, [held])
        ours = session.get_one(Balance, currency, with_for_update=True)
        if at >= ours.as_of:
            ours.available, ours.pending = available.get(currency, 0), pending.get(currency, 0)
            ours.as_of, ours.updated_at = at, now
    session.flush()


def _absorb_report(session: Session, told: objects.Payout, *, at: datetime, now: datetime) -> None:
    """What differs is believed from the newer report. Raises OnlyStripeKnows where none is."""
    ours = _row(session, told, at, now)
    if all(getattr(ours, name) == value for name, value in _details(told).items()):
        ours.status = advance(ours.status, read(told.status))
    elif is_newer(at, ours.as_of):
        _tell(ours, told, advance, now)
    ours.as_of, ours.updated_at = max(ours.as_of, at), now
    session.flush()


def _row(session: Session, told: objects.Payout, at: datetime, now: datetime) -> Payout:
    new = Payout(
        payout=told.id,
        status=read(told.status),
        livemode=told.livemode,
        as_of=at,
        created_at=_moment(told.created),
        updated_at=now,
        **_details(told),
    )
    keep_new(session, [new])
    return session.get_one(Payout, told.id, with_for_update=True)


def _details(told: objects.Payout) -> dict[str, Any]:
    """What may change while a payout is on its way."""
    return {
        **{name: getattr(told, name) for name in DETAILS},
        "arrives_at": _moment(told.arrival_date),
        "trace_status": told.trace_id.status if told.trace_id else None,
        "trace_id": told.trace_id.value if told.trace_id else None,
        "balance_transaction": _named(told.balance_transaction),
        "failure_balance_transaction": _named(told.failure_balance_transaction),
    }


def _tell(ours: Payout, told: objects.Payout, advance: Advance, now: datetime) -> None:
    """An answer or report that is too late for the status is too late for the rest."""
    status = advance(ours.status, read(told.status))
    if status is read(told.status):
        for name, value in _details(told).items():
            setattr(ours, name, value)
    ours.status, ours.updated_at = status, now


def _expect_lines(session: Session, told: objects.Payout, now: datetime) -> None:
    """The payout's own line, and the one that brought its money back."""
    expect(session, told.balance_transaction, now)
    expect(session, told.failure_balance_transaction, now)


def _named(line: str | objects.BalanceTransaction | None) -> str | None:
    return line.id if isinstance(line, objects.BalanceTransaction) else line


def _moment(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


EVENTS: dict[str, Any] = {
    **dict.fromkeys(
        ("payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.canceled"), on_payout
    ),
    "payout.reconciliation_completed": on_reconciled,
    "balance.available": on_balance,
}
OBJECTS: dict[str, Any] = {PAYOUT: take_in_payout, PAYOUT_LINES: take_in_itemized}
