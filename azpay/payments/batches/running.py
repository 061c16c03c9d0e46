"""Running a batch: a few rows in flight at a time, each under a key of its own.

A row goes through three short steps, so that a death between any two of them is harmless:

1. take it in hand;
2. charge or refund, under the row's key, which is the same in every run;
3. write down what became of it.

Two runs at once, or a run after one that died, may ask for the same row: the key makes that one movement. A
row in another run's hands is left for the end, out of courtesy and not for safety.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Lock
from typing import TYPE_CHECKING

from sqlmodel import col, select

from azpay.access import UNGUARDED
from azpay.db import new_id
from azpay.errors import AzpayError, OutcomeUnknown
from azpay.gateway.traces import watched
from azpay.operations import FailedBefore, Operation, State, say_unasked
from azpay.payments.batches.keeping import key_of
from azpay.payments.batches.models import UNFINISHED, Batch, BatchRow, RowState
from azpay.payments.batches.outcomes import Outcome, concerns_all, of_answer, of_earlier, of_error
from azpay.payments.batches.sending import Sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlmodel import Session

    from azpay.access import Guards
    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.payments.batches.asking import Terms

PAGE = 500
MOST_UNKNOWN = 3
"""So many outcomes unknown one after the other are Stripe's trouble, and not the rows'."""
GLANCE = timedelta(milliseconds=250)
GLANCES, STILL = 20, 4
"""How often to look at what others have in hand, and how often without a change before it is taken over."""


class TooManyUnknown(OutcomeUnknown):
    """One answer after the other was lost: rows that were not begun are left alone."""

    code = "too_many_unknown"

    def __init__(self, last: str | None) -> None:
        super().__init__(
            f"{MOST_UNKNOWN} outcomes one after the other are not known. The last: {last}",
            hint="The same command again, when Stripe answers, asks under the same keys.",
        )


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rows are in flight, what stops them, who is told of each one done, and how to wait."""

    clock: Callable[[], datetime]
    at_once: int = 4
    stop: Event = field(default_factory=Event)
    progress: Callable[[int], None] = lambda _done: None
    pause: Callable[[float], None] = time.sleep


def run(
    db: Database,
    gateway: Gateway,
    batch: Batch,
    terms: Terms,
    *,
    pace: Pace,
    guards: Guards = UNGUARDED,
) -> AzpayError | None:
    """Move what the batch has not moved yet; the trouble that stopped it, if something did.

    Each row moves its money once, however often and by however many a batch is run. What concerns one row
    stops nothing; what concerns all leaves those that were not begun as they are. `pace.stop` lets the rows
    in flight end.
    """
    sender = Sender(db, gateway, batch.kind, terms, guards)
    work = _Work(db, sender, batch.id, pace, new_id("run", pace.clock()))
    with watched() as watch:
        work.all_hands()
        work.wait_for_others()
        work.all_hands(taking_over=True)
    if work.trouble is not None:
        say_unasked(work.trouble, watch)
    return work.trouble


@dataclass(slots=True)
class _Work:
    """Rows on their way from the book through some hands and back."""

    db: Database
    sender: Sender
    batch: str
    pace: Pace
    holder: str
    trouble: AzpayError | None = None
    unknown: int = 0
    after: str = ""
    ready: deque[str] = field(default_factory=deque)
    held: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def all_hands(self, *, taking_over: bool = False) -> None:
        """Until no row is left, or something stops it."""
        if taking_over:
            self.ready.extend(self.held)
        with ThreadPoolExecutor(self.pace.at_once, "row") as pool:
            hand = partial(self._hand, taking_over=taking_over)
            hands = [pool.submit(copy_context().run, hand) for _ in range(self.pace.at_once)]
        for each in hands:
            each.result()

    def wait_for_others(self) -> None:
        """As long as another run gets on with what it has in hand."""
        unchanged = 0
        for _ in range(GLANCES):
            if not self.held or unchanged == STILL or self._is_over():
                return
            self.pace.pause(GLANCE.total_seconds())
            left = self._still_held()
            unchanged = unchanged + 1 if len(left) == len(self.held) else 0
            self.held = left

    def _still_held(self) -> list[str]:
        held = select(BatchRow.id).where(col(BatchRow.id).in_(self.held), col(BatchRow.state).in_(UNFINISHED))
        with self.db.reading() as session:
            return list(session.exec(held.order_by(col(BatchRow.id))))

    def _is_over(self) -> bool:
        return self.trouble is not None or self.pace.stop.is_set()

    def _hand(self, *, taking_over: bool) -> None:
        try:
            while (identity := self._next()) is not None:
                self._one(identity, taking_over=taking_over)
        except AzpayError as error:  # the book's: what is in hand stays so, and is asked for again
            self.trouble = self.trouble or error
        except BaseException:
            self.pace.stop.set()
            raise

    def _next(self) -> str | None:
        with self.lock:
            if self._is_over():
                return None
            if not self.ready:
                self._turn_page()
            return self.ready.popleft() if self.ready else None

    def _turn_page(self) -> None:
        page = (
            select(BatchRow.id)
            .where(
                BatchRow.batch_id == self.batch, col(BatchRow.state).in_(UNFINISHED), BatchRow.id > self.after
            )
            .order_by(col(BatchRow.id))
            .limit(PAGE)
        )
        with self.db.reading() as session:
            self.ready.extend(session.exec(page))
        self.after = self.ready[-1] if self.ready else self.after

    def _one(self, identity: str, *, taking_over: bool) -> None:
        row = self.db.write(lambda session: self._take(session, identity, taking_over=taking_over))
        if row is None:
            self.pace.progress(1)
        elif row.holder != self.holder:
            self.held.append(identity)
        else:
            outcome, error = self._sent(row)
            self._follow(row, self.db.write(lambda session: self._keep(session, row, outcome)), error)

    def _take(self, session: Session, identity: str, *, taking_over: bool) -> BatchRow | None:
        """The row, ours if nobody else has it in hand; None when it is done, or not this batch's any more."""
        row = session.get_one(BatchRow, identity, with_for_update=True)
        if row.state not in UNFINISHED:
            return None
        if row.state is not RowState.STARTED or taking_over:
            row.state, row.holder = RowState.STARTED, self.holder
        return row

    def _sent(self, row: BatchRow) -> tuple[Outcome, AzpayError | None]:
        try:
            return of_answer(self.sender.send(row, now=self.pace.clock())), None
        except FailedBefore as error:
            return self._as_it_failed(row, error), error
        except AzpayError as error:
            return of_error(error), error

    def _as_it_failed(self, row: BatchRow, error: FailedBefore) -> Outcome:
        with self.db.reading() as session:
            operation = _operation(session, row.idempotency_key)
        return of_earlier(operation) if operation is not None else of_error(error)

    def _keep(self, session: Session, row: BatchRow, outcome: Outcome) -> RowState:
        """What stands of the row now. A movement on record is not overwritten by a no."""
        kept = session.get_one(BatchRow, row.id, with_for_update=True)
        moved = outcome.state in {RowState.SUCCEEDED, RowState.PENDING}
        if kept.state in UNFINISHED and outcome.state is RowState.PLANNED:
            self._begin_anew(session, kept, row)
        elif kept.state in UNFINISHED or moved:
            kept.state = outcome.state
            kept.error_code, kept.error_message = outcome.code, outcome.message
            kept.settled_at = None if outcome.state is RowState.UNKNOWN else self.pace.clock()
        return kept.state

    def _begin_anew(self, session: Session, kept: BatchRow, row: BatchRow) -> None:
        """As if it had not begun. Only an operation that failed for good lets the row have another key."""
        operation = _operation(session, row.idempotency_key)
        if kept.idempotency_key != row.idempotency_key or kept.holder != self.holder:
            return
        if operation is not None and operation.state is State.FAILED:
            kept.attempt += 1
            kept.idempotency_key = key_of(kept.id, kept.attempt)
        elif operation is not None:
            kept.state = RowState.UNKNOWN
            return
        kept.state = RowState.PLANNED

    def _follow(self, row: BatchRow, state: RowState, error: AzpayError | None) -> None:
        """Go on, go on with this very row, or stop."""
        with self.lock:
            if state is not RowState.UNKNOWN:
                self.unknown = 0
            elif row.error_code is None:  # what was unknown before says nothing of Stripe today
                self.unknown += 1
            if error is not None and concerns_all(error):
                self.trouble = self.trouble or error
            elif self.unknown >= MOST_UNKNOWN:
                self.trouble = self.trouble or TooManyUnknown(error.message if error else None)
            elif state is RowState.PLANNED:
                self.ready.append(row.id)
                return
        self.pace.progress(1)


def _operation(session: Session, key: str) -> Operation | None:
    return session.exec(select(Operation).where(Operation.idempotency_key == key)).one_or_none()
