"""Who writes: said once, where the book is opened, and read by whatever records it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpay.db import actor_of

if TYPE_CHECKING:
    from azpay.db import Database


def test_the_program_itself_acts_where_nobody_is_named(db: Database) -> None:
    assert db.write(actor_of) == "azpay"


def test_each_session_knows_who_acts_in_it(db: Database) -> None:
    ann = db.by("cli:ann")

    written = ann.write(actor_of)
    with ann.writing() as session, db.reading() as other:
        seen = actor_of(session), actor_of(other)

    assert (written, seen) == ("cli:ann", ("cli:ann", "azpay"))
    assert ann.engine is db.engine
