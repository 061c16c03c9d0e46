"""`azpay audit list` and `azpay audit verify`, and the commands that leave an entry."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from azpay import audit, payments
from azpay.audit import listing
from azpay.db import schema
from tests.audit.acts import tamper, the_acts, the_entries
from tests.support.builders import a_charge

from .running import answer, error, run, settle_in

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.bootstrap import Azpay
    from tests.support.clock import Clock


@pytest.fixture
def lived_in(azpay: Azpay, clock: Clock) -> Azpay:
    """Two who charged, an hour apart."""
    for actor, amount in (("cli:ann", 1250), ("cli:bob", 500)):
        payments.charge(azpay.db.by(actor), azpay.gateway, a_charge(amount, "eur"), now=clock.now())
        clock.advance(hours=1)
    return azpay


def listed(azpay: Azpay, *words: str) -> list[int]:
    data = answer(azpay, "audit", "list", *words, schema="azpay.audit/1")
    return [entry["sequence"] for entry in data["entries"]]


def test_the_list_shows_who_did_what_newest_first(lived_in: Azpay) -> None:
    shown = run(lived_in, "audit", "list", "--tz", "UTC").stdout.splitlines()

    assert shown[0].split() == ["#", "When", "Who", "What", "Amount", "About", "Payment", "Reason"]
    assert [line.split()[:5] for line in shown[1:]] == [
        ["4", "2026-03-02", "13:00", "cli:bob", "charge.succeeded"],
        ["3", "2026-03-02", "13:00", "cli:bob", "charge.planned"],
        ["2", "2026-03-02", "12:00", "cli:ann", "charge.succeeded"],
        ["1", "2026-03-02", "12:00", "cli:ann", "charge.planned"],
    ]
    assert "EUR 12.50" in shown[4]


def test_a_book_in_which_nothing_was_done_says_so(azpay: Azpay) -> None:
    assert "Nothing was done yet." in run(azpay, "audit", "list").stdout


def test_filters_choose(lived_in: Azpay) -> None:
    first = the_entries(lived_in.db)[0]

    assert listed(lived_in, "--actor", "cli:ann") == [2, 1]
    assert listed(lived_in, "--action", "charge.planned", "--asc") == [1, 3]
    assert listed(lived_in, "--action", "charge") == [4, 3, 2, 1]
    assert listed(lived_in, "--action", "char") == []
    assert listed(lived_in, "--object", first.object_id) == [2, 1]
    assert listed(lived_in, "--object", str(first.payment), "--asc") == [1, 2]
    assert listed(lived_in, "--since", "2026-03-02T13:00Z") == [4, 3]
    assert listed(lived_in, "--until", "2026-03-02T13:00Z", "--actor", "cli:bob") == []


@pytest.mark.parametrize("order", ["--asc", "--desc"])
def test_pages_follow_one_another(lived_in: Azpay, order: str) -> None:
    words = ("audit", "list", order, "--limit", "3")
    first = answer(lived_in, *words, schema="azpay.audit/1")

    second = answer(lived_in, *words, "--cursor", first["next"], schema="azpay.audit/1")

    numbers = [entry["sequence"] for entry in (*first["entries"], *second["entries"])]
    assert numbers == ([1, 2, 3, 4] if order == "--asc" else [4, 3, 2, 1])
    assert second["next"] is None


@pytest.mark.parametrize("cursor", ["x", "W3RydWUsMSwyXQ", "é"])
def test_a_cursor_of_something_else_is_refused(lived_in: Azpay, cursor: str) -> None:
    result = run(lived_in, "audit", "list", "--cursor", cursor, "--json")

    assert (result.exit_code, error(result)["code"]) == (2, "cursor_invalid")


def test_a_cursor_of_the_other_order_is_refused(lived_in: Azpay) -> None:
    first = answer(lived_in, "audit", "list", "--limit", "3", schema="azpay.audit/1")

    result = run(lived_in, "audit", "list", "--asc", "--cursor", first["next"], "--json")

    assert (result.exit_code, error(result)["code"]) == (2, "cursor_invalid")


@pytest.mark.parametrize("limit", ["0", "1001"])
def test_a_page_has_its_bounds(azpay: Azpay, limit: str) -> None:
    assert run(azpay, "audit", "list", "--limit", limit).exit_code == 2


def test_json_is_one_document(azpay: Azpay) -> None:
    assert run(azpay, "audit", "list", "--json", "--format", "csv").exit_code == 2


def test_lines_are_the_whole_oldest_first_or_the_page_that_was_asked_for(
    lived_in: Azpay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "AT_ONCE", 3)

    whole = run(lived_in, "audit", "list", "--format", "ndjson").stdout.splitlines()
    page = run(lived_in, "audit", "list", "--format", "ndjson", "--limit", "2")

    assert [json.loads(line)["sequence"] for line in whole] == [1, 2, 3, 4]
    assert [json.loads(line)["sequence"] for line in page.stdout.splitlines()] == [4, 3]
    assert "More: --cursor" in page.stderr


def test_a_sheet_has_amounts_with_their_currency(lived_in: Azpay) -> None:
    sheet = run(lived_in, "audit", "list", "--format", "csv").stdout_bytes.decode().removeprefix("\ufeff")

    rows = list(csv.DictReader(io.StringIO(sheet)))

    assert [(row["sequence"], row["actor"], row["currency"], row["amount"]) for row in rows[:2]] == [
        ("1", "cli:ann", "EUR", "12.50"),
        ("2", "cli:ann", "EUR", "12.50"),
    ]


def test_a_whole_chain_ends_with_0_and_its_head(lived_in: Azpay) -> None:
    head = audit.verify(lived_in.db).head

    shown = run(lived_in, "audit", "verify")
    held = run(lived_in, "audit", "verify", "--expect", str(head))

    assert (shown.exit_code, held.exit_code) == (0, 0)
    assert "whole" in shown.stdout
    assert str(head) in shown.stdout


def test_a_broken_chain_ends_with_1_and_names_the_entry(lived_in: Azpay) -> None:
    tamper(lived_in.db, "UPDATE audit_entries SET actor = 'cli:eve' WHERE sequence = 2")

    shown, told = run(lived_in, "audit", "verify"), run(lived_in, "audit", "verify", "--json")

    data = json.loads(told.stdout)["data"]
    assert (shown.exit_code, told.exit_code) == (1, 1)
    assert "BROKEN" in shown.stdout
    assert (data["whole"], [problem["sequence"] for problem in data["problems"]]) == (False, [2])
    assert "audit chain" in run(lived_in, "db", "check").stdout
    assert run(lived_in, "db", "check").exit_code == 1


def test_an_end_that_was_cut_off_ends_with_1_where_the_head_was_noted(lived_in: Azpay) -> None:
    head = audit.verify(lived_in.db).head
    tamper(lived_in.db, "DELETE FROM audit_entries WHERE sequence > 2")

    assert run(lived_in, "audit", "verify").exit_code == 0
    assert run(lived_in, "audit", "verify", "--expect", str(head)).exit_code == 1


@pytest.mark.parametrize("typed", ["", "5", "0:" + "a" * 64, "5:abc", "5:" + "g" * 64])
def test_what_is_no_head_is_refused(azpay: Azpay, typed: str) -> None:
    assert run(azpay, "audit", "verify", "--expect", typed).exit_code == 2


def test_an_export_is_proved_where_there_is_no_book(
    lived_in: Azpay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, part = tmp_path / "audit.ndjson", tmp_path / "part.ndjson"
    file.write_text(run(lived_in, "audit", "list", "--format", "ndjson").stdout)
    part.write_text("".join(file.read_text().splitlines(keepends=True)[2:]))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    settle_in(monkeypatch, elsewhere)

    whole, from_three = (run(None, "audit", "verify", "--file", str(each)) for each in (file, part))
    file.write_text(file.read_text().replace("cli:ann", "cli:eve"))
    changed = run(None, "audit", "verify", "--file", str(file))

    assert (whole.exit_code, from_three.exit_code, changed.exit_code) == (0, 0, 1)
    assert "what it follows is not in here" in from_three.stdout
    assert list(elsewhere.iterdir()) == []


def test_a_file_that_is_not_there_is_named(azpay: Azpay, tmp_path: Path) -> None:
    result = run(azpay, "audit", "verify", "--file", str(tmp_path / "none"))

    assert result.exit_code == 2
    assert "There is no file" in result.stderr


def test_backups_exports_and_new_keys_are_written_down(lived_in: Azpay, tmp_path: Path) -> None:
    before = audit.verify(lived_in.db).head
    run(lived_in, "db", "backup", "--to", str(tmp_path))
    run(lived_in, "export", "payments", "--search", "ada@example.com")
    made = next(tmp_path.glob("*.db"))

    restored = run(lived_in, "db", "restore", str(made), "--yes")

    [*_, entry] = the_entries(lived_in.db)
    assert restored.exit_code == 0
    assert (entry.action, entry.object_id) == ("book.restored", made.name)
    assert entry.previous == (before and before.hash)
    assert str(entry.details["head_before"]).startswith("6:")
    assert audit.verify(lived_in.db).whole


def test_an_export_says_what_was_asked_for_and_names_nobody(lived_in: Azpay) -> None:
    run(lived_in, "export", "payments", "--search", "ada@example.com", "--format", "ndjson")

    [*_, entry] = the_entries(lived_in.db)
    assert entry.action == "payments.exported"
    assert entry.details == {"search": "[e-mail]", "form": "ndjson"}


def test_an_endpoint_and_its_secret_are_written_down(
    azpay: Azpay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(monkeypatch, tmp_path)

    run(azpay, "events", "endpoint", "https://pay.example.com/api/webhooks/stripe")

    assert the_acts(azpay.db) == ["endpoint.made", "endpoint.secret_kept"]


def test_a_new_book_says_so_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle_in(monkeypatch, tmp_path)

    told = answer(None, "audit", "list", "--asc", schema="azpay.audit/1")["entries"]

    assert [entry["action"] for entry in told] == ["key.made", "book.upgraded"]
    assert told[1]["object"] == {"kind": "revision", "id": schema.HEAD}


def test_logging_out_is_written_down_where_there_is_a_book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(monkeypatch, tmp_path)
    first = run(None, "logout")
    made = list(tmp_path.rglob("*.db"))
    run(None, "history")

    run(None, "logout")

    told = answer(None, "audit", "list", schema="azpay.audit/1")["entries"]
    assert (first.exit_code, made) == (0, [])
    assert told[0]["action"] == "access.logout"


def test_a_book_that_cannot_take_it_is_a_warning_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_in(monkeypatch, tmp_path, AZPAY_DATABASE_URL=f"sqlite:///{tmp_path}/other.db")
    (tmp_path / "other.db").write_text("Dear diary, " * 500)

    result = run(None, "logout")

    assert result.exit_code == 0
    assert "not written into the audit log" in result.stderr
