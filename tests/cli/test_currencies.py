"""What is typed in any currency is what Stripe receives, and what is shown and exported, to the last unit."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, NamedTuple

import pytest

from azpay.money import CURRENCIES
from azpay.sandbox import currencies as stripes
from tests.cli.running import error, run
from tests.support.sheets import VISA, a_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azpay.bootstrap import Azpay
    from azpay.sandbox import Sandbox

LEFT = sorted(CURRENCIES.keys() - stripes.SUPPORTED)
"""Currencies that Stripe charged in once; old books speak of them."""

ODD = ("isk", "ugx", "huf", "twd", "jpy", *sorted(stripes.THREE_DECIMAL))


class Typed(NamedTuple):
    """What somebody types, and the minor units it is to be. Written by the sandbox, which knows no azpay."""

    currency: str
    major: str
    minor: int


def typed(amount: int, currency: str) -> Typed:
    return Typed(currency, stripes.plain(amount, currency), amount)


def least(currency: str) -> int:
    """What both azpay's table and Stripe take."""
    return max(CURRENCIES[currency].minimum, stripes.minimum(currency))


def largest(currency: str) -> int:
    """Stripe's maximum is nines; some currencies end in noughts."""
    return stripes.maximum(currency) // CURRENCIES[currency].step * CURRENCIES[currency].step


def chargeable() -> Iterator[Typed]:
    """The least and the largest of each currency, and of the odd ones one with a digit in each place."""
    for currency in sorted(stripes.SUPPORTED):
        yield typed(least(currency), currency)
        yield typed(largest(currency), currency)
    for currency in ODD:
        step = CURRENCIES[currency].step
        yield typed(1_234_567 // step * step, currency)


def not_chargeable() -> Iterator[Typed]:
    for currency in sorted(stripes.SUPPORTED):
        known = CURRENCIES[currency]
        whole, _, part = stripes.plain(largest(currency), currency).partition(".")
        yield typed(0, currency)
        yield typed(known.minimum - known.step, currency)
        yield typed(largest(currency) + known.step, currency)
        yield Typed(currency, f"{whole}.{part}1", 0)  # one decimal more than there are


def a_file(folder: Path, rows: list[Typed]) -> str:
    file = folder / "charges.csv"
    titles = ("amount", "currency", "method", "reference")
    lines = [(each.major, each.currency, VISA, f"order-{number}") for number, each in enumerate(rows)]
    file.write_bytes(a_sheet(titles, lines))
    return str(file)


@pytest.mark.slow
def test_what_is_typed_is_what_stripe_receives_and_what_is_shown_and_exported(
    azpay: Azpay, stripe: Sandbox, tmp_path: Path
) -> None:
    rows = list(chargeable())

    ran = run(azpay, "charge", "--file", a_file(tmp_path, rows), "--at-once", "1", "--json")
    sheet = run(azpay, "export", "payments").stdout
    lines = run(azpay, "export", "payments", "--format", "ndjson").stdout.splitlines()

    assert ran.exit_code == 0, ran.stderr
    meant = {f"order-{number}": each for number, each in enumerate(rows)}
    received = {each["metadata"]["azpay_reference"]: each for each in stripe.payment_intents}
    written = {row["reference"]: row for row in csv.DictReader(io.StringIO(sheet.removeprefix("\ufeff")))}
    told = {each["reference"]: each for each in map(json.loads, lines)}
    for name, (currency, major, minor) in meant.items():
        intent, row, document = received[name], written[name], told[name]
        assert (intent["currency"], intent["amount"], intent["amount_received"]) == (currency, minor, minor)
        assert (row["currency"], row["amount"], row["captured"]) == (currency.upper(), major, major)
        assert (document["amount"], document["amount_captured"]) == (minor, minor)
        assert document["display"] == f"{currency.upper()} {major}"
    assert len(received) == len(written) == len(told) == len(rows)


def test_what_no_currency_takes_is_refused_before_anything_moves(
    azpay: Azpay, stripe: Sandbox, tmp_path: Path
) -> None:
    rows = list(not_chargeable())

    told = error(run(azpay, "charge", "--file", a_file(tmp_path, rows), "--json"))

    assert told["message"].startswith(f"{len(rows)} things are wrong in the file. Nothing was moved.")
    assert stripe.payment_intents == []


@pytest.mark.parametrize(
    ("amount", "currency", "echo"),
    [
        ("5000", "ugx", "UGX 5000.00 (500000 minor units)"),
        ("5000.00", "isk", "ISK 5000.00 (500000 minor units)"),
        ("200.50", "huf", "HUF 200.50 (20050 minor units)"),
        ("10.10", "twd", "TWD 10.10 (1010 minor units)"),
        ("5.12", "kwd", "KWD 5.120 (5120 minor units)"),
        ("500", "jpy", "JPY 500 (500 minor units)"),
    ],
)
def test_the_odd_ones_are_echoed_as_they_are_sent(
    azpay: Azpay, stripe: Sandbox, amount: str, currency: str, echo: str
) -> None:
    result = run(azpay, "charge", amount, currency, "--method", VISA)

    sent = stripe.payment_intents[0]["amount"]
    assert result.stderr.splitlines()[0] == f"Charge {echo}"
    assert echo.endswith(f"({sent} minor units)")
    assert result.exit_code == 0


@pytest.mark.parametrize("amount", ["5000.01", "5000.50", "5000.000", "0.99"])
@pytest.mark.parametrize("currency", ["ugx", "isk"])
def test_a_fraction_of_what_has_no_fractions_is_refused(
    azpay: Azpay, stripe: Sandbox, amount: str, currency: str
) -> None:
    result = run(azpay, "charge", amount, currency, "--method", VISA)

    assert result.exit_code == 2
    assert stripe.payment_intents == []


def test_a_thousandth_that_card_networks_lose_is_refused(azpay: Azpay, stripe: Sandbox) -> None:
    assert run(azpay, "charge", "5.125", "kwd", "--method", VISA).exit_code == 2
    assert stripe.payment_intents == []


@pytest.mark.parametrize("currency", LEFT)
def test_a_currency_that_is_no_more_is_refused_by_stripe_and_nothing_moves(
    azpay: Azpay, stripe: Sandbox, currency: str
) -> None:
    result = run(azpay, "charge", "500.00", currency, "--method", VISA)

    assert result.exit_code == 1
    assert stripe.payment_intents == []
