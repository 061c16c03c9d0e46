"""One comparison of a period, from opening a run to closing it.

A run is complete only when both sides were read to their end. One that stops for whatever reason, a throttled
or unreachable Stripe or a person's Ctrl-C, stays incomplete, and what it did find is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select

from azpay import audit
from azpay.db import new_id
from azpay.db.database import DatabaseUnavailable
from azpay.db.upsert import keep_new
from azpay.errors import AzpayError, Failed, NotFound
from azpay.reconciliation.comparison import Comparison, Pace
from azpay.reconciliation.models import Drift, ObjectType, Run, RunState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlmodel import Session

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.reconciliation.books import Period
    from azpay.reconciliation.certificates import Certificate


class RunUnknown(NotFound):
    """The book holds no such run."""

    code = "run_unknown"


class StillChanging(Failed):
    """Something was under way for as long as the run waited, and so was not judged."""

    code = "still_changing"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} could not be judged: a call to Stripe or an event of it is under way.",
            hint="Run it again in five minutes. What still has no answer then is reported.",
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to. Only a complete one says anything about what is not in `drifts`."""

    run: Run
    drifts: list[Drift]
    certificate: Certificate
    trouble: AzpayError | None = None

    @property
    def complete(self) -> bool:
        return self.run.state is RunState.COMPLETE


def until_now(now: datetime) -> datetime:
    """The end of a period that takes in the second that is now, as Stripe counts seconds."""
    return now.replace(microsecond=0) + timedelta(seconds=1)


def reconcile(
    db: Database,
    gateway: Gateway,
    period: Period,
    *,
    pace: Pace,
    only: Sequence[ObjectType] = tuple(ObjectType),
) -> Report:
    """Compare the period on both sides, in both directions. Safe beside daemons; changes nothing but the run.

    Trouble while reading ends the run and is in the report; only trouble before it began is raised.
    """
    run = _open(db, period, now=pace.clock())
    comparison = Comparison(db, gateway, run.id, period, pace)
    trouble: AzpayError | None = None
    state = RunState.INCOMPLETE
    try:
        _compare(comparison, only)
        state = RunState.COMPLETE
    except AzpayError as error:
        trouble = error
    finally:
        try:
            run = _close(db, run, state, comparison, now=pace.clock())
        except DatabaseUnavailable as error:
            trouble = trouble or error
    return Report(run, comparison.drifts, comparison.certificate, trouble)


def _compare(comparison: Comparison, only: Sequence[ObjectType]) -> None:
    for object_type in only:
        comparison.compare(object_type)
    comparison.wait()
    if comparison.certificate.moving:
        raise StillChanging(comparison.certificate.moving)


def find(db: Database, run_id: str) -> tuple[Run, list[Drift]]:
    """A run of the past and what it found. Raises RunUnknown."""
    with db.reading() as session:
        run = session.get(Run, run_id)
        drifts = session.exec(select(Drift).where(Drift.run_id == run_id).order_by(col(Drift.id))).all()
    if run is None:
        raise RunUnknown(f"This book holds no run {run_id!r}.")
    return run, list(drifts)


def _open(db: Database, period: Period, *, now: datetime) -> Run:
    run = Run(
        id=new_id("run", now),
        state=RunState.RUNNING,
        since=period.since,
        until=period.until,
        started_at=now,
    )
    db.write(lambda session: keep_new(session, [run]))
    return run


def _close(db: Database, run: Run, state: RunState, comparison: Comparison, *, now: datetime) -> Run:
    def close(session: Session) -> Run:
        kept = session.get_one(Run, run.id)
        kept.state, kept.finished_at = state, now
        kept.ours, kept.theirs = comparison.certificate.here, comparison.certificate.there
        _record(session, kept, drifts=len(comparison.drifts), now=now)
        return kept

    return db.write(close)


def _record(session: Session, run: Run, *, drifts: int, now: datetime) -> None:
    period = {"since": run.since.isoformat(), "until": run.until.isoformat()}
    told: audit.Details = {"state": str(run.state), "drifts": drifts, **period}
    audit.record(session, "reconcile.run", audit.About("run", run.id), now=now, details=told)
