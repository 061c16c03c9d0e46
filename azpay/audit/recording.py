"""Writing acts down, in the transaction of each.

An act waits in its session and becomes an entry when the transaction commits. Only then is the chain locked,
after everything else that the transaction locks: whoever waits for the chain holds nothing that its holder
still needs, so there is no deadlock, and the lock is short. What rolls back, savepoints included, takes its
acts with it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import event, insert
from sqlmodel import Session, col, select

from azpay.audit.chain import GENESIS, Detail, Details, Entry, Head, digest
from azpay.audit.models import AuditEntry, identity
from azpay.audit.reading import details_in, sealed_part
from azpay.db import actor_of, take_turn
from azpay.db.engines import WRITES
from azpay.db.sealing import current
from azpay.logs import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import SessionTransaction

    from azpay.db import Database
    from azpay.money import Money

NONE: Details = MappingProxyType({})
WAITING = "azpay_acts"
SALT_BYTES = 16
_DIGEST = re.compile("[0-9a-f]{64}")


class About(NamedTuple):
    """What an act was done to, such as an operation and its id; and the payment that this belongs to."""

    kind: str
    id: str
    payment: str | None = None

    @property
    def thing(self) -> tuple[str, str]:
        return self.kind, self.id


class OnlyLooking(TypeError):
    """An act was to be recorded in a session that commits nothing."""


@dataclass(slots=True)
class _Act:
    """One that waits for the commit; `within` is the savepoint, or the transaction, that it belongs to."""

    at: datetime
    actor: str
    action: str
    about: About
    within: SessionTransaction | None
    reason: str | None
    details: dict[str, Detail]
    concludes: bool = False


def record(
    session: Session,
    action: str,
    about: About,
    *,
    now: datetime,
    reason: str | None = None,
    details: Details = NONE,
) -> None:
    """Write down an act with the caller's transaction: by whom, the session knows.

    Details are amounts, ids and words. Keys, card numbers and e-mail addresses are taken out of every text.
    """
    _wait(session, _Act(now, actor_of(session), action, about, _within(session), reason, {**details}))


def conclude(session: Session, action: str, about: About, *, now: datetime, details: Details = NONE) -> None:
    """`record` for what ends an act: the entry repeats what the first one about the same thing told."""
    record(session, action, about, now=now, details=details)
    session.info[WAITING][-1].concludes = True


def add(session: Session, about: About, *, reason: str | None = None, details: Details) -> None:
    """Tell more about what this transaction has just recorded of a thing; nothing where it has not."""
    waiting: list[_Act] = session.info.get(WAITING, [])
    act = next((each for each in reversed(waiting) if each.about.thing == about.thing), None)
    if act is not None:
        act.about = about
        act.reason = reason or act.reason
        act.details |= details


def note(
    db: Database,
    action: str,
    about: About,
    *,
    now: datetime,
    reason: str | None = None,
    details: Details = NONE,
) -> None:
    """`record` in a transaction of its own, for what is done outside the book."""
    db.write(lambda session: record(session, action, about, now=now, reason=reason, details=details))


def amount_of(money: Money) -> Details:
    """An amount as details tell it."""
    return {"amount": money.amount, "currency": money.currency}


def last(session: Session) -> Head | None:
    """The end of the chain."""
    newest = select(AuditEntry.sequence, AuditEntry.hash).order_by(col(AuditEntry.sequence).desc())
    found = session.exec(newest.limit(1)).one_or_none()
    return None if found is None else Head(*found)


def _within(session: Session) -> SessionTransaction | None:
    return session.get_nested_transaction() or session.get_transaction()


def _wait(session: Session, act: _Act) -> None:
    if not session.get_bind().get_execution_options().get(WRITES, False):
        raise OnlyLooking("Acts are recorded where they are committed: in `writing()` or `write()`.")
    if WAITING not in session.info:
        session.info[WAITING] = []
        event.listen(session, "before_commit", _write)
        event.listen(session, "after_soft_rollback", _forget)
    session.info[WAITING].append(act)


def _forget(session: Session, undone: SessionTransaction) -> None:
    """Nothing happened of what was recorded in that savepoint, or in one inside it."""
    session.info[WAITING] = [act for act in session.info[WAITING] if not _inside(act.within, undone)]


def _inside(within: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while within is not None:
        if within is outer:
            return True
        within = within.parent
    return False


def _write(session: Session) -> None:
    """Make entries of the acts, at the end of the chain, which nobody else can append to from here on."""
    if session.in_nested_transaction() or not session.info[WAITING]:
        return
    acts: list[_Act] = session.info[WAITING]
    session.info[WAITING] = []
    session.flush()
    _repeat(session, acts)
    current(session.connection())  # the key is looked up before the chain is locked, not while it is
    take_turn(session, "audit")
    session.connection().execute(insert(AuditEntry), list(_rows(acts, last(session) or Head(0, GENESIS))))


def _repeat(session: Session, acts: Sequence[_Act]) -> None:
    """Give those that conclude something what was told when it began."""
    begun: dict[tuple[str, str], tuple[About, dict[str, Detail]]] = {}
    wanted = {act.about.id for act in acts if act.concludes}
    for entry in _about(session, wanted):
        about = About(entry.object_kind, entry.object_id, entry.payment_id)
        begun.setdefault(about.thing, (about, details_in(entry.facts)["details"]))
    for act in acts:
        about, details = begun.setdefault(act.about.thing, (act.about, act.details))
        if act.concludes:
            act.about, act.details = about, details | act.details


def _about(session: Session, wanted: set[str]) -> Iterable[AuditEntry]:
    if not wanted:
        return ()
    oldest = select(AuditEntry).where(col(AuditEntry.object_id).in_(wanted))
    return session.exec(oldest.order_by(col(AuditEntry.sequence))).all()


def _rows(acts: Iterable[_Act], head: Head) -> Iterable[dict[str, Any]]:
    for act in acts:
        entry = _entry(act, head)
        head = Head(entry.sequence, digest(entry))
        yield {
            "id": identity(entry.sequence),
            "sequence": entry.sequence,
            "at": entry.at,
            "actor": entry.actor,
            "action": entry.action,
            "object_kind": entry.object_kind,
            "object_id": entry.object_id,
            "payment_id": entry.payment,
            "facts": sealed_part(entry, head.hash),
            "previous_hash": entry.previous,
            "hash": head.hash,
        }


def _entry(act: _Act, head: Head) -> Entry:
    return Entry(
        sequence=head.sequence + 1,
        at=act.at,
        actor=_storable(act.actor),
        action=act.action,
        object_kind=act.about.kind,
        object_id=_storable(act.about.id),
        payment=act.about.payment,
        reason=None if act.reason is None else _cleaned(act.reason),
        details={name: _clean(value) for name, value in act.details.items()},
        salt=secrets.token_hex(SALT_BYTES),
        previous=head.hash,
    )


def _clean(value: Detail) -> Detail:
    if isinstance(value, str):
        return _cleaned(value)
    return value if value is None or isinstance(value, int) else [_cleaned(each) for each in value]


def _cleaned(text: str) -> str:
    """Without secrets. Digits of a hash may look like a card's number, and are none."""
    return text if _DIGEST.fullmatch(text) else redact(_storable(text))


def _storable(text: str) -> str:
    """What every store and every terminal's encoding can hold."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
