"""Many events at once: what they are about is loaded together, each is told in memory, and all is written.

What an event changes is said in `records`, as for the handlers; what is known before it is the row, then what
the events before it have made of the row. An event that would ask Stripe for something is told once more
after the others of its group: they may have brought it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from azpay import settlement
from azpay.db.drafts import write
from azpay.inbox import FetchFirst, Group, Weighed
from azpay.payments import drafts
from azpay.payments.records import moment
from azpay.payments.searching import index_rows
from azpay.payments.tales import Changes, Tale

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlmodel import Session

    from azpay.inbox import Waiting
    from azpay.inbox.handling import Unclear
    from azpay.payments.drafts import Desk, PaymentDraft
    from azpay.payments.tales import Kind

WRITTEN = (drafts.CUSTOMERS, drafts.PAYMENTS, drafts.REFUNDS, drafts.METHODS)
"""As Stripe's ids sort, cus_ before pi_ before pm_: halves of a batch are written in the same order."""

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, OverflowError, OSError)


class _Read(NamedTuple):
    event: Waiting
    kind: Kind
    tale: Tale


class Weighing:
    """What many events of these types come to."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds

    @property
    def types(self) -> Collection[str]:
        return self._kinds.keys()

    @property
    def fetches(self) -> Collection[str]:
        """Ledger lines never change, so the order in which they are taken in is nothing to decide."""
        return (settlement.KIND,)

    def weigh(
        self, session: Session, events: Sequence[Waiting], fetched: Sequence[Any], now: datetime
    ) -> Weighed:
        names, groups = drafts.Names(), self._grouped(events)
        for each in (each for group in groups for each in group):
            each.kind.name(names, each.tale.object)
        desk = drafts.load(session, names, fetched)
        told = [_told(desk, group, now) for group in groups]
        return Weighed(
            [group for group, _ in told if group.events],
            [asking for _, unclear in told for asking in unclear],
        )

    def write(self, session: Session, groups: Sequence[Group], now: datetime) -> None:  # noqa: ARG002
        connection, changes = session.connection(), [group.changes for group in groups]
        for table in WRITTEN:
            write(connection, table, [held for each in changes for held in each.in_table(table)])
        index_rows(connection, [_searched(held.row) for each in changes for held in each.new_payments()])
        settlement.take_in_all(session, [line for each in changes for line in each.lines])
        for settle in (settle for each in changes for settle in each.settle):
            settle(session)

    def _grouped(self, events: Sequence[Waiting]) -> list[list[_Read]]:
        """Those that can be read, by what they are about, and in the order in which new rows are written."""
        groups: dict[str, list[_Read]] = defaultdict(list)
        for event in events:
            kind = self._kinds[event.type]
            try:
                told = kind.decoder.decode(event.payload)
                tale = Tale(told.data.object, event.type, moment(told.created))
            except UNREADABLE:
                continue  # its handler says what is wrong with it
            groups[kind.subject(tale.object)].append(_Read(event, kind, tale))
        return [groups[subject] for subject in sorted(groups)]


def _told(desk: Desk, events: list[_Read], now: datetime) -> tuple[Group, list[Unclear]]:
    group = Group(changes=Changes())
    try:
        asking = _tell_all(desk, group, events, now)
        while asking and len(asking) < len(events):
            events = [each for each, _ in asking]
            asking = _tell_all(desk, group, events, now)
    except Exception:  # whatever is wrong shows when each is applied by itself
        return Group(), []
    return group, [(each.event, wanted) for each, wanted in asking]


def _tell_all(desk: Desk, group: Group, events: list[_Read], now: datetime) -> list[tuple[_Read, FetchFirst]]:
    """Tell these, in the order in which they came; those that ask for something of Stripe's."""
    asking = []
    for each in events:
        try:
            each.kind.tell(desk, group.changes, each.tale, now)
        except FetchFirst as wanted:
            asking.append((each, wanted))
        else:
            group.events.append(each.event)
    return asking


def _searched(payment: PaymentDraft) -> dict[str, Any]:
    return {
        "id": payment.id,
        "description": payment.description,
        "reference": payment.reference,
        "receipt_email": payment.receipt_email,
        "metadata": payment.metadata_,
    }
