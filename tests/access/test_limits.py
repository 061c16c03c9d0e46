"""How much at once: a limit is never larger than it reads."""

from __future__ import annotations

import pytest

from azpay.access import Guards, Kind, OverLimit, RoleMissing
from azpay.access.limits import limits_for
from azpay.errors import Refused
from azpay.money import Money
from azpay.settings.permissions import Grant, Limits, Permissions

OF_ALL = Limits(largest={"eur": 50000, "jpy": 60000}, day_count=20)
OF_ANN = Limits(largest={"eur": 90000}, run_count=3)


@pytest.fixture
def guards() -> Guards:
    return Guards(
        Permissions(
            charges=OF_ALL,
            refunds=Limits(largest={"eur": 0}),
            actors={"cli:ann": Grant(charges=OF_ANN), "cli:vic": Grant(role="viewer")},
        )
    )


@pytest.mark.parametrize(
    ("actor", "kind", "amount", "currency"),
    [
        ("cli:bob", Kind.CHARGE, 50000, "eur"),
        ("cli:bob", Kind.CHARGE, 60000, "jpy"),
        ("cli:ann", Kind.CHARGE, 90000, "eur"),
    ],
)
def test_up_to_the_limit_is_allowed(
    guards: Guards, actor: str, kind: Kind, amount: int, currency: str
) -> None:
    guards.require_money(actor, kind, Money(amount, currency))


@pytest.mark.parametrize(
    ("actor", "kind", "amount", "currency", "told"),
    [
        ("cli:bob", Kind.CHARGE, 50001, "eur", "cli:bob may charge up to EUR 500.00 at once"),
        ("cli:bob", Kind.CHARGE, 60001, "jpy", "cli:bob may charge up to JPY 60000 at once"),
        ("cli:bob", Kind.CHARGE, 50, "usd", "cli:bob may charge nothing in USD at once"),
        ("cli:ann", Kind.CHARGE, 50, "jpy", "cli:ann may charge nothing in JPY at once"),
        ("cli:ann", Kind.REFUND, 1, "eur", "cli:ann may refund up to EUR 0.00 at once"),
    ],
)
def test_a_minor_unit_more_or_another_currency_is_refused(
    guards: Guards, actor: str, kind: Kind, amount: int, currency: str, told: str
) -> None:
    with pytest.raises(OverLimit) as over:
        guards.require_money(actor, kind, Money(amount, currency))

    assert isinstance(over.value, Refused)
    assert told in over.value.message
    assert "access table" in str(over.value.hint)


def test_the_role_is_looked_at_before_the_amount(guards: Guards) -> None:
    with pytest.raises(RoleMissing):
        guards.require_money("cli:vic", Kind.CHARGE, Money(99999, "eur"))


def test_what_an_actor_has_no_limit_of_its_own_for_is_that_of_everybody(guards: Guards) -> None:
    limits = limits_for(guards.permissions, "cli:ann", Kind.CHARGE)

    assert limits == Limits(largest={"eur": 90000}, day_count=20, run_count=3)


@pytest.mark.parametrize(
    ("thresholds", "needed"),
    [
        ([], False),
        ([{"eur": 50000}], False),
        ([{"eur": 49999}], True),
        ([{"usd": 90000}], True),
        ([{"eur": 90000}, {"eur": 49999}], True),
    ],
)
def test_the_strictest_threshold_asks_for_a_second_person(
    thresholds: list[dict[str, int]], needed: bool
) -> None:
    assert Guards(approval_above=tuple(thresholds)).needs_approval(Money(50000, "eur")) is needed
