"""`azpay demo`: a day in the life, through real parts, in seconds."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from azpay.errors import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azpay.cli.stage import Stage

ADA = "ada@example.com"
REFUND_EVENTS = ["refund.created", "refund.updated", "charge.refunded", "charge.refund.updated"]
LOST = 700
CHARGED = ("order-1001", "order-1003", "order-1004")

_ENDS = (signal.SIGTERM, signal.SIGHUP)
_told: list[int] = []


class FolderTaken(Usage):
    """The demo writes into an empty folder, or makes one."""

    code = "folder_taken"


def demo(
    ctx: typer.Context,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Leave everything in DIR, to look at later.")
    ] = None,
) -> None:
    """A day in the life: charges, a decline, a refund, webhooks, a receipt, and the proof that it adds up.

    Examples:

        azpay demo
        azpay demo --keep day      # then: look into day/
        azpay demo --json

    Runs a sandbox and the daemon as real processes on this machine; needs no key and no network. Exit
    status 0 only if every figure agreed.
    """
    from azpay.cli import output
    from azpay.cli.options import globals_of
    from azpay.cli.stage import Stage
    from azpay.cli.terminal import is_coloured

    began = time.monotonic()
    silent = globals_of(ctx).json or globals_of(ctx).quiet
    show = _nothing if silent else _aloud
    with (
        _ended_in_order(),
        _folder(keep) as folder,
        Stage(folder, show=show, colour=is_coloured(sys.stdout)) as stage,
    ):
        _live_a_day(stage, show)
        figures = _figures(stage)
    figures["seconds"] = int(time.monotonic() - began)
    output.emit(ctx, schema="azpay.demo/1", data=figures, human=_table(figures))
    if keep is not None:
        output.say(ctx, f"Everything is in {keep}: the book, the receipt, the logs.")
    if not figures["agreed"]:
        raise typer.Exit(1)


def _live_a_day(stage: Stage, show: Any) -> None:
    show(f"\nA sandbox listens on {stage.stripe}, the daemon on {stage.daemon}.")
    for scene in (_morning, _noon, _afternoon, _evening, _night):
        show(f"\n── {scene.__doc__} ".ljust(79, "─"))
        scene(stage, show)
        _leave_if_told()


def _morning(stage: Stage, _show: Any) -> None:
    """Morning: a customer, a sale, a decline"""
    stage.type("methods", "add", "pm_card_visa", "--customer", ADA, "--default")
    stage.type("charge", "19.99", "usd", "--customer", ADA, "--reference", "order-1001")
    declined = "pm_card_visa_chargeDeclinedInsufficientFunds"
    stage.type("charge", "45.00", "eur", "--method", declined, "--reference", "order-1002", expect=3)


def _noon(stage: Stage, _show: Any) -> None:
    """Noon: hold first, take later; and a currency without cents"""
    stage.type("charge", "120.00", "eur", "--customer", ADA, "--reference", "order-1003", "--authorize-only")
    stage.type("capture", "order-1003", "95.50")
    stage.type("charge", "5800", "jpy", "--customer", ADA, "--reference", "order-1004")
    stage.type("refund", "order-1001", "5.00", "--reason", "requested_by_customer", "--yes")


def _afternoon(stage: Stage, show: Any) -> None:
    """Afternoon: Stripe's webhooks have come in, with the fees"""
    stage.wait_until("the webhooks", lambda: _all_told(stage))
    show(f"\n{stage.sandbox('state')['objects']['event']} events were delivered and applied.")
    stage.type("history")
    stage.type("history", "order-1001")
    stage.type("receipt", "order-1001", "-o", "receipt.pdf")


def _evening(stage: Stage, _show: Any) -> None:
    """Evening: does it add up?"""
    stage.type("reconcile")


def _night(stage: Stage, show: Any) -> None:
    """Night: a webhook is lost, and the money it spoke of is found"""
    intent = stage.ask("history", "order-1004")["payment"]["payment_intent"]
    stage.sandbox("faults", {"lose_events": REFUND_EVENTS})
    show(f"\nSomeone refunds JPY {LOST} of order-1004 in Stripe's dashboard, and its webhooks never arrive.")
    _refund_elsewhere(stage, intent)
    stage.type("reconcile", "--plan", "repairs.json", expect=9)
    stage.type("reconcile", "apply", "repairs.json")
    stage.type("reconcile")


def _refund_elsewhere(stage: Stage, intent: str) -> None:
    """What the dashboard does: a call of Stripe's API that azpay knows nothing of."""
    from azpay.gateway import stripe
    from azpay.sandbox import DEFAULT_KEY

    dashboard = stripe.connect(DEFAULT_KEY, stage.stripe)
    dashboard.create_refund({"payment_intent": intent, "amount": LOST}, key="made-in-the-dashboard")


def _all_told(stage: Stage) -> bool:
    """Every event is delivered and applied, and the ledger lines with the fees are here."""
    from azpay import inbox, payments
    from azpay.credentials import RootKey
    from azpay.db import Database, Ring
    from azpay.settings.rules import SANDBOX_ENCRYPTION_KEY

    if stage.sandbox("state")["undelivered_events"]:
        return False
    ring = Ring.of(RootKey.read(SANDBOX_ENCRYPTION_KEY))
    db = Database.open(f"sqlite:///{stage.folder / 'data' / 'sandbox.db'}", ring)
    try:
        settled = all(payments.story(db, reference).lines for reference in CHARGED)
        return settled and inbox.backlog(db).waiting == 0
    finally:
        db.close()


def _figures(stage: Stage) -> dict[str, Any]:
    """What Stripe says moved, and what our book says, side by side."""
    there, here = stage.sandbox("state"), stage.ask("history", "--limit", "1000")["payments"]
    captured, refunded = Counter[str](), Counter[str]()
    for payment in here:
        captured[payment["currency"]] += payment["amount_captured"]
        refunded[payment["currency"]] += payment["amount_refunded"]
    figures = {
        "captured": {"stripe": there["payments"], "azpay": _nonzero(captured)},
        "refunded": {"stripe": there["refunds"], "azpay": _nonzero(refunded)},
        "payments": {"stripe": there["objects"]["payment_intent"], "azpay": len(here)},
    }
    agreed = all(each["stripe"] == each["azpay"] for each in figures.values())
    return {**figures, "agreed": agreed}


def _nonzero(sums: Counter[str]) -> dict[str, int]:
    return {currency: amount for currency, amount in sorted(sums.items()) if amount}


def _table(figures: dict[str, Any]) -> list[Any]:
    from azpay.cli.tables import Column, Table

    rows = []
    for what in ("captured", "refunded"):
        there, here = figures[what]["stripe"], figures[what]["azpay"]
        rows += [
            _compared(what, code, there.get(code, 0), here.get(code, 0)) for code in sorted({*there, *here})
        ]
    counts = figures["payments"]
    rows.append(["payments", str(counts["stripe"]), str(counts["azpay"]), _same(*counts.values())])
    columns = [
        Column("At the end of the day"),
        Column("Stripe", right=True),
        Column("azpay", right=True),
        Column("", style={"agree": "green", "DIFFER": "bold red"}),
    ]
    verdict = "Every figure agrees" if figures["agreed"] else "The figures do not agree"
    return ["", Table(columns, rows), f"\n{verdict}, after {figures['seconds']} s."]


def _compared(what: str, currency: str, there: int, here: int) -> list[str]:
    from azpay.money import Money

    return [what, Money(there, currency).display(), Money(here, currency).display(), _same(there, here)]


def _same(there: int, here: int) -> str:
    return "agree" if there == here else "DIFFER"


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Being told to end, or losing the terminal, also ends what the demo started.

    Python drops what a handler raises inside a finalizer or a hook of `fork`, so what was told is also
    remembered, and raised again where the next scene would begin.
    """
    before = {number: signal.signal(number, _leave) for number in (signal.SIGINT, *_ENDS)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _told.clear()


def _leave(number: int, _frame: object) -> None:
    _told.append(number)
    _leave_if_told()


def _leave_if_told() -> None:
    if not _told:
        return
    if _told[0] == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + _told[0])


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="azpay-demo-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    if keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise FolderTaken(f"{keep} exists and is not empty.", hint="Name a folder that does not exist yet.")
    keep.mkdir(parents=True, exist_ok=True, mode=0o700)
    yield keep.resolve()


def _aloud(text: str) -> None:
    sys.stdout.write(text.rstrip() + "\n")
    sys.stdout.flush()


def _nothing(_text: str) -> None:
    return
