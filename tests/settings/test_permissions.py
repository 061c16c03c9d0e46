"""The table of who may do what: read as it is meant, or refused with the place that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from azpay.settings.permissions import Grant, Limits, Permissions

if TYPE_CHECKING:
    from tests.settings.conftest import Place

WHOLE = """
[profiles.default.access]
default_role = "viewer"
refund_approval_above = ["eur:500.00", "usd:500"]
charges = {largest = "eur:500.00,jpy:60000", day_count = 50}

[profiles.default.access.refunds]
day = "eur:1000.00"
run = "eur:200.00"
run_count = 0

[profiles.default.access.actors."cli:ann"]
role = "admin"
charges.largest = "eur:900.00"

[profiles.default.access.actors.worker]
role = "operator"
"""


def test_a_table_is_read_in_minor_units(place: Place) -> None:
    place.config(WHOLE)

    access = place.load().access

    assert access == Permissions(
        default_role="viewer",
        charges=Limits(largest={"eur": 50000, "jpy": 60000}, day_count=50),
        refunds=Limits(day={"eur": 100000}, run={"eur": 20000}, run_count=0),
        refund_approval_above={"eur": 50000, "usd": 50000},
        actors={
            "cli:ann": Grant(role="admin", charges=Limits(largest={"eur": 90000})),
            "worker": Grant(role="operator"),
        },
    )
    assert str(access) == "viewer by default, cli:ann admin, worker operator"


def test_without_a_table_all_is_allowed(place: Place) -> None:
    assert place.load().access == Permissions(default_role="admin")


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('default_rol = "viewer"', "has 'default_rol'; it may hold actors, charges, default_role"),
        (
            'default_role = "boss"',
            "default_role = 'boss'; a role is one of customer, viewer, operator, admin",
        ),
        ('actors."cli:ann".role = "admin"', "names actors and no default_role"),
        ('default_role = "viewer"\nactors.ann.role = "admin"', "names the actor 'ann'"),
        (
            'default_role = "viewer"\nactors."cli:ann" = "admin"',
            "actors.cli:ann = 'admin', which must be a table",
        ),
        (
            'default_role = "viewer"\nactors."cli:ann".rule = "admin"',
            "has 'actors.cli:ann.rule'; it may hold",
        ),
        ('default_role = "viewer"\nactors."cli:ann".role = 1', "actors.cli:ann.role = 1; a role is one of"),
        ("charges = 5", "charges = 5, which must be a table"),
        ("charges.larges = 5", "has 'charges.larges'; it may hold"),
        ("charges.largest = 500", 'charges.largest = 500; write amounts in quotes: "eur:500.00".'),
        ("charges.largest = [5]", 'charges.largest = [5]; write amounts in quotes: "eur:500.00".'),
        ('charges.largest = "500"', "has charges.largest, which is '500'"),
        ('charges.largest = "eur:5.001"', "not an amount in EUR"),
        ('charges.largest = "eur:5,eur:6"', "names a currency twice"),
        ('charges.day_count = "5"', "charges.day_count = '5'; a whole number from 0"),
        ("charges.day_count = -1", "charges.day_count = -1; a whole number from 0"),
        ("charges.day_count = true", "charges.day_count = True; a whole number from 0"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(place: Place, table: str, problem: str) -> None:
    place.config(f"[profiles.default.access]\n{table}\n")

    (found,) = place.problems()

    assert found.startswith("access, from profile default in ")
    assert problem in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[profiles.default]\naccess = "admin"', "'access', from profile default"),
        ("[profiles.default.host]\na = 1", "must not be a table."),
    ],
)
def test_a_table_stands_where_tables_stand(place: Place, text: str, problem: str) -> None:
    place.config(text)

    (found,) = place.problems()

    assert problem in found


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("AZPAY_ACCESS", "{}", "for a profile of the configuration file alone"),
        ("AZPAY_ACTOR", "ann smith", "a name has letters, digits and . _ @ + - only"),
        ("AZPAY_ACTOR", "-ann", "a name has letters, digits and . _ @ + - only"),
        ("AZPAY_ACTOR", " ", "is empty"),
        ("AZPAY_REFUND_APPROVAL_ABOVE", "500", "Write amounts such as eur:500.00,usd:500.00."),
        ("AZPAY_REFUND_APPROVAL_ABOVE", "eur:-5", "Write amounts such as"),
        ("AZPAY_REFUND_APPROVAL_ABOVE", "xxx:5", "Write amounts such as"),
        ("AZPAY_REFUND_APPROVAL_HOURS", "0", "a whole number from 1 to 720"),
    ],
)
def test_a_guard_that_cannot_be_read_is_a_problem(place: Place, name: str, value: str, problem: str) -> None:
    (found,) = place.problems(**{name: value})

    assert problem in found


def test_a_threshold_is_shown_as_money(place: Place) -> None:
    settings = place.load(AZPAY_REFUND_APPROVAL_ABOVE="eur:500.00, jpy:60000")

    shown = {name: value for name, value, _ in settings.describe()}

    assert shown["refund_approval_above"] == "EUR 500.00, JPY 60000"
