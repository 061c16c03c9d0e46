"""Roles, limits and dry runs at the command line, and where the actor comes from."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from azpay import payments
from azpay.access import Guards
from azpay.settings.permissions import Limits, Permissions
from tests.support.builders import a_charge
from tests.support.sheets import VISA, a_sheet

from .running import answer, error, run, run_at_terminal, settle_in

if TYPE_CHECKING:
    from pathlib import Path

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox

CHARGE = ["charge", "5", "usd", "--method", "pm_card_visa"]
VIEWER, OPERATOR = (Permissions(default_role=role) for role in ("viewer", "operator"))

ACCESS = """
[profiles.sandbox.access]
default_role = "viewer"
charges = {largest = "usd:20.00", day_count = 3}
[profiles.sandbox.access.actors."cli:ann"]
role = "operator"
"""


def held_to(azpay: Azpay, **guards: Any) -> Azpay:
    return replace(azpay, guards=Guards(**guards)).by("cli:ann")


@pytest.fixture
def sandbox_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of the profile `sandbox`, whose configuration says who may do what."""
    settle_in(monkeypatch, tmp_path, AZPAY_PROFILE="sandbox")
    file = tmp_path / "config" / "azpay" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(ACCESS)
    return file


@pytest.mark.parametrize(
    "words",
    [
        CHARGE,
        [*CHARGE, "--dry-run"],
        ["capture", "order-1", "--yes"],
        ["cancel", "order-1"],
        ["refund", "order-1", "--yes"],
        ["refund", "order-1", "--dry-run"],
        ["refund", "approve", "apr_1", "--yes"],
        ["refund", "reject", "apr_1"],
        ["methods", "add", "pm_card_visa", "--customer", "ada@example.com"],
        ["methods", "default", "pm_card_visa"],
        ["methods", "remove", "pm_card_visa", "--yes"],
        ["events", "retry"],
        ["events", "replay", "--yes"],
        ["events", "purge", "--yes"],
        ["events", "endpoint", "https://pay.example.com/hook"],
        ["ops", "resolve", "--all"],
        ["seed"],
        ["db", "restore", "book.db", "--yes"],
        ["db", "copy", "book.db", "copy.db"],
        ["db", "rekey"],
        ["db", "key", "--reveal"],
    ],
    ids=" ".join,
)
def test_a_viewer_changes_nothing(azpay: Azpay, stripe: Sandbox, words: list[str]) -> None:
    result = run(held_to(azpay, permissions=VIEWER), *words)

    assert result.exit_code == 4
    assert "cli:ann is viewer, and may not" in result.stderr
    assert "azpay whoami" in result.stderr.split("Next: ")[1]
    assert stripe.payment_intents == []


def test_a_viewer_looks_at_everything_and_a_customer_at_nothing(azpay: Azpay) -> None:
    viewer = held_to(azpay, permissions=VIEWER)
    customer = held_to(azpay, permissions=Permissions(default_role="customer"))

    for words in (
        ["history"],
        ["refund", "pending"],
        ["receipt", "list"],
        ["events", "list"],
        ["db", "backup"],
    ):
        assert run(viewer, *words).exit_code == 0
        assert run(customer, *words).exit_code == 4


def test_an_operator_charges_and_does_not_refund(azpay: Azpay) -> None:
    operator = held_to(azpay, permissions=OPERATOR)

    charged = run(operator, *CHARGE, "--reference", "order-1")
    refunded = run(operator, "refund", "order-1", "--yes")

    assert (charged.exit_code, refunded.exit_code) == (0, 4)
    assert "may not refund: that takes admin" in refunded.stderr


def test_a_limit_and_a_budget_have_the_status_of_a_guard(azpay: Azpay, stripe: Sandbox) -> None:
    limits = Limits(largest={"usd": 500}, day_count=1)
    ann = held_to(azpay, permissions=Permissions(charges=limits))

    large = run(ann, "charge", "5.01", "usd", "--method", "pm_card_visa", "--json")
    run(ann, *CHARGE)
    second = run(ann, *CHARGE, "--allow-duplicate", "--json")

    assert [error(each)["code"] for each in (large, second)] == ["over_limit", "over_budget"]
    assert (large.exit_code, second.exit_code) == (6, 6)
    assert len(stripe.charges) == 1


def test_a_file_with_rows_over_the_limit_is_refused_before_the_first_moves(
    azpay: Azpay, stripe: Sandbox, tmp_path: Path
) -> None:
    ann = held_to(azpay, permissions=Permissions(charges=Limits(largest={"usd": 500})))
    file = tmp_path / "charges.csv"
    rows = [(amount, currency, VISA) for amount, currency in (("5", "usd"), ("5.01", "usd"), ("7", "eur"))]
    file.write_bytes(a_sheet(("amount", "currency", "method"), rows))

    planned, ran = (run(ann, "charge", "--file", str(file), *more, "--json") for more in (["--plan"], []))

    for refused in (planned, ran):
        assert (refused.exit_code, error(refused)["code"]) == (6, "over_limit")
        assert "2 rows are over a limit. Nothing was moved." in refused.stderr
        assert "row 3, amount: A charge of USD 5.01 is over the limit: " in refused.stderr
        assert "row 4, amount: A charge of EUR 7.00 is over the limit: " in refused.stderr
    assert stripe.payment_intents == []


def test_whoami_says_who_acts_and_as_what(azpay: Azpay) -> None:
    ann = held_to(azpay, permissions=OPERATOR)

    assert run(ann, "whoami").stdout.splitlines()[-1] == "You       cli:ann, operator"
    data = answer(ann, "whoami", schema="azpay.account/1")
    assert (data["actor"], data["role"]) == ("cli:ann", "operator")


@pytest.mark.parametrize(
    ("actor", "amount", "status", "told"),
    [
        ("ann", "20", 0, "POST /v1/payment_intents"),
        ("ann", "20.01", 6, "cli:ann may charge up to USD 20.00 at once"),
        ("bob", "5", 4, "cli:bob is viewer, and may not charge"),
        ("", "5", 4, "is empty: give it a value, or remove it."),
        ("a b", "5", 4, "a name has letters, digits"),
        (None, "5", 4, f"cli:{pwd.getpwuid(os.getuid()).pw_name} is viewer"),
    ],
)
def test_the_configuration_file_decides_by_the_name_that_is_set_else_by_the_systems(
    sandbox_user: Path,
    monkeypatch: pytest.MonkeyPatch,
    actor: str | None,
    amount: str,
    status: int,
    told: str,
) -> None:
    if actor is not None:
        monkeypatch.setenv("AZPAY_ACTOR", actor)

    result = run(None, "charge", amount, "usd", "--method", "pm_card_visa", "--dry-run")

    assert result.exit_code == status
    assert told in result.output


def test_no_environment_variable_changes_who_may_do_what(
    sandbox_user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZPAY_ACCESS", '{"default_role": "admin"}')

    result = run(None, *CHARGE, "--dry-run")

    assert result.exit_code == 4
    assert "is for a profile of the configuration file alone" in result.stderr


def test_config_shows_who_is_what(sandbox_user: Path) -> None:
    told = run(None, "config", "show").stdout

    assert "viewer by default, cli:ann operator" in told


def test_what_is_written_is_written_by_who_acts(sandbox_user: Path) -> None:
    from azpay import bootstrap, settings
    from azpay.db import actor_of

    loaded = settings.load(
        flags={}, env={"AZPAY_PROFILE": "sandbox", "AZPAY_ACTOR": "ann"}, cwd=sandbox_user.parent
    )
    azpay = bootstrap.wire(loaded, tell=lambda _line: None)

    with azpay.db.reading() as session:
        assert actor_of(session) == "cli:ann"
    assert azpay.guards.permissions.default_role == "viewer"
    azpay.db.close()


def test_a_backup_is_in_the_journal_of_acts_under_who_made_it(
    sandbox_user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZPAY_ACTOR", "ann")
    run(None, "history")

    made = run(None, "db", "backup")

    [entry] = answer(None, "audit", "list", "--action", "book.backed_up", schema="azpay.audit/1")["entries"]
    assert (made.exit_code, entry["actor"]) == (0, "cli:ann")


@pytest.fixture
def shop(azpay: Azpay) -> Azpay:
    """One payment that is held and one that is paid."""
    for request in (
        a_charge(700, reference="held", authorize_only=True),
        a_charge(60000, reference="paid"),
    ):
        payments.charge(azpay.db, azpay.gateway, request, now=azpay.now())
    return azpay


@pytest.mark.parametrize(
    ("words", "path", "parameters"),
    [
        (["capture", "held"], "/v1/payment_intents/{held}/capture", {"amount_to_capture": 700}),
        (["capture", "held", "5"], "/v1/payment_intents/{held}/capture", {"amount_to_capture": 500}),
        (["cancel", "held"], "/v1/payment_intents/{held}/cancel", {}),
        (
            ["cancel", "held", "--reason", "abandoned"],
            "/v1/payment_intents/{held}/cancel",
            {"cancellation_reason": "abandoned"},
        ),
        (["refund", "paid"], "/v1/refunds", {"amount": 60000}),
        (
            ["refund", "paid", "5", "--reason", "duplicate"],
            "/v1/refunds",
            {"amount": 500, "reason": "duplicate"},
        ),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_dry_run_shows_the_request_and_moves_nothing(
    shop: Azpay, stripe: Sandbox, words: list[str], path: str, parameters: dict[str, Any]
) -> None:
    before = _all_there_is(shop, stripe)

    data = answer(shop, *words, "--dry-run", schema="azpay.request/1")

    held = next(each for each in stripe.payment_intents if each["status"] == "requires_capture")
    assert (data["method"], data["path"]) == ("POST", path.format(held=held["id"]))
    assert data["parameters"].items() >= parameters.items()
    assert data["needs_approval"] is False
    assert _all_there_is(shop, stripe) == before


def _all_there_is(azpay: Azpay, stripe: Sandbox) -> object:
    stories = [payments.story(azpay.db, named) for named in ("held", "paid")]
    return (
        [each["status"] for each in stripe.payment_intents],
        len(stripe.refunds),
        [len(story.operations) for story in stories],
    )


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["capture", "paid"], 7),
        (["capture", "held", "8"], 2),
        (["cancel", "paid"], 7),
        (["cancel", "held", "--reason", "boredom"], 2),
        (["refund", "held"], 7),
        (["refund", "paid", "601"], 7),
        (["refund", "order-9"], 1),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_dry_run_of_what_cannot_be_says_so(shop: Azpay, words: list[str], status: int) -> None:
    assert run(shop, *words, "--dry-run").exit_code == status


def test_a_dry_run_says_that_a_second_person_would_be_needed(shop: Azpay) -> None:
    ann = held_to(shop, approval_above=({"usd": 50000},))

    result = run(ann, "refund", "paid", "--dry-run")

    assert "It would wait for somebody else's approval first" in result.stderr
    assert payments.refunds_waiting(ann.db, now=ann.now()) == []


def test_a_dry_run_of_a_refund_that_is_open_shows_that_one(shop: Azpay, stripe: Sandbox) -> None:
    stripe.drop_next_answer(times=4)
    run(shop, "refund", "paid", "5", "--yes")
    [open_] = payments.story(shop.db, "paid").refunds

    data = answer(shop, "refund", "paid", "5", "--dry-run", schema="azpay.request/1")

    assert data["parameters"]["metadata"]["azpay_refund"] == open_.id


@pytest.mark.parametrize(
    ("words", "typed", "status"),
    [
        (["capture", "held"], "7.00\n", 0),
        (["capture", "held", "5"], "5.00\n", 0),
        (["capture", "held", "5"], "7.00\n", 6),
        (["refund", "paid"], "usd 600.00\n", 0),
        (["refund", "paid", "5"], "5.00\n", 0),
        (["refund", "paid", "5"], "y\n", 6),
        (["refund", "paid", "5"], "\n", 6),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else repr(value),
)
def test_in_live_mode_a_person_types_the_amount_again_whichever_way_it_goes(
    shop: Azpay,
    stripe: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    typed: str,
    status: int,
) -> None:
    live = replace(shop, settings=replace(shop.settings, live=True))
    before = _all_there_is(shop, stripe)

    ended, asked = run_at_terminal(monkeypatch, live, *words, typed=typed)

    assert ended == status
    assert any("for real. Type the amount again: " in question for question in asked)
    assert (_all_there_is(shop, stripe) == before) is (status != 0)
