"""Reading both books side by side, and keeping what differs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azpay.db import new_id
from azpay.db.upsert import keep_new
from azpay.reconciliation import books
from azpay.reconciliation.certificates import Certificate
from azpay.reconciliation.matching import Difference, Pair, difference, pairs
from azpay.reconciliation.models import Drift, ObjectType
from azpay.reconciliation.sightings import Sighting, look, look_here, subject_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from azpay.db import Database
    from azpay.gateway.stripe import Gateway
    from azpay.reconciliation.books import Period
    from azpay.reconciliation.lines import Line


PATIENCE = (0.5, 1.0, 2.0, 4.0)
"""Seconds to wait, again and again, for what was changing: a call to Stripe usually takes less than one."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What time it is, how to wait, and whom to tell how many of Stripe's objects were read."""

    clock: Callable[[], datetime]
    pause: Callable[[float], None] = time.sleep
    progress: Callable[[int], None] = lambda _read: None


class Comparison:
    """What one run has read and found so far."""

    def __init__(self, db: Database, gateway: Gateway, run_id: str, period: Period, pace: Pace) -> None:
        self._db, self._gateway = db, gateway
        self._run_id, self._period, self._pace = run_id, period, pace
        self._read = 0
        self.window = books.WINDOW
        self._named: set[str | None] = set()  # ours that were judged, or wait to be
        self._moving: list[Pair] = []
        self.certificate = Certificate()
        self.drifts: list[Drift] = []

    def compare(self, object_type: ObjectType) -> None:
        """One type of object, window by window, from Stripe's side and then from ours.

        A line of ours belongs to the window of its own time, its counterpart often to the one read just
        before. What neither has is looked for at Stripe by its id before it is missed.
        """
        before: set[str] = set()
        theirs = self._counted(books.theirs(self._gateway, object_type, self._period))
        for window, there in books.windows(theirs, self._period, size=self.window):
            met = self._from_theirs(object_type, there)
            judged = met | before | self._named
            for here in books.recorded(self._db, object_type, window):
                self._from_ours([line for line in here if line.ours not in judged])
            before = met

    def wait(self) -> None:
        """Judge what was changing, once it has come to rest; what does not is left out and counted."""
        for seconds in PATIENCE:
            if not self._moving:
                break
            self._pace.pause(seconds)
            moving, self._moving = self._moving, []
            seen = [self._look(pair) for pair in moving]
            self._keep([self._settled(each) for each in seen if self._belongs(each)])
        self.certificate.moving = len(self._moving)

    def _belongs(self, seen: Sighting) -> bool:
        there = seen.there
        return there is None or self._period.since <= there.created < self._period.until

    def _counted(self, lines: Iterator[Line]) -> Iterator[Line]:
        for line in lines:
            self._read += 1
            self._pace.progress(self._read)
            yield line

    def _from_theirs(self, object_type: ObjectType, there: Sequence[Line]) -> set[str]:
        """Judge what Stripe told of; return the ids of ours that were met."""
        ours = books.counterparts(self._db, object_type, there)
        suspects = []
        for pair in pairs(ours, there):
            if pair.there is not None and not pair.there.bookable:
                self.certificate.outside += 1
            elif difference(pair) is None:
                self.certificate.count(pair.here, pair.there)
            else:
                suspects.append(pair)
        self._judge(suspects)
        return {line.ours for line in ours if line.ours is not None}

    def _from_ours(self, here: Sequence[Line]) -> None:
        """Judge what we recorded and Stripe did not tell of."""
        suspects = [pair for pair in pairs(here, ()) if difference(pair) is not None]
        self._keep([self._missed(pair) for pair in suspects])

    def _judge(self, suspects: Sequence[Pair]) -> None:
        """A second look. What Stripe just listed and we lack altogether need not be asked for again."""
        lacking = [pair.there for pair in suspects if pair.here is None and pair.there is not None]
        unlike = [pair for pair in suspects if pair.here is not None]
        found = []
        for seen in look_here(self._db, lacking, now=self._pace.clock()):
            if seen.here is None:
                found.append(self._settled(seen))
            else:
                unlike.append(Pair(seen.here, seen.there))
        self._keep(found + [self._settled(self._look(pair)) for pair in unlike])

    def _missed(self, pair: Pair) -> Difference | None:
        """What Stripe does have lies outside the period, by Stripe's time, or was judged already."""
        seen = self._look(pair)
        return self._settled(seen) if seen.there is None else None

    def _look(self, pair: Pair) -> Sighting:
        return look(self._db, self._gateway, subject_of(pair), now=self._pace.clock())

    def _settled(self, seen: Sighting) -> Difference | None:
        if seen.difference is not None and seen.moving:
            self._moving.append(Pair(seen.here, seen.there))
            self._named.add(seen.here.ours if seen.here else None)
            return None
        self.certificate.count(seen.here, seen.there)
        return seen.difference

    def _keep(self, found: Sequence[Difference | None]) -> None:
        now = self._pace.clock()
        differences = [each for each in found if each is not None]
        drifts = [self._drift(each, now) for each in differences]
        if drifts:
            self._db.write(lambda session: keep_new(session, drifts))
            self.drifts += drifts
            self._named.update(each.pair.here.ours for each in differences if each.pair.here)

    def _drift(self, found: Difference, now: datetime) -> Drift:
        object_type, ours, theirs = subject_of(found.pair)
        return Drift(
            id=new_id("drf", now),
            run_id=self._run_id,
            kind=found.kind,
            object_type=object_type.value,
            ours=ours,
            theirs=theirs,
            currency=found.currency,
            amount=found.amount,
            said_here=found.said_here,
            said_there=found.said_there,
        )
