"""How operations stand, in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay import operations
from azpay.gateway import StripeRefused
from azpay.operations import State
from tests.operations.journals import planned
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.db import Database


def test_operations_are_counted_by_state_and_states_without_any_are_left_out(db: Database) -> None:
    for digest in ("open", "another"):
        planned(db, now=NOON, digest=digest)
    made, refused = (planned(db, now=NOON, digest=digest) for digest in ("made", "refused"))
    with db.writing() as session:
        operations.succeed(session, made.id, "pi_1", now=NOON)
        operations.fail(session, refused.id, StripeRefused("No."), now=NOON)

    counted = operations.count_by_state(db)

    assert counted == {State.PLANNED: 2, State.SUCCEEDED: 1, State.FAILED: 1}
