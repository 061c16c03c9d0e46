"""Going on with what a command left open: ask again under the same key, look when it is too old, else wait.

The worker does this by itself for what is due; `azpay ops resolve` does it now. What an operation asks is
rebuilt from the operation alone, by a table of errands that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlmodel import Session

from azpay.db import new_id
from azpay.errors import AzpayError, NotFound
from azpay.gateway import StripeUnavailable
from azpay.operations import leases
from azpay.operations.ages import is_old
from azpay.operations.endings import GivenUp, TooEarlyToGiveUp
from azpay.operations.errands import Errand, carry_out
from azpay.operations.models import OPEN, Kind, Operation

if TYPE_CHECKING:
    from random import Random

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway

Rebuild = Callable[[Session, "Gateway", Operation, datetime], Errand[Any, Any]]
"""Makes the errand of an operation again, from what is on record."""


class OperationUnknown(NotFound):
    """No operation has this id."""

    code = "operation_unknown"

    def __init__(self, named: str) -> None:
        super().__init__(f"No operation goes by {named!r}.", hint="`azpay ops list --all` shows them.")


@dataclass(frozen=True, slots=True)
class Errands:
    """Which function makes the errand of each kind of operation again."""

    by_kind: Mapping[Kind, Rebuild]


class Resolved(NamedTuple):
    """An operation after a try to settle it, and what was heard when that was no yes."""

    operation: Operation
    error: AzpayError | None


@dataclass(frozen=True, slots=True)
class Resolver:
    """Settles operations without the commands that began them. Safe beside others of its kind."""

    db: Database
    gateway: Gateway
    errands: Errands
    chance: Random

    def run(self, *, clock: Callable[[], datetime], stopping: Callable[[], bool]) -> list[Resolved]:
        """Everything that is due, one after the other; no more of it once Stripe cannot be reached.

        Each at its own moment: a round may take hours, and a key grow too old in it.
        """
        done: list[Resolved] = []
        while not stopping():
            now = clock()
            lease = new_id("lease", now)
            operation = self.db.write(partial(leases.claim_next, lease=lease, now=now))
            if operation is None:
                break
            tried = self._go_on(operation, lease, now=now)
            done.append(self._postponed(tried, lease, now=now))
            if isinstance(tried.error and tried.error.__cause__, StripeUnavailable):
                break
        return done

    def resolve(self, named: str, *, now: datetime) -> Resolved:
        """One operation, now. Raises OperationUnknown; Underway when somebody has it in hand."""
        lease = new_id("lease", now)
        operation = self.db.write(lambda session: self._claimed(session, named, lease, now))
        if operation.state not in OPEN:
            return Resolved(operation, None)
        return self._go_on(operation, lease, now=now)

    def give_up(self, named: str, reason: str, *, now: datetime) -> Resolved:
        """Take a person's word that nothing came of it, if its key is old and Stripe has no trace of it.

        What Stripe does have is recorded instead. Raises TooEarlyToGiveUp, OperationUnknown, Underway.
        """
        lease = new_id("lease", now)
        operation = self.db.write(lambda session: self._claimed(session, named, lease, now, old=True))
        if operation.state not in OPEN:
            return Resolved(operation, None)
        return self._go_on(operation, lease, now=now, absent=GivenUp(reason))

    def _claimed(
        self, session: Session, named: str, lease: str, now: datetime, *, old: bool = False
    ) -> Operation:
        operation = session.get(Operation, named, with_for_update=True)
        if operation is None:
            raise OperationUnknown(named)
        if operation.state in OPEN and operation.lease != lease:
            if old and not is_old(operation, now):
                raise TooEarlyToGiveUp(named)
            leases.claim(session, operation, lease, now=now)
        return operation

    def _go_on(
        self, operation: Operation, lease: str, *, now: datetime, absent: AzpayError | None = None
    ) -> Resolved:
        with self.db.reading() as session:
            errand = self.errands.by_kind[operation.kind](session, self.gateway, operation, now)
        heard = None
        try:
            carry_out(self.db, operation, errand, now=now, lease=lease, absent=absent)
        except AzpayError as error:
            heard = error
        with self.db.reading() as session:
            return Resolved(session.get_one(Operation, operation.id), heard)

    def _postponed(self, tried: Resolved, lease: str, *, now: datetime) -> Resolved:
        def work(session: Session) -> Operation:
            operation = session.get_one(Operation, tried.operation.id, with_for_update=True)
            leases.postpone(operation, lease, self.chance, now=now)
            return operation

        if tried.operation.state not in OPEN:
            return tried
        return Resolved(self.db.write(work), tried.error)
