"""What is done every so often, by one of us at a time: the database decides who."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import update
from sqlmodel import Field, col

from azpay.db.tables import Row
from azpay.db.types import timestamp
from azpay.db.upsert import keep_new

if TYPE_CHECKING:
    from sqlmodel import Session

    from azpay.db.database import Database


class Schedule(Row, table=True):
    """One recurring piece of work. `mark` is how far it has safely come, where that is a time."""

    __tablename__ = "schedules"

    name: str = Field(primary_key=True)
    due_at: datetime = Field(sa_type=timestamp())
    done_at: datetime | None = Field(default=None, sa_type=timestamp())
    mark: datetime | None = Field(default=None, sa_type=timestamp())


def take(db: Database, name: str, *, every: timedelta, now: datetime) -> Schedule | None:
    """The work, if it is due and nobody else has it; it is due again after `every`, whatever comes of it."""
    ours = (
        update(Schedule)
        .where(col(Schedule.name) == name, col(Schedule.due_at) <= now)
        .values(due_at=now + every)
        .execution_options(synchronize_session=False)
    )

    def work(session: Session) -> Schedule | None:
        keep_new(session, [Schedule(name=name, due_at=now)])
        if session.execute(ours).rowcount != 1:  # type: ignore[attr-defined]  # a cursor result
            return None
        return session.get_one(Schedule, name)

    return db.write(work)


def done(db: Database, name: str, *, mark: datetime | None, now: datetime) -> None:
    """It went well, up to `mark`, which never moves back."""

    def work(session: Session) -> None:
        keep_new(session, [Schedule(name=name, due_at=now)])
        schedule = session.get_one(Schedule, name, with_for_update=True)
        schedule.done_at = now
        if mark is not None:
            schedule.mark = max(mark, schedule.mark or mark)

    db.write(work)


def look(db: Database, name: str) -> Schedule | None:
    with db.reading() as session:
        return session.get(Schedule, name)
