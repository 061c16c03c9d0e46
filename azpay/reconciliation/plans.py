"""Repairs, written down to be reviewed before they are made.

A plan is a JSON file. It names the account, the profile and the run it was made for, and carries a digest, so
that `apply` makes what was reviewed, in the book it was reviewed for, or nothing.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlmodel import col, select

from azpay.errors import Refused, Usage
from azpay.reconciliation.models import Drift, DriftKind, ObjectType, Run

if TYPE_CHECKING:
    from azpay.db import Database
    from azpay.reconciliation.runs import Report

SCHEMA = "azpay.plan/1"
MOST_BYTES = 256 * 1024 * 1024


class PlanUnreadable(Usage):
    """The file is not a plan of `azpay reconcile --plan`, or one of another version."""

    code = "plan_unreadable"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"That is not a plan that this azpay reads: {why}.",
            hint="Make a new one: `azpay reconcile --plan repairs.json`.",
        )


class PlanAltered(Refused):
    """The plan is not what was written."""

    code = "plan_altered"

    def __init__(self) -> None:
        super().__init__(
            "The plan was changed after it was written. Nothing was repaired.",
            hint="Make a new one: `azpay reconcile --plan repairs.json`.",
        )


class PlanForAnother(Refused):
    """The plan was made for another account, profile or book."""

    code = "plan_for_another"

    def __init__(self, what: str, planned: str, present: str) -> None:
        super().__init__(
            f"The plan was made for {what} {planned}, and this is {present}. Nothing was repaired.",
            hint="Choose the --profile it was made under, or make a new plan here.",
        )


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Repair(_Strict, frozen=True):
    """Ask Stripe for `theirs` and record what it says. The rest is for whoever reviews it."""

    drift: str
    kind: DriftKind
    object_type: ObjectType
    ours: str | None
    theirs: str | None
    amount: int
    currency: str
    said_here: str | None
    said_there: str | None


class Plan(_Strict, frozen=True):
    """`left` is what no answer of Stripe's can repair."""

    run: str
    made_at: datetime
    account: str
    profile: str
    book: str
    since: datetime
    until: datetime
    repairs: list[Repair]
    left: list[Repair]


class _File(_Strict, frozen=True):
    schema: str
    digest: str
    plan: Plan


class _Headed(msgspec.Struct, frozen=True):
    schema: str = "none"


def plan(report: Report, *, account: str, profile: str, book: str, now: datetime) -> Plan:
    """The repairs that would make our book agree with what the run saw at Stripe."""
    proposed = [_proposed(drift) for drift in report.drifts]
    return Plan(
        run=report.run.id,
        made_at=now,
        account=account,
        profile=profile,
        book=book,
        since=report.run.since,
        until=report.run.until,
        repairs=[repair for repair in proposed if _repairable(repair)],
        left=[repair for repair in proposed if not _repairable(repair)],
    )


def dump(made: Plan) -> bytes:
    """The plan as a file that people can read and `load` can check."""
    encoded = msgspec.json.encode(_File(SCHEMA, _digest(made), made))
    return msgspec.json.format(encoded, indent=2) + b"\n"


def load(content: bytes) -> Plan:
    """The plan that `dump` wrote. Raises PlanUnreadable or PlanAltered."""
    try:
        found = msgspec.json.decode(content, type=_Headed).schema
        if found != SCHEMA:
            raise PlanUnreadable(f"its schema is {found!r}, not {SCHEMA!r}")
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PlanUnreadable(str(error) or type(error).__name__) from None
    if file.digest != _digest(file.plan):
        raise PlanAltered
    return file.plan


def require_ours(db: Database, made: Plan, *, account: str, profile: str) -> None:
    """Refuse a plan for another account, profile or book, or with repairs that its run did not find."""
    if made.profile != profile:
        raise PlanForAnother("the profile", made.profile, f"the profile {profile}")
    if made.account != account:
        raise PlanForAnother("the account", made.account, f"the account {account}")
    with db.reading() as session:
        run = session.get(Run, made.run)
        drifts = session.exec(select(Drift).where(col(Drift.run_id) == made.run)).all()
    if run is None:
        raise PlanForAnother("the book", made.book, f"the book {db.where}, which holds no run {made.run}")
    if not {_proposed(drift) for drift in drifts}.issuperset(made.repairs):
        raise PlanAltered


def _proposed(drift: Drift) -> Repair:
    return Repair(
        drift=drift.id,
        kind=drift.kind,
        object_type=ObjectType(drift.object_type),
        ours=drift.ours,
        theirs=drift.theirs,
        amount=drift.amount,
        currency=drift.currency,
        said_here=drift.said_here,
        said_there=drift.said_there,
    )


def _repairable(repair: Repair) -> bool:
    return repair.theirs is not None and repair.kind is not DriftKind.MISSING_THERE


def _digest(made: Plan) -> str:
    return "sha256:" + hashlib.sha256(msgspec.json.encode(made)).hexdigest()
