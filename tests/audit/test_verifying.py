"""A hand in the table leaves traces, and the entry it touched is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from azpay import audit
from azpay.audit import GENESIS, About, Head, verifying
from azpay.audit.chain import Entry, digest
from azpay.cli.audit import _data
from tests.audit.acts import act, tamper, the_entries
from tests.support.clock import NOON

if TYPE_CHECKING:
    from azpay.db import Database

OTHER_HASH = "ab" * 32


def found(verdict: audit.Verdict) -> list[tuple[int, str]]:
    return [(problem.sequence, problem.what) for problem in verdict.problems]


def test_a_chain_that_nobody_touched_is_whole(db: Database) -> None:
    act(db, 5)

    verdict = audit.verify(db)

    assert (verdict.whole, verdict.entries, verdict.first) == (True, 5, 1)
    assert verdict.head == Head(5, the_entries(db)[-1].hash)


def test_a_book_without_acts_is_whole(db: Database) -> None:
    assert audit.verify(db) == audit.Verdict()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("at = '2026-03-02 12:00:01'", verifying.CHANGED),
        ("actor = 'cli:bob'", verifying.CHANGED),
        ("action = 'book.restored'", verifying.CHANGED),
        ("object_kind = 'book'", verifying.CHANGED),
        ("object_id = 'other.db'", verifying.CHANGED),
        ("payment_id = 'pay_1'", verifying.CHANGED),
        (f"previous_hash = '{OTHER_HASH}'", verifying.CHANGED),
        (f"hash = '{OTHER_HASH}'", verifying.REHASHED),
        ("id = 'aud_x'", verifying.UNREADABLE),
        ("facts = (SELECT facts FROM audit_entries WHERE sequence = 2)", verifying.UNREADABLE),
        ("facts = hash", verifying.UNREADABLE),
    ],
    ids=lambda value: value.split(" =")[0],
)
def test_any_column_that_was_changed_is_found_at_its_entry(db: Database, change: str, told: str) -> None:
    act(db, 5)
    if not db.embedded:
        change = change.replace("= hash", "= hash::bytea")

    tamper(db, f"UPDATE audit_entries SET {change} WHERE sequence = 3")  # noqa: S608

    assert found(audit.verify(db)) == [(3, told)]


def test_a_sequence_that_was_changed_is_missed_where_it_was(db: Database) -> None:
    act(db, 5)

    tamper(db, "UPDATE audit_entries SET sequence = 9 WHERE sequence = 5")

    assert found(audit.verify(db)) == [(5, verifying.MISSING.format("to 8 are")), (9, verifying.CHANGED)]


@pytest.mark.parametrize(("gone", "told"), [("= 3", "is"), ("IN (3, 4)", "to 4 are")])
def test_entries_that_were_removed_are_named(db: Database, gone: str, told: str) -> None:
    act(db, 6)

    tamper(db, f"DELETE FROM audit_entries WHERE sequence {gone}")  # noqa: S608

    assert found(audit.verify(db)) == [(3, verifying.MISSING.format(told))]


def test_the_first_entry_is_missed_too(db: Database) -> None:
    act(db, 3)

    tamper(db, "DELETE FROM audit_entries WHERE sequence = 1")

    assert found(audit.verify(db)) == [(1, verifying.MISSING.format("is"))]


def test_two_that_were_swapped_are_both_found(db: Database) -> None:
    act(db, 5)

    tamper(
        db,
        "UPDATE audit_entries SET sequence = 99 WHERE sequence = 2",
        "UPDATE audit_entries SET sequence = 2 WHERE sequence = 4",
        "UPDATE audit_entries SET sequence = 4 WHERE sequence = 99",
    )

    assert found(audit.verify(db)) == [(2, verifying.CHANGED), (4, verifying.CHANGED)]


def test_an_entry_that_somebody_appended_without_the_key_is_found(db: Database) -> None:
    act(db, 3)
    forged = replace(the_entries(db)[2], sequence=4, previous=the_entries(db)[2].hash)

    tamper(
        db,
        "INSERT INTO audit_entries (id, sequence, at, actor, action, object_kind, object_id, facts, "  # noqa: S608
        "previous_hash, hash) SELECT 'aud_0000000000000004', 4, at, actor, action, object_kind, object_id, "
        f"facts, hash, '{digest(forged)}' FROM audit_entries WHERE sequence = 3",
    )

    assert found(audit.verify(db)) == [(4, verifying.UNREADABLE)]


def test_an_entry_that_was_rewritten_with_its_hash_made_anew_is_found(db: Database) -> None:
    act(db, 5)
    forged = digest(replace(the_entries(db)[2], actor="cli:bob"))

    tamper(db, f"UPDATE audit_entries SET actor = 'cli:bob', hash = '{forged}' WHERE sequence = 3")  # noqa: S608

    assert found(audit.verify(db)) == [(3, verifying.REWRITTEN)]


def test_a_whole_end_that_was_rewritten_with_all_hashes_is_found_at_each_entry(db: Database) -> None:
    act(db, 4)
    previous = the_entries(db)[1].hash
    statements = []
    for entry in the_entries(db)[2:]:
        forged = digest(replace(entry, actor="cli:bob", previous=previous))
        change = f"actor = 'cli:bob', previous_hash = '{previous}', hash = '{forged}'"
        statements.append(f"UPDATE audit_entries SET {change} WHERE sequence = {entry.sequence}")  # noqa: S608
        previous = forged

    tamper(db, *statements)

    assert found(audit.verify(db)) == [(3, verifying.REWRITTEN), (4, verifying.REWRITTEN)]


def test_an_end_that_was_cut_off_shows_only_against_a_head_noted_elsewhere(db: Database) -> None:
    act(db, 5)
    noted = the_entries(db)[-1]

    tamper(db, "DELETE FROM audit_entries WHERE sequence > 3")

    assert audit.verify(db).whole
    assert found(audit.verify(db, expect=Head(5, noted.hash))) == [(5, verifying.CUT)]


def test_a_head_noted_earlier_holds_after_more_was_done(db: Database) -> None:
    act(db, 3)
    noted = Head(3, the_entries(db)[-1].hash)
    act(db, 2)

    assert audit.verify(db, expect=noted).whole
    assert found(audit.verify(db, expect=Head(3, OTHER_HASH))) == [(3, verifying.NOTED.format(noted.hash))]


def test_the_chain_is_read_in_pages(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "BATCH", 2)
    act(db, 5)
    steps: list[int] = []

    verdict = audit.verify(db, advance=steps.append)

    assert (verdict.whole, verdict.entries, len(steps)) == (True, 5, 5)


def test_of_very_many_problems_the_first_are_named_and_the_rest_counted(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "MOST", 2)
    act(db, 5)

    tamper(db, "UPDATE audit_entries SET actor = 'cli:bob'")

    verdict = audit.verify(db)
    assert (len(verdict.problems), verdict.unnamed) == (2, 3)
    assert audit.check(db).problems[-1] == "3 more"


def test_db_check_names_the_entry(db: Database) -> None:
    act(db, 2)

    tamper(db, "UPDATE audit_entries SET actor = 'cli:bob' WHERE sequence = 2")

    assert audit.check(db).problems == [f"entry 2 {verifying.CHANGED}"]


def exported(db: Database) -> list[dict[str, object]]:
    return [_data(entry) for entry in the_entries(db)]


def lines(entries: list[dict[str, object]]) -> list[str]:
    return [json.dumps(entry) for entry in entries]


def test_an_export_is_proved_without_the_book_however_it_is_spaced(db: Database) -> None:
    act(db, 4)
    spaced = [json.dumps(entry, indent=1).replace("\n", " ") for entry in exported(db)]

    verdict = audit.verify_lines(spaced)

    assert (verdict.whole, verdict.head) == (True, audit.verify(db).head)


def test_a_part_of_an_export_is_proved_from_where_it_begins(db: Database) -> None:
    act(db, 4)

    verdict = audit.verify_lines(lines(exported(db)[2:]))

    assert (verdict.whole, verdict.first, verdict.entries) == (True, 3, 2)


def test_a_changed_or_missing_line_of_an_export_is_named(db: Database) -> None:
    act(db, 6)
    changed = exported(db)
    changed[1]["details"] = {"bytes": 999}
    del changed[4]

    verdict = audit.verify_lines(lines(changed))

    assert found(verdict) == [(2, verifying.CHANGED), (5, verifying.MISSING.format("is"))]


def test_a_line_that_was_rewritten_shows_at_the_one_after_it(db: Database) -> None:
    act(db, 4)
    changed = exported(db)
    changed[1] |= {"actor": "cli:bob", "hash": digest(replace(the_entries(db)[1], actor="cli:bob"))}

    assert found(audit.verify_lines(lines(changed))) == [(3, verifying.ASTRAY.format(2))]


def test_a_line_that_comes_twice_is_named(db: Database) -> None:
    act(db, 3)
    twice = exported(db)
    twice.insert(2, twice[1])

    assert found(audit.verify_lines(lines(twice))) == [(2, verifying.AGAIN)]


@pytest.mark.parametrize("line", ["", "nonsense", "{}", '{"sequence": "1"}', b"\xff\xfe"])
def test_a_line_that_is_no_entry_is_named(line: str | bytes) -> None:
    assert found(audit.verify_lines([line])) == [(1, verifying.NO_ENTRY.format(1))]


def an_entry(**told: object) -> Entry:
    plain: dict[str, object] = {
        "sequence": 1,
        "at": NOON,
        "actor": "cli:ann",
        "action": "refund.planned",
        "object_kind": "operation",
        "object_id": "op_1",
        "payment": "pay_1",
        "reason": "it rained",
        "details": {"amount": 1250, "currency": "eur"},
        "salt": "00" * 16,
        "previous": GENESIS,
    }
    return Entry(**{**plain, **told})  # type: ignore[arg-type]


def test_the_hash_of_an_entry_is_what_it_always_was() -> None:
    """Whoever has noted a head must find it again with every later version."""
    assert digest(an_entry()) == "aa5d14dc57aef456a9e148fbec33b2f39d4e2ec31f65a225a3b7e91d2ea0114a"


def test_no_two_entries_have_the_same_bytes() -> None:
    alike = [
        an_entry(),
        an_entry(actor="cli:annr", action="efund.planned"),
        an_entry(payment=None),
        an_entry(payment=""),
        an_entry(reason=None),
        an_entry(details={"amount": "1250", "currency": "eur"}),
        an_entry(object_id="op_1pay_1", payment=""),
    ]

    assert len({digest(entry) for entry in alike}) == len(alike)


def test_details_are_hidden_from_who_guesses_at_hashes(db: Database) -> None:
    audit.note(db, "refund.planned", About("operation", "op_1"), now=NOON, reason="yes")

    [kept] = the_entries(db)

    assert len(kept.salt) == 32
    assert digest(replace(kept, salt="")) != kept.hash
