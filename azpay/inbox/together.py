"""Applying many events at once: weighed in memory, written with a few statements.

A group that the database refuses is found by halving, and set aside with nothing of it written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from azpay.db.trouble import of_the_store
from azpay.inbox.handling import Weighed
from azpay.inbox.outcomes import Progress, Watch, done

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlmodel import Session

    from azpay.inbox.handling import Group, Together, Unclear, Waiting


class Batch(NamedTuple):
    """What was done, which events are to be applied by themselves, and which need something of Stripe's."""

    progress: Progress
    rest: Sequence[Waiting] = ()
    unclear: Sequence[Unclear] = ()


def apply(
    session: Session,
    together: Together,
    events: Sequence[Waiting],
    fetched: Sequence[object],
    *,
    now: datetime,
) -> Batch:
    """Apply what can be applied of these events, and mark it done."""
    watch = Watch()
    weighed = _weighed(session, together, events, fetched, now)
    groups = _written(session, together, weighed.groups, now)
    applied = [event for group in groups for event in group.events]
    progress = done(session, applied, now=now).in_all(watch.time)
    settled = {event.event for event in applied} | {event.event for event, _ in weighed.unclear}
    return Batch(progress, [event for event in events if event.event not in settled], weighed.unclear)


def _weighed(
    session: Session,
    together: Together,
    events: Sequence[Waiting],
    fetched: Sequence[object],
    now: datetime,
) -> Weighed:
    try:
        with session.begin_nested():
            return together.weigh(session, events, fetched, now)
    except Exception as error:  # whatever is wrong with one event shows when each is applied by itself
        if of_the_store(error):
            raise
        return Weighed((), ())


def _written(session: Session, together: Together, groups: Sequence[Group], now: datetime) -> Sequence[Group]:
    """The groups that were written; the others are as if they had not been tried."""
    if not groups:
        return ()
    try:
        with session.begin_nested():
            together.write(session, groups, now)
            session.flush()
    except Exception as error:  # a savepoint: whatever is wrong with one group stays with it
        if of_the_store(error):
            raise
        half = len(groups) // 2
        parts = (groups[:half], groups[half:]) if half else ()
        return [group for part in parts for group in _written(session, together, part, now)]
    return groups
