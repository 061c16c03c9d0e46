"""`azpay seed`: test payments, the same every time."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.cli.tables import Column, Fields, Table
from azpay.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from azpay.bootstrap import Azpay
    from azpay.payments import Payment

CUSTOMERS = ("ada", "blaise", "carl", "dorothy", "emmy", "grace", "kurt", "sofia")
GOOD = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_visa_debit")
BAD = (
    "pm_card_visa_chargeDeclined",
    "pm_card_visa_chargeDeclinedInsufficientFunds",
    "pm_card_chargeDeclinedExpiredCard",
)
CURRENCIES = ("usd", "usd", "usd", "eur", "eur", "gbp", "jpy")
DECLINED, REFUNDED, PART = 12, 8, 50
"""Of a hundred payments so many are declined and so many refunded; of a hundred refunds so many in part."""


class SeededBefore(Conflict):
    """This Stripe has these payments already, made from another book."""

    code = "seeded_before"

    def __init__(self, number: int) -> None:
        super().__init__(
            f"The payments of seed {number} were made at this Stripe before, and recorded in another book.",
            hint=f"Use another number, such as --seed {number + 1}, or a new sandbox.",
        )


@dataclass(frozen=True, slots=True)
class Past:
    """What the sandbox is asked for."""

    payments: int
    months: int
    seed: int


@dataclass(frozen=True, slots=True)
class Planned:
    """One payment to make, known beforehand to the last digit."""

    reference: str
    amount: int
    currency: str
    method: str
    email: str
    refund: int


def seed(
    ctx: typer.Context,
    payments: Annotated[int, typer.Option("--payments", metavar="N", min=1, max=1_000_000)] = 100,
    number: Annotated[int, typer.Option("--seed", metavar="N", help="Another number, other payments.")] = 1,
    months: Annotated[
        int | None,
        typer.Option(metavar="M", min=1, max=60, help="Give a sandbox a past of so many months."),
    ] = None,
) -> None:
    """Make test payments, declines and refunds, the same every time.

    Examples:

        azpay sandbox &                                # in another terminal
        azpay seed --payments 200 --profile sandbox
        azpay seed --seed 2 --profile sandbox          # 100 others
        azpay seed --payments 100000 --months 6 --profile sandbox

    Run twice, it makes each payment once. Works in the sandbox and in Stripe's test mode, never in live mode.

    With --months, nothing is charged: a sandbox is given a past, with customers who come back, several
    currencies, declines, refunds, disputes and daily payouts. It has one past, and it ends where the sandbox
    began. The book hears of it by `azpay reconcile`.
    """
    from azpay.cli import wiring
    from azpay.errors import Refused

    settings = wiring.unlocked_settings_of(ctx)
    if settings.live:
        raise Refused(
            "This profile is live; made-up payments belong in test mode.", hint="Use --profile sandbox."
        )
    if months is None:
        _charge(ctx, payments, number)
    else:
        _write_past(ctx, settings.stripe_api_base, Past(payments, months, number))


def _charge(ctx: typer.Context, payments: int, number: int) -> None:
    from azpay.access import Action
    from azpay.cli import output, wiring

    azpay = wiring.azpay_of(ctx, Action.CHARGE)
    plan = list(planned(payments, number))
    counts = Counter(_make(azpay, each, number) for each in _shown(plan))
    output.emit(
        ctx,
        schema="azpay.seed/1",
        data={"seed": number, "payments": payments, **dict(sorted(counts.items()))},
        human=Table(
            [Column("Outcome"), Column("Payments", right=True)],
            [[outcome, str(count)] for outcome, count in sorted(counts.items())],
        ),
    )


def _write_past(ctx: typer.Context, stripe: str, past: Past) -> None:
    from azpay.cli import output

    progress = _written(stripe, past)
    data: dict[str, object] = {"seed": past.seed, "payments": past.payments, "months": past.months}
    since, until = (datetime.fromtimestamp(progress[name], UTC) for name in ("since", "until"))
    data |= {"since": since.isoformat(), "until": until.isoformat()}
    pairs = [("Payments", f"{past.payments:,}"), ("From", since.date().isoformat())]
    pairs += [("Until", until.date().isoformat()), ("Seed", str(past.seed))]
    output.emit(ctx, schema="azpay.past/1", data=data, human=Fields(pairs, title="A past for the sandbox"))
    output.say(
        ctx,
        "The book has not heard of it: azpay reconcile compares, and its --plan takes in what is missing.",
    )


def _written(stripe: str, past: Past) -> dict[str, Any]:
    """Slice by slice, so that the sandbox goes on answering others."""
    from azpay.cli.sandboxes import ask

    with _bar(past.payments) as advance:
        made, done = 0, False
        while not done:
            progress = ask(stripe, "seed", asdict(past))
            advance(progress["made"] - made)
            made, done = progress["made"], progress["done"]
    return progress


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """What to call with each step; a progress bar when somebody looks."""
    if not sys.stderr.isatty():
        yield lambda _step: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Writing", total=total)
        yield lambda step: progress.advance(task, step)


def planned(count: int, number: int) -> Iterator[Planned]:
    """The same for the same seed, whatever the machine; a longer plan begins with the shorter one."""
    chance = Random(number)  # noqa: S311 - believable figures, not secrets
    for index in range(count):
        currency = chance.choice(CURRENCIES)
        amount = chance.randrange(300, 250_00) if currency != "jpy" else chance.randrange(300, 30_000)
        declined = chance.randrange(100) < DECLINED
        refunded = chance.randrange(100) < REFUNDED
        part = chance.randrange(100) < PART
        yield Planned(
            reference=f"seed-{number}-{index + 1:06d}",
            amount=amount,
            currency=currency,
            method=chance.choice(BAD if declined else GOOD),
            email=f"{chance.choice(CUSTOMERS)}@example.com",
            refund=0 if declined or not refunded else amount // 3 if part else amount,
        )


def _make(azpay: Azpay, each: Planned, number: int) -> str:
    from azpay import payments
    from azpay.errors import Declined
    from azpay.gateway import KeyReused
    from azpay.money import Money

    request = payments.ChargeRequest(
        money=Money(each.amount, each.currency),
        payment_method=each.method,
        receipt_email=each.email,
        reference=each.reference,
        description="A test payment",
        metadata={"seed": str(number)},
        idempotency_key=f"azpay-{each.reference}",
    )
    try:
        payment = payments.charge(azpay.db, azpay.gateway, request, now=azpay.now(), guards=azpay.guards)
    except Declined:
        return "declined"
    except KeyReused as error:
        raise SeededBefore(number) from error
    return _refund(azpay, payment, each) if each.refund else "succeeded"


def _refund(azpay: Azpay, payment: Payment, each: Planned) -> str:
    from azpay import payments

    request = payments.RefundRequest(
        payment=payment.id, amount=each.refund, idempotency_key=f"azpay-refund-{each.reference}"
    )
    payments.refund(azpay.db, azpay.gateway, request, now=azpay.now(), guards=azpay.guards)
    return "refunded" if each.refund == each.amount else "refunded in part"


def _shown(plan: list[Planned]) -> Iterable[Planned]:
    """With a progress bar when somebody looks."""
    if not sys.stderr.isatty():
        return plan
    from rich.console import Console
    from rich.progress import track

    return track(plan, description="Seeding", console=Console(stderr=True), transient=True)
